"""Per instance a few pictures that a multimodal model is asked about, all else taken out of sight.

InstanceCap (Fan et al. 2024) replaces what lies outside an instance's mask by a copy that was
scaled down and up again by about 150: colors stay, things go. Its ablations, a plain color and a
thin outline, are here too, and a crop. Frames are taken where the instance is seen best, evenly
over the time for which it is followed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from instancecap.errors import UsageError
from instancecap.evidence.instances import box_at
from instancecap.evidence.masks import segment_box
from instancecap.evidence.sample import Sample
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Frame, Picture
from instancecap.video.probe import VideoInfo
from instancecap.video.sampling import fit_within

Variant = Literal["blur", "color", "outline", "crop", "none"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)

Color = tuple[int, int, int]
GRAY: Color = (128, 128, 128)
RED: Color = (255, 0, 0)

BLUR_FACTOR = 150
"""How far the paper scales down what is outside the mask."""

MIN_BLUR_CELLS = 4
"""Pixels of the longer side of the scaled-down copy; fewer would be a plain color."""

GROW = 2
"""Pixels that a mask grows by, so that its soft edge lies outside the thing."""

FEATHER = 5
"""Pixels of the window that softens a mask's edge: 2 on each side of it."""

CROP_MARGIN = 0.2
"""Share of the box's size that a crop adds on each side."""

MAX_CROP_RATIO = 1.5
"""Longer over shorter side of a crop, the frame's edge permitting."""

MAX_ENLARGEMENT = 2.0

CUT_OFF = 0.6
"""What a view is worth in which the box touches the frame's edge, against one in which not."""

OFF_CENTER = 0.3
"""Share of its worth that a view loses at the very edge of its time slot."""

LOOK_AT = 4
"""Frames a slot whose sharpness is compared, at most."""

NEARLY_BEST = 0.6
"""Share of the best view's worth from which a view is looked at for its sharpness."""

SAME_TIME = 1e-3
"""Seconds; time stamps that went through JSON differ by less."""

MASK_REACH = 0.1
"""Seconds; a mask that was measured further away does not lie on the thing any more."""


@dataclass(frozen=True, eq=False, slots=True)
class VisualPrompt:
    """What a model is shown of one instance.

    Attributes:
        instance: the instance's id.
        variant: what was done to its surroundings.
        times: seconds from the clip's start, one a picture, rising.
        pictures: uint8 RGB, shape (height, width, 3), not writable. Of one size, but for
            ``crop``, where each fits the box at its time.
    """

    instance: int
    variant: Variant
    times: tuple[float, ...]
    pictures: tuple[Picture, ...]


def visual_prompts(
    clip: Clip,
    evidence: Evidence,
    *,
    variant: Variant = "blur",
    frames: int = 8,
    side: int = 768,
    instances: Sequence[int] | None = None,
    color: Color = GRAY,
    threads: int = 0,
) -> list[VisualPrompt]:
    """Pictures of each instance, from one pass over the clip that keeps only what it returns.

    Masks are those of ``evidence`` where it has them (``measure(clip, masks=True)``), else they
    are cut out of the box on the spot.

    Args:
        clip: the clip that ``evidence`` was measured on.
        evidence: tells where the instances are, and when.
        variant: ``blur`` (the paper's), ``color`` (a plain one; the paper found that it gives a
            false context), ``outline`` (the paper found it too weak), ``crop``, or ``none``.
        frames: at most so many pictures an instance; fewer where it is not seen often enough.
        side: longer side of a picture in pixels at most. Only crops are enlarged, at most twice.
        instances: ids, in the order wanted; all, in the order of ``evidence``, if None.
        color: red, green, blue of the ``color`` variant, 0..255.
        threads: cores to decode on, 0 for all.

    Returns:
        One prompt an instance; one that is never seen, having no track, is left out.

    Raises:
        UsageError: an unknown variant or instance, a number out of range, or evidence of another
            span than the clip's.
        InputError: the clip cannot be opened or decoded.
    """
    _check(clip, evidence, variant=variant, frames=frames, side=side, color=color)
    wanted = _choose(evidence.instances, instances)
    seen = _look(clip, wanted, variant=variant, frames=frames, side=side, threads=threads)
    prompts = []
    for item in wanted:
        if views := seen.get(item.id):
            pictures = [_paint(view, item, variant=variant, color=color) for view in views]
            times = tuple(view.t for view in views)
            prompts.append(VisualPrompt(item.id, variant, times, tuple(pictures)))
    return prompts


def to_jpeg(picture: Picture, *, quality: int = 90) -> bytes:
    """An RGB picture (height, width, 3) as a JPEG file; ``quality`` 1..100."""
    if not 1 <= quality <= 100:
        raise UsageError(f"quality must be in 1..100, got {quality}")
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, picture.shape
    return data.tobytes()


def _check(
    clip: Clip, evidence: Evidence, *, variant: str, frames: int, side: int, color: Color
) -> None:
    if variant not in VARIANTS:
        raise UsageError(f"unknown variant {variant!r}; allowed: {', '.join(VARIANTS)}")
    if frames < 1:
        raise UsageError(f"frames must be at least 1, got {frames}")
    if side < 16:
        raise UsageError(f"side must be at least 16 pixels, got {side}")
    if len(color) != 3 or not all(0 <= value <= 255 for value in color):
        raise UsageError(f"color must be red, green, blue in 0..255, got {color}")
    if abs(clip.start - evidence.video.start) > 2 * SAME_TIME:
        raise UsageError(
            f"the clip starts at {clip.start:g} s, but the evidence was measured from "
            f"{evidence.video.start:g} s on; open the clip with the same span"
        )


def _choose(items: Sequence[InstanceFacts], ids: Sequence[int] | None) -> list[InstanceFacts]:
    known = {item.id: item for item in items}
    if ids is None:
        return list(items)
    if unknown := [str(one) for one in ids if one not in known]:
        allowed = ", ".join(map(str, known)) or "none"
        raise UsageError(f"no instance {', '.join(unknown)} in the evidence; it has: {allowed}")
    return [known[one] for one in dict.fromkeys(ids)]


# Which frames ------------------------------------------------------------------------------------


def best_views(track: Sequence[TrackPoint], *, frames: int) -> list[list[tuple[float, TrackPoint]]]:
    """The points of a track at which the thing is seen well, by time slot.

    The track's span is cut into ``frames`` equal slots. Each slot that has points gives the best
    of them, at most ``LOOK_AT`` and in order of time, each with its worth: score times visible
    area, less where the frame's edge cuts the thing, and less away from the slot's middle, so
    that the frames of neighboring slots keep their distance.
    """
    if not track:
        return []
    first, span = track[0].t, track[-1].t - track[0].t
    slots: dict[int, list[tuple[float, TrackPoint]]] = defaultdict(list)
    for point in track:
        place = (point.t - first) / span * frames if span > 0 else 0.5
        slot = min(int(place), frames - 1)
        slots[slot].append((_worth(point) * (1 - OFF_CENTER * abs(2 * (place - slot) - 1)), point))
    chosen = []
    for slot in sorted(slots):
        views = sorted(slots[slot], key=lambda view: (-view[0], view[1].t))[:LOOK_AT]
        views = [view for view in views if view[0] >= NEARLY_BEST * views[0][0]]
        chosen.append(sorted(views, key=lambda view: view[1].t))
    return chosen


def _worth(point: TrackPoint) -> float:
    x0, y0, x1, y1 = point.box
    is_cut = min(x0, y0) < 0.01 or max(x1, y1) > 0.99
    return point.score * (x1 - x0) * (y1 - y0) * (CUT_OFF if is_cut else 1.0)


@dataclass(slots=True)
class _View:
    """An instance on one frame, as it is kept until its picture is made.

    Attributes:
        worth: of the view, its sharpness counted in.
        box: 0..1 of the frame.
        picture: uint8 RGB at its final size.
        small: BGR sample that a mask is cut out of; None where no mask is needed.
    """

    t: float
    worth: float
    box: NDArray[np.float64]
    picture: Picture
    small: Picture | None


def _look(
    clip: Clip,
    items: Iterable[InstanceFacts],
    *,
    variant: Variant,
    frames: int,
    side: int,
    threads: int,
) -> dict[int, list[_View]]:
    """Read the clip once; by instance id the best view of each slot, in order of time."""
    due = [
        (point.t, item, slot, worth)
        for item in items
        for slot, views in enumerate(best_views(item.track, frames=frames))
        for worth, point in views
    ]
    due.sort(key=lambda one: -one[0])  # the next one is the last one
    best: dict[int, dict[int, _View]] = defaultdict(dict)
    if not due:
        return {}
    with ClipReader(clip, threads=threads) as reader:
        for frame in reader:
            # Where frames are missing, several times may fall due on one: it serves the last.
            now: dict[int, tuple[InstanceFacts, int, float]] = {}
            while due and frame.t >= due[-1][0] - SAME_TIME:
                _, item, slot, worth = due.pop()
                now[item.id] = item, slot, worth
            if now:
                shown = _Shown(frame, reader.info, variant=variant, side=side)
                for item, slot, worth in now.values():
                    shown.offer(best[item.id], item, slot=slot, worth=worth)
            if not due:
                break
    return {id: [views[slot] for slot in sorted(views)] for id, views in best.items()}


class _Shown:
    """A frame that instances are looked at on; its pictures are made once, and only if needed."""

    def __init__(self, frame: Frame, info: VideoInfo, *, variant: Variant, side: int) -> None:
        self._frame, self._variant, self._side = frame, variant, side
        native = max(2, info.width, info.height)
        self._size = fit_within(info.aspect, native if variant == "crop" else min(side, native))
        self._sample = Sample.of(frame, index=0, aspect=info.aspect)
        self._picture: Picture | None = None

    def offer(
        self, views: dict[int, _View], item: InstanceFacts, *, slot: int, worth: float
    ) -> None:
        """Keep this frame for a time slot of ``item`` if it shows it better than the one kept."""
        box = box_at(item, self._frame.t)
        if box is None:
            return
        worth *= _sharpness(self._sample.gray, box)
        if slot in views and worth <= views[slot].worth:
            return
        is_masked = self._variant not in ("crop", "none")
        views[slot] = _View(
            t=self._frame.t,
            worth=worth,
            box=box,
            picture=self._cropped(box) if self._variant == "crop" else self._whole(),
            small=self._sample.bgr if is_masked else None,
        )

    def _whole(self) -> Picture:
        if self._picture is None:
            bgr = self._frame.bgr(self._size)
            self._picture = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
        return self._picture

    def _cropped(self, box: NDArray[np.float64]) -> Picture:
        x0, y0, x1, y1 = crop_around(box, size=self._size)
        part = self._whole()[y0:y1, x0:x1]
        scale = min(MAX_ENLARGEMENT, self._side / max(part.shape[:2]))
        size = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(part, size, interpolation=how), np.uint8)


def _sharpness(gray: Picture, box: NDArray[np.float64]) -> float:
    """Standard deviation of the Laplacian in a box (0..1): motion blur lowers it."""
    height, width = gray.shape
    x0, y0 = int(box[0] * width), int(box[1] * height)
    x1, y1 = max(x0 + 1, int(np.ceil(box[2] * width))), max(y0 + 1, int(np.ceil(box[3] * height)))
    part = gray[min(y0, height - 1) : y1, min(x0, width - 1) : x1]
    return 1.0 + float(cv2.Laplacian(part, cv2.CV_32F).std())


def crop_around(box: NDArray[np.float64], *, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The part of a picture of ``size`` (width, height) that shows a box (0..1), in pixels.

    The box with a margin; where that is long and thin, the shorter side is widened. At the
    frame's edge the part moves inwards, so that it is cut only where the frame is too small.
    """
    ends = []
    spans = [(box[axis + 2] - box[axis]) * size[axis] * (1 + 2 * CROP_MARGIN) for axis in (0, 1)]
    least = max(max(spans) / MAX_CROP_RATIO, 2.0)
    for axis, limit in enumerate(size):
        length = min(limit, max(1, round(max(spans[axis], least))))
        center = (box[axis] + box[axis + 2]) / 2 * limit
        start = min(max(0, round(center - length / 2)), limit - length)
        ends.append((int(start), int(start + length)))
    (x0, x1), (y0, y1) = ends
    return x0, y0, x1, y1


# What is shown -----------------------------------------------------------------------------------


def _paint(view: _View, item: InstanceFacts, *, variant: Variant, color: Color) -> Picture:
    picture = view.picture
    if view.small is not None:
        mask = _mask(view, item)
        if variant == "outline":
            picture = _outline(picture, mask)
        else:
            around = blurred(picture) if variant == "blur" else np.full_like(picture, color)
            picture = _blend(picture, around, mask)
    # Instances share a plain frame: what one user draws on it, another one must not see.
    picture.setflags(write=False)
    return picture


def blurred(picture: Picture) -> Picture:
    """The picture scaled down by ``BLUR_FACTOR`` and up again: its colors, none of its things."""
    height, width = picture.shape[:2]
    cells = max(MIN_BLUR_CELLS, round(max(width, height) / BLUR_FACTOR))
    small = cv2.resize(picture, fit_within(width / height, cells), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(large, np.uint8)


def _blend(picture: Picture, around: Picture, mask: Picture) -> Picture:
    """``picture`` where the mask is, ``around`` elsewhere; soft over ``FEATHER`` pixels."""
    soft = cv2.GaussianBlur(_grown(mask, GROW), (FEATHER, FEATHER), 0)
    share = soft.astype(np.uint16)[..., None]
    mixed = (picture * share + around * (255 - share) + 127) // 255  # at most 65,152: fits
    return mixed.astype(np.uint8)


def _outline(picture: Picture, mask: Picture) -> Picture:
    """A red line around the mask; nothing inside it is painted over."""
    thickness = max(2, round(max(picture.shape[:2]) / 250))
    line = (_grown(mask, thickness) > 0) & (mask == 0)
    outlined = picture.copy()
    outlined[line] = RED
    return outlined


def _grown(mask: Picture, by: int) -> Picture:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return np.asarray(cv2.dilate(mask, kernel), np.uint8)


def _mask(view: _View, item: InstanceFacts) -> Picture:
    """The instance's mask at the size of the view's picture, 0 or 255, shape (height, width)."""
    assert view.small is not None
    height, width = view.picture.shape[:2]
    found = _known_mask(item, view.t)
    if found is None:
        found = segment_box(view.small, view.box).astype(np.uint8)
    large = cv2.resize(found * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    # The steps of an enlarged mask are smoothed away before it is made hard again.
    steps = max(1.0, width / found.shape[1])
    smooth = cv2.GaussianBlur(large, (0, 0), steps)
    return np.where(smooth >= 128, np.uint8(255), np.uint8(0))


def _known_mask(item: InstanceFacts, t: float) -> Picture | None:
    """The measured mask nearest to ``t`` seconds, 0 or 1; None where none is near, or it is empty."""
    near = min(item.masks, key=lambda mask: abs(mask.t - t), default=None)
    if near is None or abs(near.t - t) > MASK_REACH:
        return None
    code: Mapping[str, object] = {"size": list(near.size), "counts": near.counts.encode("ascii")}
    mask = np.asarray(coco_mask.decode(code), np.uint8)
    return mask if mask.any() else None
