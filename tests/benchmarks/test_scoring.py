import math

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from benchmarks.scoring import (
    balanced_accuracy,
    cell_of,
    coco_name,
    join_boxes,
    judge_class,
    mean_j,
    recall_classes,
    score_segments,
    score_shots,
)
from benchmarks.truth import Segment, Transition
from instancecap.evals.boxes import boxes_at, iou, mask_iou
from instancecap.evals.camera import Counts, count_flipped, fold, judge_static, score_camera
from instancecap.evals.timed import match_times
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts, MaskRle, Shot


def box(*corners: float) -> np.ndarray:
    return np.array([corners], float)


def test_fold_turns_travels_into_turns_and_drops_hints() -> None:
    assert fold(["move_in", "move_left", "pan_left", "tracking"]) == {"zoom_in", "pan_left"}
    assert fold(["shaky"]) == frozenset()


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        (["pan_right"], ["move_right"], Counts(1, 0, 0)),
        (["pan_right"], ["pan_left"], Counts(0, 1, 1)),
        (["static"], ["static"], Counts(1, 0, 0)),
        (["static"], ["shaky"], Counts(0, 0, 1)),
        (["pan_right", "zoom_in"], ["pan_right", "roll_cw"], Counts(1, 1, 1)),
        (["shaky"], ["static"], Counts(0, 0, 0)),
        (["shaky"], ["pan_left"], Counts(0, 1, 0)),
        (["arc_cw"], ["pan_left", "arc_ccw"], Counts(0, 0, 0)),
        (["arc_cw"], ["static"], Counts(0, 1, 0)),
        (["pan_left"], ["pan_left", "arc_cw"], Counts(1, 0, 0)),
    ],
)
def test_camera_counts(truth: list[str], found: list[str], expected: Counts) -> None:
    assert score_camera(truth, found) == expected


def test_f1_is_micro_and_empty_is_unknown() -> None:
    assert (Counts(3, 1, 0) + Counts(0, 0, 1)).f1 == pytest.approx(0.75)
    assert Counts().f1 is None


def test_flipped_is_the_opposite_of_a_true_word_only() -> None:
    assert count_flipped(["move_in", "pan_left"], ["zoom_out", "pan_left"]) == 1
    assert count_flipped(["pan_left", "pan_right"], ["pan_left"]) == 0
    assert count_flipped(["pan_left"], ["tilt_up"]) == 0


def test_static_is_told_from_moving_unless_the_hand_shakes() -> None:
    assert judge_static(["static"], ["static"]) is True
    assert judge_static(["static"], ["pan_left"]) is False
    assert judge_static(["pan_left"], ["shaky"]) is False
    assert judge_static(["shaky"], ["static"]) is None


def test_segments_are_compared_moment_by_moment() -> None:
    truth = [Segment(0, 2, frozenset(["pan_left"])), Segment(2, 4, frozenset())]
    same = [Segment(0, 2.1, frozenset(["move_left"])), Segment(2.1, 4, frozenset(["static"]))]
    assert score_segments(truth, same).f1 == 1
    whole = [Segment(0, 4, frozenset(["pan_left"]))]
    counts = score_segments(truth, whole)
    assert counts.missed == 0
    assert counts.false == pytest.approx(counts.hits, abs=1)


def test_times_match_one_to_one() -> None:
    assert match_times([1.0, 2.0], [1.05, 1.06, 3.0], 0.1) == Counts(1, 2, 1)
    # The middle two are the closest pair; matching them would leave the others alone.
    assert match_times([1.0, 1.1], [1.09, 1.2], 0.11) == Counts(2, 0, 0)


def shots(*changes: tuple[float, str]) -> list[Shot]:
    starts = [(0.0, "start"), *changes]
    return [Shot.model_validate({"start": t, "end": t, "transition": kind}) for t, kind in starts]


def test_cuts_within_two_frames() -> None:
    truth = [Transition(1.0, 1.0, "cut"), Transition(2.0, 2.0, "cut")]
    cuts, gradual = score_shots(truth, shots((1.08, "cut"), (2.2, "cut")), fps=25)
    assert cuts == Counts(1, 1, 1)
    assert gradual == Counts()


def test_a_dissolve_counts_near_its_span_and_by_a_soft_word_only() -> None:
    truth = [Transition(1.0, 2.0, "dissolve")]
    assert score_shots(truth, shots((2.4, "fade")), fps=25) == (Counts(), Counts(1, 0, 0))
    assert score_shots(truth, shots((2.6, "fade")), fps=25) == (Counts(), Counts(0, 1, 1))
    assert score_shots(truth, shots((1.5, "cut")), fps=25) == (Counts(0, 1, 0), Counts(0, 0, 1))


def test_an_optional_fade_is_never_held_against_anyone() -> None:
    truth = [Transition(3.0, 4.0, "fade", optional=True)]
    assert score_shots(truth, shots((3.5, "fade")), fps=25) == (Counts(), Counts())
    assert score_shots(truth, shots(), fps=25) == (Counts(), Counts())


def test_tracks_are_interpolated_and_end() -> None:
    track = [
        TrackPoint(t=1, box=(0, 0, 0.2, 0.2), score=1),
        TrackPoint(t=2, box=(0.4, 0, 0.6, 0.2), score=1),
    ]
    boxes = boxes_at(track, np.array([0.5, 1.5, 2.1, 3.0]))
    assert boxes[1] == pytest.approx([0.2, 0, 0.4, 0.2])
    assert boxes[2] == pytest.approx([0.4, 0, 0.6, 0.2])
    assert np.isnan(boxes[[0, 3]]).all()
    assert np.isnan(boxes_at([], np.array([0.0]))).all()


def test_iou() -> None:
    unit = box(0, 0, 1, 1)
    assert iou(unit, box(0.5, 0, 1, 1)) == pytest.approx([0.5])
    assert iou(unit, box(*[math.nan] * 4)) == [0]
    assert iou(box(0, 0, 0.1, 0.1), box(0.2, 0.2, 0.3, 0.3)) == [0]


def test_joined_boxes_hold_both_or_the_only_one() -> None:
    nothing = box(*[math.nan] * 4)
    assert join_boxes(box(0, 0, 1, 1), box(2, 2, 3, 3)).tolist() == [[0, 0, 3, 3]]
    assert join_boxes(box(0, 0, 1, 1), nothing).tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("corners", "cell"),
    [
        ((0, 0, 0.2, 0.2), "top-left"),
        ((0.4, 0.4, 0.6, 0.6), "center-middle"),
        ((0.9, 0.9, 1, 1), "bottom-right"),
        ((1, 0.5, 1, 0.5), "center-right"),
    ],
)
def test_cells(corners: tuple[float, ...], cell: str) -> None:
    assert cell_of(corners) == cell


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ({"cat"}, "right"),
        ({"animal"}, "hypernym"),
        ({"object"}, "unnamed"),
        (set(), "unnamed"),
        ({"dog"}, "wrong"),
        ({"object", "vehicle"}, "wrong"),
        ({"object", "cat"}, "right"),
    ],
)
def test_a_hypernym_is_neither_right_nor_wrong(found: set[str], verdict: str) -> None:
    assert judge_class(["cat"], found) == verdict
    assert judge_class(["bottle"], {"household"}) == "wrong"


def test_classes_by_coco_name_each_found_thing_once() -> None:
    assert coco_name("woman") == "person"
    assert coco_name("camel") is None
    assert recall_classes(["man", "woman", "dog", "goat"], ["person", "dog", "cat"]) == (2, 3)


def test_balanced_accuracy_weighs_rare_cases_up() -> None:
    pairs = [(True, True), *[(False, False)] * 8, (True, False)]
    assert balanced_accuracy(pairs) == pytest.approx(0.75)
    assert balanced_accuracy([(False, False)]) == 1
    assert balanced_accuracy([]) is None


def encode(mask: np.ndarray, t: float) -> MaskRle:
    code = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    height, width = mask.shape
    return MaskRle(t=t, size=(height, width), counts=code["counts"].decode())


def test_mask_overlap_by_frame_with_the_nearest_mask() -> None:
    true = np.zeros((40, 60), bool)
    true[10:30, 10:30] = True
    half = true.copy()
    half[:, 20:] = False
    assert mask_iou(true, half) == pytest.approx(0.5)
    assert mask_iou(~true & true, ~true & true) == 1
    instance = InstanceFacts(
        id=0,
        class_="dog",
        confidence=1,
        salience=1,
        masks=[encode(true, 0.0), encode(half[::2, ::2], 0.5)],
    )
    times = np.array([0.05, 0.5, 2.0])
    j = mean_j(times, lambda index: true, [instance])
    assert j == pytest.approx((1 + 0.5 + 0) / 3)
    assert mean_j(times, lambda index: ~true & true, [instance]) is None
