"""What a measured caption states of the whole picture: camera, light, surroundings, style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from instancecap.captioners.measured.content_selection import Gate, is_any
from instancecap.schema.base import Text
from instancecap.schema.evidence import Evidence, InstanceFacts, LightFacts
from instancecap.schema.vocabulary import Primitive, Style

SURE_TURN = 0.95  # confidence in the camera's movement from which a pan or tilt is stated
MAIN_COLOR = 0.5  # share from which a color of the surroundings is stated
# Letters of a line that is quoted, and lines up to which any are: of more, most are signs.
MIN_LETTERS, MOST_LINES = 6, 3
BRIGHT, DARK, VIVID, COLORLESS, TINT, LIGHT_CHANGE = 0.6, 0.2, 0.5, 0.03, 0.1, 0.15
"""Brightness, saturation and warmth that stand out, and a change of brightness that does."""

MOVES = frozenset(get_args(Primitive)) - {"static", "tracking", "shaky"}
"""Primitives that a verb of the camera stands for."""


def select_camera(evidence: Evidence, gate: Gate) -> list[Primitive]:
    """The camera's movements, all or none of them: a part of them would be a wrong whole.

    None either where an unsteady camera turns slowly, which nobody sees as a move, nor where too
    few of the followed points agree on a turn.
    """
    facts = evidence.camera
    if gate is is_any:
        return facts.motion
    motion = [word for word in facts.motion if word in (*MOVES, "static")]
    kinds = [_camera_kind(word) for word in motion]
    reliable = all(gate(kind, facts.confidence) for kind in kinds)
    if {"camera.pan", "camera.tilt"} & set(kinds):
        drifts = facts.speed == "slow" and facts.stability != "stable"
        reliable = reliable and not drifts and facts.confidence >= SURE_TURN
    return motion if reliable else []


def _camera_kind(word: Primitive) -> str:
    axis = word.split("_")[0]
    return f"camera.{'travel' if axis == 'move' else axis}"


def camera_stages(evidence: Evidence, motion: Sequence[Primitive]) -> list[list[Primitive]]:
    """Movements one after the other where each has a time of its own; else all in one stage."""
    moves = [word for word in motion if word in MOVES]
    stages: list[list[Primitive]] = []
    for segment in evidence.camera.segments:
        here = [word for word in segment.motion if word in moves]
        if here and (not stages or stages[-1] != here):
            stages.append(here)
    if sorted(word for stage in stages for word in stage) == sorted(moves) and len(stages) <= 3:
        return stages
    return [moves] if moves else []


@dataclass(frozen=True, slots=True)
class Light:
    """What stands out of the light; empty or false is in between."""

    level: Literal["bright", "dark", ""] = ""
    colors: Literal["vivid", "none", ""] = ""
    tint: Literal["warm", "cool", ""] = ""
    change: Literal["brighter", "darker", ""] = ""


def select_light(light: LightFacts) -> Light:
    """What stands out of the light. A black clip (no brightness) has none."""
    if not light.brightness:
        return Light()
    colorless = light.saturation < COLORLESS
    warmth = 0.0 if colorless else light.warmth
    change, least = light.change, LIGHT_CHANGE
    return Light(
        "bright" if light.brightness > BRIGHT else "dark" if light.brightness < DARK else "",
        "none" if colorless else "vivid" if light.saturation > VIVID else "",
        "warm" if warmth > TINT else "cool" if warmth < -TINT else "",
        "brighter" if change > least else "darker" if change < -least else "",
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """Place, time of day, the one color that most of the surroundings have, and what is written.

    ``is_whole``: the color is that of the whole picture, as nothing in it has a name.
    """

    place: Literal["indoor", "outdoor", ""] = ""
    time_of_day: str = ""
    color: str = ""
    is_whole: bool = False
    texts: tuple[str, ...] = ()


def select_scene(evidence: Evidence, items: Sequence[InstanceFacts], gate: Gate) -> Scene:
    """What is known of the surroundings of the instances ``items``."""
    place, light = evidence.place, evidence.light
    label = place.label if place.label != "unknown" and place.confidence > 0.5 else ""
    color = place.colors[0][0] if place.colors and place.colors[0][1] >= MAIN_COLOR else ""
    return Scene(
        label if label and gate("place", place.confidence) else "",
        light.time_of_day if gate("time_of_day", light.confidence) else "",
        color if color != "gray" else "",  # as any other is in shade
        is_whole=not items,
        texts=_titles(evidence.texts),
    )


def _titles(texts: Sequence[Text]) -> tuple[str, ...]:
    """The lines of writing that are read well enough to be quoted, where there are few."""
    lines = dict.fromkeys(text.text for text in texts)
    clear = [
        line for line in lines if sum(map(str.isalpha, line)) >= max(MIN_LETTERS, 0.7 * len(line))
    ]
    return tuple(clear) if len(lines) <= MOST_LINES else ()


def select_style(evidence: Evidence, items: Sequence[InstanceFacts], gate: Gate) -> Style:
    """The style; *real* only where a detector, which knows photographs, named a class."""
    framing = evidence.framing
    named = any(item.class_ not in ("animal", "vehicle") for item in items)
    named = named or gate is is_any or framing.style != "real"
    return framing.style if named and gate("style", framing.confidence) else "unknown"
