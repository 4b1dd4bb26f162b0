"""What takes long in a review, done in worker processes: pictures, tracks, recaptions, the index.

Each function takes and returns what can be sent between processes.
"""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np

from instancecap.api import Measured, caption, measure
from instancecap.captioners.chain import ChainOptions, prepare, write
from instancecap.captioners.chain.options import key_of
from instancecap.errors import InputError
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.evidence.following import film_of, follow
from instancecap.evidence.geometry import ious
from instancecap.evidence.tracking.box_trackers import Seed
from instancecap.evidence.tracking.follow import MIN_ABSENCE
from instancecap.mllm.server import Server
from instancecap.schema import pointer as pointers
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.evidence import Shot
from instancecap.video.clip import Clip
from instancecap.web.app.jobs import Progress
from instancecap.web.review.replace import SetReplacement, replace_all
from instancecap.web.review.store import ReviewSet
from instancecap.web.review.tracks import spans_of, thin_track

SAME = 0.5
"""Mean IoU from which on two tracks are of the same thing."""


def refresh_index(progress: Progress, source: str) -> int:
    """Bring the index of a set up to date, and write out what a killed server left unwritten."""
    review = ReviewSet.open(source)
    count = review.refresh(on_progress=lambda count: progress("reading captions", count=count))
    review.flush()
    return count


def replace_in_set(
    progress: Progress, source: str, replacement: SetReplacement, reviewer: str
) -> dict[str, Any]:
    """Replace over the whole set."""
    return replace_all(
        ReviewSet.open(source),
        replacement,
        reviewer=reviewer,
        on_progress=lambda share: progress("replacing", share),
    )


def track_box(
    progress: Progress,
    clip: Clip,
    document: str,
    t: float,
    box: tuple[float, float, float, float],
    cluster: Cluster = DEFAULT,
) -> dict[str, Any]:
    """Follow what lies in a box through the clip.

    Returns the ``track``, at most as many points as a caption keeps, and the ``spans`` in which it
    was seen, start and end in seconds.
    """
    progress("following it through the clip")
    said = Caption.from_json(document)
    shots = [Shot(start=one.start, end=one.end, transition=one.transition) for one in said.shots]
    found = follow(film_of(clip), {0: [Seed(t, box)]}, shots=shots, cluster=cluster)[0]
    track = list(found.track) or [TrackPoint(t=t, box=box, score=1.0)]
    thin = thin_track(track, said)
    return {
        "track": [point.model_dump(mode="json") for point in thin],
        "spans": spans_of(track, gap=MIN_ABSENCE),
    }


def recaption(
    progress: Progress,
    clip: Clip,
    document: str,
    pointer: str,
    server: Server,
    cluster: Cluster = DEFAULT,
) -> dict[str, Any]:
    """One field anew, by the model of ``server``, or measured where there is none.

    Returns its ``value``, and its provenance as ``by``.
    """
    said = Caption.from_json(document)
    progress("measuring the clip")
    if server.urls or server.replay:
        if not key_of(pointer):
            raise InputError(f"{pointer}: no field that a model is asked for by itself")
        evidence = measure(clip, cluster=cluster)
        options = ChainOptions(overwrite_human=True)
        prepared = prepare(
            clip, evidence, options=options, previous=said, only=(pointer,), cluster=cluster
        )
        progress(f"asking {server.model or 'the model'}")
        fresh = asyncio.run(_ask(prepared, server, options))
        target = pointer
    else:
        most = max(8, len(said.instances))
        fresh = caption(clip, captioner=Measured(), max_instances=most, cluster=cluster)
        target = _counterpart(said, fresh, pointer)
    value = fresh.leaves().get(target)
    known = fresh.provenance.get(target)
    if value is None or known is None:
        who = server.model or "the measured captioner; a model that sees: --mllm-url"
        raise InputError(f"{pointer}: nothing comes of it from {who}; it stays as it is")
    return {"value": value, "by": known.model_dump(mode="json")}


async def _ask(prepared: Any, server: Server, options: ChainOptions) -> Caption:
    backend = server.open()
    try:
        return (await write(prepared, backend, options=options)).caption
    finally:
        await backend.close()


def _counterpart(said: Caption, fresh: Caption, pointer: str) -> str:
    """The pointer of the same field in another caption of the clip: instances by their tracks."""
    id = pointers.instance_of(pointer)
    if id is None:
        return pointer
    own = next(one for one in said.instances if one.id == id)
    best = max(fresh.instances, key=lambda one: _overlap(own, one), default=None)
    if best is None or _overlap(own, best) < SAME:
        raise InputError(f"{pointer}: the captioner does not find this instance")
    return pointers.instance_pointer(best.id) + pointer.removeprefix(pointers.instance_pointer(id))


def _overlap(one: Instance, other: Instance) -> float:
    """Mean IoU of two tracks at the times of the first, 0..1."""
    if not one.track or not other.track:
        return 0.0
    times = np.array([point.t for point in one.track])
    boxes = [np.array([point.box for point in some.track]) for some in (one, other)]
    theirs = np.array([point.t for point in other.track])
    moved = np.stack([np.interp(times, theirs, boxes[1][:, axis]) for axis in range(4)], axis=1)
    return float(np.mean(np.diagonal(ious(boxes[0], moved))))
