"""The detector on pictures whose content is known, of all shapes and sizes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from instancecap.errors import InputError
from instancecap.evidence.geometry import ious
from instancecap.models import weights
from instancecap.models.coco import CATEGORIES, CLASSES, MOVABLE
from instancecap.models.detector import Detections, Detector, detect_all
from instancecap.models.nanodet import NanoDetDetector
from instancecap.models.yolox import YoloxDetector
from instancecap.video import Clip
from instancecap.video.decode import ClipReader

PERSON = CLASSES.index("person")
WORKER, JUGGLER = "everyday/worker.mp4", "everyday/football_juggle.mp4"
TRUTH = {WORKER: (0.31, 0.32, 0.475, 1.0), JUGGLER: (0.47, 0.08, 0.65, 0.92)}
"""The person's box one second into the clip, by eye."""


KINDS = {"nanodet-plus-m": NanoDetDetector, "yolox-nano": YoloxDetector}


@pytest.fixture(params=list(KINDS))
def detector(with_weights: Path, request: pytest.FixtureRequest) -> Detector:
    return KINDS[request.param](weights.find(request.param))


def frame_of(path: Path) -> np.ndarray:
    with ClipReader(Clip.open(path, start=1)) as reader:
        return next(iter(reader)).bgr()


def best_person(found: Detections) -> tuple[np.ndarray, float]:
    index = int(found.scores[:, PERSON].argmax())
    return found.boxes[index].astype(float), float(found.scores[index, PERSON])


@pytest.mark.parametrize("name", list(TRUTH))
def test_a_person_is_found_where_one_stands(detector: Detector, clips_dir: Path, name: str) -> None:
    found = detector.detect(frame_of(clips_dir / name))
    box, score = best_person(found)
    assert score > 0.5
    assert ious(box[None], np.array([TRUTH[name]]))[0, 0] > 0.7
    assert found.scores[0].argmax() == PERSON  # best first


def test_size_and_shape_of_the_picture_do_not_matter(detector: Detector, clips_dir: Path) -> None:
    picture = frame_of(clips_dir / WORKER)
    box, _ = best_person(detector.detect(picture))
    half, _ = best_person(detector.detect(cv2.resize(picture, None, fx=0.5, fy=0.5)))
    assert ious(box[None], half[None])[0, 0] > 0.85

    height, width = picture.shape[:2]
    left = width // 5
    upright = picture[:, left : left + int(0.55 * height)]  # a portrait cut around the worker
    inside, score = best_person(detector.detect(np.ascontiguousarray(upright)))
    back = inside.copy()
    back[[0, 2]] = (inside[[0, 2]] * upright.shape[1] + left) / width
    assert score > 0.5
    assert ious(box[None], back[None])[0, 0] > 0.75


def test_a_mirrored_picture_has_mirrored_boxes(detector: Detector, clips_dir: Path) -> None:
    picture = frame_of(clips_dir / WORKER)
    box, _ = best_person(detector.detect(picture))
    mirrored, _ = best_person(detector.detect(np.ascontiguousarray(picture[:, ::-1])))
    expected = np.array([1 - box[2], box[1], 1 - box[0], box[3]])
    assert ious(expected[None], mirrored[None])[0, 0] > 0.8


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (2, 240), (416, 416), (417, 233), (31, 900), (1280, 720), (720, 1280)],
)
def test_any_size_gives_boxes_in_the_frame(detector: Detector, width: int, height: int) -> None:
    rng = np.random.default_rng(0)
    found = detector.detect(rng.integers(0, 255, (height, width, 3)).astype(np.uint8))
    assert found.boxes.shape == (len(found.scores), 4)
    assert found.scores.shape[1] == len(CLASSES)
    assert ((found.boxes >= 0) & (found.boxes <= 1)).all()
    assert (found.boxes[:, :2] <= found.boxes[:, 2:]).all()
    assert ((found.scores >= 0) & (found.scores <= 1)).all()


@pytest.mark.parametrize("level", [0, 114, 255])
def test_an_empty_picture_holds_nothing(detector: Detector, level: int) -> None:
    found = detector.detect(np.full((234, 416, 3), level, np.uint8))
    assert found.scores.max(initial=0) < 0.35


@pytest.mark.parametrize("name", list(KINDS))
def test_detections_come_best_first_and_above_the_least_score(
    with_weights: Path, clips_dir: Path, name: str
) -> None:
    picture = frame_of(clips_dir / "everyday/store_3people.mp4")
    strict, loose = (
        KINDS[name](weights.find(name), min_score=score).detect(picture) for score in (0.4, 0.05)
    )
    assert (np.diff(loose.scores.max(axis=1)) <= 1e-6).all()
    assert strict.scores.max(axis=1).min() >= 0.4 - 1e-6
    assert len(strict.boxes) < len(loose.boxes)


def test_one_person_is_found_once(detector: Detector, clips_dir: Path) -> None:
    found = detector.detect(frame_of(clips_dir / WORKER))
    sure = found.boxes[found.scores[:, PERSON] > 0.3].astype(float)
    assert len(sure) == 1


def test_the_classes_are_those_of_coco() -> None:
    assert len(CLASSES) == 80
    assert (CLASSES[0], CLASSES[2], CLASSES[16], CLASSES[79]) == (
        "person", "car", "dog", "toothbrush",
    )  # fmt: skip
    assert CATEGORIES["dog"] == "animal"
    assert {"person", "car", "dog", "sports ball"} <= MOVABLE
    assert not {"chair", "potted plant", "tv"} & MOVABLE


class Fixed:
    """Answers the same whatever it is shown."""

    name, tight = "fixed", True

    def __init__(self, boxes: list[list[float]], phrases: tuple[str, ...] = ()) -> None:
        scores = np.linspace(0.9, 0.8, 80 * len(boxes), dtype=np.float32).reshape(-1, 80)
        self.found = Detections(np.array(boxes, np.float32), scores, (), phrases)

    def detect(self, picture: np.ndarray) -> Detections:
        return self.found


def test_boxes_without_a_pixel_in_the_picture_are_none() -> None:
    picture = np.zeros((100, 200, 3), np.uint8)
    thin, outside, flat = [1.0, 0.0, 1.0, 0.889], [1.1, 0.1, 1.4, 0.6], [0.1, 0.5, 0.9, 0.509]
    narrow, beyond, nan = [0.5, 0.1, 0.506, 0.9], [-0.5, 0.25, 0.5, 1.25], [0.1, 0.1, np.nan, 0.6]
    given = Fixed([thin, narrow, outside, flat, beyond, nan], tuple("abcdef"))
    (found,) = detect_all(given, [picture])
    assert found.phrases == ("b", "e")
    np.testing.assert_allclose(found.boxes, [narrow, [0, 0.25, 0.5, 1]], rtol=1e-6)
    np.testing.assert_array_equal(found.scores, given.found.scores[[1, 4]])
    (nothing,) = detect_all(Fixed([thin]), [picture])
    assert nothing.boxes.shape == (0, 4) and nothing.scores.shape == (0, 80)


def test_a_detector_that_fails_is_named() -> None:
    class Failing(Fixed):
        def detect(self, picture: np.ndarray) -> Detections:
            raise ValueError("boom")

    with pytest.raises(InputError, match=r"^detector fixed failed: ValueError: boom$"):
        detect_all(Failing([[0, 0, 1, 1]]), [np.zeros((8, 8, 3), np.uint8)])
    short = Fixed([[0, 0, 1, 1]])
    short.found = Detections(short.found.boxes, short.found.scores[:, :2])
    with pytest.raises(
        InputError, match=r"^detector fixed failed: .*\(1, 2\); \(n, 4\) and \(n, 80"
    ):
        detect_all(short, [np.zeros((8, 8, 3), np.uint8)])
