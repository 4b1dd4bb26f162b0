"""Answers into a caption: measured fields stay, every sentence says who wrote it, all is valid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from instancecap.captioners.chain.answers import clean
from instancecap.captioners.chain.options import CLIP_POINTERS, ChainOptions
from instancecap.captioners.chain.pictures import Prepared
from instancecap.captioners.chain.plan import WORD_POINTERS, is_unnamed
from instancecap.captioners.chain.questions import Answered, Question
from instancecap.mllm.base import Image
from instancecap.schema.caption import Caption, Instance, Producer, Provenance, Segment
from instancecap.schema.vocabulary import (
    Category,
    Place,
    ShotAngle,
    ShotPosition,
    ShotType,
    Style,
    TimeOfDay,
)
from instancecap.version import __version__
from instancecap.video.sampling import pick_evenly

CONFIDENCE = 0.5
"""Of what a model says and nobody has checked: as likely right as not. SkyCaptioner-V1's authors
found 59 % of appearances and 69 % of actions right; checking moves it."""

NAME_LENGTH = 40

FRAMES_NAMED = 4
"""Times that provenance lists, at most, as for measured fields."""

VOCABULARIES: dict[str, tuple[str, ...]] = {
    CLIP_POINTERS["place"]: get_args(Place),
    CLIP_POINTERS["time_of_day"]: get_args(TimeOfDay),
    CLIP_POINTERS["style"]: get_args(Style),
    CLIP_POINTERS["shot_type"]: get_args(ShotType),
    CLIP_POINTERS["shot_angle"]: get_args(ShotAngle),
    CLIP_POINTERS["shot_position"]: get_args(ShotPosition),
}


@dataclass(frozen=True, slots=True)
class Said:
    """A value that is fit for its field, and what it was answered to."""

    value: Any
    model: str
    question: Question


@dataclass(slots=True)
class Draft:
    """What has been answered so far.

    Attributes:
        said: by leaf; a window's sentence under ``/segments/`` and its number.
        missing: leaves that were asked for and got nothing, and why, by question.
        models: names that servers gave in their replies.
    """

    allowed: frozenset[str]
    said: dict[str, Said] = field(default_factory=dict)
    missing: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    models: set[str] = field(default_factory=set)

    def take(self, answered: Answered) -> None:
        """Keep what an answer says of the leaves that may be written."""
        question = answered.question
        if answered.model:
            self.models.add(answered.model)
        values = _values(answered)
        if values is None:
            self.missing.append((question.about, answered.problem, question.pointers))
            return
        blank = []
        for pointer, value in values.items():
            if pointer in self.allowed:
                fit = fit_value(pointer, value)
                if fit is not None:
                    self.said[pointer] = Said(fit, answered.model, question)
                elif not pointer.endswith(MAY_BE_BLANK) and pointer not in WORD_POINTERS:
                    blank.append(pointer)
        blank += [one for one in question.pointers if one not in values and one not in self.said]
        if blank:
            reason = answered.problem or "nothing was said"
            self.missing.append((question.about, reason, tuple(blank)))


MAY_BE_BLANK = ("/expression", "/category", "/subcategory", "/is_main")


def _values(answered: Answered) -> dict[str, Any] | None:
    if answered.value is not None:
        return answered.question.read(answered.value)
    if answered.question.prose and clean(answered.text):
        return {answered.question.prose: answered.text}
    return None


def fit_value(pointer: str, value: Any) -> Any:
    """The value as its field takes it; None where nothing is left of it."""
    if pointer.endswith("/is_main"):
        return value if isinstance(value, bool) else None
    if not isinstance(value, str):
        return None
    if pointer in VOCABULARIES or pointer.endswith("/category"):
        words = VOCABULARIES.get(pointer, get_args(Category))
        word = value.strip().lower()
        return word if word in words and word != "unknown" else None
    if pointer.endswith("/subcategory"):
        return clean(value, limit=NAME_LENGTH).strip(" .…") or None
    return clean(value) or None


def merge(prepared: Prepared, draft: Draft, options: ChainOptions, *, version: str) -> Caption:
    """The caption with all that was said in it; ``version`` is that of the prompts."""
    caption = _copy(prepared.base)
    things = {thing.id: thing for thing in caption.instances}
    written = {pointer: said for pointer, said in draft.said.items() if not _is_segment(pointer)}
    for pointer, said in written.items():
        write_leaf(caption, things, pointer, said.value)
    _choose_main(things, written)
    if _write_segments(caption, prepared, draft):
        known = (*caption.provenance, *(claim.field for claim in caption.claims))
        _forget(caption, filter(_is_segment, known))
        written |= final_segments(draft)
    _forget(caption, written)
    for pointer, said in written.items():
        if not pointer.endswith("/is_main"):
            caption.provenance[pointer] = _provenance(said)
    _name_unnamed(caption, things, written)
    warnings = [*_warnings(prepared, draft), *_instead_of_video(prepared, options)]
    caption.warnings += [one for one in warnings if one not in caption.warnings]
    caption.producer = _producer(caption.producer, draft, options, version=version)
    return caption


def _copy(base: Caption) -> Caption:
    """A copy whose parts that are written to are its own; long tracks are shared."""
    return base.model_copy(
        update={
            "instances": [thing.model_copy() for thing in base.instances],
            "camera": base.camera.model_copy(),
            "provenance": dict(base.provenance),
            "warnings": list(base.warnings),
        }
    )


def final_segments(draft: Draft) -> dict[str, Said]:
    """Sentences of windows by the leaf that they have in the caption."""
    told = [draft.said[pointer] for pointer in _segment_pointers(draft)]
    return {f"/segments/{place}/description": said for place, said in enumerate(told)}


def draft_pointers(draft: Draft) -> dict[str, str]:
    """By leaf of the caption the pointer in the draft; they differ for segments alone."""
    segments = _segment_pointers(draft)
    finals = {f"/segments/{place}/description": one for place, one in enumerate(segments)}
    return {one: one for one in draft.said if not _is_segment(one)} | finals


def _segment_pointers(draft: Draft) -> list[str]:
    return sorted(filter(_is_segment, draft.said), key=lambda one: int(one.split("/")[2]))


def _is_segment(pointer: str) -> bool:
    return pointer.startswith("/segments/")


def write_leaf(caption: Caption, things: Mapping[int, Instance], pointer: str, value: Any) -> None:
    """Set one leaf; segments and what is main are set as a whole, elsewhere."""
    parts = pointer.split("/")[1:]
    if parts[0] == "instances":
        if parts[2] != "is_main":
            setattr(things[int(parts[1])], parts[2], value)
    elif parts[0] == "camera":
        setattr(caption.camera, parts[1], value)
    elif parts[0] != "segments":
        setattr(caption, parts[0], value)


def _choose_main(things: Mapping[int, Instance], written: Mapping[str, Said]) -> None:
    """What the model calls main is main; where it calls nothing so, what was measured stays."""
    flags = {
        int(pointer.split("/")[2]): said.value
        for pointer, said in written.items()
        if pointer.endswith("/is_main")
    }
    if any(flags.values()):
        for id, flag in flags.items():
            things[id].is_main = flag


def _write_segments(caption: Caption, prepared: Prepared, draft: Draft) -> bool:
    """Put what happens in each window into the caption; False where nothing was said of any."""
    told = _segment_pointers(draft)
    if not told:
        return False
    windows = [prepared.parts[int(pointer.split("/")[2])].window for pointer in told]
    caption.segments = [
        Segment(start=window.start, end=window.end, description=draft.said[pointer].value)
        for window, pointer in zip(windows, told, strict=True)
    ]
    return True


def _forget(caption: Caption, pointers: Iterable[str]) -> None:
    """Drop what was known of leaves that are written anew."""
    gone = set(pointers)
    for pointer in gone:
        caption.provenance.pop(pointer, None)
    caption.claims = [claim for claim in caption.claims if claim.field not in gone]


def _name_unnamed(
    caption: Caption, things: Mapping[int, Instance], written: Mapping[str, Said]
) -> None:
    """Give a thing that was found by its motion alone the name that the model has for it."""
    for id, thing in things.items():
        said = written.get(f"/instances/{id}/subcategory")
        told = caption.provenance.get(f"/instances/{id}/class")
        if said is not None and is_unnamed(thing) and (told is None or told.source != "human"):
            thing.class_ = said.value
            caption.provenance[f"/instances/{id}/class"] = _provenance(said)


def _provenance(said: Said) -> Provenance:
    times = sorted(said.question.times)
    frames = [times[index] for index in pick_evenly(len(times), FRAMES_NAMED)]
    return Provenance(source=said.model, confidence=CONFIDENCE, support="unchecked", frames=frames)


def _warnings(prepared: Prepared, draft: Draft) -> list[str]:
    """A line for every question without an answer: which fields stay as they were, which empty."""
    leaves = prepared.base.leaves()
    lines = []
    for about, problem, pointers in draft.missing:
        open_ = [one for one in pointers if one not in draft.said and one in draft.allowed]
        kept = [_name(one) for one in open_ if one in leaves]
        empty = [_name(one) for one in open_ if one not in leaves and not one.endswith("/is_main")]
        before = "as it was" if prepared.previous is not None else "as measured"
        parts = [f"{', '.join(kept)} kept {before}"] if kept else []
        parts += [f"{', '.join(empty)} left empty"] if empty else []
        if parts:
            reason = clean(problem, limit=200) or "no usable answer"
            lines.append(f"{about}: {reason}; {'; '.join(parts)}")
    return lines


def _instead_of_video(prepared: Prepared, options: ChainOptions) -> list[str]:
    """A line where frames were shown though the clip was to be sent by its URL."""
    shown = {type(one) for one in prepared.images}
    if options.input == "images" or Image not in shown or prepared.evidence.video.frames == 1:
        return []
    return ["the clip: frames were shown; only a whole file, local or on the web, goes by URL"]


def _name(pointer: str) -> str:
    if _is_segment(pointer):
        return "segments"
    parts = pointer.split("/")[1:]
    return parts[2] if parts[0] == "instances" else ".".join(parts)


def _producer(producer: Producer, draft: Draft, options: ChainOptions, *, version: str) -> Producer:
    foreign = options.mode == "single" and options.single_format != "ours"
    return Producer(
        version=__version__,
        captioner="mllm",
        mode=f"single:{options.single_format}" if foreign else options.mode,
        models={**producer.models, "mllm": ", ".join(sorted(draft.models))},
        prompts=version,
        seed=options.seed,
    )
