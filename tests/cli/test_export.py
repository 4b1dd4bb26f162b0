"""The verb ``export``: words, streams and exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from instancecap.cli.options import TEXTS
from instancecap.datasets.export import TRAINERS
from tests.datasets.export.made import caption_of
from tests.program import Run

MakeVideo = Callable[..., Path]


@pytest.fixture
def captions(tmp_path: Path, make_video: MakeVideo) -> Path:
    """A folder with two captions."""
    folder = tmp_path / "captions"
    for name in ("a.mp4", "b.mp4"):
        clip = make_video(tmp_path / "clips" / name, frames=10)
        caption_of(clip, text=f"A dog runs in {name[0]}.").write(folder / f"{name}.json")
    return folder


def test_export_and_check(run: Run, captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    arguments = (captions, "--for", "cogvideo", "--target", "cogvideox", "--out", out)
    status, said, told = run("export", *arguments, "--check")
    assert (status, said) == (0, "")
    assert "warning: a.mp4: 10 frames are not 8N+1 (and 1 more like it; --verbose)\n" in told
    assert f"2 clips in {out} (2 linked), in " in told
    assert "checked: rows 2, faults 0" in told
    assert "will be trained on: 2 of 2 clips, 2.2 s\n" in told
    (out / "prompts.txt").write_text("One.\n")
    status, said, told = run("export", "--check", "--out", out, "--quiet")
    assert (status, said) == (1, "")
    assert "failed: prompts.txt and videos.txt: 1 captions for 2 videos" in told


def test_json_is_one_object(run: Run, captions: Path, tmp_path: Path) -> None:
    caption_of(tmp_path / "clips" / "a.mp4", text="").write(captions / "empty.json")
    out = tmp_path / "set"
    arguments = (captions, "--for", "ltx-2", "--out", out, "--json", "--check", "--quiet")
    status, said, _ = run("export", *arguments)
    account = json.loads(said)
    assert status == 1
    assert (account["trainer"], account["target"], account["done"]) == ("ltx-2", "ltx-2", 2)
    assert account["made"] == {"linked": 2}
    assert [Path(one["input"]).name for one in account["failed"]] == ["empty.json"]
    assert account["outputs"] == [str(out)]
    assert account["check"]["rows"] == account["check"]["trained"] == 2
    assert account["check"]["failed"] == account["check"]["dropped"] == []


def test_warnings_of_a_kind_are_one_line(run: Run, captions: Path, tmp_path: Path) -> None:
    for number, name in enumerate("ab", 1):
        text = " ".join(f"The dog runs past house {one}." for one in range(60 * number))
        caption = caption_of(tmp_path / "clips" / f"{name}.mp4", text=text)
        caption.background = "A row of houses." * (number - 1)
        caption.write(captions / f"{name}.mp4.json")
    arguments = (captions, "--for", "mochi", "--fps", "8")
    _, _, told = run("export", *arguments, "--out", tmp_path / "set")
    lines = [line for line in told.splitlines() if "left out to keep within" in line]
    assert len(lines) == 1 and lines[0].endswith(" (and 1 more like it; --verbose)")
    _, _, told = run("export", *arguments, "--out", tmp_path / "two", "--verbose")
    assert told.count("left out to keep within") == 2


def test_transcode_and_copy(run: Run, captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    status, _, told = run(
        *("export", captions, "--for", "musubi-tuner", "--target", "wan2.2", "--out", out),
        "--transcode", "--size", "64x48", "--frames", "5", "--fps", "8", "--fit", "pad", "--check",
    )  # fmt: skip
    assert status == 0, told
    assert "2 encoded" in told and "warning" not in told
    status, _, told = run("export", captions, "--for", "mochi", "--out", tmp_path / "two", "--copy")
    assert status == 0 and "2 copied" in told
    assert not (tmp_path / "two" / "a.mp4").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--for", "mochi"], "--out"),
        (["--out", "set"], "--for: say for which trainer"),
        (["--for", "nobody", "--out", "set"], "not a known trainer"),
        (["--for", "mochi", "--out", "set", "--size", "big"], "--size big: write it as"),
        (["--for", "mochi", "--out", "set", "--task", "v2v"], "--task"),
        (["--for", "llama-factory", "--out", "set", "--prefix", "ohwx"], "--prefix: llama-factory"),
    ],
)
def test_wrong_usage(run: Run, captions: Path, arguments: list[str], message: str) -> None:
    status, said, told = run("export", captions, *arguments)
    assert (status, said) == (2, "")
    assert message in told


def test_a_target_that_is_not_named_is_told(run: Run, captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    status, _, told = run("export", captions, "--for", "musubi-tuner", "--out", out)
    assert status == 0
    others = "wan2.1, hunyuanvideo, hunyuanvideo1.5"
    assert f"warning: no --target is given: made for wan2.2; others are {others}\n" in told
    named = ("--for", "musubi-tuner", "--target", "wan2.2", "--out", tmp_path / "two")
    assert "--target" not in run("export", captions, *named)[2]
    assert "--target" not in run("export", captions, "--for", "mochi", "--out", tmp_path / "m")[2]


def test_captions_or_check_are_needed(run: Run, tmp_path: Path) -> None:
    status, _, told = run("export", "--for", "mochi", "--out", tmp_path / "set")
    assert status == 2 and "name CAPTIONS" in told


def test_the_help_names_every_trainer() -> None:
    said = TEXTS["export"]["for_"]["help"].removeprefix("The trainer: ").removesuffix(".")
    told = said.replace("; for captioners:", ",").split(", ")
    assert told == list(TRAINERS)
