"""Paraphrases say the same, in another way."""

from __future__ import annotations

import re
from collections import Counter as Counts
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.render import render
from instancecap.render.wording import phrases, wording_of
from instancecap.schema.caption import Camera, Caption, Instance, Position, Text, Video

OTHERS = frozenset(
    re.findall(
        r"\w+",
        "left right top bottom center up out still stop park gray wall night day daytime indoors "
        "outdoors bright long close pans tilts zooms number women two three four five 7 8 9",
    )
)
BOX = (0.1, 0.1, 0.2, 0.2)
COLORS = ("red", "blue", "green", "white", "black", "yellow")
NOUNS = ("dog", "car", "woman", "horse", "bicycle", "truck")
CELLS = ("top-left", "center-left", "center-right", "bottom-middle", "center-middle")
MOVES = {"pan_left": "pans left", "tilt_up": "tilts up", "zoom_out": "zooms out", "static": "still"}


@st.composite
def captions(draw: st.DrawFn) -> Caption:
    """Measured or written captions whose facts are known: names, colors, counts, directions."""
    nouns = draw(st.lists(st.sampled_from(NOUNS), min_size=1, max_size=3, unique=True))
    instances = []
    for id, noun in enumerate(nouns):
        color = draw(st.sampled_from(COLORS))
        written = draw(st.booleans())
        way = draw(st.sampled_from(("left", "right")))
        start, end = draw(st.sampled_from(CELLS)), draw(st.sampled_from(CELLS))
        instances.append(
            Instance(
                id=id,
                class_="person" if noun == "woman" else noun,
                subcategory=noun,
                name=f"the {color} {noun}" if draw(st.booleans()) else "",
                count=1 if written else draw(st.integers(1, 5)),
                colors=[color],
                appearance=f"A {color} {noun} with a number {id + 7}." if written else "",
                action=f"It moves to the {way}." if draw(st.booleans()) else "",
                position=Position(start=start, end=end),
            )
        )
    return Caption(
        video=Video.named(f"{draw(st.integers(0, 999))}.mp4"),
        instances=instances,
        background=draw(st.sampled_from(("", "A park.", "A gray wall stands behind."))),
        lighting=draw(st.sampled_from(("", "bright daylight", "A bright picture."))),
        time_of_day=draw(st.sampled_from(("", "day", "night"))),
        place=draw(st.sampled_from(("", "indoor", "outdoor"))),
        texts=[Text(text="STOP", t=0, box=BOX)] if draw(st.booleans()) else [],
        camera=Camera(
            motion=[draw(st.sampled_from(tuple(MOVES)))],
            shot_type=draw(st.sampled_from(("", "long_shot", "close_up"))),
        ),
    )


def facts(text: str) -> Counts[str]:
    """Words that tell names, colors, numbers, directions, places, light and writing."""
    words = re.findall(r"\w+", text.lower())
    known = {*COLORS, *NOUNS, *(f"{noun}s" for noun in NOUNS), *OTHERS}
    return Counts(word for word in words if word in known)


@settings(max_examples=60)
@given(captions(), st.integers(1, 6), st.integers(0, 3))
def test_a_paraphrase_keeps_every_fact_and_adds_none(one: Caption, variant: int, seed: int) -> None:
    usual = render(one, target="hunyuanvideo1.5")
    other = render(one, target="hunyuanvideo1.5", variant=variant, seed=seed)
    assert facts(other.text).keys() == facts(usual.text).keys()
    assert not other.dropped and not other.omitted


@given(captions(), st.integers(0, 3))
def test_it_is_the_same_each_time(one: Caption, seed: int) -> None:
    first, again = (
        render(one, target="wan2.2", variant=2, seed=seed).text,
        render(one, target="wan2.2", variant=2, seed=seed).text,
    )
    assert first == again


def test_orders_differ_until_all_are_taken() -> None:
    one = Caption(video=None, background="A park.", lighting="Bright.")
    usual = ("subjects", "events", "texts", "background", "lighting", "framing", "camera")
    found = [wording_of(one, usual, variant=v, seed=0) for v in range(8)]
    shown = [tuple(name for name in word.order if name != "texts") for word in found]
    assert found[0].order == usual and len(set(shown)) == 8
    assert all(set(word.order) == set(usual) for word in found)


@pytest.mark.parametrize("name", phrases())
def test_every_way_takes_the_same_words(name: str) -> None:
    marks = [set(re.findall(r"\{\w*\}", way)) for way in phrases()[name]]
    assert len(phrases()[name]) > 1 and all(one == marks[0] for one in marks)


def test_short_sentences_about_one_become_one() -> None:
    looks = "The kite is red. It is small."
    kite = Instance(id=0, name="the kite", class_="kite", appearance=looks, action="Turns left.")
    one = Caption(video=None, instances=[kite], background="A beach.")
    usual = render(one, target="hunyuanvideo").text
    assert "It is small. It turns left." in usual
    assert "It is small and turns left." in render(one, target="hunyuanvideo", variant=2).text
    assert "The kite turns left." in render(one, target="hunyuanvideo", variant=1).text


def test_captions_of_real_clips_have_three_wordings(clips_dir: Path) -> None:
    folder = clips_dir.parent / "reader" / "captions"
    for path in sorted(folder.glob("*.json")):
        one = Caption.read(path)
        texts = [render(one, target="hunyuanvideo1.5", variant=v).text for v in range(3)]
        assert len(set(texts)) == 3
        words = [Counts(re.findall(r"[\w'-]{5,}", text.lower())).keys() for text in texts]
        lost = (words[0] - words[1]) | (words[0] - words[2])
        assert lost <= {"there", "setting", "lighting", "picture", "visible", "camera", "framing"}
