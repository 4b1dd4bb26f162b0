"""What is put behind a prompt, with figures of its caption: ``motion score: {motion}.``"""

from __future__ import annotations

import math
import string
from collections.abc import Callable
from itertools import pairwise

from instancecap.errors import UsageError
from instancecap.schema.caption import Caption


def motion_score(caption: Caption) -> float | None:
    """How fast the instances move: percent of the frame's diagonal a second, the fastest's mean.

    Measured along the tracks of the caption; None where it has none. It is of the scale of
    Open-Sora's motion score (0 still, 10 lively), but not the same figure: that one is the mean
    optical flow of every pixel, the camera's movement included.
    """
    if caption.video is None:
        return None
    width, height = caption.video.width, caption.video.height
    speeds = []
    for one in caption.instances:
        centers = [
            ((box[0] + box[2]) / 2 * width, (box[1] + box[3]) / 2 * height)
            for box in (point.box for point in one.track)
        ]
        seconds = one.track[-1].t - one.track[0].t if one.track else 0
        if seconds > 0 and width and height:
            way = sum(math.dist(first, second) for first, second in pairwise(centers))
            speeds.append(100 * way / math.hypot(width, height) / seconds)
    return max(speeds, default=None)


def _rounded(value: float | None) -> str | None:
    return None if value is None or not math.isfinite(value) else f"{value:.1f}"


FIELDS: dict[str, Callable[[Caption], str | None]] = {
    "motion": lambda caption: _rounded(motion_score(caption)),
    "instances": lambda caption: str(len(caption.instances)),
    "duration": lambda caption: _rounded(caption.video.duration) if caption.video else None,
    "fps": lambda caption: f"{caption.video.fps:g}" if caption.video else None,
    "width": lambda caption: str(caption.video.width) if caption.video else None,
    "height": lambda caption: str(caption.video.height) if caption.video else None,
}
"""What a suffix may name between braces."""


def check_suffix(template: str) -> None:
    """Refuse a suffix that names what no caption has.

    Raises:
        UsageError: an unknown field, or braces that do not match.
    """
    allowed = ", ".join(f"{{{name}}}" for name in FIELDS)
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise UsageError(f"suffix {template!r}: {error}; allowed are {allowed}") from error
    for _, name, spec, conversion in parts:
        if name is not None and (name not in FIELDS or spec or conversion):
            raise UsageError(f"suffix {template!r}: {{{name}}} not known; allowed are {allowed}")


def fill_suffix(template: str, caption: Caption) -> str | None:
    """The suffix with the caption's figures; None where the caption lacks one of them."""
    named = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    values = {name: FIELDS[name](caption) for name in named}
    if None in values.values():
        return None
    return template.format(**values)
