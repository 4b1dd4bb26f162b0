"""Cosmos 3: the structured caption that is also its prompt (NVIDIA cosmos-framework)."""

from __future__ import annotations

import math
import re
from typing import Any, get_args

from instancecap.formats.fields import Fields, clean, find_word, sentences
from instancecap.formats.prose import (
    ANGLES,
    camera_prose,
    capital,
    position_prose,
    read_camera,
    read_position,
    read_shot,
    shot_prose,
)
from instancecap.formats.skycaptioner import SHOT_ANGLES, SHOT_POSITIONS, SHOT_TYPES
from instancecap.schema.caption import Caption, Instance, Segment, Shot, Text, Video
from instancecap.schema.vocabulary import Place, ShotAngle, ShotPosition, ShotType, TimeOfDay

HOLDS = {
    "/global_description": "temporal_caption",
    "/instances/*/class": "subjects / description",
    "/instances/*/appearance": "subjects / appearance_details",
    "/instances/*/action": "subjects / action",
    "/instances/*/expression": "subjects / expression",
    "/instances/*/count": "subjects / number_of_subjects",
    "/instances/*/position/text": "subjects / location",
    "/background": "background_setting",
    "/lighting": "lighting / conditions",
    "/place": "context",
    "/time_of_day": "context",
    "/style": "style_medium; unknown is left empty",
    "/camera/description": "cinematography / camera_motion",
    "/camera/shot_type": "cinematography / framing",
    "/camera/shot_position": "cinematography / framing",
    "/camera/shot_angle": "cinematography / camera_angle",
    "/texts/*/text": "text_and_signage_elements / text",
    "/texts/*/t": "text_and_signage_elements / spatial_temporal",
    "/shots/*/start": "transitions",
    "/shots/*/transition": "transitions",
    "/segments": "segments, to the millisecond",
    "/video/width": "resolution / W",
    "/video/height": "resolution / H",
    "/video/duration": "duration, in whole seconds",
    "/video/fps": "fps, a whole number",
}

RATIOS = ((16, 9), (4, 3), (1, 1), (3, 4), (9, 16))
"""The aspect ratios that the model generates (NVIDIA, Cosmos 3 model reference)."""

MEDIA = {"real": "Live-action video", "animation": "Animation", "graphics": "Computer graphics"}
"""A caption's style as a medium."""

_MEDIUM_WORDS = (
    ("animation", r"anim|cartoon|drawn"),
    ("graphics", r"graphic|cgi|render|game|3d|screen"),
    ("real", r"live|photo|film|footage|real"),
)
_TIME = re.compile(r"(\d+):(\d+(?:\.\d+)?)")


def write(caption: Caption) -> dict[str, Any]:
    """Fields of a subject that are not known are left out; the rest of the list is always there."""
    camera = caption.camera
    context = ", ".join(filter(None, (caption.place, caption.time_of_day.replace("_", " "))))
    written: dict[str, Any] = {
        "subjects": [_subject(one) for one in caption.instances],
        "background_setting": caption.background,
        "lighting": {
            "conditions": caption.lighting,
            **dict.fromkeys(("direction", "shadows", "illumination_effect"), ""),
        },
        "aesthetics": dict.fromkeys(
            ("composition", "color_scheme", "mood_atmosphere", "patterns"), ""
        ),
        "cinematography": {
            "camera_motion": camera_prose(camera),
            "framing": shot_prose(camera.model_copy(update={"shot_angle": ""})),
            "camera_angle": capital(ANGLES.get(camera.shot_angle, "")),
            **dict.fromkeys(("depth_of_field", "focus", "lens_focal_length"), ""),
        },
        "style_medium": MEDIA.get(caption.style, ""),
        "artistic_style": "",
        "context": context,
        "actions": [],
        "text_and_signage_elements": [_sign(one) for one in caption.texts],
        "segments": [_segment(number, one) for number, one in enumerate(caption.segments)],
        "transitions": [
            f"{shot.transition} at {clock(shot.start)}"
            for shot in caption.shots
            if shot.transition != "start"
        ],
        "temporal_caption": caption.global_description,
        "audio_description": "",
    }
    return written | (_size(caption.video) if caption.video else {})


def _subject(one: Instance) -> dict[str, Any]:
    known = {
        "description": one.class_,
        "appearance_details": one.appearance,
        "location": position_prose(one.position),
        "action": one.action,
        "expression": one.expression,
    }
    number = {"number_of_subjects": one.count}
    return {"description": one.class_} | {key: text for key, text in known.items() if text} | number


def _sign(one: Text) -> dict[str, str]:
    return {
        "text": one.text,
        "category": "",
        "appearance": "",
        "spatial_temporal": f"at {clock(one.t)}",
        "context": "",
    }


def _segment(number: int, one: Segment) -> dict[str, Any]:
    return {
        "segment_index": number,
        "time_range": f"{clock(one.start)}-{clock(one.end)}",
        "description": one.description,
        "key_changes": "",
        "camera": "",
    }


def _size(video: Video) -> dict[str, Any]:
    """What is known of the video; the aspect ratio is the nearest of those that are used."""
    size: dict[str, Any] = {}
    if video.width and video.height:
        ratio = math.log(video.width / video.height)
        nearest = min(RATIOS, key=lambda one: abs(math.log(one[0] / one[1]) - ratio))
        size["resolution"] = {"H": video.height, "W": video.width}
        size["aspect_ratio"] = f"{nearest[0]},{nearest[1]}"
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


def _seconds(minutes: str, rest: str) -> float:
    return min(int(minutes[:12]) * 60_000 + round(float(rest) * 1000), 10**15) / 1000


def _times(text: str) -> list[float]:
    return [_seconds(*found) for found in _TIME.findall(text)]


def read(fields: Fields) -> Caption:
    """What a caption has no field for is added to the nearest text, or named as left out."""
    camera = _read_camera(fields.object("cinematography"))
    place, time_of_day, context = _read_context(fields.text("context"))
    light = fields.object("lighting")
    lighting = light.joined("conditions", "direction", "shadows", "illumination_effect")
    light.close()
    caption = Caption(
        video=_read_video(fields),
        global_description=fields.text("temporal_caption")
        or fields.text("comprehensive_t2i_caption"),
        instances=[_read_subject(*one) for one in enumerate(fields.objects("subjects"))],
        background=sentences([fields.text("background_setting"), context]),
        lighting=lighting,
        place=place,
        time_of_day=time_of_day,
        style=read_style(fields.text("style_medium")),
        camera=camera,
        texts=[_read_sign(one) for one in fields.objects("text_and_signage_elements")],
        segments=_read_segments(fields),
    )
    duration = caption.video.duration if caption.video else 0.0
    caption.shots = _read_transitions(fields.take("transitions"), duration)
    aesthetics = fields.object("aesthetics")
    aesthetics.close()
    return caption


def _read_camera(cinema: Fields) -> Any:
    camera = read_camera(cinema.text("camera_motion"))
    framing = cinema.text("framing")
    shot = read_shot(framing) or {
        "shot_type": find_word(framing, get_args(ShotType), SHOT_TYPES),
        "shot_position": find_word(framing, get_args(ShotPosition), SHOT_POSITIONS),
    }
    if framing.strip() and not any(shot.values()):
        cinema.warn(f"framing {framing!r:.60} is no word that is known here")
    angle = cinema.word("camera_angle", get_args(ShotAngle), SHOT_ANGLES)
    cinema.close()
    return camera.model_copy(update={**shot, "shot_angle": angle})


def _read_subject(number: int, one: Fields) -> Instance:
    """Details of a person's looks join the appearance, those of a pose the action."""
    description = one.text("description")
    short = len(description.split()) <= 3
    looks = ("clothing", "skin_tone_and_texture", "facial_features", "gender", "age")
    appearance = one.joined("appearance_details", *looks)
    place = one.joined("location", "relative_size", "orientation", "relationship")
    found = Instance(
        id=number,
        class_=_without_article(description) if short else head_noun(description),
        appearance=appearance if short else sentences([description, appearance]),
        action=one.joined("action", "pose", "state_changes"),
        expression=one.text("expression"),
        position=read_position(place),
        count=max(1, int(one.number("number_of_subjects"))),
    )
    one.close(quietly=[f"number_of_{part}" for part in ("arms", "legs", "hands", "fingers")])
    return found


def _without_article(text: str) -> str:
    return re.sub(r"^(?:an?|the) ", "", text, flags=re.IGNORECASE)


def head_noun(description: str) -> str:
    """The noun of ``A red vintage car with chrome``: the last word before what qualifies it."""
    ends = r",|;|\.|\b(?:with|in|on|at|of|from|who|that|which|wearing|holding|and|is|are|\w+ing)\b"
    words = re.split(ends, _without_article(description), maxsplit=1)[0].split()
    return words[-1].casefold() if words else "subject"


def _read_sign(one: Fields) -> Text:
    times = _times(one.text("spatial_temporal"))
    text = Text(text=one.text("text"), t=times[0] if times else 0.0, box=(0.0, 0.0, 1.0, 1.0))
    one.close(quietly=("category", "appearance", "context"))
    return text


def _read_segments(fields: Fields) -> list[Segment]:
    """The segments; where there are none, the actions, which have times too."""
    segments: list[Segment] = []
    actions: list[Segment] = []
    for kind, time, found in (("segments", "time_range", segments), ("actions", "time", actions)):
        for one in fields.objects(kind):
            times = _times(one.text(time))
            start, end = (times[0], times[-1]) if times else (0.0, 0.0)
            said = one.joined("description", "key_changes", "camera")
            found.append(Segment(start=start, end=end, description=said))
            one.close(quietly=("segment_index",))
    if segments and actions:
        fields.warn("actions left out: the segments say what happens when")
    return segments or actions


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


def read_style(text: str) -> Any:
    """A medium in words as a caption's style; empty where it is none of them."""
    return next((style for style, words in _MEDIUM_WORDS if re.search(words, text.casefold())), "")


def _read_video(fields: Fields) -> Video | None:
    size = fields.object("resolution")
    fields.take("aspect_ratio")
    width, height = int(size.number("W")), int(size.number("H"))
    duration, fps = fields.number("duration"), fields.number("fps")
    if not (width or height or duration or fps):
        return None
    video = Video.named("")
    video.width, video.height, video.fps = width, height, fps
    video.duration = video.end = duration
    return video
