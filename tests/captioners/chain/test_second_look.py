"""What a model corrects of its own answer: applied where it is clear, never more than a part."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.chain.answers import UNKNOWN, Answer, answer_type, choices_of, clean
from instancecap.captioners.chain.second_look import (
    MOST_CHANGED,
    SECOND_LOOK,
    look_again,
)
from instancecap.language.sentences import split_sentences
from instancecap.mllm.base import Request
from tests.captioners.chain.answering import DOG, Fake, answer_with, ask_about, keys_of, three

ENTRY = ("name", "looks", "appearance", "action", "expression", "position")
ANSWER = answer_type(
    (
        *(("instances", ENTRY), "part_1", "who_1", "global_description", "background", "texts"),
        *("camera_motion", "shot_type", "shot_angle", "shot_position", SECOND_LOOK),
    )
)
SAID: dict[str, Any] = {
    "instances": [
        {
            "name": "the man in headphones",
            "looks": "black headphones",
            "appearance": "A young man wears a dark T-shirt. He sits in a black and white chair.",
            "action": "He looks toward the lower left. He smiles at times. He lowers his eyes.",
            "expression": "He smiles throughout.",
            "position": "He stays in the upper left corner, cut off by the lower edge.",
        },
        {
            "name": "the helicopter",
            "looks": "green",
            "appearance": "A small helicopter with a red part below. It has two skids.",
            "action": "It rises, flies to the left and lands. It turns.",
            "expression": "",
            "position": "It is in the middle.",
        },
    ],
    "part_1": "The helicopter rises. The man in headphones smiles.",
    "who_1": ["the helicopter"],
    "global_description": "The helicopter flies over trees while the man in headphones watches.",
    "background": "Trees stand around. The man in headphones smiles.",
    "texts": [{"picture": 1, "box": [0, 0, 9, 9], "text": "Trunks"}],
    "camera_motion": ["pan_left", "zoom_in"],
    "shot_type": "full_shot",
    "shot_angle": "eye_level",
    "shot_position": "other",
}


def answer(*corrections: tuple[str, str]) -> Answer:
    entries = [{"says": a, "shown_in": [], "should_read": b} for a, b in corrections]
    return ANSWER.model_validate(SAID | {"second_look": entries})


def texts_of(value: Answer) -> dict[str, str]:
    """Every text, by a path."""
    told = value.model_dump()
    found = {key: told[key] for key in ("part_1", "global_description", "background")}
    for number, one in enumerate(told["instances"]):
        found |= {f"{number}/{key}": one[key] for key in ENTRY[2:]}
    return found


@pytest.mark.parametrize(
    ("says", "instead", "path", "now"),
    [
        (  # a sentence for a sentence, however it is spaced and capitalized
            "he  sits in a black\nand white chair.", "He sits in a black chair.",
            "0/appearance", "A young man wears a dark T-shirt. He sits in a black chair.",
        ),
        (
            "He lowers his eyes.", "",
            "0/action", "He looks toward the lower left. He smiles at times.",
        ),
        (
            "He looks toward the lower left", "",
            "0/action", "He smiles at times. He lowers his eyes.",
        ),
        (  # words for words
            "toward the lower left", "to the right",
            "0/action", "He looks to the right. He smiles at times. He lowers his eyes.",
        ),
        (  # a few words are quoted, and the whole sentence is given
            "with a red part", "A small helicopter with a dark cabin.",
            "1/appearance", "A small helicopter with a dark cabin. It has two skids.",
        ),
        (
            "It is in the middle.", "it is a little left of the middle",
            "1/position", "It is a little left of the middle.",
        ),
        ("He smiles throughout.", "", "0/expression", ""),
        (  # two sentences at once
            "He smiles at times. He lowers his eyes.", "He smiles at times.",
            "0/action", "He looks toward the lower left. He smiles at times.",
        ),
    ],
)  # fmt: skip
def test_a_correction_changes_its_sentence_and_nothing_else(
    says: str, instead: str, path: str, now: str
) -> None:
    before = answer((says, instead))
    after, left_alone = look_again(before)
    assert left_alone == 0
    assert texts_of(after) == texts_of(before) | {path: now}
    assert texts_of(before) == texts_of(answer())


@pytest.mark.parametrize(
    ("says", "instead"),
    [
        ("He wears a hat.", "He wears a cap."),  # nobody said so
        ("It is in the middle.", ""),  # then nothing would be known
        ("It is in the middle.", "delete"),
        ("It is in the middle.", "Please remove this statement."),
        ("in headphones smiles", "The man in headphones laughs."),  # stands twice
        ("helicopter", "A helicopter is there."),  # a word is no sentence
        ("the man in headphones", "the man in a hat"),  # a name
    ],
)
def test_what_is_unclear_is_left_alone(says: str, instead: str) -> None:
    before = answer((says, instead))
    after, left_alone = look_again(before)
    assert texts_of(after) == texts_of(before)
    assert left_alone == 1


@pytest.mark.parametrize(
    ("says", "instead", "key", "now"),
    [
        ("shot_angle: eye_level", "high_angle", "shot_angle", "high_angle"),
        ("Eye level", "", "shot_angle", UNKNOWN),
        ("shot angle eye-level", "The camera looks down.", "shot_angle", UNKNOWN),
        ("zoom_in", "", "camera_motion", ["pan_left"]),
        ("camera_motion: pan_left", "camera_motion: pan_right", "camera_motion",
         ["pan_right", "zoom_in"]),
        ("Trunks", "", "texts", []),
    ],
)  # fmt: skip
def test_a_word_of_a_list_becomes_another_or_unknown(
    says: str, instead: str, key: str, now: Any
) -> None:
    before = answer((says, instead))
    after, left_alone = look_again(before)
    assert left_alone == 0
    assert after.model_dump() == before.model_dump() | {key: now}


SENTENCES = [one.text for text in texts_of(answer()).values() for one in split_sentences(text)]
WORDS = [
    "full_shot",
    "shot_angle",
    "eye_level",
    "pan_left",
    "Trunks",
    "the",
    "none",
    "",
    "…",
    "No.",
]
QUOTES = st.sampled_from(SENTENCES) | st.sampled_from(WORDS) | st.text(max_size=20)
PARTS = st.builds(
    lambda text, a, b: " ".join(text.split()[a : a + b]),
    *(st.sampled_from(SENTENCES), st.integers(0, 5), st.integers(1, 6)),
)


@given(st.lists(st.tuples(QUOTES | PARTS, QUOTES | PARTS), max_size=40))
def test_no_answer_is_changed_by_much_or_broken(corrections: list[tuple[str, str]]) -> None:
    before = answer(*corrections)
    after, left_alone = look_again(before)
    assert 0 <= left_alone <= len(corrections)
    old, new = texts_of(before), texts_of(after)
    told = lost = 0
    for path, text in old.items():
        told += len(split_sentences(text))
        kept = [one.text for one in split_sentences(new[path])]
        lost += sum(one.text not in kept for one in split_sentences(text))
        assert new[path] or not text or path == "0/expression"
        assert clean(new[path]) == new[path]
        for one in kept:
            assert one[-1] in ".!?。！？" and not one[0].islower(), new[path]
    tags = ("camera_motion", "shot_type", "shot_angle", "shot_position")
    for key in tags:
        value = getattr(after, key)
        assert set([value] if isinstance(value, str) else value) <= set(choices_of(key))
    assert lost <= MOST_CHANGED * told
    assert [one.name for one in after.instances] == [one.name for one in before.instances]  # type: ignore[attr-defined]


@pytest.mark.parametrize("instead", ["", "It is not so at all.", "x"])
def test_a_model_that_takes_everything_back_keeps_most(instead: str) -> None:
    after, left_alone = look_again(answer(*((one, instead) for one in SENTENCES)))
    kept = [one.text for text in texts_of(after).values() for one in split_sentences(text)]
    assert len([one for one in SENTENCES if one in kept]) >= (1 - MOST_CHANGED) * len(SENTENCES)
    assert left_alone >= (1 - MOST_CHANGED) * len(SENTENCES)


def test_a_model_that_repeats_everything_changes_nothing() -> None:
    before = answer(*((one, one) for one in SENTENCES))
    after, left_alone = look_again(before)
    assert (texts_of(after), left_alone) == (texts_of(before), 0)


def test_sentences_without_spaces_are_corrected_too() -> None:
    said = SAID | {"background": "树木很多。天空是蓝色的。远处有山。"}
    entry = {"says": "天空是蓝色的。", "shown_in": [2], "should_read": "天空是灰色的。"}
    after, _ = look_again(ANSWER.model_validate(said | {"second_look": [entry]}))
    assert after.background == "树木很多。天空是灰色的。远处有山。"  # type: ignore[attr-defined]


# In a caption -------------------------------------------------------------------------------------

DOG_SAID = DOG | {
    "appearance": "A brown dog with a red collar. It has white feet.",
    "action": "It runs.",
}


def test_the_caption_has_what_the_second_look_left() -> None:
    corrections = [
        {"says": "It has white feet.", "shown_in": [], "should_read": ""},
        {"says": "It has five legs.", "shown_in": [], "should_read": "It has four legs."},
    ]

    def reply(request: Request) -> str:
        return answer_with(request, {"instances": [DOG_SAID], "second_look": corrections})

    backend = Fake(reply)
    caption = ask_about(three(), backend, detail="never").caption
    assert len(backend.requests) == 1 and keys_of(backend.requests[0])[-1] == "second_look"
    assert caption.instances[0].appearance == "A brown dog with a red collar."
    assert "the clip: 1 of the model's corrections left alone" in caption.warnings


def test_a_model_that_leaves_it_out_is_not_asked_again() -> None:
    def reply(request: Request) -> str:
        told = json.loads(answer_with(request, {"instances": [DOG_SAID]}))
        del told["second_look"]
        return json.dumps(told)

    written = ask_about(three(), Fake(reply), detail="never")
    assert written.usage.calls == 1 and not written.missing and not written.caption.warnings


def test_only_a_whole_caption_is_looked_at_again() -> None:
    backend = Fake()
    ask_about(three(), backend, mode="paper")
    first = ask_about(three(), Fake()).caption
    ask_about(three(), backend, previous=first, fields=frozenset({"background"}))
    assert not any("second_look" in keys_of(request) for request in backend.requests)
