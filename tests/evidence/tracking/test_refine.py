"""Tracks drawn anew by a tracker with known answers: only where it follows the same thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask

import instancecap as ic
from instancecap.captioners.chain.agree import Agreed, Named
from instancecap.captioners.chain.instances import agreed_evidence, follow_agreed
from instancecap.evidence import cluster
from instancecap.evidence.build import measure
from instancecap.evidence.detectors import DETECTORS
from instancecap.evidence.sample import SAMPLE_RATE
from instancecap.evidence.trackers import TRACKERS, Tracking
from instancecap.evidence.tracking.box_trackers import FlowTracker, Seed
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.masklets import Segment
from instancecap.evidence.tracking.refine import (
    add_concepts,
    follow_by_masks,
    follow_masks,
    refine_tracks,
)
from instancecap.models.coco import CLASSES
from instancecap.models.detector import Detections
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts, MaskRle
from instancecap.video import Clip
from tests import made
from tests.evidence.tracking.colored import (
    FPS,
    HEIGHT,
    RED,
    WIDTH,
    ColorFinder,
    ColorTracker,
    box,
    picture,
    shot,
    timed,
    where,
)

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def decode(mask: MaskRle) -> np.ndarray:
    code = {"size": list(mask.size), "counts": mask.counts.encode()}
    return np.asarray(coco_mask.decode(code)) > 0


def record(path: Path, pictures: Sequence[np.ndarray]) -> Clip:
    """A clip of some BGR pictures, without loss."""
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libx264rgb", rate=FPS, options={"crf": "0"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "rgb24"
        for one in pictures:
            frame = av.VideoFrame.from_ndarray(one[..., ::-1].copy(), format="rgb24")
            file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return Clip.open(path)


def facts(id: int, track: Sequence[tuple[int, tuple[float, ...]]], **more: object) -> InstanceFacts:
    points = [TrackPoint(t=index / FPS, box=where, score=0.7) for index, where in track]
    return InstanceFacts(
        id=id, **{"class": "dog"}, confidence=0.9, salience=0.5, track=points, **more
    )


def refined(
    tmp_path: Path, pictures: Sequence[np.ndarray], *items: InstanceFacts, masks: bool = True
) -> list[InstanceFacts]:
    clip = record(tmp_path / "clip.mp4", pictures)
    end = len(pictures) / FPS
    evidence = made.evidence(*items, video=made.video(end, len(pictures)), shots=[shot(0, end)])
    evidence.video.width, evidence.video.height = WIDTH, HEIGHT
    refine_tracks(clip, evidence, tracker=ColorTracker(), masks=masks)
    assert evidence.timings["tracker"] > 0
    return evidence.instances


MOVING = [picture(red=(5 + 5 * index, 10)) for index in range(24)]
LOOSE = [(index, box(8 + 5 * index, 12)) for index in (8, 10, 12, 14)]
"""A detector's boxes of it: a few, in the middle, and not quite where it is."""


def test_where_both_agree_boxes_are_the_segmenters(tmp_path: Path) -> None:
    (item,) = refined(tmp_path, MOVING, facts(0, LOOSE))
    assert item.tracker == "colors" and item.source == ""
    assert [point.t for point in item.track] == [index / FPS for index in range(24)]
    for index, point in enumerate(item.track):
        assert point.box == pytest.approx(box(5 + 5 * index, 10), abs=0.012)
        assert point.score == (0.7 if index in (8, 10, 12, 14) else 0.9)
    assert [mask.t for mask in item.masks] == [point.t for point in item.track]
    assert {mask.size for mask in item.masks} == {(HEIGHT, WIDTH)}
    assert item.motion.moving and item.motion.direction == "right"
    assert not refined(tmp_path, MOVING, facts(0, LOOSE), masks=False)[0].masks


def test_what_comes_and_goes_is_told_by_the_longer_track(tmp_path: Path) -> None:
    places = [None if index < 6 or index > 30 else (5 * (index - 6), 10) for index in range(40)]
    pictures = [picture(red=place) for place in places]
    seen = [(index, box(5 * (index - 6), 10)) for index in (14, 16, 18)]
    (item,) = refined(tmp_path, pictures, facts(0, seen))
    assert (item.track[0].t, item.track[-1].t) == (6 / FPS, 30 / FPS)
    assert item.enters, "its first box is at the frame's edge, after the clip's start"
    assert not item.leaves, "its last box is in the middle of the frame"
    (whole,) = refined(tmp_path, MOVING, facts(0, LOOSE, enters=True, leaves=True))
    assert not whole.enters and not whole.leaves, "it is there from the start to the end"


def test_where_it_follows_something_else_nothing_changes(tmp_path: Path) -> None:
    pictures = [picture(red=(5 + 5 * index, 10), blue=(100, 60)) for index in range(24)]
    elsewhere = facts(0, [(index, box(5 + 5 * (24 - index), 60)) for index in range(24)])
    nowhere = facts(1, [(index, box(60, 40)) for index in (4, 5)])
    group = facts(2, LOOSE, count=3)
    found = refined(tmp_path, pictures, elsewhere, nowhere, group)
    assert found == [elsewhere, nowhere, group]
    assert "tracker" not in found[0].model_dump(), "absent where nobody drew anew"


def test_boxes_that_differ_stay_the_detectors(tmp_path: Path) -> None:
    astray = [*LOOSE, (16, box(8, 60))]
    (item,) = refined(tmp_path, MOVING, facts(0, astray))
    assert item.tracker == "colors"
    last = item.track[-1]
    assert (last.t, last.box) == (16 / FPS, pytest.approx(box(8, 60), abs=1e-4))
    assert item.track[0].t == 0.0
    assert max(mask.t for mask in item.masks) < 16 / FPS


class RedDetector:
    """Calls what is red a dog, in boxes that are a little too large."""

    name = "reds"
    tight = True

    def detect(self, picture: np.ndarray) -> Detections:
        rows, columns = np.nonzero(where(picture, np.array(RED)))
        scores = np.zeros((1 if len(rows) else 0, len(CLASSES)), np.float32)
        scores[:, CLASSES.index("dog")] = 0.9
        height, width = picture.shape[:2]
        spans = [
            (some.min() / size - 0.02, some.max() / size + 0.03)
            for some, size in ((columns, width), (rows, height))
            if len(some)
        ]
        boxes = [[low for low, _ in spans] + [high for _, high in spans]] if spans else []
        return Detections(np.array(boxes, np.float32).reshape(-1, 4), scores)


@pytest.mark.usefixtures("without_weights")
def test_measured_end_to_end(chosen: ColorTracker, tmp_path: Path) -> None:
    clip = record(tmp_path / "red.mp4", MOVING)
    evidence = ic.measure(clip, cluster=ic.Cluster(detector="reds", tracker="colors"))
    assert evidence.models == {"detector": "reds", "tracker": "colors"}
    (dog,) = evidence.instances
    assert (dog.class_, dog.source, dog.tracker, dog.masks) == ("dog", "reds", "colors", [])
    assert [point.t for point in dog.track] == [index / FPS for index in range(24)]
    for index, point in enumerate(dog.track):
        assert point.box == pytest.approx(box(5 + 5 * index, 10), abs=0.012)
    assert evidence.timings["tracker"] > 0 and len(chosen.asked) == 1
    caption = ic.caption(clip, cluster=ic.Cluster(detector="reds", tracker="colors"))
    assert {entry.source for entry in caption.provenance.values()} >= {"colors", "reds"}
    assert caption.producer.models["tracker"] == "colors"
    masked = measure(clip, masks=True, cluster=ic.Cluster(detector="reds", segmenter="box"))
    (dog,) = masked.instances
    assert masked.models == {"detector": "reds", "segmenter": "box"}
    assert not dog.tracker and len(dog.masks) >= 23


class DrawnTracker(ColorTracker):
    """Knows the masks that people drew for a clip, whatever it is asked to follow."""

    def __init__(self, folder: Path, fps: int) -> None:
        super().__init__(name="drawn", side=416)
        self._folder, self._fps = folder, fps

    def track(
        self, pictures: Sequence[np.ndarray], prompts: Sequence[Mapping[int, np.ndarray]]
    ) -> Iterator[dict[int, Segment]]:
        height, width = pictures[0].shape[:2]
        found = {}
        for index in range(len(pictures)):
            drawn = self.mask(index / SAMPLE_RATE)
            mask = cv2.resize(drawn.astype(np.uint8), (width, height)) > 0
            found[index] = Segment(mask, 0.95)
        yield from [found] * len(prompts)

    def mask(self, t: float) -> np.ndarray:
        path = self._folder / f"{round(t * self._fps):05d}.png"
        return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE) > 0)


def test_a_real_clip_gets_the_trackers_boxes_and_masks(
    with_weights: Path, clips_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = DrawnTracker(clips_dir / "masks" / "car-shadow", fps=24)
    making = partial(Tracking, "drawn", video=drawn)
    monkeypatch.setitem(TRACKERS.own, "drawn", making)  # type: ignore[misc]
    clip = Clip.open(clips_dir / "masks" / "car-shadow.mp4")
    evidence = measure(clip, masks=True, cluster=ic.Cluster(tracker="drawn"))
    (car, *others) = evidence.instances
    assert car.tracker == "drawn" and not any(item.tracker for item in others)
    assert len(car.masks) == len(car.track) >= 13
    for mask, point in zip(car.masks, car.track, strict=True):
        true = drawn.mask(mask.t)
        seen = decode(mask)
        assert (seen & true).sum() / (seen | true).sum() > 0.9
        rows, columns = np.nonzero(true)
        height, width = true.shape
        expected = [columns.min() / width, rows.min() / height]
        expected += [(columns.max() + 1) / width, (rows.max() + 1) / height]
        assert point.box == pytest.approx(expected, abs=0.02)
    before = measure(clip).instances[0]
    assert car.track[0].t <= before.track[0].t and car.track[-1].t >= before.track[-1].t
    assert len(car.track) > len(before.track)


# Phrases -----------------------------------------------------------------------------------------


def test_what_a_phrase_finds_is_named_or_is_new(tmp_path: Path) -> None:
    pictures = [
        picture(red=(5 + 5 * index, 10), blue=(110, 60) if index >= 8 else None)
        for index in range(24)
    ]
    clip = record(tmp_path / "clip.mp4", pictures)
    known = facts(3, LOOSE, source="small").model_copy(update={"class_": "cup"})
    evidence = made.evidence(known, video=made.video(3.0, 24), shots=[shot(0, 3)])
    evidence.video.width, evidence.video.height = WIDTH, HEIGHT
    add_concepts(
        clip, evidence, tracker=ColorFinder(), phrases=["red kettle", "forklift"], masks=True
    )
    assert evidence.timings["phrases"] > 0
    kettle, forklift = sorted(evidence.instances, key=lambda item: item.id)
    assert (kettle.id, kettle.source, kettle.tracker) == (3, "small", "colors")
    assert {(one.expert, one.value) for one in kettle.opinions} == {
        ("small", "cup"), ("colors", "kettle"),
    }  # fmt: skip
    assert len(kettle.track) == 24 and len(kettle.masks) == 24
    assert (forklift.id, forklift.class_, forklift.category) == (4, "forklift", "vehicle")
    assert (forklift.source, forklift.phrase, forklift.confidence) == ("colors", "", 0.9)
    assert forklift.track[0].t == 1.0 and forklift.enters and not forklift.leaves
    assert len(forklift.masks) == 16 and forklift.salience > 0
    assert not forklift.motion.moving and [name for name, _ in forklift.colors] == ["blue"]
    salience = [item.salience for item in evidence.instances]
    assert salience == sorted(salience, reverse=True)


class Full(ColorTracker):
    """A tracker without memory left."""

    def track(self, *given: object) -> Iterator[dict[int, Segment]]:  # type: ignore[override]
        raise MemoryError("colors: the GPU's memory does not suffice")


def test_without_memory_the_tracks_stay_and_a_line_says_so(tmp_path: Path) -> None:
    clip, item = record(tmp_path / "clip.mp4", MOVING), facts(0, LOOSE)
    evidence = made.evidence(item, video=made.video(3.0, 24), shots=[shot(0, 3)])
    follow_by_masks(clip, evidence, tracker=Full(), phrases=(), masks=False)
    assert evidence.instances == [item]
    (line,) = evidence.warnings
    assert line.startswith("colors: the GPU's memory does not suffice; tracks stay")


# The model's boxes -------------------------------------------------------------------------------


def film(pictures: Sequence[np.ndarray]) -> Film:
    made_of = Film()
    for t, one in timed(pictures):
        made_of.add(t, one)
    return made_of


def test_what_a_model_points_at_is_followed_by_its_mask() -> None:
    there = [index < 8 or index >= 16 for index in range(32)]
    pictures = [picture(red=(40 + index, 10) if seen else None) for index, seen in enumerate(there)]
    seeds = {"it": [Seed(0.25, box(42, 10)), Seed(2.5, box(60, 10))], "nothing": []}
    found = follow_masks(film(pictures), seeds, tracker=ColorTracker())
    assert found["it"].tracker == "colors"
    assert [point.t for point in found["it"].track] == [t / FPS for t in range(32) if there[t]]
    assert found["it"].absent == ((1.0, 15 / FPS),)
    assert found["nothing"].track == found["nothing"].absent == ()
    assert follow_masks(Film(), seeds, tracker=ColorTracker())["it"].track == ()


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> Iterator[ColorTracker]:
    """``--tracker colors``, and a detector that sees red from time to time."""
    tracker = ColorTracker()
    monkeypatch.setitem(DETECTORS.own, "reds", RedDetector)  # type: ignore[misc]
    monkeypatch.setitem(
        TRACKERS.own,
        "colors",
        lambda: Tracking("colors", video=tracker),  # type: ignore[misc]
    )
    cluster.forget_models()
    yield tracker
    cluster.forget_models()


@pytest.mark.usefixtures("without_weights", "chosen")
def test_the_chain_follows_by_the_tracker_that_was_chosen() -> None:
    named = Named(name="the dough", class_="dough", boxes=(Seed(0.5, box(20, 10)),))
    agreed = [Agreed(7, named, 0, (), named.boxes)]
    pictures = [picture(red=(16 + index, 10)) for index in range(16)]
    evidence = made.evidence(video=made.video(2.0, 16), shots=[])
    for name, expected in (("colors", "colors"), ("flow", "flow"), ("", "nanotrack")):
        chosen = ic.Cluster(tracker=name)
        followed = follow_agreed(agreed, film(pictures), evidence, cluster=chosen)
        (item,) = agreed_evidence(evidence, agreed, followed).instances
        assert (item.id, item.source, item.class_) == (7, expected, "dough")
    assert cluster.load_models(ic.Cluster(tracker="flow")).tracking.start is FlowTracker
