"""Colours by name: of plain paint, of any picture, and of a thing told from its surroundings."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from instancecap.evidence.color_names import COLORS, name_pixels
from instancecap.evidence.experts.appearance import (
    box_colors,
    color_shares,
    named_shares,
    sure_colors,
)

PAINTS = {  # red, green, blue
    "black": [(5, 5, 5), (25, 25, 28)],
    "gray": [(110, 110, 110), (140, 138, 142)],
    "white": [(250, 250, 250), (235, 238, 240)],
    "red": [(210, 20, 25), (150, 10, 15)],
    "orange": [(245, 130, 20), (255, 150, 30)],
    "brown": [(110, 65, 30), (90, 55, 30)],
    "beige": [(225, 205, 170), (210, 190, 150)],
    "yellow": [(250, 225, 30), (240, 210, 0)],
    "green": [(40, 150, 50), (60, 90, 30)],
    "teal": [(0, 128, 128), (30, 150, 160)],
    "blue": [(25, 60, 200), (20, 30, 110)],
    "purple": [(110, 30, 150), (130, 50, 180)],
    "pink": [(250, 160, 190), (245, 170, 200)],
}


def name_of(red: int, green: int, blue: int) -> str:
    return COLORS[int(name_pixels(np.array([[[blue, green, red]]], np.uint8))[0, 0])]


def picture_with_disc(paint: tuple[int, int, int], ground: tuple[int, int, int]) -> np.ndarray:
    """BGR, 90×160; colours given as red, green, blue; the disc fills [0.375, 0.28, 0.625, 0.72]."""
    picture = np.full((90, 160, 3), ground[::-1], np.uint8)
    cv2.circle(picture, (80, 45), 20, paint[::-1], cv2.FILLED)
    return picture


DISC = np.array([60 / 160, 25 / 90, 100 / 160, 65 / 90])


@pytest.mark.parametrize(
    ("name", "paint"), [(name, paint) for name, paints in PAINTS.items() for paint in paints]
)
def test_plain_paint_is_named(name: str, paint: tuple[int, int, int]) -> None:
    assert name_of(*paint) == name


def test_hot_pink_is_pink() -> None:
    assert name_of(255, 105, 180) == "pink"


@given(st.integers(0, 255))
def test_what_has_no_color_is_black_gray_or_white(level: int) -> None:
    assert name_of(level, level, level) in ("black", "gray", "white")


def test_grays_go_from_black_to_white_without_turning_back() -> None:
    names = [name_of(level, level, level) for level in range(256)]
    order = [name for name, before in zip(names, [None, *names], strict=False) if name != before]
    assert order == ["black", "gray", "white"]


@settings(deadline=None)
@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
def test_every_picture_has_a_name_for_every_pixel(picture: np.ndarray) -> None:
    names = name_pixels(picture)
    assert names.shape == picture.shape[:2]
    assert names.max() < len(COLORS)
    assert color_shares(names).sum() == pytest.approx(1)


def test_shares_count_pixels() -> None:
    red, blue = COLORS.index("red"), COLORS.index("blue")
    shares = color_shares(np.array([[red, red, red, blue]], np.uint8))
    assert (shares[red], shares[blue], shares.sum()) == (0.75, 0.25, 1.0)
    assert color_shares(np.zeros((0,), np.uint8)).sum() == 0


@pytest.mark.parametrize("ground", ["green", "gray", "white", "beige"])
@pytest.mark.parametrize("paint", ["red", "blue", "black", "yellow"])
def test_a_thing_keeps_its_color_on_any_ground(paint: str, ground: str) -> None:
    picture = picture_with_disc(PAINTS[paint][0], PAINTS[ground][0])
    shares = box_colors(name_pixels(picture), DISC)
    assert COLORS[int(shares.argmax())] == paint
    assert shares[COLORS.index(paint)] > 0.8


def test_a_loose_box_still_finds_the_things_color() -> None:
    picture = picture_with_disc(PAINTS["red"][0], PAINTS["green"][0])
    loose = DISC + [-0.06, -0.1, 0.06, 0.1]
    assert COLORS[int(box_colors(name_pixels(picture), loose).argmax())] == "red"


def test_a_thing_of_the_color_of_its_ground_keeps_a_name() -> None:
    picture = picture_with_disc(PAINTS["green"][0], PAINTS["green"][0])
    assert box_colors(name_pixels(picture), DISC)[COLORS.index("green")] == pytest.approx(1)


def test_a_box_as_large_as_the_picture_has_no_surroundings() -> None:
    picture = np.full((40, 60, 3), (200, 60, 20), np.uint8)
    shares = box_colors(name_pixels(picture), np.array([0.0, 0.0, 1.0, 1.0]))
    assert COLORS[int(shares.argmax())] == "blue"


@settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.uint8, st.tuples(st.integers(1, 24), st.integers(1, 24), st.just(3))),
    st.tuples(*[st.floats(0, 1)] * 4),
)
def test_any_box_of_any_picture_has_shares_that_add_up(
    picture: np.ndarray, corners: tuple[float, float, float, float]
) -> None:
    a, b, c, d = corners
    box = np.array([min(a, c), min(b, d), max(a, c), max(b, d)])
    shares = box_colors(name_pixels(picture), box)
    assert np.isfinite(shares).all()
    assert (shares >= 0).all()
    assert shares.sum() == pytest.approx(1) or shares.sum() == 0


def test_only_shares_worth_a_name_are_named_largest_first() -> None:
    shares = np.zeros(len(COLORS))
    for name, part in {"red": 0.2, "blue": 0.5, "white": 0.2, "pink": 0.1}.items():
        shares[COLORS.index(name)] = part
    named = named_shares(shares, minimum=0.15, most=2)
    assert named[0] == ("blue", 0.5)
    assert len(named) == 2
    assert named_shares(shares, minimum=0.6) == []


@pytest.mark.parametrize(
    ("class_", "upright", "told"), [("person", 2.0, 1), ("person", 0.8, 0), ("car", 0.8, 1)]
)
def test_clothes_have_a_color_where_a_person_is_seen_upright(
    class_: str, upright: float, told: int
) -> None:
    assert len(sure_colors([("white", 0.7), ("red", 0.2)], class_, upright=upright)) == told
