"""InstanceVid: the format of InstanceCap (arXiv 2412.09283), one object a video.

The data set has ``Structural Description`` and ``Main Instance``; its README and the paper's
figures print ``Structured Description`` and ``Main Objects``; others nest less, or key instances by
name. Positions are sentences made of cells in the data set (``cell_sentences.py``); their rows are
wrong there, which ``instancecap dataset fix-positions`` puts right.
"""

from __future__ import annotations

from typing import Any, ClassVar

from instancecap.formats import cell_sentences
from instancecap.formats.phrases import filming_sentences
from instancecap.formats.shape import Shape, entry_name, key, loosely, parsed, sentences
from instancecap.language import en
from instancecap.schema.caption import Camera, Caption, Instance, Video

MOST_INSTANCES = 3
"""The reference system never writes more."""


class OneInstance(Shape):
    """One instance."""

    label: ClassVar[str] = "class_"
    prose: ClassVar[str] = "appearance"

    class_: str = key("Class", "Category", "Name", "Object")
    appearance: str = key("Appearance", "Appearance Description", "Description")
    action: str = key("Actions and Motion", "Action and Motion", "Actions", "Motion")
    position: str = key("Position", "Location")

    @classmethod
    def arrange(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Takes action and motion also apart."""
        names = {loosely(name): name for name in value}
        parts = [names[one] for one in ("action", "actions", "motion", "motions") if one in names]
        if len(parts) < 2 or not all(isinstance(value[one], str) for one in parts):
            return value
        rest = {name: one for name, one in value.items() if name not in parts}
        return {**rest, "Actions and Motion": sentences(value[one] for one in parts)}


class Structure(Shape):
    """The structured part."""

    instances: dict[str, OneInstance] = key(
        "Main Instance", "Main Instances", "Main Object", "Main Objects", "Instance", "Instances",
        "Objects", default={},
    )  # fmt: skip
    background: str = key("Background Detail", "Background Details", "Background")
    camera: str = key("Camera Movement", "Camera Movements", "Camera Motion", "Camera")


PARTS = Structure.loose_keys()
STRUCTURE = ("Structural Description", "Structured Description", "Structural Caption",
             "Structured Caption")  # fmt: skip
"""Names of the structured part; the first is the one that is written."""


class Answer(Shape):
    """What a captioner answers: the object that InstanceCap writes, without the video's path."""

    global_description: str = key("Global Description", "Global Caption")
    structure: Structure = key(*STRUCTURE, default=Structure())

    @classmethod
    def arrange(cls, value: dict[str, Any]) -> dict[str, Any]:
        """Takes the parts of the structure also where they are not nested."""
        names = {loosely(name): name for name in value}
        homes = map(loosely, STRUCTURE)
        home = next((names[one] for one in homes if one in names), STRUCTURE[0])
        inside = parsed(value.get(home) or {}, [])
        outside = {name: value[name] for key, name in names.items() if key in PARTS}
        if not outside or not isinstance(inside, dict):
            return value
        rest = {name: one for name, one in value.items() if name not in outside}
        return {**rest, home: {**outside, **inside}}


class Published(Answer):
    """The object as it stands in files."""

    video: str = key("Video", "Video Path", "Path")


def write(caption: Caption, *, cells: bool = False) -> dict[str, Any]:
    """Instances beyond the third are left out.

    Args:
        cells: positions are the data set's sentences wherever cells are known; without it, only
            where there is no text.
    """
    video = caption.video
    answer = Answer(
        global_description=caption.global_description,
        structure=Structure(
            instances={
                f"No.{number}": OneInstance(
                    class_=one.class_,
                    appearance=one.appearance,
                    action=one.action,
                    position=_position(one, cells=cells),
                )
                for number, one in enumerate(caption.instances[:MOST_INSTANCES])
            },
            background=caption.background,
            camera=filming_sentences(caption.camera),
        ),
    )
    path = (video.path or video.id) if video else ""
    return {"Video": path, **answer.model_dump()}


def _position(one: Instance, *, cells: bool) -> str:
    place, has_cells = one.position, not (one.position.enters and one.position.start)
    if cells or (has_cells and not place.text):
        return cell_sentences.write(place, one.class_) or en.position(place)
    return en.position(place)


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """Read in any of the printed forms."""
    given = Published.take(value, warnings)
    names = {entry_name(label).casefold() for label in given.structure.instances}
    distinct = len(names) == len(given.structure.instances)
    return Caption(
        video=Video.named(given.video) if given.video else None,
        global_description=given.global_description,
        instances=[
            Instance(
                id=number,
                name=entry_name(label) if distinct and entry_name(label) != one.class_ else "",
                class_=one.class_,
                appearance=one.appearance,
                action=one.action,
                position=cell_sentences.read(
                    one.position, one.class_, warnings, f"/instances/{number}/position"
                ),
            )
            for number, (label, one) in enumerate(given.structure.instances.items())
        ],
        background=given.structure.background,
        camera=Camera(description=given.structure.camera),
    )
