"""Caption dropout: some fields left out at random, seeded and recorded.

SkyReels-V2's fusion drops fields so that a model learns from captions of any completeness; it does
so unseeded, and at inference too. Here it is asked for, and the same seed and clip give the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence

from instancecap.schema import pointer
from instancecap.schema.caption import Caption

_FIELDS = (
    "global_description", "background", "lighting", "time_of_day", "place", "style", "texts",
    "segments", "audio",
    "camera/motion", "camera/shot_type", "camera/shot_angle", "camera/shot_position",
)  # fmt: skip
_SPEAK_OF_MOTION = ("motion", "description", "speed", "stability")
_INSTANCE = ("appearance", "action", "expression", "position", "colors")


def droppable(caption: Caption) -> Iterator[str]:
    """The filled fields of a caption that dropout may leave out, as JSON pointers."""
    fields = [f"/{name}" for name in _FIELDS]
    fields += [
        pointer.instance_pointer(one.id, at) for one in caption.instances for at in _INSTANCE
    ]
    for at in fields:
        value = pointer.resolve(caption, at)
        if at == "/camera/motion":
            value = value or caption.camera.description or caption.camera.stability
        elif at == "/audio":
            value = value.speech or value.sound == "silent"
        elif at.endswith("/position"):
            value = value.text or value.start or value.end
        if value and value != "unknown":
            yield at


def dice_of(caption: Caption, *, seed: int, purpose: str = "") -> random.Random:
    """Random numbers that depend on the seed, the clip (its id and span), and what they are for;
    not on the clip's place in a run."""
    clip = caption.video
    name = f"{clip.id}@{clip.start}-{clip.end}" if clip else caption.global_description
    key = f"{seed}\0{name}" + (f"\0{purpose}" if purpose else "")
    return random.Random(hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())


def choose_omitted(
    caption: Caption, *, share: float, seed: int, variant: int = 0
) -> tuple[str, ...]:
    """The fields that dropout leaves out, each with probability ``share``.

    Each ``variant`` of a clip's caption is a throw of its own.
    """
    if share == 0:
        return ()
    dice = dice_of(caption, seed=seed, purpose=f"variant {variant}" if variant else "")
    return tuple(at for at in droppable(caption) if dice.random() < share)


def blank(caption: Caption, omitted: Sequence[str]) -> Caption:
    """The caption with the fields at those pointers empty."""
    result = caption.model_copy(deep=True) if omitted else caption
    for at in omitted:
        base, _, name = at.rpartition("/")
        owner = pointer.resolve(result, base) if base else result
        for one in _SPEAK_OF_MOTION if at == "/camera/motion" else (name,):
            info = type(owner).model_fields[one]
            setattr(owner, one, info.get_default(call_default_factory=True))
    return result
