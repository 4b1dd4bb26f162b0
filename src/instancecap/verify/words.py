"""Statements in words, for a person or for a question."""

from __future__ import annotations

from instancecap.language import en
from instancecap.verify.statements import Statement

_SPOTS = {"left": "on the left", "right": "on the right", "center": "in the center"}
_MOTIONS = {"moving": "moves", "still": "stays still", "in_place": "moves in place"}
_EVENTS = {"enters": "comes into view", "leaves": "leaves the frame"}


def in_words(one: Statement) -> str:
    """What a statement says: *dog moves to the left*."""
    said = _said(one)
    who = en.join([mention.text or "it" for mention in one.subject])
    said = f"{who} {said}" if who else said
    return f"not: {said}" if one.negated else said


def _said(one: Statement) -> str:
    value = one.value
    time = {"start": " at first", "end": " at last"}.get(one.when, "")
    if one.kind == "camera":
        motion = en.CAMERA_VERBS.get(value)
        other = {"static": "stays still", "tracking": "follows the subject"}.get(value)
        return f"the camera {motion or other or f'is {value}'}"
    if one.kind in ("shot_type", "shot_angle", "time_of_day", "place"):
        return value.replace("_", " ")
    if one.kind == "direction":
        depth = {"toward": "comes closer", "away": "goes away"}
        return depth.get(value) or f"moves {en.DIRECTIONS.get(value, value)}"
    if one.kind == "position":
        cell = en.IN_CELLS.get(value)
        return f"is {cell or _SPOTS.get(value) or f'at the {value}'}{time}"
    if one.kind == "order":
        assert one.first is not None and one.second is not None
        return f"{_said(one.first)} before it {_said(one.second)}"
    phrases = {
        "count": f"is a count of {value}",
        "color": f"is {value}",
        "class": f"is {en.article(value)}",
        "presence": "is there",
        "motion": _MOTIONS.get(value, value),
    }
    return phrases.get(one.kind) or _EVENTS[one.kind]
