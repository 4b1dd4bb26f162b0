"""Everything that questions about one clip need, from one pass over it: frames as JPEG files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from instancecap.captioners.chain.options import ChainOptions
from instancecap.captioners.chain.wanted import Wanted, find_wanted
from instancecap.captioners.chain.windows import Window, cut_windows, frame_times
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.captioners.measured.language import speaks
from instancecap.captioners.visual_prompts import to_jpeg
from instancecap.errors import UsageError
from instancecap.evidence.tracking.follow import Film, FilmMaker
from instancecap.mllm.base import Image, Media
from instancecap.mllm.base import Video as VideoByUrl
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Frame
from instancecap.video.probe import VideoInfo
from instancecap.video.sampling import fit_within

QUALITY = 88
"""Of the JPEG files, 1..100."""

LARGE_SIDE = 1536
"""Longer side, at most, of the pictures that small things are cut out of."""

WINDOW_FRAMES = 8
"""Pictures of a part of a long clip, at most."""

SAME_TIME = 1e-3
"""Seconds; time stamps that went through JSON differ by less."""

SAME_START = 2e-3
"""Seconds by which the starts of a clip and of its evidence may differ: JSON rounds them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A window and the frames that show it."""

    window: Window
    images: tuple[Image, ...]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A clip that is ready to be asked about. Can be sent to another process.

    Attributes:
        evidence: what was measured, masks left out.
        measured: what the evidence proves, in the language that is asked for; without sentences
            where we do not write it.
        previous: the caption that is to be rewritten in parts, or None.
        wanted: the fields to ask.
        images: frames of the whole clip, or the clip by its URL.
        frames: the frames in any case, as large as the clip has them, up to ``LARGE_SIDE``: what
            is shown of single instances is made of them.
        parts: windows of a long clip, or of one with several shots; else empty.
        film: small frames, many a second, on which things are followed.
        hint: what somebody said about the clip; may be wrong.
    """

    evidence: Evidence
    measured: Caption
    previous: Caption | None
    wanted: Wanted
    images: tuple[Media, ...]
    frames: tuple[Image, ...]
    parts: tuple[Part, ...]
    film: Film
    hint: str = ""


def prepare(
    clip: Clip,
    evidence: Evidence,
    *,
    options: ChainOptions,
    previous: Caption | None = None,
    only: Collection[str] = (),
    hint: str = "",
    threads: int = 0,
) -> Prepared:
    """Read the clip once and make the pictures of every question.

    Args:
        clip: the clip that ``evidence`` was measured on.
        previous: a caption of this clip that is to be rewritten where ``options.fields`` says so.
        only: leaves of ``previous`` that are to be written, and no other.
        hint: a title, tags or a caption that came with the clip; the model is told that it may
            be wrong.
        threads: cores to decode on, 0 for all.

    Raises:
        UsageError: the evidence is that of another span.
        InputError: the clip cannot be opened or decoded.
    """
    if abs(clip.start - evidence.video.start) > SAME_START:
        raise UsageError(
            f"the clip starts at {clip.start:g} s, but the evidence was measured from "
            f"{evidence.video.start:g} s on; open the clip with the same span"
        )
    planned = sketch(evidence, options=options, clip=clip, previous=previous, only=only, hint=hint)
    times = {image.t for part in planned.parts for image in part.images}
    shown = {image.t for image in planned.images if isinstance(image, Image)}
    large = {image.t for image in planned.frames}
    if not times and not shown and not large:
        return planned
    read = _Reading(sorted(t for t in times | shown | large if t is not None))
    follows = bool(planned.wanted.instance) and previous is None
    duration = evidence.video.duration if follows else 0.0
    read.run(clip, options.image_side, threads=threads, duration=duration, large=bool(large))

    def pick(images: Sequence[Media], files: dict[float, Image]) -> tuple[Media, ...]:
        return tuple(
            files.get(image.t or 0.0, image) if isinstance(image, Image) else image
            for image in images
            if not isinstance(image, Image) or (image.t or 0.0) in files
        )

    return replace(
        planned,
        images=pick(planned.images, read.images),
        frames=pick(planned.frames, read.large),  # type: ignore[arg-type]
        parts=tuple(
            Part(part.window, pick(part.images, read.images))  # type: ignore[arg-type]
            for part in planned.parts
        ),
        film=read.film,
    )


def sketch(
    evidence: Evidence,
    *,
    options: ChainOptions,
    clip: Clip | None = None,
    previous: Caption | None = None,
    only: Collection[str] = (),
    hint: str = "",
) -> Prepared:
    """As :func:`prepare`, but with empty pictures: to count what would be asked.

    ``clip`` is needed where ``options.input`` is ``video``.
    """
    measured = measured_caption(evidence, options)
    wanted = find_wanted(previous or measured, options, anew=previous is None, only=only)
    whole = Window(0.0, max(evidence.video.duration, 0.0))
    asks_clip = wanted.clip or wanted.instance
    times = frame_times(evidence, whole, frames=options.pictures) if asks_clip else []
    images: tuple[Media, ...] = tuple(Image(b"", t) for t in times)
    if options.input == "video" and times and clip and (video := _by_url(clip, evidence)):
        images = (video,)
    windows = cut_windows(evidence, seconds=options.window) if wanted.segments else []
    count = min(options.pictures, WINDOW_FRAMES)
    bare = [item.model_copy(update={"masks": []}) for item in evidence.instances]
    return Prepared(
        evidence=evidence.model_copy(update={"instances": bare}),
        measured=measured,
        previous=previous,
        wanted=wanted,
        images=images,
        frames=tuple(Image(b"", t) for t in times) if wanted.instance else (),
        parts=tuple(
            Part(one, tuple(Image(b"", t) for t in frame_times(evidence, one, frames=count)))
            for one in (windows if len(windows) > 1 else [])
        ),
        film=Film(),
        hint=hint,
    )


def measured_caption(evidence: Evidence, options: ChainOptions) -> Caption:
    """What the evidence proves, as far as we write the language that is asked for."""
    count = len(evidence.instances)
    if speaks(options.language):
        return describe(evidence, max_instances=count, language=options.language, all_facts=True)
    # Rather than a caption in two languages.
    return without_sentences(describe(evidence, max_instances=count, all_facts=True))


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


class _Reading:
    """One pass over a clip: frames at times, and the film."""

    def __init__(self, times: list[float]) -> None:
        self._due = times[::-1]
        self.images: dict[float, Image] = {}
        self.large: dict[float, Image] = {}
        self.film = Film()

    def run(self, clip: Clip, side: int, *, threads: int, duration: float, large: bool) -> None:
        """``side``: longer side of a picture; ``large``: frames are kept large as well;
        ``duration``: seconds of film to keep, 0 for none."""
        with ClipReader(clip, threads=threads) as reader:
            maker = FilmMaker(aspect=reader.info.aspect, duration=duration)
            for frame in reader:
                self._see(frame, reader.info, side, large=large)
                if duration:
                    maker.see(frame)
                elif not self._due:
                    break
        self.film = maker.film

    def _see(self, frame: Frame, info: VideoInfo, side: int, *, large: bool) -> None:
        image: Image | None = None
        while self._due and frame.t >= self._due[-1] - SAME_TIME:
            due = self._due.pop()
            image = image or _image(frame, info, side=side)
            self.images[due] = image
            if large:
                native = max(info.width, info.height)
                wide = min(LARGE_SIDE, native)
                self.large[due] = image if wide <= side else _image(frame, info, side=wide)


def _image(frame: Frame, info: VideoInfo, *, side: int) -> Image:
    size = fit_within(info.aspect, min(side, max(2, info.width, info.height)))
    picture = np.asarray(cv2.cvtColor(frame.bgr(size), cv2.COLOR_BGR2RGB), np.uint8)
    return Image(to_jpeg(picture, quality=QUALITY), round(frame.t, 3))
