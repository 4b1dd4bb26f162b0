"""Measured content in plain English."""

from __future__ import annotations

from collections.abc import Sequence

from instancecap.captioners.measured.content_selection import (
    FEW,
    Area,
    Conduct,
    Name,
    Side,
    Size,
)
from instancecap.captioners.measured.scene_selection import Light, Scene
from instancecap.language import en
from instancecap.language.en import sentence
from instancecap.schema.vocabulary import Primitive

SIDES: dict[Side, str] = {"left": "on the left", "middle": "in the middle", "right": "on the right"}

SIZES: dict[Size, str] = {
    "small": "small in the frame",
    "third": "about a third as high as the frame",
    "half": "about half as high as the frame",
    "most": "more than half as high as the frame",
    "tall": "nearly as high as the frame",
    "large": "large in the frame",
    "filling": "filling most of the frame",
}


def _noun_phrase(name: Name) -> str:
    """*person in blue*, *red car*, *three dogs*; without an article."""
    noun = name.class_ if name.count == 1 else en.plural(name.class_)
    colors = en.join(name.colors)
    if not colors:
        return noun
    return f"{noun} in {colors}" if name.class_ == "person" else f"{colors} {noun}"


def name_phrase(name: Name) -> str:
    """What an instance is called: *the person in blue on the left*, *the second dog*."""
    phrase = _noun_phrase(name)
    if name.count > FEW:
        phrase = f"group of {phrase}"
    elif name.count > 1:
        phrase = f"{en.count_word(name.count)} {phrase}"
    order = f"{en.ordinal(name.number)} " if name.number else ""
    return f"the {order}{phrase}{f' {SIDES[name.side]}' if name.side else ''}"


def introduce(name: Name) -> str:
    """An instance when it is first named: *a person in blue on the left*, *another dog*."""
    phrase, number = _noun_phrase(name), max(1, name.number)
    if name.count > FEW:
        phrase = f"{'a' if number == 1 else 'another'} group of {phrase}"
    elif name.count > 1:
        phrase = f"{en.count_word(name.count)}{' other' * (number > 1)} {phrase}"
    elif number == 1:
        phrase = en.article(phrase)
    else:
        phrase = f"{en.ANOTHER[number - 1] if number <= len(en.ANOTHER) else 'one more'} {phrase}"
    return f"{phrase}{f' {SIDES[name.side]}' if name.side else ''}"


def appearance_sentence(name: Name, size: Size) -> str:
    """Colors and size; empty where neither is known."""
    looks = introduce(Name(class_=name.class_, count=name.count, colors=name.colors))
    if size:
        return sentence(f"{looks}, {SIZES[size]}")
    return sentence(looks) if name.colors else ""


def action_phrase(did: Conduct, *, count: int) -> str:
    """What an instance does: *enters from the left and moves to the right*; may be empty."""
    parts = []
    if did.enters:
        parts.append(f"enters from the {did.entry}" if did.entry else "comes into view")
    if did.direction:
        parts.append(f"moves {en.DIRECTIONS[did.direction]}")
    if did.depth:
        parts.append("comes closer" if did.depth == "toward" else "moves away")
    if did.faces_camera:
        parts.append("faces the camera")
    if did.leaves:
        parts.append(f"leaves the frame at the {did.exit}" if did.exit else "goes out of view")
    return en.join([_agree(part, count) for part in parts])


def _agree(phrase: str, count: int) -> str:
    """The verb phrase of one instance or, without the *s* of its verb, of two or three."""
    verb, _, rest = phrase.partition(" ")
    if 1 < count <= FEW:
        verb = "go" if verb == "goes" else verb.removesuffix("s")
    return f"{verb} {rest}"


def action_sentence(did: Conduct, *, count: int) -> str:
    """What an instance does, as a sentence; empty where nothing is stated."""
    return sentence(action_phrase(did, count=count))


def position_phrase(did: Conduct) -> str:
    """Where an instance is: *on the left of the frame*, *from the left of the frame to the top*."""
    if not did.start or did.stays:
        return _in_area(did.start)
    if not did.end:
        return f"at first {_in_area(did.start)}"
    start, end = (
        en.OFF_CENTER.get(area) or en.CELLS.get(area, "") for area in (did.start, did.end)
    )
    if "" in (start, end):
        return f"first {_in_area(did.start)}, then {_in_area(did.end)}"
    middle, last = (
        "" if area in en.OFF_CENTER else " of the frame" for area in (did.start, did.end)
    )
    text = f"from {start}{middle} to {end}{'' if middle else last}"
    return f"{text}, then out of view" if did.leaves else text


def located(name: Name, did: Conduct) -> str:
    """An instance that does nothing, with the place where it stays: *a dog in the center*."""
    there = _in_area(did.start) if did.stays and not name.side else ""
    return " ".join(filter(None, (introduce(name), there)))


def _in_area(area: Area) -> str:
    if not area:
        return ""
    if area == "whole":
        return "across much of the frame"
    return en.OFF_CENTER.get(area) or f"{en.IN_CELLS[area]} of the frame"


# The whole picture -------------------------------------------------------------------------------


def events_sentence(scene: Scene, acting: Sequence[tuple[str, str]], others: Sequence[str]) -> str:
    """What happens: who does what, and who else is there."""
    setting = _setting(scene)
    clauses = [f"{subject} {action}" for subject, action in acting]
    text = f"{clauses[0]}, while {en.join(clauses[1:])}" if clauses[1:] else "".join(clauses)
    if not acting:
        text = f"the clip shows {en.join(others)}"
    text = sentence(f"{setting}, {text}" if setting else text)
    return f"{text} The clip also shows {en.join(others)}." if acting and others else text


def picture_sentence(introductions: Sequence[str]) -> str:
    """What a still picture shows."""
    return sentence(f"the picture shows {en.join(introductions)}")


def shots_sentence(count: int, introductions: Sequence[str]) -> str:
    """What a clip of several shots shows; ``count`` is 0 where it is not sure."""
    shots = f"the clip has {en.count_word(count)} shots" if count else "the clip"
    shows = f"{' and' * bool(count)} shows {en.join(introductions)}" if introductions else ""
    return sentence(shots + shows) if count or introductions else ""


def unnamed_sentence(scene: Scene, stages: Sequence[Sequence[Primitive]], *, static: bool) -> str:
    """That a clip shows nothing that could be named, and how the camera moves."""
    text = f"a mostly {scene.color} scene" if scene.color else "a scene"
    if scene.texts:
        text = f"{text} with the text {_quoted(scene.texts)}"
    text = f"{text} in which no instance could be named"
    camera = "a still camera shows" if static else _camera_phrase(stages, speed="")
    if camera:
        text = f"{camera}{'' if static else ' over'} {text}"
    return sentence(f"{_setting(scene)}, {text}" if _setting(scene) else text)


def _setting(scene: Scene) -> str:
    words = (en.PLACE_NAMES.get(scene.place, ""), en.TIMES_OF_DAY.get(scene.time_of_day, ""))
    return " ".join(filter(None, words))


def camera_sentence(stages: Sequence[Sequence[Primitive]], *, static: bool, speed: str) -> str:
    """How the camera moves; empty where it is not known."""
    return sentence("the camera stays still" if static else _camera_phrase(stages, speed=speed))


def _camera_phrase(stages: Sequence[Sequence[Primitive]], *, speed: str) -> str:
    if not stages:
        return ""
    moves = ", then ".join(en.join([en.CAMERA_VERBS[word] for word in stage]) for stage in stages)
    return f"the camera {f'{en.SPEEDS[speed]} ' if speed else ''}{moves}"


def light_sentence(light: Light) -> str:
    """What stands out of the light."""
    what = " ".join(filter(None, (light.level, "black-and-white" * (light.colors == "none"))))
    details = [
        "vivid colors" if light.colors == "vivid" else "",
        f"a {light.tint} tint" if light.tint else "",
    ]
    text = en.article(f"{what} picture") if what else ""
    if any(details):
        text = f"{text or 'a picture'} with {en.join(list(filter(None, details)))}"
    if light.change:
        text = f"{text}, growing {light.change}" if text else f"the picture grows {light.change}"
    return sentence(text)


def background_sentence(scene: Scene) -> str:
    """The color of most of the surroundings, or of the picture, and what is written in it."""
    color = ""
    if scene.color and scene.is_whole:
        color = f"the picture is mostly {scene.color}"
    elif scene.color:
        place = en.PLACES.get(scene.place, "")
        color = (
            f"{place}, mostly {scene.color}"
            if place
            else f"the surroundings are mostly {scene.color}"
        )
    text = f"The text reads {_quoted(scene.texts)}." if scene.texts else ""
    return " ".join(filter(None, (sentence(color), text)))


def _quoted(texts: Sequence[str]) -> str:
    return en.join([f"“{text}”" for text in texts])
