"""What the modes ask, what is foretold of it, and runs that ask nobody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.asking import write_clip
from instancecap.captioners.chain.detail import NUMBERED_PICTURES
from tests.integration.users import (
    asking,
    captions_in,
    count_images,
    files_in,
    questions,
    saying,
)
from tests.mllm.server import MODEL, serve
from tests.program import Run

CALLS = {
    "fused": (1, ("--detail", "never")),
    "paper": (16, ("--agree", "off")),
    "single": (1, ()),
}


@pytest.fixture
def three_things(tmp_path: Path, without_weights: None) -> Path:
    write_clip(tmp_path / "three.mp4", seed=2, things=3)
    return tmp_path / "three.mp4"


def test_calls_and_images_of_each_mode(run: Run, tmp_path: Path, three_things: Path) -> None:
    images = {}
    for mode, (calls, more) in CALLS.items():
        seen: list[dict[str, Any]] = []
        out = tmp_path / mode
        with serve(saying(), seen=seen) as url:
            options = asking(url, "--mode", mode, *more)
            ran = run("caption", three_things, *options, "--out", out, "--json")
            assert ran.status == 0, ran.err
            cost = json.loads(ran.out)["cost"]
            assert (len(seen), count_images(seen)) == (cost["calls"], cost["images"])
            seen = questions(seen)
            told = run("caption", three_things, *options, "--dry-run", "--json")
        (caption,) = captions_in(out).values()
        assert len(caption.instances) == (3 if mode == "paper" else 0)
        assert caption.producer.mode.startswith(mode)
        images[mode] = count_images(seen)
        foretold = json.loads(told.out)["cost"]
        assert len(seen) == calls == foretold["calls"]
        numbered = NUMBERED_PICTURES if mode == "fused" else 0  # this model gives no boxes
        assert images[mode] == foretold["images"] + numbered
    assert images["fused"] <= 0.35 * images["paper"]


@pytest.mark.parametrize("mode", ["fused", "paper"])
def test_the_dry_run_foretells_real_clips(
    run: Run, clips_dir: Path, with_weights: Path, tmp_path: Path, mode: str
) -> None:
    names = ["everyday/store_3people.mp4", "everyday/woman_dog.mp4", "cuts/bikes.mp4"]
    clips = [clips_dir / name for name in names][: None if mode == "fused" else 1]
    seen: list[dict[str, Any]] = []
    # What contradicts the evidence would be asked again, on top of what is foretold.
    with serve(saying(place="unknown", time_of_day="unknown"), seen=seen) as url:
        agree = "off" if mode == "paper" else "on"
        options = asking(url, "--mode", mode, "--agree", agree)
        ran = run("caption", *clips, *options, "--out", tmp_path / "out")
        assert ran.status == 0, ran.err
        told = run("caption", *clips, *options, "--dry-run", "--json")
    seen, foretold = questions(seen), json.loads(told.out)["cost"]
    # A model that gives no boxes, as this one, is shown the numbered tracks too.
    numbered = NUMBERED_PICTURES * len(clips) if mode == "fused" else 0
    assert len(seen) == foretold["calls"]
    assert count_images(seen) == foretold["images"] + numbered


def test_a_recording_replays_to_the_same_bytes_without_a_server(
    run: Run, tmp_path: Path, three_things: Path
) -> None:
    for index in range(2):
        write_clip(tmp_path / "more" / f"{index}.mp4", seed=index, things=1 + index)
    record = tmp_path / "record.jsonl"
    inputs = (three_things, tmp_path / "more")
    faults = {"malformed": 0.1, "truncated": 0.1, "loop": 0.1, "empty": 0.1, "ignored": 0.1}
    with serve(saying(), faults, seed=1) as url:
        asked = run("caption", *inputs, *asking(url), "--record", record, "--out", tmp_path / "0")
    recorded = record.read_bytes()
    for out in "12":
        ran = run(
            *("caption", *inputs, "--captioner", "mllm", "--mllm-model", MODEL),
            *("--replay", record, "--out", tmp_path / out),
        )
        assert ran.status == asked.status, ran.err  # too many faults in a row leave a gap, here too
    assert files_in(tmp_path / "0") == files_in(tmp_path / "1") == files_in(tmp_path / "2")
    assert len(files_in(tmp_path / "0")) == 3
    assert record.read_bytes() == recorded
