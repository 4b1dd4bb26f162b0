"""Traits of a subject found and left out, trigger words, and repeated captions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.export import TRAINERS, Options
from instancecap.datasets.export.base import complete
from instancecap.datasets.repeats import RepeatAlarm
from instancecap.datasets.traits import leave_out, lint, tells, without
from instancecap.errors import UsageError
from instancecap.schema.caption import Caption, Instance
from tests.program import Run

TRAITS = ("red hair", "freckles", "green eyes", "jacket")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("A woman with long red hair walks to the left.", "A woman walks to the left."),
        ("A woman with red, curly hair and a blue coat.", "A woman with a blue coat."),
        ("A woman with red hair, wearing a coat, waits.", "A woman, wearing a coat, waits."),
        ("The woman has red hair, green eyes and a scarf.", "The woman has a scarf."),
        ("A woman with a hat, a scarf and red hair.", "A woman with a hat and a scarf."),
        ("An old red-haired woman with freckles smiles.", "An old woman smiles."),
        ("A green-eyed actor waits.", "An actor waits."),
        ("Her hair is long and red. She sits.", "She sits."),
        ("A woman with long red hair in a braid walks. She sits.", "She sits."),
        ("She has red hair and holds a cup.", ""),
        (
            "A man in a dark jacket walks. A man in a jacket and a hat.",
            "A man walks. A man in a hat.",
        ),
    ],
)
def test_a_trait_goes_alone_where_it_can_else_with_its_sentence(text: str, left: str) -> None:
    assert without(text, TRAITS) == left


@pytest.mark.parametrize(
    "text",
    [
        "A man in a red dress and black hair.",
        "She wears a red scarf over black hair.",
        "A red car passes a man with white hair.",
        "Reddish light falls on the hairy dog.",
    ],
)
def test_words_of_two_things_are_no_trait(text: str) -> None:
    assert without(text, TRAITS) == text


SENTENCES = st.lists(
    st.sampled_from(
        (
            "A woman with {} and a {} runs.", "The {} woman sits.", "Her {} shines.",
            "She has a hat, {} and a {}.", "It is a {}, {} day.", "A dog runs.",
        )
    ),
    max_size=4,
)  # fmt: skip
WORDS = st.sampled_from(
    ("red hair", "long red hair", "red-haired", "freckles", "green eyes", "blue coat", "hat", "red")
)


@given(SENTENCES, st.data())
def test_no_trait_is_left_and_nothing_is_added(forms: list[str], data: st.DataObject) -> None:
    texts = [form.format(*(data.draw(WORDS) for _ in range(2))) for form in forms]
    text = " ".join(texts)
    left = without(text, TRAITS)
    assert not any(tells(left, trait) for trait in TRAITS)
    added = set(left.lower().replace(",", "").replace(".", "").split()) - set(
        text.lower().replace(",", "").replace(".", "").split()
    )
    assert added <= {"a", "an"}
    assert without(left, TRAITS) == left


def caption() -> Caption:
    return Caption(
        video=None,
        global_description="Two women with red hair meet. They smile.",
        instances=[
            Instance(id=0, class_="person", name="the red-haired woman", is_main=True,
                     appearance="A woman with red hair.", colors=["red", "green"]),
            Instance(id=1, class_="person", name="the woman", appearance="A woman with red hair."),
        ],
    )  # fmt: skip


def test_other_instances_keep_theirs() -> None:
    left = leave_out(caption(), ("red hair", "green"))
    assert left.global_description == "They smile."
    assert [one.appearance for one in left.instances] == ["A woman.", "A woman with red hair."]
    assert left.instances[0].colors == ["red"]
    # Without the hair it would be called as the other is.
    assert [one.name for one in left.instances] == ["", "the woman"]
    Caption.model_validate(left.model_dump())


def test_a_set_is_looked_through(tmp_path: Path) -> None:
    texts = {
        "a": "sks woman with red hair walks on a beach.",
        "b": "sks woman in a blue coat runs up the stairs.",
        "c": "a woman in a blue coat waits for the bus at night.",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.mp4").touch()
        (tmp_path / f"{name}.txt").write_text(text)
    report = lint([str(tmp_path)], trigger="SKS", leave_out=["red hair"], keep=["blue coat"])
    assert report.captions == 3 and not report.is_clean
    assert report.lacking == ["c.mp4"]
    assert report.telling == [("a.mp4", "red hair", texts["a"])]
    assert report.silent == [("a.mp4", "blue coat")]
    assert report.repeated == ""
    assert lint([str(tmp_path / "b.txt")], trigger="sks", keep=["blue coat"]).is_clean


def test_every_caption_of_a_clip_is_looked_through(tmp_path: Path) -> None:
    texts = ["sks woman runs up the stairs.", "A woman with red hair runs up the stairs."]
    lines = "\n".join(texts)
    exported, others = tmp_path / "exported", tmp_path / "others"
    for folder in (exported, others):
        folder.mkdir()
        (folder / "a.mp4").touch()
        (folder / "a.txt").write_text(lines)
    (exported / ".instancecap").mkdir()
    (exported / ".instancecap" / "export.json").write_text("{}")
    table = tmp_path / "rows.jsonl"
    table.write_text(json.dumps({"id": "a.mp4", "captions": texts}))
    for path in (exported, exported / "a.txt", table):
        report = lint([str(path)], trigger="sks", leave_out=["red hair"])
        assert (report.captions, report.lacking) == (2, ["a.mp4-2"]), path
        assert report.telling == [("a.mp4-2", "red hair", texts[1])]
    # Another's text may be one caption of several lines.
    report = lint([str(others)], trigger="sks", leave_out=["red hair"])
    assert (report.captions, report.lacking, report.telling[0][0]) == (1, [], "a.mp4")


def test_a_trait_without_a_word_is_refused() -> None:
    with pytest.raises(UsageError, match="--keep '!!': give a noun"):
        lint([], keep=["!!"])


def test_captions_of_one_clip_are_no_repetition(tmp_path: Path) -> None:
    text = "A man talks to the camera in a bright room."
    row = {"path": "a.mp4", "captions": [text] * 4}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    assert lint([str(tmp_path / "rows.jsonl")]).repeated == ""
    rows = [{"path": f"{number}.mp4", "caption": text} for number in range(4)]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert "4 of 4 captions are repeated" in lint([str(tmp_path / "rows.jsonl")]).repeated


def test_a_set_that_repeats_itself_is_told_so() -> None:
    alarm = RepeatAlarm()
    for number in range(100):
        alarm.add(
            f"{number}.mp4", f"A dog number {number} runs over field {number} to gate {number}."
        )
    assert alarm.warning() == ""
    for number in range(7):
        alarm.add(f"same{number}.mp4", "A man talks to the camera in a bright room.")
    told = alarm.warning()
    alarm.close()
    assert told.startswith("7 of 107 captions are repeated")
    assert "7 like that of same0.mp4: 'A man talks to the camera in a bright room.'" in told


def test_a_trait_without_a_word_is_refused_by_export_too() -> None:
    trainer = TRAINERS["musubi-tuner"]
    with pytest.raises(UsageError, match="--leave-out ''"):
        complete(Options(leave_out=("",)), trainer)


def test_lint_counts_what_was_looked_for(tmp_path: Path, run: Run) -> None:
    Caption(video=None, global_description="A dog runs.").write(tmp_path / "a.json")
    assert run("dataset", "lint", tmp_path)[2].endswith("1 captions\n")
    told = run("dataset", "lint", tmp_path, "--trigger", "sks")[2]
    assert told.endswith("1 captions: 1 lack the trigger word\n")
