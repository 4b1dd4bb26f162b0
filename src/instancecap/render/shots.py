"""How a clip is filmed and lit, in words."""

from __future__ import annotations

import re

from instancecap.render.english import (
    article,
    has_verb,
    is_noun_phrase,
    join,
    lower_first,
    phrase,
    sentence,
    sentences,
    verb_form,
)
from instancecap.render.lexicon import lexicon
from instancecap.schema.caption import Camera

TYPES = {
    "extreme_close_up": "extreme close-up",
    "close_up": "close-up",
    "medium_shot": "medium shot",
    "full_shot": "full shot",
    "long_shot": "long shot",
}
ANGLES = {
    "eye_level": "at eye level",
    "high_angle": "from a high angle",
    "low_angle": "from a low angle",
    "overhead": "from overhead",
}
ANGLE_TAGS = {
    "eye_level": "eye level",
    "high_angle": "high angle",
    "low_angle": "low angle",
    "overhead": "overhead",
}
VIEWS = {
    "front_view": "from the front",
    "back_view": "from behind",
    "side_view": "from the side",
    "over_the_shoulder": "over the shoulder",
    "overhead_view": "from overhead",
    "point_of_view": "from a first-person point of view",
    "aerial_view": "from the air",
    "overlooking_view": "from above",
}
VIEW_TAGS = {name: name.replace("_", " ") for name in VIEWS} | {"point_of_view": "point of view"}
TIMES = {"day": "by day", "night": "at night", "dawn_or_dusk": "at dawn or dusk"}
TIME_TAGS = {"day": "daytime", "night": "night", "dawn_or_dusk": "dawn or dusk"}
MOVES = {
    "pan_left": "pans left",
    "pan_right": "pans right",
    "tilt_up": "tilts up",
    "tilt_down": "tilts down",
    "roll_cw": "rolls clockwise",
    "roll_ccw": "rolls counterclockwise",
    "zoom_in": "zooms in",
    "zoom_out": "zooms out",
    "move_in": "moves forward",
    "move_out": "moves back",
    "move_left": "moves left",
    "move_right": "moves right",
    "move_up": "moves up",
    "move_down": "moves down",
    "arc_cw": "arcs clockwise around the subject",
    "arc_ccw": "arcs counterclockwise around the subject",
    "tracking": "follows the subject",
}
MOVE_TAGS = {name: name.replace("_", " ") for name in MOVES} | {
    "roll_cw": "clockwise roll",
    "roll_ccw": "counterclockwise roll",
    "arc_cw": "clockwise arc",
    "arc_ccw": "counterclockwise arc",
    "tracking": "tracking shot",
    "static": "static camera",
    "shaky": "shaky camera",
}
_MEASURED_LIGHT = re.compile(
    r"A (?:(bright|dark) )?picture(?: of medium brightness)?(?: with ([^;]+?))?"
    r"(, growing (?:brighter|darker))?"
)


_SCENE = re.compile(r"(?:The setting is )?an? (?:in|out)door scene\b")
_PAINT = re.compile(r", ([a-z]+(?:(?:, [a-z]+)* and [a-z]+)?)(?=\.?$)")
_COUNTABLE = re.compile(
    r"\b(?:zoom|pan|tilt|push|pull|dolly|arc|orbit|crane|roll|truck|move|turn)\b"
)


def shot_phrase(kind: str, angle: str, view: str) -> str:
    """*full shot at eye level, seen from the front*; empty where nothing is known."""
    size, height, side = TYPES.get(kind, ""), ANGLES.get(angle, ""), VIEWS.get(view, "")
    if side == height:
        side = ""
    looks = f"seen {side}" if side and height else side
    parts = [size or ("shot" if height or side else ""), height]
    head = " ".join(part for part in parts if part)
    return f"{head}{',' if height else ''} {looks}" if looks else head


def is_scene(text: str) -> bool:
    """Whether it is *an indoor scene …* or *an outdoor scene …*."""
    return _SCENE.match(text) is not None


def setting(text: str, time: str = "") -> str:
    """*an outdoor scene, white and green* as *an outdoor scene by day, in white and green*."""
    found = _SCENE.match(text)
    if found is None:
        return f"{text}, {time}" if time else text
    scene, paint = found[0], text[found.end() :]
    colors = _PAINT.match(paint)
    if colors and set(re.findall("[a-z]+", colors[1])) <= lexicon("colors") | {"and"}:
        paint = f"{',' if time else ''} in {colors[1]}{paint[colors.end() :]}"
    elif paint.startswith(" in ") and time:
        paint = f",{paint}"
    return f"{scene}{f' {time}' if time else ''}{paint}"


def camera_sentences(camera: Camera, motion: bool = True) -> list[str]:
    """The camera's movement: the caption's own words, else its primitives in words."""
    if not motion:
        return []
    said = list(sentences(camera.description))
    if said:
        return [_camera_sentence(one) for one in said]
    if camera.motion == ["static"]:
        return ["The camera stays still."]
    moves = [MOVES[word] for word in camera.motion if word in MOVES]
    pace = {"slow": "slowly ", "fast": "quickly "}.get(camera.speed, "")
    unsteady = camera.stability == "shaky" or "shaky" in camera.motion
    shake = "shaky" if unsteady else {"handheld": "slightly unsteady"}.get(camera.stability, "")
    if moves:
        tail = f"; the picture is {shake}" if shake else ""
        return [f"The camera {pace}{join(moves)}{tail}."]
    return [f"The picture is {shake}."] if shake else []


def _camera_sentence(text: str) -> str:
    low, form = text.lower(), verb_form(text)
    if "camera" in low or "shot" in low or (form == "sentence" and not is_noun_phrase(text)):
        if (is_noun_phrase(phrase(text)) and not low.startswith("the camera")) or (
            low.startswith("static") and form == "other"
        ):
            return sentence(f"The camera work is {lower_first(phrase(text))}")
        return sentence(text)
    if form == "finite":
        return sentence(f"The camera {text[:1].lower()}{text[1:]}")
    if form == "gerund":
        return sentence(f"The camera is {text[:1].lower()}{text[1:]}")
    if low.rstrip(".") in ("static", "fixed", "still", "stationary", "steady", "handheld"):
        return sentence(f"The camera is {low}")
    bare = f"{text[:1].lower()}{text[1:]}"
    countable = _COUNTABLE.search(" ".join(bare.split()[:3])) is not None
    return sentence(f"The camera movement is {article(bare) if countable else bare}")


def lighting_sentences(text: str) -> list[str]:
    """The light, as sentences; a bare phrase becomes one."""
    said = list(sentences(text))
    return [_light_sentence(one) for one in said]


def _light_sentence(text: str) -> str:
    bare = phrase(text)
    if found := _MEASURED_LIGHT.fullmatch(bare):
        level, details, change = found.groups()
        words = f"The lighting is {level or 'of medium brightness'}"
        return sentence(f"{words}{f', with {details}' if details else ''}{change or ''}")
    form = verb_form(bare)
    if form == "sentence" and not is_noun_phrase(bare):
        return sentence(text)
    if bare.lower().startswith(("lit ", "illuminated ")):
        return sentence(f"The scene is {lower_first(bare)}")
    if has_verb(bare):
        return sentence(text)
    return sentence(f"The lighting is {bare[:1].lower()}{bare[1:]}")
