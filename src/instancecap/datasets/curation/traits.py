"""What a set is balanced over: a word for each aspect of a clip, from a manifest or a caption."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancecap.datasets.captions import read_captions
from instancecap.datasets.statistics.document import length_bin
from instancecap.datasets.statistics.motion import direction_of
from instancecap.datasets.statistics.scenes import scene_of
from instancecap.io.addresses import is_url
from instancecap.io.finder import Rejected
from instancecap.io.tables import TABLE_SUFFIXES, read_rows
from instancecap.schema.caption import Caption

SLOW, FAST = 0.03, 0.1
"""Frame diagonals a second from which an instance moves, and is fast."""

UNKNOWN = "unknown"
"""Of an aspect that nothing is known of."""

ASPECTS = (
    "length", "scene", "place", "time_of_day", "style", "shot_type", "class", "motion", "camera",
)  # fmt: skip
"""``length``: as in the InstanceVid figure. ``scene``: told by a caption's words. ``class``: of the
first instance. ``motion``: still, slow or fast, of a caption still or moves. ``camera``: the one
movement, static, or several."""


@dataclass(frozen=True, slots=True)
class Item:
    """A clip that may be chosen.

    Attributes:
        id: unique in a set.
        source: the video that it is a part of.
        traits: by aspect.
        hash: of its pictures; empty where there is none.
        row: what is written of it.
    """

    id: str
    source: str
    traits: Mapping[str, str]
    hash: str
    row: dict[str, Any]


def read_items(
    inputs: Sequence[str], *, on_failure: Callable[[Rejected], None] = lambda one: None
) -> Iterator[Item]:
    """The clips of manifests that ``dataset filter`` wrote, or of captions of any format."""
    for path in inputs:
        if _is_manifest(path):
            for row in read_rows(path):
                if row.error:
                    on_failure(Rejected(f"{path}, {row.where}", row.error))
                else:
                    yield _of_row(row.value, path)
            continue
        for one in read_captions([path]):
            if one.caption is None:
                on_failure(Rejected(one.source, one.error))
            else:
                yield _of_caption(one.name, one.caption)


def _is_manifest(path: str) -> bool:
    """Whether its first row has a path and figures."""
    if not path.lower().endswith(TABLE_SUFFIXES) or not os.path.exists(path):
        return False
    first = next(iter(read_rows(path)), None)
    value = first.value if first is not None else None
    return isinstance(value, dict) and "path" in value and ("figures" in value or "hash" in value)


def _of_row(row: dict[str, Any], manifest: str) -> Item:
    figures = row.get("figures", row)
    camera, motion = list(figures["camera"]), float(figures["motion"])
    traits = {name: str(figures[name]) for name in ("place", "time_of_day", "style", "shot_type")}
    traits |= {
        "length": length_bin(figures["duration"]),
        "scene": {"indoor": "indoors", "outdoor": "outdoors"}.get(traits["place"], ""),
        "class": next(iter(figures["classes"]), ""),
        "motion": "fast" if motion >= FAST else "slow" if motion >= SLOW else "still",
        "camera": _camera(camera),
    }
    start, end = row.get("start"), row.get("end")
    span = "" if not start and end is None else f"@{start or 0.0}-{'end' if end is None else end}"
    path = row["path"]
    near = os.path.join(os.path.dirname(manifest), path)
    path = path if is_url(path) or not os.path.lexists(near) else os.path.normpath(near)
    id = f"{row.get('id') or path}{span}"
    return Item(id, path, _known(traits), row.get("hash") or "", {**row, "path": path})


def _of_caption(name: str, caption: Caption) -> Item:
    video = caption.video
    main = next((one for one in caption.instances if one.is_main), None)
    first = main or next(iter(caption.instances), None)
    moves = any(direction_of(one) for one in caption.instances)
    traits = {
        "length": length_bin(video.duration) if video is not None and video.duration else "",
        "scene": scene_of(caption),
        "place": caption.place,
        "time_of_day": caption.time_of_day,
        "style": caption.style,
        "shot_type": caption.camera.shot_type,
        "class": first.class_ if first is not None else "",
        "motion": "moves" if moves else "still" if caption.instances else "",
        "camera": _camera(list(caption.camera.motion)),
    }
    path = video.path if video is not None else ""
    return Item(name, path or name, _known(traits), "", caption.model_dump(mode="json"))


def _known(traits: Mapping[str, str]) -> dict[str, str]:
    return {name: value or UNKNOWN for name, value in traits.items()}


def _camera(motion: list[str]) -> str:
    plain = [word for word in motion if word not in ("tracking", "shaky")]
    return "several" if len(plain) > 1 else plain[0] if plain else ""
