"""What a model answers: pydantic models of exactly the keys that are asked, in that order.

Every key has a default, so that a part of an answer counts.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from instancecap.enhance.faithful import KNOWN_COUNT
from instancecap.enhance.parse import category_of
from instancecap.enhance.tokens import tidy
from instancecap.enhance.words import singular
from instancecap.schema.caption import Camera, Caption, Instance, Position
from instancecap.schema.vocabulary import Cell, Place, Primitive, ShotAngle, ShotType, TimeOfDay

LONGEST = 1200
"""Characters of one text of an answer; longer ones are cut at a sentence's end."""

MOST_COUNTED = 10_000

_NOTHING = ("", "n/a", "none", "null", "unknown", "empty", "not applicable")
_UNKNOWN = "unknown"
End = Literal[Cell, "out_of_frame", "unknown"]


class _Answer(BaseModel):
    # Of several bases pydantic takes the keys of the last one first.
    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Named(_Answer):
    name: str = ""
    class_: str = Field(default="", alias="class")
    count: int = 1


class Looks(_Answer):
    appearance: str = ""
    colors: list[str] = []


class Acts(_Answer):
    action: str = ""
    expression: str = ""


class Goes(_Answer):
    position: str = ""
    start: End = "unknown"
    end: End = "unknown"


class Thing(Goes, Acts, Looks, Named):
    """An instance, in full."""


class Setting(_Answer):
    background: str = ""
    lighting: str = ""
    time_of_day: Literal[TimeOfDay, "unknown"] = "unknown"
    place: Place = "unknown"
    style: Literal["real", "animation", "graphics", "unknown"] = "unknown"


class Filming(_Answer):
    camera: str = ""
    motion: list[Primitive] = []
    shot_type: Literal[ShotType, "unknown"] = "unknown"
    shot_angle: Literal[ShotAngle, "unknown"] = "unknown"


class Gist(_Answer):
    global_description: str = ""


class Story(Gist):
    story: str = ""


class ShotPart(_Answer):
    """What one of several shots shows; what is empty is as in the whole video."""

    description: str = ""
    camera: str = ""
    motion: list[Primitive] = []
    shot_type: Literal[ShotType, "unknown"] = "unknown"
    background: str = ""
    lighting: str = ""


class ShotStory(Story):
    shots: list[ShotPart] = []


class Things(_Answer):
    instances: list[Named] = []


class _Described(_Answer):
    instances: list[Thing] = []


class Dense(_Answer):
    dense_description: str = ""


class DenseFilming(Filming, Dense):
    """The paragraph of everything, and the camera."""


class Whole(Filming, Setting, _Described, Gist):
    """Everything at once."""


class ShotWhole(Whole):
    """Everything at once, shot by shot."""

    shots: list[ShotPart] = []


class DenseWhole(Whole, Dense):
    """The paragraph, and everything in it."""


class DenseShotWhole(ShotWhole, Dense):
    """The paragraph, and everything in it, shot by shot."""


def whole(*, shots: bool, dense: bool) -> type[Whole]:
    """What is asked of a video of one shot or several, with its paragraph or without."""
    if dense:
        return DenseShotWhole if shots else DenseWhole
    return ShotWhole if shots else Whole


def line(text: str, longest: int = LONGEST) -> str:
    """A text of an answer on one line, whole sentences only where it is too long."""
    kept = tidy(text)
    if kept.strip(" .").lower() in _NOTHING:
        return ""
    return kept if len(kept) <= longest else kept[: kept.rfind(".", 0, longest) + 1]


def moves(given: list[Primitive]) -> list[Primitive]:
    """The moves of a camera, each once; static stands alone."""
    found = list(dict.fromkeys(given))
    return [one for one in found if one != "static"] or found[:1]


def paragraph_of(answer: BaseModel) -> str:
    """The paragraph of an answer; empty where none was asked for."""
    return line(getattr(answer, "dense_description", ""), 4 * LONGEST)


def caption_of(whole: Whole, *, most: int) -> Caption:
    """An answer with everything as a caption, without shots and provenance."""
    named = {one.name.casefold(): one for one in map(_instance, whole.instances) if one.name}
    instances = list(named.values())[:most]
    for id, found in enumerate(instances):
        found.id, found.is_main = id, id == 0
    open_ = {line(one.name).strip(" .") for one in whole.instances if one.count < 1}
    known = {name: value for name, value in whole if value != _UNKNOWN}
    counted = [one for one in instances if one.name not in open_]
    return Caption(
        video=None,
        provenance={f"/instances/{one.id}/count": KNOWN_COUNT.model_copy() for one in counted},
        global_description=line(whole.global_description),
        dense_description=paragraph_of(whole),
        instances=instances,
        background=line(whole.background),
        lighting=line(whole.lighting),
        **{name: known[name] for name in ("time_of_day", "place", "style") if name in known},
        camera=Camera(
            motion=moves(whole.motion),
            description=line(whole.camera),
            **{name: known[name] for name in ("shot_type", "shot_angle") if name in known},
        ),
    )


def _instance(one: Thing) -> Instance:
    *before, last = line(one.class_).strip(" .").lower().split() or [""]
    noun = " ".join([*before, singular(last)])
    name = line(one.name).strip(" .") or (f"the {noun}" if noun else "")
    start, end = ("" if cell == _UNKNOWN else cell for cell in (one.start, one.end))
    return Instance(
        id=0,
        name=name,
        class_=noun or singular((name or "object").split()[-1].lower()),
        category=category_of(noun),
        count=min(one.count, MOST_COUNTED) if one.count > 0 else 2,
        appearance=line(one.appearance),
        action=line(one.action),
        expression=line(one.expression),
        colors=list(dict.fromkeys(filter(None, (line(color).lower() for color in one.colors[:6])))),
        position=Position(
            text=line(one.position),
            start=start.replace("out_of_frame", ""),
            end=end.replace("out_of_frame", ""),
            enters=start == "out_of_frame",
            leaves=end == "out_of_frame",
        ),
    )
