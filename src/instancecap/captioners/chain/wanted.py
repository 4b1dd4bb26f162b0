"""Which fields of a caption are to be asked for: those that are open."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from instancecap.captioners.chain.options import (
    CLIP_POINTERS,
    INSTANCE_LEAVES,
    SEGMENTS,
    ChainOptions,
)
from instancecap.evidence.reliability import may_overrule
from instancecap.schema.caption import Caption

PAPER_KEYS = frozenset(
    ["global_description", "background", "camera_description", "appearance", "action", SEGMENTS]
)
"""What InstanceCap's chain asks; segments are ours, so that no part of a long clip is left out."""

OPEN_VALUES = ("", "unknown")

WORD_KEYS = ("place", "time_of_day", "style", "shot_type", "shot_angle", "shot_position")
"""Keys of the clip that hold one word of a list."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Keys to ask of the clip, and of its instances; those that are decided are out.

    Decided are words of a list whose kind of measurement is right 95 times in 100, and what a
    person wrote.

    Attributes:
        known: keys of single instances of the caption that is rewritten; empty for a new one.
    """

    clip: tuple[str, ...]
    instance: tuple[str, ...]
    segments: bool
    known: Mapping[int, tuple[str, ...]]

    def allows(self, pointer: str) -> bool:
        """Whether a leaf of the caption may be written."""
        parts = pointer.split("/", 3)[1:]
        if parts[0] == "segments":
            return self.segments
        if parts[0] != "instances":
            return any(CLIP_POINTERS[key] == pointer for key in self.clip)
        keys = self.known.get(int(parts[1]), self.instance)
        return any(INSTANCE_LEAVES[key] == parts[2] for key in keys)


def find_wanted(
    base: Caption, options: ChainOptions, *, anew: bool, only: Collection[str] = ()
) -> Wanted:
    """What to ask for ``base``: the measured caption, or (not ``anew``) one to be rewritten.

    ``only``: leaves that are missing in an earlier caption; nothing else is asked for.
    """
    keys = options.keys & PAPER_KEYS if options.mode == "paper" else options.keys
    leaves = base.leaves()
    clip = tuple(
        key
        for key, pointer in CLIP_POINTERS.items()
        if key in keys and _is_open(base, leaves, key, pointer, options)
    )
    instance = tuple(key for key in INSTANCE_LEAVES if key in keys)
    known = {
        one.id: tuple(
            key
            for key in instance
            if options.overwrite_human
            or not is_human(base, f"/instances/{one.id}/{INSTANCE_LEAVES[key]}")
        )
        for one in ([] if anew else base.instances)
    }
    segments = SEGMENTS in keys and (options.overwrite_human or not _has_human_segment(base))
    if only:
        clip = tuple(key for key in clip if CLIP_POINTERS[key] in only)
        known = {
            id: tuple(key for key in some if f"/instances/{id}/{INSTANCE_LEAVES[key]}" in only)
            for id, some in known.items()
        }
        instance = tuple(key for key in instance if any(key in some for some in known.values()))
        segments = segments and any(one.startswith("/segments/") for one in only)
    return Wanted(clip, instance, segments, known)


def _is_open(
    base: Caption, leaves: Mapping[str, Any], key: str, pointer: str, options: ChainOptions
) -> bool:
    if not options.overwrite_human and is_human(base, pointer):
        return False
    if key not in WORD_KEYS or leaves.get(pointer, "") in OPEN_VALUES:
        return True
    told = base.provenance.get(pointer)
    return told is None or told.support != "measured" or not may_overrule(key, told.confidence)


def is_human(base: Caption, pointer: str) -> bool:
    """Whether a person wrote the leaf, or what holds it: ``/camera`` stands for all below it."""
    parts = pointer.split("/")
    holders = ("/".join(parts[:end]) for end in range(2, len(parts) + 1))
    told = (base.provenance.get(holder) for holder in holders)
    return any(one is not None and one.source == "human" for one in told)


def _has_human_segment(base: Caption) -> bool:
    return any(
        f"{pointer}/".startswith("/segments/") and told.source == "human"
        for pointer, told in base.provenance.items()
    )
