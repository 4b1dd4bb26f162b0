"""Cosmos 3's prompt: its structured caption as one line of JSON, within the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from instancecap.formats import to_format
from instancecap.render.grammar import clean
from instancecap.render.options import Task
from instancecap.render.subjects import kind_of
from instancecap.schema.caption import Caption

KEPT = (
    "subjects",
    "temporal_caption",
    "actions",
    "cinematography",
    "duration",
    "fps",
    "resolution",
    "aspect_ratio",
)
_FIRST = (
    "audio_description", "text_and_signage_elements", "context", "artistic_style", "style_medium",
    "transitions", "segments", "aesthetics", "lighting",
)  # fmt: skip
_I2V = (
    "temporal_caption",
    "actions",
    "cinematography",
    "duration",
    "fps",
    "resolution",
    "aspect_ratio",
)
_MOTION = ("description", "action", "pose", "state_changes", "expression", "number_of_subjects")


def to_json(value: dict[str, Any]) -> str:
    """One line of JSON, as the framework's own trainer writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def prompt_of(caption: Caption, task: Task) -> dict[str, Any]:
    """The caption without empty fields; for image-to-video only what moves, and the camera."""
    value = to_format(caption, "cosmos3")
    assert isinstance(value, dict)
    for subject, one in zip(value["subjects"], caption.instances, strict=True):
        subject["description"] = one.name or kind_of(one)
    value = dict(_filled(value))
    if task == "t2v":
        return value
    kept = {name: value[name] for name in _I2V if name in value}
    moving = [
        {name: one[name] for name in _MOTION if one.get(name)}
        for one in value.get("subjects", [])
        if one.get("action")
    ]
    return {"subjects": moving, **kept} if moving else kept


def _filled(value: Any) -> Any:
    """``value`` without empty texts, lists and objects at any depth, each text on one line."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        pairs = ((name, _filled(one)) for name, one in value.items())
        return {name: one for name, one in pairs if one not in ("", [], {}, None)}
    return [_filled(one) for one in value] if isinstance(value, list) else value


def fit(value: dict[str, Any], fits: Callable[[str], bool]) -> tuple[str, list[str]]:
    """The JSON with whole fields left out until it fits, and what was left out.

    What is returned may be too long still: then nothing more can go.
    """
    dropped: list[str] = []
    text = to_json(value)
    steps = _steps(value)
    while not fits(text):
        step = next(steps, None)
        if step is None:
            break
        value = _without(value, step)
        dropped.append(step)
        text = to_json(value)
    return text, dropped


def _steps(value: dict[str, Any]) -> Iterator[str]:
    """Fields that go, first to go first: minor ones, details of subjects, subjects, the rest."""
    yield from (f"/{name}" for name in _FIRST if name in value)
    subjects = value.get("subjects", [])
    for name in ("relationship", "relative_size", "orientation", "appearance_details", "clothing"):
        for index in reversed(range(len(subjects))):
            if name in subjects[index]:
                yield f"/subjects/{index}/{name}"
    yield from (f"/subjects/{index}" for index in reversed(range(1, len(subjects))))
    others = [name for name in value if name not in (*KEPT, *_FIRST)]
    yield from (f"/{name}" for name in reversed(others))
    for name in reversed(KEPT):
        if name in value and name != "subjects":
            yield f"/{name}"


def _without(value: dict[str, Any], pointer: str) -> dict[str, Any]:
    _, name, *rest = pointer.split("/")
    if not rest:
        return {key: one for key, one in value.items() if key != name}
    subjects = list(value[name])
    index = int(rest[0])
    if len(rest) == 1:
        del subjects[index]
    else:
        subjects[index] = {key: one for key, one in subjects[index].items() if key != rest[1]}
    return {**value, name: subjects}
