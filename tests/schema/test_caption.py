"""The caption's contract: closed, lossless, and published as it is."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from examples.schema import main, published_files
from instancecap.errors import FormatError
from instancecap.schema import Caption, Evidence
from tests import strategies
from tests.schema.design_examples import CAPTION
from tests.tables import cases

PUBLISHED = Path(__file__).parents[2] / "docs" / "schema"
MAPS = (("provenance",), ("producer", "models"))
"""Objects whose keys are data."""

Way = tuple[str | int, ...]


def objects(value: Any, way: Way = ()) -> Iterator[Way]:
    """The way to every object inside a JSON value."""
    if isinstance(value, dict):
        yield way
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        if isinstance(child, dict | list):
            yield from objects(child, (*way, key))


def change_at(document: dict[str, Any], way: Way, value: Any) -> dict[str, Any]:
    """A copy of ``document`` with another value at the end of ``way``."""
    changed = copy.deepcopy(document)
    place: Any = changed
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = value
    return changed


def change(document: dict[str, Any], pointer: str, value: Any) -> dict[str, Any]:
    """As :func:`change_at`, by a JSON pointer."""
    way = (int(key) if key.isdigit() else key for key in pointer.split("/")[1:])
    return change_at(document, tuple(way), value)


@given(strategies.captions)
def test_json_loses_nothing(caption: Caption) -> None:
    assert Caption.from_json(caption.to_json()) == caption
    assert Caption.from_json(caption.to_json(indent=None).encode()) == caption


def test_design_example_comes_back_as_it_was() -> None:
    caption = Caption.from_json(json.dumps(CAPTION))
    assert json.loads(caption.to_json()) == CAPTION
    assert list(json.loads(caption.to_json())) == list(CAPTION)
    assert caption.instances[0].class_ == "car"


def test_caption_of_a_prompt_has_no_video_and_must_say_so() -> None:
    assert Caption.from_json('{"video": null}') == Caption(video=None)
    with pytest.raises(FormatError, match="/video: Field required"):
        Caption.from_json("{}")


@pytest.mark.parametrize("way", [way for way in objects(CAPTION) if way not in MAPS], ids=str)
def test_unknown_fields_are_refused_everywhere(way: Way) -> None:
    changed = change_at(CAPTION, (*way, "invented"), "x")
    with pytest.raises(FormatError, match="/invented: Extra inputs are not permitted"):
        Caption.from_json(json.dumps(changed))


@pytest.mark.parametrize("pointer", cases(__file__, "vocabularies_are_closed"))
def test_vocabularies_are_closed(pointer: str) -> None:
    with pytest.raises(FormatError, match=f"{pointer}: Input should be '[^(]*$"):
        Caption.from_json(json.dumps(change(CAPTION, pointer, "sideways")))


@pytest.mark.parametrize("pointer", ["/camera/motion", "/shots/0/motion"])
@pytest.mark.parametrize(
    ("motion", "reason"), cases(__file__, "camera_motion_is_a_set_of_primitives")
)
def test_camera_motion_is_a_set_of_primitives(pointer: str, motion: list[str], reason: str) -> None:
    with pytest.raises(FormatError, match=f"{pointer}.*{reason}"):
        Caption.from_json(json.dumps(change(CAPTION, pointer, motion)))


@pytest.mark.parametrize(
    ("pointer", "value", "reason"),
    [
        ("/instances/0/count", 0, "greater than or equal to 1"),
        ("/instances/0/id", -1, "greater than or equal to 0"),
        ("/video/width", -1, "greater than or equal to 0"),
        ("/shots/0/start", -0.1, "greater than or equal to 0"),
        ("/claims/0/confidence", 1.1, "less than or equal to 1"),
        ("/background", None, "valid string"),
        ("/instances", None, "valid array"),
    ],
)
def test_values_out_of_range_are_refused(pointer: str, value: Any, reason: str) -> None:
    with pytest.raises(FormatError, match=f"{pointer}: .*{reason}"):
        Caption.from_json(json.dumps(change(CAPTION, pointer, value)))


def test_two_instances_cannot_share_an_id() -> None:
    twice = change(CAPTION, "/instances", CAPTION["instances"] * 2)
    with pytest.raises(FormatError, match=r"instance ids must differ, got \[0, 0\]"):
        Caption.from_json(json.dumps(twice))


def test_names_are_unique_and_actors_exist() -> None:
    other = {**CAPTION["instances"][0], "id": 1, "name": "The white car"}
    twice = change(CAPTION, "/instances", [CAPTION["instances"][0], other])
    with pytest.raises(FormatError, match="instance names must differ"):
        Caption.from_json(json.dumps(twice))
    nameless = [{**one, "name": ""} for one in twice["instances"]]
    assert Caption.from_json(json.dumps({**twice, "instances": nameless})).instances[1].name == ""
    unknown = change(CAPTION, "/segments/0/instances", [0, 5])
    with pytest.raises(FormatError, match=r"segments name instances \[5\], there are \[0\]"):
        Caption.from_json(json.dumps(unknown))


def test_only_a_claim_can_be_disputed() -> None:
    disputed = change(CAPTION, "/claims/0/support", "disputed")
    assert Caption.from_json(json.dumps(disputed)).claims[0].support == "disputed"
    provenance = {"/place": {"source": "x", "confidence": 0.5, "support": "disputed"}}
    with pytest.raises(FormatError, match="/support: Input should be 'measured'"):
        Caption.from_json(json.dumps({**CAPTION, "provenance": provenance}))


def test_leaves_are_what_a_person_reads() -> None:
    caption = Caption.from_json(json.dumps(CAPTION))
    assert list(caption.leaves()) == [
        "/global_description",
        *(f"/instances/0/{name}" for name in ("name", "class", "category", "subcategory")),
        *(f"/instances/0/{name}" for name in ("appearance", "action", "colors")),
        *(f"/instances/0/position/{name}" for name in ("text", "start", "end")),
        *("/background", "/place", "/lighting", "/time_of_day", "/style", "/camera/motion"),
        *(f"/camera/{name}" for name in ("stability", "description", "shot_type", "shot_angle")),
        *("/camera/shot_position", "/texts/0/text", "/shots/0/transition", "/shots/0/motion"),
        *("/shots/0/shot_type", "/segments/0/description"),
    ]


def test_leaves_go_by_the_instances_id_not_its_place() -> None:
    moved = change(change(CAPTION, "/instances/0/id", 7), "/segments/0/instances", [7])
    leaves = Caption.from_json(json.dumps(moved)).leaves()
    assert leaves["/instances/7/colors"] == ["white", "blue"]
    assert "/instances/0/colors" not in leaves


def test_published_schema_is_up_to_date(tmp_path: Path) -> None:
    main(str(tmp_path))
    for name in published_files():
        fresh = (tmp_path / name).read_text(encoding="utf-8")
        assert (PUBLISHED / name).read_text(encoding="utf-8") == fresh, "stale: run `make schema`"
    assert {path.name for path in PUBLISHED.iterdir()} == set(published_files())


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    published = json.loads((PUBLISHED / "caption.v1.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(published)
    return Draft202012Validator(published)


@given(caption=strategies.captions)
def test_captions_fit_the_published_schema(schema: Draft202012Validator, caption: Caption) -> None:
    assert [error.message for error in schema.iter_errors(json.loads(caption.to_json()))] == []


def test_published_schema_is_as_strict(schema: Draft202012Validator) -> None:
    assert schema.is_valid(CAPTION)
    for pointer, value in {"/invented": 1, "/place": "moon", "/camera/motion": ["dolly"]}.items():
        assert not schema.is_valid(change(CAPTION, pointer, value))


def test_published_schema_names_every_field() -> None:
    for document in (Caption, Evidence):
        fields = {field.alias or name for name, field in document.model_fields.items()}
        assert set(document.published_schema()["properties"]) == fields


def test_a_fault_is_told_in_our_own_words() -> None:
    twins = [{"id": 1, "class": "dog"}, {"id": 1, "class": "cat"}]
    with pytest.raises(FormatError) as raised:
        Caption.from_json(json.dumps({**CAPTION, "instances": twins}))
    assert "Value error" not in str(raised.value)
