"""Boxes found in single samples, and tracks of one thing each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from instancecap.models.classes import ClassList, class_list

Array = NDArray[np.float64]
Scores = NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class FrameDetections:
    """Boxes found in one sample, and how the camera moved there since the sample before.

    Attributes:
        index: number of the sample.
        t: seconds from the clip's start.
        boxes: (n, 4) in 0..1.
        scores: (n, classes).
        own: classes after COCO's that the columns of the scores are of.
        phrases: what each box is called beside its class; empty where nothing is.
        colors: (n, names) colour shares.
        carry: 2×3 similarity in pixels of ``size`` from the sample before that was searched.
        size: width and height of the sampled picture.
        looks: (n, classes) scores of a second, closer look; zero where none was taken.
        faces: (n,) 1 where a closer look saw a person's face, 0 where not; NaN without a look.
        flow: (n, 2) own motion in the boxes, frame widths and heights a second.
        measured: False where nothing could be told, as against nothing being there.
    """

    index: int
    t: float
    boxes: Array
    scores: Scores
    colors: Array
    carry: Array
    size: tuple[int, int]
    looks: Scores | None = None
    faces: Array | None = None
    flow: Array | None = None
    measured: bool = True
    own: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Track:
    """One thing over time; the lists run in parallel, one entry a sample where it was found.

    ``looks`` and ``faces`` have one entry a closer look; ``phrases`` has the scores of the views in
    which it was called something beside its class.
    """

    times: list[float] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    colors: list[Array] = field(default_factory=list)
    looks: list[Scores] = field(default_factory=list)
    faces: list[float] = field(default_factory=list)
    flows: list[Array] = field(default_factory=list)
    own: tuple[str, ...] = ()
    phrases: dict[str, float] = field(default_factory=dict)
    predicted: Array = field(default_factory=lambda: np.zeros(4))
    velocity: Array = field(default_factory=lambda: np.zeros(4))
    _votes: Array = field(init=False, repr=False)
    _look_votes: Array = field(init=False, repr=False)
    _colors: Array = field(init=False, repr=False)
    _named: int = field(init=False, repr=False)
    _weight: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._recount()

    @property
    def classes(self) -> ClassList:
        """What the columns of its scores are of."""
        return class_list(self.own)

    @property
    def class_votes(self) -> Array:
        """Mean squared score per class, sure detections counting most; every second look counts as
        much as twice the same share of first ones."""
        votes = self._votes / max(self._named, 1)
        return np.asarray(votes + 2 * self._look_votes / max(len(self.looks), 1))

    @property
    def named_scores(self) -> Array:
        """Scores (n, classes) of the detections that have any; added patches have none."""
        scores = np.array(self.scores)
        return np.asarray(scores[scores.any(axis=1)], float)

    @property
    def best(self) -> Array:
        """The top score of every find, (n,)."""
        return np.asarray(np.array(self.scores).max(axis=1), float)

    @property
    def color(self) -> Array:
        """Mean colour shares, sure detections weighing more."""
        return np.asarray(self._colors / max(self._weight, 1e-9))

    def _recount(self) -> None:
        """Make the sums anew that votes and colour are read from while tracks are linked."""
        self._votes, self._look_votes, self._colors = np.zeros(1), np.zeros(1), np.zeros(1)
        self._named, self._weight = 0, 0.0
        for scores, colors in zip(self.scores, self.colors, strict=True):
            self._count(scores, colors)
        for look in self.looks:
            self._look_votes = self._look_votes + look.astype(float) ** 2

    def _count(self, scores: Scores, colors: Array) -> None:
        best = float(scores.max())
        self._votes = self._votes + scores.astype(float) ** 2
        self._named += best > 0
        self._colors = self._colors + colors * max(best, 0.05)
        self._weight += max(best, 0.05)

    def _call(self, phrase: str, score: float) -> None:
        self.phrases[phrase] = self.phrases.get(phrase, 0.0) + score

    def merge(self, other: Track) -> None:
        """Take over all of another track, in order of time; where both have a box, its own."""
        other = other.without(set(self.times))
        order = np.argsort(self.times + other.times, kind="stable")
        for name in ("times", "boxes", "scores", "colors"):
            both = getattr(self, name) + getattr(other, name)
            setattr(self, name, [both[i] for i in order])
        self.looks = self.looks + other.looks
        self.faces = self.faces + other.faces
        self.flows = self.flows + other.flows
        self.own = self.own or other.own
        for phrase, score in other.phrases.items():
            self._call(phrase, score)
        self._recount()
        self.velocity = other.velocity if other.times[-1:] == self.times[-1:] else self.velocity

    def boxes_at(self, times: Array | Sequence[float]) -> Array:
        """Boxes (n, 4) at some times, interpolated; the first and the last one beyond the ends."""
        boxes = np.array(self.boxes)
        return np.stack([np.interp(times, self.times, boxes[:, i]) for i in range(4)], axis=1)

    def lengthen(self, found: Sequence[tuple[float, Array]]) -> None:
        """Add times and boxes at which the thing is, but was not detected: without scores."""
        self.merge(
            Track(
                times=[t for t, _ in found],
                boxes=[box for _, box in found],
                scores=[np.zeros_like(self.scores[0]) for _ in found],
                colors=[self.color for _ in found],
                velocity=self.velocity,
            )
        )

    def without(self, times: set[float]) -> Track:
        """The track less its detections at ``times``."""
        kept = [index for index, t in enumerate(self.times) if t not in times]
        return Track(
            times=[self.times[i] for i in kept],
            boxes=[self.boxes[i] for i in kept],
            scores=[self.scores[i] for i in kept],
            colors=[self.colors[i] for i in kept],
            looks=self.looks,
            faces=self.faces,
            flows=self.flows,
            own=self.own,
            phrases=dict(self.phrases),
            velocity=self.velocity,
        )

    def take(self, found: FrameDetections, index: int, *, elapsed: float) -> None:
        """Continue the track with box ``index`` of ``found``."""
        box = found.boxes[index]
        if self.times and elapsed > 0:
            change = (box - self.predicted) / elapsed
            self.velocity = self.velocity + (0.5 if len(self.times) > 1 else 1.0) * change
        scores = found.scores[index].astype(np.float32)
        self.times.append(found.t)
        self.boxes.append(box)
        self.scores.append(scores)
        self.colors.append(found.colors[index])
        self._count(scores, found.colors[index])
        self.own = found.own
        if found.phrases and found.phrases[index]:
            self._call(found.phrases[index], float(scores.max()))
        if found.looks is not None and found.looks[index].any():
            look = found.looks[index].astype(np.float32)
            self.looks.append(look)
            self._look_votes = self._look_votes + look.astype(float) ** 2
        if found.faces is not None and not np.isnan(found.faces[index]):
            self.faces.append(float(found.faces[index]))
        if found.flow is not None:
            self.flows.append(found.flow[index])
        self.predicted = box
