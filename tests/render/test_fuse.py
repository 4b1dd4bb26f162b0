"""A language model's wording is kept only where it claims the same."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from instancecap.datasets.captions import Row
from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.render import Prompt, RenderOptions, find_target, render
from instancecap.render.batch import render_all
from instancecap.render.fuse import find_fault, fuse
from instancecap.render.targets import counter_for
from instancecap.schema.caption import Caption
from tests.render.rich_captions import rich
from tests.tables import cases

CAPTION = Caption.model_validate(
    {
        "video": None,
        "instances": [
            {"id": 0, "class": "dog", "appearance": "a brown dog",
             "action": "Moves to the right."},
            {"id": 1, "class": "person", "appearance": "a person in blue",
             "action": "Moves to the left."},
        ],
        "camera": {"motion": ["pan_left"], "description": "The camera pans left."},
    }
)  # fmt: skip
BEFORE = "A brown dog moves to the right. A person in blue moves to the left. The camera pans left."


class Answers(Backend):
    """Says what it was given, in order."""

    model = "fake"

    def __init__(self, *answers: Reply | ModelError) -> None:
        self.answers, self.asked = answers, list[Request]()

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        self.asked += requests
        return list(self.answers[: len(requests)])


def polish(answer: Reply | ModelError, *, target: str = "skyreels-v2", **options: str) -> Prompt:
    prompt = render(CAPTION, target=target, **options)  # type: ignore[arg-type]
    counter = counter_for(find_target(target))
    (done,) = asyncio.run(fuse([CAPTION], [prompt], Answers(answer), counter=counter))
    return done


def test_the_same_claims_in_other_words_are_kept() -> None:
    assert render(CAPTION, target="skyreels-v2").text == BEFORE
    text = "As the camera pans left, a brown dog moves to the right while a person in blue moves to the left."  # noqa: E501
    done = polish(Reply(f'"{text}"\n'))
    assert (done.text, done.fused) == (text, "model")
    assert done.tokens == counter_for(find_target("skyreels-v2")).count(text)


@pytest.mark.parametrize(
    ("answer", "fault"), cases(__file__, "a_claim_gained_lost_or_moved_is_refused")
)
def test_a_claim_gained_lost_or_moved_is_refused(answer: str, fault: str) -> None:
    done = polish(Reply(answer))
    assert done.text == BEFORE and done.fused.startswith(fault), done.fused


def test_no_answer_and_half_an_answer_are_refused() -> None:
    assert polish(ModelError("timeout")).fused == "no answer: timeout"
    done = polish(Reply(BEFORE, finish="length"))
    assert (done.text, done.fused) == (BEFORE, "the answer was cut off")


def test_an_answer_over_the_limit_is_refused() -> None:
    text = f"{BEFORE} " + "The dog, the dog, the dog. " * 40
    assert polish(Reply(text), target="ltx-video").fused.startswith("too long")


def test_json_and_tags_are_not_asked() -> None:
    assert polish(Reply("never"), target="cosmos3").fused == ""
    assert polish(Reply("never"), length="tags").fused == ""


def test_prompts_pass_their_own_check() -> None:
    for name in ("park", "kitchen", "race"):
        for target in ("wan2.2", "ltx-video", "hunyuanvideo"):
            text = render(rich(name), target=target).text
            assert find_fault(text, text, rich(name)) == ""


def test_rows_stay_in_step_when_fused() -> None:
    rows = [Row("a", CAPTION, "a"), Row("b", None, "b", "broken"), Row("c", CAPTION, "c")]
    backend = Answers(Reply("A cat."), Reply(BEFORE))
    options = RenderOptions(target=find_target("skyreels-v2"))
    found = list(render_all(rows, options, backend=backend))
    assert [[one.fused[:6] for one in row.prompts] for row in found] == [["gained"], [], ["model"]]
    assert len(backend.asked) == 2 and found[1].error == "broken"
