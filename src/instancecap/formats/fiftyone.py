"""FiftyOne: captions as the dataset that ``fiftyone.Dataset.from_json`` reads, and back.

A sample is a clip. Its ``instances``, ``shots`` and ``segments`` are ``TemporalDetections`` from
the first to the last frame; ``detections`` of its frames are the tracks, each with the instance's
id as ``index``, also between the points of a track, where they say ``interpolated``. The clip's
fields are fields of the sample; ``caption_json`` is the whole caption, so that nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from instancecap.errors import FormatError
from instancecap.formats import instancecap
from instancecap.formats.annotation import (
    CLIP_FIELDS,
    COUNT,
    INSTANCE_FIELDS,
    MISSHAPEN,
    AnnotatedInstance,
    Annotation,
    Box,
    Field,
    FrameClock,
    Keyframe,
    Stretch,
    annotated,
    same_box,
)
from instancecap.formats.correction import corrected
from instancecap.formats.shape import clean, number
from instancecap.schema.caption import HUMAN, Caption, Producer, Video

MOST_FRAMES = 20_000
"""Of a track that is longer only the points themselves are written."""

_FIELDS = "fiftyone.core.fields."
_LABELS = f"{_FIELDS}EmbeddedDocumentField(fiftyone.core.labels."

DATASET: dict[str, Any] = {
    "name": "captions",
    "media_type": "video",
    "sample_fields": {
        **{
            one.name: f"{_FIELDS}ListField({_FIELDS}StringField)"
            if one.several
            else f"{_FIELDS}StringField"
            for one in CLIP_FIELDS
        },
        **dict.fromkeys(("instances", "shots", "segments"), f"{_LABELS}TemporalDetections)"),
        "caption_json": f"{_FIELDS}StringField",
    },
    "frame_fields": {"detections": f"{_LABELS}Detections)"},
}
"""A dataset but for its ``samples``. FiftyOne wants the fields declared."""

Label = dict[str, Any]


def is_sample(value: dict[str, Any]) -> bool:
    """Whether an object is a sample of FiftyOne, or a dataset of one."""
    if "media_type" in value and isinstance(samples := value.get("samples"), list):
        return len(samples) == 1
    labels = (one for one in value.values() if isinstance(one, dict))
    return "filepath" in value and ("frames" in value or any("_cls" in one for one in labels))


def write(caption: Caption) -> dict[str, Any]:
    """A dataset of one sample; ``["samples"][0]`` is what goes into a larger one."""
    return {**DATASET, "samples": [_sample(caption)]}


def _sample(caption: Caption) -> dict[str, Any]:
    clock, given, video = FrameClock(caption.video), annotated(caption), caption.video
    frames: dict[str, list[Label]] = {}
    for one in caption.instances:
        scores = {clock.frame(point.t): point.score for point in one.track}
        instance = given.instances[one.id]
        keys = {key.frame for key in instance.keyframes}
        for frame, box in _boxes(instance.keyframes).items():
            label = _detection(one.id, instance.class_, box)
            extra = {"confidence": scores[frame]} if frame in keys else {"interpolated": True}
            frames.setdefault(str(frame), []).append(label | extra)
    metadata = {
        "_cls": "VideoMetadata",
        "frame_width": video.width,
        "frame_height": video.height,
        "frame_rate": video.fps,
        "total_frame_count": video.frames,
        "duration": video.duration,
    } if video and not video.start else None  # fmt: skip
    return {
        "filepath": video.path if video else "",
        "tags": [],
        "metadata": metadata,
        **given.values,
        "instances": _temporal(_instances(given, clock)),
        "shots": _temporal(_stretch(place, one, one.text) for place, one in given.shots.items()),
        "segments": _temporal(
            _stretch(place, one, "segment") | {"description": one.text}
            for place, one in given.segments.items()
        ),
        "caption_json": caption.to_json(indent=None),
        "frames": {
            frame: {
                "frame_number": int(frame),
                "detections": {"_cls": "Detections", "detections": labels},
            }
            for frame, labels in frames.items()
        },
    }


def _temporal(labels: Any) -> Label:
    return {"_cls": "TemporalDetections", "detections": list(labels)}


def _stretch(index: int, one: Stretch, label: str) -> Label:
    support = [one.start, one.end]
    return {"_cls": "TemporalDetection", "label": label, "support": support, "index": index}


def _instances(given: Annotation, clock: FrameClock) -> Iterator[Label]:
    for id, one in given.instances.items():
        seen = [key.frame for key in one.keyframes] or [1, clock.last]
        yield _stretch(id, Stretch(seen[0], seen[-1], ""), one.class_) | one.values


def _detection(id: int, class_: str, box: Box) -> Label:
    x0, y0, x1, y1 = box
    sides = [x0, y0, x1 - x0, y1 - y0]
    return {"_cls": "Detection", "label": class_, "bounding_box": sides, "index": id}


def _boxes(keyframes: list[Keyframe]) -> dict[int, Box]:
    """The box at each frame in which the instance is shown, as far as its points tell."""
    boxes = {key.frame: key.box for key in keyframes}
    if not keyframes or keyframes[-1].frame - keyframes[0].frame > MOST_FRAMES:
        return boxes
    for one, other in pairwise(keyframes):
        for frame in range(one.frame + 1, other.frame if one.lasts else 0):
            share = (frame - one.frame) / (other.frame - one.frame)
            x0, y0, x1, y1 = (a + share * (b - a) for a, b in zip(one.box, other.box, strict=True))
            boxes[frame] = x0, y0, x1, y1
    return dict(sorted(boxes.items()))


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """A sample as FiftyOne writes it with ``include_frames=True``, or a dataset of one.

    What differs from the caption that the sample was made of is by a person; in a sample that has
    none all is by ``fiftyone``. Raises :class:`FormatError` where nothing is annotated.
    """
    samples = value.get("samples", [value])
    sample = samples[0] if isinstance(samples, list) and len(samples) == 1 else None
    if not isinstance(sample, dict):
        raise FormatError("one sample of FiftyOne was expected, as an object")
    text = sample.get("caption_json")
    if isinstance(text, str):
        caption, source = instancecap.read(_object(text), warnings), HUMAN
    else:
        caption = Caption(video=_video(sample), producer=Producer(name="fiftyone"))
        source = "fiftyone"
    try:
        found = _found(sample, caption, warnings)
    except MISSHAPEN as error:
        raise FormatError(f"a label of this FiftyOne sample is misshapen: {error!r:.80}") from error
    if not (found.values or found.instances or found.shots or found.segments):
        raise FormatError("this sample of FiftyOne has no label that is known here")
    return corrected(caption, found, warnings, source=source)


def _found(sample: dict[str, Any], caption: Caption, warnings: list[str]) -> Annotation:
    found, known = Annotation(), annotated(caption)
    for one in CLIP_FIELDS:
        if (given := _value(sample, one)) is not None:
            found.values[one.name] = given
    for kind, entries, others in (
        ("shots", found.shots, known.shots),
        ("segments", found.segments, known.segments),
    ):
        for label in _labels(sample.get(kind)):
            word = "label" if kind == "shots" else "description"
            start, end = (int(frame) for frame in label["support"])
            place = _index(label, {*entries, *others})
            entries[place] = Stretch(start, end, clean(str(label.get(word) or "")))
    _read_instances(sample, found, known, warnings)
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise FormatError(f"caption_json is not valid JSON: {error}") from error
    if not isinstance(value, dict):
        raise FormatError("caption_json holds no caption")
    return value


def _video(sample: dict[str, Any]) -> Video:
    video = Video.named(clean(str(sample.get("filepath") or "")))
    known = sample.get("metadata")
    known = known if isinstance(known, dict) else {}
    video.width, video.height = (
        int(number(known.get(f"frame_{one}"))) for one in ("width", "height")
    )
    video.frames, video.fps = (
        int(number(known.get("total_frame_count"))),
        number(known.get("frame_rate")),
    )
    video.duration = video.end = number(known.get("duration"))
    return video


def _value(owner: Label, one: Field) -> Any:
    """A field as text, or as a list of texts; None where it has no value."""
    value = owner.get(one.name)
    if isinstance(value, dict):  # a Classification
        value = value.get("label")
    if not value:
        return None
    texts = [clean(str(each)) for each in (value if isinstance(value, list) else [value])]
    return texts if one.several else " ".join(texts)


def _labels(value: Any) -> list[Label]:
    detections = value.get("detections") if isinstance(value, dict) else None
    return [one for one in detections or [] if isinstance(one, dict)]


def _index(label: Label, used: set[int]) -> int:
    """The number that a label has; a free one where a person made it without."""
    index = label.get("index")
    return index if isinstance(index, int) and index >= 0 else max(used, default=-1) + 1


def _read_instances(
    sample: dict[str, Any], found: Annotation, known: Annotation, warnings: list[str]
) -> None:
    """Instances by their texts and their boxes."""
    for label in _labels(sample.get("instances")):
        id = _index(label, {*found.instances, *known.instances})
        one = AnnotatedInstance(clean(str(label.get("label") or "")))
        one.values = {
            field.name: value
            for field in INSTANCE_FIELDS
            if (value := _value(label, field)) is not None
        }
        one.values[COUNT] = int(number(label.get(COUNT)) or 1)
        found.instances[id] = one
    for id, labels in _tracks(sample, warnings).items():
        one = found.instances.setdefault(
            id, AnnotatedInstance(clean(str(next(iter(labels.values())).get("label") or "")))
        )
        before = known.instances[id].keyframes if id in known.instances else []
        one.keyframes = _keyframes(labels, before)


def _tracks(sample: dict[str, Any], warnings: list[str]) -> dict[int, dict[int, Label]]:
    """Detections by the instance's id and the frame."""
    frames = sample.get("frames")
    tracks: dict[int, dict[int, Label]] = {}
    for frame, content in frames.items() if isinstance(frames, dict) else ():
        for label in _labels(content.get("detections")):
            if isinstance(index := label.get("index"), int) and index >= 0:
                tracks.setdefault(index, {})[int(frame)] = label
            elif (warning := "detections without an index are left out") not in warnings:
                warnings.append(warning)
    return {id: dict(sorted(labels.items())) for id, labels in tracks.items()}


def _keyframes(labels: dict[int, Label], before: list[Keyframe]) -> list[Keyframe]:
    """The points of a track out of its boxes at frames.

    A box between two points counts where it is not the one that was written.
    """
    boxes = {frame: _box(label) for frame, label in labels.items()}
    written = _boxes(before)
    lasting = {key.frame: key.lasts for key in before}
    if boxes.keys() == written.keys() and all(
        same_box(box, written[frame]) for frame, box in boxes.items()
    ):
        return before
    chosen = []
    for frame, box in boxes.items():
        moved = frame in written and not same_box(box, written[frame])
        if (
            frame in lasting
            or moved
            or (frame not in written and not labels[frame].get("interpolated"))
        ):
            lasts = frame + 1 in boxes or (frame == max(boxes) and lasting.get(frame, True))
            chosen.append(Keyframe(frame, box, lasts))
    return chosen


def _box(label: Label) -> Box:
    x, y, width, height = (float(side) for side in label["bounding_box"])
    x0, y0 = (min(1.0, max(0.0, side)) for side in (x, y))
    return x0, y0, min(1.0, max(x0, x + width)), min(1.0, max(y0, y + height))
