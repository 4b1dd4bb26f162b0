"""The scenes' truth, checked by other means than those that made them."""

import json
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from benchmarks.scene_render import Move
from benchmarks.scene_textures import SURFACES
from benchmarks.scenes import Actor, film
from benchmarks.suite import recipes, spread
from benchmarks.truth import LABELS, load_clips
from instancecap.schema.vocabulary import Place, ShotAngle, ShotType, TimeOfDay


def gray(picture: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def shift(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """How far the content moved right and down, pixels, by phase correlation."""
    window = cv2.createHanningWindow(first.shape[1::-1], cv2.CV_32F)
    (dx, dy), _ = cv2.phaseCorrelate(gray(first), gray(second), window)
    return dx, dy


def zoom_and_roll(first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The content's growth (log) and turn (degrees, clockwise), by matched points."""
    points = cv2.goodFeaturesToTrack(gray(first).astype(np.uint8), 300, 0.01, 6)
    moved, status, _ = cv2.calcOpticalFlowPyrLK(
        gray(first).astype(np.uint8), gray(second).astype(np.uint8), points, None
    )
    kept = status[:, 0] == 1
    matrix, _ = cv2.estimateAffinePartial2D(points[kept], moved[kept])
    return float(np.log(np.hypot(*matrix[:, 0]))), float(np.degrees(np.arctan2(*matrix[::-1, 0])))


# Which way the picture's content must go: (right, down).
CONTENT = {
    "pan_right": (-1, 0),
    "pan_left": (1, 0),
    "tilt_up": (0, 1),
    "tilt_down": (0, -1),
    "move_right": (-1, 0),
    "move_left": (1, 0),
    "move_up": (0, 1),
    "move_down": (0, -1),
}


@pytest.mark.parametrize("primitive", CONTENT)
def test_content_goes_against_the_camera(primitive: str) -> None:
    amount = 3.0 if primitive.startswith(("pan", "tilt")) else 0.7
    frames = film("signs", "cells", Move(primitive, amount), seconds=0.5).frames
    dx, dy = shift(frames[0], frames[-1])
    right, down = CONTENT[primitive]
    assert dx * right + dy * down > 4
    assert abs(dx * down) + abs(dy * right) < 2


@pytest.mark.parametrize(
    ("primitive", "amount", "zoom", "roll"),
    [
        ("zoom_in", 0.1, 1, 0),
        ("zoom_out", 0.1, -1, 0),
        ("move_in", 1.0, 1, 0),
        ("move_out", 1.0, -1, 0),
        ("roll_cw", 5, 0, -1),
        ("roll_ccw", 5, 0, 1),
    ],
)
def test_zoom_and_roll_signs(primitive: str, amount: float, zoom: int, roll: int) -> None:
    frames = film("signs", "cells", Move(primitive, amount), seconds=0.5).frames
    growth, turn = zoom_and_roll(frames[0], frames[-1])
    assert growth * zoom > 0.05 if zoom else abs(growth) < 0.02
    assert turn * roll > 3 if roll else abs(turn) < 1


def test_only_travel_shows_parallax() -> None:
    def spread_of_flow(move: Move) -> float:
        frames = film("parallax", "room", move, seconds=0.25).frames
        flow = cv2.calcOpticalFlowFarneback(
            gray(frames[0]), gray(frames[-1]), None, 0.5, 3, 21, 3, 7, 1.5, 0
        )
        return float(np.subtract(*np.percentile(flow[..., 0], (90, 10))))

    travel, turn = spread_of_flow(Move("move_right", 0.3)), spread_of_flow(Move("pan_right", 1.6))
    assert travel > 2 * turn


def test_static_scenes_do_not_change_and_are_the_same_every_time() -> None:
    frames = film("still", "street", seconds=0.3).frames
    assert (frames == frames[0]).all()
    assert (film("still", "street", seconds=0.3).frames == frames).all()


def test_masks_are_where_the_actor_is() -> None:
    actor = Actor([(0, 0.2, 0.5, 0.5), (1, 0.7, 0.5, 0.5)], "ellipse")
    empty, full = film("m", "cells", seconds=1), film("m", "cells", actors=[actor], seconds=1)
    thing = full.objects[0]
    for index in (0, 12, 23):
        changed = np.abs(empty.frames[index].astype(int) - full.frames[index]).max(axis=2) > 24
        mask = thing.mask(index)
        assert changed[mask].mean() > 0.85
        assert changed[cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) == 0].mean() < 0.01
    center = (thing.boxes[0, 0] + thing.boxes[0, 2]) / 2
    assert center == pytest.approx(0.2, abs=0.01)
    assert thing.direction == "right"
    assert not thing.enters
    assert not thing.leaves


def jumps(frames: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))


def test_edits_are_where_the_truth_says() -> None:
    (recipe,) = recipes(only="cuts_three")
    case = recipe.build()
    assert case.clip.array is not None
    assert case.truth.transitions is not None
    largest = np.sort(np.argsort(jumps(case.clip.array))[-2:]) + 1
    assert [c.start for c in case.truth.transitions] == pytest.approx(largest / 24)


def test_the_suite_has_many_scenes_with_names_of_their_own() -> None:
    names = [
        recipe.name
        for recipe in recipes(photos=[SURFACES["hills"](np.random.default_rng(1), 96, 64)])
    ]
    assert len(set(names)) == len(names) > 70
    assert len(spread(recipes(), 7)) == 7


def test_published_labels_use_the_schema_s_words() -> None:
    allowed = {
        "shot_type": get_args(ShotType),
        "shot_angle": get_args(ShotAngle),
        "place": get_args(Place),
        "time_of_day": get_args(TimeOfDay),
    }
    labels = json.loads((LABELS / "shot_types.json").read_text())
    for name, label in labels.items():
        assert set(label) == {*allowed, "note"}, name
        for word, words in allowed.items():
            assert label[word] in ("", *words), name


def test_labelled_clips_are_loaded(tmp_path: Path) -> None:
    masks = tmp_path / "masks" / "dog"
    masks.mkdir(parents=True)
    for index, left in enumerate((10, 60)):
        picture = np.zeros((100, 200), np.uint8)
        picture[20:60, left : left + 40] = 255
        picture[0:20, left] = 255  # a leash
        cv2.imwrite(str(masks / f"{index:05}.png"), picture)
    entry = {"fps": "24.0", "camera": ["pan_right"], "cuts": [], "classes": ["dog"]}
    labels = [
        {"file": "masks/dog.mp4", "masks": "masks/dog/", **entry},
        {"file": "odd/x.mp4", "odd": "empty"},
    ]
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    (case,) = load_clips(tmp_path)
    assert case.truth.camera == {"pan_right"}
    assert case.truth.transitions == ()
    assert case.truth.framing[0].place == "outdoor"
    (thing,) = case.truth.objects
    assert thing.boxes[1] == pytest.approx([0.3, 0.2, 0.5, 0.6])
    assert thing.mask(1)[5, 60]
