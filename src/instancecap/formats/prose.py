"""Structured values as plain prose, and back out of it where it says nothing else.

Other formats have one text where a caption has words of a vocabulary. The phrases are those that
the measured captioner writes, so that its texts are understood too.
"""

from __future__ import annotations

import re
from itertools import product
from typing import get_args

from instancecap.formats.fields import sentences
from instancecap.schema.caption import Camera, Instance, Position
from instancecap.schema.vocabulary import Cell, Primitive

WHERE: dict[str, tuple[str, str]] = {
    "top-left": ("at", "the top left"),
    "top-middle": ("at", "the top"),
    "top-right": ("at", "the top right"),
    "center-left": ("on", "the left"),
    "center-middle": ("in", "the center"),
    "center-right": ("on", "the right"),
    "bottom-left": ("at", "the bottom left"),
    "bottom-middle": ("at", "the bottom"),
    "bottom-right": ("at", "the bottom right"),
}
MOVES: dict[str, tuple[str, str]] = {
    "pan_left": ("pans left", r"pan\w* (?:\w+ )?(?:to (?:the|its) )?left"),
    "pan_right": ("pans right", r"pan\w* (?:\w+ )?(?:to (?:the|its) )?right"),
    "tilt_up": ("tilts up", r"tilt\w* (?:\w+ )?up"),
    "tilt_down": ("tilts down", r"tilt\w* (?:\w+ )?down"),
    "roll_cw": ("rolls clockwise", r"(?:roll|rotat)\w* clockwise"),
    "roll_ccw": ("rolls counterclockwise", r"(?:roll|rotat)\w* (?:counter|anti)-?clockwise"),
    "zoom_in": ("zooms in", r"zoom\w* (?:\w+ )?in\b"),
    "zoom_out": ("zooms out", r"zoom\w* (?:\w+ )?out\b"),
    "move_in": ("moves forward", r"(?:mov|dolly|dolli|push|track)\w* (?:\w+ )?(?:forward|in\b)"),
    "move_out": ("moves back", r"(?:mov|dolly|dolli|pull|track)\w* (?:\w+ )?(?:back|out\b)"),
    "move_left": ("moves left", r"(?:mov|truck|slid|track)\w* (?:\w+ )?(?:to the )?left"),
    "move_right": ("moves right", r"(?:mov|truck|slid|track)\w* (?:\w+ )?(?:to the )?right"),
    "move_up": ("moves up", r"(?:mov|boom|crane|pedestal)\w* (?:\w+ )?up|\brises"),
    "move_down": ("moves down", r"(?:mov|boom|crane|pedestal)\w* (?:\w+ )?down|\bdescends"),
    "arc_cw": ("arcs clockwise", r"(?:arc|orbit|circl)\w* clockwise"),
    "arc_ccw": ("arcs counterclockwise", r"(?:arc|orbit|circl)\w* (?:counter|anti)-?clockwise"),
    "tracking": (
        "follows the subject",
        r"follow|tracking|tracks (?:the|a|an)\b|, keeping .* in the",
    ),
    "shaky": ("shakes", r"shakes|is shaking"),
    "static": ("is static", r"static|stationary|stays (?:still|in place)|does not move|locked"),
}
"""A primitive as a verb, and a pattern of what is written for it."""

PACE = {"slow": "slowly", "moderate": "steadily", "fast": "quickly"}
PACES = {"slow": r"slow", "moderate": r"moderate|steadily", "fast": r"fast|quick|rapid"}
STEADINESS = {"stable": "steady", "handheld": "slightly unsteady", "shaky": "shaky"}
STEADY = {
    "handheld": r"slightly unsteady|hand-?held",
    "shaky": r"shaky (?:picture|camera)|picture is shaky",
    "stable": r"picture is steady|stays still|steady camera|stable",
}
NEGATED = re.compile(r"\b(?:no|not|without|never|n't|neither)\b")
SHOTS = {
    "extreme_close_up": "extreme close-up",
    "close_up": "close-up",
    "medium_shot": "medium shot",
    "full_shot": "full shot",
    "long_shot": "long shot",
}
ANGLES = {
    "eye_level": "eye level",
    "high_angle": "high angle",
    "low_angle": "low angle",
    "overhead": "overhead angle",
}
VIEWS = {
    "front_view": "front view",
    "back_view": "back view",
    "side_view": "side view",
    "over_the_shoulder": "over-the-shoulder view",
    "overhead_view": "overhead view",
    "point_of_view": "point-of-view shot",
    "aerial_view": "aerial view",
    "overlooking_view": "overlooking view",
}


def _position(start: str, end: str, enters: bool, leaves: bool) -> str:
    """Where a thing is over time; empty where nothing is known."""
    parts: list[str] = []
    at_start, at_end = (" ".join(WHERE[cell]) if cell else "" for cell in (start, end))
    if enters:
        parts.append(f"comes into view {at_start} of the frame" if start else "comes into view")
        if end:
            there = f"goes to {WHERE[end][1]}" if start else f"is last seen {at_end} of the frame"
            parts.append("is last seen there" if start == end else there)
    elif start and end:
        moves = f"from {WHERE[start][1]} of the frame to {WHERE[end][1]}"
        parts.append(f"{at_start} of the frame throughout" if start == end else moves)
    elif start or end:
        parts.append(f"first {at_start} of the frame" if start else f"last {at_end} of the frame")
    if leaves:
        parts.append("leaves the frame")
    return ", then ".join(parts)


_CELLS = ("", *get_args(Cell))
_POSITIONS = {
    _position(*values): values
    for values in product(_CELLS, _CELLS, (False, True), (False, True))
    if any(values)
}
_POSITIONS |= {
    f"starts and ends {' '.join(WHERE[cell])} of the frame{tail}": (cell, cell, False, bool(tail))
    for cell, tail in product(get_args(Cell), ("", ", then leaves the frame"))
}


def position_prose(position: Position) -> str:
    """The position's text, or its cells in words."""
    return position.text or _position(
        position.start, position.end, position.enters, position.leaves
    )


def read_position(text: str) -> Position:
    """The text, and its cells where it is one of the phrases that name them."""
    values = _POSITIONS.get(text.strip().removesuffix(".").casefold())
    if values is None:
        return Position(text=text)
    start, end, enters, leaves = values
    return Position.model_validate(
        {"text": text, "start": start, "end": end, "enters": enters, "leaves": leaves}
    )


def camera_prose(camera: Camera) -> str:
    """The camera's description, or how it moves in words."""
    if camera.description:
        return camera.description
    picture = STEADINESS.get(camera.stability, "")
    if not camera.motion:
        return f"The picture is {picture}." if picture else ""
    if camera.motion == ["static"]:
        if camera.stability == "stable":
            return "The camera stays still."
        tail = f"; the picture is {picture}" if picture else ""
        return f"The camera is static{tail}."
    pace = f"{PACE[camera.speed]} " if camera.speed else ""
    verbs = [MOVES[move][0] for move in camera.motion]
    moves = " and ".join(part for part in (", ".join(verbs[:-1]), verbs[-1]) if part)
    return f"The camera {pace}{moves}{f'; the picture is {picture}' if picture else ''}."


def read_camera(text: str) -> Camera:
    """The text, and the movements, pace and steadiness that it names.

    A sentence with a negation is not looked at.
    """
    clauses = re.split(r"(?<=[.;!?])\s+", text.casefold())
    said = " ".join(one for one in clauses if not NEGATED.search(one) or "does not move" in one)
    places: dict[str, int] = {}
    for primitive in get_args(Primitive):
        if match := re.search(MOVES[primitive][1], said):
            places[primitive] = match.start()
    if len(places) > 1:
        places.pop("static", None)
    speed = [pace for pace, words in PACES.items() if re.search(words, said)]
    steady = [word for word, words in STEADY.items() if re.search(words, said)]
    moves = bool(places) and "static" not in places
    return Camera.model_validate(
        {
            "description": text,
            "motion": sorted(places, key=places.__getitem__),
            "speed": speed[0] if len(speed) == 1 and moves else "",
            "stability": steady[0] if steady else "",
        }
    )


def shot_prose(camera: Camera) -> str:
    """How the shot is framed, such as ``Long shot, eye level``; empty where nothing is known."""
    parts = (
        SHOTS.get(camera.shot_type, ""),
        ANGLES.get(camera.shot_angle, ""),
        VIEWS.get(camera.shot_position, ""),
    )
    text = ", ".join(part for part in parts if part)
    return text[:1].upper() + text[1:]


_SHOT_WORDS = {
    words: (name, word)
    for name, table in (("shot_type", SHOTS), ("shot_angle", ANGLES), ("shot_position", VIEWS))
    for word, words in table.items()
}
_LAST_SENTENCE = re.compile(r"(?:^|(?<=[.!?。！？…]) )([^.!?。！？…]+)\.$")


def read_shot(text: str) -> dict[str, str] | None:
    """The words that :func:`shot_prose` wrote, by field; None where the text says anything else."""
    found = [_SHOT_WORDS.get(part.strip()) for part in text.casefold().split(",")]
    known = dict(one for one in found if one is not None)
    return known if len(known) == len(found) else None


def filming_prose(camera: Camera) -> str:
    """Movement, then framing as a last sentence of its own."""
    shot = shot_prose(camera)
    return sentences([camera_prose(camera), f"{shot}."]) if shot else camera_prose(camera)


def read_filming(text: str) -> Camera:
    """Undo :func:`filming_prose`; any other text is the description."""
    last = _LAST_SENTENCE.search(text)
    framing = read_shot(last.group(1)) if last else None
    if last is None or framing is None:
        return read_camera(text)
    camera = read_camera(text[: last.start()])
    return camera.model_copy(update=framing)


def instance_prose(instance: Instance) -> str:
    """All that is said of an instance, as sentences that begin with a capital letter."""
    where = position_prose(instance.position)
    if where.split(" ")[0] in ("in", "at", "on", "from", "near", "first", "last"):
        where = f"Seen {where}"
    parts = (
        instance.appearance or instance.class_,
        instance.action,
        instance.expression,
        where,
    )
    return sentences(f"{capital(part)}." if part[-1:].isalnum() else part for part in parts if part)


def capital(text: str) -> str:
    """``text`` with a capital first letter."""
    return text[:1].upper() + text[1:]
