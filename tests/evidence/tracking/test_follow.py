"""Following one thing from a box: both ways, stopped at cuts, gone when it is gone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.following import film_of
from instancecap.evidence.geometry import pairwise_ious
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.follow import Followed, follow_in
from instancecap.schema.evidence import Shot
from instancecap.video.clip import Clip

WIDTH, HEIGHT, SIZE, FPS = 320, 200, 48, 10


def picture(x: float | None, *, seed: int = 0) -> np.ndarray:
    """A red, checkered square whose left edge is at ``x`` on gray noise; RGB."""
    noise = np.random.default_rng(seed).integers(90, 170, (HEIGHT // 4, WIDTH // 4), np.uint8)
    shown = np.repeat(cv2.resize(noise, (WIDTH, HEIGHT))[..., None], 3, axis=2)
    if x is not None:
        thing = np.zeros((SIZE, SIZE, 3), np.uint8)
        thing[...] = (200, 20, 30)
        thing[:: SIZE // 4] = (250, 220, 40)
        thing[:, :: SIZE // 4] = (120, 0, 60)
        left, right = max(0, round(x)), min(WIDTH, round(x) + SIZE)
        if left < right:
            part = thing[:, left - round(x) : right - round(x)]
            shown[80 : 80 + SIZE, left:right] = part
    return shown


def box(x: float) -> tuple[float, float, float, float]:
    left, right = max(0.0, x) / WIDTH, min(WIDTH, x + SIZE) / WIDTH
    return left, 80 / HEIGHT, right, (80 + SIZE) / HEIGHT


def film(places: list[float | None]) -> Film:
    made = Film()
    for index, x in enumerate(places):
        made.add(index / FPS, cv2.cvtColor(picture(x), cv2.COLOR_RGB2BGR))
    return made


def overlap(found: Followed, places: list[float | None]) -> list[float]:
    return [
        float(
            pairwise_ious(np.array([point.box]), np.array([box(places[round(point.t * FPS)])]))[0]
        )
        for point in found.track
    ]


@pytest.fixture(params=["NanoTrack", "feature flow"])
def tracker(request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("with_weights" if request.param == "NanoTrack" else "without_weights")


@pytest.mark.usefixtures("tracker")
def test_from_one_box_both_ways() -> None:
    places = [40.0 + 6 * index for index in range(30)]
    found = follow_in(film(places), {"it": [Seed(1.5, box(places[15]))]})["it"]
    assert len(found.track) == 30 and not found.absent
    assert min(overlap(found, places)) > 0.5
    assert found.confidence > 0.5


@pytest.mark.usefixtures("tracker")
def test_what_leaves_the_frame_is_gone() -> None:
    places = [150.0 + 8 * index for index in range(40)]
    found = follow_in(film(places), {0: [Seed(0.5, box(places[5]))]})[0]
    last = found.track[-1]
    assert 1.5 <= last.t <= 2.5, "its last bit leaves at 2.1 s"
    assert found.absent and found.absent[-1][1] == pytest.approx(3.9)


@pytest.mark.usefixtures("without_weights")
def test_what_is_hidden_for_a_while_is_not_there_meanwhile() -> None:
    places: list[float | None] = [120.0] * 12 + [None] * 12 + [120.0] * 12
    found = follow_in(film(places), {0: [Seed(0.3, box(120)), Seed(3.2, box(120))]})[0]
    assert {round(point.t * FPS) for point in found.track}.isdisjoint(range(14, 22))
    (gap,) = found.absent
    assert gap == (pytest.approx(1.2, abs=0.25), pytest.approx(2.4, abs=0.25))


@given(cut=st.integers(3, 17), seeded=st.integers(0, 19))
@pytest.mark.usefixtures("without_weights")
def test_never_over_a_cut(cut: int, seeded: int) -> None:
    shots = [
        Shot(start=0, end=cut / FPS, transition="start"),
        Shot(start=cut / FPS, end=2, transition="cut"),
    ]
    seeds = {0: [Seed(seeded / FPS, box(100))]}
    found = follow_in(film([100.0] * 20), seeds, shots=shots)[0]
    assert found.track
    assert len({point.t >= cut / FPS - 1e-6 for point in found.track}) == 1


@pytest.mark.parametrize("bad", [[], [Seed(0.2, (0.5, 0.5, 0.5, 0.5))]])
def test_nothing_to_go_by_is_no_track(bad: list[Seed]) -> None:
    found = follow_in(film([100.0] * 4), {0: bad})[0]
    assert found == Followed((), ()) and found.confidence == 0
    assert follow_in(Film(), {0: [Seed(0, box(1))]})[0].track == ()


@pytest.mark.usefixtures("with_weights")
def test_labelled_sequences(clips_dir: Path) -> None:
    from benchmarks.follow import _read

    right = seen = 0
    for name in ("dog", "car-shadow", "goat"):
        path = clips_dir / "masks" / f"{name}.mp4"
        true, _ = _read(path)
        middle = len(true.times) // 2
        where = true.boxes[middle]
        assert where is not None
        found = follow_in(
            film_of(Clip.open(path)), {0: [Seed(true.times[middle], tuple(where.tolist()))]}
        )[0]
        boxes = {round(point.t, 3): np.array([point.box]) for point in found.track}
        for t, expected in zip(true.times, true.boxes, strict=True):
            seen += expected is not None
            if expected is not None and round(t, 3) in boxes:
                right += pairwise_ious(boxes[round(t, 3)], expected[None])[0] >= 0.5
    assert right / seen >= 0.75
