"""The JSON of Cosmos 3, object by object: all are texts but for a few numbers."""

from __future__ import annotations

from typing import Annotated, Any, get_args

from instancecap.formats.shape import Shape, Word, key, of_texts
from instancecap.formats.synonyms import synonyms
from instancecap.schema.vocabulary import ShotAngle

Subject: Any = of_texts(
    "Subject",
    "description appearance_details relationship location relative_size orientation pose action "
    "state_changes clothing expression gender age skin_tone_and_texture facial_features",
    prose="description",
    number_of_subjects=(int, 1),
    **{f"number_of_{part}": (int, 0) for part in ("arms", "legs", "hands", "fingers")},
)
Lighting: Any = of_texts(
    "Lighting", "conditions direction shadows illumination_effect", prose="conditions"
)
Aesthetics: Any = of_texts("Aesthetics", "composition color_scheme mood_atmosphere patterns")
Cinematography: Any = of_texts(
    "Cinematography",
    "camera_motion framing depth_of_field focus lens_focal_length",
    prose="camera_motion",
    camera_angle=(Annotated[str, Word(get_args(ShotAngle), synonyms("shot_angle"))], ""),
)
Action: Any = of_texts("Action", "time description", prose="description")
Sign: Any = of_texts("Sign", "text category appearance spatial_temporal context", prose="text")
Part: Any = of_texts(
    "Part", "time_range description key_changes camera", prose="description", segment_index=(int, 0)
)


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
