"""What a model names and nobody found, looked for by its name with a detector that can be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import instancecap as ic
from instancecap.captioners.chain import ChainOptions, prepare
from instancecap.evidence import cluster
from instancecap.evidence.choice import Cluster
from instancecap.evidence.detectors import DETECTORS
from instancecap.models.classes import ClassColumns, class_of
from instancecap.models.detector import Detections, Detector
from instancecap.video import Clip
from tests.captioners.chain.answering import Fake, boxes, finish, listing

SQUARE = 0.25
"""Side of the bright square in the clip, in frame sizes; it moves right."""


class Asked:
    """Finds the bright square where it is asked for one of ``words``; keeps what it was asked."""

    name, tight = "asked", True

    def __init__(self, *words: str) -> None:
        self.words, self.asked = words, [("dog",)]

    def asking(self, phrases: Sequence[str]) -> Detector:
        other = Asked(*self.words)
        other.asked = self.asked
        self.asked.append(tuple(phrases))
        return other

    def detect(self, picture: np.ndarray) -> Detections:
        phrases = self.asked[-1]
        columns = ClassColumns(phrases, by_head=True)
        rows, places = np.nonzero(picture.min(axis=2) > 200)
        known = [0.8 * any(word in phrase for word in self.words) for phrase in phrases]
        count = int(len(rows) > 0 and any(known))
        scores = np.array([known] * count, np.float32).reshape(count, len(phrases))
        found = np.zeros((count, 4), np.float32)
        if count:
            height, width = picture.shape[:2]
            found[0] = [places.min() / width, rows.min() / height,
                        (places.max() + 1) / width, (rows.max() + 1) / height]  # fmt: skip
        told = columns.phrases(scores)
        return Detections(found, columns.read(scores), columns.own, told)


@pytest.fixture
def choose(
    without_weights: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Detector], None]]:
    """Let ``--detector mine`` be this one."""

    def add(detector: Detector) -> None:
        own = {"mine": lambda: detector, **DETECTORS.own}
        monkeypatch.setattr(cluster, "DETECTORS", replace(DETECTORS, own=own))
        cluster.forget_models()

    yield add
    cluster.forget_models()


@pytest.fixture
def clip(make_video: Callable[..., Path], tmp_path: Path) -> Clip:
    return Clip.open(make_video(tmp_path / "square.mp4", frames=24, size=(320, 240)))


KETTLE = {"name": "the red kettle", "class": "kettle", "category": "household", "is_main": True}
LAMP = {"name": "the lamp", "class": "lamp", "category": "household", "is_main": False}
CHOSEN = Cluster(detector="mine")


def write(clip: Clip, backend: Fake, chosen: Cluster = CHOSEN, **options: object) -> ic.Caption:
    evidence = ic.measure(clip, cluster=chosen)
    told = ChainOptions(detail="never", **options)  # type: ignore[arg-type]
    prepared = prepare(clip, evidence, options=told, cluster=chosen)
    return finish(prepared, backend, told).caption


def test_what_the_model_names_is_found_by_its_name(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    detector = Asked("kettle")
    choose(detector)
    caption = write(clip, Fake(listing(KETTLE, LAMP)))
    assert detector.asked[-1] == ("red kettle", "lamp"), "once the evidence had nothing of them"
    kettle, lamp = caption.instances
    assert (kettle.name, kettle.class_) == ("the red kettle", "kettle")
    assert caption.provenance["/instances/0"].source == "both"
    assert len(kettle.track) >= 4
    middle = min(kettle.track, key=lambda point: abs(point.t - 1.5))
    assert middle.box == pytest.approx([0.25, 0.25, 0.25 + SQUARE, 0.5], abs=0.04)
    assert kettle.category == "household"
    assert caption.provenance["/instances/1"].source == "model"
    assert not lamp.track, "nobody found it, and the model gave no box"


def test_a_box_of_the_models_that_agrees_is_of_the_same_thing(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    choose(Asked("kettle"))
    there = KETTLE | {"boxes": boxes((1, (0.0, 0.25, SQUARE, 0.5)))}
    caption = write(clip, Fake(listing(there)))
    (kettle,) = caption.instances
    assert caption.provenance["/instances/0"].source == "both"
    assert kettle.track[-1].box == pytest.approx([0.48, 0.25, 0.73, 0.5], abs=0.06)
    assert not kettle.position.leaves


class Halves(Asked):
    """Takes the halves of the square for two things."""

    def asking(self, phrases: Sequence[str]) -> Detector:
        other = Halves(*self.words)
        other.asked = self.asked
        self.asked.append(tuple(phrases))
        return other

    def detect(self, picture: np.ndarray) -> Detections:
        one = super().detect(picture)
        left, right = one.boxes.copy(), one.boxes.copy()
        middle = one.boxes[:, [0, 2]].mean(axis=1)
        left[:, 2], right[:, 0] = middle, middle
        scores = np.concatenate([one.scores, one.scores])
        return Detections(np.concatenate([left, right]), scores, one.own, one.phrases * 2)


def test_a_name_that_two_things_answer_to_is_left_open(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    choose(Halves("kettle"))
    (kettle,) = write(clip, Fake(listing(KETTLE))).instances
    assert not kettle.track, "the model gave no box, and nobody knows which of the two it means"
    there = KETTLE | {"boxes": boxes((1, (0.0, 0.25, SQUARE / 2, 0.5)))}
    (kettle,) = write(clip, Fake(listing(there))).instances
    assert kettle.track[-1].box == pytest.approx([0.48, 0.25, 0.605, 0.5], abs=0.06)


def test_a_box_of_the_models_elsewhere_is_not_overruled(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    choose(Asked("kettle"))
    elsewhere = KETTLE | {"boxes": boxes((1, (0.7, 0.6, 0.95, 0.95)))}
    (kettle,) = write(clip, Fake(listing(elsewhere))).instances
    first = min(kettle.track, key=lambda point: point.t)
    assert first.box[1] > 0.5, "it is followed from the model's own box"


def test_what_has_a_track_is_not_looked_for(choose: Callable[[Detector], None], clip: Clip) -> None:
    detector = Asked("dog")
    choose(detector)
    caption = write(clip, Fake(listing({"name": "the dog", "class": "dog", "category": "animal"})))
    assert detector.asked == [("dog",)]
    assert len(caption.instances[0].track) >= 4


def test_phrases_of_the_users_are_all_that_is_asked(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    detector = Asked("kettle")
    choose(detector)
    chosen = Cluster(detector="mine", phrases="kettle, the red KETTLE, kettle")
    caption = write(clip, Fake(listing(LAMP)), chosen)
    assert detector.asked[1:] == [("kettle", "red kettle")]
    assert [one.name for one in caption.instances] == ["the lamp"]
    evidence = ic.measure(clip, cluster=chosen)
    assert [(one.class_, one.phrase) for one in evidence.instances] == [("kettle", "red kettle")]


def test_a_name_tells_which_of_two_tracks_is_meant(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    """The model gives no boxes, and its name is of neither track's class."""
    detector = Asked("dog", "zibble")
    choose(detector)
    caption = write(clip, Fake(listing({"name": "the old zibble", "class": "zibble"})))
    assert detector.asked[-1] == ("old zibble",)
    assert class_of("old zibble") == "old zibble"
    assert len(caption.instances[0].track) >= 4


def test_python_users_choose_it_for_one_clip(
    choose: Callable[[Detector], None], clip: Clip
) -> None:
    choose(Asked("kettle"))
    captioner = ic.Mllm(backend=Fake(listing(KETTLE)), options=ChainOptions(detail="never"))
    caption = ic.caption(clip, captioner=captioner, cluster=CHOSEN)
    assert len(caption.instances[0].track) >= 4
