"""Several captions a clip, each trainer in its own form; captions left out; traits; scenes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.export import TRAINERS, check
from instancecap.errors import UsageError
from instancecap.schema.caption import Instance
from tests.datasets.export.made import export_rows, make_colours, options_for, row_of

VIDEO_TRAINERS = [name for name, one in TRAINERS.items() if one.models]
CAPTIONERS = [name for name, one in TRAINERS.items() if not one.models]
THREE: dict[str, Any] = {"lengths": ("dense", "short", "tags")}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder = tmp_path_factory.mktemp("clips")
    names = ("a", "b")
    paths = [make_colours(folder / f"{name}.mp4", frames=65, fps=24) for name in names]
    return [row_of(path, text=f"A {path.stem} dog runs over the lawn.") for path in paths]


def texts_of(trainer: str, out: Path) -> list[tuple[str, ...]]:
    return [entry.texts for entry in TRAINERS[trainer].layout.read(out)]


@pytest.mark.parametrize("trainer", [name for name in VIDEO_TRAINERS if name != "cosmos3"])
def test_every_trainer_gets_several_captions_in_its_form(
    rows: list[Row], tmp_path: Path, trainer: str
) -> None:
    report = export_rows(rows, trainer, tmp_path / "set", **THREE)
    assert (report.done, report.failed) == (2, [])
    found, form = texts_of(trainer, tmp_path / "set"), TRAINERS[trainer].several
    if form == "lists":
        assert [len(texts) for texts in found] == [3, 3]
    else:
        assert [len(texts) for texts in found] == [1] * 6
    assert len({text for texts in found for text in texts}) > 3
    faults = [why for _, why in check(str(tmp_path / "set")).failed]
    assert [why for why in faults if not why.startswith("not trained on")] == []
    assert form == "files" or faults == []


def test_files_of_several_captions_are_one_clip(rows: list[Row], tmp_path: Path) -> None:
    for link in ("symlink", "hardlink", "copy"):
        out = tmp_path / link
        export_rows(rows[:1], "ai-toolkit", out, link=link, **THREE)
        assert sorted(path.name for path in out.glob("a*")) == [
            "a-2.mp4", "a-2.txt", "a-3.mp4", "a-3.txt", "a.mp4", "a.txt",
        ]  # fmt: skip
        assert (out / "a-2.mp4").read_bytes() == (out / "a.mp4").read_bytes()
        assert (out / "a.txt").read_text() != (out / "a-2.txt").read_text()
    out = tmp_path / "encoded"
    export_rows(rows[:1], "ai-toolkit", out, transcode=True, **THREE)
    assert (out / "a-3.mp4").read_bytes() == (out / "a.mp4").read_bytes()
    assert not (out / "a-3.mp4").is_symlink()


def test_lines_of_a_text_file_are_captions(rows: list[Row], tmp_path: Path) -> None:
    export_rows(rows, "simpletuner", tmp_path / "set", paraphrases=3)
    lines = (tmp_path / "set" / "a.txt").read_text().split("\n")
    assert len(set(lines)) == len(lines) > 1
    notes = json.loads(
        (tmp_path / "set" / ".instancecap" / "clips.jsonl").read_text().split("\n")[0]
    )
    assert [one["variant"] for one in notes["captions"]] == list(range(len(lines)))


def test_captions_that_would_be_the_same_are_told(rows: list[Row], tmp_path: Path) -> None:
    report = export_rows(rows, "onetrainer", tmp_path / "set", lengths=("tags",), paraphrases=3)
    assert texts_of("onetrainer", tmp_path / "set")[0] == ("dog, static camera",)
    assert report.warnings[0][1] == "1 of 3 captions: the others would be the same"


@pytest.mark.parametrize("trainer", VIDEO_TRAINERS)
def test_a_caption_is_left_out_or_the_option_refused(
    rows: list[Row], tmp_path: Path, trainer: str
) -> None:
    if TRAINERS[trainer].drops:
        with pytest.raises(UsageError, match=f"--drop-captions: {trainer} reads no empty caption"):
            export_rows(rows, trainer, tmp_path / "set", drop_captions=1.0)
        if trainer == "cosmos3":
            return
        export_rows(rows, trainer, tmp_path / "set", drop_captions=1.0, prefix="sks")
        assert {texts[0] for texts in texts_of(trainer, tmp_path / "set")} == {"sks"}
    else:
        export_rows(rows, trainer, tmp_path / "set", drop_captions=1.0)
        assert {texts[0] for texts in texts_of(trainer, tmp_path / "set")} == {""}
    faults = [why for _, why in check(str(tmp_path / "set")).failed]
    assert [why for why in faults if not why.startswith("not trained on")] == []


def test_captions_are_left_out_as_often_as_asked(rows: list[Row], tmp_path: Path) -> None:
    many = []
    for number in range(40):
        caption = rows[0].caption.model_copy(deep=True)  # type: ignore[union-attr]
        assert caption.video is not None
        caption.video.id = f"{number}.mp4"
        many.append(Row(f"{number}.mp4", caption, f"row {number}"))
    gone = []
    for seed in range(5):
        out = tmp_path / str(seed)
        export_rows(many, "diffusion-pipe", out, drop_captions=0.3, seed=seed, **THREE)
        texts = [text for one in texts_of("diffusion-pipe", out) for text in one]
        gone.append(tuple(number for number, text in enumerate(texts) if not text))
        # 120 throws: 36 expected, four standard deviations are 20; like texts of a clip are one.
        assert 16 <= len(gone[-1]) <= 56
    assert len(set(gone)) == 5
    export_rows(many, "diffusion-pipe", tmp_path / "again", drop_captions=0.3, seed=4, **THREE)
    assert texts_of("diffusion-pipe", tmp_path / "again") == texts_of("diffusion-pipe", out)


@pytest.mark.parametrize("trainer", CAPTIONERS)
@pytest.mark.parametrize(
    "how",
    [{"lengths": ("dense", "short")}, {"paraphrases": 2}, {"drop_captions": 0.1},
     {"leave_out": ("red hair",)}, {"scene": "a"}],
    ids=lambda how: next(iter(how)),
)  # fmt: skip
def test_a_captioner_has_no_use_for_them(
    rows: list[Row], tmp_path: Path, trainer: str, how: dict[str, Any]
) -> None:
    name = next(iter(how)).replace("lengths", "length").replace("_", "-")
    with pytest.raises(UsageError, match=f"--{name}: {trainer} learns structured captions"):
        export_rows(rows, trainer, tmp_path / "set", **how)


@pytest.mark.parametrize(
    ("trainer", "how", "message"),
    [
        ("cosmos3", {"lengths": ("dense", "tags")}, "--length tags: cosmos3 takes dense or medium"),
        ("cosmos3", {"lengths": ("dense", "medium")}, "has one structured caption a clip"),
        ("cosmos3", {"paraphrases": 2}, "--paraphrases: cosmos3 wants fields for cosmos3"),
        ("diffusion-pipe", {"paraphrases": 2, "target": "minimax-h3"}, "wants fields for minimax"),
        ("ltx-2", {"paraphrases": 0}, "--paraphrases 0: give 1 or more"),
        ("ltx-2", {"drop_captions": 2.0}, "give a probability from 0 to 1"),
        ("ltx-2", {"scene": "("}, "not a regular expression"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    rows: list[Row], tmp_path: Path, trainer: str, how: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message) as error:
        export_rows(rows, trainer, tmp_path / "set", **how)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("trainer", VIDEO_TRAINERS)
def test_a_trait_stands_in_no_caption(rows: list[Row], tmp_path: Path, trainer: str) -> None:
    caption = rows[0].caption.model_copy(deep=True)  # type: ignore[union-attr]
    woman = Instance(
        id=1, class_="person", name="the red-haired woman", is_main=True, action="She walks.",
        appearance="A woman with long red hair and a blue coat.",
    )  # fmt: skip
    caption.instances.append(woman)
    how = {} if trainer == "cosmos3" else {"prefix": "sks"}
    export_rows(
        [Row("a.mp4", caption, "a")], trainer, tmp_path / "set", leave_out=("red hair",), **how
    )
    ((text,),) = texts_of(trainer, tmp_path / "set")
    assert "red" not in text.replace("colored", "") and "blue coat" in text


def test_an_older_column_is_read(rows: list[Row], tmp_path: Path) -> None:
    export_rows(rows, "ltx-2", tmp_path / "set")
    path = tmp_path / "set" / "dataset.json"
    assert list(json.loads(path.read_text())[0]) == ["video", "caption"]
    path.write_text(path.read_text().replace('"video"', '"media_path"'))
    assert check(str(tmp_path / "set")).failed == []


def test_per_clip_counts_lengths_and_wordings() -> None:
    options = options_for("ltx-2", lengths=("dense", "short"), paraphrases=3)
    assert options.per_clip == len(options.wordings()) == 4


@pytest.mark.parametrize(
    "trainer", [name for name in TRAINERS if name not in ("cosmos3", "webdataset", "trl")]
)
def test_an_exported_set_is_read_back_as_captions(
    rows: list[Row], tmp_path: Path, trainer: str
) -> None:
    export_rows(rows, trainer, tmp_path / "set", link="copy")
    found = list(read_captions([str(tmp_path / "set")]))
    assert [row.error for row in found] == ["", ""]
    told = [row.caption.global_description for row in found if row.caption]
    assert [text[:11] for text in told] == ["A a dog run", "A b dog run"]


def test_onetrainer_gets_no_more_than_it_reads(rows: list[Row], tmp_path: Path) -> None:
    caption = rows[0].caption
    assert caption is not None
    caption.background = " ".join(f"Tree number {word} stands here." for word in range(30))
    export_rows(rows[:1], "onetrainer", tmp_path / "set")
    notes = json.loads((tmp_path / "set" / ".instancecap" / "clips.jsonl").read_text())
    assert (notes["limit"], notes["tokens"] <= 77) == (77, True)
    (tmp_path / "set" / "a.txt").write_text(" ".join(["A dog runs to the right over a lawn."] * 20))
    ((_, why),) = check(str(tmp_path / "set")).failed
    assert "onetrainer takes 77" in why
