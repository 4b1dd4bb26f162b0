"""Names and texts that every format can hold, and the rules of clips."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.datasets.export import TRAINERS
from instancecap.datasets.export.base import NameAllocator, Trainer, make_plan, one_line
from instancecap.datasets.export.layouts import READ_AS_MISSING
from instancecap.datasets.export.rules import MediaInfo, Plan, Sample, out_of_rule
from instancecap.datasets.export.simple_loaders import load_by_rules
from instancecap.datasets.export.trainers import find_trainer
from instancecap.errors import UsageError
from instancecap.render.targets import find_target
from instancecap.schema import Caption

INFO = MediaInfo(frames=81, fps=16.0, width=832, height=480, seconds=81 / 16)


@given(st.text())
def test_a_text_becomes_one_line_for_every_reader(text: str) -> None:
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line == one_line(line) == line.strip()
    line.encode("utf-8")
    kept = [letter for letter in text if letter.isalnum()]
    assert [letter for letter in line if letter.isalnum()] == kept


@given(st.lists(st.text(min_size=1), max_size=20))
def test_names_of_files_are_safe_and_given_once(names: list[str]) -> None:
    stems = NameAllocator()
    given_names = [stems.give(name) for name in names]
    assert len({stem.casefold() for stem in given_names}) == len(names)
    for stem in given_names:
        assert all(letter.isalnum() or letter in "-_" for letter in stem)
        assert stem[0] not in "-_"
        assert 0 < len(stem.encode()) <= 120
        assert "videos" not in stem


def test_names_stay_readable() -> None:
    stems = NameAllocator()
    names = ["woman_dog.mp4", "a/b c.MP4@1.0-2.5", "-rf.mp4", "женщина\n.mp4", "Woman_dog.mp4", "…"]
    assert [stems.give(name, suffix=".mp4") for name in names] == [
        "woman_dog",
        "a_b_c_1_0-2_5",
        "rf",
        "женщина",
        "Woman_dog-2",
        "clip",
    ]


@pytest.mark.parametrize(
    ("frames", "keeps"), [(0, False), (1, True), (4, False), (5, True), (80, False), (81, True)]
)
def test_the_rule_of_frames(frames: int, keeps: bool) -> None:
    assert Plan(step=4, rest=1).keeps_rule(frames) == keeps


def test_what_breaks_the_rules_is_said() -> None:
    plan = Plan(step=8, rest=1, fps=24, multiple=32, min_frames=90, max_seconds=4)
    assert load_by_rules(Path(), plan)(INFO).reason == (
        "81 frames, and the trainer needs 90; 5.1 s, and the trainer takes 4 s at most"
    )
    turned = MediaInfo(80, 16.0, 830, 480, 5.0, rotation=90)
    assert out_of_rule(turned, plan) == [
        "80 frames are not 8N+1",
        "16 frames a second instead of 24",
        "830x480 are no multiples of 32",
        "stored turned by 90 degrees, which many readers ignore",
    ]
    assert out_of_rule(INFO, Plan(step=4, rest=1, fps=16, multiple=16)) == []
    assert out_of_rule(INFO, Plan(size=(480, 832))) == ["832x480 instead of 480x832"]


def test_a_plan_has_the_models_rules_and_the_trainers_own() -> None:
    plan = make_plan(TRAINERS["cosmos3"], find_target("cosmos3"))
    assert (plan.rule, plan.min_frames, plan.max_seconds) == ("4N+1", 61, 61.0)
    plan = make_plan(TRAINERS["finetrainers"], find_target("ltx-video"), frames=49, fps=12)
    assert (plan.rule, plan.frames, plan.fps, plan.multiple) == ("8N+1", 49, 12, 32)
    assert make_plan(TRAINERS["videofolder"], find_target("wan2.2")) == Plan()


def test_an_unknown_trainer_is_named_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match="--for wan: not a known trainer; allowed are finetrain"):
        find_trainer("wan")


def test_every_trainer_says_where_its_layout_was_taken_from() -> None:
    for trainer in TRAINERS.values():
        assert "/" in trainer.source and " " in trainer.source
        assert all(map(find_target, trainer.models))


def as_written(trainer: str, text: str) -> str:
    """``text`` as that trainer's rows hold it: Cosmos 3 learns JSON."""
    return json.dumps({"temporal_caption": text}) if trainer == "cosmos3" else text


def as_read(trainer: str, text: str | None) -> Any:
    return json.loads(text or "")["temporal_caption"] if trainer == "cosmos3" else text


lines = st.text(st.characters(exclude_categories=("Cs",))).map(one_line)
captions = lines.filter(lambda text: text and "<" not in text and text not in READ_AS_MISSING)


@pytest.mark.parametrize("name", TRAINERS)
@settings(max_examples=20)
@given(texts=st.lists(captions, min_size=1, max_size=6))
def test_pairs_never_shift(name: str, texts: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_and_read(TRAINERS[name], Path(folder), texts)


def write_and_read(trainer: Trainer, folder: Path, texts: list[str]) -> None:
    """Each text goes with a clip of its own; read back they are still together."""
    (folder / trainer.layout.media).mkdir(exist_ok=True)
    written = []
    with trainer.layout.writing(folder, folder, Plan()) as add:
        for number, text in enumerate(texts):
            stem = f"clip{number:02d}"
            media = f"{trainer.layout.media}/{stem}.mp4".lstrip("/")
            (folder / media).write_bytes(bytes([number]))
            written.append((stem, text))
            row = as_written(trainer.name, text)
            add(Sample(stem, stem, (media,), (row,), INFO, Caption(video=None)))
    entries = list(trainer.layout.read(folder))
    assert [entry.fault for entry in entries] == [""] * len(texts)
    read = [(Path(entry.media[0]).stem, as_read(trainer.name, *entry.texts)) for entry in entries]
    assert read == written
