"""Caption dropout: some fields left out at random, seeded and recorded.

SkyReels-V2's fusion drops fields so that a model learns from captions of any completeness; it does
so unseeded, and at inference too. Here it is asked for, and the same seed and clip give the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Any

from instancecap.schema.caption import Caption

_FIELDS = ("global_description", "background", "lighting", "time_of_day", "place", "style",
           "texts", "segments")  # fmt: skip
_CAMERA = ("motion", "shot_type", "shot_angle", "shot_position")
_INSTANCE = ("appearance", "action", "expression", "position", "colors")


def droppable(caption: Caption) -> Iterator[str]:
    """The filled fields of a caption that dropout may leave out, as JSON pointers."""
    camera = caption.camera
    held: dict[str, Any] = {f"/{name}": getattr(caption, name) for name in _FIELDS}
    held |= {f"/camera/{name}": getattr(camera, name) for name in _CAMERA}
    held["/camera/motion"] = camera.motion or camera.description or camera.stability
    for one in caption.instances:
        held |= {f"/instances/{one.id}/{name}": getattr(one, name) for name in _INSTANCE}
        place = one.position
        held[f"/instances/{one.id}/position"] = place.text or place.start or place.end
    return (pointer for pointer, value in held.items() if value and value != "unknown")


def choose_omitted(caption: Caption, *, share: float, seed: int) -> tuple[str, ...]:
    """The fields that dropout leaves out, each with probability ``share``.

    The choice depends on the seed and on the clip (its id and span), not on its place in a run.
    """
    if share == 0:
        return ()
    clip = caption.video
    name = f"{clip.id}@{clip.start}-{clip.end}" if clip else caption.global_description
    digest = hashlib.sha256(f"{seed}\0{name}".encode("utf-8", "surrogatepass")).digest()
    dice = random.Random(digest)
    return tuple(pointer for pointer in droppable(caption) if dice.random() < share)


def blank(caption: Caption, omitted: Sequence[str]) -> Caption:
    """The caption with the fields at those pointers empty."""
    if not omitted:
        return caption
    result = caption.model_copy(deep=True)
    owners: dict[str, Any] = {f"/instances/{one.id}": one for one in result.instances}
    owners |= {"": result, "/camera": result.camera}
    for pointer in omitted:
        base, _, name = pointer.rpartition("/")
        names = ("motion", "description", "speed", "stability") if name == "motion" else (name,)
        for one in names:
            info = type(owners[base]).model_fields[one]
            setattr(owners[base], one, info.get_default(call_default_factory=True))
    return result
