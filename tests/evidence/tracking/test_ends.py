"""Tracks that begin and end where the thing does: by patches that move, and by following it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.experts.world import CameraTrajectory
from instancecap.evidence.tracking.ends import follow_ends, lengthen_by_motion
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.tracks import Track
from instancecap.models.coco import CLASSES
from instancecap.schema.evidence import Shot

WIDTH, HEIGHT, SIDE, RATE = 320, 200, 48, 4.0
SHOT = Shot(start=0.0, end=6.0, transition="start")


def box(x: float) -> np.ndarray:
    return np.array([x / WIDTH, 0.4, (x + SIDE) / WIDTH, 0.4 + SIDE / HEIGHT]).clip(0, 1)


def track(places: dict[float, float], *, class_: str = "car") -> Track:
    """A track with a box at ``places``, the left edge in pixels by time; a patch has no class."""
    scores = np.array([0.8], np.float32)
    if class_:
        scores = 0.8 * np.eye(len(CLASSES), dtype=np.float32)[CLASSES.index(class_)]
    return Track(
        times=list(places),
        boxes=[box(x) for x in places.values()],
        scores=[scores for _ in places],
        colors=[np.eye(len(COLORS))[3] for _ in places],
    )


def picture(x: float | None) -> np.ndarray:
    """A red, checkered square on gray noise; BGR."""
    noise = np.random.default_rng(0).integers(90, 170, (HEIGHT // 4, WIDTH // 4), np.uint8)
    shown = np.repeat(cv2.resize(noise, (WIDTH, HEIGHT))[..., None], 3, axis=2)
    if x is not None:
        part = shown[80 : 80 + SIDE, max(0, round(x)) : max(0, round(x) + SIDE)]
        part[...] = (30, 20, 200)
        part[:: SIDE // 4] = (40, 220, 250)
    return shown


def film(places: list[float | None]) -> Film:
    made = Film()
    for index, x in enumerate(places):
        made.add(index / RATE, picture(x))
    return made


def world(*, moves: bool) -> CameraTrajectory:
    return CameraTrajectory(np.arange(3.0), (np.eye(2, 3),) * 3, (WIDTH, HEIGHT), moves)


@pytest.mark.parametrize("moves", [False, True])
def test_a_track_begins_and_ends_with_the_patch_that_moves(moves: bool) -> None:
    thing = track({1.0: 100.0, 1.5: 130.0, 2.0: 160.0})
    patch = track({t: 40 + 60 * t for t in np.arange(0.25, 3.0, 0.25)}, class_="")
    lengthen_by_motion([thing], [patch], world(moves=moves))
    ends = (1.0, 2.0) if moves else (0.25, 2.75)
    assert (thing.times[0], thing.times[-1]) == ends
    assert len(thing.scores[0]) == len(CLASSES)
    assert len(thing.named_scores) == 3


def test_a_patch_elsewhere_is_something_else() -> None:
    thing = track({1.0: 100.0, 1.5: 130.0, 2.0: 160.0})
    lengthen_by_motion([thing], [track({0.5: 250.0, 3.0: 240.0}, class_="")], world(moves=False))
    assert thing.times == [1.0, 1.5, 2.0]


@pytest.mark.usefixtures("with_weights")
def test_a_lost_thing_is_followed_to_both_ends_of_the_shot() -> None:
    places = [60.0 + 5 * index for index in range(24)]
    thing = track({t: places[round(t * RATE)] for t in (2.0, 2.25, 2.5)})
    follow_ends([thing], film(list(places)), SHOT)
    assert (thing.times[0], thing.times[-1]) == (0.0, 5.75)
    centers = [float(b[0] + b[2]) / 2 * WIDTH for b in thing.boxes]
    assert centers == pytest.approx([x + SIDE / 2 for x in places], abs=SIDE / 3)


@pytest.mark.usefixtures("with_weights")
def test_what_is_gone_is_followed_no_further() -> None:
    places = [100.0 if index < 14 else None for index in range(24)]
    thing = track({0.0: 100.0, 0.5: 100.0, 1.0: 100.0})
    follow_ends([thing], film(places), SHOT)
    assert thing.times[0] == 0.0 and thing.times[-1] == pytest.approx(3.25, abs=0.3)


@pytest.mark.usefixtures("with_weights")
@pytest.mark.parametrize(("class_", "tracks"), [("car", 1), ("dog", 2)])
def test_a_thing_that_is_followed_to_another_track_of_its_kind_is_that_one(
    class_: str, tracks: int
) -> None:
    lost, other = track({0.0: 100.0, 1.0: 100.0}), track({3.0: 100.0, 5.75: 100.0}, class_=class_)
    kept = follow_ends([lost, other], film([100.0] * 24), SHOT)
    assert len(kept) == tracks
    assert kept[0].times[0] == 0.0 and (kept[0].times[-1] == 5.75) == (tracks == 1)
