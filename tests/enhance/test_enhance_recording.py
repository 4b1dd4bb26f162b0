"""Two prompts with the recorded answers of a careful reader."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from benchmarks.enhance import load, lost
from instancecap.enhance import Enhanced, EnhanceOptions, ask_model
from instancecap.enhance.faithful import forbidden
from instancecap.mllm.scripted import ReplayBackend
from instancecap.render.targets import find_target

RECORDING = Path(__file__).resolve().parents[2] / "examples" / "recordings" / "prompts.jsonl"
OPTIONS = EnhanceOptions(target=find_target("wan2.2"))


def replayed(prompt: str) -> Enhanced:
    backend = ReplayBackend(RECORDING, model="reader")
    (result,) = asyncio.run(ask_model(prompt, backend, options=OPTIONS))
    return result


@pytest.mark.parametrize(
    ("prompt", "names", "counts"),
    [
        ("Three kids chase a paper kite along a windy beach",
         ["the three kids", "the paper kite"], [3, 1]),
        ("A white rabbit in a black top hat bows",
         ["the white rabbit", "the black top hat"], [1, 1]),
    ],
)  # fmt: skip
def test_the_recorded_answers_make_the_prompts_of_the_documents(
    prompt: str, names: list[str], counts: list[int]
) -> None:
    result = replayed(prompt)
    assert [one.name for one in result.caption.instances] == names
    assert [one.count for one in result.caption.instances] == counts
    assert not result.missing and not result.problem
    assert not list(lost(next(one for one in load() if one.prompt == prompt), result))
    assert not forbidden(result.caption, OPTIONS.words.negative, prompt)
    assert not set(result.caption.leaves()) - set(result.caption.provenance)
    assert result.prose == "model" and len(result.prompt.split()) > 120
