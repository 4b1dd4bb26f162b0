"""Tracks drawn anew by a video segmenter, where it follows the same thing.

After the pass the clip is read once more. Each instance is followed from the best boxes that the
detector has of it. Where the segmenter's masks lie in the detector's boxes, its boxes and masks
take their place; it also fills what the detector missed between them, and goes on beyond the
track's ends for as long as it sees the thing. Where both differ, the detector's boxes stay.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.experts.appearance import named_shares, sure_colors
from instancecap.evidence.experts.world import own_motion
from instancecap.evidence.geometry import as_box, pairwise_ious, touches_border
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.follow import Followed
from instancecap.evidence.tracking.instances import boxes_at
from instancecap.evidence.tracking.masklets import (
    Concept,
    ConceptTracker,
    Key,
    Masklet,
    VideoTracker,
    find_concepts,
    shot_at,
    track_seeds,
)
from instancecap.evidence.tracking.salience import salience_of
from instancecap.evidence.tracking.several import merge_instances, overlap_of
from instancecap.models.classes import ClassList, class_of, is_another_word
from instancecap.models.coco import CATEGORIES
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Evidence, InstanceFacts, Shot
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Picture
from instancecap.video.sampling import Ticker

Array = NDArray[np.float64]

AGREE = 0.5
"""Overlap from which a segmenter's box and the detector's are of one thing: at a time, and in the
median over a track."""

LEAST_SHARED = 0.5
"""Share of a track's boxes that the segmenter has an answer for, without which nothing is
compared."""

NAMES = ("class_", "category", "phrase", "confidence", "category_confidence", "opinions")
"""Fields that say what an instance is."""

MAX_BLINK = 0.35
"""Seconds for which the thing may be out of sight beyond a track's end and still be the same; and
from a clip's end within which what is not seen neither comes nor goes."""


def follow_by_masks(
    clip: Clip,
    evidence: Evidence,
    *,
    tracker: VideoTracker,
    phrases: Sequence[str],
    masks: bool,
    threads: int = 0,
) -> None:
    """Draw the tracks of ``evidence`` anew, and find ``phrases`` where the tracker can; ``masks``
    keeps its masks too. Where its memory does not suffice, a warning says so, and what is known
    stays as it is."""
    try:
        refine_tracks(clip, evidence, tracker=tracker, masks=masks, threads=threads)
        if phrases and isinstance(tracker, ConceptTracker):
            add_concepts(
                clip, evidence, tracker=tracker, phrases=phrases, masks=masks, threads=threads
            )
    except MemoryError as error:
        evidence.warnings.append(f"{error}; tracks stay as the detector has them")


def refine_tracks(
    clip: Clip, evidence: Evidence, *, tracker: VideoTracker, masks: bool, threads: int = 0
) -> None:
    """Draw the tracks of ``evidence`` anew; ``masks`` keeps the segmenter's masks too."""
    began = time.perf_counter()
    seeds = {
        item.id: [Seed(point.t, point.box, point.score) for point in item.track]
        for item in evidence.instances
        if item.count == 1  # of a group the segmenter would follow one member
    }
    if any(seeds.values()):
        found = track_seeds(
            sampled(clip, tracker.side, threads=threads),
            seeds,
            shots=evidence.shots,
            size=(evidence.video.height, evidence.video.width),
            tracker=tracker,
        )
        evidence.instances = [
            _refined(item, found.get(item.id, {}), evidence, tracker.name, masks=masks)
            for item in evidence.instances
        ]
    evidence.timings["tracker"] = round(time.perf_counter() - began, 4)


def add_concepts(
    clip: Clip,
    evidence: Evidence,
    *,
    tracker: ConceptTracker,
    phrases: Sequence[str],
    masks: bool,
    threads: int = 0,
) -> None:
    """Find what phrases are true of; what is known gets another opinion on its name, and its track
    drawn anew, and what is not becomes an instance."""
    began = time.perf_counter()
    concepts = find_concepts(
        sampled(clip, tracker.side, threads=threads),
        phrases,
        shots=evidence.shots,
        size=(evidence.video.height, evidence.video.width),
        tracker=tracker,
    )
    for concept in concepts:
        item = _concept_facts(concept, evidence, tracker.name, masks=masks)
        known = max(evidence.instances, key=lambda one: overlap_of(item, one), default=None)
        merged = merge_instances([[known], [item]]) if known is not None else []
        if len(merged) == 1 and known is not None:
            names = {name: getattr(merged[0], name) for name in NAMES}
            named = known.model_copy(update=names)
            drawn = _refined(named, concept.masklet, evidence, tracker.name, masks=masks)
            evidence.instances[evidence.instances.index(known)] = drawn
        else:
            evidence.instances.append(item)
    evidence.instances.sort(key=lambda item: -item.salience)
    evidence.timings["phrases"] = round(time.perf_counter() - began, 4)


def _concept_facts(
    concept: Concept, evidence: Evidence, tracker: str, *, masks: bool
) -> InstanceFacts:
    seen = sorted(concept.masklet.items())
    track = [TrackPoint(t=t, box=as_box(one.box), score=round(one.score, 3)) for t, one in seen]
    boxes, times = np.array([one.box for _, one in seen]), [t for t, _ in seen]
    confidence = min(float(np.mean([one.score for _, one in seen])), 0.99)
    motion, end = own_motion(track, evidence.camera), evidence.video.duration
    class_ = class_of(concept.phrase)
    across, down = np.median(boxes[:, 2:] - boxes[:, :2], axis=0)
    upright = down * evidence.video.height / max(across * evidence.video.width, 1e-6)
    colors = named_shares(np.mean(concept.colors, axis=0))
    return InstanceFacts(
        id=max((item.id for item in evidence.instances), default=-1) + 1,
        class_=class_,
        category=ClassList((class_,)).own_category(class_) if class_ not in CATEGORIES else "",
        phrase="" if is_another_word(concept.phrase) else concept.phrase,
        confidence=round(confidence, 3),
        category_confidence=round(confidence, 3),
        salience=salience_of(times, boxes, motion, confidence, end=end),
        source=tracker,
        tracker=tracker,
        colors=sure_colors(colors, class_, upright=float(upright)),
        track=track,
        masks=[one.mask for _, one in seen] if masks else [],
        enters=track[0].t > MAX_BLINK,
        leaves=track[-1].t < end - MAX_BLINK,
        motion=motion,
    )


def sampled(clip: Clip, side: int, *, threads: int = 0) -> Iterator[tuple[float, Picture]]:
    """The clip's samples: time and BGR picture, its longer side at most ``side`` pixels."""
    ticker = Ticker(SAMPLE_RATE)
    with ClipReader(clip, threads=threads) as reader:
        for frame in reader:
            if ticker.due(frame.t):
                sample = Sample(frame, index=0, aspect=reader.info.aspect)
                yield round(frame.t, 3), sample.at_most(side)


def _refined(
    item: InstanceFacts, masklet: Masklet, evidence: Evidence, tracker: str, *, masks: bool
) -> InstanceFacts:
    """The instance with what the segmenter saw of it, if it saw the same thing."""
    agreed = agreeing(item, masklet)
    if not agreed:
        return item
    agreed |= _beyond(item, masklet, agreed, evidence.shots)
    known = [point for point in item.track if point.t not in agreed]
    scores = {point.t: point.score for point in item.track}
    drawn = [
        TrackPoint(t=t, box=as_box(one.box), score=scores.get(t, round(one.score, 3)))
        for t, one in agreed.items()
    ]
    track = sorted([*known, *drawn], key=lambda point: point.t)
    update: dict[str, object] = {"track": track, "tracker": tracker}
    if masks:
        update["masks"] = [agreed[t].mask for t in sorted(agreed)]
    return item.model_copy(update=update | _ends(item, track, evidence))


def follow_masks(
    film: Film,
    seeds: Mapping[Key, Sequence[Seed]],
    *,
    shots: Sequence[Shot] = (),
    tracker: VideoTracker,
) -> dict[Key, Followed]:
    """As :func:`instancecap.evidence.tracking.follow.follow_in`, by a video segmenter and from all
    of a thing's boxes."""
    if not film.times:
        return {key: Followed((), (), tracker.name) for key in seeds}
    frames = ((t, film.picture(index)) for index, t in enumerate(film.times))
    height, width = film.picture(0).shape[:2]
    found = track_seeds(
        frames, seeds, shots=shots, size=(height, width), tracker=tracker, best_only=False
    )
    return {
        key: Followed(
            tuple(
                TrackPoint(t=round(t, 3), box=as_box(one.box), score=round(one.score, 3))
                for t, one in sorted(found[key].items())
            ),
            _absences(found[key], given, film.times, shots),
            tracker.name,
        )
        for key, given in seeds.items()
    }


def _absences(
    masklet: Masklet, seeds: Sequence[Seed], times: Sequence[float], shots: Sequence[Shot]
) -> tuple[tuple[float, float], ...]:
    """When a thing is out of sight for longer than a blink, within the shots that have a seed."""
    seeded = {shot_at(shots, seed.t) for seed in seeds}
    absent: list[tuple[float, float]] = []
    before: float | None = None
    for t in times:
        if shot_at(shots, t) not in seeded or t in masklet:
            before = None
        elif before is None:
            before = t
            absent.append((t, t))
        else:
            absent[-1] = before, t
    return tuple((start, end) for start, end in absent if end - start > MAX_BLINK)


def agreeing(item: InstanceFacts, masklet: Masklet) -> Masklet:
    """What of a masklet lies where the instance is tracked; nothing where they are two things."""
    if not masklet:
        return {}
    times = np.array(sorted(masklet))
    theirs = boxes_at(item, times)
    both = ~np.isnan(theirs[:, 0])
    shared = sum(point.t in masklet for point in item.track)
    if not both.any() or shared < LEAST_SHARED * len(item.track):
        return {}
    overlap = pairwise_ious(np.array([masklet[t].box for t in times[both]]), theirs[both])
    if np.median(overlap) < AGREE:
        return {}
    return {float(t): masklet[t] for t in times[both][overlap >= AGREE]}


def _beyond(
    item: InstanceFacts, masklet: Masklet, agreed: Masklet, shots: Sequence[Shot]
) -> Masklet:
    """What the segmenter sees of the thing before the track and after it, without a break, in the
    shots in which the track begins and ends."""
    first, last = item.track[0].t, item.track[-1].t
    before = sorted((t for t in masklet if t < first), reverse=True)
    after = sorted(t for t in masklet if t > last)
    found: Masklet = {}
    for at, times in ((min(agreed), before), (max(agreed), after)):
        for t in times:
            if abs(t - at) > MAX_BLINK or shot_at(shots, t) != shot_at(shots, at):
                break
            found[t], at = masklet[t], t
    return found


def _ends(
    item: InstanceFacts, track: Sequence[TrackPoint], evidence: Evidence
) -> dict[str, object]:
    """What follows where a track begins earlier or ends later than it did."""
    first, last, end = track[0], track[-1], evidence.video.duration
    update: dict[str, object] = {}
    if first.t < item.track[0].t:
        update["enters"] = first.t > MAX_BLINK and (item.enters or _at_edge(first))
    if last.t > item.track[-1].t:
        update["leaves"] = last.t < end - MAX_BLINK and (item.leaves or _at_edge(last))
    if update:
        moved = own_motion(track, evidence.camera)
        names = ("moving", "direction", "speed", "scale_change", "frame_dx", "frame_dy")
        update["motion"] = item.motion.model_copy(
            update={name: getattr(moved, name) for name in names}
        )
    return update


def _at_edge(point: TrackPoint) -> bool:
    return bool(touches_border(np.array([point.box]))[0])
