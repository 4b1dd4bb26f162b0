"""Which frames an instance is shown on, and which part of them a crop shows."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners import views
from instancecap.captioners.views import LOOK_AT, best_views, crop_around
from instancecap.captioners.visual_prompts import visual_prompts
from instancecap.schema.base import TrackPoint
from instancecap.video import Clip, Frame
from tests.captioners.chain.crossing import FPS, followed, measured_as, only, scene

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@st.composite
def tracks(draw: st.DrawFn) -> list[TrackPoint]:
    times = draw(st.lists(st.integers(0, 20_000), min_size=1, max_size=60, unique=True))
    points = []
    for t in sorted(times):
        a, b, c, d = (draw(st.floats(0, 1)) for _ in range(4))
        box = (min(a, c), min(b, d), max(a, c), max(b, d))
        points.append(TrackPoint(t=t / 1000, box=box, score=draw(st.floats(0, 1))))
    return points


@given(tracks(), st.integers(1, 12))
def test_each_slot_gives_its_best_views_in_order_of_time(
    track: list[TrackPoint], frames: int
) -> None:
    slots = best_views(track, frames=frames)
    first, span = track[0].t, track[-1].t - track[0].t
    assert 1 <= len(slots) <= frames
    taken = [point.t for slot in slots for _, point in slot]
    assert taken == sorted(set(taken))
    assert set(taken) <= {point.t for point in track}

    def index(t: float) -> int:
        return min(int((t - first) / span * frames), frames - 1) if span else 0

    assert {index(t) for t in taken} == {index(point.t) for point in track}
    for slot in slots:
        assert 1 <= len(slot) <= LOOK_AT
        assert len({index(point.t) for _, point in slot}) == 1


def point(t: float, box: tuple[float, float, float, float], score: float = 0.8) -> TrackPoint:
    return TrackPoint(t=t, box=box, score=score)


def test_large_sure_and_whole_views_come_first() -> None:
    middle, small, cut = (0.3, 0.3, 0.6, 0.6), (0.4, 0.4, 0.5, 0.5), (0.0, 0.3, 0.3, 0.6)
    ((_, best),) = best_views([point(0, small), point(1, middle), point(2, small)], frames=1)[0]
    assert best.t == 1
    ((_, best),) = best_views([point(0, middle, 0.2), point(1, middle, 0.9)], frames=1)[0]
    assert best.t == 1
    ((_, best),) = best_views([point(0, cut, 0.8), point(1, middle, 0.9)], frames=1)[0]
    assert best.t == 1
    assert best_views([], frames=8) == []


def test_of_equally_good_views_the_sharpest_is_shown() -> None:
    frames = scene()
    for index in range(20):
        if index % 3:
            frames[index] = cv2.GaussianBlur(frames[index], (15, 15), 0)
    shown = only(visual_prompts(Clip.from_frames(frames, FPS), measured_as(followed()), frames=5))
    assert len(shown.times) == 5
    assert all(round(t * FPS) % 3 == 0 for t in shown.times)


@pytest.mark.parametrize("frames", [1, 2, 8, 50])
def test_frames_are_few_distinct_spread_and_in_order(frames: int) -> None:
    clip = Clip.from_frames(scene(), FPS)
    shown = only(visual_prompts(clip, measured_as(followed()), variant="none", frames=frames))
    assert len(shown.times) == len(shown.pictures) == min(frames, 20)
    assert list(shown.times) == sorted(set(shown.times))
    if frames == 8:
        assert max(np.diff(shown.times)) < 2 * 2.0 / 8


def test_only_the_frames_that_are_shown_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[weakref.ref[np.ndarray]] = []
    most = 0
    plain = Frame.bgr

    def watched(self: Frame, size: tuple[int, int] | None = None) -> np.ndarray:
        nonlocal most
        picture = plain(self, size)
        held.append(weakref.ref(picture))
        gc.collect()
        most = max(most, sum(one() is not None for one in held))
        return picture

    monkeypatch.setattr(Frame, "bgr", watched)
    count = 200
    clip = Clip.from_frames(scene(count, (45, 80)), FPS)
    item, other = followed(count, masks=False), followed(count, masks=False, id=1)
    shown = visual_prompts(clip, measured_as(item, other, size=(45, 80)), frames=4)
    assert [len(one.times) for one in shown] == [4, 4]
    assert len(held) > 16
    assert most <= 4 + 2  # one sample a picture kept, both instances' the same, and this frame's


def test_reading_ends_with_the_last_frame_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float] = []

    class Reader(views.ClipReader):
        def __iter__(self) -> Any:
            for frame in super().__iter__():
                seen.append(frame.t)
                yield frame

    monkeypatch.setattr(views, "ClipReader", Reader)
    item = followed()
    item.track = item.track[:5]
    visual_prompts(Clip.from_frames(scene(), FPS), measured_as(item))
    assert seen == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])


@given(
    st.tuples(*[st.floats(0, 1)] * 4),
    st.integers(2, 3000),
    st.integers(2, 3000),
)
def test_a_crop_holds_its_box_and_stays_in_the_frame(
    corners: tuple[float, float, float, float], width: int, height: int
) -> None:
    a, b, c, d = corners
    box = np.array([min(a, c), min(b, d), max(a, c), max(b, d)])
    x0, y0, x1, y1 = crop_around(box, size=(width, height))
    assert 0 <= x0 < x1 <= width
    assert 0 <= y0 < y1 <= height
    assert x0 <= box[0] * width + 1
    assert box[2] * width <= x1 + 1
    assert y0 <= box[1] * height + 1
    assert box[3] * height <= y1 + 1
    if x1 - x0 < width and y1 - y0 < height and min(x1 - x0, y1 - y0) > 8:
        long, short = max(x1 - x0, y1 - y0), min(x1 - x0, y1 - y0)
        assert long / short < 1.7
