"""Light, time of day, and whether the scene is indoors or outdoors, where the picture tells."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.appearance import COLORS, color_shares, named_shares
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import InstanceFacts, LightFacts, PlaceFacts
from instancecap.schema.vocabulary import TimeOfDay, Unknown

Array = NDArray[np.float64]

OUTDOOR_THINGS = frozenset(
    name
    for group in (
        ("car", "bus", "truck", "train", "boat", "airplane", "motorcycle", "vehicle"),
        ("traffic light", "fire hydrant", "stop sign", "parking meter"),
        ("horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe"),
        ("skis", "snowboard", "surfboard", "kite"),
    )
    for name in group
)
INDOOR_THINGS = frozenset(
    name
    for group in (
        ("couch", "bed", "dining table", "toilet", "sink", "book"),
        ("tv", "laptop", "mouse", "remote", "keyboard"),
        ("microwave", "oven", "toaster", "refrigerator"),
    )
    for name in group
)

_GREEN, _BLUE, _WHITE = (COLORS.index(name) for name in ("green", "blue", "white"))


LIGHT_RATE = 4.0
"""Samples a second that light and surroundings are measured on."""


class LightExpert:
    """Keeps a few numbers of every sample: luma, saturation, warmth, sky and foliage."""

    def __init__(self) -> None:
        self._rows: list[Array] = []
        self._times: list[float] = []
        self._colors: list[Array] = []

    def add(
        self,
        sample: Sample,
        names: NDArray[np.uint8],
        *,
        foreground: NDArray[np.bool_] | None = None,
    ) -> None:
        """Look at a sample; ``names`` are the colours of every second pixel each way.

        ``foreground`` is true where things are, for every pixel.
        """
        small = cv2.resize(sample.bgr, (48, 32), interpolation=cv2.INTER_AREA)
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(float) / 255
        warmth = (small[..., 2].mean() - small[..., 0].mean()) / 255
        sky, foliage = _sky_share(sample, names), _foliage_share(sample, names)
        self._rows.append(
            np.array(
                [luma.mean(), luma.std(), hsv[..., 1].mean() / 255, warmth, sky, foliage,
                 (luma < 0.12).mean(), (luma > 0.85).mean()]
            )
        )  # fmt: skip
        self._times.append(sample.t)
        self._colors.append(
            color_shares(names if foreground is None else names[~foreground[::2, ::2]])
        )

    def facts(self, instances: Sequence[InstanceFacts]) -> tuple[LightFacts, PlaceFacts]:
        """Facts over all samples; ``instances`` help to tell indoors from outdoors."""
        if not self._rows:
            return LightFacts(), PlaceFacts()
        rows, times = np.stack(self._rows), np.array(self._times)
        bright, contrast, saturation, warmth, sky, foliage, dark, _ = rows.mean(axis=0)
        place = _place(float(sky), float(foliage), instances)
        place.colors = named_shares(np.mean(self._colors, axis=0))
        first = rows[times <= times[0] + 1, 0].mean()
        last = rows[times >= times[-1] - 1, 0].mean()
        time_of_day, confidence = _time_of_day(float(bright), float(dark), float(sky), place)
        light = LightFacts(
            brightness=round(float(bright), 4),
            contrast=round(float(contrast), 4),
            saturation=round(float(saturation), 4),
            warmth=round(float(warmth), 4),
            change=round(float(last - first), 4),
            time_of_day=time_of_day,
            confidence=confidence,
        )
        return light, place


def _sky_share(sample: Sample, names: NDArray[np.uint8]) -> float:
    """Share of the frame's top third that is smooth and blue."""
    third = max(1, names.shape[0] // 3)
    top = names[:third]
    smooth = _roughness(sample)[:third] < 6
    return float(((top == _BLUE) & smooth).mean())


def _foliage_share(sample: Sample, names: NDArray[np.uint8]) -> float:
    """Share of the frame that is green and finely textured, as grass and leaves are."""
    return float(((names == _GREEN) & (_roughness(sample) > 8)).mean())


def _roughness(sample: Sample) -> NDArray[np.float32]:
    """Local strength of fine detail, for every second pixel each way."""
    detail = np.abs(cv2.Laplacian(sample.gray, cv2.CV_32F))
    return np.asarray(cv2.blur(detail, (15, 15))[::2, ::2], np.float32)


def _place(sky: float, foliage: float, instances: Sequence[InstanceFacts]) -> PlaceFacts:
    classes = {item.class_: item.confidence for item in instances}
    outdoor = max([classes[name] for name in classes.keys() & OUTDOOR_THINGS], default=0.0)
    indoor = max([classes[name] for name in classes.keys() & INDOOR_THINGS], default=0.0)
    outdoor = max(outdoor, min(1.0, 1.2 * sky), min(0.95, 2.2 * foliage))
    if outdoor >= 0.5 and outdoor > indoor + 0.15:
        return PlaceFacts(label="outdoor", confidence=round(outdoor - 0.5 * indoor, 3))
    if indoor >= 0.5 and indoor > outdoor + 0.3:
        return PlaceFacts(label="indoor", confidence=round(indoor - 0.5 * outdoor, 3))
    return PlaceFacts(label="unknown", confidence=0.0)


def _time_of_day(
    bright: float, dark: float, sky: float, place: PlaceFacts
) -> tuple[TimeOfDay | Unknown, float]:  # fmt: skip
    """Day or night out of doors; nothing indoors, where lamps decide."""
    if place.label != "outdoor":
        return "", 0.0
    if bright > 0.3 and dark < 0.45:
        return "day", round(min(0.95, 0.6 + 0.5 * sky + 0.4 * (bright - 0.3)), 3)
    if bright < 0.15 and dark > 0.6:
        return "night", round(min(0.9, 0.5 + 0.5 * (dark - 0.6)), 3)
    return "", 0.0
