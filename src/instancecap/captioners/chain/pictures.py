"""Everything that questions about one clip need, from one pass over it: frames as JPEG files."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from instancecap.captioners.chain.faces import FaceView, cut_face, face_views
from instancecap.captioners.chain.options import ChainOptions, Wanted, find_wanted
from instancecap.captioners.chain.windows import Window, cut_windows, frame_times
from instancecap.captioners.measured.describe import describe, without_sentences
from instancecap.captioners.measured.sentences import speaks
from instancecap.captioners.visual_prompts import to_jpeg
from instancecap.errors import UsageError
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.evidence.tracking.film import Film, FilmMaker
from instancecap.mllm.base import Image, Media
from instancecap.mllm.base import Video as VideoByUrl
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader
from instancecap.video.sampling import fit_within

QUALITY = 88
"""Of the JPEG files, 1..100."""

LEAST_OF_PART, MOST_OF_PART = 3, 8
"""Pictures of a part of a long clip; one a second within these bounds."""

CLOSE = 1.0
"""Seconds a picture of the whole clip up to which it shows what happens in each part as well."""

SAME_TIME = 1e-3
"""Seconds; time stamps that went through JSON differ by less."""

SAME_START = 2e-3
"""Seconds by which the starts of a clip and of its evidence may differ: JSON rounds them."""


@dataclass(frozen=True, slots=True)
class Part:
    """A window and the frames that show it; none where the clip's own frames show it enough."""

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
        images: what is shown of the whole clip: its frames, or the clip by its URL.
        frames: the frames in any case; what is shown of single instances is made of them.
        parts: windows of a long clip, or of one with several shots; else empty.
        film: small frames, many a second, on which things are followed.
        hint: what somebody said about the clip; may be wrong.
        faces: close-ups of faces whose expression can be read.
        cluster: who measured; they follow what the model names, too.
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
    faces: tuple[FaceView, ...] = ()
    cluster: Cluster = DEFAULT


def prepare(
    clip: Clip,
    evidence: Evidence,
    *,
    options: ChainOptions,
    previous: Caption | None = None,
    only: Collection[str] = (),
    hint: str = "",
    threads: int = 0,
    cluster: Cluster = DEFAULT,
) -> Prepared:
    """Read the clip once and make the pictures of every question.

    Args:
        clip: the clip that ``evidence`` was measured on.
        previous: a caption of this clip that is to be rewritten where ``options.fields`` says so.
        only: leaves of ``previous`` that are to be written, and no other.
        hint: a title, tags or a caption that came with the clip; the model is told that it may
            be wrong.
        threads: cores to decode on, 0 for all.
        cluster: who measured ``evidence``.

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
    parts = [image for part in planned.parts for image in part.images]
    planned = replace(planned, cluster=cluster)
    due = sorted({image.t or 0.0 for image in (*planned.frames, *parts)})
    if not due:
        return planned
    follows = bool(planned.wanted.instance) and previous is None
    read, faces, film = _read(
        clip, due, planned.faces, side=options.image_side, follows=follows, threads=threads
    )

    def pick(images: Sequence[Image]) -> tuple[Image, ...]:
        return tuple(read[image.t or 0.0] for image in images if image.t in read)

    frames = pick(planned.frames)
    return replace(
        planned,
        images=planned.images if _is_video(planned.images) else frames,
        frames=frames,
        parts=tuple(Part(part.window, pick(part.images)) for part in planned.parts),
        film=film,
        faces=faces,
    )


def _is_video(images: Sequence[Media]) -> bool:
    return any(isinstance(image, VideoByUrl) for image in images)


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
    wanted = find_wanted(previous or measured, options, only=only)
    whole = Window(0.0, max(evidence.video.duration, 0.0))
    asks_clip = wanted.clip or wanted.instance
    times = frame_times(evidence, whole, frames=options.pictures) if asks_clip else []
    frames = tuple(Image(b"", t) for t in times)
    images: tuple[Media, ...] = frames
    if options.input == "video" and times and clip and (video := _by_url(clip, evidence)):
        images = (video,)
    windows = cut_windows(evidence, seconds=options.window) if wanted.segments else []
    with_clip = asks_clip and options.mode == "fused" and whole.end <= CLOSE * options.pictures
    reads_faces = options.mode == "fused" and frames and "expression" in wanted.instance
    bare = [item.model_copy(update={"masks": []}) for item in evidence.instances]
    return Prepared(
        evidence=evidence.model_copy(update={"instances": bare}),
        measured=measured,
        previous=previous,
        wanted=wanted,
        images=images,
        frames=() if _is_video(images) and not wanted.instance else frames,
        parts=tuple(
            Part(one, () if with_clip else _frames_of(one, evidence, options))
            for one in (windows if len(windows) > 1 else [])
        ),
        film=Film(),
        hint=hint,
        faces=face_views(evidence) if reads_faces else (),
    )


def _frames_of(window: Window, evidence: Evidence, options: ChainOptions) -> tuple[Image, ...]:
    usual = min(max(round(window.end - window.start), LEAST_OF_PART), MOST_OF_PART)
    times = frame_times(evidence, window, frames=min(usual, options.pictures))
    return tuple(Image(b"", t) for t in times)


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


def _read(
    clip: Clip,
    due: Sequence[float],
    faces: Sequence[FaceView],
    *,
    side: int,
    follows: bool,
    threads: int,
) -> tuple[dict[float, Image], tuple[FaceView, ...], Film]:
    """Frames by the rising times at which they are due, the close-ups of faces in their order,
    and the film to follow things on."""
    left, images = list(due[::-1]), dict[float, Image]()
    order = sorted(range(len(faces)), key=lambda index: -(faces[index].image.t or 0.0))
    cut = dict[int, FaceView]()
    with ClipReader(clip, threads=threads) as reader:
        info = reader.info
        maker = FilmMaker(aspect=info.aspect, duration=info.duration)
        size = fit_within(info.aspect, min(side, max(2, info.width, info.height)))
        for frame in reader:
            if left and frame.t >= left[-1] - SAME_TIME:
                picture = np.asarray(cv2.cvtColor(frame.bgr(size), cv2.COLOR_BGR2RGB), np.uint8)
                image = Image(to_jpeg(picture, quality=QUALITY), round(frame.t, 3))
                while left and frame.t >= left[-1] - SAME_TIME:
                    images[left.pop()] = image
            while order and frame.t >= (faces[order[-1]].image.t or 0.0) - SAME_TIME:
                face = faces[index := order.pop()]
                near = to_jpeg(cut_face(frame.bgr()[..., ::-1], face.box), quality=QUALITY)
                cut[index] = replace(face, image=Image(near, round(frame.t, 3)))
            if follows:
                maker.see(frame)
            elif not left and not order:
                break
    return images, tuple(cut[index] for index in sorted(cut)), maker.film
