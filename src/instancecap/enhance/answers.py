"""What a model answers: pydantic models of exactly the keys that are asked."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from instancecap.enhance.parse import category_of
from instancecap.enhance.tokens import tidy
from instancecap.enhance.words import singular
from instancecap.schema.caption import Camera, Caption, Instance, Position
from instancecap.schema.vocabulary import Cell, Place, Primitive, ShotAngle, ShotType, TimeOfDay

LONGEST = 1200
"""Characters of one text of an answer; longer ones are cut at a sentence's end."""

MOST_COUNTED = 10_000
End = Literal[Cell, "out_of_frame", "unknown"]


class _Answer(BaseModel):
    """Every key has a default, so that a part of an answer counts."""

    model_config = ConfigDict(extra="ignore", populate_by_name=True)


class Looks(_Answer):
    """How an instance looks."""

    appearance: str = ""
    colors: list[str] = []


class Acts(_Answer):
    """What it does."""

    action: str = ""
    expression: str = ""


class Goes(_Answer):
    """From where to where."""

    position: str = ""
    start: End = "unknown"
    end: End = "unknown"


class Named(_Answer):
    """Which one it is."""

    name: str = ""
    class_: str = Field(default="", alias="class")
    count: int = 1


class Thing(Goes, Acts, Looks, Named):
    """An instance, in full."""


class Setting(_Answer):
    """What is around the instances."""

    background: str = ""
    lighting: str = ""
    time_of_day: Literal[TimeOfDay, "unknown"] = "unknown"
    place: Place = "unknown"
    style: Literal["real", "animation", "graphics", "unknown"] = "unknown"


class Filming(_Answer):
    """How it is filmed."""

    camera: str = ""
    motion: list[Primitive] = []
    shot_type: Literal[ShotType, "unknown"] = "unknown"
    shot_angle: Literal[ShotAngle, "unknown"] = "unknown"


class Gist(_Answer):
    """The whole prompt in a sentence or two."""

    global_description: str = ""


class Story(Gist):
    """What happens."""

    story: str = ""


class ShotStory(Story):
    """What happens, shot by shot."""

    shots: list[str] = []


class Things(_Answer):
    """The instances by name."""

    instances: list[Named] = []


class _Described(_Answer):
    instances: list[Thing] = []


class Whole(Filming, Setting, _Described, Gist):
    """Everything at once; asked in the reverse order of the bases, as pydantic collects fields."""


class ShotWhole(Whole):
    """Everything at once, shot by shot."""

    shots: list[str] = []


def line(text: str) -> str:
    """A text of an answer on one line, whole sentences only where it is too long."""
    kept = tidy(text)
    if kept.strip(" .").lower() in (
        "",
        "n/a",
        "none",
        "null",
        "unknown",
        "empty",
        "not applicable",
    ):
        return ""
    return (
        kept if len(kept) <= LONGEST else kept[: kept.rfind(".", 0, LONGEST) + 1] or kept[:LONGEST]
    )


def caption_of(whole: Whole, *, most: int) -> Caption:
    """The answer as a caption, without shots and provenance."""
    instances: list[Instance] = []
    names: set[str] = set()
    for one in whole.instances[:most]:
        found = _instance(len(instances), one)
        if found is not None and found.name.casefold() not in names:
            names.add(found.name.casefold())
            instances.append(found)
    motion = list(dict.fromkeys(whole.motion))
    camera = Camera(
        motion=[one for one in motion if one != "static"] or motion[:1],
        description=line(whole.camera),
        shot_type=_known(whole.shot_type),
        shot_angle=_known(whole.shot_angle),
    )
    return Caption(
        video=None,
        global_description=line(whole.global_description),
        instances=instances,
        background=line(whole.background),
        lighting=line(whole.lighting),
        time_of_day=_known(whole.time_of_day),
        place=_known(whole.place),
        style=_known(whole.style),
        camera=camera,
    )


def _known(value: Any) -> Any:
    return "" if value == "unknown" else value


def _instance(id: int, one: Thing) -> Instance | None:
    noun = line(one.class_).strip(" .").lower()
    noun = " ".join([*noun.split()[:-1], singular(noun.split()[-1])]) if noun else ""
    name = line(one.name).strip(" .") or (f"the {noun}" if noun else "")
    if not name:
        return None
    ends = [_known(end) for end in (one.start, one.end)]
    position = Position(
        text=line(one.position),
        start=ends[0].replace("out_of_frame", ""),
        end=ends[1].replace("out_of_frame", ""),
        enters=ends[0] == "out_of_frame",
        leaves=ends[1] == "out_of_frame",
    )
    return Instance(
        id=id,
        name=name,
        class_=noun or singular(name.split()[-1].lower()),
        category=category_of(noun),
        is_main=id == 0,
        count=min(max(one.count, 1), MOST_COUNTED),
        appearance=line(one.appearance),
        action=line(one.action),
        expression=line(one.expression),
        colors=list(dict.fromkeys(filter(None, (line(color).lower() for color in one.colors[:6])))),
        position=position,
    )
