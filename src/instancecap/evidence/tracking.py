"""Linking the boxes found in single samples into tracks of one thing each.

Linking happens after the pass, shot by shot, on numbers alone. A track is carried from sample to
sample by the camera's own motion and by its velocity in the world; boxes are given to tracks by
an optimal assignment over overlap, class and colour, sure boxes first and unsure ones second, as
in ByteTrack (Zhang et al. 2021). Tracks that end are kept alive for a while, and pieces of one
thing that was hidden are joined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from instancecap.evidence.geometry import areas, centers, coverage, ious, move_boxes
from instancecap.models.coco import CATEGORIES, CLASSES

Array = NDArray[np.float64]
Scores = NDArray[np.floating]

SURE = 0.35
UNSURE = 0.12
"""Scores from which a box may start a track, and may continue one."""

MAX_GAP = 1.5
"""Seconds that a track is looked for after it was last seen."""

HAND_OVER = 0.6
"""Seconds between a moving patch and a named track that may be one thing."""

MIN_CLOSENESS = 0.12
"""Overlap with where it is expected, or nearness, without which a box is not the track's."""

MIN_SIMILARITY = 0.35
"""Least similarity (0..1) at which a box may continue a track."""

MATCH_WEIGHTS = (0.55, 0.25, 0.20)
"""Weights of overlap, colour and class in the similarity of a box to a track."""


@dataclass(frozen=True, slots=True)
class Finds:
    """Boxes found in one sample, and how the camera moved there since the sample before.

    Attributes:
        index: number of the sample.
        t: seconds from the clip's start.
        boxes: (n, 4) in 0..1.
        scores: (n, classes).
        colors: (n, names) colour shares.
        carry: 2×3 similarity in pixels of ``size`` from the sample before that was searched.
        size: width and height of the sampled picture.
        looks: (n, classes) scores of a second, closer look; zero where none was taken.
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
    flow: Array | None = None
    measured: bool = True


@dataclass(slots=True, eq=False)
class Track:
    """One thing over time; the lists run in parallel, one entry a sample where it was found."""

    times: list[float] = field(default_factory=list)
    boxes: list[Array] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    colors: list[Array] = field(default_factory=list)
    looks: list[Scores] = field(default_factory=list)
    flows: list[Array] = field(default_factory=list)
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
    def class_votes(self) -> Array:
        """Mean squared score per class, sure finds counting most; every second look counts as
        much as twice the same share of first ones."""
        votes = self._votes / max(self._named, 1)
        return np.asarray(votes + 2 * self._look_votes / max(len(self.looks), 1))

    @property
    def named_scores(self) -> Array:
        """Scores (n, classes) of the finds that have any; moving patches that were added do not."""
        scores = np.array(self.scores)
        return np.asarray(scores[scores.any(axis=1)], float)

    @property
    def best(self) -> Array:
        """The top score of every find, (n,)."""
        return np.asarray(np.array(self.scores).max(axis=1), float)

    @property
    def color(self) -> Array:
        """Mean colour shares, sure finds weighing more."""
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

    def merge(self, other: Track) -> None:
        """Take over all of another track, in order of time; where both have a box, its own."""
        other = other.without(set(self.times))
        order = np.argsort(self.times + other.times, kind="stable")
        for name in ("times", "boxes", "scores", "colors"):
            both = getattr(self, name) + getattr(other, name)
            setattr(self, name, [both[i] for i in order])
        self.looks = self.looks + other.looks
        self.flows = self.flows + other.flows
        self._recount()
        self.velocity = other.velocity if other.times[-1:] == self.times[-1:] else self.velocity

    def without(self, times: set[float]) -> Track:
        """The track less its finds at ``times``."""
        kept = [index for index, t in enumerate(self.times) if t not in times]
        return Track(
            times=[self.times[i] for i in kept],
            boxes=[self.boxes[i] for i in kept],
            scores=[self.scores[i] for i in kept],
            colors=[self.colors[i] for i in kept],
            looks=self.looks,
            flows=self.flows,
            velocity=self.velocity,
        )

    def take(self, finds: Finds, index: int, *, elapsed: float) -> None:
        """Continue the track with box ``index`` of ``finds``."""
        box = finds.boxes[index]
        if self.times and elapsed > 0:
            change = (box - self.predicted) / elapsed
            self.velocity = self.velocity + (0.5 if len(self.times) > 1 else 1.0) * change
        scores = finds.scores[index].astype(np.float32)
        self.times.append(finds.t)
        self.boxes.append(box)
        self.scores.append(scores)
        self.colors.append(finds.colors[index])
        self._count(scores, finds.colors[index])
        if finds.looks is not None and finds.looks[index].any():
            look = finds.looks[index].astype(np.float32)
            self.looks.append(look)
            self._look_votes = self._look_votes + look.astype(float) ** 2
        if finds.flow is not None:
            self.flows.append(finds.flow[index])
        self.predicted = box


def link(samples: Sequence[Finds], *, sure: float = SURE, unsure: float = UNSURE) -> list[Track]:
    """Tracks over the samples of one shot, in order of their first sample."""
    tracks: list[Track] = []
    last_t = samples[0].t if samples else 0.0
    for finds in samples:
        elapsed = finds.t - last_t
        last_t = finds.t
        alive = [track for track in tracks if finds.t - track.times[-1] <= MAX_GAP]
        for track in alive:
            _predict(track, finds, elapsed)
        best = finds.scores.max(axis=1) if len(finds.boxes) else np.zeros(0)
        taken: set[int] = set()
        for wanted in (best >= sure, (best >= unsure) & (best < sure)):
            free = [t for t in alive if t.times[-1] < finds.t]
            for track, index in _assign(free, finds, np.flatnonzero(wanted)):
                track.take(finds, index, elapsed=finds.t - track.times[-1])
                taken.add(index)
        for index in np.flatnonzero(best >= sure).tolist():
            if index not in taken and not _is_echo(finds, index, taken):
                track = Track()
                track.take(finds, index, elapsed=0.0)
                tracks.append(track)
                taken.add(index)
    return join_pieces(tracks)


def _predict(track: Track, finds: Finds, elapsed: float) -> None:
    """Carry the track's box by the camera's motion and its own velocity, which slows in hiding."""
    carried = move_boxes(track.predicted[None], finds.carry, finds.size)[0]
    hidden = finds.t - track.times[-1]
    drive = track.velocity * elapsed * (0.5 ** (hidden / 0.5))
    track.predicted = carried + drive


def _is_echo(finds: Finds, index: int, taken: set[int]) -> bool:
    """A box of the same class almost inside one that is taken is a second find of it."""
    others = [i for i in taken if finds.scores[i].argmax() == finds.scores[index].argmax()]
    if not others:
        return False
    inside = coverage(finds.boxes[index][None], finds.boxes[others])[0]
    return bool((inside > 0.85).any())


def _assign(
    tracks: Sequence[Track], finds: Finds, candidates: NDArray[np.int64]
) -> list[tuple[Track, int]]:
    if not tracks or not len(candidates):
        return []
    similarity = _similarity(tracks, finds, candidates)
    rows, columns = linear_sum_assignment(-similarity)
    return [
        (tracks[row], int(candidates[column]))
        for row, column in zip(rows, columns, strict=True)
        if similarity[row, column] >= MIN_SIMILARITY
    ]


def _similarity(tracks: Sequence[Track], finds: Finds, candidates: NDArray[np.int64]) -> Array:
    """Similarity of every track to every candidate box; 0 where they cannot be one thing."""
    predicted = np.stack([track.predicted for track in tracks])
    boxes = finds.boxes[candidates]
    overlap = ious(predicted, boxes)
    near = _nearness(predicted, boxes, np.array([finds.t - t.times[-1] for t in tracks]))
    color = np.minimum(
        np.stack([track.color for track in tracks])[:, None], finds.colors[candidates][None]
    ).sum(axis=2)
    votes = np.stack([_direction(track.class_votes) for track in tracks])
    kind = votes @ np.stack([_direction(row) for row in finds.scores[candidates]]).T
    space, paint, noun = MATCH_WEIGHTS
    mixed = space * np.maximum(overlap, near) + paint * color + noun * kind
    return np.asarray(np.where(np.maximum(overlap, near) > MIN_CLOSENESS, mixed, 0.0))


def _direction(scores: Array | Scores) -> Array:
    values = scores.astype(float)
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-9))


def _nearness(predicted: Array, boxes: Array, hidden: Array) -> Array:
    """Overlap-like nearness (0..0.6) for small or hidden things that miss their predicted box."""
    size = np.sqrt(np.maximum(areas(predicted), 1e-6))
    reach = size * (0.5 + 1.5 * np.minimum(hidden, 1.0))
    gap = np.linalg.norm(centers(predicted)[:, None] - centers(boxes)[None], axis=2)
    shape = np.sqrt(np.maximum(areas(boxes), 1e-9))[None] / size[:, None]
    alike = np.minimum(shape, 1 / shape)
    return np.asarray(0.6 * np.maximum(0.0, 1 - gap / reach[:, None]) * alike)


def join_pieces(tracks: list[Track]) -> list[Track]:
    """Join tracks that are pieces of one thing: one after the other, or taking turns."""
    waiting = sorted(tracks, key=lambda track: track.times[0])
    joined: list[Track] = []
    while waiting:
        early = waiting.pop(0)
        while (index := _next_piece(early, waiting)) is not None:
            early.merge(waiting.pop(index))
        joined.append(early)
    return joined


def _next_piece(early: Track, waiting: Sequence[Track]) -> int | None:
    for index, late in enumerate(waiting):
        if late.times[0] - early.times[-1] > 2 * MAX_GAP:
            return None
        if _is_same(early, late):
            return index
    return None


def extend_with_patches(tracks: Sequence[Track], patches: Sequence[Track]) -> list[Track]:
    """Lengthen tracks by moving patches that lead up to their start or go on from their end.

    A thing that enters is seen to move before it can be named. Returns the patches left over.
    """
    left = list(patches)
    for track in tracks:
        for patch in list(left):
            if not _belongs(patch, track):
                continue
            if any(_shadows(patch, other) for other in tracks if other is not track):
                continue
            outside = [
                i for i, t in enumerate(patch.times) if not track.times[0] <= t <= track.times[-1]
            ]
            track.merge(
                Track(
                    times=[patch.times[i] for i in outside],
                    boxes=[patch.boxes[i] for i in outside],
                    scores=[np.zeros_like(track.scores[0]) for _ in outside],
                    colors=[patch.colors[i] for i in outside],
                )
            )
            left.remove(patch)
    return left


def _belongs(patch: Track, track: Track) -> bool:
    """True when a patch moves with the track while both are seen, or meets it at one end."""
    if patch.times[0] < track.times[-1] and track.times[0] < patch.times[-1]:
        times = np.array(track.times)
        common = [i for i, t in enumerate(patch.times) if times[0] <= t <= times[-1]]
        pairs = [(patch.boxes[i], track.boxes[int(np.abs(times - patch.times[i]).argmin())])
                 for i in common]  # fmt: skip
        alike = [float(ious(one[None], other[None])[0, 0]) for one, other in pairs]
        return bool(alike) and float(np.median(alike)) > 0.3
    early, late = sorted((track, patch), key=lambda item: item.times[0])
    return late.times[0] - early.times[-1] <= HAND_OVER and _meet(early, late)


def _shadows(patch: Track, track: Track) -> bool:
    """True when a moving patch is the motion of a thing that is tracked already."""
    times = np.array(track.times)
    covered = 0
    for t, box in zip(patch.times, patch.boxes, strict=True):
        nearest = int(np.abs(times - t).argmin())
        if abs(times[nearest] - t) < HAND_OVER:
            pair = track.boxes[nearest][None], box[None]
            covered += bool(max(coverage(*pair)[0, 0], coverage(*pair[::-1])[0, 0]) > 0.3)
    return covered > 0.3 * len(patch.times)


def _is_same(early: Track, late: Track) -> bool:
    if early is late or early.times[0] > late.times[0]:
        return False
    if float(np.minimum(early.color, late.color).sum()) < 0.6 or not _kinds_agree(early, late):
        return False
    if late.times[0] > early.times[-1]:
        return _continues(early, late)
    return _relays(early, late) or _takes_turns(early, late)


def _relays(early: Track, late: Track) -> bool:
    """True when a track takes over from another that follows the same thing for its last bit."""
    common = sorted(set(early.times) & set(late.times))
    if not common or late.times[-1] - early.times[-1] < 0.2:
        return False
    if len(common) > 0.5 * min(len(early.times), len(late.times)):
        return False
    pairs = [(early.boxes[early.times.index(t)], late.boxes[late.times.index(t)]) for t in common]
    return all(float(ious(one[None], two[None])[0, 0]) > 0.4 for one, two in pairs)


def _kinds_agree(first: Track, second: Track) -> bool:
    """True when the tracks share votes on categories: a ball taken for a frisbee is one thing."""
    shares = []
    for track in (first, second):
        votes = track.class_votes
        if len(votes) != len(CLASSES):
            return True
        totals: dict[str, float] = {}
        for name, vote in zip(CLASSES, votes / max(float(votes.sum()), 1e-12), strict=True):
            totals[CATEGORIES[name]] = totals.get(CATEGORIES[name], 0.0) + float(vote)
        shares.append(totals)
    return sum(min(shares[0][name], shares[1][name]) for name in shares[0]) >= 0.4


def _continues(early: Track, late: Track) -> bool:
    gap = late.times[0] - early.times[-1]
    if gap > 2 * MAX_GAP:
        return False
    sizes = areas(np.stack([early.boxes[-1], late.boxes[0]]))
    ratio = sizes.min() / max(sizes.max(), 1e-9)
    distance = np.linalg.norm(np.diff(centers(np.stack([early.boxes[-1], late.boxes[0]])), axis=0))
    reach = np.sqrt(sizes.mean()) * (0.7 + min(gap, 1.5))
    return bool(ratio > 0.35 and distance < reach)


def _takes_turns(first: Track, second: Track) -> bool:
    """True for two tracks that are never seen together and hand over to each other nearby."""
    if set(first.times) & set(second.times):
        return False
    sizes = [float(np.median(areas(np.array(track.boxes)))) for track in (first, second)]
    if min(sizes) < 0.5 * max(sizes):
        return False
    merged = sorted(
        [(t, 0, box) for t, box in zip(first.times, first.boxes, strict=True)]
        + [(t, 1, box) for t, box in zip(second.times, second.boxes, strict=True)],
        key=lambda item: item[0],
    )
    size = float(np.sqrt(np.mean(sizes)))
    for (t0, owner0, box0), (t1, owner1, box1) in pairwise(merged):
        gap = float(np.linalg.norm(np.diff(centers(np.stack([box0, box1])), axis=0)))
        if owner0 != owner1 and gap > size * (1.2 + 10 * (t1 - t0)):
            return False
    return True


def _meet(early: Track, late: Track) -> bool:
    """True when the end of one box track and the start of the other are the same place."""
    pair = np.stack([early.boxes[-1], late.boxes[0]])
    overlap = float(ious(pair[:1], pair[1:])[0, 0])
    inside = max(coverage(pair[:1], pair[1:])[0, 0], coverage(pair[1:], pair[:1])[0, 0])
    return overlap > 0.15 or inside > 0.5
