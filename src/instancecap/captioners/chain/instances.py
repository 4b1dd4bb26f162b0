"""The agreed instances as evidence: tracks of one thing joined, and what only the model sees
followed from its boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from instancecap.captioners.chain.agree import NEAR, Agreed, noun_for
from instancecap.evidence.choice import Cluster
from instancecap.evidence.experts.world import own_motion
from instancecap.evidence.following import follow
from instancecap.evidence.tracking.film import Film
from instancecap.evidence.tracking.follow import Followed
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import (
    Evidence,
    InstanceFacts,
)
from instancecap.verify.naming import ClassMatch, held_match

COMES = 0.35
"""Seconds from a clip's ends within which a followed thing that is not there yet, or any more,
neither enters nor leaves."""


def follow_agreed(
    agreed: Sequence[Agreed], film: Film, evidence: Evidence, cluster: Cluster
) -> dict[int, Followed]:
    """Follow the things that have boxes to be followed from; by id."""
    seeds = {one.id: one.seeds for one in agreed if one.seeds}
    if not seeds or not film.times:
        return {}
    return follow(film, seeds, shots=evidence.shots, cluster=cluster)


def agreed_evidence(
    evidence: Evidence, agreed: Sequence[Agreed], followed: Mapping[int, Followed]
) -> Evidence:
    """The evidence with the agreed things as its instances, in their order."""
    items = [_facts(one, followed.get(one.id), evidence) for one in agreed]
    ids = {item.id for item in items}
    contacts = [one for one in evidence.contacts if {one.first, one.second} <= ids]
    owners = {piece.id: one.id for one in agreed for piece in one.pieces}
    faces = [
        face.model_copy(
            update={"instance": owners.get(-1 if face.instance is None else face.instance)}
        )
        for face in evidence.faces
    ]
    return evidence.model_copy(update={"instances": items, "contacts": contacts, "faces": faces})


def _facts(one: Agreed, followed: Followed | None, evidence: Evidence) -> InstanceFacts:
    """What is known of one thing from its tracks and from following it."""
    track = [point for piece in one.pieces for point in piece.track]
    known = np.array([point.t for point in track])
    for point in followed.track if followed else ():
        if not len(known) or np.abs(known - point.t).min() > NEAR:
            track.append(point)
    track.sort(key=lambda point: point.t)
    track = [point for i, point in enumerate(track) if not i or point.t > track[i - 1].t]
    if not one.pieces:
        return _followed_facts(one, followed, track, evidence)
    best = max(one.pieces, key=lambda piece: (len(piece.track), -piece.id))
    pose = sorted((s for piece in one.pieces for s in piece.pose), key=lambda s: s.start)
    update: dict[str, object] = {"id": one.id, "track": track, "count": one.named.count}
    update["pose"] = pose
    if held_match(noun_for(one.named), best) < ClassMatch.CATEGORY and one.named.class_:
        update |= {"class_": one.named.class_, "category": "", "phrase": ""}
    if len(track) > len(best.track):
        update |= {
            "enters": one.pieces[0].enters and track[0].t >= one.pieces[0].track[0].t,
            "leaves": one.pieces[-1].leaves and track[-1].t <= one.pieces[-1].track[-1].t,
            "motion": own_motion(track, evidence.camera),
        }
    return best.model_copy(update=update)


def _followed_facts(
    one: Agreed, followed: Followed | None, track: list[TrackPoint], evidence: Evidence
) -> InstanceFacts:
    return InstanceFacts(
        id=one.id,
        class_=one.named.class_ or "object",
        confidence=round(followed.confidence, 3) if followed else 0.0,
        salience=0.0,
        count=one.named.count,
        source=followed.tracker if followed and track else "",
        **about_track(track, evidence),
    )


def about_track(track: list[TrackPoint], evidence: Evidence) -> dict[str, Any]:
    """What a track says of its instance, as fields of it: how it moves, comes and goes."""
    end = evidence.video.duration
    return {
        "track": track,
        "enters": bool(track) and track[0].t > COMES,
        "leaves": bool(track) and track[-1].t < end - COMES,
        "motion": own_motion(track, evidence.camera),
    }
