"""Which fields of a caption are to be asked for: those that are open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from instancecap.captioners.chain.options import (
    CLIP_POINTERS,
    INSTANCE_LEAVES,
    SEGMENTS,
    ChainOptions,
)
from instancecap.schema.caption import Caption
from instancecap.schema.pointer import instance_of

PAPER_KEYS = frozenset(
    ["global_description", "background", "camera_description", "appearance", "action", SEGMENTS]
)
"""What InstanceCap's chain asks; segments are ours, so that no part of a long clip is left out."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Keys to ask of the clip, of its instances, and whether its parts are described.

    What a person wrote is out.

    Attributes:
        human: leaves, or what holds them, that a person wrote.
        only: leaves that are missing in an earlier caption; where there are any, nothing else is
            asked for.
    """

    clip: tuple[str, ...]
    instance: tuple[str, ...]
    segments: bool
    human: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()

    def allows(self, pointer: str) -> bool:
        """Whether a leaf of the caption may be written."""
        parts = pointer.split("/", 3)[1:]
        if parts[0] == "segments":
            return self.segments
        if parts[0] != "instances":
            return any(CLIP_POINTERS[key] == pointer for key in self.clip)
        asked = any(INSTANCE_LEAVES[key] == parts[2] for key in self.instance)
        is_missing = not self.only or pointer in self.only
        return asked and is_missing and not _is_below(pointer, self.human)


def find_wanted(base: Caption, options: ChainOptions, *, only: Collection[str] = ()) -> Wanted:
    """What to ask for ``base``: the measured caption, or one that is to be rewritten."""
    keys = options.keys & PAPER_KEYS if options.mode == "paper" else options.keys
    human = frozenset(
        pointer
        for pointer, told in base.provenance.items()
        if told.source == "human" and not options.overwrite_human
    )
    clip = tuple(
        key
        for key, pointer in CLIP_POINTERS.items()
        if key in keys and not _is_below(pointer, human)
    )
    instance = tuple(key for key in INSTANCE_LEAVES if key in keys)
    told = any(f"{pointer}/".startswith("/segments/") for pointer in human)
    segments = SEGMENTS in keys and not told
    if only:
        leaves = {pointer.split("/", 3)[-1] for pointer in only if instance_of(pointer) is not None}
        clip = tuple(key for key in clip if CLIP_POINTERS[key] in only)
        instance = tuple(key for key in instance if INSTANCE_LEAVES[key] in leaves)
        segments = segments and any(one.startswith("/segments/") for one in only)
    return Wanted(clip, instance, segments, human, frozenset(only))


def _is_below(pointer: str, holders: frozenset[str]) -> bool:
    """Whether a leaf, or what holds it, is among them: ``/camera`` stands for all below it."""
    return any(f"{pointer}/".startswith(f"{holder}/") for holder in holders)
