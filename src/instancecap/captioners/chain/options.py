"""What a user may choose of the question chain, and which fields of a caption it can write."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

from instancecap.errors import UsageError
from instancecap.schema.caption import HUMAN, Caption
from instancecap.schema.pointer import instance_of, parse
from instancecap.verify.report import OnContradiction

Mode = Literal["fused", "paper", "single"]
Detail = Literal["auto", "each", "never"]
Agree = Literal["on", "off"]
Input = Literal["images", "video"]
SingleFormat = Literal[
    "skycaptioner", "instancecap-captioner", "instancecap", "shotvl", "cam-motion"
]

MAX_INSTANCES = 8
"""Instances of a caption, at most: a clip of the trial had three to eight that a person named."""

FRAMES: dict[Mode, int] = {"fused": 16, "paper": 8, "single": 16}
"""Pictures a question unless told otherwise; of ``paper`` as published."""

CLIP_POINTERS = {
    "global_description": "/global_description",
    "background": "/background",
    "place": "/place",
    "lighting": "/lighting",
    "time_of_day": "/time_of_day",
    "style": "/style",
    "texts": "/texts",
    "camera_motion": "/camera/motion",
    "camera_description": "/camera/description",
    "shot_type": "/camera/shot_type",
    "shot_angle": "/camera/shot_angle",
    "shot_position": "/camera/shot_position",
}
"""Key in an answer about the whole clip, and the leaf of the caption that it goes to."""

INSTANCE_LEAVES = {
    "name": "name",
    "category": "category",
    "count": "count",
    "is_main": "is_main",
    "appearance": "appearance",
    "colors": "colors",
    "action": "action",
    "expression": "expression",
    "position": "position/text",
    "enters": "position/enters",
    "leaves": "position/leaves",
}
"""Key in an answer about one instance, and the leaf below ``/instances/ID/``."""

KEYS = {leaf: key for key, leaf in (CLIP_POINTERS | INSTANCE_LEAVES).items()}
KEYS["expression_spans"] = "expression"

SEGMENTS = "segments"

FIELDS: dict[str, tuple[str, ...]] = {
    **{key: (key,) for key in CLIP_POINTERS if key not in ("camera_description", "camera_motion")},
    "camera": (
        *("camera_motion", "camera_description"),
        *("shot_type", "shot_angle", "shot_position"),
    ),
    "instances": tuple(INSTANCE_LEAVES),
    **{leaf: (key,) for key, leaf in INSTANCE_LEAVES.items() if "/" not in leaf},
    "position": ("position", "enters", "leaves"),
    SEGMENTS: (SEGMENTS,),
}
"""Names that ``fields`` may have, as in a caption, and the keys of answers that they stand for."""

PAPER_KEYS = frozenset(
    ["global_description", "background", "camera_description", "appearance", "action", SEGMENTS]
)
"""What InstanceCap's chain asks; segments are ours, so that no part of a long clip is left out."""

LEAST = {"max_instances": (0, ""), "frames": (0, ""), "image_side": (16, " pixels"),
         "window": (0.5, " seconds"), "attempts": (1, "")}  # fmt: skip
"""Bounds of numbers, and their units."""

_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class ChainOptions:
    """How a caption is asked for. Checked when made; can be sent to another process.

    Attributes:
        mode: ``fused`` (one question that lists the instances, then describes each), ``paper``
            (1 + 4·N + 3 calls, as InstanceCap was published, for comparison), or ``single`` (one
            call, in the words of a captioner that was trained on them).
        detail: ask about an instance of its own, in ``fused``: ``auto`` where the whole view can't
            show enough of it, ``each``, or ``never``.
        agree: ``off`` leaves the detector's tracks as the instances in ``paper``, as published.
        single_format: whose question and answer ``single`` speaks; ``shotvl`` and ``cam-motion``
            speak of the camera alone.
        input: how the clip as a whole is shown: ``images`` (frames), or ``video`` (by its URL, for
            servers that fetch and sample it themselves). Instances and parts of a clip are always
            shown as images.
        max_instances: agreed instances that a caption may have.
        frames: pictures a question, at most; 0 for those of :data:`FRAMES`.
        image_side: longer side of a picture in pixels, at most.
        hints: tell the model what was measured and is nearly always right.
        hints_file: a CSV file with the columns ``name,hint`` that adds to what to look at in a
            thing of its class, or replaces some.
        prompts_dir: a folder whose ``NAME.md`` files are used instead of ours.
        language: BCP-47 tag of the language that sentences are asked in.
        fields: what to write, names of :data:`FIELDS`; all if None.
        on_contradiction: what becomes of a statement that the evidence still speaks against
            after it was asked again: ``mark``, ``remove`` or ``keep`` it.
        overwrite_human: also write fields that a person wrote (provenance ``human``).
        window: seconds; a longer clip, or one of several shots, is also described piece by piece.
        attempts: times that a question is asked until its answer can be used.
        seed: of the model's sampling.
    """

    mode: Mode = "fused"
    detail: Detail = "auto"
    agree: Agree = "on"
    single_format: SingleFormat = "skycaptioner"
    input: Input = "images"
    max_instances: int = MAX_INSTANCES
    frames: int = 0
    image_side: int = 768
    hints: bool = True
    hints_file: str = ""
    prompts_dir: str = ""
    language: str = "en"
    fields: frozenset[str] | None = None
    on_contradiction: OnContradiction = "mark"
    overwrite_human: bool = False
    window: float = 8.0
    attempts: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kind in get_type_hints(type(self)).items():
            if get_origin(kind) is Literal:
                _one_of(name.replace("_", " "), getattr(self, name), get_args(kind))
        for name, (least, unit) in LEAST.items():
            value = getattr(self, name)
            if not least <= value < float("inf"):
                raise UsageError(f"{name} must be at least {least:g}{unit}, got {value:g}")
        for name in sorted(self.fields or ()):
            _one_of("field", name, tuple(FIELDS))
        if self.fields is not None and not self.fields:
            raise UsageError(f"name at least one field of: {', '.join(FIELDS)}")
        if self.agree == "off" and self.mode != "paper":
            raise UsageError("agree=off is for mode paper; the other modes have nothing to go by")
        if not _LANGUAGE_TAG.fullmatch(self.language):
            raise UsageError(f"{self.language!r} is no language tag; give one like en, zh or pt-BR")

    @property
    def english(self) -> bool:
        """True where the sentences are in English, the one language whose claims are checked."""
        return self.language.lower().split("-")[0] == "en"

    @property
    def pictures(self) -> int:
        """Pictures a question, at most."""
        return self.frames or FRAMES[self.mode]

    @property
    def keys(self) -> frozenset[str]:
        """The keys of answers that ``fields`` stands for, of those that the mode asks."""
        keys = frozenset(key for name in self.fields or FIELDS for key in FIELDS[name])
        if self.mode == "paper":
            return keys & PAPER_KEYS
        return keys & frozenset(FIELDS["camera"]) if self.speaks_of_camera else keys

    @property
    def speaks_of_camera(self) -> bool:
        """True where a model is asked that was trained on cinematography and nothing else."""
        return self.mode == "single" and self.single_format in ("shotvl", "cam-motion")


def _one_of(what: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise UsageError(f"unknown {what} {value!r}; allowed: {', '.join(allowed)}")


def key_of(pointer: str) -> str:
    """The key of answers that a leaf of a caption has; empty for none."""
    leaf = pointer if instance_of(pointer) is None else "/".join(parse(pointer)[2:])
    return KEYS.get(leaf, "")


# Wanted -------------------------------------------------------------------------------------------


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
        if pointer.startswith("/segments/"):
            return self.segments
        if instance_of(pointer) is None:
            return key_of(pointer) in self.clip
        is_missing = not self.only or pointer in self.only
        asked = key_of(pointer) in self.instance
        return asked and is_missing and not is_below(pointer, self.human)


def find_wanted(base: Caption, options: ChainOptions, *, only: Collection[str] = ()) -> Wanted:
    """What to ask for ``base``: the measured caption, or one that is to be rewritten."""
    keys = options.keys
    human = frozenset(
        pointer
        for pointer, told in base.provenance.items()
        if told.source == HUMAN and not options.overwrite_human
    )
    clip = tuple(
        key
        for key, pointer in CLIP_POINTERS.items()
        if key in keys and not is_below(pointer, human)
    )
    instance = tuple(key for key in INSTANCE_LEAVES if key in keys)
    told = any(f"{pointer}/".startswith("/segments/") for pointer in human)
    segments = SEGMENTS in keys and not told
    if only:
        due = {key_of(pointer) for pointer in only}
        clip = tuple(key for key in clip if CLIP_POINTERS[key] in only)
        instance = tuple(key for key in instance if key in due)
        segments = segments and any(one.startswith("/segments/") for one in only)
    return Wanted(clip, instance, segments, human, frozenset(only))


def is_below(pointer: str, holders: Collection[str]) -> bool:
    """Whether a leaf, or what holds it, is among them: ``/camera`` stands for all below it."""
    return any(f"{pointer}/".startswith(f"{holder}/") for holder in holders)
