"""What the model names and no track shows, looked for once more by a detector that can be asked.

The evidence was measured before anybody was asked, with a list of everyday things. Now that the
model has said what there is, the names themselves are the phrases.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instancecap.captioners.chain.agree import Agreed
from instancecap.captioners.chain.instances import about_track
from instancecap.evidence.choice import Cluster
from instancecap.evidence.cluster import load_models
from instancecap.evidence.experts.world import own_motion
from instancecap.evidence.geometry import as_box
from instancecap.evidence.thresholds import NAMING
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.naming import OBJECT, Naming, name_class, phrase_of
from instancecap.evidence.tracking.several import ALIKE, overlap_of
from instancecap.evidence.tracking.tracker import link
from instancecap.evidence.tracking.tracks import FrameDetections, Track
from instancecap.models.classes import class_of, clean, is_another_word
from instancecap.models.detector import AskedDetector, Detector, detect_all
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import CameraFacts, Evidence, InstanceFacts

RATE = 2.0
"""Pictures a second that are searched."""


@dataclass(frozen=True, slots=True)
class Sought:
    """What was found by name.

    Attributes:
        facts: instances that the evidence does not have, with ids of their own.
        tracks: id of the track, new or measured, of what has no box of the model's, where one alone
            answers to its name; by its place in the model's list.
    """

    facts: list[InstanceFacts] = field(default_factory=list)
    tracks: dict[int, int] = field(default_factory=dict)


def seek(lost: Sequence[Agreed], film: Film, evidence: Evidence, cluster: Cluster) -> Sought:
    """Look for what the model named and nobody found, in the pictures of the whole clip.

    Groups are left out: one of them is not the group.
    """
    asked = {
        one.entry: clean(one.named.name)
        for one in lost
        if one.entry is not None and one.named.count == 1 and clean(one.named.name)
    }
    detectors = load_models(cluster).detectors
    detector = next((one for one in detectors if isinstance(one, AskedDetector)), None)
    if detector is None or not asked or not film.times:
        return Sought()
    found = _find(detector.asking(list(asked.values())), film, evidence)
    return _sort_out(asked, lost, found, evidence)


def _find(detector: Detector, film: Film, evidence: Evidence) -> list[InstanceFacts]:
    """Instances of what a detector finds, each with what it was found by as its phrase."""
    found = []
    for start, end in [(shot.start, shot.end) for shot in evidence.shots] or [(0.0, np.inf)]:
        samples = list(_search(detector, film, _spread(film, start, end), evidence.camera))
        for track in link(samples):
            points = _points(track)
            naming = name_class(
                track, own_motion(points, evidence.camera), samples=max(len(samples), 1)
            )
            if naming.confidence >= NAMING.name and naming.class_ != OBJECT:
                found.append(_facts(track, points, naming, detector.name, evidence))
    return found


def _spread(film: Film, start: float, end: float) -> list[int]:
    """Pictures of a shot, :data:`RATE` a second, its first and its last one among them."""
    inside = [index for index, t in enumerate(film.times) if start - 1e-3 <= t < end]
    chosen: list[int] = []
    for index in inside:
        if not chosen or film.times[index] >= film.times[chosen[-1]] + 1 / RATE - 1e-3:
            chosen.append(index)
    return [*chosen, *(inside[-1:] if inside[-1:] != chosen[-1:] else [])]


def _search(
    detector: Detector, film: Film, indices: Sequence[int], camera: CameraFacts
) -> Iterator[FrameDetections]:
    before = film.times[indices[0]] if indices else 0.0
    for number, index in enumerate(indices):
        picture, t = film.picture(index), film.times[index]
        (found,) = detect_all(detector, [picture])
        size = picture.shape[1], picture.shape[0]
        yield FrameDetections(
            index=number,
            t=t,
            boxes=found.boxes.astype(float),
            scores=found.scores,
            colors=np.ones((len(found.boxes), 1)),  # not measured: all are alike
            carry=_carry(camera, before, t, size),
            size=size,
            own=found.own,
            phrases=found.phrases,
        )
        before = t


def _carry(
    camera: CameraFacts, start: float, end: float, size: tuple[int, int]
) -> NDArray[np.float64]:
    """How the camera's turn and zoom move the picture between two times, 2×3 in pixels."""
    steps = [step for step in camera.path if start < step.t <= end]
    zoom = float(np.prod([step.zoom for step in steps]))
    shift = np.array([sum(step.dx for step in steps), sum(step.dy for step in steps)]) * size
    middle = np.array(size) / 2
    return np.column_stack([np.eye(2) * zoom, middle * (1 - zoom) + shift])


def _points(track: Track) -> list[TrackPoint]:
    rows = zip(track.times, track.boxes, track.best, strict=True)
    return [
        TrackPoint(t=round(t, 3), box=as_box(box), score=round(min(1.0, float(score)), 3))
        for t, box, score in rows
    ]


def _facts(
    track: Track, points: list[TrackPoint], naming: Naming, source: str, evidence: Evidence
) -> InstanceFacts:
    return InstanceFacts(
        id=0,
        class_=naming.class_,
        category=track.classes.own_category(naming.class_),
        phrase=phrase_of(track, naming.class_),
        confidence=round(min(naming.confidence, 0.99), 3),
        category_confidence=round(min(naming.category_confidence, 0.99), 3),
        salience=0.0,
        source=source,
        **about_track(points, evidence),
    )


def _sort_out(
    asked: Mapping[int, str],
    lost: Sequence[Agreed],
    found: Sequence[InstanceFacts],
    evidence: Evidence,
) -> Sought:
    """Which of the finds are of what; where a measured track shows it, that is the one.

    A name without a box that several things answer to is left open.
    """
    named = {one.entry: one.named for one in lost}
    sought = Sought()
    free = max((item.id for item in evidence.instances), default=-1) + 1
    for entry, phrase in asked.items():
        ids = set()
        for item in (one for one in found if _is_called(one, phrase)):
            known = next((o for o in evidence.instances if overlap_of(item, o) >= ALIKE), None)
            if known is None:
                item = item.model_copy(update={"id": free + len(sought.facts)})
                sought.facts.append(item)
            ids.add(item.id if known is None else known.id)
        if not named[entry].boxes and len(ids) == 1:
            sought.tracks[entry] = ids.pop()
    return sought


def _is_called(item: InstanceFacts, phrase: str) -> bool:
    """Whether an instance was found by a phrase."""
    if is_another_word(phrase):
        return not item.phrase and item.class_ == class_of(phrase)
    return item.phrase == phrase
