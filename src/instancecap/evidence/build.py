"""Evidence of a clip: one pass over its frames, and the facts that follow from the numbers."""

from __future__ import annotations

import time
from collections.abc import Sequence

from instancecap.evidence.cluster import Experts, load_experts
from instancecap.evidence.detection_log import FindsLog
from instancecap.evidence.experts.angle import shot_angle
from instancecap.evidence.experts.camera_words import describe_camera
from instancecap.evidence.experts.framing import assign_faces, frame_subject
from instancecap.evidence.experts.masks import add_masks
from instancecap.evidence.experts.world import World
from instancecap.evidence.heap import give_pictures_back
from instancecap.evidence.streaming import Pass
from instancecap.evidence.tracking.across_cuts import join_across_cuts
from instancecap.evidence.tracking.groups import group_instances
from instancecap.evidence.tracking.instances import (
    follows_subject,
    moving_instances,
    name_tracks,
    named_instances,
)
from instancecap.evidence.tracking.motion_events import add_events, find_contacts
from instancecap.evidence.tracking.tracker import Finds, extend_with_patches, link
from instancecap.schema.evidence import Evidence, InstanceFacts, Shot, Video
from instancecap.schema.vocabulary import Primitive
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader


def measure(clip: Clip, *, threads: int = 0, masks: bool = False) -> Evidence:
    """Measure a clip.

    Args:
        clip: what to measure.
        threads: cores to use, 0 for all. What is measured does not depend on it.
        masks: add a mask per instance for every sample.

    Raises:
        InputError: the clip cannot be opened, or no frame of it can be decoded.
        MissingDependency: a file of weights was named and is not usable.
    """
    started = time.perf_counter()
    give_pictures_back()
    experts = load_experts()
    with ClipReader(clip, threads=threads) as reader:
        observed = Pass(experts, reader.info, beside=threads != 1)
        try:
            for frame in reader:
                observed.add(frame)
        finally:
            observed.finish()
    facts_began = time.perf_counter()
    evidence = _facts(observed, reader, experts)
    evidence.timings["facts"] = round(time.perf_counter() - facts_began, 4)
    if masks:
        add_masks(clip, evidence, threads=threads)
    evidence.timings["total"] = round(time.perf_counter() - started, 4)
    return evidence


def _facts(observed: Pass, reader: ClipReader, experts: Experts) -> Evidence:
    end = reader.end
    shots = observed.shots.shots(end=end)
    camera, motions = describe_camera(
        observed.camera.path(),
        shots,
        aspect=reader.info.aspect,
        parallax=observed.camera.parallax(),
    )
    instances = _instances(observed, shots, motions, end=end, experts=experts)
    resting = [shot for shot, motion in zip(shots, motions, strict=True) if motion == ["static"]]
    add_events(instances, resting, aspect=reader.info.aspect)
    if follows_subject(camera, instances, end=end):
        camera.motion = [*camera.motion, "tracking"]
    faces = assign_faces(experts.faces.faces if experts.faces is not None else [], instances)
    light, place = observed.light.facts(instances, observed.finds)
    framing = frame_subject(
        instances,
        faces,
        shots,
        aspect=reader.info.aspect,
        place=place.label,
    )
    framing.style = observed.style.style()
    if len(shots) == 1:
        static = camera.motion == ["static"]
        framing.shot_angle = shot_angle(instances, faces, static=static, aspect=reader.info.aspect)
    return Evidence(
        video=_video(reader),
        shots=shots,
        camera=camera,
        instances=instances,
        contacts=find_contacts(instances),
        faces=faces,
        light=light,
        place=place,
        framing=framing,
        overlays=observed.texts.overlays(),
        models=experts.names,
        warnings=[*reader.warnings, *experts.warnings],
        timings={name: round(value, 4) for name, value in observed.seconds.items()},
    )


def _instances(
    observed: Pass,
    shots: Sequence[Shot],
    motions: Sequence[list[Primitive]],
    *,
    end: float,
    experts: Experts,
) -> list[InstanceFacts]:
    """Instances of all shots, the most salient first; their ids count from 0 in that order."""
    per_shot: list[list[InstanceFacts]] = []
    for shot, motion in zip(shots, motions, strict=True):
        samples, patches = _within(observed.finds, shot), _within(observed.patches, shot)
        if not patches:
            continue
        world = World.of(patches, moves=motion != ["static"])
        kept = name_tracks(link(samples), shot=shot, world=world, samples=len(samples))
        tracks = [one.track for one in kept]
        loose = extend_with_patches(tracks, link(patches, sure=0.45, unsure=0.4))
        named = named_instances(kept, shot=shot, end=end, world=world, tight=experts.detector.tight)
        for item in named:
            item.source = experts.detector.name
        moving = moving_instances(loose, named, shot=shot, end=end, world=world)
        for item in moving:
            item.source = "motion"
        per_shot.append(group_instances(named + moving))
    found = join_across_cuts(per_shot)
    found.sort(key=lambda item: (-item.salience, item.track[0].t, item.track[0].box))
    for index, item in enumerate(found):
        item.id = index
    return found


def _within(log: FindsLog, shot: Shot) -> list[Finds]:
    # An image is one shot of no duration; a shot holds its first sample whatever its end.
    return log.within(shot.start - 1e-3, max(shot.end - 1e-3, shot.start + 1e-3))


def _video(reader: ClipReader) -> Video:
    clip, info = reader.clip, reader.info
    duration = reader.end
    return Video(
        id=clip.id,
        path=clip.path,
        start=round(clip.start, 3),
        end=round(clip.start + duration, 3),
        duration=round(duration, 3),
        fps=round(info.fps, 3),
        width=info.width,
        height=info.height,
        frames=reader.frames_read,
        rotation=info.rotation,
        start_pts=round(info.start_pts, 6),
        codec=info.codec,
        pixel_format=info.pixel_format,
        frames_read=reader.frames_read,
    )
