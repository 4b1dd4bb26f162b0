"""Windows, seeds and ids: a tracker with known answers is asked the right things."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.evidence.tracking.masklets import (
    OVERLAP,
    WINDOW,
    ConceptTracker,
    box_of,
    encode_mask,
    find_concepts,
    mask_ious,
    track_seeds,
    windows,
)
from tests.evidence.tracking.colored import (
    FPS,
    HEIGHT,
    WIDTH,
    ColorFinder,
    ColorTracker,
    box,
    picture,
    shot,
    timed,
)

FRAME = (HEIGHT, WIDTH)

# pycocotools' compiled parts say this of themselves under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


# Masks -------------------------------------------------------------------------------------------


MASKS = arrays.arrays(np.bool_, st.tuples(st.integers(1, 24), st.integers(1, 24)))


@given(MASKS)
def test_a_mask_is_read_back_as_it_was(mask: np.ndarray) -> None:
    code = encode_mask(mask, t=0.0, size=mask.shape)
    raw = {"size": list(code.size), "counts": code.counts.encode()}
    np.testing.assert_array_equal(np.asarray(coco_mask.decode(raw)) > 0, mask)
    assert int(coco_mask.area(raw)) == mask.sum()
    rows, columns = np.nonzero(mask)
    if not len(rows):
        assert not box_of(code).any()
        return
    height, width = mask.shape
    expected = [columns.min() / width, rows.min() / height]
    expected += [(columns.max() + 1) / width, (rows.max() + 1) / height]
    assert box_of(code) == pytest.approx(np.array(expected))


@given(st.data())
def test_overlaps_are_those_of_the_pixels(data: st.DataObject) -> None:
    shape = data.draw(st.tuples(st.integers(1, 16), st.integers(1, 16)))
    some = [
        data.draw(st.lists(arrays.arrays(np.bool_, shape), min_size=0, max_size=3)) for _ in "ab"
    ]
    codes = [[encode_mask(mask, t=0.0, size=shape) for mask in masks] for masks in some]
    found = mask_ious(*codes)
    assert found.shape == (len(some[0]), len(some[1]))
    for i, one in enumerate(some[0]):
        for j, other in enumerate(some[1]):
            union = int((one | other).sum())
            expected = int((one & other).sum()) / union if union else 0.0
            assert found[i, j] == pytest.approx(expected)


# Windows -----------------------------------------------------------------------------------------


@given(st.integers(0, 4 * WINDOW), st.lists(st.integers(1, 4 * WINDOW), max_size=3))
def test_windows_cover_every_frame_and_no_cut(count: int, cuts: list[int]) -> None:
    starts = [0, *sorted(set(cuts))]
    shots = [shot(start / FPS, 99.0) for start in starts]
    frames = [(index / FPS, np.zeros((1, 1, 3), np.uint8)) for index in range(count)]
    covered: list[int] = []
    for window in windows(frames, shots):
        numbers = [round(t * FPS) for t in window.times]
        assert 0 < len(numbers) <= WINDOW and len(window.pictures) == len(numbers)
        assert numbers == list(range(numbers[0], numbers[-1] + 1))
        assert not any(numbers[0] < start <= numbers[-1] for start in starts)
        assert window.overlap in (0, OVERLAP)
        assert covered[len(covered) - window.overlap :] == numbers[: window.overlap]
        assert window.overlap or not covered or numbers[0] in starts
        covered += numbers[window.overlap :]
    assert covered == list(range(count))


def follow(
    pictures: Sequence[np.ndarray], *, shots: Sequence[tuple[float, float]] = (), **seeds: Seed
) -> tuple[dict[str, list[int]], ColorTracker]:
    """The frames on which each thing is found, from the seeds given."""
    tracker = ColorTracker()
    found = track_seeds(
        timed(pictures),
        {name: [seed] for name, seed in seeds.items()},
        shots=[shot(*one) for one in shots],
        size=FRAME,
        tracker=tracker,
    )
    return {name: [round(t * FPS) for t in sorted(one)] for name, one in found.items()}, tracker


def test_both_ways_from_a_box() -> None:
    pictures = [picture(red=(4 * index, 10)) for index in range(20)]
    tracker = ColorTracker()
    seeds = {0: [Seed(10 / FPS, box(40, 10), 0.8)]}
    found = track_seeds(timed(pictures), seeds, shots=[], size=FRAME, tracker=tracker)[0]
    assert tracker.asked == [(20, [[10]])]
    assert sorted(found) == [index / FPS for index in range(20)]
    for index in range(20):
        one = found[index / FPS]
        assert one.box == pytest.approx(np.array(box(4 * index, 10)))
        assert (one.mask.t, one.mask.size) == (index / FPS, FRAME)
        assert one.score == 0.9


def test_the_best_box_of_a_window_is_the_one_to_follow_from() -> None:
    pictures = [picture(red=(index * 6, 10)) for index in range(20)]
    seeds = [
        Seed(0.0, box(0, 10), 0.9),
        Seed(8 / FPS, box(48, 10), 0.8),
        Seed(1.5, box(72, 10), 0.5),
    ]
    tracker = ColorTracker()
    for best_only in (True, False):
        track_seeds(
            timed(pictures), {0: seeds}, shots=[], size=FRAME, tracker=tracker, best_only=best_only
        )
    assert tracker.asked == [(20, [[8]]), (20, [[0, 8, 12]])], "the surest one is cut off"


def test_what_has_one_box_is_carried_from_window_to_window_while_it_is_seen() -> None:
    last = 2 * WINDOW
    pictures = [picture(red=(20, 10) if index <= last else None) for index in range(4 * WINDOW)]
    found, tracker = follow(pictures, red=Seed(0.0, box(20, 10)))
    assert found["red"] == list(range(last + 1))
    assert [sizes for sizes, _ in tracker.asked] == [WINDOW] * len(tracker.asked)
    assert len(tracker.asked) == 3, "nothing is asked once it is gone"
    assert all(prompts == [[OVERLAP - 1]] for _, prompts in tracker.asked[1:])


def test_after_a_cut_a_thing_is_followed_from_a_box_in_the_new_shot() -> None:
    pictures = [picture(red=(20, 10)) for _ in range(24)]
    cuts = ((0.0, 1.0), (1.0, 2.0), (2.0, 3.0))
    found, _ = follow(pictures, shots=cuts, red=Seed(0.5, box(20, 10)))
    assert found["red"] == list(range(8)), "no box of it in the other shots"
    tracker = ColorTracker()
    seeds = {0: [Seed(0.5, box(20, 10)), Seed(2.5, box(20, 10))]}
    again = track_seeds(
        timed(pictures), seeds, shots=[shot(*one) for one in cuts], size=FRAME, tracker=tracker
    )[0]
    assert [round(t * FPS) for t in sorted(again)] == [*range(8), *range(16, 24)]
    assert tracker.asked == [(8, [[4]]), (8, [[4]])]


def test_who_comes_late_is_found_from_its_first_frame_on() -> None:
    pictures = [
        picture(red=(20, 10), blue=(100, 50) if index >= 40 else None) for index in range(70)
    ]
    found, tracker = follow(pictures, red=Seed(1.0, box(20, 10)), blue=Seed(55 / FPS, box(100, 50)))
    assert found == {"red": list(range(70)), "blue": list(range(40, 70))}
    assert [len(prompts) for _, prompts in tracker.asked] == [1, 2, 1 + 1]


def test_what_was_there_before_its_first_box_is_followed_back_by_a_window() -> None:
    count, step = 3 * WINDOW, WINDOW - OVERLAP
    pictures = [picture(red=(20, 10)) for _ in range(count)]
    found, tracker = follow(pictures, red=Seed((2 * step + 10) / FPS, box(20, 10)))
    assert found["red"] == list(range(step, count))
    assert [prompts for _, prompts in tracker.asked] == [[[10]], [[step]], [[OVERLAP - 1]]]


def test_memory_is_that_of_a_window_and_the_one_before() -> None:
    alive: list[weakref.ref[np.ndarray]] = []

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        for index in range(12 * WINDOW):
            one = picture(red=(20, 10))
            alive.append(weakref.ref(one))
            assert sum(ref() is not None for ref in alive) <= 2 * WINDOW + 1
            yield index / FPS, one

    seeds = {0: [Seed(0.0, box(20, 10))]}
    found = track_seeds(frames(), seeds, shots=[], size=FRAME, tracker=ColorTracker())[0]
    assert len(found) == 12 * WINDOW


def test_nothing_to_follow_asks_nobody() -> None:
    found, tracker = follow([picture()] * 5, red=Seed(9.0, box(20, 10)))
    assert found == {"red": []} and not tracker.asked


# Concepts ----------------------------------------------------------------------------------------


def test_what_phrases_are_true_of_keeps_its_id_from_window_to_window() -> None:
    count = 2 * WINDOW
    pictures = [
        picture(red=(20, 10), green=(60, 10), blue=(100 - index, 50) if index > WINDOW else None)
        for index in range(count)
    ]
    finder = ColorFinder()
    assert isinstance(finder, ConceptTracker) and not isinstance(ColorTracker(), ConceptTracker)
    found = find_concepts(timed(pictures), ["warm", "cold"], shots=[], size=FRAME, tracker=finder)
    assert len(finder.asked) > 2
    assert sorted((one.phrase, len(one.masklet)) for one in found) == [
        ("cold", count - WINDOW - 1),
        ("warm", count),
        ("warm", count),
    ]
    for one in found:
        if one.phrase == "warm":
            lefts = {round(seen.box[0] * WIDTH) for seen in one.masklet.values()}
            assert len(lefts) == 1, "one thing is never taken for the other"


def test_after_a_cut_nothing_is_carried() -> None:
    pictures = [picture(red=(20, 10))] * 16
    found = find_concepts(
        timed(pictures), ["warm"], shots=[shot(0, 1), shot(1, 2)], size=FRAME, tracker=ColorFinder()
    )
    assert [len(one.masklet) for one in found] == [8, 8]
