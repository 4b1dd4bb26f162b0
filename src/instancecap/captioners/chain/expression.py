"""What a model reads from the faces that it is shown from near, and when it changes.

SkyCaptioner (SkyReels-V2, arXiv 2504.13074) has a captioner of its own for expressions, their
intensity and their change; here they are keys of the question that is asked anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from instancecap.captioners.chain.answers import UNKNOWN, clean
from instancecap.captioners.chain.faces import FaceView
from instancecap.captioners.chain.questions import Scene
from instancecap.language import en
from instancecap.mllm.base import Image
from instancecap.schema.caption import ExpressionSpan
from instancecap.schema.tracks import cell_of


def faces_shown(scene: Scene) -> tuple[FaceView, ...]:
    """Close-ups that the first question shows: none beside a clip that is sent by its URL."""
    pictures = all(isinstance(one, Image) for one in scene.prepared.images)
    return scene.prepared.faces if pictures else ()


def faces_left(scene: Scene, id: int) -> tuple[FaceView, ...]:
    """Close-ups of an agreed instance's face that the first question could not show."""
    own = {piece.id for piece in scene.agreed[id].pieces}
    shown = faces_shown(scene)
    return tuple(one for one in scene.prepared.faces if one.owner in own and one not in shown)


def faces_told(scene: Scene, views: Sequence[FaceView], *, before: int) -> str:
    """Words on the close-ups that follow ``before`` pictures: whose face each of them shows."""
    if not views:
        return ""
    lines = []
    numbered = enumerate(views, before + 1)
    for _, group in groupby(numbered, key=lambda pair: pair[1].owner):
        some = list(group)
        (first, view), last = some[0], some[-1][0]
        numbers = f"picture {first}" if first == last else f"pictures {first} to {last}"
        x0, y0, x1, y1 = view.box
        place = en.IN_CELLS[cell_of((x0 + x1) / 2, (y0 + y1) / 2)]
        lines.append(f"- {numbers}: the face {place} of the frame at {view.image.t or 0.0:.1f} s")
    return scene.prompts.say("faces", count=len(views), lines="\n".join(lines))


def read_faces(
    scene: Scene, id: int, looks: Sequence[Any], views: Sequence[FaceView], *, before: int
) -> list[ExpressionSpan]:
    """What the face of an instance shows in its close-ups, as stretches that do not change.

    A close-up counts only where the face was measured to be that of the instance's own track; of
    an instance that has none, where all that is told of it is of one face.
    """
    numbered = dict(enumerate(views, before + 1))
    told = [
        (view, shows, one.intensity)
        for one in looks
        if (view := numbered.get(one.picture)) and (shows := clean(one.shows, limit=60).strip(" ."))
    ]
    pieces = {piece.id for piece in scene.agreed[id].pieces} if id in scene.agreed else set()
    owners = pieces or ({id} if id not in scene.agreed else {view.owner for view, *_ in told})
    if not pieces and len(owners) != 1:
        return []
    mine = sorted(
        (one for one in told if one[0].owner in owners), key=lambda one: one[0].image.t or 0.0
    )
    spans = []
    for (shows, intensity), group in groupby(mine, key=lambda one: (one[1].casefold(), one[2])):
        times = [view.image.t or 0.0 for view, *_ in group]
        spans.append(
            ExpressionSpan(
                start=times[0],
                end=times[-1],
                shows=shows,
                intensity="" if intensity == UNKNOWN else intensity,
            )
        )
    return spans
