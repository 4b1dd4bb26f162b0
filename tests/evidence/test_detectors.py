"""Detectors that are chosen by name: which one measures, and what is said where it cannot."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import instancecap as ic
from instancecap.engine.work import evidence_key
from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence import cluster, streaming
from instancecap.evidence.choice import Cluster
from instancecap.evidence.detectors import DETECTORS
from instancecap.models import weights
from instancecap.models.detector import Detections
from tests.evidence.bright import BrightDetector


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


def test_a_class_of_its_own_goes_from_the_detector_to_the_prompt(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    offer("yard", lambda: lambda: BrightDetector("forklift"))
    chosen = Cluster(detector="yard")
    clip = make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))
    evidence = ic.measure(clip, cluster=chosen)
    (found,) = evidence.instances
    assert (found.class_, found.category, found.phrase) == ("forklift", "vehicle", "")

    caption = ic.caption(clip, cluster=chosen)
    (told,) = caption.instances
    assert (told.class_, told.category, told.subcategory) == ("forklift", "vehicle", "forklift")
    assert told.name == "the white forklift"
    assert caption.global_description == "The clip shows a white forklift."
    assert "forklift" in ic.render(caption, target="wan2.2", task="t2v").text

    theirs = caption.model_copy(deep=True)
    theirs.instances[0].name = "the machine"
    theirs.global_description = "A forklift is on the left at first. There are three forklifts."
    report = ic.verify(theirs, evidence)
    judged = {(one.claim.field, one.kind, one.value): one.claim.support for one in report.findings}
    assert judged["/instances/0/class", "class", "forklift"] == "supported"
    assert judged["/global_description", "presence", "forklift"] == "supported"
    assert judged["/global_description", "position", "left"] == "supported"
    assert ("/global_description", "count", "3") in judged, "the plural is read"


def test_many_of_a_class_of_its_own_are_a_group(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    offer("yard", lambda: lambda: BrightDetector("zibble", copies=5))
    clip = make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))
    evidence = ic.measure(clip, cluster=Cluster(detector="yard"))
    (group,) = evidence.instances
    assert (group.class_, group.category, group.count) == ("zibble", "other", 5)
    caption = ic.caption(clip, cluster=Cluster(detector="yard"))
    assert caption.global_description == "The clip shows a group of white zibbles."


def test_what_a_thing_was_found_by_is_its_name(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    offer("asked", lambda: lambda: BrightDetector("person", phrase="man in red"))
    clip = make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))
    caption = ic.caption(clip, cluster=Cluster(detector="asked"))
    (told,) = caption.instances
    assert (told.class_, told.category, told.name) == ("person", "human", "the man in red")
    assert caption.global_description == "The clip shows a man in red."
    chinese = ic.caption(
        clip, cluster=Cluster(detector="asked"), captioner=ic.Measured(language="zh")
    )
    assert "man in red" in chinese.instances[0].name


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


def test_another_file_at_the_same_path_is_not_taken_for_the_same(
    with_weights: Path, tmp_path: Path
) -> None:
    file = Path(shutil.copy(weights.find("yolox-nano"), tmp_path / "mine.onnx"))
    chosen = Cluster(detector=str(file))
    first = evidence_key(chosen, masks=False)
    os.utime(file, (0, 0))
    assert evidence_key(chosen, masks=False) == first, "it is the same file"
    file.with_suffix(".txt").write_text("\n".join(f"part {n}" for n in range(80)))
    second = evidence_key(chosen, masks=False)
    assert second != first, "another class list"
    with file.open("ab") as more:
        more.write(b"\0")
    assert evidence_key(chosen, masks=False) not in (first, second)


def test_two_detectors_are_not_called_alike(
    without_weights: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = {"here": BrightDetector, "there": BrightDetector, **DETECTORS.own}
    monkeypatch.setattr(cluster, "DETECTORS", replace(DETECTORS, own=own))
    with pytest.raises(UsageError, match=r"^--detector here,there: two .* bright, bright; rename"):
        cluster.load_models(Cluster(detector="here,there"))


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
    assert sorted(one.value for one in found.opinions) == ["dog", "horse"]
    assert [one.value for one in found.opinions if one.holds] == [found.class_]
    assert both.camera == alone.camera, "the first one alone tells where the background is"


@pytest.mark.parametrize("names", ["opencv-hog,opencv-hog", "opencv-hog,", ",opencv-hog", " , "])
def test_a_detector_is_named_once_and_between_commas(without_weights: None, names: str) -> None:
    with pytest.raises(
        UsageError, match=rf"^--detector {names.strip()} ?: write each name once, with a"
    ):
        cluster.load_models(Cluster(detector=names))


class Batched(BrightDetector):
    """The same, shown several pictures at once."""

    batch = 4

    def __init__(self) -> None:
        super().__init__()
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


def test_the_example_of_the_documents_is_a_detector(
    without_weights: None,
    offer: Callable[[str, Callable[[], object]], None],
    make_video: Callable[..., Path],
    tmp_path: Path,
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "experts.md").read_text(encoding="utf-8")
    (example,) = (one for one in text.split("```python\n") if "class MyDetector" in one)
    made: dict[str, Callable[[], object]] = {}
    exec(example.split("```")[0], made)
    offer("mine", lambda: made["MyDetector"])
    clip = make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))
    evidence = ic.measure(clip, cluster=Cluster(detector="mine"))
    (found,) = evidence.instances
    assert (found.class_, found.source) == ("forklift", "mine")
    middle = min(found.track, key=lambda point: abs(point.t - 1.5))
    assert middle.box == pytest.approx([0.25, 0.25, 0.5, 0.5], abs=0.04)


def test_a_detector_that_cannot_be_made_is_named(
    offer: Callable[[str, Callable[[], object]], None],
) -> None:
    def fail() -> object:
        raise RuntimeError("no license key")

    offer("theirs", fail)
    with pytest.raises(UsageError, match=r"detector\.theirs failed: RuntimeError: no license key"):
        DETECTORS.open("theirs")
    offer("empty", lambda: lambda: SimpleNamespace(name="a name alone"))
    with pytest.raises(
        UsageError, match=r"^--detector empty: what .*detector\.empty makes has no tight, detect; a"
    ):
        DETECTORS.open("empty")
    offer("theirs", fail)
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
