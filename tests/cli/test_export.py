"""The verb ``export``: words, streams and exit statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from instancecap.cli import terminal
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
    assert (
        "warning: a.mp4, b.mp4: 10 frames are not 8N+1; --transcode brings it to the rule\n" in told
    )
    assert f"2 clips in {out} (2 linked), in " in told
    assert "checked: rows 2, faults 0" in told
    assert "will be trained on: 2 of 2 clips, 2.2 s\n" in told
    (out / "prompts.txt").write_text("One.\n")
    status, said, told = run("export", "--check", "--out", out, "--quiet")
    assert (status, said) == (1, "")
    assert "fault: prompts.txt and videos.txt: 1 captions for 2 videos" in told


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
    assert len(lines) == 1 and lines[0].endswith(" tokens: … (--verbose names each)")
    _, _, told = run("export", *arguments, "--out", tmp_path / "two", "--verbose")
    assert told.count("left out to keep within") == 2


def test_a_fault_is_no_failure_and_says_what_to_do(
    run: Run, tmp_path: Path, make_video: MakeVideo
) -> None:
    for name, frames, size in (("a", 40, (64, 48)), ("b", 50, (96, 64)), ("c", 40, (64, 48))):
        clip = make_video(tmp_path / f"{name}.mp4", frames=frames, size=size)
        caption_of(clip).write(tmp_path / "captions" / f"{name}.mp4.json")
    arguments = ("export", tmp_path / "captions", "--for", "mochi", "--out", tmp_path / "set")
    status, _, told = run(*arguments, "--check")
    drop = "is smaller than its 848x480; --transcode --size 848x480 enlarges it"
    assert status == 1 and "failed" not in told
    assert f"fault: a.mp4, b.mp4, c.mp4: not trained on: 64x48 to 96x64 {drop}" in told
    assert told.count("not trained on") == 1
    _, _, told = run(*arguments, "--overwrite", "--verbose")
    assert f"warning: b.mp4: not trained on: 96x64 {drop}\n" in told
    assert told.count("warning: ") == 4
    assert "warning: 3 of 3 captions are repeated" in told


def test_what_is_lumped_together_keeps_its_own_figures(capsys: pytest.CaptureFixture[str]) -> None:
    warnings = terminal.WarningSummary(verbose=False)
    for number, rate in enumerate((24, 8, 29.97, 8)):
        warnings.add(f"{number}.mp4", f"{rate:g} frames a second instead of 16")
        warnings.add(f"{number}.mp4", "encoded anew")
    warnings.add("", "no --target is given")
    warnings.show()
    assert capsys.readouterr().err.splitlines() == [
        "warning: 0.mp4, 1.mp4, 2.mp4 and 1 more: 8 to 29.97 frames a second instead of 16 "
        "(--verbose names each)",
        "warning: 0.mp4, 1.mp4, 2.mp4 and 1 more: encoded anew (--verbose names each)",
        "warning: no --target is given",
    ]


def test_pictures_are_counted_where_no_seconds_are_trained_on(
    run: Run, captions: Path, tmp_path: Path
) -> None:
    arguments = (captions, "--for", "trl", "--frames", "3", "--out", tmp_path / "set", "--check")
    assert "will be trained on: 2 of 2 clips, 6 pictures\n" in run("export", *arguments)[2]


def test_transcode_and_copy(run: Run, captions: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    status, _, told = run(
        *("export", captions, "--for", "musubi-tuner", "--target", "wan2.2", "--out", out),
        "--transcode", "--size", "64x48", "--frames", "5", "--fps", "8", "--fit", "pad", "--check",
    )  # fmt: skip
    assert status == 0, told
    assert "2 encoded" in told and told.count("warning") == 1
    assert "a.mp4, b.mp4: the caption is of 1.2 s, and 0.6 s of them are trained on" in told
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
