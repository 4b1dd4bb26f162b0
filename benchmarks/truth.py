"""What is known to be true of a clip, whether labelled by a person or known by construction."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.schema.vocabulary import Transition as TransitionKind
from instancecap.video import Clip

Mask = NDArray[np.bool_]

MIN_VISIBLE = 0.0004
"""Share of the frame that must show of a thing before it counts as visible."""

LABELS = Path(__file__).parent / "labels"


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of shot; ``start`` equals ``end`` for a hard cut.

    Attributes:
        start, end: seconds; for a fade, from the first darker picture to the last.
        kind: ``cut``, ``dissolve`` or ``fade``.
        optional: finding it and not finding it are both right (a fade-out at the clip's end).
    """

    start: float
    end: float
    kind: TransitionKind
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one camera movement, in the words of the schema; empty words: not moving."""

    start: float
    end: float
    motion: frozenset[str]


@dataclass(frozen=True, slots=True)
class ObjectTruth:
    """One thing, frame by frame.

    Attributes:
        name: for messages.
        times: seconds, shape (frames,).
        boxes: [x0, y0, x1, y1] of what is visible of it, 0..1, shape (frames, 4); NaN if nothing.
        visible: shape (frames,).
        mask: gives the visible pixels of a frame by index, bool (height, width).
        direction: where it goes in the world, one of the schema's eight, or "" if it stays.
        parts: how many detectable things it is made of: 2 for a rider and a bicycle.
    """

    name: str
    times: NDArray[np.float64]
    boxes: NDArray[np.float64]
    visible: Mask
    mask: Callable[[int], Mask] = field(repr=False)
    direction: str | None = None
    parts: int = 1

    @property
    def enters(self) -> bool:
        """Not visible in the first frame, but later."""
        return bool(self.visible.any() and not self.visible[0])

    @property
    def leaves(self) -> bool:
        """Visible before, but not in the last frame."""
        return bool(self.visible.any() and not self.visible[-1])


@dataclass(frozen=True, slots=True)
class Framing:
    """Words for one moment; an empty string is not scored."""

    t: float | None
    shot_type: str = ""
    shot_angle: str = ""
    place: str = ""
    time_of_day: str = ""


@dataclass(frozen=True, slots=True)
class Truth:
    """All that is known; None (or an empty tuple for ``objects``...) means *not scored*.

    Attributes:
        camera: primitives of the whole clip, the finest words known, before folding.
        segments: the camera's movements over time.
        transitions: changes of shot; an empty tuple says that there are none.
        classes: the main things' names, one each.
    """

    camera: frozenset[str] | None = None
    segments: tuple[Segment, ...] = ()
    transitions: tuple[Transition, ...] | None = None
    objects: tuple[ObjectTruth, ...] = ()
    classes: tuple[str, ...] = ()
    framing: tuple[Framing, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A clip and its truth."""

    name: str
    clip: Clip
    truth: Truth


def box_of_mask(mask: Mask) -> tuple[float, float, float, float] | None:
    """[x0, y0, x1, y1] in 0..1 around the true pixels, or None for too few of them."""
    height, width = mask.shape
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if mask.sum() < MIN_VISIBLE * mask.size:
        return None
    return (
        float(columns[0] / width),
        float(rows[0] / height),
        float((columns[-1] + 1) / width),
        float((rows[-1] + 1) / height),
    )


def object_from_masks(
    name: str,
    masks: list[Mask] | NDArray[np.bool_],
    times: NDArray[np.float64],
    *,
    mask: Callable[[int], Mask],
    direction: str | None = None,
    parts: int = 1,
) -> ObjectTruth:
    """The truth of a thing whose visible pixels are known in every frame."""
    found = [box_of_mask(m) for m in masks]
    boxes = np.array([box or (np.nan,) * 4 for box in found])
    visible = np.array([box is not None for box in found])
    return ObjectTruth(name, times, boxes, visible, mask, direction, parts)


def load_clips(folder: Path, *, only: str = "") -> Iterator[Case]:
    """The labelled clips of ``folder``; those of ``odd/`` carry no labels that can be scored."""
    framing: dict[str, Any] = json.loads((LABELS / "shot_types.json").read_text())
    edits: dict[str, Any] = json.loads((LABELS / "transitions.json").read_text())
    for label in json.loads((folder / "labels.json").read_text()):
        name: str = label["file"]
        if name.startswith("odd/") or only not in name:
            continue
        transitions: tuple[Transition, ...] | None = None
        if name in edits or label.get("cuts") == []:
            transitions = tuple(Transition(**entry) for entry in edits.get(name, []))
        truth = Truth(
            camera=frozenset(label["camera"]) if label.get("camera") else None,
            transitions=transitions,
            objects=_masked_objects(folder, label),
            classes=tuple(label.get("classes", ())),
            framing=tuple(_framing(name, framing)),
        )
        yield Case(name, Clip.open(folder / name, id=name), truth)


def _framing(name: str, labels: dict[str, Any]) -> Iterator[Framing]:
    """Labels of the clip (``name``) and of moments in it (``name@SECONDS``)."""
    for key, label in labels.items():
        file, _, moment = key.partition("@")
        if file == name:
            words = {word: label.get(word, "") for word in Framing.__slots__ if word != "t"}
            yield Framing(float(moment) if moment else None, **words)


def _masked_objects(folder: Path, label: dict[str, Any]) -> tuple[ObjectTruth, ...]:
    if "masks" not in label:
        return ()
    paths = sorted((folder / label["masks"]).glob("*.png"))

    def load(index: int) -> Mask:
        return np.asarray(cv2.imread(str(paths[index]), cv2.IMREAD_GRAYSCALE)) > 127

    times = np.arange(len(paths)) / float(label["fps"])
    # A rider's mask holds the bicycle or the horse too.
    parts = len(label["classes"])
    bodies = [_without_threads(load(index)) for index in range(len(paths))]
    name = "+".join(label["classes"])
    return (object_from_masks(name, bodies, times, mask=load, parts=parts),)


def _without_threads(mask: Mask) -> Mask:
    """The mask less its thin lines (a leash, a paraglider's cords), which no box should hold."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)) > 0
    return opened if opened.any() else mask
