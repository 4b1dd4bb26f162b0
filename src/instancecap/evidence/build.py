"""Evidence of a clip: one pass over its frames, and the facts that follow from the numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.evidence.cluster import Models, load_models, load_segmenter
from instancecap.evidence.expert import Expert
from instancecap.evidence.experts.camera import CameraExpert
from instancecap.evidence.experts.camera_pass import add_camera
from instancecap.evidence.experts.detection import DetectionExpert
from instancecap.evidence.experts.framing import FramingExpert
from instancecap.evidence.experts.light import LightExpert
from instancecap.evidence.experts.masks import add_masks
from instancecap.evidence.experts.motion import MotionExpert
from instancecap.evidence.experts.pose import add_pose
from instancecap.evidence.experts.shots import ShotExpert
from instancecap.evidence.experts.sound import Listener, Transcribe, add_sound
from instancecap.evidence.experts.style import StyleExpert
from instancecap.evidence.experts.texts import TextExpert
from instancecap.evidence.heap import give_pictures_back
from instancecap.evidence.streaming import Pass
from instancecap.evidence.tracking.refine import follow_by_masks
from instancecap.schema.evidence import Evidence, Video
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader

EXPERTS: tuple[Callable[[Models], Expert], ...] = (
    lambda models: ShotExpert(),
    lambda models: CameraExpert(),
    lambda models: MotionExpert(),
    lambda models: DetectionExpert(models),
    lambda models: LightExpert(),
    lambda models: StyleExpert(),
    lambda models: TextExpert(),
    lambda models: FramingExpert(),
)
"""Makers of the experts of a pass, each after those that it needs."""


def measure(
    clip: Clip,
    *,
    threads: int = 0,
    masks: bool = False,
    cluster: Cluster = DEFAULT,
    listener: Listener | None = None,
    transcribe: Transcribe | None = None,
    also: Sequence[Expert] = (),
) -> Evidence:
    """Measure a clip.

    Args:
        clip: what to measure.
        threads: cores to use, 0 for all. What is measured does not depend on it.
        masks: add a mask per instance for every sample.
        cluster: who measures.
        listener: measures the sound, in a pass of its own over that stream.
        transcribe: writes down what is said in it.
        also: experts of the caller's own, which look on in the same pass and come last.

    Raises:
        InputError: the clip cannot be opened, or no frame of it can be decoded.
        MissingDependency: a file of weights was named and is not usable.
        UsageError: the cluster names an expert that there is not.
        ServerError: nothing can be transcribed.
    """
    started = time.perf_counter()
    give_pictures_back()
    models = load_models(cluster)
    experts = [*(make(models) for make in EXPERTS), *also]
    with ClipReader(clip, threads=threads) as reader:
        observed = Pass(experts, aspect=reader.info.aspect, beside=threads != 1)
        try:
            for frame in reader:
                observed.add(frame)
            evidence = Evidence(
                video=video_of(reader),
                models=models.names,
                warnings=[*reader.warnings, *models.warnings],
            )
            observed.facts(evidence, end=reader.end)
            evidence.warnings += models.take_warnings()
        finally:
            observed.close()
    if (video := models.tracking.video) is not None:
        follow_by_masks(
            clip, evidence, tracker=video, phrases=models.phrases, masks=masks, threads=threads
        )
    if masks:
        segmenter = load_segmenter(cluster.segmenter)
        add_masks(clip, evidence, segmenter=segmenter, threads=threads)
        if cluster.segmenter:
            evidence.models["segmenter"] = segmenter.name
    if models.cameras:
        add_camera(clip, evidence, models.cameras, flow_too=models.flow_too, threads=threads)
    if models.pose is not None:
        add_pose(clip, evidence, models.pose, threads=threads)
    if listener is not None:
        began = time.perf_counter()
        add_sound(clip, evidence, listener=listener, transcribe=transcribe)
        evidence.timings["sound"] = round(time.perf_counter() - began, 4)
    evidence.timings["total"] = round(time.perf_counter() - started, 4)
    return evidence


def video_of(reader: ClipReader) -> Video:
    """What is recorded of a clip that was read to its end."""
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
        damage=round(reader.damage, 4),
    )
