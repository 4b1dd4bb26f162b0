"""What a caption and its evidence share: strict models, parts, and safe reading and writing."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from instancecap.errors import FormatError
from instancecap.io.atomic import write_whole
from instancecap.schema.vocabulary import Primitive

Seconds = Annotated[float, Field(ge=0.0, description="seconds from the clip's start")]
Unit = Annotated[float, Field(ge=0.0, le=1.0)]


def _check_box(box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = box
    if x0 > x1 or y0 > y1:
        raise ValueError(f"a box is [x0, y0, x1, y1] with x0 <= x1 and y0 <= y1, got {list(box)}")
    return box


Box = Annotated[
    tuple[Unit, Unit, Unit, Unit],
    AfterValidator(_check_box),
    Field(description="[x0, y0, x1, y1] in 0..1 of the displayed (rotated) frame"),
]


class StrictModel(BaseModel):
    """A model that refuses unknown fields and numbers that JSON cannot hold (NaN, infinity)."""

    model_config = ConfigDict(
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class TrackPoint(StrictModel):
    """Where an instance is at one time."""

    t: Seconds
    box: Box
    score: Unit = Field(description="how sure the detector or tracker was at this time")


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


class Utterance(StrictModel):
    """Words that somebody says, as they were transcribed."""

    start: Seconds
    end: Seconds
    text: str = ""


class Transcript(StrictModel):
    """What was said in a piece of sound; times count from its start, where they are told."""

    language: str = Field(default="", description="as told by who listened, such as 'en'")
    utterances: list[Utterance] = []
    timed: bool = Field(default=True, description="whether the utterances have times")


def is_empty(part: BaseModel) -> bool:
    """Whether nothing is known of a part of a document, so that it is left out of the file."""
    return part == type(part)()


def check_ids(ids: list[int]) -> None:
    """Raise :class:`ValueError` where two instances share an id."""
    if len(set(ids)) != len(ids):
        raise ValueError(f"instance ids must differ, got {ids}")


class Document(StrictModel):
    """A model with a file of its own: reading reports one line, writing is all or nothing."""

    kind: ClassVar[str]

    @classmethod
    def from_json(cls, text: str | bytes, *, source: str = "text") -> Self:
        """Parse and validate. Raises :class:`FormatError` naming ``source`` and the first fault."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = "/" + "/".join(str(part) for part in first["loc"])
            more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
            why = first["msg"].removeprefix("Value error, ")
            raise FormatError(f"{source}: not a valid {cls.kind}: {place}: {why}{more}") from error

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a JSON file. Raises :class:`FormatError` where it is missing or does not fit."""
        try:
            data = Path(path).read_bytes()
        except OSError as error:
            raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
        return cls.from_json(data, source=str(path))

    def to_json(self, *, indent: int | None = 2) -> str:
        """JSON text with the published key names and without escaping of non-ASCII letters."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False, indent=indent)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the JSON file, whole or not at all. Raises :class:`OutputError`."""
        write_whole(path, self.to_json() + "\n")

    @classmethod
    def published_schema(cls) -> dict[str, Any]:
        """The JSON Schema that stands in ``docs/schema``."""
        return {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **cls.model_json_schema(mode="serialization"),
        }
