"""Facts measured from the pixels, version 1. Numbers and closed vocabularies, never prose."""

from __future__ import annotations

import operator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from instancecap.schema import vocabulary as v
from instancecap.schema.base import (
    Box,
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

Direction = Literal["left", "right", "up", "down", "up_left", "up_right", "down_left", "down_right"]
Heading = Literal["left", "right", "up", "down"]
ContactKind = Literal["overlaps", "crosses", "meets"]
TextKind = Literal["overlay", "watermark", "subtitle"]


class Video(ClipInfo):
    """The clip as in a caption, and what the container and the decoder say of it."""

    width: int = Field(ge=1, description="pixels of the displayed (rotated) frame")
    height: int = Field(ge=1, description="pixels of the displayed (rotated) frame")
    rotation: int = Field(default=0, description="degrees clockwise applied for display")
    start_pts: float = Field(default=0.0, description="time stamp of the first frame, seconds")
    codec: str = ""
    pixel_format: str = ""
    frames_read: int = Field(default=0, ge=0)
    damage: Unit = Field(default=0.0, description="share of the frames that are damaged or missing")


class Shot(StrictModel):
    """A stretch between two cuts."""

    start: Seconds
    end: Seconds
    transition: v.Transition


class CameraSample(StrictModel):
    """Motion of the background in the picture since the sample before.

    ``dx``, ``dy`` are in frame widths and heights (positive: the picture moves right, down), at
    the frame's centre; ``zoom`` is a factor; ``roll`` is in degrees (positive: clockwise).
    """

    t: Seconds
    dx: float
    dy: float
    zoom: float
    roll: float
    inliers: Unit = Field(description="share of the followed points that move with the camera")


class CameraSegment(StrictModel):
    """A stretch of one camera movement."""

    start: Seconds
    end: Seconds
    motion: Motion


class CameraFacts(StrictModel):
    """The camera's path and the words for it."""

    motion: Motion = []
    speed: Literal[v.Speed, ""] = ""
    stability: Literal[v.Stability, ""] = ""
    confidence: Unit = 0.0
    segments: list[CameraSegment] = []
    path: list[CameraSample] = []
    scores: dict[v.Primitive, Unit] = Field(
        default={},
        exclude_if=operator.not_,
        description="how much speaks for each movement, only where a camera model was chosen",
    )


class MaskRle(StrictModel):
    """An instance's mask at one time, COCO compressed run-length code."""

    t: Seconds
    size: tuple[int, int] = Field(description="height, width of the mask in pixels")
    counts: str


class Turn(StrictModel):
    """A change of direction by more than 60 degrees that is kept up."""

    t: Seconds
    before: Heading
    after: Heading


class Period(StrictModel):
    """A motion that repeats at least three times: juggling, bouncing, swinging."""

    seconds: float = Field(default=0.0, ge=0.0, description="length of a cycle, 0 when none")
    strength: Unit = Field(default=0.0, description="autocorrelation after one cycle")


class InstanceMotion(StrictModel):
    """How an instance moves in the world, the camera's own motion taken away."""

    moving: bool
    direction: Literal[Direction, ""] = ""
    speed: float = Field(default=0.0, ge=0.0, description="frame diagonals per second")
    scale_change: float = Field(
        default=1.0, gt=0.0, description="last area over first area, the camera's zoom taken out"
    )
    activity: Unit = Field(
        default=0.0, description="share of its samples in which something in its box moves"
    )
    frame_dx: float = Field(default=0.0, description="shift in the frame, frame widths")
    frame_dy: float = Field(default=0.0, description="shift in the frame, frame heights")
    turns: list[Turn] = Field(default=[], description="told before a resting camera only")
    still: list[tuple[Seconds, Seconds]] = Field(
        default=[], description="start and end, seconds, of rests before a resting camera"
    )
    period: Period = Period()


class Opinion(StrictModel):
    """What one of several experts says of one fact."""

    kind: str = Field(description="of fact, as its reliability is counted: 'class', 'shot_type'")
    value: str
    confidence: Unit = Field(description="as the expert has it")
    expert: str
    holds: bool = Field(default=True, description="whether the evidence has this value")


class PoseSpan(StrictModel):
    """A stretch in which a body's joints say the same."""

    start: Seconds
    end: Seconds
    word: v.PoseWord
    confidence: Unit = Field(
        description="mean over its samples of the score of the joint that is seen worst"
    )


class InstanceFacts(StrictModel):
    """One followed thing."""

    id: int = Field(ge=0)
    class_: str = Field(
        alias="class", description="COCO class name, one of the detector's own, or 'object'"
    )
    category: Literal[v.Category, ""] = Field(
        default="",
        exclude_if=operator.not_,
        description="of a class of the detector's own; not there for COCO's",
    )
    phrase: str = Field(
        default="",
        exclude_if=operator.not_,
        description="what it was found by, beside its class: 'man in red'",
    )
    confidence: Unit = Field(description="probability that the class is right")
    category_confidence: Unit = Field(
        default=0.0, description="probability that it is at least of the class's category"
    )
    salience: Unit
    count: int = Field(default=1, ge=1)
    count_confidence: Unit = Field(
        default=1.0,
        description="of a group: share of the samples in which no more of its kind are in its box",
    )
    source: str = Field(default="", description="the expert that found it")
    tracker: str = Field(
        default="", exclude_if=operator.not_, description="the expert that drew its track anew"
    )
    colors: list[tuple[str, Unit]] = Field(default=[], description="name and share, largest first")
    track: list[TrackPoint] = []
    masks: list[MaskRle] = []
    enters: bool = False
    leaves: bool = False
    motion: InstanceMotion = InstanceMotion(moving=False)
    pose: list[PoseSpan] = Field(
        default=[], exclude_if=operator.not_, description="of a person, only with --pose"
    )
    opinions: list[Opinion] = Field(
        default=[], exclude_if=operator.not_, description="only where several experts spoke of it"
    )


class Contact(StrictModel):
    """Two things that were apart in the picture come to cover each other; depth is not known.

    ``crosses``: they part on the other side; ``overlaps``: they do not; ``meets``: they stay
    together for a second or more, up to the last time that both are seen.
    """

    first: int = Field(ge=0, description="id of an instance")
    second: int = Field(ge=0, description="id of another instance")
    start: Seconds
    end: Seconds
    kind: ContactKind


class Face(StrictModel):
    """A face at one time; ``instance`` is the id of the person it belongs to."""

    t: Seconds
    box: Box
    score: Unit
    landmarks: list[tuple[float, float]] = Field(
        default=[], description="eyes, nose, mouth corners: right first; 0..1 of the frame"
    )
    instance: int | None = None


class LightFacts(StrictModel):
    """Light over the whole clip; means over the sampled frames."""

    brightness: Unit = 0.0
    contrast: Unit = Field(default=0.0, description="standard deviation of luma, 0..1")
    saturation: Unit = 0.0
    warmth: float = Field(default=0.0, description="mean of (red - blue), -1..1")
    change: float = Field(default=0.0, description="brightness of the last second minus the first")
    day: Unit = Field(default=0.0, description="how much speaks for the day outdoors, told or not")
    time_of_day: Literal[v.TimeOfDay, ""] = ""
    confidence: Unit = 0.0


class PlaceFacts(StrictModel):
    """Indoors or outdoors, where the picture tells."""

    label: v.Place = "unknown"
    confidence: Unit = 0.0
    outdoor: Unit = Field(default=0.0, description="how much speaks for it, told or not")
    indoor: Unit = 0.0
    colors: list[tuple[str, Unit]] = Field(default=[], description="colors around the instances")


class FramingFacts(StrictModel):
    """How the main subject is framed."""

    shot_type: Literal[v.ShotType, ""] = ""
    shot_angle: Literal[v.ShotAngle, ""] = ""
    shot_position: Literal[v.ShotPosition, ""] = ""
    style: v.Style = "unknown"
    confidence: Unit = 0.0
    shots: list[Literal[v.ShotType, ""]] = Field(default=[], description="shot type of each shot")


class TextRegion(StrictModel):
    """A line of writing that is laid over the picture and keeps its place."""

    t: Seconds = Field(description="first seen")
    end: Seconds = Field(description="last seen")
    box: Box
    score: Unit = Field(description="how sure it was read, or that nobody can")
    text: str = Field(default="", description="what it says, empty where it was not read")
    kind: TextKind = "overlay"


class Loudness(StrictModel):
    """The level of half a second of sound."""

    t: Seconds = Field(description="where the half second begins")
    dbfs: float = Field(le=0.0, description="root mean square of the mono mix; -100: no sound")


class SpeechSpan(StrictModel):
    """A stretch in which somebody speaks."""

    start: Seconds
    end: Seconds
    confidence: Unit = Field(description="mean probability of speech")


class AudioFacts(StrictModel):
    """What is heard; empty where nobody listened."""

    sound: Literal[v.Sound, ""] = ""
    loudness: list[Loudness] = []
    speech: list[SpeechSpan] = []
    language: str = Field(default="", description="spoken language, a code such as 'en'")
    transcript: list[Utterance] = []


class Evidence(Document):
    """Everything that was measured about one clip."""

    kind: ClassVar[str] = "evidence"

    schema_: Literal["instancecap.evidence/1"] = Field(
        default="instancecap.evidence/1", alias="schema"
    )
    video: Video
    shots: list[Shot] = []
    camera: CameraFacts = CameraFacts()
    instances: list[InstanceFacts] = []
    contacts: list[Contact] = []
    faces: list[Face] = []
    light: LightFacts = LightFacts()
    place: PlaceFacts = PlaceFacts()
    framing: FramingFacts = FramingFacts()
    texts: list[Text] = []
    overlays: list[TextRegion] = Field(default=[], description="where writing is laid over it")
    audio: AudioFacts = Field(
        default=AudioFacts(), exclude_if=is_empty, description="only where sound was measured"
    )
    opinions: list[Opinion] = Field(
        default=[],
        exclude_if=operator.not_,
        description="of the clip as a whole, only where several experts spoke",
    )
    models: dict[str, str] = Field(default={}, description="expert and the model it used")
    warnings: list[str] = []
    timings: dict[str, float] = Field(default={}, description="seconds spent, by expert")

    @model_validator(mode="after")
    def _check_ids(self) -> Self:
        check_ids([instance.id for instance in self.instances])
        return self
