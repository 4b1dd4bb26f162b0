"""Whole datasets: all or nothing, every clip accounted for."""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.export import TRAINERS, check, export
from instancecap.datasets.export.layouts import Shards
from instancecap.errors import UsageError
from instancecap.schema import Caption
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Instance, Segment
from tests.datasets.export.made import (
    caption_of,
    count_frames,
    export_rows,
    make_colours,
    options_for,
    row_of,
)

MakeVideo = Callable[..., Path]
TABLES = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))


@pytest.fixture
def clip(tmp_path: Path, make_video: MakeVideo) -> Path:
    return make_video(tmp_path / "a.mp4", frames=9)


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_an_empty_caption_is_refused_by_name_and_no_pair_shifts(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    clips = [make_video(tmp_path / f"{name}.mp4") for name in "abc"]
    texts = ["One car.", "", "Three\ncars.\u2028\n\nMany."]
    rows = [row_of(path, text=text) for path, text in zip(clips, texts, strict=True)]
    report = export_rows(rows, "cogvideo", tmp_path / "set")
    assert report.done == 2
    assert [source for source, _ in report.failed] == ["captions/b.mp4.json"]
    assert lines(tmp_path / "set" / "videos.txt") == ["videos/a.mp4", "videos/c.mp4"]
    prompts = lines(tmp_path / "set" / "prompts.txt")
    assert len(prompts) == 2 and "dog" in prompts[0]
    assert not check(str(tmp_path / "set")).failed


def test_what_cannot_be_exported_is_named_and_the_rest_goes_on(tmp_path: Path, clip: Path) -> None:
    missing = caption_of(clip)
    assert missing.video is not None
    missing.video.path = "gone.mp4"
    (tmp_path / "text.mp4").write_text("no video")
    broken = caption_of(clip)
    assert broken.video is not None
    broken.video.path = str(tmp_path / "text.mp4")
    rows = [
        Row("x", None, "x.json", "not valid"),
        Row("y", Caption(video=None, global_description="A cat."), "y.json"),
        Row("gone.mp4", missing, "gone.json"),
        Row("text.mp4", broken, "text.json"),
        row_of(clip),
    ]
    report = export_rows(rows, "mochi", tmp_path / "set")
    assert [source for source, _ in report.failed] == ["x.json", "y.json", "gone.json", "text.json"]
    assert "names no video" in report.failed[1][1]
    assert "gone.mp4 is not there" in report.failed[2][1]
    assert sorted(os.listdir(tmp_path / "set")) == [".instancecap", "a.mp4", "a.txt"]


def test_a_clip_is_found_beside_its_caption(
    tmp_path: Path, clip: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    caption = caption_of(clip)
    assert caption.video is not None
    caption.video.path = "a.mp4"
    caption.write(tmp_path / "a.mp4.json")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    report = export_rows(read_captions([str(tmp_path / "a.mp4.json")]), "mochi", tmp_path / "set")
    assert (report.done, report.failed) == (1, [])


def test_nothing_is_left_where_nothing_could_be_exported(tmp_path: Path) -> None:
    report = export_rows([Row("x", None, "x.json", "no")], "mochi", tmp_path / "set")
    assert (report.done, report.outputs) == (0, [])
    assert os.listdir(tmp_path) == []


def test_out_is_whole_or_not_there(tmp_path: Path, clip: Path) -> None:
    def broken_off() -> Iterator[Row]:
        yield row_of(clip)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_rows(broken_off(), "ltx-2", tmp_path / "set")
    assert sorted(os.listdir(tmp_path)) == ["a.mp4"]


def test_only_an_earlier_export_is_replaced_and_only_if_asked(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "set"
    out.mkdir()
    export_rows([row_of(clip)], "ltx-2", out)  # an empty folder will do
    with pytest.raises(UsageError, match="--overwrite replaces it"):
        export_rows([row_of(clip)], "mochi", out)
    export_rows([row_of(clip)], "mochi", out, overwrite=True)
    assert sorted(os.listdir(out)) == [".instancecap", "a.mp4", "a.txt"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(UsageError, match="this folder is not empty"):
        export_rows([row_of(clip)], "mochi", tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "thesis.txt").exists()


def test_clips_of_one_name_never_overwrite_each_other(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    names = ["x/a.mp4", "y/a.mp4", "z/A.MP4"]
    rows = []
    for number, name in enumerate(names):
        path = make_video(tmp_path / name, frames=5 + number)
        rows.append(row_of(path, text=f"Number {number}."))
    report = export_rows(rows, "ai-toolkit", tmp_path / "set")
    assert (report.done, report.failed) == (3, [])
    found = sorted(path.name for path in (tmp_path / "set").glob("*.mp4"))
    assert found == ["A-3.mp4", "a-2.mp4", "a.mp4"]
    assert [count_frames(tmp_path / "set" / f"{one}.mp4") for one in ("a", "a-2", "A-3")] == [
        5,
        6,
        7,
    ]


@pytest.mark.parametrize("trainer", ["open-sora-2", "cogvideo", "musubi-tuner", "webdataset"])
def test_odd_names_survive_every_format(
    tmp_path: Path, make_video: MakeVideo, trainer: str
) -> None:
    names = ["-rf.mp4", 'a "b", c.mp4', "line\nbreak.mp4", "женщина 犬.mp4", "v1.0 final.mp4"]
    rows = [row_of(make_video(tmp_path / "in" / name)) for name in names]
    assert export_rows(rows, trainer, tmp_path / "set").done == len(names)
    report = check(str(tmp_path / "set"))
    assert (report.rows, report.failed) == (len(names), [])
    notes = [json.loads(line) for line in lines(tmp_path / "set" / ".instancecap" / "clips.jsonl")]
    assert [note["name"] for note in notes] == names


def test_a_span_is_cut_without_loss_where_it_can_be(tmp_path: Path) -> None:
    source = make_colours(tmp_path / "long.mp4", frames=24, gop=8)
    rows = [
        row_of(source, "long.mp4@1.0-2.0", start=1.0, end=2.0),
        row_of(source, "long.mp4@1.25-2.0", start=1.25, end=2.0),
        row_of(source),
    ]
    report = export_rows(rows, "videofolder", tmp_path / "set")
    assert report.made == {"cut": 1, "encoded": 1, "linked": 1}
    assert report.warnings[0] == ("long.mp4@1.25-2.0", "encoded anew: no cut without loss here")
    assert [text.split(" (")[0] for _, text in report.warnings[1:]] == [
        "3 of 3 captions are repeated"
    ]
    clips = sorted((tmp_path / "set" / "videos").iterdir())
    assert [count_frames(path) for path in clips] == [8, 6, 24]


def test_transcoding_keeps_every_rule(tmp_path: Path) -> None:
    source = make_colours(tmp_path / "a.mp4", frames=27, fps=12, size=(100, 70))
    report = export_rows([row_of(source)], "ltx-2", tmp_path / "set", transcode=True, fps=12)
    assert (report.made, report.warnings) == ({"encoded": 1}, [])
    done = check(str(tmp_path / "set"))
    assert (done.failed, done.warnings) == ([], [])
    assert count_frames(tmp_path / "set" / "videos" / "a.mp4") == 25


def test_a_clip_that_breaks_the_rules_is_exported_with_a_warning(
    tmp_path: Path, clip: Path
) -> None:
    report = export_rows([row_of(clip)], "cosmos3", tmp_path / "set")
    assert report.done == 1
    why = "not trained on: 9 frames, and the trainer needs 61"
    assert ("a.mp4", why) in report.warnings


def test_a_format_that_the_trainer_cannot_read_is_turned_into_mp4(
    clips_dir: Path, tmp_path: Path
) -> None:
    rows = [
        row_of(clips_dir / "odd" / name) for name in ("testsrc2_vp8.webm", "testsrc2_mpeg4.avi")
    ]
    report = export_rows(rows, "cogvideo-sat", tmp_path / "set")
    assert report.done == 2
    for path in (tmp_path / "set" / "videos").iterdir():
        assert path.suffix == ".mp4" and not path.is_symlink()
    assert not check(str(tmp_path / "set")).failed


def test_shards_are_bounded_and_whole(tmp_path: Path, make_video: MakeVideo) -> None:
    rows = [row_of(make_video(tmp_path / f"{number}.mp4")) for number in range(5)]
    size = (tmp_path / "0.mp4").stat().st_size
    layout = TRAINERS["webdataset"].layout
    assert isinstance(layout, Shards)
    trainer = replace(
        TRAINERS["webdataset"], layout=replace(layout, shard_bytes=2 * (size + 4 * 1024))
    )
    export(rows, trainer, str(tmp_path / "set"), options=options_for("webdataset"))
    shards = sorted((tmp_path / "set").glob("*"))
    assert [path.name for path in shards if path.name[0] != "."] == [
        f"shard-{number:06d}.tar" for number in range(3)
    ]
    names = []
    for path in shards[1:]:
        with tarfile.open(path) as tar:
            names += tar.getnames()
    assert names == [
        f"{number}.{suffix}" for number in range(5) for suffix in ("mp4", "txt", "json")
    ]


def test_options_go_to_the_prompts_and_are_recorded(tmp_path: Path, clip: Path) -> None:
    export_rows(
        [row_of(clip)],
        "ltx-2",
        tmp_path / "set",
        prefix="TRIGGER",
        drop_fields=0.5,
        seed=7,
        target="ltx-2",
    )
    (row,) = json.loads((tmp_path / "set" / "dataset.json").read_text(encoding="utf-8"))
    assert row["caption"].startswith("TRIGGER ")
    (note,) = lines(tmp_path / "set" / ".instancecap" / "clips.jsonl")
    assert json.loads(note)["omitted"] and json.loads(note)["tokens"] <= 1024
    record = json.loads((tmp_path / "set" / ".instancecap" / "export.json").read_text())
    assert (record["target"], record["drop_fields"], record["seed"]) == ("ltx-2", 0.5, 7)


@pytest.mark.parametrize(("trainer", "options", "message"), TABLES["refused options"])
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, clip: Path, trainer: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        export_rows([row_of(clip)], trainer, tmp_path / "set", **options)
    assert sorted(os.listdir(tmp_path)) == ["a.mp4"]


def test_what_a_prompt_has_no_room_for_is_told(tmp_path: Path, clip: Path) -> None:
    text = " ".join(f"The dog runs past house number {number}." for number in range(60))
    report = export_rows([row_of(clip, text=text)], "mochi", tmp_path / "set")
    told = [text for name, text in report.warnings if name == "a.mp4"]
    assert any("left out" in text for text in told), report.warnings


def test_paths_are_found_below_the_video_root(tmp_path: Path, clip: Path) -> None:
    caption = caption_of(clip)
    assert caption.video is not None
    caption.video.path = "elsewhere/a.mp4"
    row = Row("a.mp4", caption, "a.json")
    assert export_rows([row], "mochi", tmp_path / "one").done == 0
    assert export_rows([row], "mochi", tmp_path / "two", video_root=str(tmp_path)).done == 1


def test_a_clip_inside_the_dataset_to_be_replaced_is_refused(tmp_path: Path, clip: Path) -> None:
    out = tmp_path / "set"
    export_rows([row_of(clip)], "mochi", out, link="copy")
    report = export_rows([row_of(out / "a.mp4")], "mochi", out, overwrite=True)
    assert report.done == 0 and "lies in --out itself" in report.failed[0][1]
    assert (out / "a.mp4").exists()


def test_a_caption_of_more_than_is_trained_on_is_told(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    path = make_video(tmp_path / "long.mp4", frames=96, fps=24)
    caption = caption_of(path)
    point = TrackPoint(t=3.0, box=(0.1, 0.1, 0.2, 0.2), score=0.9)
    caption.instances.append(Instance(id=1, name="the truck", class_="truck", track=[point]))
    caption.segments = [
        Segment(start=0.0, end=1.0, description="The dog runs."),
        Segment(start=2.5, end=4.0, description="The dog's truck leaves."),
    ]
    row = Row("long.mp4", caption, "captions/long.mp4.json")
    how = {"transcode": True, "target": "wan2.1", "fps": 16.0}
    cut = export_rows([row], "musubi-tuner", tmp_path / "cut", frames=33, **how)
    (warning,) = [text for _, text in cut.warnings if "trained on" in text]
    assert "the caption is of 4.0 s, and 2.1 s of them are trained on" in warning
    assert "'the truck; The dog’s truck leaves.' is seen in none of it" in warning
    again = check(str(tmp_path / "cut"))
    assert not again.failed
    assert any("the caption is of 4.0 s, and 2.1 s" in text for _, text in again.warnings)
    whole = export_rows([row], "musubi-tuner", tmp_path / "whole", frames=57, **how)
    assert not [text for _, text in whole.warnings if "trained on" in text], "within a fifth"
