"""Known subjects: pronouns with one antecedent, *a* at the first mention, nothing told twice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.render import render
from instancecap.render.grammar import content
from instancecap.render.joining import joined
from instancecap.render.paragraph import Line
from instancecap.render.targets import targets
from tests.render.rich_captions import caption_of, measured
from tests.tables import cases

PEOPLE: tuple[dict[str, Any], ...] = (
    {"name": "the woman in the green coat", "subcategory": "woman", "category": "human"},
    {"name": "the tall man", "subcategory": "man", "category": "human"},
    {"name": "the rider in red", "category": "human"},
    {"name": "the red kite", "class": "kite"},
    {"name": "the three kids", "class": "kid", "count": 3, "category": "human"},
)
PRONOUNS = {0: "She", 1: "He", 3: "It", 4: "They"}


def told(texts: list[tuple[str, str]], *, first_mentions: bool = True) -> str:
    lines = [Line(where, 0, 0, text) for where, text in texts]
    return " ".join(
        one.text for one in joined(lines, caption_of(*PEOPLE), first_mentions=first_mentions)
    )


@pytest.mark.parametrize(("given_texts", "wanted"), cases(__file__, "subjects_are_joined"))
def test_subjects_are_joined(given_texts: list[list[str]], wanted: str) -> None:
    assert told([(where, text) for where, text in given_texts]) == wanted


SAID = st.tuples(
    st.integers(0, 4),
    st.sampled_from(("waves|wave", "is|are", "looks at the tall man|look at the tall man",
                     "passes the red kite|pass the red kite", "slowly turns|slowly turn")),
    st.sampled_from(("outside.", "by the door.", "again, with a child.", "and says \"Now!\"")),
)  # fmt: skip


@given(st.lists(SAID, min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_only_names_are_replaced_and_pronouns_mean_one(said: list[tuple[int, str, str]]) -> None:
    texts = []
    for who, verbs, end in said:
        name, verb = str(PEOPLE[who]["name"]), verbs.split("|")[who == 4]
        texts.append((f"/instances/{who}/action", f"T{name[1:]} {verb} {end}"))
    lines = [Line(where, at, 0, text) for at, (where, text) in enumerate(texts)]
    found = joined(lines, caption_of(*PEOPLE), first_mentions=False)
    assert content(" ".join(text for _, text in texts)) <= (
        content(" ".join(one.text for one in found)) | content("these words")
    )
    before = -1
    for one in found:
        who = int(one.field.split("/")[2])
        first = one.text.split()[0]
        assert first == "The" or (first == PRONOUNS[who] and who == before), found
        rest = re.sub(r",? \"[^\"]+\"| these words", "", texts[one.index][1]).rstrip(".")
        new = re.sub(r",? \"[^\"]+\"| these words", "", one.text).rstrip(".")
        assert rest.endswith(new.partition(" ")[2].removeprefix("woman ").removeprefix("rider "))
        before = who


def test_dawn_or_dusk_is_left_to_the_light() -> None:
    caption = caption_of({"action": "walks"}, time_of_day="dawn_or_dusk", lighting="Pink light.")
    for target in ("wan2.2", "hunyuanvideo", "cosmos3"):
        assert "dusk" not in render(caption, target=target).text


def test_shots_stay_together_and_the_action_is_told_in_them() -> None:
    texts = ("The boy finds a key.", "The boy opens a chest.")
    parts = [{"start": at, "end": at + 1, "description": text} for at, text in enumerate(texts)]
    shots = [{"start": at, "end": at + 1, "transition": "cut"} for at in (0, 1)]
    boy = {"name": "the boy", "action": "The boy finds a key and opens a chest.",
           "appearance": "The boy has messy hair."}  # fmt: skip
    caption = caption_of(boy, segments=parts, shots=shots, lighting="Soft light.")
    assert render(caption, target="hunyuanvideo").text == (
        "A boy has messy hair. Shot 1: The boy finds a key. Shot 2: The boy opens a chest. "
        "Soft light."
    )
    assert "[Shot 2] At 00:01.000, The boy opens" in render(caption, target="minimax-h3").text


@pytest.mark.parametrize("target", sorted(targets()))
def test_another_does_not_give_the_first_its_color(target: str) -> None:
    def prompt(first: str, second: str) -> str:
        cars: list[dict[str, Any]] = [
            {"name": first, "class": "car", "colors": ["red"], "action": "Moves up the frame."},
            {"name": second, "class": "car", "colors": ["white"], "appearance": "A white car.",
             "action": "Moves down the frame."},
        ]  # fmt: skip
        return render(measured(*cars), target=target).text.lower()

    assert "another white car" not in prompt("the first car", "the second white car")
    if targets()[target].takes_prose:
        assert "a white car" in prompt("the first car", "the second white car")
        assert "another white car" in prompt("the first white car", "the second white car")
