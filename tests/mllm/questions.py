"""Questions and answers that the tests of this folder share."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from instancecap.mllm.base import Image, Message, Request

T = TypeVar("T")


class Colour(BaseModel):
    """A model within a model."""

    model_config = ConfigDict(extra="forbid")

    name: Literal["red", "blue"]
    share: float = Field(ge=0, le=1)


class Described(BaseModel):
    """Not for servers: this docstring."""

    model_config = ConfigDict(extra="forbid")

    appearance: str = Field("", description="What it looks like.", max_length=200)
    colours: list[Colour] = Field([], max_length=2)
    count: int = Field(1, ge=1, le=9)


GOOD = (
    '{"appearance": "A small white car.", "colours": [{"name": "red", "share": 0.5}], "count": 1}'
)


@functools.cache
def picture(seed: int = 0, side: int = 48) -> Image:
    """A JPEG of noise, half a second after the one before it."""
    noise = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    done, jpeg = cv2.imencode(".jpg", noise)
    assert done
    return Image(jpeg.tobytes(), t=seed / 2)


def question(text: str = "What is it?", *, images: int = 1, **settings: Any) -> Request:
    """A question about some pictures."""
    parts = (*(picture(seed) for seed in range(images)), text)
    return Request((Message("system", ("Be exact.",)), Message("user", parts)), **settings)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine."""
    return asyncio.run(coroutine)
