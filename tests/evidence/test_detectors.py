"""Detectors that are chosen by name: which one measures, and what is said where it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import instancecap as ic
from instancecap.engine.work import evidence_key
from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence import cluster, registry, streaming
from instancecap.evidence.choice import Cluster
from instancecap.evidence.detectors import DETECTORS
from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections

DOG = CLASSES.index("dog")


class BrightDetector:
    """Calls what is bright a dog: an expert whose answers are known."""

    name = "bright"
    tight = True

    def detect(self, picture: np.ndarray) -> Detections:
        rows, columns = np.nonzero(picture.min(axis=2) > 200)
        if not len(rows):
            return Detections(np.zeros((0, 4), np.float32), np.zeros((0, 80), np.float32))
        height, width = picture.shape[:2]
        box = [columns.min() / width, rows.min() / height]
        box += [(columns.max() + 1) / width, (rows.max() + 1) / height]
        scores = np.zeros((1, 80), np.float32)
        scores[0, DOG] = 0.9
        return Detections(np.array([box], np.float32), scores)


class Points:
    """Entry points of installed packages, as :mod:`importlib.metadata` hands them out."""

    def __init__(self, name: str, load: Callable[[], object]) -> None:
        self.name, self.load = name, load


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Let an installed package offer a detector."""

    def add(name: str, load: Callable[[], object]) -> None:
        point = Points(f"detector.{name}", load)

        def entry_points(*, group: str, name: str | None = None) -> list[Points]:
            return [point] if group == registry.GROUP and name in (None, point.name) else []

        monkeypatch.setattr(registry, "entry_points", entry_points)

    cluster.forget_models()
    yield add
    cluster.forget_models()


def test_a_detector_of_another_package_names_what_is_seen(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    offer("bright", lambda: BrightDetector)
    clip = make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))
    evidence = ic.measure(clip, cluster=Cluster(detector="bright"))
    assert evidence.models["detector"] == "bright"
    assert evidence.warnings == []
    (found,) = evidence.instances
    assert (found.class_, found.source) == ("dog", "bright")
    middle = min(found.track, key=lambda point: abs(point.t - 1.5))
    left = 0.25  # of the square in frame 12 of 24, 1.5 s
    assert middle.box == pytest.approx([left, 0.25, left + 0.25, 0.5], abs=0.04)

    caption = ic.caption(clip, cluster=Cluster(detector="bright"))
    assert [one.class_ for one in caption.instances] == ["dog"]
    assert caption.producer.models["detector"] == "bright"
    assert caption.provenance["/instances/0/class"].source == "bright"
    assert ic.measure(clip).models["detector"] == "opencv-hog", "nobody chose the other one"


def test_a_run_measures_with_whom_it_is_given(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    offer("bright", lambda: BrightDetector)
    make_video(tmp_path / "clips" / "square.mp4", frames=24, size=(320, 240))
    chosen = Cluster(detector="bright")
    run = ic.run(str(tmp_path / "clips"), keep=True, cluster=chosen)
    (caption,) = run.captions()
    assert caption.producer.models["detector"] == "bright"
    assert evidence_key(chosen, masks=False) != evidence_key(masks=False)


def test_several_detectors_look_at_the_same_pictures(
    without_weights: None,
    monkeypatch: pytest.MonkeyPatch,
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    class Doubting(BrightDetector):
        name = "doubting"

        def detect(self, picture: np.ndarray) -> Detections:
            found = super().detect(picture)
            return Detections(found.boxes, np.roll(found.scores, 1, axis=1))

    own = {"bright": BrightDetector, "doubting": Doubting, **DETECTORS.own}
    monkeypatch.setattr(cluster, "DETECTORS", replace(DETECTORS, own=own))
    clip = make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))
    alone = ic.measure(clip, cluster=Cluster(detector="bright"))
    both = ic.measure(clip, cluster=Cluster(detector="bright, doubting"))
    assert both.models["detector"] == "bright,doubting"
    (found,) = both.instances
    assert found.track == alone.instances[0].track
    assert sorted(one.value for one in found.opinions) == ["dog", CLASSES[DOG + 1]]
    assert [one.value for one in found.opinions if one.holds] == [found.class_]
    assert both.camera == alone.camera, "the first one alone tells where the background is"
    again = ic.measure(clip, cluster=Cluster(detector="bright,bright"))
    assert again.instances == alone.instances, "who is named twice speaks once"


class Batched(BrightDetector):
    """The same, shown several pictures at once."""

    batch = 4

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def detect_batch(self, pictures: Sequence[np.ndarray]) -> list[Detections]:
        self.sizes.append(len(pictures))
        return [self.detect(picture) for picture in pictures]

    def take_warning(self) -> list[str]:
        return ["bright: out of GPU memory"] if len(self.sizes) > 1 else []


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("held", "largest"), [(256e6, 4), (320**2 * 1.5 * 9, 3)])
def test_pictures_are_gathered_for_a_batch_and_nothing_changes(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    threads: int,
    held: float,
    largest: int,
) -> None:
    monkeypatch.setattr(streaming, "MOST_HELD", held)
    clip = make_video(tmp_path / "square.mp4", frames=60, size=(320, 240), fps=16)
    offer("bright", lambda: BrightDetector)
    one_by_one = ic.measure(clip, threads=threads, cluster=Cluster(detector="bright"))
    cluster.forget_models()
    batched = Batched()
    offer("bright", lambda: lambda: batched)
    gathered = ic.measure(clip, threads=threads, cluster=Cluster(detector="bright"))
    assert max(batched.sizes) == largest
    assert sum(batched.sizes) >= len(gathered.instances[0].track)
    assert gathered.warnings == ["bright: out of GPU memory"]
    gathered.warnings, gathered.timings, one_by_one.timings = [], {}, {}
    assert gathered == one_by_one


def test_a_detector_that_cannot_be_made_is_named(
    offer: Callable[[str, Callable[[], object]], None],
) -> None:
    def fail() -> object:
        raise RuntimeError("no license key")

    offer("theirs", fail)
    with pytest.raises(UsageError, match=r"detector\.theirs failed: RuntimeError: no license key"):
        DETECTORS.open("theirs")
    with pytest.raises(UsageError, match=r"choose nanodet-plus-m, .*opencv-hog, theirs, the path"):
        DETECTORS.open("nobody")


@pytest.mark.parametrize("name", ["nanodet-plus-m", "yolox-nano"])
def test_those_of_the_package_go_by_name(with_weights: Path, name: str) -> None:
    assert cluster.load_models(Cluster(detector=name)).detector.name == name


def test_one_that_was_chosen_and_is_missing_is_not_replaced(without_weights: None) -> None:
    with pytest.raises(MissingDependency, match="yolox-nano"):
        cluster.load_models(Cluster(detector="yolox-nano"))
    with pytest.raises(MissingDependency, match=r"missing\.onnx: there is no such file"):
        DETECTORS.open("missing.onnx")
