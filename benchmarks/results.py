"""From one clip's truth and evidence to what was right and what was missed, and to the figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import get_args

import numpy as np

from benchmarks.scoring import (
    ClassVerdict,
    balanced_accuracy,
    cell_of,
    coco_name,
    join_boxes,
    judge_class,
    mean_j,
    recall_classes,
    score_segments,
    score_shots,
)
from benchmarks.truth import Case, Framing, ObjectTruth, Segment
from instancecap.evals.boxes import Boxes, boxes_at, iou
from instancecap.evals.camera import Counts, count_flipped, fold, judge_static, score_camera
from instancecap.schema.evidence import Evidence, InstanceFacts

MATCH_IOU = 0.3
"""Mean overlap from which a found track is taken to be of the true thing at all."""

WORDS = ("shot_type", "shot_angle", "place", "time_of_day")


@dataclass(slots=True)
class ObjectResult:
    """What was found of one true thing.

    Attributes:
        found: the instances that are taken to be it: one, two for a rider and what is ridden,
            or none.
        hit_share: share of its visible frames with a box overlap of at least 0.5.
        cells, enters, leaves: pairs of (truth, found).
        first: it was found, and stands first in the evidence.
        j: mean mask overlap, where masks were made.
    """

    name: str
    found: list[InstanceFacts]
    hit_share: float
    mean_iou: float
    first: bool
    cells: list[tuple[str, str]]
    enters: tuple[bool, bool]
    leaves: tuple[bool, bool]
    direction: tuple[str, str] | None
    j: float | None


@dataclass(slots=True)
class Result:
    """What became of one clip; counts are empty where the truth says nothing.

    Attributes:
        group: ``clips`` or ``scenes``.
        seconds, decode_seconds: wall time of measuring without masks, and of decoding alone.
        masks, mask_seconds: masks made, and the time that they took.
        words: per kind of word, pairs of (truth, found).
        main_class: what the first instance is called against the labels; None if unscored.
        misses: one line for each thing that is wrong, for people.
    """

    name: str
    group: str
    error: str = ""
    seconds: float = 0.0
    decode_seconds: float = 0.0
    mask_seconds: float = 0.0
    camera: Counts = field(default_factory=Counts)
    segments: Counts = field(default_factory=Counts)
    flipped: int = 0
    static_right: bool | None = None
    travel: tuple[frozenset[str], frozenset[str]] | None = None
    cuts: Counts = field(default_factory=Counts)
    gradual: Counts = field(default_factory=Counts)
    objects: list[ObjectResult] = field(default_factory=list)
    main_class: ClassVerdict | None = None
    class_recall: tuple[int, int] = (0, 0)
    words: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    masks: int = 0
    misses: list[str] = field(default_factory=list)


def judge(case: Case, evidence: Evidence, *, group: str) -> Result:
    """Compare what was measured of a clip with its truth."""
    result = Result(case.name, group)
    result.masks = sum(len(instance.masks) for instance in evidence.instances)
    _judge_camera(result, case, evidence)
    _judge_shots(result, case, evidence)
    for thing in case.truth.objects:
        _judge_object(result, thing, evidence)
    _judge_classes(result, case, evidence)
    for label in case.truth.framing:
        _judge_words(result, label, evidence)
    return result


def _judge_camera(result: Result, case: Case, evidence: Evidence) -> None:
    truth, found = case.truth.camera, frozenset(evidence.camera.motion)
    if truth is None:
        return
    result.camera = score_camera(truth, found)
    result.flipped = count_flipped(truth, found)
    result.static_right = judge_static(truth, found)
    result.travel = (truth, frozenset(found))
    segments = [Segment(s.start, s.end, frozenset(s.motion)) for s in evidence.camera.segments]
    result.segments = score_segments(case.truth.segments, segments)
    if result.camera.false or result.camera.missed or result.static_right is False:
        flipped = " (flipped)" if result.flipped else ""
        result.misses.append(f"camera {_set(fold(truth))}, found {_set(found)}{flipped}")


def _judge_shots(result: Result, case: Case, evidence: Evidence) -> None:
    if case.truth.transitions is None:
        return
    fps = evidence.video.fps
    result.cuts, result.gradual = score_shots(case.truth.transitions, evidence.shots, fps=fps)
    if result.cuts.false + result.cuts.missed + result.gradual.false + result.gradual.missed:
        true = [f"{change.kind} {change.start:.2f}" for change in case.truth.transitions]
        said = [f"{s.transition} {s.start:.2f}" for s in evidence.shots if s.transition != "start"]
        result.misses.append(f"shots {_set(true)}, found {_set(said)}")


def _judge_object(result: Result, thing: ObjectTruth, evidence: Evidence) -> None:
    if not thing.visible.any():
        return
    found, boxes = _best_match(thing, evidence.instances)
    overlap = iou(thing.boxes, boxes)[thing.visible]
    shown = thing.boxes[thing.visible]
    ends = _first_and_last(found, boxes)
    cells = [(cell_of(shown[end]), cell_of(ends[end]) if found else "") for end in (0, -1)]
    enters = all(instance.enters for instance in found) if found else not thing.enters
    leaves = all(instance.leaves for instance in found) if found else not thing.leaves
    outcome = ObjectResult(
        thing.name,
        found,
        float((overlap >= 0.5).mean()),
        float(overlap.mean()),
        bool(found and evidence.instances[0] in found),
        cells,
        (thing.enters, enters),
        (thing.leaves, leaves),
        None if thing.direction is None else (thing.direction, _direction(found)),
        mean_j(thing.times, thing.mask, found) if result.masks else None,
    )
    result.objects.append(outcome)
    result.misses += _object_misses(outcome)


def _first_and_last(found: Sequence[InstanceFacts], boxes: Boxes) -> Boxes:
    """The boxes with which a match starts and ends, shape (2, 4); nothing for no match."""
    if len(found) == 1:
        return np.array([found[0].track[end].box for end in (0, -1)])
    known = boxes[~np.isnan(boxes).any(axis=1)]
    return known[[0, -1]] if len(known) else known


def _direction(found: Sequence[InstanceFacts]) -> str:
    if not found:
        return "not found"
    return found[0].motion.direction if found[0].motion.moving else ""


def _best_match(
    thing: ObjectTruth, instances: Sequence[InstanceFacts]
) -> tuple[list[InstanceFacts], Boxes]:
    """The instance (or pair, for a thing of two parts) that overlaps most over the visible time."""
    tracks = [(i, boxes_at(i.track, thing.times)) for i in instances if i.track]
    candidates: list[tuple[list[InstanceFacts], Boxes]] = [([i], boxes) for i, boxes in tracks]
    if thing.parts > 1:
        candidates += [
            ([a, b], join_boxes(first, second))
            for (a, first), (b, second) in combinations(tracks, 2)
        ]
    nothing: tuple[list[InstanceFacts], Boxes] = ([], np.full((len(thing.times), 4), np.nan))
    if not candidates:
        return nothing

    def overlap(candidate: tuple[list[InstanceFacts], Boxes]) -> float:
        return float(iou(thing.boxes, candidate[1])[thing.visible].mean())

    best = max(candidates, key=overlap)
    return best if overlap(best) >= MATCH_IOU else nothing


def _object_misses(outcome: ObjectResult) -> list[str]:
    name = outcome.name
    if not outcome.found:
        return [f"{name}: not found"]
    misses = []
    if outcome.hit_share < 0.8:
        misses.append(f"{name}: IoU >= 0.5 in {outcome.hit_share:.0%} of its frames")
    for when, (true, said) in zip(("starts", "ends"), outcome.cells, strict=True):
        if true != said:
            misses.append(f"{name}: {when} {true}, found {said}")
    for verb, (truth, found) in (("enters", outcome.enters), ("leaves", outcome.leaves)):
        if truth != found:
            misses.append(f"{name}: {verb} {truth}, found {found}")
    if outcome.direction and outcome.direction[0] != outcome.direction[1]:
        true, said = (word or "nowhere" for word in outcome.direction)
        misses.append(f"{name}: goes {true}, found {said}")
    if outcome.j is not None and outcome.j < 0.5:
        misses.append(f"{name}: mask J {outcome.j:.2f}")
    return misses


def _judge_classes(result: Result, case: Case, evidence: Evidence) -> None:
    wanted = [name for name in map(coco_name, case.truth.classes) if name]
    if not wanted:
        return
    said = [i.class_ for i in evidence.instances for _ in range(i.count)]
    result.class_recall = recall_classes(wanted, said)
    # The main thing is the one whose masks are known, else the first in the evidence.
    main = result.objects[0].found if result.objects else evidence.instances[:1]
    result.main_class = judge_class(wanted, {instance.class_ for instance in main})
    if result.main_class != "right" or result.class_recall[0] < result.class_recall[1]:
        names = f"{_set(instance.class_ for instance in main)} ({result.main_class})"
        result.misses.append(f"classes {_set(wanted)}, main found {names}, all {_set(said)}")


def _judge_words(result: Result, label: Framing, evidence: Evidence) -> None:
    framing = evidence.framing
    said = {
        "shot_type": framing.shot_type,
        "shot_angle": framing.shot_angle,
        "place": evidence.place.label,
        "time_of_day": evidence.light.time_of_day,
    }
    if label.t is not None:
        # Only the shot type is measured shot by shot.
        spans = zip(evidence.shots, framing.shots, strict=False)
        kinds = [kind for shot, kind in spans if shot.start <= label.t < shot.end]
        said = {"shot_type": kinds[0] if kinds else ""}
    for word, found in said.items():
        truth = getattr(label, word)
        if truth:
            result.words.setdefault(word, []).append((truth, found))
            if truth != found:
                result.misses.append(f"{word} {truth}, found {found or 'nothing'}")


def _set(words: Iterable[str]) -> str:
    return "{" + ", ".join(sorted(words)) + "}"


def summarise(results: Sequence[Result]) -> dict[str, float | int | None]:
    """The figures over some clips; None where nothing could be scored."""
    ran = [result for result in results if not result.error]
    things = [thing for result in ran for thing in result.objects]
    statics = [result.static_right for result in ran if result.static_right is not None]
    main = [result.main_class for result in ran if result.main_class is not None]
    cells = list(zip(*(thing.cells for thing in things), strict=True)) or [(), ()]
    gradual = sum((result.gradual for result in ran), Counts())
    seen, wanted = (sum(result.class_recall[i] for result in ran) for i in (0, 1))
    # Scenes lie in memory: there is no decoding to compare with.
    files = [result for result in ran if result.decode_seconds]
    measuring, decoding = (
        sum(getattr(result, name) for result in files) for name in ("seconds", "decode_seconds")
    )
    figures: dict[str, float | int | None] = {
        "count": len(results),
        "failed": len(results) - len(ran),
        "camera_f1": sum((result.camera for result in ran), Counts()).f1,
        "camera_flipped": sum(result.flipped for result in ran),
        "static_accuracy": _mean(statics),
        "segments_f1": sum((result.segments for result in ran), Counts()).f1,
        **_travel(ran),
        "cuts_f1": sum((result.cuts for result in ran), Counts()).f1,
        "gradual_recall": _share(gradual.hits, gradual.hits + gradual.missed),
        "gradual_false": gradual.false,
        "found_share": _mean(thing.hit_share for thing in things),
        "found_objects": _mean(thing.hit_share >= 0.5 for thing in things),
        "found_first": _mean(r.objects[0].first for r in ran if r.objects),
        "box_iou": _mean(thing.mean_iou for thing in things),
        "start_cell": _mean(true == said for true, said in cells[0]),
        "end_cell": _mean(true == said for true, said in cells[1]),
        "enters": balanced_accuracy([thing.enters for thing in things]),
        "leaves": balanced_accuracy([thing.leaves for thing in things]),
        "direction": _mean(t.direction[0] == t.direction[1] for t in things if t.direction),
        "mask_j": _mean(thing.j for thing in things if thing.j is not None),
        "main_class": _mean(verdict == "right" for verdict in main),
        **{f"main_class_{word}": main.count(word) for word in get_args(ClassVerdict)},
        "class_recall": _share(seen, wanted),
        "seconds": sum(result.seconds for result in ran),
        "decode_seconds": decoding,
        "time_ratio": _share(measuring, decoding),
        "masks": sum(result.masks for result in ran),
        "seconds_per_mask": _share(
            sum(result.mask_seconds for result in ran), sum(result.masks for result in ran)
        ),
    }
    for word in WORDS:
        pairs = [pair for result in ran for pair in result.words.get(word, [])]
        figures[word] = _mean(true == said for true, said in pairs)
        figures[f"{word}_labels"] = len(pairs)
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }


def _travel(results: Sequence[Result]) -> dict[str, float | None]:
    """How often ``move_*`` was said of a camera that travels, and (wrongly) of one that turns."""
    said: dict[bool, list[bool]] = {True: [], False: []}
    for result in results:
        if result.travel is None:
            continue
        true, found = result.travel
        travels = any(word.startswith(("move", "arc")) for word in true)
        said[travels].append(any(word.startswith(("move", "arc")) for word in found))
    return {"travel_told": _mean(said[True]), "travel_false": _mean(said[False])}


def _mean(values: Iterable[float | bool]) -> float | None:
    numbers = [float(value) for value in values]
    return float(np.mean(numbers)) if numbers else None


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
