"""The labelled web clips: their truth, and the figures by the rules that stand here.

Labels are by eye, so every figure says what is left out:

* **camera** — primitives after folding (see :mod:`instancecap.evals.camera`), micro-F1, over clips
  whose camera label is known with a confidence of 0.6 or more. ``roll`` without a direction,
  ``orbit``, ``tracking`` and ``handheld`` are not scored, nor is a clip with no other label.
  **static** — *static* told from any movement, same clips.
* **transitions** — events (``cut dissolve fade``) matched one to one within half a second, F1;
  what is reported within half a second of a ``jump_cut``, ``edge_cut`` or ``flash`` is not scored.
  **has_transition** — whether a clip has any.
* **shot_type** — share of equal words; an empty word is wrong.
* **coco_class** — share of labelled instances of a COCO class for which an instance of that very
  class is in the first three, each used once.
* **main_iou**, **main_iou_coco** — share of clips in which one of the first three instances covers
  the first labelled one with an IoU of 0.5 or more at the label's time; where it is of COCO.
* **start_cell**, **end_cell**, **leaves** — over the labelled instances that one of the first
  three covers with an IoU of 0.3 or more; ``leaves`` is the mean of the accuracies on both cases.
* **writing** — share of the clips in which something is written of which a text or an overlay is
  told; **writing_false** — the others of which a text is.
* **duplicates** — share of the instances among the first three that are a second one of a labelled
  instance, overlap an earlier one by more than half for most of the time in which both are seen, or
  lie almost whole in one of their class (or it in them).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.scoring import balanced_accuracy, cell_of
from instancecap.evals.boxes import Boxes, boxes_at, iou
from instancecap.evals.camera import Counts, count_flipped, fold, judge_static, score_camera
from instancecap.evals.timed import match_times
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.video import Clip

MOST = 3
"""Instances of a caption: those after them are not scored."""

SURE_CAMERA = 0.6
EVENT_SECONDS = 0.5
COVERS, TOUCHES, NESTED = 0.5, 0.3, 0.9
SCORED = frozenset(("cut", "dissolve", "fade"))
HINTS = frozenset(("orbit", "roll", "handheld", "tracking"))


@dataclass(frozen=True, slots=True)
class Labelled:
    """A labelled web clip."""

    name: str
    clip: Clip
    label: dict[str, Any]

    @property
    def camera(self) -> frozenset[str] | None:
        """The primitives, or None where they are not known well enough."""
        words = self.label["camera"]
        if "unknown" in words or self.label["camera_confidence"] < SURE_CAMERA:
            return None
        return frozenset(words) - HINTS or None


@dataclass(slots=True)
class WebResult:
    """What was found of one clip; pairs are (truth, found), ``writing`` truth, texts, overlays."""

    name: str
    camera: Counts = field(default_factory=Counts)
    flipped: int = 0
    static: bool | None = None
    events: Counts = field(default_factory=Counts)
    has_transition: tuple[bool, bool] = (False, False)
    shot_type: tuple[str, str] = ("", "")
    writing: tuple[bool, bool, bool] = (False, False, False)
    classes: tuple[int, int] = (0, 0)
    main: float = 0.0
    main_is_coco: bool = False
    starts: list[tuple[str, str]] = field(default_factory=list)
    ends: list[tuple[str, str]] = field(default_factory=list)
    leaves: list[tuple[bool, bool]] = field(default_factory=list)
    doubles: int = 0
    instances: int = 0
    misses: list[str] = field(default_factory=list)


def load_web(folder: Path, *, only: str = "") -> Iterator[Labelled]:
    """The labelled clips of ``folder``/web."""
    for line in (folder / "web" / "labels.jsonl").read_text().splitlines():
        label = json.loads(line)
        name = f"web/{label['file']}"
        if only in name:
            yield Labelled(name, Clip.open(folder / name, id=name), label)


def judge_web(case: Labelled, evidence: Evidence) -> WebResult:
    """Compare what was measured of a clip with its labels."""
    result = WebResult(case.name)
    _judge_camera(result, case, evidence)
    _judge_events(result, case.label, evidence)
    result.shot_type = case.label["shot_type"], evidence.framing.shot_type
    if result.shot_type[0] != result.shot_type[1]:
        result.misses.append(f"shot type {result.shot_type[0]}, found {result.shot_type[1] or '-'}")
    texts, overlays = bool(evidence.texts), bool(evidence.overlays)
    result.writing = case.label["texts"], texts, overlays
    if case.label["texts"] != (texts or overlays):
        result.misses.append("writing not found" if case.label["texts"] else "no writing there")
    _judge_instances(result, case.label, evidence.instances[:MOST])
    return result


def _judge_camera(result: WebResult, case: Labelled, evidence: Evidence) -> None:
    truth, found = case.camera, evidence.camera.motion
    if truth is None:
        return
    result.camera, result.flipped = score_camera(truth, found), count_flipped(truth, found)
    result.static = judge_static(truth, found)
    if result.camera.false or result.camera.missed or result.static is False:
        result.misses.append(f"camera {sorted(fold(truth))}, found {sorted(found)}")


def _judge_events(result: WebResult, label: dict[str, Any], evidence: Evidence) -> None:
    true = [change["t"] for change in label["transitions"] if change["kind"] in SCORED]
    free = [change["t"] for change in label["transitions"] if change["kind"] not in SCORED]
    found = [shot.start for shot in evidence.shots if shot.transition != "start"]
    found = [t for t in found if not any(abs(t - other) <= EVENT_SECONDS for other in free)]
    result.events = match_times(true, found, EVENT_SECONDS)
    result.has_transition = bool(true), bool(found)
    if result.events.false or result.events.missed:
        result.misses.append(f"transitions {true}, found {found}")


def covering(
    box: Sequence[float], t: float, instances: Sequence[InstanceFacts]
) -> list[tuple[float, InstanceFacts]]:
    """Every instance with its overlap with a box at ``t`` seconds, the best first."""
    row, times = np.array([box]), np.array([t])
    pairs = [(float(iou(row, boxes_at(i.track, times))[0]), i) for i in instances]
    return sorted(pairs, key=lambda pair: -pair[0])


def _judge_instances(
    result: WebResult, label: dict[str, Any], instances: Sequence[InstanceFacts]
) -> None:
    names = Counter(item.class_ for item in instances for _ in range(item.count))
    seen = wanted = 0
    for index, thing in enumerate(label["instances"]):
        if thing["coco"]:
            wanted += 1
            seen += names[thing["coco"]] > 0
            names[thing["coco"]] -= 1
        best = covering(thing["box"], thing["t"], instances)
        overlap = best[0][0] if best else 0.0
        if index == 0:
            result.main, result.main_is_coco = overlap, bool(thing["coco"])
        if overlap >= TOUCHES:
            item = best[0][1]
            result.starts.append((thing["start"], cell_of(item.track[0].box)))
            result.ends.append((thing["end"], cell_of(item.track[-1].box)))
            result.leaves.append((thing["leaves"], item.leaves))
    result.classes = seen, wanted
    result.instances, result.doubles = len(instances), _doubles(label, instances)
    main = f"main {label['instances'][0]['class']} at {result.main:.2f}"
    found = [item.class_ for item in instances]
    if seen < wanted or result.main < COVERS or result.doubles:
        doubles = f", {result.doubles} double" if result.doubles else ""
        result.misses.append(f"{main}, classes {seen} of {wanted}, found {found}{doubles}")


def _doubles(label: dict[str, Any], instances: Sequence[InstanceFacts]) -> int:
    """Instances that are a second one of something that an earlier one is."""
    owner: dict[int, int] = {}
    for number, thing in enumerate(label["instances"]):
        for overlap, item in covering(thing["box"], thing["t"], instances):
            if overlap >= COVERS:
                owner.setdefault(item.id, number)
    taken: set[int] = set()
    count = 0
    for index, item in enumerate(instances):
        number = owner.get(item.id)
        again = number is not None and number in taken
        if again or any(overlaps(item, other) for other in instances[:index]):
            count += 1
        if number is not None:
            taken.add(number)
    return count


def overlaps(one: InstanceFacts, other: InstanceFacts) -> bool:
    """True where two instances cover each other by more than half for most of their time, or one
    lies almost whole in another one of its class."""
    times = np.unique([point.t for item in (one, other) for point in item.track])
    first, second = boxes_at(one.track, times), boxes_at(other.track, times)
    seen = ~np.isnan(first[:, 0]) & ~np.isnan(second[:, 0])
    most = 0.5 * max(min(len(one.track), len(other.track)), 1)
    if float((iou(first, second)[seen] > COVERS).sum()) > most:
        return True
    if one.class_ != other.class_ or max(one.count, other.count) > 1:
        return False
    shared = intersections_of(first[seen], second[seen])
    smaller = np.minimum(*(np.prod(b[seen, 2:] - b[seen, :2], axis=1) for b in (first, second)))
    return float((shared > NESTED * smaller).sum()) > most


def intersections_of(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Shared area of boxes (n, 4), row by row."""
    low, high = np.maximum(first[:, :2], second[:, :2]), np.minimum(first[:, 2:], second[:, 2:])
    return np.asarray(np.prod(np.clip(high - low, 0, None), axis=1))


def summarise_web(results: Sequence[WebResult]) -> dict[str, float | int | None]:
    """The figures over some clips; None where nothing could be scored."""
    camera = sum((r.camera for r in results), Counts())
    events = sum((r.events for r in results), Counts())
    seen, wanted = (sum(r.classes[i] for r in results) for i in (0, 1))
    figures: dict[str, float | int | None] = {
        "clips": len(results),
        "camera_f1": camera.f1,
        "camera_flipped": sum(r.flipped for r in results),
        "static": _mean([r.static for r in results if r.static is not None]),
        "transitions_f1": events.f1,
        "transitions_false": events.false,
        "has_transition": _mean([r.has_transition[0] == r.has_transition[1] for r in results]),
        "shot_type": _mean([r.shot_type[0] == r.shot_type[1] for r in results]),
        "writing": _mean([text or over for r in results for is_, text, over in [r.writing] if is_]),
        "writing_false": sum(text for r in results for is_, text, _ in [r.writing] if not is_),
        "coco_class": seen / wanted if wanted else None,
        "main_iou": _mean([r.main >= COVERS for r in results]),
        "main_iou_coco": _mean([r.main >= COVERS for r in results if r.main_is_coco]),
        "start_cell": _mean([a == b for r in results for a, b in r.starts]),
        "end_cell": _mean([a == b for r in results for a, b in r.ends]),
        "leaves": balanced_accuracy([pair for r in results for pair in r.leaves]),
        "duplicates": sum(r.doubles for r in results) / max(1, sum(r.instances for r in results)),
        "instances": sum(r.instances for r in results),
        "matched": sum(len(r.starts) for r in results),
    }
    return {
        name: round(value, 4) if isinstance(value, float) else value
        for name, value in figures.items()
    }


def _mean(values: Sequence[bool]) -> float | None:
    return float(np.mean(values)) if values else None
