"""The scenes' truth, checked by other means than those that made them."""

import json
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from benchmarks import scene_effects as effects
from benchmarks.scene_render import EFFECTS, CameraPath, Move
from benchmarks.scene_textures import SURFACES
from benchmarks.scenes import Actor, film, segments_of, take, words_of
from benchmarks.suite import recipes, spread
from benchmarks.truth import LABELS, load_clips
from instancecap.schema.vocabulary import Place, Primitive, ShotAngle, ShotType, TimeOfDay
from instancecap.video import Clip, ClipReader


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


def test_amounts_are_exact() -> None:
    frames = film("exact", "foliage", Move("pan_right", 4, 0, 20 / 24), seconds=1).frames
    focal = 160 / np.tan(np.radians(25))
    # Content at the centre of the last view stood this far to the right in the first.
    expected = focal * np.tan(np.radians(4))
    assert -shift(frames[0], frames[20])[0] == pytest.approx(expected, abs=1.0)


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


def test_actors_enter_leave_and_hide() -> None:
    through = Actor([(0, -0.4, 0.5, 0.4), (1, 1.4, 0.5, 0.4)], "box")
    post = Actor([(0, 0.5, 0.5, 1.5)], "post", depth=4, prop=True)
    shot = film("through", "bricks", actors=[through, post], seconds=1.0)
    (thing,) = shot.objects
    assert thing.enters
    assert thing.leaves
    assert thing.visible.any()
    areas = np.array([thing.mask(i).sum() for i in range(len(thing.times))])
    middle = len(areas) // 2
    assert areas[middle] < 0.5 * areas.max()


def test_a_followed_actor_stays_in_the_middle_and_still_goes_somewhere() -> None:
    walker = Actor([(0, 0.5, 0.5, 0.5)], "figure", follow=True)
    shot = film("follow", "foliage", Move("pan_right", 15), actors=[walker], seconds=1)
    centers = shot.objects[0].boxes[:, [0, 2]].mean(axis=1)
    assert np.abs(centers - 0.5).max() < 0.05
    assert shot.objects[0].direction == "right"


def test_words_and_segments_of_a_path() -> None:
    moves = (Move("pan_left", 9, -2, -1), Move("move_in", 1, 0, 1), Move("tilt_up", 5, 1, 2))
    path = CameraPath(moves, duration=2.0)
    assert words_of(path) == {"move_in", "tilt_up"}
    assert [(s.start, s.end, set(s.motion)) for s in segments_of(path)] == [
        (0, 1, {"move_in"}),
        (1, 2, {"tilt_up"}),
    ]
    assert words_of(CameraPath()) == {"static"}
    assert words_of(CameraPath(shake=0.3)) == {"shaky"}
    assert set(EFFECTS) < set(get_args(Primitive))


def jumps(frames: np.ndarray) -> np.ndarray:
    return np.abs(np.diff(frames.astype(np.int16), axis=0)).mean(axis=(1, 2, 3))


def test_edits_are_where_the_truth_says() -> None:
    (recipe,) = recipes(only="cuts_three")
    case = recipe.build()
    assert case.clip.array is not None
    assert case.truth.transitions is not None
    largest = np.sort(np.argsort(jumps(case.clip.array))[-2:]) + 1
    assert [c.start for c in case.truth.transitions] == pytest.approx(largest / 24)


def test_a_dissolve_is_gradual_and_a_fade_goes_dark() -> None:
    first = np.full((30, 8, 8, 3), 200, np.uint8)
    second = np.full((30, 8, 8, 3), 40, np.uint8)
    mixed = effects.mix(first, second, frames=10)
    assert len(mixed) == 50
    assert (np.diff(mixed[:, 0, 0, 0].astype(int)) <= 0).all()
    assert jumps(mixed).max() < 20
    faded = effects.fade(first, second, frames=10, black=3)
    assert len(faded) == 63
    assert (faded[29:33] == 0).all()
    assert faded[0, 0, 0, 0] == 200
    assert faded[-1, 0, 0, 0] == 40


def test_effects_do_what_they_say() -> None:
    frames = film("effects", "bricks", seconds=0.25).frames
    assert np.std(effects.add_noise(frames, sigma=8).astype(float) - frames) == pytest.approx(
        8, 0.1
    )
    assert np.ptp(effects.flicker(frames, depth=0.2).mean(axis=(1, 2, 3))) > 5
    barred = effects.letterbox(frames)
    assert not barred[:, :20].any()
    assert (barred[:, 60] == frames[:, 60]).all()
    flashed = effects.flash(frames, at=3)
    assert flashed[3].mean() > 220
    assert (flashed[[2, 4]] == frames[[2, 4]]).all()
    rippled = effects.ripple(frames, fps=24)
    assert (rippled[:, :80] == frames[:, :80]).all()
    assert jumps(rippled).min() > 0.5


def test_compression_costs_detail_but_no_frames(tmp_path: Path) -> None:
    frames = film("codec", "foliage", seconds=0.5).frames
    good, bad = (effects.compress(frames, fps=24, crf=crf) for crf in (12, 40))
    errors = [np.abs(f.astype(int) - frames).mean() for f in (good, bad)]
    assert good.shape == frames.shape
    assert errors[0] < errors[1] / 2
    effects.write(frames, tmp_path / "a.mp4", fps=24)
    with ClipReader(Clip.open(tmp_path / "a.mp4")) as reader:
        times = [frame.t for frame in reader]
    assert times == pytest.approx(np.arange(len(frames)) / 24)


def test_the_suite_has_many_scenes_with_names_of_their_own() -> None:
    names = [recipe.name for recipe in recipes(photos=[SURFACES["hills"](*_draw())])]
    assert len(set(names)) == len(names) > 70
    assert len(spread(recipes(), 7)) == 7


def _draw() -> tuple[np.random.Generator, int, int]:
    return np.random.default_rng(0), 90, 160


def test_truth_knows_no_cuts_in_a_single_take() -> None:
    case = take("one", film("one", "cells", seconds=0.2))
    assert case.truth.transitions == ()
    assert case.truth.camera == frozenset(["static"])


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
