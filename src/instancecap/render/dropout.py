"""Caption dropout: some fields left out at random, seeded and recorded.

SkyReels-V2's fusion drops fields so that a model learns from captions of any completeness; it does
so unseeded, and at inference too. Here it is asked for, and the same seed and clip give the same.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from instancecap.render.budget import filled
from instancecap.schema.caption import Caption


def droppable(caption: Caption) -> Iterator[str]:
    """The fields of a caption that dropout may leave out, as JSON pointers."""
    names = ("global_description", "background", "lighting", "time_of_day", "place", "style")
    camera = ("motion", "shot_type", "shot_angle", "shot_position")
    pointers = [f"/{name}" for name in (*names, "texts", "segments")]
    pointers += [f"/camera/{name}" for name in camera]
    for one in caption.instances:
        kinds = ("appearance", "action", "expression", "position", "colors")
        pointers += [f"/instances/{one.id}/{name}" for name in kinds]
    held = filled(caption)
    return (pointer for pointer in pointers if pointer in held)


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
