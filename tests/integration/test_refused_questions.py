"""A server that refuses every question: the clip is not done, and the same command asks again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.users import asking, captions_in, saying
from tests.mllm.server import error_body, serve
from tests.program import Run

MakeVideo = Callable[..., Path]


def replied(asked: dict[str, Any], content: Any, finish: str = "stop", **more: Any) -> Any:
    """An answer with status 200."""
    message = {"role": "assistant", "content": content, **more}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return 200, {"object": "chat.completion", "model": asked["model"], "choices": [choice]}


REFUSALS: dict[str, Callable[[dict[str, Any]], tuple[int, Any]]] = {
    "image limit": lambda _: (400, error_body("At most 1 image(s) may be provided in one prompt.")),
    "context length": lambda _: (
        400,
        error_body("This model's maximum context length is 64 tokens; you requested 5120 tokens."),
    ),
    "no system role": lambda _: (400, error_body("System role not supported")),
    "content filter": lambda _: (400, error_body("blocked by the content management policy")),
    "filtered answer": lambda asked: replied(asked, "", "content_filter"),
    "refusal in prose": lambda asked: replied(asked, "I'm sorry, but I can't help with that."),
    "refusal field": lambda asked: replied(asked, None, refusal="I can't help with that."),
    "Markdown": lambda asked: replied(asked, "**Video:** a square moves.\n\n- one\n- two"),
    "all thinking": lambda asked: replied(asked, "", "length", reasoning="Let me see. " * 50),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_what_is_refused_is_not_done(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None, kind: str
) -> None:
    clip, out = make_video(tmp_path / "clip.mp4", frames=2), tmp_path / "o"

    def refuse(asked: dict[str, Any], size: int) -> tuple[int, Any]:
        return REFUSALS[kind](asked)

    with serve(refusal=refuse) as url:
        ran = run("caption", clip, *asking(url, "--attempts", "2"), "--out", out)
    assert ran.status in (1, 2) and "1 done" not in ran.err, ran.err
    if ran.status == 1:  # else the run was stopped with one line
        told = json.loads(run("status", out, "--json").out)
        assert told["done"] == 0 and told["partial"] + told["failed"] == 1
        assert "partial: " in ran.err or "failed: " in ran.err
    with serve(saying()) as url:
        ran = run("caption", clip, *asking(url), "--out", out, "--retry-failed")
    assert ran.status == 0, ran.err
    (caption,) = captions_in(out).values()
    assert caption.global_description == "Said of global description."
