"""A caption out of what people, or a model, made of it in a tool for annotation.

What comes back is compared with what was handed out. What is the same stays as it was, to the last
digit and with who says so; what differs is by whoever changed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from instancecap.errors import FormatError
from instancecap.formats.annotation import (
    CLIP_FIELDS,
    COUNT,
    INSTANCE_FIELDS,
    TRANSITIONS,
    AnnotatedInstance,
    Annotation,
    Field,
    FrameClock,
    Keyframe,
    Stretch,
    annotated,
    plain,
    same_box,
)
from instancecap.schema import pointer as pointers
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import (
    HUMAN,
    TRACK_POINTS_PER_SHOT,
    Caption,
    Instance,
    Provenance,
    Segment,
    Shot,
)
from instancecap.schema.tracks import cell_of


def corrected(
    caption: Caption, found: Annotation, warnings: list[str], *, source: str = HUMAN
) -> Caption:
    """A caption with what a tool says otherwise than :func:`annotated` had said it.

    Args:
        caption: that was handed out; one with a video only where nothing was.
        found: what came back.
        warnings: what is left out is added to it.
        source: who says so: a person, or a model.

    Raises:
        FormatError: no caption comes of it.
    """
    before, clock = annotated(caption), FrameClock(caption.video)
    draft = caption.model_copy(deep=True)
    changed = _assign(draft, CLIP_FIELDS, before.values, found.values, warnings)
    _drop_removed(draft, before.instances.keys() - found.instances.keys())
    for id, now in found.instances.items():
        old = before.instances.get(id)
        if old is None:
            draft.instances.append(Instance(id=id, class_=""))
        changed |= _correct_instance(draft, id, old or AnnotatedInstance(), now, warnings, clock)
    shots = {place: _known_transition(one, warnings) for place, one in found.shots.items()}
    changed |= _correct_stretches(draft, "shots", "transition", before.shots, shots, clock)
    changed |= _correct_stretches(
        draft, "segments", "description", before.segments, found.segments, clock
    )
    sure = 1.0 if source == HUMAN else 0.0
    for pointer in sorted(changed):
        draft.provenance[pointer] = Provenance(source=source, confidence=sure, support="unchecked")
    draft.claims = [one for one in draft.claims if one.field not in changed]
    try:
        return Caption.from_json(draft.to_json(indent=None))
    except FormatError as error:
        raise FormatError(str(error).removeprefix("text: ")) from error.__cause__


def _assign(
    owner: Any,
    fields: Sequence[Field],
    before: Mapping[str, Any],
    now: Mapping[str, Any],
    warnings: list[str],
) -> set[str]:
    """Set the fields that differ; returns their pointers, as the fields have them."""
    changed = set()
    for one in fields:
        empty: Any = [] if one.several else ""
        value = plain(now.get(one.name, empty))
        unknown = set(value if one.several else [value]) - {*one.words, ""} if one.words else None
        if unknown:
            warnings.append(f"{one.name}: {min(unknown)!r:.60} is no word that is known here")
        elif value != before.get(one.name, empty):
            pointers.assign(owner, f"/{one.pointer.lstrip('/')}", value)
            changed.add(one.pointer)
    return changed


def _drop_removed(draft: Caption, gone: set[int]) -> None:
    """Take instances out, and all that is said of them by their ids."""
    draft.instances = [one for one in draft.instances if one.id not in gone]
    for segment in draft.segments:
        segment.instances = [id for id in segment.instances if id not in gone]
    draft.claims = [one for one in draft.claims if pointers.instance_of(one.field) not in gone]
    draft.provenance = {
        at: who for at, who in draft.provenance.items() if pointers.instance_of(at) not in gone
    }


def _correct_instance(
    draft: Caption,
    id: int,
    before: AnnotatedInstance,
    now: AnnotatedInstance,
    warnings: list[str],
    clock: FrameClock,
) -> set[str]:
    """Bring one instance up to date; returns the pointers of what changed."""
    one = next(each for each in draft.instances if each.id == id)
    values = dict(now.values)
    taken = {each.name.casefold() for each in draft.instances if each.id != id}
    name = str(values.get("name", "")).strip()
    if name.casefold() in taken and name != before.values.get("name", ""):
        warnings.append(
            f"two instances are called {name!r:.60}: the name of the second is left out"
        )
        values["name"] = ""
    changed = _assign(one, INSTANCE_FIELDS, before.values, values, warnings)
    if now.class_ != before.class_:
        one.class_ = now.class_
        changed.add("class")
    count = max(1, int(now.values.get(COUNT, 1)))
    if count != before.values.get(COUNT, 1):
        one.count = count
        changed.add(COUNT)
    if not _same_keyframes(before.keyframes, now.keyframes):
        limit = TRACK_POINTS_PER_SHOT * max(1, len(draft.shots))
        known = [(clock.frame(point.t), point) for point in one.track]
        one.track = [_point(key, known, clock) for key in _thinned(now.keyframes, limit)]
        changed |= {"track", *_correct_position(one, before, now)}
    return {pointers.instance_pointer(id, each) for each in changed}


def _same_keyframes(some: Sequence[Keyframe], others: Sequence[Keyframe]) -> bool:
    return len(some) == len(others) and all(
        (a.frame, a.lasts) == (b.frame, b.lasts) and same_box(a.box, b.box)
        for a, b in zip(some, others, strict=True)
    )


def _thinned(keyframes: Sequence[Keyframe], limit: int) -> list[Keyframe]:
    """At most ``limit`` of them, evenly chosen, the first and the last among them."""
    if len(keyframes) <= limit:
        return list(keyframes)
    step = (len(keyframes) - 1) / (limit - 1)
    return [keyframes[round(place * step)] for place in range(limit)]


def _point(key: Keyframe, known: Sequence[tuple[int, TrackPoint]], clock: FrameClock) -> TrackPoint:
    """The point of the track before where the keyframe is still the same."""
    for frame, point in known:
        if frame == key.frame and same_box(point.box, key.box):
            return point
    x0, y0, x1, y1 = (round(side, 4) for side in key.box)  # percent do not divide evenly
    return TrackPoint(t=round(clock.time(key.frame), 4), box=(x0, y0, x1, y1), score=1.0)


def _correct_position(one: Instance, before: AnnotatedInstance, now: AnnotatedInstance) -> set[str]:
    """Cells and departure follow the track; returns the fields that changed."""
    if not now.keyframes:
        return set()
    changed = set()
    for name, point in (("start", one.track[0]), ("end", one.track[-1])):
        x0, y0, x1, y1 = point.box
        cell = cell_of((x0 + x1) / 2, (y0 + y1) / 2)
        if getattr(one.position, name) != cell:
            setattr(one.position, name, cell)
            changed.add(f"position/{name}")
    if (last := now.keyframes[-1].lasts) is one.position.leaves or not before.keyframes:
        one.position.leaves = not last
        changed.add("position/leaves")
    return changed


def _known_transition(shot: Stretch, warnings: list[str]) -> Stretch:
    if shot.text in TRANSITIONS:
        return shot
    warnings.append(f"shots: {shot.text!r:.60} is taken for a cut")
    return replace(shot, text="cut")


def _correct_stretches(
    draft: Caption,
    name: str,
    text_field: str,
    before: Mapping[int, Stretch],
    now: Mapping[int, Stretch],
    clock: FrameClock,
) -> set[str]:
    """Bring shots or segments up to date, in the order of their times; returns what changed."""
    if now == before:
        return set()
    entries, places, changed = list[Any](), dict[int, int](), set[str]()
    for old, one in sorted(now.items(), key=lambda each: (each[1].start, each[1].end)):
        known = before.get(old)
        entry = getattr(draft, name)[old] if known else _BLANK[name]
        start, end = clock.time(one.start), clock.time(one.end + 1)
        values: dict[str, Any] = {text_field: one.text, "start": start, "end": max(start, end)}
        if known:
            same = {text_field: known.text == one.text, "start": known.start == one.start}
            same["end"] = known.end == one.end
            values = {key: value for key, value in values.items() if not same[key]}
        changed |= {f"/{name}/{len(entries)}/{key}" for key in values}
        places[old] = len(entries)
        entries.append(entry.model_copy(update=values))
    _renumber(draft, name, places)
    setattr(draft, name, entries)
    return changed


_BLANK: dict[str, Any] = {
    "shots": Shot(start=0, end=0, transition="cut"),
    "segments": Segment(start=0, end=0, description=""),
}


def _renumber(draft: Caption, name: str, places: Mapping[int, int]) -> None:
    """Let provenance and claims follow entries to their new places; those of removed ones go."""

    def moved(pointer: str) -> str:
        steps = pointer.split("/")
        if steps[1:2] != [name] or len(steps) < 3 or not steps[2].isdigit():
            return pointer
        place = places.get(int(steps[2]))
        return "" if place is None else "/".join(["", name, str(place), *steps[3:]])

    who = {moved(at): one for at, one in draft.provenance.items()}
    draft.provenance = {at: one for at, one in who.items() if at}
    claims = [one.model_copy(update={"field": moved(one.field)}) for one in draft.claims]
    draft.claims = [one for one in claims if one.field]
