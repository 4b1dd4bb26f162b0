"""What a measured caption states of the whole picture: camera, light, surroundings, style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal, get_args

from instancecap.captioners.measured.content_selection import Gate, is_any
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.vocabulary import Primitive

SURE_CAMERA = 0.7  # probability from which the camera's movement, or that it rests, is stated
MOST_STAGES = 4  # movements and rests that are told one after the other
REST = 1.0  # seconds from which a rest before, between or after movements is stated
UNSURE = 0.1  # confidence under which nothing speaks for a place
MAIN_COLOR = 0.5  # share from which a color of the surroundings is stated
MOST_COVERED = 0.5  # share of the frame from which nameless instances leave none to state
# Letters of a line that is quoted: of what is filmed, and of what is laid over the picture. Lines
# up to which any are quoted of what is filmed: of more, most are signs.
MIN_LETTERS, MIN_TITLE, MOST_LINES = 6, 4, 3
BRIGHT, DARK, VIVID, MUTED, COLORLESS, TINT = 0.6, 0.2, 0.5, 0.12, 0.03, 0.1
CONTRAST, LIGHT_CHANGE = 0.27, 0.15
"""Brightness, saturation, warmth and contrast that stand out; change of brightness that does."""

KINDS = {"move": "travel", "tilt": "pan"}
"""Kinds of facts by the first part of a primitive: a tilt is measured as a pan is, and rarer."""

MOVES = frozenset(get_args(Primitive)) - {"static", "tracking", "shaky"}
"""Primitives that a verb of the camera stands for."""


def select_camera(evidence: Evidence, gate: Gate) -> list[Primitive]:
    """The camera's movements, all or none of them: a part of them would be a wrong whole.

    Of several shots they are told where every shot has the same.
    """
    facts = evidence.camera
    if gate is is_any:
        return facts.motion
    motion = [word for word in facts.motion if word in (*MOVES, "static")]
    kinds = [_camera_kind(word) for word in motion]
    reliable = all(gate(kind, facts.confidence) for kind in kinds)
    alike = len({frozenset(words) for words in _motion_of_shots(evidence)}) <= 1
    return motion if reliable and alike and facts.confidence >= SURE_CAMERA else []


def _motion_of_shots(evidence: Evidence) -> list[set[Primitive]]:
    """The movements of each shot; none where it rests."""
    found = []
    for shot in evidence.shots:
        inside = [
            one for one in evidence.camera.segments if shot.start - 1e-3 <= one.start < shot.end
        ]
        found.append({word for one in inside for word in one.motion} & MOVES)
    return found


def _camera_kind(word: Primitive) -> str:
    axis = word.split("_")[0]
    return f"camera.{KINDS.get(axis, axis)}"


def camera_stages(evidence: Evidence, motion: Sequence[Primitive]) -> list[list[Primitive]]:
    """Movements one after the other, and rests between them, where each movement has a time of its
    own; else all in one stage."""
    moves = [word for word in motion if word in MOVES]
    stages: list[list[Primitive]] = []
    for segment in evidence.camera.segments:
        here = [word for word in segment.motion if word in moves]
        rests = segment.end - segment.start >= REST and len(evidence.shots) == 1
        if not here and moves and rests:
            here = ["static"]
        if here and (not stages or stages[-1] != here):
            stages.append(here)
    told = sorted(word for stage in stages for word in stage if word != "static")
    if told == sorted(moves) and len(stages) <= MOST_STAGES:
        return stages
    return [moves] if moves else []


@dataclass(frozen=True, slots=True)
class Light:
    """What stands out of the light; empty or false is in between."""

    level: Literal["bright", "dark", ""] = ""
    colors: Literal["vivid", "muted", "none", ""] = ""
    tint: Literal["warm", "cool", ""] = ""
    contrast: Literal["strong", ""] = ""
    change: Literal["brighter", "darker", ""] = ""


def select_light(evidence: Evidence) -> Light:
    """What stands out of the light. A black clip (no brightness) has none, and leaves, which give
    back no blue, are not warm."""
    light, colors = evidence.light, evidence.place.colors
    if not light.brightness:
        return Light()
    colorless = light.saturation < COLORLESS
    leaves = bool(colors) and colors[0][0] == "green" and light.warmth > 0
    warmth = 0.0 if colorless or leaves else light.warmth
    change, least = light.change, LIGHT_CHANGE
    muted: Literal["muted", ""] = "muted" if light.saturation < MUTED else ""
    return Light(
        "bright" if light.brightness > BRIGHT else "dark" if light.brightness < DARK else "",
        "none" if colorless else "vivid" if light.saturation > VIVID else muted,
        "warm" if warmth > TINT else "cool" if warmth < -TINT else "",
        "strong" if light.contrast >= CONTRAST else "",
        "brighter" if change > least else "darker" if change < -least else "",
    )


@dataclass(frozen=True, slots=True)
class Scene:
    """Place, time of day, the one color that most of the surroundings have, and what is written.

    ``is_whole``: the color is that of the whole picture, as nothing in it has a name. ``titles``
    are laid over the picture, other ``texts`` are on what is filmed.
    """

    place: Literal["indoor", "outdoor", ""] = ""
    time_of_day: str = ""
    color: str = ""
    is_whole: bool = False
    texts: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()


def select_scene(evidence: Evidence, items: Sequence[InstanceFacts], gate: Gate) -> Scene:
    """What is known of the surroundings of the instances ``items``."""
    place, light = evidence.place, evidence.light
    label = place.label if place.label != "unknown" and place.confidence >= UNSURE else ""
    color = place.colors[0][0] if place.colors and place.colors[0][1] >= MAIN_COLOR else ""
    if not items and _covered(evidence.instances, besides=color) >= MOST_COVERED:
        color = ""  # it was measured around the instances, and they are the picture
    titles = [over.text for over in evidence.overlays if _is_clear(over.text, MIN_TITLE)]
    texts = dict.fromkeys(text.text for text in evidence.texts if text.text not in titles)
    clear = [text for text in texts if _is_clear(text, MIN_LETTERS)]
    return Scene(
        label if label and gate("place", place.confidence) else "",
        light.time_of_day if gate("time_of_day", light.confidence) else "",
        color if color != "gray" else "",  # as any other is in shade
        is_whole=not items,
        texts=tuple(clear) if len(texts) <= MOST_LINES else (),
        titles=tuple(dict.fromkeys(titles)),
    )


def _covered(instances: Sequence[InstanceFacts], *, besides: str) -> float:
    """Share of the frame that instances of other colors cover, one beside the other."""
    others = [one for one in instances if one.track and besides not in dict(one.colors)]
    return sum(
        fmean((x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (p.box for p in one.track))
        for one in others
    )


def _is_clear(line: str, letters: int) -> bool:
    """Whether a line was read well enough to be quoted."""
    return sum(map(str.isalpha, line)) >= max(letters, 0.6 * len(line))
