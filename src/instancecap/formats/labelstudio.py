"""Label Studio: a caption as a task for people to correct, and back.

The task's ``data`` holds the clip, its frame rate and the whole caption, so that nothing is lost on
the way; the ``result`` has what :mod:`instancecap.formats.annotation` hands out, in the controls of
:func:`labeling_config`:

=================== ==========================================================================
VideoRectangle      an instance: a box in percent at each keyframe, its class as the label
TimelineLabels      shots, each with its transition as the label, and segments
TextArea, Choices,  the fields, each under its name; those of an instance or segment have the id
Number              of its region
=================== ==========================================================================

A caption with a word by a person is an annotation, any other a prediction. Of what comes back the
latest annotation counts, and where there is none the first prediction.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

from instancecap.errors import FormatError
from instancecap.formats import instancecap
from instancecap.formats.annotation import (
    CLIP_FIELDS,
    COUNT,
    INSTANCE_FIELDS,
    MISSHAPEN,
    TRANSITIONS,
    AnnotatedInstance,
    Annotation,
    Field,
    FrameClock,
    Keyframe,
    Stretch,
    annotated,
)
from instancecap.formats.correction import corrected
from instancecap.formats.shape import clean, number
from instancecap.schema.caption import HUMAN, Caption, Producer, Video
from instancecap.schema.vocabulary import Category

LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio calls a file below its ``LOCAL_FILES_DOCUMENT_ROOT``."""

WHOLE_FRAME = (0.0, 0.0, 1.0, 1.0)
"""Box at the first frame of an instance that has no track: without a box it could not be shown."""

BOX, TIMELINE, SEGMENT = "box", "timeline", "segment"
DESCRIPTION = "segment_description"

Result = dict[str, Any]


def is_task(value: dict[str, Any]) -> bool:
    """Whether an object is a task of Label Studio with annotations or predictions."""
    return isinstance(value.get("data"), dict) and bool({"annotations", "predictions"} & set(value))


def write(caption: Caption) -> dict[str, Any]:
    """A task with one annotation or prediction."""
    video = caption.video
    path = video.path if video else ""
    data = {
        "video": path if "://" in path else LOCAL_FILES + quote(path),
        "fps": FrameClock(video).rate,
        "caption": instancecap.write(caption),
    }
    given = {"result": list(_results(caption))}
    if any(one.source == HUMAN for one in caption.provenance.values()):
        return {"data": data, "annotations": [given]}
    by = caption.producer
    version = " ".join(part for part in (by.name, by.version, by.captioner) if part)
    return {"data": data, "predictions": [{"model_version": version, **given}]}


def _results(caption: Caption) -> Iterator[Result]:
    clock, given = FrameClock(caption.video), annotated(caption)
    for one in CLIP_FIELDS:
        if one.name in given.values:
            yield _field(one.name, one, given.values[one.name])
    for id, instance in given.instances.items():
        region = f"instance-{id}"
        frames = instance.keyframes or [Keyframe(1, WHOLE_FRAME)]
        count = max(clock.last, frames[-1].frame)
        value: Result = {
            "framesCount": count,
            "duration": count / clock.rate,
            "sequence": [_percent(key, clock) for key in frames],
        }
        labels = {"labels": [instance.class_]} if instance.class_ else {}
        yield _result(region, BOX, "videorectangle", value | labels)
        for one in INSTANCE_FIELDS:
            if one.name in instance.values:
                yield _field(region, one, instance.values[one.name])
        if COUNT in instance.values:
            yield _result(region, COUNT, "number", {"number": instance.values[COUNT]})
    for place, shot in given.shots.items():
        yield _timeline(f"shot-{place}", shot, shot.text)
    for place, segment in given.segments.items():
        region = f"segment-{place}"
        yield _timeline(region, segment, SEGMENT)
        if segment.text:
            yield _result(region, DESCRIPTION, "textarea", {"text": [segment.text]})


def _result(region: str, control: str, kind: str, value: Result) -> Result:
    return {"id": region, "from_name": control, "to_name": "video", "type": kind, "value": value}


def _field(region: str, one: Field, value: Any) -> Result:
    values = value if one.several else [value]
    if one.words:
        return _result(region, one.name, "choices", {"choices": values})
    return _result(region, one.name, "textarea", {"text": values})


def _timeline(region: str, one: Stretch, label: str) -> Result:
    value = {"ranges": [{"start": one.start, "end": one.end}], "timelinelabels": [label]}
    return _result(region, TIMELINE, "timelinelabels", value)


def _percent(key: Keyframe, clock: FrameClock) -> Result:
    x0, y0, x1, y1 = (100 * side for side in key.box)
    return {
        "frame": key.frame,
        "time": key.frame / clock.rate,  # as Label Studio counts: the end of the frame
        "enabled": key.lasts,
        "x": x0,
        "y": y0,
        "width": x1 - x0,
        "height": y1 - y0,
        "rotation": 0,
    }


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """A task as Label Studio exports it, of a project of ours or of any other with such controls.

    Raises :class:`FormatError` where nobody and nothing has annotated it.
    """
    data = value.get("data")
    data = data if isinstance(data, dict) else {}
    given, by_person = _latest(value, warnings)
    original = data.get("caption")
    if isinstance(original, dict):
        caption = instancecap.read(original, warnings)
    else:
        caption = Caption(video=_video(data, given), producer=Producer(name="labelstudio"))
    found = _found(_objects(given.get("result")), caption, warnings)
    source = HUMAN if by_person else clean(str(given.get("model_version") or "labelstudio"))
    return corrected(caption, found, warnings, source=source)


def _latest(value: dict[str, Any], warnings: list[str]) -> tuple[dict[str, Any], bool]:
    """The annotation or prediction that counts, and whether a person made it."""
    done, guessed = (
        [one for one in _objects(value.get(name)) if not one.get("was_cancelled")]
        for name in ("annotations", "predictions")
    )
    if len(done) > 1:
        warnings.append(f"{len(done)} annotations; the latest is taken")
    if done:
        return max(done, key=lambda one: str(one.get("updated_at", ""))), True
    if guessed:
        return guessed[0], False
    raise FormatError("this task of Label Studio has no annotation and no prediction")


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _video(data: dict[str, Any], given: dict[str, Any]) -> Video:
    """The clip of a task that has no caption of ours; its frame rate is that of its boxes."""
    texts = [data.get("video"), *data.values()]
    address = clean(next((one for one in texts if isinstance(one, str) and one), ""))
    local = parse_qs(urlsplit(address).query).get("d") if "?d=" in address else None
    video = Video.named(local[0] if local else address)
    values = [one.get("value") for one in _objects(given.get("result"))]
    tracks = [one for one in values if isinstance(one, dict) and "sequence" in one]
    for one in tracks[:1]:
        video.frames, video.duration = (
            int(number(one.get("framesCount"))),
            number(one.get("duration")),
        )
        video.end = video.duration
        video.fps = video.frames / video.duration if video.duration else 0.0
    video.fps = number(data.get("fps")) or video.fps
    return video


def _found(results: list[Result], caption: Caption, warnings: list[str]) -> Annotation:
    """What an annotation says; results that cannot be read are named and left out."""
    found = Annotation()
    regions: dict[str, tuple[str, int]] = {}
    for take in (_take_region, _take_field):  # a field needs the region that it belongs to
        for one in results:
            value = one.get("value")
            is_region = isinstance(value, dict) and ("ranges" in value or one.get("type") in _BOXES)
            if is_region is not (take is _take_region):
                continue
            try:
                take(one, found, regions, caption)
            except MISSHAPEN:
                control = clean(f"{one.get('from_name')} ({one.get('type')})")
                warning = f"result of Label Studio left out: {control:.60}"
                if warning not in warnings:
                    warnings.append(warning)
    return found


_BOXES = ("videorectangle", "videorectanglelabels")


def _take_region(
    one: Result, found: Annotation, regions: dict[str, tuple[str, int]], caption: Caption
) -> None:
    value = one["value"]
    if "ranges" not in value:
        used = {*found.instances, *(each.id for each in caption.instances)}
        keyframes = sorted(map(_keyframe, value["sequence"]), key=lambda key: key.frame)
        kind, place = "instance", _number("instance", one["id"], used)
        before = next((each for each in caption.instances if each.id == place), None)
        if before is not None and not before.track and keyframes == [Keyframe(1, WHOLE_FRAME)]:
            keyframes = []
        labels = value.get("labels") or value.get("videorectanglelabels") or [""]
        found.instances[place] = AnnotatedInstance(clean(labels[0]), keyframes=keyframes)
    else:
        (label,) = value["timelinelabels"]
        span = value["ranges"][0]
        start = max(1, int(span["start"]))
        kind = "shot" if label in TRANSITIONS else "segment"
        stretches = found.shots if kind == "shot" else found.segments
        used = {*stretches, *range(len(caption.shots if kind == "shot" else caption.segments))}
        place = _number(kind, one["id"], used)
        text = label if kind == "shot" or label != SEGMENT else ""
        stretches[place] = Stretch(start, max(start, int(span["end"])), clean(text))
    regions[one["id"]] = kind, place


def _number(kind: str, id: str, used: set[int]) -> int:
    """The number that we gave a region; a free one for a region that a person made."""
    match = re.fullmatch(rf"{kind}-(\d+)", id)
    return int(match.group(1)) if match else max(used, default=-1) + 1


def _keyframe(one: dict[str, Any]) -> Keyframe:
    x, y = (min(1.0, max(0.0, one[name] / 100)) for name in ("x", "y"))
    x1, y1 = one["x"] + one["width"], one["y"] + one["height"]
    box = x, y, min(1.0, max(x, x1 / 100)), min(1.0, max(y, y1 / 100))
    return Keyframe(max(1, int(one["frame"])), box, bool(one.get("enabled", True)))


def _take_field(
    one: Result, found: Annotation, regions: dict[str, tuple[str, int]], caption: Caption
) -> None:
    name, value = one["from_name"], one["value"]
    kind, place = regions.get(one["id"], ("clip", 0))
    if kind == "segment" and name == DESCRIPTION:
        text = clean(" ".join(value["text"]))
        found.segments[place] = replace(found.segments[place], text=text)
        return
    if kind == "instance" and name == COUNT:
        found.instances[place].values[COUNT] = int(value["number"])
        return
    owner = found.instances[place].values if kind == "instance" else found.values
    field = _NAMED[kind, name]
    words = value["choices"] if field.words else value["text"]
    texts = [clean(word) for word in ([words] if isinstance(words, str) else words)]
    owner[name] = texts if field.several else " ".join(texts)


_NAMED = {("clip", one.name): one for one in CLIP_FIELDS} | {
    ("instance", one.name): one for one in INSTANCE_FIELDS
}


def labeling_config(classes: Iterable[str]) -> str:
    """The XML of a project that such tasks fit into.

    ``classes`` can be chosen for a box, beside the categories of the schema.
    """
    view = ElementTree.Element("View")
    _control(view, "Video", "video", value="$video", frameRate="$fps", timelineHeight="120")
    _control(view, "VideoRectangle", BOX)
    labels = dict.fromkeys([*filter(None, classes), *get_args(Category)])
    _control(view, "Labels", "class", labels)
    _control(view, "TimelineLabels", TIMELINE, (*TRANSITIONS, SEGMENT))
    of_box, of_stretch, of_clip = (
        ElementTree.SubElement(view, "View", visibleWhen="region-selected", whenTagName=name)
        if name
        else ElementTree.SubElement(view, "View")
        for name in ("class", TIMELINE, "")
    )
    for one in INSTANCE_FIELDS:
        _field_control(of_box, one, perRegion="true")
    _control(of_box, "Header", "", value="Count", size="5")
    _control(of_box, "Number", COUNT, min="1", perRegion="true")
    _field_control(of_stretch, Field(DESCRIPTION, ""), perRegion="true")
    for one in CLIP_FIELDS:
        _field_control(of_clip, one)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _field_control(view: ElementTree.Element, one: Field, **marks: str) -> None:
    _control(view, "Header", "", value=one.name.replace("_", " ").capitalize(), size="5")
    if one.words:
        choice = "multiple" if one.several else "single"
        _control(view, "Choices", one.name, one.words, choice=choice, showInline="true", **marks)
    else:
        most = {} if one.several else {"maxSubmissions": "1"}
        _control(view, "TextArea", one.name, editable="true", **most, **marks)


def _control(
    view: ElementTree.Element, tag: str, name: str, words: Iterable[str] = (), **marks: str
) -> None:
    if tag not in ("Header", "Video"):
        marks = {"toName": "video", **marks}
    control = ElementTree.SubElement(view, tag, {"name": name, **marks} if name else marks)
    for word in words:
        ElementTree.SubElement(control, "Choice" if tag == "Choices" else "Label", value=word)
