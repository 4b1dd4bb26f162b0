"""The JSON of Cosmos 3, object by object."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, get_args

from instancecap.formats.shape import Shape, Word, key
from instancecap.formats.skycaptioner import SHOT_ANGLES
from instancecap.schema.vocabulary import ShotAngle


class Subject(Shape):
    """One subject, or several alike."""

    prose: ClassVar[str] = "description"

    description: str = ""
    appearance_details: str = ""
    relationship: str = ""
    location: str = ""
    relative_size: str = ""
    orientation: str = ""
    pose: str = ""
    action: str = ""
    state_changes: str = ""
    clothing: str = ""
    expression: str = ""
    gender: str = ""
    age: str = ""
    skin_tone_and_texture: str = ""
    facial_features: str = ""
    number_of_subjects: int = 1
    number_of_arms: int = 0
    number_of_legs: int = 0
    number_of_hands: int = 0
    number_of_fingers: int = 0


class Lighting(Shape):
    """The light."""

    prose: ClassVar[str] = "conditions"

    conditions: str = ""
    direction: str = ""
    shadows: str = ""
    illumination_effect: str = ""


class Aesthetics(Shape):
    """How it looks as a picture; a caption has no such fields."""

    composition: str = ""
    color_scheme: str = ""
    mood_atmosphere: str = ""
    patterns: str = ""


class Cinematography(Shape):
    """How it is filmed."""

    prose: ClassVar[str] = "camera_motion"

    camera_motion: str = ""
    framing: str = ""
    camera_angle: Annotated[str, Word(get_args(ShotAngle), SHOT_ANGLES)] = ""
    depth_of_field: str = ""
    focus: str = ""
    lens_focal_length: str = ""


class Action(Shape):
    """What happens at a time."""

    prose: ClassVar[str] = "description"

    time: str = ""
    description: str = ""


class Sign(Shape):
    """Writing in the picture."""

    prose: ClassVar[str] = "text"

    text: str = ""
    category: str = ""
    appearance: str = ""
    spatial_temporal: str = ""
    context: str = ""


class Part(Shape):
    """A stretch of the video."""

    prose: ClassVar[str] = "description"

    segment_index: int = 0
    time_range: str = ""
    description: str = ""
    key_changes: str = ""
    camera: str = ""


class Resolution(Shape):
    """Pixels."""

    H: int = 0
    W: int = 0


class Answer(Shape):
    """The object that Cosmos 3 is trained on."""

    subjects: list[Subject] = []
    background_setting: str = ""
    lighting: Lighting = Lighting()
    aesthetics: Aesthetics = Aesthetics()
    cinematography: Cinematography = Cinematography()
    style_medium: str = ""
    artistic_style: str = ""
    context: str = ""
    actions: list[Action] = []
    text_and_signage_elements: list[Sign] = []
    segments: list[Part] = []
    transitions: list[Any] = []
    temporal_caption: str = key("temporal_caption", "comprehensive_t2i_caption")
    audio_description: str = ""
    resolution: Resolution = Resolution()
    aspect_ratio: str = ""
    duration: str = ""
    fps: int = 0
