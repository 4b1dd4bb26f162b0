"""Per instance a few pictures that a multimodal model is asked about, all else taken out of sight.

InstanceCap (Fan et al. 2024) replaces what lies outside an instance's mask by a copy that was
scaled down and up again by about 150: colors stay, things go. Its ablations, a plain color and a
thin outline, are here too, and a crop. Frames are taken where the instance is seen best, evenly
over the time for which it is followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from instancecap.captioners.views import View, look
from instancecap.errors import UsageError
from instancecap.evidence.experts.masks import segment_box
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.video.clip import Clip
from instancecap.video.decode import Picture
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

UNREACHED = 0.1
"""Share of a box's size by which a mask may stay away from a side before it misses a part: less
than a head, an eighth of a person's height."""

SAME_START = 2e-3
"""Seconds by which the starts of a clip and of its evidence may differ: JSON rounds them."""

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
    seen = look(clip, wanted, frames=frames, side=side, crop=variant == "crop", threads=threads)
    return paint_prompts(seen, wanted, variant=variant, color=color)


def paint_prompts(
    seen: Mapping[int, Sequence[View]],
    items: Sequence[InstanceFacts],
    *,
    variant: Variant,
    color: Color = GRAY,
) -> list[VisualPrompt]:
    """The prompts made of views that were found already; options as for :func:`visual_prompts`."""
    prompts = []
    for item in items:
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
    check_span(clip, evidence)


def check_span(clip: Clip, evidence: Evidence) -> None:
    """Raise :class:`UsageError` where ``evidence`` was measured on another span than the clip's."""
    if abs(clip.start - evidence.video.start) > SAME_START:
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


def _paint(view: View, item: InstanceFacts, *, variant: Variant, color: Color) -> Picture:
    picture = view.picture
    if variant not in ("crop", "none"):
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


def _mask(view: View, item: InstanceFacts) -> Picture:
    """The instance's mask at the size of the view's picture, 0 or 255, shape (height, width)."""
    height, width = view.picture.shape[:2]
    found = _known_mask(item, view.t)
    if found is None:
        found = segment_box(view.small, view.box).astype(np.uint8)
    large = cv2.resize(found * np.uint8(255), (width, height), interpolation=cv2.INTER_LINEAR)
    # The steps of an enlarged mask are smoothed away before it is made hard again.
    steps = max(1.0, width / found.shape[1])
    smooth = cv2.GaussianBlur(large, (0, 0), steps)
    mask = np.where(smooth >= 128, np.uint8(255), np.uint8(0))
    _show_missed(mask, view.box)
    # A hole is a shirt's print more often than a view through the thing.
    rims, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(mask, rims, -1, 255, cv2.FILLED)
    return mask


def _show_missed(mask: Picture, box: NDArray[np.float64]) -> None:
    """Add to a mask (0 or 255) what lies between it and the sides of the box that it stays off.

    A thing reaches to all four sides of its box. Where its mask does not, a part is missing, a
    head or feet more often than not; better to show some surroundings than to hide it.
    """
    height, width = mask.shape
    left, top = int(box[0] * width), int(box[1] * height)
    right, bottom = int(np.ceil(box[2] * width)), int(np.ceil(box[3] * height))
    inside = mask[top:bottom, left:right]
    missed = np.zeros(inside.shape, bool)
    for axis in (0, 1):
        along = missed if axis == 0 else missed.T  # its first axis is the one looked at
        length = len(along)
        slack = round(UNREACHED * length)
        reached = np.flatnonzero(inside.any(axis=1 - axis))
        first, last = (reached[0], reached[-1]) if reached.size else (length, -1)
        # The strips reach into the mask, for hair falls on shoulders.
        if first > slack:
            along[: first + slack] = True
        if last < length - 1 - slack:
            along[max(0, last + 1 - slack) :] = True
    ys, xs = (np.linspace(-1, 1, count + 2)[1:-1] for count in inside.shape)
    inside[missed & (ys[:, None] ** 4 + xs**4 <= 1)] = 255  # a box with round corners


def _known_mask(item: InstanceFacts, t: float) -> Picture | None:
    """The measured mask nearest to ``t`` seconds, 0 or 1; None where there is none."""
    near = min(item.masks, key=lambda mask: abs(mask.t - t), default=None)
    if near is None or abs(near.t - t) > MASK_REACH:
        return None
    code: Mapping[str, object] = {"size": list(near.size), "counts": near.counts.encode("ascii")}
    mask = np.asarray(coco_mask.decode(code), np.uint8)
    return mask if mask.any() else None
