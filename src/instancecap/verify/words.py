"""Claims in words, for a person or for a question."""

from __future__ import annotations

from instancecap.language import en
from instancecap.verify.claims import Claim

_SPOTS = {"left": "on the left", "right": "on the right", "center": "in the center"}
_MOTIONS = {"moving": "moves", "still": "stays still", "in_place": "moves in place"}
_EVENTS = {"enters": "comes into view", "leaves": "leaves the frame"}


def in_words(one: Claim) -> str:
    """What a claim says: *dog moves to the left*."""
    text = _predicate(one)
    who = en.join([mention.text or "it" for mention in one.subject])
    text = f"{who} {text}" if who else text
    return f"not: {text}" if one.negated else text


def _predicate(one: Claim) -> str:
    value = one.value
    time = {"start": " at first", "end": " at last"}.get(one.when, "")
    if one.kind == "camera":
        motion = en.CAMERA_VERBS.get(value)
        return f"the camera {motion or f'is {value}'}"
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
        return f"{_predicate(one.first)} before it {_predicate(one.second)}"
    phrases = {
        "count": f"is a count of {value}",
        "color": f"is {value}",
        "class": f"is {en.article(value)}",
        "presence": "is there",
        "attribute": f"has {value}",
        "motion": _MOTIONS.get(value, value),
    }
    return phrases.get(one.kind) or _EVENTS[one.kind]
