"""Cosmos 3's prompt: its structured caption as one line of JSON, within the budget."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from instancecap.formats import to_format
from instancecap.render.grammar import clean
from instancecap.render.options import Task
from instancecap.render.subjects import subjects_of
from instancecap.schema.caption import Caption

_FIRST = (
    "audio_description", "text_and_signage_elements", "context", "artistic_style", "style_medium",
    "transitions", "segments", "aesthetics", "lighting",
)  # fmt: skip
_LAST = (
    "aspect_ratio", "resolution", "fps", "duration", "cinematography", "actions",
    "temporal_caption",
)  # fmt: skip
_DETAILS = ("relationship", "relative_size", "orientation", "appearance_details", "clothing")
_MOTION = ("description", "action", "pose", "state_changes", "expression", "number_of_subjects")


def to_json(value: dict[str, Any]) -> str:
    """One line of JSON, as the framework's own trainer writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def prompt_of(caption: Caption, task: Task) -> dict[str, Any]:
    """The caption without empty fields; for image-to-video only what moves, and the camera."""
    value = to_format(caption, "cosmos3")
    assert isinstance(value, dict)
    called = subjects_of(caption.instances, [False] * len(caption.instances))
    for subject, one, who in zip(value["subjects"], caption.instances, called, strict=True):
        subject["description"] = one.name or who.ref.removeprefix("the ")
        if caption.producer.prompt and f"/instances/{one.id}/count" not in caption.provenance:
            subject.pop("number_of_subjects", None)  # a plural of no number: "some birds"
    value = dict(_filled(value))
    if task == "t2v":
        return value
    kept = {name: value[name] for name in reversed(_LAST) if name in value}
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
    steps = _steps(value)
    while not fits(text := to_json(value)):
        step = next(steps, None)
        if step is None:
            break
        owner, key, pointer = step
        del owner[key]
        dropped.append(pointer)
    return text, dropped


def _steps(value: dict[str, Any]) -> Iterator[tuple[Any, Any, str]]:
    """What goes, first to go first, as its owner, its key there, and a pointer: minor fields,
    details of subjects, subjects but the main one, the rest."""
    yield from ((value, name, f"/{name}") for name in _FIRST if name in value)
    subjects = value.get("subjects", [])
    for name in _DETAILS:
        for index in reversed(range(len(subjects))):
            if name in subjects[index]:
                yield subjects[index], name, f"/subjects/{index}/{name}"
    yield from ((subjects, n, f"/subjects/{n}") for n in reversed(range(1, len(subjects))))
    others = [name for name in value if name not in ("subjects", *_FIRST, *_LAST)]
    for name in (*reversed(others), *_LAST):
        if name in value:
            yield value, name, f"/{name}"
