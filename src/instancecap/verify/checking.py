"""Holds any statement against the evidence."""

from __future__ import annotations

from dataclasses import replace

from instancecap.schema.evidence import Evidence
from instancecap.verify import checks_scene as scene
from instancecap.verify import checks_things as things
from instancecap.verify.counting import check_count, check_presence, during
from instancecap.verify.fields import noun_of
from instancecap.verify.matching import Candidates, candidates
from instancecap.verify.seen import Seen
from instancecap.verify.statements import Mention, Statement
from instancecap.verify.verdicts import Verdict, all_of, any_of

Matched = dict[int, Candidates]

EVENTS_APART = 0.3
"""Seconds by which one event must come before the other."""


def check(statement: Statement, evidence: Evidence, matched: Matched) -> Verdict:
    """The verdict on one statement; ``matched`` is evidence by the caption's instance ids."""
    if evidence.video.frames == 1 and statement.kind in ("direction", "motion", "order", "camera"):
        return Verdict()
    of_scene = _check_scene(statement, evidence)
    if of_scene is not None:
        return of_scene.negated() if statement.negated else of_scene
    if statement.kind == "order":
        return _check_order(statement, evidence, matched)
    verdicts = [_check_mention(one, statement, evidence, matched) for one in statement.subject]
    return all_of(verdicts)


def _check_scene(one: Statement, evidence: Evidence) -> Verdict | None:
    if one.kind == "camera":
        return scene.check_camera(one.value, evidence, one.span)
    if one.kind == "shot_type":
        return scene.check_shot_type(one.value, evidence, one.span)
    if one.kind == "shot_angle":
        return scene.check_shot_angle(one.value, evidence)
    if one.kind == "place":
        return scene.check_place(one.value, evidence)
    if one.kind == "time_of_day":
        return scene.check_time_of_day(one.value, evidence)
    return None


def _check_mention(
    mention: Mention, statement: Statement, evidence: Evidence, matched: Matched
) -> Verdict:
    if statement.kind == "count" and mention.noun is not None:
        return _check_count(mention, statement, evidence, matched)
    if statement.kind == "presence" and mention.instance is None and mention.noun is not None:
        there = during(evidence, statement.span)
        return check_presence(mention.noun, there, negated=statement.negated)
    found = candidates(mention, evidence, matched, by_color=statement.kind != "color")
    verdicts = [
        _check_thing(statement, Seen.of(item, evidence, statement.span)) for item in found.items
    ]
    if mention.number == len(verdicts) > 1:
        return all_of(verdicts)
    return any_of(verdicts, certain=found.certain)


def _check_count(
    mention: Mention, statement: Statement, evidence: Evidence, matched: Matched
) -> Verdict:
    """A group of the caption against its own evidence, else against all of the kind."""
    assert mention.noun is not None
    number = int(statement.value)
    found = matched.get(mention.instance) if mention.instance is not None else None
    item = found.items[0] if found is not None else None
    if item is not None and item.count == number:
        return Verdict(
            "supported",
            item.confidence,
            f"there are {item.count}",
            [round(point.t, 3) for point in item.track[:1]],
            item.count,
        )
    if mention.instance is not None and not statement.is_structured and number == 1:
        return Verdict()
    there = during(evidence, statement.span)
    verdict = check_count(mention.noun, number, there, complete=statement.complete)
    if statement.negated:
        verdict = verdict.negated()
    return verdict


def _check_thing(statement: Statement, seen: Seen) -> Verdict:
    kind, value, negated = statement.kind, statement.value, statement.negated
    if not len(seen.times):
        return Verdict()
    if kind in ("class", "presence"):
        verdict = things.check_class(noun_of(value), seen)
    elif kind == "color":
        verdict = things.check_color(value, seen)
    elif kind == "position":
        verdict = things.check_position(value, statement.when, seen)
    elif kind in ("enters", "leaves"):
        if statement.span is not None:
            return Verdict()
        return things.check_presence_in_time(kind, seen, negated=negated)
    elif kind == "motion":
        verdict = things.check_motion(value, seen)
    elif kind == "direction":
        verdict = things.check_direction(value, seen)
    else:
        verdict = Verdict()
    return verdict.negated() if negated else verdict


def _check_order(statement: Statement, evidence: Evidence, matched: Matched) -> Verdict:
    """Whether what is said to come first does, where each happens for sure and once."""
    first, second = statement.first, statement.second
    assert first is not None and second is not None
    times = []
    for one in (first, second):
        if len(one.subject) != 1 or check(one, evidence, matched).support != "supported":
            return Verdict()
        found = candidates(one.subject[0], evidence, matched).items
        if len(found) != 1:
            return Verdict()
        times.append(_time_of(one, Seen.of(found[0], evidence, statement.span)))
    if abs(times[0] - times[1]) < EVENTS_APART:
        return Verdict()
    words = [f"{_event(one)} at {t:.1f} s" for one, t in zip((first, second), times, strict=True)]
    verdict = Verdict("supported", 0.7, ", ".join(words), sorted(round(t, 3) for t in times))
    return verdict if times[0] < times[1] else replace(verdict, support="contradicted")


def _time_of(one: Statement, seen: Seen) -> float:
    if one.kind == "enters":
        return float(seen.times[0])
    if one.kind == "leaves":
        return float(seen.times[-1])
    ways = [way for way in one.value.split("_") if way in ("left", "right", "up", "down")]
    return max((seen.excursion(way)[1] for way in ways), default=float(seen.times[0]))


def _event(one: Statement) -> str:
    what = one.subject[0].text or "it"
    return f"{what} {one.kind}" if one.kind != "direction" else f"{what} goes {one.value}"
