"""What will be asked of one clip, and on which pictures: known before a frame is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from instancecap.captioners.chain.options import (
    CLIP_POINTERS,
    INSTANCE_LEAVES,
    SEGMENTS,
    ChainOptions,
)
from instancecap.captioners.chain.windows import Window, cut_windows, frame_times
from instancecap.captioners.views import best_views
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.evidence import Evidence, InstanceFacts

PAPER_KEYS = frozenset(
    ["global_description", "background", "camera_description", "appearance", "action", SEGMENTS]
)
"""What InstanceCap's chain asks; segments are ours, so that no part of a long clip is left out."""

OPEN_VALUES = ("", "unknown")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Keys to ask, of the clip and of every instance by its id; those that are not open are out.

    Open are all texts, and words of a closed vocabulary that were not measured.
    """

    clip: tuple[str, ...]
    things: Mapping[int, tuple[str, ...]]
    segments: bool

    def pointers(self) -> set[str]:
        """The caption's leaves that may be written, segments aside."""
        leaves = {CLIP_POINTERS[key] for key in self.clip}
        for id, keys in self.things.items():
            leaves |= {instance_pointer(id, key) for key in keys}
        return leaves


@dataclass(frozen=True, slots=True)
class Plan:
    """Times of the pictures of each question, in seconds from the clip's start.

    Attributes:
        clip: of questions on the whole clip; empty where none is asked.
        windows: the parts that are described one by one; empty for one short shot.
        window_times: one tuple a window.
        items: instances that get pictures of their own.
        counts: how many each of them gets.
    """

    wanted: Wanted
    clip: tuple[float, ...]
    windows: tuple[Window, ...]
    window_times: tuple[tuple[float, ...], ...]
    items: tuple[InstanceFacts, ...]
    counts: tuple[int, ...]


def instance_pointer(id: int, key: str) -> str:
    """The leaf of an instance that the answer to a key goes to."""
    return f"/instances/{id}/{INSTANCE_LEAVES[key]}"


def make_plan(base: Caption, evidence: Evidence, options: ChainOptions) -> Plan:
    """What to ask for ``base``, the measured caption or the one that is to be rewritten."""
    wanted = _wanted(base, evidence, options)
    whole = Window(0.0, max(evidence.video.duration, 0.0))
    windows = cut_windows(evidence, seconds=options.window) if wanted.segments else []
    windows = windows if len(windows) > 1 else []
    single = options.mode == "single"
    asks_clip = bool(wanted.clip) or (single and bool(wanted.things))
    items = tuple(item for item in evidence.instances if wanted.things.get(item.id) and not single)
    return Plan(
        wanted=wanted,
        clip=tuple(frame_times(evidence, whole, frames=options.frames)) if asks_clip else (),
        windows=tuple(windows),
        window_times=tuple(
            tuple(frame_times(evidence, one, frames=options.frames)) for one in windows
        ),
        items=items,
        counts=tuple(len(best_views(item.track, frames=options.frames)) for item in items),
    )


def _wanted(base: Caption, evidence: Evidence, options: ChainOptions) -> Wanted:
    keys = options.keys & PAPER_KEYS if options.mode == "paper" else options.keys
    leaves = base.leaves()
    clip = tuple(
        key
        for key, pointer in CLIP_POINTERS.items()
        if key in keys and _is_open(base, leaves, pointer, options)
    )
    seen = {item.id for item in evidence.instances if item.track}
    things = {
        thing.id: tuple(
            key
            for key in INSTANCE_LEAVES
            if key in keys
            and _suits(thing, key)
            and _is_open(base, leaves, instance_pointer(thing.id, key), options)
        )
        for thing in base.instances
        if thing.id in seen
    }
    segments = SEGMENTS in keys and (options.overwrite_human or not _has_human_segment(base))
    return Wanted(clip, {id: asked for id, asked in things.items() if asked}, segments)


def _suits(thing: Instance, key: str) -> bool:
    """Whether a key makes sense for a thing: only people and animals have an expression."""
    if key == "expression":
        return thing.category in ("human", "animal", "") or is_unnamed(thing)
    if key == "category":
        return is_unnamed(thing) or not thing.category
    return True


def is_unnamed(thing: Instance) -> bool:
    """True for what was found by its motion alone, so that nobody knows yet what it is."""
    return thing.class_ == "object"


def _is_open(base: Caption, leaves: Mapping[str, Any], pointer: str, options: ChainOptions) -> bool:
    if not options.overwrite_human and _is_human(base, pointer):
        return False
    if pointer not in WORD_POINTERS or leaves.get(pointer, "") in OPEN_VALUES:
        return True
    told = base.provenance.get(pointer)
    return told is None or told.support != "measured"


def _is_human(base: Caption, pointer: str) -> bool:
    """Whether a person wrote the leaf, or what holds it: ``/camera`` stands for all below it."""
    parts = pointer.split("/")
    holders = ("/".join(parts[:end]) for end in range(2, len(parts) + 1))
    told = (base.provenance.get(holder) for holder in holders)
    return any(one is not None and one.source == "human" for one in told)


WORD_POINTERS = {
    CLIP_POINTERS[key]
    for key in ("place", "time_of_day", "style", "shot_type", "shot_angle", "shot_position")
}
"""Leaves with a closed vocabulary, which stay as measured where they were measured."""


def _has_human_segment(base: Caption) -> bool:
    return any(
        f"{pointer}/".startswith("/segments/") and told.source == "human"
        for pointer, told in base.provenance.items()
    )
