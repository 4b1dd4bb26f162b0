"""Evidence is numbers and closed words, kept without loss."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from instancecap.errors import FormatError
from instancecap.schema import Evidence
from tests import strategies
from tests.schema.design_examples import EVIDENCE
from tests.tables import cases

SCHEMA = Path(__file__).parents[2] / "docs" / "schema" / "evidence.v1.schema.json"


ONE, MOTION = EVIDENCE["instances"][0], {"moving": True, "scale_change": 0}


def holds(given_value: Any, kept: Any) -> bool:
    """Whether all of ``given_value`` stands in ``kept``, which may have more fields."""
    if isinstance(given_value, dict):
        return all(holds(value, kept[key]) for key, value in given_value.items())
    if isinstance(given_value, list):
        return len(given_value) == len(kept) and all(map(holds, given_value, kept))
    return bool(given_value == kept)


@given(strategies.evidences)
def test_json_loses_nothing(evidence: Evidence) -> None:
    assert Evidence.from_json(evidence.to_json()) == evidence


@given(strategies.evidences)
def test_evidence_fits_the_published_schema(evidence: Evidence) -> None:
    validator = Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    errors = validator.iter_errors(json.loads(evidence.to_json()))
    assert [error.message for error in errors] == []


def test_design_example_is_kept() -> None:
    evidence = Evidence.from_json(json.dumps(EVIDENCE))
    assert holds(EVIDENCE, json.loads(evidence.to_json()))
    assert Evidence.from_json(evidence.to_json()) == evidence
    assert evidence.instances[0].colors == [("white", 0.5), ("blue", 0.3)]


def test_evidence_must_have_a_video() -> None:
    with pytest.raises(FormatError, match=r"a\.json: not a valid evidence: /video"):
        Evidence.from_json('{"video": null}', source="a.json")


@pytest.mark.parametrize(("part", "field", "value", "place"), cases(__file__, "faults_are_placed"))
def test_faults_are_placed(part: str, field: Any, value: Any, place: str) -> None:
    document = copy.deepcopy(EVIDENCE)
    document[part][field] = value
    with pytest.raises(FormatError, match=place):
        Evidence.from_json(json.dumps(document))
