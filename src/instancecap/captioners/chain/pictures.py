"""Everything that questions about one clip need, from one pass over it: frames as JPEG files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from instancecap.captioners.chain.options import ChainOptions
from instancecap.captioners.chain.plan import Plan, Wanted, make_plan
from instancecap.captioners.chain.windows import Window
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.captioners.measured.language import speaks
from instancecap.captioners.views import SAME_TIME, Search
from instancecap.captioners.visual_prompts import check_span, paint_prompts, to_jpeg
from instancecap.mllm.base import Image, Media
from instancecap.mllm.base import Video as VideoByUrl
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Frame, Picture
from instancecap.video.probe import VideoInfo
from instancecap.video.sampling import fit_within

QUALITY = 88
"""Of the JPEG files, 1..100."""


@dataclass(frozen=True, slots=True)
class Part:
    """A window and the frames that show it."""

    window: Window
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """An instance and the pictures of it alone; none in mode ``single``."""

    item: InstanceFacts
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A clip that is ready to be asked about. Can be sent to another process.

    Attributes:
        evidence: what was measured, masks left out.
        measured: what the evidence proves, in English: hints are taken from it.
        base: the caption that answers are written into: the earlier one, or the measured one in
            the language that is asked for, without sentences where we do not write it.
        previous: the caption that is to be rewritten in parts, or None.
        wanted: the fields to ask.
        images: frames of the whole clip, or the clip by its URL.
        parts: windows of a long clip, or of one with several shots; else empty.
        subjects: the instances to be asked about.
        hint: what somebody said about the clip; may be wrong.
    """

    evidence: Evidence
    measured: Caption
    base: Caption
    previous: Caption | None
    wanted: Wanted
    images: tuple[Media, ...]
    parts: tuple[Part, ...]
    subjects: tuple[Subject, ...]
    hint: str = ""


def prepare(
    clip: Clip,
    evidence: Evidence,
    *,
    options: ChainOptions,
    previous: Caption | None = None,
    hint: str = "",
    threads: int = 0,
) -> Prepared:
    """Read the clip once and make the pictures of every question.

    Args:
        clip: the clip that ``evidence`` was measured on.
        previous: a caption of this clip that is to be rewritten where ``options.fields`` says so.
        hint: a title, tags or a caption that came with the clip; the model is told that it may
            be wrong.
        threads: cores to decode on, 0 for all.

    Raises:
        UsageError: the evidence is that of another span.
        InputError: the clip cannot be opened or decoded.
    """
    check_span(clip, evidence)
    told = _told(evidence, options, previous)
    plan = make_plan(told.base, evidence, options)
    video = _by_url(clip, evidence) if options.input == "video" else None
    whole = () if video else plan.clip
    due = sorted({*whole, *(t for times in plan.window_times for t in times)}, reverse=True)
    frames: dict[float, Image] = {}
    shown: dict[int, tuple[Image, ...]] = {}
    if due or plan.items:
        frames, shown = _read(clip, due, plan.items, options=options, threads=threads)
    prepared = _assemble(plan, evidence, told, frames=frames, shown=shown, hint=hint)
    return _with_video(prepared, video) if video and plan.clip else prepared


def sketch(
    evidence: Evidence,
    *,
    options: ChainOptions,
    clip: Clip | None = None,
    previous: Caption | None = None,
    hint: str = "",
) -> Prepared:
    """As :func:`prepare`, but with empty pictures: to count what would be asked.

    ``clip`` is needed where ``options.input`` is ``video``.
    """
    told = _told(evidence, options, previous)
    plan = make_plan(told.base, evidence, options)
    times = {*plan.clip, *(t for group in plan.window_times for t in group)}
    frames = {t: Image(b"", t) for t in times}
    shown = {
        item.id: tuple(Image(b"", 0.0) for _ in range(count))
        for item, count in zip(plan.items, plan.counts, strict=True)
    }
    prepared = _assemble(plan, evidence, told, frames=frames, shown=shown, hint=hint)
    video = _by_url(clip, evidence) if clip and options.input == "video" else None
    return _with_video(prepared, video) if video and plan.clip else prepared


def _by_url(clip: Clip, evidence: Evidence) -> VideoByUrl | None:
    """The clip as a server can fetch it.

    None for a still, a span of a file, frames from memory, and what lies in a tar or in storage
    that servers do not read.
    """
    whole = clip.start == 0 and clip.end is None
    if not clip.path or not whole or evidence.video.frames == 1:
        return None
    if clip.path.startswith(("http://", "https://")):
        return VideoByUrl(clip.path)
    if "://" in clip.path or clip.local:
        return None
    return VideoByUrl(Path(clip.path).absolute().as_uri())


def _with_video(prepared: Prepared, video: VideoByUrl) -> Prepared:
    return replace(prepared, images=(video,))


@dataclass(frozen=True, slots=True)
class _Told:
    """Captions as in :class:`Prepared`."""

    measured: Caption
    base: Caption
    previous: Caption | None


def _told(evidence: Evidence, options: ChainOptions, previous: Caption | None) -> _Told:
    measured = base = describe(evidence, max_instances=options.max_instances, all_facts=True)
    if previous is not None:
        base = previous
    elif not speaks(options.language):
        base = without_sentences(measured)  # rather than a caption in two languages
    elif not options.english:
        base = describe(
            evidence,
            max_instances=options.max_instances,
            language=options.language,
            all_facts=True,
        )
    return _Told(measured, base, previous)


def _assemble(
    plan: Plan,
    evidence: Evidence,
    told: _Told,
    *,
    frames: dict[float, Image],
    shown: dict[int, tuple[Image, ...]],
    hint: str,
) -> Prepared:
    def pick(times: Sequence[float]) -> tuple[Image, ...]:
        return tuple(frames[t] for t in times if t in frames)

    bare = [item.model_copy(update={"masks": []}) for item in evidence.instances]
    asked = [item for item in bare if item.id in plan.wanted.things]
    return Prepared(
        evidence=evidence.model_copy(update={"instances": bare}),
        measured=told.measured,
        base=told.base,
        previous=told.previous,
        wanted=plan.wanted,
        images=pick(plan.clip),
        parts=tuple(
            Part(window, pick(times))
            for window, times in zip(plan.windows, plan.window_times, strict=True)
        ),
        subjects=tuple(Subject(item, shown.get(item.id, ())) for item in asked),
        hint=hint,
    )


def _read(
    clip: Clip,
    due: list[float],
    items: Sequence[InstanceFacts],
    *,
    options: ChainOptions,
    threads: int,
) -> tuple[dict[float, Image], dict[int, tuple[Image, ...]]]:
    """Frames at the times ``due`` (falling), and the visual prompts of the instances, by id."""
    side, variant = options.image_side, options.visual_prompt
    frames: dict[float, Image] = {}
    with ClipReader(clip, threads=threads) as reader:
        search = Search(
            items, reader.info, frames=options.frames, side=side, crop=variant == "crop"
        )
        for frame in reader:
            image: Image | None = None
            while due and frame.t >= due[-1] - SAME_TIME:
                image = image or _image(_render(frame, reader.info, side=side), frame.t)
                frames[due.pop()] = image
            search.see(frame)
            if not due and search.done:
                break
    shown = {
        prompt.instance: tuple(
            _image(picture, t) for picture, t in zip(prompt.pictures, prompt.times, strict=True)
        )
        for prompt in paint_prompts(search.found(), items, variant=variant)
    }
    return frames, shown


def _render(frame: Frame, info: VideoInfo, *, side: int) -> Picture:
    size = fit_within(info.aspect, min(side, max(2, info.width, info.height)))
    return np.asarray(cv2.cvtColor(frame.bgr(size), cv2.COLOR_BGR2RGB), np.uint8)


def _image(picture: Picture, t: float) -> Image:
    return Image(to_jpeg(picture, quality=QUALITY), round(t, 3))
