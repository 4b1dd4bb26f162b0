"""Every measured fact of a labelled clip, its kind, and whether it is right."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import Result
from benchmarks.scoring import cell_of
from benchmarks.truth import Case
from benchmarks.web import COVERS, EVENT_SECONDS, MOST, SCORED, TOUCHES, Labelled, covering
from instancecap.captioners.measured.conduct import WAYS, seen_direction
from instancecap.captioners.measured.content_selection import is_named, is_reliable
from instancecap.evals.camera import FOLD, OPPOSITE, fold
from instancecap.evidence import reliability
from instancecap.evidence.reliability import BINS, Tally
from instancecap.schema.evidence import CameraFacts, Evidence, InstanceFacts
from instancecap.schema.tracks import CELLS

PATH = Path(reliability.__file__).with_name("reliability.json")

LIGHT = {"daylight": "day", "night": "night"}


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact that was measured."""

    kind: str
    confidence: float
    right: bool


def web_facts(case: Labelled, evidence: Evidence) -> Iterator[Fact]:
    """The facts of a web clip that its labels can judge."""
    label = case.label
    if case.camera is not None:
        yield from _camera_facts(case.camera, evidence)
    yield from _shot_facts(label["transitions"], evidence)
    said = {
        "shot_type": (evidence.framing.shot_type, evidence.framing.confidence),
        "shot_angle": (evidence.framing.shot_angle, evidence.framing.confidence),
        "place": (evidence.place.label, evidence.place.confidence),
        "time_of_day": (evidence.light.time_of_day, evidence.light.confidence),
        "style": (evidence.framing.style, 0.5),
    }
    true = label | {"time_of_day": LIGHT.get(label["light"], ""), "style": label["kind"]}
    if len(evidence.shots) > 1:
        del said["shot_type"]  # captions tell that of one shot only
    for kind, (word, sure) in said.items():
        if word not in ("", "unknown") and true[kind] not in ("", "unknown"):
            yield Fact(kind, sure, word == true[kind])
    instances = evidence.instances[:MOST]
    best: dict[int, tuple[float, dict[str, Any], InstanceFacts]] = {}
    for thing in label["instances"]:
        for overlap, item in covering(thing["box"], thing["t"], instances)[:1]:
            if overlap >= max(TOUCHES, best.get(item.id, (0.0,))[0]):
                best[item.id] = overlap, thing, item
    for overlap, thing, item in best.values():
        one_shot = len(evidence.shots) == 1
        yield from _instance_facts(thing, item, overlap, evidence.camera, one_shot=one_shot)


def _instance_facts(
    thing: dict[str, Any],
    item: InstanceFacts,
    overlap: float,
    camera: CameraFacts,
    *,
    one_shot: bool,
) -> Iterator[Fact]:
    sure = item.confidence
    yield Fact("start_cell", sure, cell_of(item.track[0].box) == thing["start"])
    yield Fact("end_cell", sure, cell_of(item.track[-1].box) == thing["end"])
    yield Fact("leaves" if item.leaves else "stays", sure, item.leaves == thing["leaves"])
    yield Fact("moving" if item.motion.moving else "still", sure,
               item.motion.moving == thing["moving"])  # fmt: skip
    cells = thing["start"], thing["end"]
    if one_shot:  # of several, captions tell it shot by shot
        yield from _direction_facts(item, camera, *cells, moving=thing["moving"])
    if overlap >= COVERS:
        if item.class_ != "object":
            yield Fact("class", sure, item.class_ in (thing["coco"], thing["class"]))
        told = is_named(item, is_reliable)
        for name, share in item.colors if told else []:
            yield Fact("color", share, name in thing["colors"])


def _direction_facts(
    item: InstanceFacts, camera: CameraFacts, start: str, end: str, *, moving: bool = True
) -> Iterator[Fact]:
    """The way that captions state, by the cells in which the instance starts and ends: where they
    differ along it, or the labels say that nothing moves."""
    way = seen_direction(item, camera)
    if not item.motion.moving or not way:
        return
    before, after = CELLS.index(start), CELLS.index(end)  # type: ignore[arg-type]
    steps = after % 3 - before % 3, after // 3 - before // 3
    along = sum(one * step for one, step in zip(WAYS[way], steps, strict=True))
    if along or not moving:
        yield Fact("direction", item.confidence, moving and along > 0)


def _camera_facts(truth: Iterable[str], evidence: Evidence) -> Iterator[Fact]:
    true, sure = fold(truth), evidence.camera.confidence
    for word in evidence.camera.motion:
        turn = FOLD.get(word, word)
        opposite = OPPOSITE.get(turn, "")
        if turn == "static" or opposite:
            axis = turn.split("_")[0]
            yield Fact(f"camera.{axis}", sure, bool({turn, opposite} & true))
            if word.startswith("move"):
                yield Fact("camera.travel", sure, bool({turn, opposite} & true))
            if {turn, opposite} & true:
                yield Fact("camera.direction", sure, turn in true)


def _shot_facts(changes: Sequence[dict[str, Any]], evidence: Evidence) -> Iterator[Fact]:
    true = [change["t"] for change in changes if change["kind"] in SCORED]
    free = [change["t"] for change in changes if change["kind"] not in SCORED]
    found = [shot.start for shot in evidence.shots if shot.transition != "start"]
    found = [t for t in found if not any(abs(t - other) <= EVENT_SECONDS for other in free)]
    for t in found:
        yield Fact("transition", 1.0, any(abs(t - other) <= EVENT_SECONDS for other in true))
    if not found:
        yield Fact("single_shot", 1.0, not true)


def clip_facts(case: Case, result: Result, evidence: Evidence) -> Iterator[Fact]:
    """The facts of a clip of the other labelled sets that its truth can judge."""
    if case.truth.camera is not None:
        yield from _camera_facts(case.truth.camera, evidence)
    if case.truth.transitions is not None and not any(c.optional for c in case.truth.transitions):
        changes = [{"t": (c.start + c.end) / 2, "kind": c.kind} for c in case.truth.transitions]
        yield from _shot_facts(changes, evidence)
    sure = {"place": evidence.place.confidence, "time_of_day": evidence.light.confidence}
    for kind, pairs in result.words.items():
        for true, found in pairs:
            if found not in ("", "unknown"):
                yield Fact(kind, sure.get(kind, evidence.framing.confidence), true == found)
    for thing in result.objects:
        confidence = min((item.confidence for item in thing.found), default=0.0)
        if thing.found:
            for kind, (true, found) in zip(("start_cell", "end_cell"), thing.cells, strict=True):
                yield Fact(kind, confidence, true == found)
            start, end = (true for true, _ in thing.cells)
            yield from _direction_facts(thing.found[0], evidence.camera, start, end)
            entered, left = thing.enters, thing.leaves
            if entered[1]:
                yield Fact("enters", confidence, entered[0])
            yield Fact("leaves" if left[1] else "stays", confidence, left[0] == left[1])
            named = [item for item in thing.found if item.class_ != "object"]
            if len(thing.found) == 1 and named and result.main_class is not None:
                yield Fact("class", confidence, result.main_class == "right")


def count_facts(facts: Iterable[Fact]) -> dict[str, list[Tally]]:
    """Per kind one tally a bin of confidence."""
    kinds: dict[str, list[Tally]] = {}
    for fact in facts:
        bins = kinds.setdefault(fact.kind, [Tally() for _ in BINS])
        index = sum(fact.confidence >= low for low in BINS[1:])
        bins[index] = Tally(bins[index].right + fact.right, bins[index].n + 1)
    return dict(sorted(kinds.items()))


def reliability_table(kinds: dict[str, list[Tally]]) -> str:
    """A line a kind: right of all, and of every bin of confidence."""
    heads = [f"{low:g}-" for low in BINS]
    lines = [f"{'kind of fact':<20}{'right':>12}" + "".join(f"{head:>10}" for head in heads)]
    for kind, bins in kinds.items():
        total = Tally(sum(b.right for b in bins), sum(b.n for b in bins))
        cells = "".join(f"{f'{b.right}/{b.n}' if b.n else '-':>10}" for b in bins)
        lines.append(f"{kind:<20}{f'{total.precision:.2f} of {total.n}':>12}{cells}")
    return "\n".join(lines)


def write_reliability(kinds: dict[str, list[Tally]], *, clips: int, expert: str = "") -> None:
    """Write the figures that the package reads: of the embedded experts, or of a chosen one."""
    rows = {kind: [[b.right, b.n] for b in bins] for kind, bins in kinds.items()}
    report = json.loads(PATH.read_text(encoding="utf-8"))
    if expert:
        report["experts"][expert] = rows
    else:
        report |= {"clips": clips, "bins": list(BINS), "kinds": rows}
    lines = json.dumps(report).replace(': {"', ': {\n  "').replace("]], ", "]],\n  ")
    PATH.write_text(lines.replace("]]}", "]]\n}") + "\n")
