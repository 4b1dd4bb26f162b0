"""The structured caption, version 1. An empty string or list means *not known*."""

from __future__ import annotations

import operator
import os
from typing import Any, ClassVar, Literal, Self, cast

from pydantic import Field, model_validator

from instancecap.schema import codec, pointer
from instancecap.schema import vocabulary as v
from instancecap.schema.base import (
    ClipInfo,
    Document,
    Motion,
    Seconds,
    StrictModel,
    Text,
    TrackPoint,
    Unit,
    Utterance,
    check_ids,
    is_empty,
)

TRACK_POINTS_PER_SHOT = 16
"""A caption's track is a sketch; :class:`Evidence` keeps every point."""

HUMAN = "human"
"""Who a field is by, in a caption's provenance, where a person wrote it."""


class Video(ClipInfo):
    """The clip that is described: a source and a time span of it."""

    @classmethod
    def named(cls, path: str) -> Video:
        """A video of which nothing but the path is known."""
        name = path.replace("\\", "/").rpartition("/")[2]
        numbers = dict.fromkeys(("start", "end", "duration", "fps", "width", "height", "frames"), 0)
        return cls.model_validate({"id": name, "path": path, **numbers})


class Position(StrictModel):
    """Where an instance is in the frame, from its first visible time to its last."""

    text: str = ""
    start: Literal[v.Cell, ""] = ""
    end: Literal[v.Cell, ""] = ""
    enters: bool = Field(default=False, description="not visible at the clip's start")
    leaves: bool = Field(default=False, description="seen before, not visible at the clip's end")


class ExpressionSpan(StrictModel):
    """A stretch in which a face was seen from near, and showed the same."""

    start: Seconds = Field(description="of the first close-up; between stretches it changes")
    end: Seconds = Field(description="of the last close-up")
    shows: str
    intensity: Literal[v.Intensity, ""] = ""


class Instance(StrictModel):
    """One thing, or one group of like things, followed over the clip."""

    id: int = Field(ge=0)
    name: str = Field(
        default="", description="referring expression, unique in the caption: 'the woman in red'"
    )
    class_: str = Field(alias="class", description="singular noun, also for a group")
    category: Literal[v.Category, ""] = ""
    subcategory: str = ""
    is_main: bool = False
    count: int = Field(default=1, ge=1, description="more than 1 for a group")
    appearance: str = ""
    action: str = ""
    expression: str = ""
    expression_spans: list[ExpressionSpan] = Field(
        default=[], exclude_if=operator.not_, description="when its face showed what"
    )
    colors: list[str] = []
    position: Position = Position()
    track: list[TrackPoint] = []


class Camera(StrictModel):
    """How the clip is filmed, over the whole clip."""

    motion: Motion = []
    speed: Literal[v.Speed, ""] = ""
    stability: Literal[v.Stability, ""] = ""
    description: str = ""
    shot_type: Literal[v.ShotType, ""] = ""
    shot_angle: Literal[v.ShotAngle, ""] = ""
    shot_position: Literal[v.ShotPosition, ""] = ""


class Shot(StrictModel):
    """A stretch between two cuts."""

    start: Seconds
    end: Seconds
    transition: v.Transition = Field(description="how the shot begins")
    motion: Motion = []
    shot_type: Literal[v.ShotType, ""] = ""


class Segment(StrictModel):
    """What happens during a part of the clip."""

    start: Seconds
    end: Seconds
    description: str
    instances: list[int] = Field(default=[], description="ids of the instances that act in it")


class Audio(StrictModel):
    """What is heard; empty where nobody listened."""

    sound: Literal[v.Sound, ""] = ""
    language: str = Field(default="", description="spoken language, a code such as 'en'")
    speech: list[Utterance] = Field(
        default=[], description="where somebody speaks, and the words where they were transcribed"
    )


class Claim(StrictModel):
    """A statement of the caption that was checked against the evidence."""

    field: str = Field(description="JSON pointer; after /instances/ stands the instance's id")
    says: str
    support: v.ClaimSupport
    confidence: Unit
    frames: list[Seconds] = []


class Provenance(StrictModel):
    """Who says so, how surely, and which frames show it."""

    source: str = Field(description="an expert's or a model's name, or 'human'")
    confidence: Unit
    support: v.Support
    frames: list[Seconds] = []
    spans: list[tuple[int, int]] = Field(
        default=[],
        exclude_if=operator.not_,
        description="first and next character of its words in producer.prompt; only of a caption "
        "that was enhanced from a prompt",
    )
    at: str = Field(
        default="", exclude_if=operator.not_,
        description="when a person wrote it in the review, UTC: 2026-01-31T12:00:00Z",
    )  # fmt: skip


class Producer(StrictModel):
    """What wrote the caption."""

    name: str = "instancecap"
    version: str = ""
    captioner: str = ""
    mode: str = ""
    models: dict[str, str] = {}
    prompts: str = ""
    seed: int = 0
    prompt: str = Field(
        default="", exclude_if=operator.not_, description="that the caption was enhanced from"
    )


class Alternative(StrictModel):
    """What a teacher said of a field for which another one's answer was kept."""

    value: str | list[str]
    support: v.Support
    score: float = Field(description="support by the evidence, plus agreement with the others")


class Teacher(StrictModel):
    """One of several models that were asked about the clip: its cost, and what it said."""

    name: str
    model: str
    mode: str = ""
    problem: str = Field(default="", description="why its answer is missing, or not whole")
    calls: float = 0
    prompt_tokens: float = 0
    completion_tokens: float = 0
    seconds: float = 0
    won: list[str] = Field(default=[], description="pointers of the fields that are by it")
    lost: dict[str, Alternative] = Field(
        default={}, description="by pointer, what it said where another answer was kept"
    )


class Caption(Document):
    """Structured text about one clip; ``docs/caption.md`` explains it field by field."""

    kind: ClassVar[str] = "caption"

    schema_: Literal["instancecap.caption/1"] = Field(
        default="instancecap.caption/1", alias="schema"
    )
    video: Video | None = Field(description="null only for a caption enhanced from a prompt")
    global_description: str = ""
    dense_description: str = Field(
        default="", exclude_if=operator.not_,
        description="all of the caption as one flowing paragraph, where a model wrote one",
    )  # fmt: skip
    instances: list[Instance] = []
    background: str = ""
    place: Literal[v.Place, ""] = ""
    lighting: str = ""
    time_of_day: Literal[v.TimeOfDay, ""] = ""
    style: Literal[v.Style, ""] = ""
    camera: Camera = Camera()
    texts: list[Text] = []
    shots: list[Shot] = []
    segments: list[Segment] = []
    audio: Audio = Field(
        default=Audio(), exclude_if=is_empty, description="only where sound was measured"
    )
    claims: list[Claim] = []
    provenance: dict[str, Provenance] = {}
    warnings: list[str] = []
    teachers: list[Teacher] = Field(
        default=[], exclude_if=operator.not_,
        description="where several models were asked: who won which field, and what lost",
    )  # fmt: skip
    producer: Producer = Producer()

    @model_validator(mode="after")
    def _check_ids(self) -> Caption:
        ids = [instance.id for instance in self.instances]
        check_ids(ids)
        names = [instance.name.casefold() for instance in self.instances if instance.name]
        if len(set(names)) != len(names):
            raise ValueError(f"instance names must differ, got {names}")
        acting = {id for segment in self.segments for id in segment.instances}
        if acting - set(ids):
            raise ValueError(
                f"segments name instances {sorted(acting - set(ids))}, there are {ids}"
            )
        return self

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Self:
        """Read a file of one caption, in our format or any that ``docs/formats.md`` names.

        What had to be put right or left out is in ``warnings``. Raises :class:`FormatError` where
        the file is missing, holds no caption, or holds several.
        """
        return cast(Self, codec.formats().read_file(path))

    def to(self, format: str) -> dict[str, Any] | str:
        """The caption in another format: a plain object, or text for ``"text"``.

        Raises :class:`UsageError` for a name that is no format, and :class:`FormatError` where a
        text would be empty. :func:`instancecap.formats.lost` says what does not go along.
        """
        return codec.formats().to_format(self, format)

    def leaves(self) -> dict[str, Any]:
        """Every known leaf that a person would read, by its provenance pointer."""
        return pointer.leaves(self)
