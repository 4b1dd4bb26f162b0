"""How a backend behaves: found out by one question each, and remembered.

Some servers accept a schema and ignore it. Models write boxes down in different ways: 0 to 1000, 0
to 1, or pixels of the picture, sometimes as it was resized for them; left before top, or top before
left; and some cannot tell places at all. A drawn picture with one rectangle at a known place shows
which.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from asyncio import AbstractEventLoop
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Generic, Literal, TypeVar
from weakref import WeakKeyDictionary

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Image, Message, Reply, Request, Usage
from instancecap.mllm.schemas import LARGEST

T = TypeVar("T")


class Probe(Generic[T]):
    """One question per backend, that is, per servers and model."""

    def __init__(
        self, request: Request, read: Callable[[Reply | ModelError], T], *, untried: T
    ) -> None:
        """``read``: what the answer, or its failure, tells; ``untried``: what else is assumed."""
        self._request, self._read, self._untried = request, read, untried
        self._known: WeakKeyDictionary[Backend, T] = WeakKeyDictionary()
        self._locks: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def of(self, backend: Backend) -> tuple[T, Usage]:
        """What is known of the backend, and what finding it out has cost this time.

        Raises:
            ServerError: nothing can be asked at all.
        """
        if backend.answers_later:
            return self._untried, Usage()
        if backend in self._known:
            return self._known[backend], Usage()
        async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if backend in self._known:  # found out meanwhile
                return self._known[backend], Usage()
            (reply,) = await backend.complete([self._request])
            self._known[backend] = found = self._read(reply)
            return found, Usage() if isinstance(reply, ModelError) else Usage.of(
                self._request, reply
            )


# Schemas -----------------------------------------------------------------------------------------


_ODD = {"colour": "vermilion-47"}
_PROBE = Request(
    messages=(
        Message("user", ('Name the colour of a cloudless sky at noon: {"colour": "blue"} or so.',)),
    ),
    schema={
        "type": "object",
        "properties": {"colour": {"type": "string", "enum": list(_ODD.values())}},
        "required": ["colour"],
        "additionalProperties": False,
    },
    max_tokens=1024,
)


def _is_odd(reply: Reply | ModelError) -> bool:
    try:
        return isinstance(reply, Reply) and bool(json.loads(reply.text) == _ODD)
    except ValueError:
        return False


KEEPS_SCHEMA = Probe(_PROBE, _is_odd, untried=False)
"""Whether every answer fits its schema: it asks for one word while its schema allows only another.
False also where that could not be learned."""


# Grounding ----------------------------------------------------------------------------------------


Box = tuple[float, float, float, float]
"""``x0, y0, x1, y1`` in 0..1 of the picture."""

WIDTH, HEIGHT = 672, 392
"""Of the drawn picture: multiples of 28, which models with patches of 14 pixels do not resize."""

RECTANGLE: Box = (5 / 8, 1 / 7, 7 / 8, 1 / 2)
"""Off-center and not square, in a picture that is not square either, so that no two ways of
writing it down have the same numbers."""

LEAST_IOU = 0.6
"""Overlap of the rectangle with what an answer means by a convention, for the convention to hold;
one with a free size, as it can be made to fit, needs 0.85 and 0.1 more than any other."""

_SCHEMA = {
    "type": "object",
    "properties": {
        "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4}
    },
    "required": ["box"],
    "additionalProperties": False,
}
_QUESTION = (
    "There is one red rectangle in this picture. Give its bounding box as a JSON object and "
    'nothing else: {"box": [a, b, c, d]}'
)
Layout = Literal["", "xyxy", "yxyx", "xywh"]

_CORNERS: Mapping[Layout, str] = {
    "xyxy": "[left, top, right, bottom]",
    "yxyx": "[top, left, bottom, right]",
    "xywh": "[left, top, width, height]",
}


@dataclass(frozen=True, slots=True)
class Convention:
    """How a model writes boxes down. False where it cannot: then nothing it says of places counts.

    Attributes:
        layout: the order of the four numbers; empty where the model does not ground.
        scale: what a picture's width and height count as (1, 100, 1000); 0 for pixels.
        long_side: pixels of the longer side of a picture as it is resized for the model; 0 where
            pixels are those of the picture that is sent.
        usage: what finding out has cost the caller that this is given to; nothing for later ones.
    """

    layout: Layout = ""
    scale: float = 0.0
    long_side: float = 0.0
    usage: Usage = field(default=Usage(), compare=False)

    def __bool__(self) -> bool:
        return bool(self.layout)

    @property
    def instruction(self) -> str:
        """Words for a question that say in which form boxes are wanted; empty without grounding."""
        if not self.layout:
            return ""
        if self.scale:
            units = (
                f"numbers from 0 to {self.scale:g}, where 0 is the left or top edge of its "
                f"picture and {self.scale:g} the right or bottom edge"
            )
        else:
            units = "in pixels of its picture, counted from the top left corner"
        return f"A box is {_CORNERS[self.layout]}, {units}."

    def to_unit(self, box: Sequence[float], width: float, height: float) -> Box | None:
        """A box of an answer in 0..1 of its picture; None where it cannot be one.

        Args:
            box: four numbers as the model wrote them.
            width, height: pixels of the picture that was sent.
        """
        if not self.layout or len(box) != 4 or not all(map(math.isfinite, box)):
            return None
        a, b, c, d = box
        if self.layout == "yxyx":
            a, b, c, d = b, a, d, c
        elif self.layout == "xywh":
            c, d = a + c, b + d
        across, down = self._size(width, height)
        (x0, x1), (y0, y1) = sorted((a / across, c / across)), sorted((b / down, d / down))
        if min(x0, y0) < -0.2 or max(x1, y1) > 1.2:
            return None  # of another convention
        x0, y0, x1, y1 = (min(1.0, max(0.0, one)) for one in (x0, y0, x1, y1))
        return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None

    def from_unit(self, box: Box, width: float, height: float) -> list[float]:
        """A box in 0..1 of a picture as the model would write it. The inverse of `to_unit`."""
        across, down = self._size(width, height)
        x0, y0, x1, y1 = box[0] * across, box[1] * down, box[2] * across, box[3] * down
        if self.layout == "xywh":
            x1, y1 = x1 - x0, y1 - y0
        numbers = [y0, x0, y1, x1] if self.layout == "yxyx" else [x0, y0, x1, y1]
        return [round(one, 3 if self.scale == 1 else 0) for one in numbers]

    def _size(self, width: float, height: float) -> tuple[float, float]:
        """What the picture's width and height count as."""
        if self.scale:
            return self.scale, self.scale
        longer = max(width, height)
        # A model that enlarges takes every picture to its size; one that shrinks, larger ones.
        if not self.long_side or longer <= self.long_side <= max(WIDTH, HEIGHT):
            return width, height
        return width * self.long_side / longer, height * self.long_side / longer


async def grounding(backend: Backend) -> Convention:
    """How a backend's model writes boxes down: asked once, and remembered.

    Raises:
        ServerError: nothing can be asked at all.
    """
    convention, usage = await _probe().of(backend)
    return replace(convention, usage=usage)


@cache
def _probe() -> Probe[Convention]:
    import cv2
    import numpy as np

    picture = np.full((HEIGHT, WIDTH, 3), 215, np.uint8)
    x0, x1 = (round(WIDTH * one) for one in (RECTANGLE[0], RECTANGLE[2]))
    y0, y1 = (round(HEIGHT * one) for one in (RECTANGLE[1], RECTANGLE[3]))
    picture[y0:y1, x0:x1] = (30, 30, 210)  # blue, green, red
    _, jpeg = cv2.imencode(".jpg", picture)
    message = Message("user", (Image(jpeg.tobytes()), _QUESTION))
    request = Request((message,), schema=_SCHEMA, max_tokens=1024)
    return Probe(request, _read, untried=Convention("xyxy", 1000.0))


def _read(reply: Reply | ModelError) -> Convention:
    if isinstance(reply, ModelError):
        return Convention()
    _, _, list_of_numbers = reply.text.partition("[")  # its key may have a number, too: box_2d
    numbers = re.findall(r"-?\d+(?:\.\d+)?", list_of_numbers or reply.text)
    return find_convention([float(one) for one in numbers])


def find_convention(box: Sequence[float]) -> Convention:
    """The convention by which the four numbers name the rectangle best; none where they do not."""
    if not all(abs(number) <= LARGEST for number in box):  # false for what is no number, too
        return Convention()
    layouts: tuple[Layout, ...] = ("xyxy", "yxyx", "xywh")
    scales = (1000.0, 1.0, 100.0, 0.0)
    fixed = max(
        (Convention(layout, scale) for layout in layouts for scale in scales),
        key=lambda one: _iou(one, box),
    )
    resized = max((_resized(one, box) for one in layouts), key=lambda one: _iou(one, box))
    if _iou(resized, box) >= max(0.85, _iou(fixed, box) + 0.1):
        return resized
    return fixed if _iou(fixed, box) >= LEAST_IOU else Convention()


def _resized(layout: Layout, box: Sequence[float]) -> Convention:
    """Pixels of a picture that was resized, by the factor that fits the numbers best."""
    sent = Convention(layout).from_unit(RECTANGLE, WIDTH, HEIGHT)
    factor = sum(map(math.prod, zip(sent, box, strict=False))) / sum(one**2 for one in sent)
    return Convention(layout, long_side=max(1, round(factor * max(WIDTH, HEIGHT))))


def _iou(convention: Convention, box: Sequence[float]) -> float:
    """Intersection over union of the rectangle and what the numbers mean by a convention."""
    unit = convention.to_unit(box, WIDTH, HEIGHT)
    if unit is None:
        return 0.0
    width = min(unit[2], RECTANGLE[2]) - max(unit[0], RECTANGLE[0])
    height = min(unit[3], RECTANGLE[3]) - max(unit[1], RECTANGLE[1])
    common = max(0.0, width) * max(0.0, height)
    areas = ((one[2] - one[0]) * (one[3] - one[1]) for one in (unit, RECTANGLE))
    return common / (sum(areas) - common)
