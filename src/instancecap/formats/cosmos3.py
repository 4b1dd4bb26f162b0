"""Cosmos 3: the structured caption that is also its prompt (NVIDIA cosmos-framework)."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, get_args

from instancecap.formats.phrases import (
    MEDIA,
    STEADY,
    camera_sentence,
    camera_words,
    capital,
    style_of,
)
from instancecap.formats.shape import (
    Shape,
    Word,
    clean,
    find_word,
    key,
    number,
    of_texts,
    sentences,
    synonyms,
)
from instancecap.language import en
from instancecap.schema.base import Text
from instancecap.schema.caption import Camera, Caption, Instance, Position, Segment, Shot, Video
from instancecap.schema.vocabulary import Place, ShotAngle, ShotPosition, ShotType, TimeOfDay

RATIOS = ((16, 9), (4, 3), (1, 1), (3, 4), (9, 16))
"""The aspect ratios that the model generates (NVIDIA, Cosmos 3 model reference)."""

_TIME = re.compile(r"(\d+):(\d+(?:\.\d+)?)")


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


def write(caption: Caption) -> dict[str, Any]:
    """Fields of a subject that are not known are left out; the rest of the list is always there."""
    camera, motion = caption.camera, camera_sentence(caption.camera)
    view = en.SHOT_POSITION_NAMES.get(camera.shot_position)
    framing = ", ".join(filter(None, (en.SHOT_TYPES.get(camera.shot_type), view)))
    size = _size(caption.video) if caption.video else {}
    answer = Answer(
        background_setting=caption.background,
        lighting=Lighting(conditions=caption.lighting),
        cinematography=Cinematography(
            camera_motion="" if motion == STEADY else motion,
            framing=capital(framing),
        ),
        style_medium=MEDIA.get(caption.style, ""),
        context=", ".join(
            word.replace("_", " ")
            for word in (caption.place, caption.time_of_day)
            if word not in ("", "unknown")
        ),
        text_and_signage_elements=[
            Sign(text=one.text, spatial_temporal=f"at {clock(one.t)}") for one in caption.texts
        ],
        segments=[
            Part(
                segment_index=index,
                time_range=f"{clock(one.start)}-{clock(one.end)}",
                description=one.description,
            )
            for index, one in enumerate(caption.segments)
        ],
        transitions=[
            f"{shot.transition} at {clock(shot.start)}"
            for shot in caption.shots
            if shot.transition != "start"
        ],
        temporal_caption=caption.global_description,
    )
    written = answer.model_dump(exclude={"resolution", "aspect_ratio", "duration", "fps"})
    written["subjects"] = [_subject(one) for one in caption.instances]
    angle = en.SHOT_ANGLE_NAMES.get(camera.shot_angle, "")
    written["cinematography"]["camera_angle"] = capital(angle)
    return {**written, **size}


def _subject(one: Instance) -> dict[str, Any]:
    known = {
        "appearance_details": one.appearance,
        "location": en.position(one.position),
        "action": one.action,
        "expression": one.expression,
    }
    filled = {name: text for name, text in known.items() if text}
    return {"description": one.class_, **filled, "number_of_subjects": one.count}


def aspect_ratio(width: int, height: int) -> str:
    """The nearest of :data:`RATIOS`, such as ``16,9``."""
    ratio = math.log(width / height)
    nearest = min(RATIOS, key=lambda one: abs(math.log(one[0] / one[1]) - ratio))
    return f"{nearest[0]},{nearest[1]}"


def _size(video: Video) -> dict[str, Any]:
    """What is known of the video."""
    size: dict[str, Any] = {}
    if video.width and video.height:
        size["resolution"] = {"H": video.height, "W": video.width}
        size["aspect_ratio"] = aspect_ratio(video.width, video.height)
    if video.duration:
        size["duration"] = f"{max(1, round(video.duration))}s"
    if video.fps:
        size["fps"] = max(1, round(video.fps))
    return size


def clock(seconds: float) -> str:
    """``M:SS``, with milliseconds where there are any: ``0:05``, ``1:02.5``."""
    minutes, rest = divmod(round(seconds * 1000), 60_000)
    text = f"{minutes}:{rest // 1000:02d}.{rest % 1000:03d}"
    return text.rstrip("0").rstrip(".") if rest % 1000 else text[:-4]


def _times(text: str) -> list[float]:
    """The times of a text, seconds."""
    found = ((int(minutes[:12]), float(rest)) for minutes, rest in _TIME.findall(text))
    return [min(minutes * 60_000 + round(rest * 1000), 10**15) / 1000 for minutes, rest in found]


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """What a caption has no field for is added to the nearest text, or named as left out."""
    given = Answer.take(value, warnings)
    place, time_of_day, context = _read_context(given.context)
    light = given.lighting
    video = _read_video(given)
    _name_what_is_lost(given, warnings)
    return Caption(
        video=video,
        global_description=given.temporal_caption,
        instances=[_read_subject(*one) for one in enumerate(given.subjects)],
        background=sentences([given.background_setting, context]),
        lighting=sentences(
            [light.conditions, light.direction, light.shadows, light.illumination_effect]
        ),
        place=place,
        time_of_day=time_of_day,
        style=style_of(given.style_medium, warnings),
        camera=_read_camera(given.cinematography, warnings),
        texts=[
            Text(text=one.text, t=[*_times(one.spatial_temporal), 0.0][0], box=(0, 0, 1, 1))
            for one in given.text_and_signage_elements
        ],
        segments=_read_segments(given, warnings),
        shots=_read_transitions(given.transitions, video.duration if video else 0.0),
    )


def _name_what_is_lost(given: Answer, warnings: list[str]) -> None:
    """Fields that a caption has no place for."""
    cinema = given.cinematography
    for owner, where, names in (
        (given.aesthetics, "aesthetics/", type(given.aesthetics).model_fields),
        (cinema, "cinematography/", ("depth_of_field", "focus", "lens_focal_length")),
        (given, "", ("artistic_style", "audio_description")),
    ):
        left = (name for name in names if getattr(owner, name))
        warnings += [f"unknown field left out: /{where}{name}" for name in left]


def _read_camera(cinema: Cinematography, warnings: list[str]) -> Camera:
    """The framing is a list of words: size of the shot, then point of view."""
    words = camera_words(cinema.camera_motion)
    parts = [cinema.framing, *cinema.framing.split(",")]
    for name, known in (("shot_type", ShotType), ("shot_position", ShotPosition)):
        found = (find_word(part, get_args(known), synonyms(name)) for part in parts)
        words[name] = next(filter(None, found), "")
    if cinema.framing.strip() and not (words["shot_type"] or words["shot_position"]):
        warnings.append(f"framing {cinema.framing!r:.60} is no word that is known here")
    return Camera.model_validate({**words, "shot_angle": cinema.camera_angle})


def _read_subject(number: int, one: Subject) -> Instance:
    """Details of a person's looks join the appearance, those of a pose the action."""
    short = len(one.description.split()) <= 3
    looks = [one.appearance_details, one.clothing, one.skin_tone_and_texture]
    looks += [one.facial_features, one.gender, one.age]
    place = [one.location, one.relative_size, one.orientation, one.relationship]
    return Instance(
        id=number,
        class_=_without_article(one.description) if short else head_noun(one.description),
        appearance=sentences(looks if short else [one.description, *looks]),
        action=sentences([one.action, one.pose, one.state_changes]),
        expression=one.expression,
        position=Position(text=sentences(place)),
        count=max(1, one.number_of_subjects),
    )


def _without_article(text: str) -> str:
    return re.sub(r"^(?:an?|the) ", "", text, flags=re.IGNORECASE)


def head_noun(description: str) -> str:
    """The noun of ``A red vintage car with chrome``: the last word before what qualifies it."""
    ends = r",|;|\.|\b(?:with|in|on|at|of|from|who|that|which|wearing|holding|and|is|are|\w+ing)\b"
    words = re.split(ends, _without_article(description), maxsplit=1)[0].split()
    return words[-1].casefold() if words else "subject"


def _read_segments(given: Answer, warnings: list[str]) -> list[Segment]:
    """The segments; where there are none, the actions, which have times too."""
    told = [
        (one.time_range, sentences([one.description, one.key_changes, one.camera]))
        for one in given.segments
    ]
    actions = [(one.time, one.description) for one in given.actions]
    if told and actions:
        warnings.append("actions left out: the segments say what happens when")
    segments = []
    for time, text in told or actions:
        times = _times(time) or [0.0]
        segments.append(Segment(start=times[0], end=times[-1], description=text))
    return segments


def _read_transitions(value: Any, duration: float) -> list[Shot]:
    """Shots from one transition to the next; none where no transition has a time."""
    shots: list[Shot] = []
    for one in value if isinstance(value, list) else []:
        text = clean(" ".join(map(str, one.values())) if isinstance(one, dict) else str(one))
        times = _times(text)
        if times:
            kind = next((word for word in ("dissolve", "fade") if word in text.casefold()), "cut")
            shots.append(Shot.model_validate({"start": times[0], "end": 0, "transition": kind}))
    if shots:
        shots.insert(0, Shot(start=0.0, end=0.0, transition="start"))
    for shot, after in zip(shots, [*(one.start for one in shots[1:]), duration], strict=False):
        shot.end = after
    return shots


def _read_context(text: str) -> tuple[Any, Any, str]:
    """Place and time of day; what else the text says."""
    place, time_of_day = "", ""
    rest = []
    for part in text.split(", "):
        word = part.strip().casefold().replace(" ", "_")
        if word in get_args(Place) and not place:
            place = word
        elif word in get_args(TimeOfDay) and not time_of_day:
            time_of_day = word
        else:
            rest.append(part)
    return place, time_of_day, ", ".join(rest)


def _read_video(given: Answer) -> Video | None:
    size, duration = given.resolution, number(given.duration)
    if not (size.W or size.H or duration or given.fps):
        return None
    video = Video.named("")
    video.width, video.height, video.fps = size.W, size.H, given.fps
    video.duration = video.end = duration
    return video
