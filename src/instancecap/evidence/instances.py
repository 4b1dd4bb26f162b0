"""From tracks to instances: class, confidence, own motion, entering and leaving, salience."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.appearance import named_shares
from instancecap.evidence.geometry import areas, centers, compose, coverage, ious
from instancecap.evidence.motion import MovingPatches
from instancecap.evidence.tracking import Finds, Track
from instancecap.models.coco import CATEGORIES, CLASSES, MOVABLE
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import (
    CameraFacts,
    Direction,
    InstanceFacts,
    InstanceMotion,
    Shot,
)

Array = NDArray[np.float64]

MIN_CONFIDENCE = 0.42
"""A thing that the detector is less sure of over its whole track is not reported."""

MIN_THING_CONFIDENCE = 0.55
"""The same for household things, food and the like, which it finds where there are none."""

BORDER = 0.025
"""Share of the frame within which a box touches its edge."""

HYPERNYMS = {"human": "person", "animal": "animal", "vehicle": "vehicle"}
"""What a thing is called whose category is clearer than its class."""

AGREEMENT = 0.85
"""Share of the votes that a class needs where its category has a word of its own."""

MIN_THING_SHARE = 0.55
"""Share of the votes under which a thing of any other category has no name at all."""

_TRUSTED = frozenset(
    name for name, kind in CATEGORIES.items() if kind in HYPERNYMS
) | set(HYPERNYMS.values())

_IS_MOVABLE = np.array([name in MOVABLE for name in CLASSES])

OBJECT = "object"
"""The class of a thing that moves and that no detector can name."""

MIN_OBJECT_SECONDS = 0.4
MIN_OBJECT_CONFIDENCE = 0.45
MIN_COHERENCE = 0.5
"""Mean flow over mean speed of flow from which a patch goes somewhere rather than stirs."""

MIN_RESTLESS_AREA = 0.01
"""Share of the frame from which something that stirs without going anywhere is worth a word."""

MIN_TRAVEL = 0.03
"""Frame diagonals that a thing must travel in the world to count as moving."""

MIN_TRAVEL_OF_SIZE = 0.3
"""… and this share of its own size: large boxes tremble by more pixels than small ones."""

MIN_STEADY = 0.6
"""Mean own flow over mean strength of it from which a thing before a moving camera travels."""


@dataclass(frozen=True, slots=True)
class World:
    """Where the camera looked at every sample of a clip.

    Attributes:
        times: (n,) seconds of the samples.
        matrices: n cumulative 2×3 similarities from the first sample, in pixels of ``size``.
        moves: whether the camera moved at all.
    """

    times: Array
    matrices: tuple[Array, ...]
    size: tuple[int, int]
    moves: bool

    @classmethod
    def of(cls, samples: Sequence[Finds], *, moves: bool) -> World:
        """From every sample's carry, in order."""
        total = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        matrices = []
        for index, finds in enumerate(samples):
            total = compose(total, finds.carry) if index else total
            matrices.append(total)
        return cls(
            times=np.array([finds.t for finds in samples]),
            matrices=tuple(matrices),
            size=samples[0].size if samples else (1, 1),
            moves=moves,
        )

    def place(self, t: float, points: Array) -> tuple[Array, float]:
        """Points (n, 2), 0..1 of the frame at ``t``, as pixels of the first sample; and the zoom."""
        index = int(np.abs(self.times - t).argmin())
        matrix = self.matrices[index]
        pixels = points * np.array(self.size)
        back = np.linalg.solve(matrix[:, :2], (pixels - matrix[:, 2]).T).T
        return back, float(np.hypot(matrix[0, 0], matrix[1, 0]))


def named_instances(
    tracks: Sequence[Track],
    *,
    shot: Shot,
    end: float,
    world: World,
    patches: Sequence[Finds],
    tight: bool = True,
) -> list[InstanceFacts]:
    """Instances that the detector names; a mobile thing of an immobile class loses its name.

    ``tight`` says whether the detector's boxes are good enough to tell growth, entering and
    leaving by.
    """
    found = []
    for track in tracks:
        motion = track_motion(track, world, patches)
        name, confidence = _name_class(track, motion)
        seconds = shot.end - shot.start
        enough = 1 if seconds < 0.4 else 2 if seconds < 1.5 else 3
        needed = MIN_CONFIDENCE if name in _TRUSTED or name == OBJECT else MIN_THING_CONFIDENCE
        if confidence >= needed and len(track.times) >= enough:
            item = _facts(track, name, confidence, motion, shot=shot, end=end)
            if not tight:
                item.motion.scale_change, item.enters, item.leaves = 1.0, False, False
            found.append(item)
    found = _without_doubles(found)
    return [item for item in found if not _is_part(item, found)]


def _without_doubles(items: Sequence[InstanceFacts]) -> list[InstanceFacts]:
    """Leave out tracks that follow a thing which a surer track of its kind follows already."""
    kept: list[InstanceFacts] = []
    for item in sorted(items, key=lambda one: -one.confidence * len(one.track)):
        if not any(_is_double(item, other) for other in kept):
            kept.append(item)
    return kept


def _is_double(item: InstanceFacts, other: InstanceFacts) -> bool:
    if CATEGORIES.get(item.class_, item.class_) != CATEGORIES.get(other.class_, other.class_):
        return False
    overlap = [
        float(ious(np.array([point.box]), box[None])[0, 0])
        for point in item.track
        if (box := box_at(other, point.t)) is not None
    ]
    return len(overlap) > 0.5 * len(item.track) and float(np.mean(overlap)) > 0.45


def _is_part(item: InstanceFacts, others: Sequence[InstanceFacts]) -> bool:
    """A helmet is not a ball: small things that never leave a larger one's box are part of it."""
    if item.class_ in _TRUSTED:
        return False
    for other in others:
        if other is item or other.class_ not in _TRUSTED:
            continue
        inside = [
            float(coverage(np.array([point.box]), box[None])[0, 0])
            for point in item.track
            if (box := box_at(other, point.t)) is not None
        ]
        if len(inside) >= 0.7 * len(item.track) and float(np.mean(inside)) > 0.9:
            return True
    return False


def moving_instances(
    tracks: Sequence[Track],
    named: Sequence[InstanceFacts],
    *,
    shot: Shot,
    end: float,
    world: World,
    patches: Sequence[Finds],
) -> list[InstanceFacts]:
    """Things that no detector named but that move on their own for long enough."""
    found = []
    for track in tracks:
        seconds = track.times[-1] - track.times[0]
        if seconds < MIN_OBJECT_SECONDS or len(track.times) < 4 or _is_known(track, named):
            continue
        motion = _trust_flow(track, track_motion(track, world, patches), patches)
        density = len(track.times) / max(1.0, _samples_between(world, track))
        confidence = min(0.6, 0.25 + 0.35 * density) * (1.0 if motion.moving else 0.7)
        large = float(areas(np.array(track.boxes)).mean()) > MIN_RESTLESS_AREA
        if density < 0.5 or confidence < MIN_OBJECT_CONFIDENCE or not (motion.moving or large):
            continue
        if world.moves and (density < 0.8 or not motion.moving):
            continue
        found.append(_facts(track, OBJECT, confidence, motion, shot=shot, end=end))
    return found


def _trust_flow(track: Track, motion: InstanceMotion, patches: Sequence[Finds]) -> InstanceMotion:
    """Keep the direction and the growth of a patch only as far as the flow inside it agrees.

    The box around a moving patch changes with which part of a thing happens to move; the flow in
    it does not lie about where it goes.
    """
    by_time = {finds.t: finds for finds in patches}
    flows = []
    for t, box in zip(track.times, track.boxes, strict=True):
        finds = by_time[t]
        if finds.flow is not None and len(finds.boxes):
            flows.append(finds.flow[int(ious(box[None], finds.boxes)[0].argmax())])
    mean = np.mean(flows, axis=0) if flows else np.zeros(2)
    total = float(np.mean([np.linalg.norm(flow) for flow in flows])) if flows else 0.0
    coherent = total > 0 and float(np.linalg.norm(mean)) > MIN_COHERENCE * total
    shift = np.array([motion.frame_dx, motion.frame_dy])
    agrees = float(mean @ shift) > 0.5 * float(np.linalg.norm(mean) * np.linalg.norm(shift))
    moving = motion.moving and coherent and agrees
    return motion.model_copy(
        update={
            "moving": moving,
            "direction": motion.direction if moving else "",
            "speed": motion.speed if moving else 0.0,
            "scale_change": 1.0,
        }
    )


def _samples_between(world: World, track: Track) -> int:
    return int(((world.times >= track.times[0]) & (world.times <= track.times[-1])).sum())


def _is_known(track: Track, named: Sequence[InstanceFacts]) -> bool:
    """True when the moving patch mostly lies in, or around, a thing that has a name already."""
    hits = 0
    for t, box in zip(track.times, track.boxes, strict=True):
        others = [found for other in named if (found := box_at(other, t)) is not None]
        if others:
            stack = np.array(others)
            inside = coverage(box[None], stack)[0].max() > 0.5
            around = coverage(stack, box[None])[:, 0].max() > 0.5
            hits += bool(inside or around or ious(box[None], stack).max() > 0.25)
    return hits > 0.3 * len(track.times)


def box_at(instance: InstanceFacts, t: float) -> Array | None:
    """The instance's box at ``t`` seconds, interpolated; None while it is not tracked."""
    track = instance.track
    if not track or t < track[0].t - 0.1 or t > track[-1].t + 0.1:
        return None
    times = np.array([point.t for point in track])
    boxes = np.array([point.box for point in track])
    return np.array([np.interp(t, times, boxes[:, side]) for side in range(4)])


def _name_class(track: Track, motion: InstanceMotion) -> tuple[str, float]:
    """Class by vote over the track's views, and how far the name can be trusted.

    Where the views disagree within one category, the thing is called by what they agree on:
    an animal, a vehicle. A detector that sees a car from above says "cell phone" and is sure of
    it, but household things do not drive about: where a thing travels by itself, only what can
    move is believed.
    """
    votes, scores = track.class_votes, track.named_scores
    if motion.moving:
        mobile = np.where(_IS_MOVABLE, votes, 0.0)
        if mobile.sum() < 0.5 * votes.sum():
            return _name_mobile(mobile / votes.sum(), scores, motion)
        votes = mobile
    first = int(votes.argmax())
    name, share = CLASSES[first], float(votes[first] / votes.sum())
    best_half = max(1, (len(scores) + 1) // 2)
    if name not in MOVABLE and share < MIN_THING_SHARE:
        return OBJECT, 0.0
    hypernym, agreed = _category_of(votes)
    if share < AGREEMENT and hypernym == HYPERNYMS.get(CATEGORIES[name]) and agreed > share + 0.1:
        sure = np.sort(scores[:, _IS_MOVABLE].max(axis=1))[::-1][:best_half]
        return hypernym or OBJECT, float(sure.mean()) * agreed
    sure = np.sort(scores[:, first])[::-1][:best_half]
    return name, float(sure.mean()) * (0.6 + 0.4 * share)


def _name_mobile(mobile: Array, scores: Array, motion: InstanceMotion) -> tuple[str, float]:
    """What to call a thing that travels although the detector takes it for one that cannot.

    ``mobile`` are the votes for classes that can, as shares of all votes.
    """
    name, share = _category_of(mobile)
    best = np.sort(scores[:, _IS_MOVABLE].max(axis=1))[::-1]
    sure = float(best[: max(1, len(best) // 4)].mean()) > MIN_CONFIDENCE
    if name and sure and share > 0.7 and mobile.sum() > 0.06:
        return name, 0.5
    return OBJECT, min(0.5, float(scores.max(axis=1).mean())) * min(1.0, motion.activity / 0.4)


def _category_of(votes: Array) -> tuple[str, float]:
    """The hypernym of the category with most votes ("" for none) and its share of all votes."""
    totals: dict[str, float] = {}
    for name, vote in zip(CLASSES, votes, strict=True):
        totals[CATEGORIES[name]] = totals.get(CATEGORIES[name], 0.0) + float(vote)
    best = max(totals, key=lambda key: totals[key])
    return HYPERNYMS.get(best, ""), totals[best] / max(float(votes.sum()), 1e-12)


def track_motion(track: Track, world: World, patches: Sequence[Finds]) -> InstanceMotion:
    """How a thing moves in the world, the camera's motion taken out.

    Before a resting camera the path of its box tells. Before a moving one the box's path in the
    world is off by parallax, and the flow inside the box against the flow around it tells.
    """
    boxes = np.array(track.boxes)
    middle = centers(boxes)
    diagonal = float(np.hypot(*world.size))
    placed = [world.place(t, point[None]) for t, point in zip(track.times, middle, strict=True)]
    zoom = np.array([z for _, z in placed])
    seconds = max(track.times[-1] - track.times[0], 1e-6)
    size = float(np.median(np.sqrt(areas(boxes) * world.size[0] * world.size[1]) / zoom))
    needed = max(MIN_TRAVEL * diagonal, MIN_TRAVEL_OF_SIZE * size)
    if world.moves:
        shift, reach = _flow_travel(track, world, seconds)
    else:
        shift, reach = _path_travel(np.array([point[0] for point, _ in placed]))
    net = float(np.linalg.norm(shift))
    moving = len(track.times) > 1 and reach > needed
    ends = max(1, min(3, len(boxes) // 3))
    frame_shift = middle[-ends:].mean(axis=0) - middle[:ends].mean(axis=0)
    return InstanceMotion(
        moving=moving,
        direction=_direction(shift) if moving and net > 0.6 * needed else "",
        speed=round(reach / diagonal / seconds, 4) if moving else 0.0,
        scale_change=round(min(max(_scale_change(boxes, zoom), 0.01), 100.0), 3),
        activity=round(_activity(track, patches), 3),
        frame_dx=round(float(frame_shift[0]), 4),
        frame_dy=round(float(frame_shift[1]), 4),
    )


def _path_travel(path: Array) -> tuple[Array, float]:
    """Net shift of a path (n, 2) in pixels, and how far it gets from its start."""
    ends = max(1, min(3, len(path) // 3))
    start = path[:ends].mean(axis=0)
    shift = path[-ends:].mean(axis=0) - start
    farthest = float(np.linalg.norm(path - start, axis=1).max())
    return shift, max(farthest, float(np.linalg.norm(shift)))


def _flow_travel(track: Track, world: World, seconds: float) -> tuple[Array, float]:
    """Travel in pixels by the flow in the box; nothing unless the flow keeps its direction."""
    if len(track.flows) < 2:
        return np.zeros(2), 0.0
    flows = np.array(track.flows) * np.array(world.size)
    mean = flows.mean(axis=0)
    steady = float(np.linalg.norm(mean)) / max(float(np.linalg.norm(flows, axis=1).mean()), 1e-9)
    if steady < MIN_STEADY:
        return np.zeros(2), 0.0
    return mean * seconds, float(np.linalg.norm(mean)) * seconds


def _scale_change(boxes: Array, zoom: Array) -> float:
    """Last area over first area, 1 unless width and height change the same way.

    Something that comes closer grows both ways; somebody who stands up grows in height alone.
    Boxes at the frame's edge show a part only and are left out where enough others remain.
    """
    whole = ~touches_border(boxes)
    if whole.sum() > 2:
        boxes, zoom = boxes[whole], zoom[whole]
    sides = (boxes[:, 2:] - boxes[:, :2]) / zoom[:, None]
    part = max(1, min(3, len(sides) // 3))
    first, last = np.median(sides[:part], axis=0), np.median(sides[-part:], axis=0)
    ratio = last / np.maximum(first, 1e-6)
    if (ratio > 1).all():
        return float(ratio.min() ** 2)
    return float(ratio.max() ** 2) if (ratio < 1).all() else 1.0


def touches_border(boxes: Array) -> NDArray[np.bool_]:
    """Which boxes (n, 4) touch the frame's edge and so may show a part of the thing only."""
    return np.asarray(
        (boxes[:, :2].min(axis=1) < BORDER) | (boxes[:, 2:].max(axis=1) > 1 - BORDER)
    )


def _activity(track: Track, patches: Sequence[Finds]) -> float:
    """Share of the track's samples in which a moving patch covers part of the box."""
    by_time = {finds.t: finds.boxes for finds in patches if finds.measured}
    seen = hit = 0
    for t, box in zip(track.times, track.boxes, strict=True):
        if t not in by_time:
            continue
        seen += 1
        boxes = by_time[t]
        if len(boxes):
            hit += bool(coverage(box[None], boxes)[0].max() > 0.08)
    return hit / seen if seen else 0.0


def _direction(shift: Array) -> Direction:
    """One of eight directions; the four main ones are twice as wide."""
    x, y = float(shift[0]), float(shift[1])
    across: Direction = "right" if x > 0 else "left"
    along: Direction = "down" if y > 0 else "up"
    if abs(x) > 2 * abs(y):
        return across
    if abs(y) > 2 * abs(x):
        return along
    return f"{along}_{across}"  # type: ignore[return-value]


def _facts(
    track: Track, name: str, confidence: float, motion: InstanceMotion, *, shot: Shot, end: float
) -> InstanceFacts:
    # What is known by its motion alone may be there before it stirs and after it rests.
    only_at_border = name == OBJECT
    boxes = np.array(track.boxes)
    best = track.best
    points = [
        TrackPoint(
            t=round(t, 3),
            box=tuple(round(float(value), 4) for value in box.clip(0, 1)),  # type: ignore[arg-type]
            score=round(min(1.0, float(score)), 3),
        )
        for t, box, score in zip(track.times, boxes, best, strict=True)
    ]
    return InstanceFacts(
        id=0,
        class_=name,
        confidence=round(min(confidence, 0.99), 3),
        salience=round(_salience(track, motion, confidence, end=end, named=name != OBJECT), 4),
        source="",
        colors=named_shares(track.color),
        track=points,
        enters=_is_absent(track, shot.start, first=True, only_at_border=only_at_border)
        or shot.start > 0.05,
        leaves=_is_absent(track, shot.end, first=False, only_at_border=only_at_border)
        or shot.end < end - 0.05,
        motion=motion,
    )


def _is_absent(track: Track, edge: float, *, first: bool, only_at_border: bool) -> bool:
    """True when the thing is not in the picture at the ``edge`` (seconds) of its shot.

    A detector that misses a thing for a moment must not make it leave. Away from the frame's
    border a thing is believed to be absent only after a gap much longer than its usual ones.
    """
    times = np.array(track.times)
    gap = float(times[0] - edge if first else edge - times[-1])
    usual = float(np.diff(times).max()) if len(times) > 1 else 0.2
    box = track.boxes[0 if first else -1]
    ahead = box + (track.velocity * min(gap, 0.5) if not first else 0)
    at_border = bool(touches_border(box[None])[0] or touches_border(ahead[None])[0])
    if at_border:
        return gap > max(0.3, 1.2 * usual)
    return not only_at_border and gap > max(1.0, 2.5 * usual)


def _salience(
    track: Track, motion: InstanceMotion, confidence: float, *, end: float, named: bool
) -> float:
    """0..1 from size, centrality, motion and time in view; less for what has no name."""
    boxes = np.array(track.boxes)
    size = float(np.sqrt(areas(boxes)).mean())
    off = np.linalg.norm(centers(boxes) - 0.5, axis=1).mean() / np.sqrt(0.5)
    seen = 1.0 if end <= 0 else min(1.0, (track.times[-1] - track.times[0] + 0.2) / end)
    mixed = 0.55 * size + 0.2 * (1 - float(off)) + 0.25 * float(motion.moving)
    return float(np.clip(mixed * confidence * np.sqrt(seen) * (1.0 if named else 0.6), 0, 1))


def follows_subject(
    camera: CameraFacts, instances: Sequence[InstanceFacts], *, end: float
) -> bool:
    """True when the camera turns or travels so that the main, mobile thing stays in the frame."""
    if not instances or not camera.path:
        return False
    main = instances[0]
    turns = any(word.startswith(("pan", "tilt", "move", "arc")) for word in camera.motion)
    if not turns or main.class_ not in _TRUSTED or main.confidence < 0.5:
        return False
    first, last = main.track[0].t, main.track[-1].t
    if last - first < 0.6 * end:
        return False
    steps = [step for step in camera.path if first < step.t <= last]
    swept = float(np.hypot(sum(s.dx for s in steps), sum(s.dy for s in steps)))
    shifted = float(np.hypot(main.motion.frame_dx, main.motion.frame_dy))
    return swept > 0.15 and shifted < 0.5 * swept


def patches_as_finds(
    patches: MovingPatches, *, index: int, t: float, colors: Array, carry: Array, size: tuple[int, int]
) -> Finds:
    """Moving patches in the form that tracks are linked from; their only class is *object*."""
    scores = (0.3 + 0.15 * patches.strength).clip(0, 0.9)[:, None]
    return Finds(
        index=index, t=t, boxes=patches.boxes, scores=scores, colors=colors, carry=carry,
        size=size, flow=patches.flow, measured=patches.measured,
    )  # fmt: skip
