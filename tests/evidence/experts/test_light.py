"""Light, time of day and place, on pictures painted so that the answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from instancecap.evidence.build import measure
from instancecap.evidence.expert import Scene, Worker
from instancecap.evidence.experts.light import LightExpert
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.models.coco import CLASSES
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip
from tests.evidence.samples import sample_of
from tests.made import evidence

HEIGHT, WIDTH = 90, 160


def measured_frames(*frames: np.ndarray, fps: float = 4.0) -> Evidence:
    return measure(Clip.from_frames(np.stack(frames).astype(np.uint8), fps))


def plain(red: int, green: int, blue: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), (red, green, blue), np.uint8)


def meadow(*, gain: float = 1.0) -> np.ndarray:
    """A blue sky over grass."""
    rng = np.random.default_rng(2)
    picture = np.zeros((HEIGHT, WIDTH, 3))
    picture[:40] = (70, 130, 220)
    blades = rng.uniform(0.5, 1.5, (HEIGHT - 40, WIDTH, 1))
    picture[40:] = np.array([60, 125, 40]) * blades
    return np.clip(picture * gain, 0, 255)


@pytest.fixture(autouse=True)
def _no_detector(without_weights: None) -> None:
    """What the picture alone tells; it is faster, too."""


def test_brightness_runs_from_black_to_white() -> None:
    levels = [measured_frames(plain(v, v, v)).light.brightness for v in (0, 64, 128, 255)]
    assert levels == sorted(levels)
    assert (levels[0], levels[-1]) == (0, 1)


def test_contrast_tells_a_board_from_plain_gray() -> None:
    board = np.kron(np.indices((6, 8)).sum(axis=0) % 2, np.ones((15, 20)))[..., None] * 255
    checked = measured_frames(np.repeat(board, 3, axis=2)).light
    assert checked.contrast > 0.4
    assert measured_frames(plain(128, 128, 128)).light.contrast < 0.01


@pytest.mark.parametrize(("paint", "sign"), [((220, 150, 80), 1), ((80, 150, 220), -1)])
def test_warm_light_is_positive(paint: tuple[int, int, int], sign: int) -> None:
    assert sign * measured_frames(plain(*paint)).light.warmth > 0.3


def test_saturation_tells_color_from_gray() -> None:
    assert measured_frames(plain(250, 10, 10)).light.saturation > 0.8
    assert measured_frames(plain(120, 120, 120)).light.saturation < 0.02


@pytest.mark.parametrize("turned", [False, True])
def test_light_that_grows_or_fades_is_noticed(turned: bool) -> None:
    frames = [plain(v, v, v) for v in np.linspace(30, 220, 16).astype(int)]
    change = measured_frames(*(frames[::-1] if turned else frames)).light.change
    assert -change > 0.3 if turned else change > 0.3


def test_a_steady_light_does_not_change() -> None:
    assert measured_frames(*[meadow()] * 8).light.change == pytest.approx(0, abs=0.01)


def test_sky_over_grass_is_outdoors_by_day() -> None:
    evidence = measured_frames(*[meadow()] * 4)
    assert evidence.place.label == "outdoor"
    assert evidence.light.time_of_day == "day"
    assert {name for name, _ in evidence.place.colors} >= {"blue", "green"}


@pytest.mark.parametrize("paint", [(0, 0, 0), (128, 128, 128), (255, 255, 255), (150, 90, 60)])
def test_a_plain_picture_is_nowhere_and_at_no_time(paint: tuple[int, int, int]) -> None:
    evidence = measured_frames(*[plain(*paint)] * 4)
    assert evidence.place.label == "unknown"
    assert evidence.light.time_of_day == ""


def test_a_dark_picture_is_not_called_day() -> None:
    assert measured_frames(*[meadow(gain=0.1)] * 4).light.time_of_day != "day"


def test_the_colors_of_the_surroundings_are_shares() -> None:
    half = plain(255, 255, 255)
    half[:, : WIDTH // 2] = (20, 40, 200)
    colors = dict(measured_frames(half).place.colors)
    assert colors == pytest.approx({"white": 0.5, "blue": 0.5}, abs=0.05)


def detections(**scores: float) -> list[FrameDetections]:
    """One sample in which classes were found with these scores."""
    row = np.zeros((1, len(CLASSES)))
    for name, score in scores.items():
        row[0, CLASSES.index(name)] = score
    return [
        FrameDetections(
            index=0, t=0.0, boxes=np.array([[0.1, 0.1, 0.4, 0.4]]), scores=row, looks=None,
            colors=np.zeros((1, 13)), carry=np.eye(3)[:2], size=(416, 234),
        )
    ]  # fmt: skip


def test_many_weak_signs_of_a_room_make_a_room() -> None:
    picture = np.full((234, 416, 3), 128, np.uint8)
    expert = LightExpert()
    expert.look(sample_of(picture))
    many = expert.summarize([], detections(oven=0.35, microwave=0.3, sink=0.3))[1]
    assert many.label == "indoor"
    assert expert.summarize([], detections(oven=0.35))[1].label == "unknown"
    assert expert.summarize([], detections(bed=0.9))[1].label == "unknown"


def test_weak_scores_of_a_detector_that_the_weights_were_not_fitted_to_make_no_room() -> None:
    expert = LightExpert()
    expert.look(sample_of(np.full((234, 416, 3), 128, np.uint8)))
    scene = Scene(worker=Worker(beside=False), aspect=16 / 9)
    scene.detections.append(detections(oven=0.35, microwave=0.3, sink=0.3)[0])
    places = {}
    for name in ("nanodet-plus-m", "nanodet-plus-m,owlv2", "owlv2", "owlv2,nanodet-plus-m"):
        found = evidence(models={"detector": name})
        expert.facts(found, scene)
        places[name] = found.place.label
    assert places == {
        "nanodet-plus-m": "indoor",
        "nanodet-plus-m,owlv2": "indoor",
        "owlv2": "unknown",
        "owlv2,nanodet-plus-m": "unknown",
    }


def test_a_lawn_is_outdoors_though_nothing_was_found() -> None:
    assert measured_frames(*[meadow()[40:]] * 4).place.label == "outdoor"
