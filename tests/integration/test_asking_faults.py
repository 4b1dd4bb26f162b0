"""A server on which every third call fails: no clip is lost, and no caption is written half."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import refusals
from tests.integration.users import asking, captions_in, questions, saying, schema_of
from tests.mllm.server import FAULTS, serve
from tests.program import Run

MakeVideo = Callable[..., Path]


@pytest.mark.parametrize("keeps_schemas", [True, False])
def test_no_clip_is_lost(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None, keeps_schemas: bool
) -> None:
    rows = []
    for index in range(3):
        path = make_video(tmp_path / f"{index}.mp4", frames=2 + index)
        rows += [{"path": str(path), "id": f"{index}-{copy}"} for copy in range(10)]
    manifest = tmp_path / "clips.jsonl"
    manifest.write_text("\n".join(map(json.dumps, rows)))
    shares = {fault: 0.3 / len(FAULTS) for fault in FAULTS}
    seen: list[dict[str, Any]] = []
    failed: Counter[str] = Counter()
    with serve(
        saying(ignore_schemas=not keeps_schemas),
        shares,
        seed=3,
        enforce=keeps_schemas,
        stall=2.5,
        seen=seen,
        failed=failed,
    ) as url:
        ran = run("caption", manifest, *asking(url, "--mllm-timeout", "1"), "--out", tmp_path / "o")
    assert ran.status == 0, ran.err
    captions = captions_in(tmp_path / "o")
    assert set(captions) == {row["id"] for row in rows}
    assert failed.total() > 0.2 * len(seen) and len(failed) > 5
    assert len(questions(seen)) > len(rows)
    for name, caption in captions.items():
        assert caption.video is not None and caption.video.id == name
        assert caption.producer.captioner == "mllm"
        # What no attempt answered is named.
        assert caption.global_description == "Said of global description." or caption.warnings
    assert not [path for path in (tmp_path / "o").rglob("*") if path.suffix in (".part", ".tmp")]


@pytest.mark.parametrize("fault", ["ignored", "wrong_fields", "empty"])
def test_a_clip_without_any_usable_answer_is_partial_until_it_is_answered(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None, fault: str
) -> None:
    clip = make_video(tmp_path / "clip.mp4", frames=2)
    with serve(saying(), [fault] * 100) as url:
        ran = run("caption", clip, *asking(url), "--out", tmp_path / "o")
    assert ran.status == 1, ran.err
    assert "partial: " in ran.err and "0 done, 1 partial" in ran.err
    (caption,) = captions_in(tmp_path / "o").values()
    assert caption.warnings
    told = json.loads(run("status", tmp_path / "o", "--json").out)
    assert (told["done"], told["partial"], len(told["reasons"])) == (0, 1, 1)
    with serve(saying()) as url:
        ran = run("caption", clip, *asking(url), "--out", tmp_path / "o")
    assert ran.status == 0, ran.err
    (caption,) = captions_in(tmp_path / "o").values()
    assert caption.global_description == "Said of global description."
    assert not [one for one in caption.warnings if "no whole answer" in one]


def test_only_what_is_missing_is_asked_again(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None
) -> None:
    clip, out = make_video(tmp_path / "clip.mp4", frames=2), tmp_path / "o"

    def without_background(asked: dict[str, Any]) -> str:
        answer = json.loads(saying()(asked))
        answer.pop("background", None)
        return json.dumps(answer)

    with serve(without_background, enforce=False) as url:
        ran = run("caption", clip, *asking(url), "--out", out, "--json")
    assert ran.status == 1, ran.err
    assert "/background" in json.loads(ran.out)["partial"][0]["reason"]
    (before,) = captions_in(out).values()
    seen: list[dict[str, Any]] = []
    with serve(saying(global_description="Something else."), seen=seen, enforce=False) as url:
        assert run("caption", clip, *asking(url), "--out", out).status == 0
    (after,) = captions_in(out).values()
    assert (before.background, after.background) == ("", "Said of background.")
    assert after.global_description == before.global_description == "Said of global description."
    assert [list(schema_of(one)["properties"]) for one in questions(seen)] == [["background"]]


def test_clips_that_are_refused_are_partial_and_only_they_are_asked_again(tmp_path: Path) -> None:
    figures = refusals.measure(tmp_path, clips=10)
    assert figures["met"], figures
