"""What a person may do to a caption, as values that can be sent, kept and done again.

    caption = apply_edit(caption, Merge(kind="merge", keep=0, gone=2), at="2026-01-31T12:00:00Z")

An edit leaves a caption that is valid: ids and names are unique, segments name instances that are
there, sentences call an instance by the name that it has now. What a person wrote has their mark in
the provenance; what was measured or checked of the words before holds no more, and goes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from instancecap.errors import FormatError
from instancecap.language.sentences import split_sentences
from instancecap.schema import pointer as pointers
from instancecap.schema import vocabulary as v
from instancecap.schema.base import StrictModel, TrackPoint
from instancecap.schema.caption import HUMAN, Caption, Instance, Position, Provenance
from instancecap.web.review import naming
from instancecap.web.review.tracks import (
    NEAR,
    between,
    cell_at,
    joined,
    position_along,
    thin_track,
    usual_step,
)

FREE_TEXT = re.compile(
    naming.PROSE.pattern + r"|/(instances/\d+/(name|class|subcategory|colors)|texts/\d+/text)"
)
"""Fields that hold words of any kind."""

_SETTABLE = re.compile(
    FREE_TEXT.pattern + r"|/(place|time_of_day|style"
    r"|camera/(motion|speed|stability|shot_type|shot_angle|shot_position)"
    r"|shots/\d+/(motion|shot_type|transition)|segments/\d+/(start|end|instances)"
    r"|instances/\d+/(category|is_main|count|position/(start|end|enters|leaves)))"
)

VOCABULARIES = {
    name: get_args(words)
    for name, words in {
        "category": v.Category, "place": v.Place, "time_of_day": v.TimeOfDay, "style": v.Style,
        "speed": v.Speed, "stability": v.Stability, "shot_type": v.ShotType,
        "shot_angle": v.ShotAngle, "shot_position": v.ShotPosition, "start": v.Cell,
        "end": v.Cell, "motion": v.Primitive, "transition": v.Transition,
    }.items()
}  # fmt: skip
"""Words that a field may hold, by the last step of its pointer."""


class SetField(StrictModel):
    """Write one field."""

    kind: Literal["set"] = "set"
    pointer: str
    value: Any


class TakeField(SetField):
    """Take over a field as another captioner wrote it, with who says so."""

    kind: Literal["take"] = "take"  # type: ignore[assignment]
    by: Provenance


class Merge(StrictModel):
    """Two instances are one: ``gone`` becomes part of ``keep``.

    Sentences that name it call it ``keep`` then, or go: ``cut_sentences``.
    """

    kind: Literal["merge"] = "merge"
    keep: int
    gone: int
    cut_sentences: bool = False


class Split(StrictModel):
    """From ``t`` seconds on the track is that of another thing, a new instance."""

    kind: Literal["split"] = "split"
    instance: int
    t: float = Field(ge=0)
    name: str = ""


class Remove(StrictModel):
    """There is no such instance; ``cut_sentences`` that name it, too."""

    kind: Literal["remove"] = "remove"
    instance: int
    cut_sentences: bool = False


class Add(StrictModel):
    """An instance that is missing, with where it is."""

    kind: Literal["add"] = "add"
    class_: str = Field(alias="class", min_length=1)
    name: str = ""
    track: list[TrackPoint] = Field(min_length=1)


class Extend(StrictModel):
    """Where an instance is besides: it was followed from one more box."""

    kind: Literal["extend"] = "extend"
    instance: int
    track: list[TrackPoint] = Field(min_length=1)


Edit = Annotated[
    SetField | TakeField | Merge | Split | Remove | Add | Extend, Field(discriminator="kind")
]
EDIT: TypeAdapter[Edit] = TypeAdapter(Edit)
"""Reads and writes edits as JSON."""


def apply_edit(caption: Caption, edit: Edit, *, at: str) -> Caption:
    """The caption with an edit done; the one that was given is not changed.

    Args:
        at: when, in UTC, for the provenance of what a person writes.

    Raises:
        FormatError: the edit does not fit the caption, or would leave one that is not valid.
    """
    draft = caption.model_copy(deep=True)
    moved: dict[str, Provenance] = {}
    match edit:
        case TakeField():
            _set(draft, edit)
            moved[edit.pointer] = edit.by
        case SetField():
            _set(draft, edit)
            draft.provenance[edit.pointer] = _by_person(at)
        case Merge():
            moved = _merge(draft, edit)
            draft.provenance[pointers.instance_pointer(edit.keep, "track")] = _by_person(at)
        case Split() | Add():
            new = _split(draft, edit) if isinstance(edit, Split) else _add(draft, edit)
            draft.provenance[pointers.instance_pointer(new, "track")] = _by_person(at)
        case Extend():
            _extend(draft, edit)
            draft.provenance[pointers.instance_pointer(edit.instance, "track")] = _by_person(at)
        case Remove():
            _remove(draft, edit)
    draft = _checked(draft)
    _mark(caption, draft, moved, at)
    return draft


def replaced_leaves(before: Caption, after: Caption) -> dict[str, Any]:
    """What stood before in the leaves that differ, by pointer; None where nothing did."""
    was, now = before.leaves(), after.leaves()
    return {one: was.get(one) for one in was.keys() | now.keys() if was.get(one) != now.get(one)}


def time_now() -> str:
    """The time of an edit, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def mentions(caption: Caption, id: int) -> dict[str, list[str]]:
    """The sentences of other fields that name an instance, by pointer."""
    return naming.mentions(caption, _instance(caption, id))


# The kinds of edits -------------------------------------------------------------------------------


def _set(draft: Caption, edit: SetField) -> None:
    if not _SETTABLE.fullmatch(edit.pointer):
        raise FormatError(f"{edit.pointer}: no field that can be edited")
    id = pointers.instance_of(edit.pointer)
    if edit.pointer.endswith("/name") and isinstance(edit.value, str):
        naming.rename(draft, pointers.resolve(draft, edit.pointer), edit.value)
    pointers.assign(draft, edit.pointer, edit.value)
    if edit.pointer.endswith("/expression") and id is not None:
        _instance(draft, id).expression_spans = []  # they were of the words before
    if edit.pointer.endswith("/is_main") and edit.value is True:
        for one in draft.instances:
            one.is_main = one.id == id


def _merge(draft: Caption, edit: Merge) -> dict[str, Provenance]:
    """What ``keep`` leaves open ``gone`` fills; returns the provenance of that."""
    keep, gone = _instance(draft, edit.keep), _instance(draft, edit.gone)
    if keep is gone:
        raise FormatError(f"instance {edit.keep} cannot be merged with itself")
    moved = {}
    old, new = (pointers.instance_pointer(one.id) for one in (gone, keep))
    known = draft.leaves()
    for pointer, value in known.items():
        target = new + pointer.removeprefix(old)
        if pointer.startswith(f"{old}/") and target not in known and "/position/" not in pointer:
            pointers.assign(draft, target, value)
            if pointer in draft.provenance:
                moved[target] = draft.provenance[pointer]
    early, late = _first_and_last(keep, gone)
    for one, end in ((early, "position/start"), (late, "position/end")):
        if known_by := draft.provenance.get(pointers.instance_pointer(one.id, end)):
            moved[f"{new}/{end}"] = known_by
    keep.position = Position(
        text=keep.position.text or gone.position.text,
        start=early.position.start,
        enters=early.position.enters,
        end=late.position.end,
        leaves=late.position.leaves,
    )
    keep.track = thin_track(joined(keep.track, gone.track), draft)
    keep.is_main |= gone.is_main
    if edit.cut_sentences:
        _cut_sentences(draft, gone.id)
    naming.rename(draft, gone.name, keep.name)
    _drop(draft, gone.id, heir=keep.id)
    return moved


def _split(draft: Caption, edit: Split) -> int:
    """Returns the id of the new instance, which begins at ``t``."""
    one = _instance(draft, edit.instance)
    before = [point for point in one.track if point.t < edit.t]
    after = [point for point in one.track if point.t >= edit.t]
    if not before or not after:
        raise FormatError(
            f"instance {edit.instance} cannot be split at {edit.t:g} s: its track has no point "
            f"{'before' if not before else 'after'} that"
        )
    if edit.t < after[0].t <= before[-1].t + NEAR * usual_step(one.track):  # seen all the time
        middle = between(before[-1], after[0], edit.t)
        before, after = [*before, middle], [middle, *after]
    position, id = one.position, _new_id(draft)
    other = Instance(
        id=id,
        name=edit.name,
        class_=one.class_,
        category=one.category,
        subcategory=one.subcategory,
        position=Position(
            start=cell_at(after[0]), end=position.end, enters=True, leaves=position.leaves
        ),
        track=after,
    )
    one.track = before
    one.position = Position(start=position.start, end=cell_at(before[-1]), enters=position.enters,
                            leaves=True)  # fmt: skip
    draft.instances.insert(draft.instances.index(one) + 1, other)
    for segment in draft.segments:
        if one.id in segment.instances and segment.end > edit.t:
            if segment.start >= edit.t:
                segment.instances.remove(one.id)
            segment.instances.append(id)
    return id


def _remove(draft: Caption, edit: Remove) -> None:
    gone = _instance(draft, edit.instance)
    if edit.cut_sentences:
        _cut_sentences(draft, gone.id)
    _drop(draft, gone.id)
    if gone.is_main and draft.instances and not any(one.is_main for one in draft.instances):
        draft.instances[0].is_main = True


def _cut_sentences(draft: Caption, id: int) -> None:
    """Take out the sentences of other fields that name an instance."""
    for pointer, named in mentions(draft, id).items():
        text = pointers.resolve(draft, pointer)
        kept = [one.text for one in split_sentences(text) if one.text not in named]
        pointers.assign(draft, pointer, " ".join(kept))


def _add(draft: Caption, edit: Add) -> int:
    """Returns the id of the new instance."""
    track = thin_track(sorted(edit.track, key=lambda point: point.t), draft)
    id = _new_id(draft)
    draft.instances.append(
        Instance(
            id=id,
            name=edit.name,
            class_=edit.class_,
            is_main=not draft.instances,
            position=position_along(track, draft),
            track=track,
        )
    )
    return id


def _extend(draft: Caption, edit: Extend) -> None:
    """The new points count where both tracks have some."""
    one = _instance(draft, edit.instance)
    new = sorted(edit.track, key=lambda point: point.t)
    before, track = one.track, thin_track(joined(new, one.track), draft)
    seen, known = position_along(track, draft), one.position
    one.track = track
    if not before or track[0].t < before[0].t:
        known.start, known.enters = seen.start, seen.enters
    if not before or track[-1].t > before[-1].t:
        known.end, known.leaves = seen.end, seen.leaves


# What they share ----------------------------------------------------------------------------------


def _instance(caption: Caption, id: int) -> Instance:
    found = next((one for one in caption.instances if one.id == id), None)
    if found is None:
        raise FormatError(f"there is no instance {id}; there are {_ids(caption)}")
    return found


def _ids(caption: Caption) -> list[int]:
    return [one.id for one in caption.instances]


def _new_id(caption: Caption) -> int:
    """An id that neither an instance nor what is left of one has."""
    known = {pointers.instance_of(one) or 0 for one in caption.provenance}
    return max({-1, *_ids(caption), *known}) + 1


def _drop(draft: Caption, id: int, *, heir: int | None = None) -> None:
    """Take an instance out, with all that is about it alone; ``heir`` acts in its place."""
    draft.instances = [one for one in draft.instances if one.id != id]
    for segment in draft.segments:
        acting = (heir if one == id else one for one in segment.instances)
        segment.instances = list(dict.fromkeys(one for one in acting if one is not None))
    draft.claims = [one for one in draft.claims if pointers.instance_of(one.field) != id]
    draft.provenance = {
        pointer: one
        for pointer, one in draft.provenance.items()
        if pointers.instance_of(pointer) != id
    }


def _first_and_last(one: Instance, other: Instance) -> tuple[Instance, Instance]:
    """Which of two is seen first, and which last; one without a track says nothing of it."""
    if not one.track or not other.track:
        alone = one if one.track or not other.track else other
        return alone, alone
    early = one if one.track[0].t <= other.track[0].t else other
    late = one if one.track[-1].t >= other.track[-1].t else other
    return early, late


def _by_person(at: str) -> Provenance:
    return Provenance(source=HUMAN, confidence=1.0, support="unchecked", at=at)


def _mark(before: Caption, after: Caption, moved: dict[str, Provenance], at: str) -> None:
    """Say of every leaf that changed who wrote it, and drop what was claimed of it before."""
    ids = {None, *_ids(after)}
    changed = {one for one in replaced_leaves(before, after) if pointers.instance_of(one) in ids}
    for pointer in sorted(changed):
        after.provenance[pointer] = moved.get(pointer) or _by_person(at)
    after.claims = [
        one
        for one in after.claims
        if not any(f"{pointer}/".startswith(f"{one.field}/") for pointer in changed)
    ]


def _checked(draft: Caption) -> Caption:
    """The draft as a valid caption. Raises :class:`FormatError` with the first fault."""
    try:
        return Caption.model_validate(draft.model_dump(mode="json", warnings=False))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = "/".join(str(step) for step in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "literal_error":
            reason = f"{first['input']!r} is no choice; choose {first['ctx']['expected']}"
        raise FormatError(f"{place}: {reason}" if place else reason) from error
