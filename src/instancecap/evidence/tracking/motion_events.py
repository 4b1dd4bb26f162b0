"""What happens along a track: turns, rests, repeated motion, and two tracks that come together.

Turns, rests and repeated motion are told before a resting camera only, where the path of a box is
the path in the world. A fact is given where it is clear and left out where it is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.geometry import areas, centers, pairwise_coverage, touches_border
from instancecap.evidence.tracking.instances import boxes_at
from instancecap.evidence.tracking.naming import is_lively
from instancecap.evidence.tracking.stitching import MAX_GAP
from instancecap.schema.evidence import (
    CameraFacts,
    Contact,
    ContactKind,
    Heading,
    InstanceFacts,
    InstanceMotion,
    Period,
    Shot,
    Turn,
)

Array = NDArray[np.float64]

TURN_DEGREES = 60.0
MIN_LEG, MIN_LEG_OF_SIZE, MIN_LEG_SECONDS = 0.08, 0.5, 0.4
"""Frame diagonals, share of the thing's own size, and seconds from which a direction is kept up."""

OPPOSITE: dict[Heading, Heading] = {"left": "right", "right": "left", "up": "down", "down": "up"}

SWAY, SWAY_OF_SIZE = 0.025, 0.2
"""Frame diagonals, and share of the thing's size, by which a straight path may sway."""

STILL_SECONDS, STILL, STILL_OF_SIZE = 1.0, 0.012, 0.12
"""Least length of a rest, and how far (diagonals, share of size) a box may tremble in it."""

MIN_CYCLES, MIN_SAMPLES_A_CYCLE, MIN_SAMPLES = 3.0, 3.5, 14
MIN_STRENGTH, MIN_SECOND, MAX_HALF = 0.65, 0.5, -0.3
"""Autocorrelation after one cycle and after two, at least, and half-way through one, at most."""

MIN_SWING, MIN_SWING_OF_SIZE = 0.01, 0.06
"""Standard deviation (diagonals, share of size) over which a swing is no tremble of the box."""

MIN_COVERED, APART = 0.15, 0.01
"""Share of the smaller box that a contact covers; gap, in frames, of boxes that are apart."""

TOGETHER_SECONDS = 1.0
MAX_PAIRED = 16
"""The most salient things among which contacts are looked for."""


def add_events(
    instances: Sequence[InstanceFacts], resting: Sequence[Shot], *, aspect: float = 16 / 9
) -> None:
    """Add turns, rests and repeated motion to single things in shots whose camera rests."""
    for item in instances:
        shot = any(one.start - 1e-3 <= item.track[0].t < one.end for one in resting)
        if item.count > 1 or not shot or len(item.track) < 3:
            continue
        times = np.array([point.t for point in item.track])
        boxes = _in_diagonals(item, aspect=aspect)
        whole = ~touches_border(np.array([point.box for point in item.track]))
        turns = find_turns(times[whole], boxes[whole]) if item.motion.moving else []
        item.motion = item.motion.model_copy(
            update={
                "period": find_period(times[whole], boxes[whole]),
                "turns": turns,
                "still": find_rests(times, boxes),
                "direction": "" if _goes_back(item.motion, turns) else item.motion.direction,
            }
        )


def _goes_back(motion: InstanceMotion, turns: Sequence[Turn]) -> bool:
    """True where a thing turns against its direction again and again: a ball that is juggled.

    One turn is told by its two directions; after two and more no direction is the net one.
    """
    ways = set(motion.direction.split("_"))
    back = [turn for turn in turns if OPPOSITE[turn.before] == turn.after]
    return sum(bool(ways & {turn.before, turn.after}) for turn in back) > 1


def _in_diagonals(item: InstanceFacts, *, aspect: float) -> Array:
    """The track's boxes (n, 4) in frame diagonals, so that both axes count alike."""
    scale = np.array([aspect, 1.0, aspect, 1.0]) / np.hypot(aspect, 1.0)
    return np.asarray(np.array([point.box for point in item.track]) * scale)


def _size(boxes: Array) -> float:
    return float(np.median(np.sqrt(areas(boxes))))


def find_turns(times: Array, boxes: Array) -> list[Turn]:
    """Turns of a path of boxes (n, 4), in diagonals: long straight legs at a sharp angle."""
    if len(times) < 5:
        return []
    size, path = _size(boxes), _smooth(centers(boxes))
    corners = _corners(path, max(SWAY, SWAY_OF_SIZE * size))
    shifts, spans = np.diff(path[corners], axis=0), np.diff(times[corners])
    lengths = np.linalg.norm(shifts, axis=1)
    long = (lengths > max(MIN_LEG, MIN_LEG_OF_SIZE * size)) & (spans >= MIN_LEG_SECONDS)
    legs = np.flatnonzero(long)
    turns = []
    for one, two in pairwise(legs):
        cosine = float(shifts[one] @ shifts[two] / (lengths[one] * lengths[two]))
        before, after = _heading(shifts[one]), _heading(shifts[two])
        sharp = cosine < np.cos(np.radians(TURN_DEGREES))
        if sharp and before != after:
            middle = (times[corners[one + 1]] + times[corners[two]]) / 2
            turns.append(Turn(t=round(float(middle), 3), before=before, after=after))
    return turns


def _heading(shift: Array) -> Heading:
    x, y = float(shift[0]), float(shift[1])
    if abs(x) >= abs(y):
        return "right" if x > 0 else "left"
    return "down" if y > 0 else "up"


def _smooth(path: Array) -> Array:
    """Mean over three samples; the ends stay where they are."""
    if len(path) < 3:
        return path
    middle = (path[:-2] + path[1:-1] + path[2:]) / 3
    return np.concatenate([path[:1], middle, path[-1:]])


def _corners(path: Array, tolerance: float) -> list[int]:
    """Indices at which a path (n, 2) bends, its ends included (Douglas and Peucker 1973)."""
    kept, open_spans = {0, len(path) - 1}, [(0, len(path) - 1)]
    while open_spans:
        first, last = open_spans.pop()
        if last - first < 2:
            continue
        chord = path[last] - path[first]
        inner = path[first + 1 : last] - path[first]
        along = np.clip(inner @ chord / max(float(chord @ chord), 1e-12), 0, 1)
        off = np.linalg.norm(inner - along[:, None] * chord, axis=1)
        if off.max() > tolerance:
            bend = first + 1 + int(off.argmax())
            kept.add(bend)
            open_spans += [(first, bend), (bend, last)]
    return sorted(kept)


def find_rests(times: Array, boxes: Array) -> list[tuple[float, float]]:
    """Stretches in which no side of a box (n, 4), in diagonals, goes anywhere."""
    allowed = max(STILL, STILL_OF_SIZE * _size(boxes))
    rests, first = [], 0
    while first < len(times):
        low, high, last = boxes[first], boxes[first], first
        while last + 1 < len(times) and times[last + 1] - times[last] <= MAX_GAP:
            wider_low = np.minimum(low, boxes[last + 1])
            wider_high = np.maximum(high, boxes[last + 1])
            if (wider_high - wider_low).max() > allowed:
                break
            low, high, last = wider_low, wider_high, last + 1
        rest = slice(first, last + 1)
        if times[last] - times[first] >= STILL_SECONDS and not _drifts(boxes[rest], allowed):
            rests.append((round(float(times[first]), 3), round(float(times[last]), 3)))
            first = last + 1
        else:
            first += 1
    return rests


def _drifts(boxes: Array, allowed: float) -> bool:
    """True for what creeps on steadily rather than trembling about one place."""
    third = max(1, len(boxes) // 3)
    shift = centers(boxes[-third:]).mean(axis=0) - centers(boxes[:third]).mean(axis=0)
    return float(np.linalg.norm(shift)) > 0.4 * allowed


def find_period(times: Array, boxes: Array) -> Period:
    """The cycle of boxes (n, 4), in diagonals, that repeat a motion; of none, no seconds."""
    if len(times) < MIN_SAMPLES:
        return Period()
    step = float(np.median(np.diff(times)))
    if np.diff(times).max() > 3.5 * step:
        return Period()
    steady = np.arange(times[0], times[-1] + 1e-6, step)
    values = np.concatenate([centers(boxes), boxes[:, 2:] - boxes[:, :2]], axis=1)
    least = max(MIN_SWING, MIN_SWING_OF_SIZE * _size(boxes))
    best = Period()
    for signal in values.T:
        even = np.interp(steady, times, signal)
        line = np.polyval(np.polyfit(steady, even, 1), steady)
        if (even - line).std() < least:
            continue
        found = _cycle(even - line, step)
        best = max(best, found, key=lambda one: one.strength)
    return best


def _cycle(signal: Array, step: float) -> Period:
    """The first lag at which a signal is like itself again, twice over."""
    count = len(signal)
    longest = int(count / MIN_CYCLES)
    alike = np.ones(2 * longest + 1)
    for lag in range(1, len(alike)):
        ahead, behind = signal[lag:], signal[:-lag]
        norm = np.sqrt(float(ahead @ ahead) * float(behind @ behind))
        alike[lag] = float(ahead @ behind) / max(norm, 1e-12)
    fallen = np.flatnonzero(alike[: longest + 1] < MAX_HALF)
    if not len(fallen):
        return Period()
    lags = np.arange(int(fallen[0]), longest + 1)
    # Two cycles are as much alike as one, or more where a cycle is no whole number of samples.
    peaks = lags[(alike[lags] >= alike[lags - 1]) & (alike[lags] >= alike[lags + 1])]
    high = peaks[alike[peaks] >= max(MIN_STRENGTH, 0.7 * alike[lags].max())]
    if not len(high) or high[0] < MIN_SAMPLES_A_CYCLE:
        return Period()
    lag = int(high[0])
    second = alike[2 * lag - 1 : 2 * lag + 2].max()
    half = alike[lag // 2 : lag // 2 + 2].min()
    if second < MIN_SECOND or half > MAX_HALF:
        return Period()
    before, at, after = alike[lag - 1 : lag + 2]
    bend = before - 2 * at + after
    exact = lag + (0.5 * (before - after) / bend if bend < 0 else 0.0)
    return Period(seconds=round(float(exact) * step, 3), strength=round(min(1.0, float(at)), 3))


def find_contacts(instances: Sequence[InstanceFacts]) -> list[Contact]:
    """Pairs of single things that come from apart to cover each other, in the order of time."""
    single = [item for item in instances if item.count == 1 and len(item.track) >= 3]
    found = []
    for one, two in combinations(single[:MAX_PAIRED], 2):
        found += _contacts(one, two)
    return sorted(found, key=lambda contact: (contact.start, contact.first, contact.second))


def _contacts(one: InstanceFacts, two: InstanceFacts) -> list[Contact]:
    first, last = (max(one.track[0].t, two.track[0].t), min(one.track[-1].t, two.track[-1].t))
    times = np.unique([p.t for item in (one, two) for p in item.track if first <= p.t <= last])
    if len(times) < 4:
        return []
    own, other = boxes_at(one, times), boxes_at(two, times)
    smaller_is_own = np.median(areas(own)) <= np.median(areas(other))
    small, large = (own, other) if smaller_is_own else (other, own)
    covered = pairwise_coverage(small, large) >= MIN_COVERED
    gaps = np.maximum(small[:, :2], large[:, :2]) - np.minimum(small[:, 2:], large[:, 2:])
    apart = gaps.max(axis=1) > APART
    edges = np.diff(np.concatenate([[0], covered.astype(int), [0]]))
    found = []
    for start, after in zip(np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True):
        kind = _kind(times, own, other, apart, int(start), int(after))
        if kind is not None:
            begin, end = round(float(times[start]), 3), round(float(times[after - 1]), 3)
            found.append(Contact(first=one.id, second=two.id, start=begin, end=end, kind=kind))
    return found


def _kind(
    times: Array, own: Array, other: Array, apart: NDArray[np.bool_], start: int, after: int
) -> ContactKind | None:
    """What two things do that cover each other from ``start`` to before ``after``."""
    before, later = np.flatnonzero(apart[:start]), np.flatnonzero(apart[after:])
    if len(before) < 2:
        return None
    if not len(later):
        stays = after == len(times) and times[-1] - times[start] >= TOGETHER_SECONDS
        return "meets" if stays else None
    if len(later) < 2:
        return None
    ends = [before[-1], after + later[0]]
    reach = ((own[:, 2:] - own[:, :2] + other[:, 2:] - other[:, :2]) / 2)[ends]
    was, becomes = (centers(other) - centers(own))[ends] / np.maximum(reach, 1e-9)
    # They are past each other only where they are apart again along the axis they came by.
    axis = int(np.abs(was).argmax())
    if was[axis] * becomes[axis] < 0:
        return "crosses" if abs(becomes[axis]) > 0.5 else None
    return "overlaps" if after - start > 1 else None


def follows_subject(camera: CameraFacts, instances: Sequence[InstanceFacts], *, end: float) -> bool:
    """True when the camera turns or travels so that the main, mobile thing stays in the frame."""
    if not instances or not camera.path:
        return False
    main = instances[0]
    turns = any(word.startswith(("pan", "tilt", "move", "arc")) for word in camera.motion)
    if not turns or not is_lively(main) or main.confidence < 0.5:
        return False
    first, last = main.track[0].t, main.track[-1].t
    if last - first < 0.6 * end:
        return False
    steps = [step for step in camera.path if first < step.t <= last]
    swept = float(np.hypot(sum(s.dx for s in steps), sum(s.dy for s in steps)))
    shifted = float(np.hypot(main.motion.frame_dx, main.motion.frame_dy))
    return swept > 0.15 and shifted < 0.5 * swept
