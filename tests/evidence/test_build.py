"""One pass over real and made-up clips: what is found, that it repeats, and that it is valid."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from instancecap.errors import InputError
from instancecap.evidence.build import measure
from instancecap.evidence.view import within
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.video import Clip
from instancecap.video.decode import ClipReader

Measured = Callable[..., Evidence]

EVERYDAY = {
    "cat_walk": {"animal"},
    "flower_cc0": set(),
    "football_juggle": {"human"},
    "person_bicycle_car": {"vehicle"},
    "store_3people": {"human"},
    "two_cars": {"vehicle"},
    "woman_dog": {"human", "animal"},
    "worker": {"human"},
}
"""Kinds of the main things of each clip by its labels."""

KINDS = {
    "person": "human",
    **dict.fromkeys(("cat", "dog", "animal"), "animal"),
    **dict.fromkeys(("car", "truck", "bus", "bicycle", "vehicle"), "vehicle"),
}


def numbers(value: Any) -> Iterator[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            yield from numbers(child)
    elif isinstance(value, int | float):
        yield float(value)


def without_timings(evidence: Evidence) -> dict[str, Any]:
    return evidence.model_dump(mode="json", exclude={"timings"})


def assert_sound(evidence: Evidence) -> None:
    """What must hold of any clip whatever it shows."""
    again = Evidence.from_json(evidence.to_json())
    assert again == evidence
    assert all(math.isfinite(number) for number in numbers(json.loads(evidence.to_json())))
    end = evidence.video.duration
    assert evidence.video.end == pytest.approx(evidence.video.start + end, abs=2e-3)
    assert evidence.shots[0].start == 0
    assert evidence.shots[-1].end == pytest.approx(end, abs=2e-3)
    assert len(evidence.framing.shots) == len(evidence.shots)
    assert all(a.t < b.t for a, b in pairwise(evidence.camera.path))
    assert all(0 <= step.t <= end for step in evidence.camera.path)
    assert [item.id for item in evidence.instances] == list(range(len(evidence.instances)))
    saliences = [item.salience for item in evidence.instances]
    assert saliences == sorted(saliences, reverse=True)
    for item in evidence.instances:
        assert_instance_sound(item, end=end)


def assert_instance_sound(item: InstanceFacts, *, end: float) -> None:
    assert item.class_
    assert item.source
    assert item.track
    assert all(a.t < b.t for a, b in pairwise(item.track))
    assert 0 <= item.track[0].t <= item.track[-1].t <= end + 1e-3
    for point in item.track:
        x0, y0, x1, y1 = point.box
        assert 0 <= x0 < x1 <= 1
        assert 0 <= y0 < y1 <= 1
    assert bool(item.motion.direction) <= item.motion.moving
    assert (item.motion.speed > 0) == item.motion.moving
    shares = [share for _, share in item.colors]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) <= 1.001


def kinds_of(evidence: Evidence) -> set[str]:
    return {KINDS[item.class_] for item in evidence.instances if item.class_ in KINDS}


@pytest.mark.parametrize("name", list(EVERYDAY))
def test_an_everyday_clip_is_measured_soundly(measured: Measured, name: str) -> None:
    evidence = measured(f"everyday/{name}.mp4")
    assert_sound(evidence)
    assert len(evidence.shots) == 1
    assert {"decode", "total"} & evidence.timings.keys()


@pytest.mark.parametrize("name", list(EVERYDAY))
def test_its_main_things_are_found(measured: Measured, name: str) -> None:
    assert kinds_of(measured(f"everyday/{name}.mp4")) >= EVERYDAY[name]


@pytest.mark.parametrize("name", sorted(EVERYDAY.keys() - {"cat_walk"}))
def test_a_camera_on_a_stand_stands(measured: Measured, name: str) -> None:
    assert measured(f"everyday/{name}.mp4").camera.motion == ["static"]


def test_a_camera_that_follows_a_cat_pans(measured: Measured) -> None:
    evidence = measured("everyday/cat_walk.mp4")
    assert "pan_right" in evidence.camera.motion
    assert evidence.instances[0].motion.scale_change > 1.3  # it comes nearer


def test_of_two_cars_one_goes_up_and_one_down(measured: Measured) -> None:
    cars = measured("everyday/two_cars.mp4").instances[:2]
    assert {car.motion.direction for car in cars} == {"up", "down"}
    up = next(car for car in cars if car.motion.direction == "up")
    down = next(car for car in cars if car.motion.direction == "down")
    assert {name for name, _ in up.colors} <= {"red", "black"}
    assert "red" not in {name for name, _ in down.colors}
    x_of = {id(car): (car.track[0].box[0] + car.track[0].box[2]) / 2 for car in cars}
    assert x_of[id(down)] < x_of[id(up)]  # the pale one drives at the left


def test_a_worker_walks_away_into_the_hall(measured: Measured) -> None:
    worker = measured("everyday/worker.mp4").instances[0]
    assert worker.class_ == "person"
    assert worker.motion.moving
    assert worker.motion.direction in ("left", "up", "up_left")
    assert not worker.leaves
    assert "orange" in [name for name, _ in worker.colors]


def test_a_woman_and_her_dog_are_both_there_all_the_time(measured: Measured) -> None:
    found = measured("everyday/woman_dog.mp4").instances
    classes = [item.class_ for item in found]
    assert classes.count("person") == 1
    assert classes.count("dog") == 1
    woman = found[classes.index("person")]
    assert (woman.enters, woman.leaves) == (False, False)
    assert woman.track[-1].t > 3.5


def test_three_people_in_a_shop_are_three(measured: Measured) -> None:
    found = measured("everyday/store_3people.mp4").instances
    assert [item.class_ for item in found].count("person") == 3
    assert sum(item.enters for item in found if item.class_ == "person") == 1


def test_a_car_a_cyclist_and_a_walker_go_their_ways(measured: Measured) -> None:
    found = measured("everyday/person_bicycle_car.mp4").instances
    assert sum(item.motion.moving for item in found) >= 3
    walker = next(item for item in found if item.leaves)
    assert walker.track[-1].t < 1.5
    assert walker.track[-1].box[1] < 0.1  # over the upper edge


def test_two_runs_give_the_same_evidence(
    measured: Measured, with_weights: Path, clips_dir: Path
) -> None:
    first = measured("everyday/worker.mp4")
    one_core = measure(Clip.open(clips_dir / "everyday/worker.mp4"), threads=1)
    again = measure(Clip.open(clips_dir / "everyday/worker.mp4"), threads=0)
    assert without_timings(again) == without_timings(first)
    assert without_timings(one_core) == without_timings(first)


def test_a_span_is_measured_in_its_own_time(
    measured: Measured, with_weights: Path, clips_dir: Path
) -> None:
    whole = measured("everyday/worker.mp4")
    part = measure(Clip.open(clips_dir / "everyday/worker.mp4", start=1.0, end=3.0))
    assert_sound(part)
    assert (part.video.start, part.video.duration) == pytest.approx((1.0, 2.0), abs=0.05)
    assert part.camera.path[0].t < 0.2
    assert part.camera.path[-1].t <= 2.0
    then, now = whole.instances[0], part.instances[0]
    assert now.class_ == then.class_
    for point in now.track:
        same = min(then.track, key=lambda other: abs(other.t - 1.0 - point.t))
        if abs(same.t - 1.0 - point.t) < 0.06:
            assert np.abs(np.array(same.box) - point.box).max() < 0.08


def test_a_span_without_frames_is_an_error(with_weights: Path, clips_dir: Path) -> None:
    with pytest.raises(InputError, match="no frame between 50 s and the end"):
        measure(Clip.open(clips_dir / "everyday/worker.mp4", start=50))


def test_an_edited_clip_keeps_its_things_within_their_shots(measured: Measured) -> None:
    evidence = measured("cuts/bikes.mp4", 0.0, 4.0)
    assert_sound(evidence)
    assert [shot.start for shot in evidence.shots] == pytest.approx([0, 1.2, 3.04], abs=0.05)
    for shot in evidence.shots:
        view = within(evidence, shot.start, shot.end)
        assert all(shot.start <= p.t < shot.end for item in view.instances for p in item.track)
    assert len({item.id for item in evidence.instances}) == len(evidence.instances)


def small_clip(frames: int = 1, size: tuple[int, int] = (160, 90), level: int = 0) -> Clip:
    return Clip.from_frames(np.full((frames, size[1], size[0], 3), level, np.uint8), 8.0)


def test_a_single_frame_has_a_shot_and_no_camera(with_weights: Path, clips_dir: Path) -> None:
    evidence = measure(Clip.open(clips_dir / "everyday/worker.mp4", start=1.0, end=1.07))
    assert_sound(evidence)
    assert evidence.video.frames == 1
    assert len(evidence.shots) == 1
    assert evidence.camera.motion == []
    assert evidence.instances[0].class_ == "person"
    assert not evidence.instances[0].motion.moving


@pytest.fixture
def still(clips_dir: Path, tmp_path: Path) -> Path:
    """A photograph of the worker."""
    with ClipReader(Clip.open(clips_dir / "everyday/worker.mp4", start=1.0)) as reader:
        picture = next(iter(reader)).bgr()
    cv2.imwrite(str(tmp_path / "worker.png"), picture)
    return tmp_path / "worker.png"


def test_an_image_is_a_clip_of_one_frame(with_weights: Path, still: Path) -> None:
    evidence = measure(Clip.open(still))
    assert_sound(evidence)
    assert (evidence.video.frames, evidence.video.width, evidence.video.height) == (1, 480, 270)
    assert (evidence.video.fps, evidence.video.duration) == (0, 0)
    assert evidence.camera.motion == []
    assert evidence.light.brightness > 0.1


def test_what_an_image_shows_is_found(with_weights: Path, still: Path) -> None:
    (worker, *_) = measure(Clip.open(still)).instances
    assert worker.class_ == "person"
    assert (worker.enters, worker.leaves, worker.motion.moving) == (False, False, False)


@pytest.mark.parametrize("size", [(1, 1), (2, 240), (240, 2), (33, 17)])
@pytest.mark.parametrize("frames", [1, 2, 9])
def test_the_smallest_pictures_are_measured(
    with_weights: Path, size: tuple[int, int], frames: int
) -> None:
    rng = np.random.default_rng(0)
    array = rng.integers(0, 255, (frames, size[1], size[0], 3)).astype(np.uint8)
    evidence = measure(Clip.from_frames(array, 12.0))
    assert_sound(evidence)
    assert (evidence.video.width, evidence.video.height) == size


def test_a_black_clip_shows_nothing(with_weights: Path) -> None:
    evidence = measure(small_clip(frames=16))
    assert_sound(evidence)
    assert (evidence.instances, evidence.faces, evidence.texts) == ([], [], [])
    assert evidence.camera.motion == []
    assert evidence.place.label == "unknown"
    assert (evidence.framing.shot_type, evidence.light.time_of_day) == ("", "")
    assert evidence.light.brightness == 0


def odd_files() -> list[str]:
    folder = Path(__file__).resolve().parents[3] / "shared" / "clips" / "odd"
    return sorted(path.name for path in folder.glob("*.*")) or ["needs-the-real-data"]


@pytest.mark.parametrize("name", odd_files())
def test_an_odd_file_is_measured_or_refused_in_one_line(
    with_weights: Path, clips_dir: Path, name: str
) -> None:
    try:
        evidence = measure(Clip.open(clips_dir / "odd" / name, end=0.8))
    except InputError as error:
        assert name in str(error)
        assert "\n" not in str(error)
        assert name in {
            "derived_audio_only.mp4", "derived_empty.mp4", "derived_no_moov.mp4",
            "derived_text_named.mp4",
        }  # fmt: skip
    else:
        assert_sound(evidence)
        assert evidence.video.frames >= 1


PEAK_OF = """
import resource, sys
from instancecap.evidence.build import measure
from instancecap.video import Clip
measure(Clip.open(sys.argv[1]), threads=1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in kilobytes on Linux only")
def test_memory_does_not_grow_with_the_length_of_a_clip(
    with_weights: Path, make_video: Callable[..., Path], tmp_path: Path
) -> None:
    """Kept pictures of the long clip would take 100 MB even at the size of a sample."""
    peaks = []
    for frames in (40, 400):
        path = make_video(tmp_path / f"{frames}.mp4", frames=frames, size=(320, 180), fps=12)
        run = subprocess.run(
            [sys.executable, "-c", PEAK_OF, str(path)], capture_output=True, text=True, check=True
        )
        peaks.append(int(run.stdout) / 1024)
    assert peaks[1] - peaks[0] < 40
