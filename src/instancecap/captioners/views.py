"""Where instances are seen best: a few frames of each, evenly in time, from one decode pass."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.sample import Sample
from instancecap.evidence.tracking.instances import box_at
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts
from instancecap.video.clip import Clip
from instancecap.video.decode import ClipReader, Frame, Picture
from instancecap.video.probe import VideoInfo
from instancecap.video.sampling import fit_within

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
class View:
    """An instance on one frame.

    Attributes:
        t: seconds from the clip's start.
        worth: of the view, its sharpness counted in.
        box: 0..1 of the frame.
        picture: uint8 RGB at its final size.
        small: BGR sample of the whole frame, which a mask is cut out of.
    """

    t: float
    worth: float
    box: NDArray[np.float64]
    picture: Picture
    small: Picture


def look(
    clip: Clip,
    items: Iterable[InstanceFacts],
    *,
    frames: int,
    side: int,
    crop: bool = False,
    threads: int = 0,
) -> dict[int, list[View]]:
    """Read the clip once; by instance id the best view of each slot, in order of time.

    ``side`` is the longer side of a picture in pixels at most, ``crop`` asks for the surroundings
    of the box alone. Instances that are never seen are left out.
    """
    with ClipReader(clip, threads=threads) as reader:
        search = Search(items, reader.info, frames=frames, side=side, crop=crop)
        if not search.done:
            for frame in reader:
                search.see(frame)
                if search.done:
                    break
    return search.found()


class Search:
    """Keeps the best view of each slot while someone else reads the clip, frame by frame."""

    def __init__(
        self,
        items: Iterable[InstanceFacts],
        info: VideoInfo,
        *,
        frames: int,
        side: int,
        crop: bool = False,
    ) -> None:
        """Options as for :func:`look`; ``info`` is that of the clip that is read."""
        self._info, self._side, self._crop = info, side, crop
        self._best: dict[int, dict[int, View]] = defaultdict(dict)
        self._due = [
            (point.t, item, slot, worth)
            for item in items
            for slot, views in enumerate(best_views(item.track, frames=frames))
            for worth, point in views
        ]
        self._due.sort(key=lambda one: -one[0])  # the next one is the last one

    @property
    def done(self) -> bool:
        """True when no later frame is wanted."""
        return not self._due

    def see(self, frame: Frame) -> None:
        """Look at the next frame."""
        # Where frames are missing, several times may fall due on one: it serves the last.
        now: dict[int, tuple[InstanceFacts, int, float]] = {}
        while self._due and frame.t >= self._due[-1][0] - SAME_TIME:
            _, item, slot, worth = self._due.pop()
            now[item.id] = item, slot, worth
        if now:
            shown = _Shown(frame, self._info, crop=self._crop, side=self._side)
            for item, slot, worth in now.values():
                shown.offer(self._best[item.id], item, slot=slot, worth=worth)

    def found(self) -> dict[int, list[View]]:
        """By instance id the best view of each slot so far, in order of time."""
        seen = {id: [views[slot] for slot in sorted(views)] for id, views in self._best.items()}
        return {id: views for id, views in seen.items() if views}


class _Shown:
    """A frame that instances are looked at on; its pictures are made once, and only if needed."""

    def __init__(self, frame: Frame, info: VideoInfo, *, crop: bool, side: int) -> None:
        self._frame, self._crop, self._side = frame, crop, side
        native = max(2, info.width, info.height)
        self._size = fit_within(info.aspect, native if crop else min(side, native))
        self._sample = Sample(frame, index=0, aspect=info.aspect)
        self._picture: Picture | None = None

    def offer(
        self, views: dict[int, View], item: InstanceFacts, *, slot: int, worth: float
    ) -> None:
        """Keep this frame for a time slot of ``item`` if it shows it better than the one kept."""
        box = box_at(item, self._frame.t)
        if box is None:
            return
        worth *= _sharpness(self._sample.gray, box)
        if slot in views and worth <= views[slot].worth:
            return
        views[slot] = View(
            t=self._frame.t,
            worth=worth,
            box=box,
            picture=self._cropped(box) if self._crop else self._whole(),
            small=self._sample.bgr,
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
