"""Parts that a caption and its evidence have in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from instancecap.schema.base import Box, Seconds, StrictModel
from instancecap.schema.vocabulary import Primitive


def _check_motion(motion: list[Primitive]) -> list[Primitive]:
    if len(set(motion)) != len(motion):
        raise ValueError(f"camera motion is a set, got {motion}")
    if "static" in motion and len(motion) > 1:
        raise ValueError(f"'static' stands alone, got {motion}")
    return motion


Motion = Annotated[list[Primitive], AfterValidator(_check_motion)]


class ClipInfo(StrictModel):
    """The clip that a document is about: a source and a time span of it."""

    id: str
    path: str = Field(description="as given by the user; empty for frames from memory")
    start: float = Field(ge=0.0, description="start of the span in the source, seconds")
    end: float = Field(ge=0.0, description="end of the span in the source, seconds")
    duration: float = Field(ge=0.0, description="seconds; end - start")
    fps: float = Field(ge=0.0, description="mean frames per second; 0 for a still image")
    width: int = Field(ge=0, description="pixels of the displayed (rotated) frame; 0: not known")
    height: int = Field(ge=0, description="pixels of the displayed (rotated) frame; 0: not known")
    frames: int = Field(ge=0, description="frames that were read")


class Text(StrictModel):
    """Writing seen in the picture."""

    text: str
    t: Seconds
    box: Box


def check_ids(ids: list[int]) -> None:
    """Raise :class:`ValueError` where two instances share an id."""
    if len(set(ids)) != len(ids):
        raise ValueError(f"instance ids must differ, got {ids}")
