"""Light, time of day, and whether the scene is indoors or outdoors, where the picture tells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.expert import Scene
from instancecap.evidence.experts.appearance import color_shares, named_shares
from instancecap.evidence.reliability import SMALL
from instancecap.evidence.sample import Sample
from instancecap.evidence.thresholds import PLACE
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.models.coco import CLASSES
from instancecap.schema.evidence import Evidence, InstanceFacts, LightFacts, PlaceFacts
from instancecap.schema.vocabulary import Place, TimeOfDay, Unknown

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

TABLEWARE = frozenset(
    ("chair", "dining table", "potted plant", "vase", "clock", "cup", "bottle", "bowl")
)
"""Things of rooms that terraces and gardens have too."""

CUES = (
    ("sky", "outdoor", 1.2, 1.0),
    ("leaves", "outdoor", 3.0, 0.32),
    ("ground", "outdoor", 0.75, 1.0),
    ("walls", "indoor", 1.0, 0.45),
    ("fixtures", "indoor", 0.6, 1.5),
    ("tableware", "indoor", 0.4, 1.1),
)
"""Cue, the place it speaks for, its weight, and the most of it that counts.

A place needs half a point: leaves over a sixth of the picture, or two cues at once.
"""

_BLUE = COLORS.index("blue")
_IS_EARTH = np.isin(COLORS, ("brown", "beige", "green", "gray", "yellow"))
_FIXTURES = [CLASSES.index(name) for name in sorted(INDOOR_THINGS - {"bed", "dining table"})]
_TABLEWARE = [CLASSES.index(name) for name in sorted(TABLEWARE)]
# A bed is left out: from weak scores, waves and hills pass for one.


LIGHT_RATE = 2.0
"""Samples a second that light and surroundings are measured on."""


class LightExpert:
    """Keeps a few numbers of every sample: luma, saturation, warmth, and cues of the place."""

    name = "light"
    rate = LIGHT_RATE
    needs = ("detection",)

    def __init__(self) -> None:
        self._rows: list[Array] = []
        self._times: list[float] = []
        self._colors: list[Array] = []

    def add(self, sample: Sample, scene: Scene) -> None:
        """Look at a sample."""
        scene.worker.run(partial(self.look, sample, scene.foreground))

    def look(self, sample: Sample, foreground: NDArray[np.bool_] | None = None) -> None:
        """Measure a sample; ``foreground`` (height, width) is true where instances are."""
        names = sample.color_names
        small = cv2.resize(sample.bgr, (48, 32), interpolation=cv2.INTER_AREA)
        hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
        luma = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(float) / 255
        warmth = (small[..., 2].mean() - small[..., 0].mean()) / 255
        surroundings = _surroundings(sample, names)
        self._rows.append(
            np.array(
                [luma.mean(), luma.std(), hsv[..., 1].mean() / 255, warmth,
                 (luma < 0.12).mean(), *surroundings]
            )
        )  # fmt: skip
        self._times.append(sample.t)
        self._colors.append(
            color_shares(names if foreground is None else names[~foreground[::2, ::2]])
        )

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        """Light and place over all samples; weak detections help: many signs make a room. Their
        weights hold for the scores of the small detectors; of others only instances count."""
        leading = evidence.models.get("detector", "").split(",")[0]
        weak = scene.detections if leading in SMALL else ()
        evidence.light, evidence.place = self.summarize(evidence.instances, weak)

    def summarize(
        self, instances: Sequence[InstanceFacts], detections: Iterable[FrameDetections] = ()
    ) -> tuple[LightFacts, PlaceFacts]:
        """Light and place; ``detections`` help to tell indoors from outdoors."""
        if not self._rows:
            return LightFacts(), PlaceFacts()
        rows, times = np.stack(self._rows), np.array(self._times)
        bright, contrast, saturation, warmth, dark, *shares = rows.mean(axis=0).tolist()
        scores = _scene_scores(detections)
        cues = dict(zip(("sky", "leaves", "ground", "walls"), shares, strict=True))
        cues |= {"fixtures": scores[_FIXTURES].sum(), "tableware": scores[_TABLEWARE].sum()}
        place = _place(cues, instances)
        place.colors = named_shares(np.mean(self._colors, axis=0))
        first = rows[times <= times[0] + 1, 0].mean()
        last = rows[times >= times[-1] - 1, 0].mean()
        day = _daylight(bright, dark, cues, place)
        time_of_day: TimeOfDay | Unknown = "day" if day >= PLACE.day else ""
        confidence = day if time_of_day else 0.0
        if place.outdoor >= max(PLACE.open, place.indoor) and bright < 0.15 and dark > 0.6:
            time_of_day, confidence = "night", round(min(0.9, 0.5 + 0.5 * (dark - 0.6)), 3)
        light = LightFacts(
            brightness=round(float(bright), 4),
            contrast=round(float(contrast), 4),
            saturation=round(float(saturation), 4),
            warmth=round(float(warmth), 4),
            change=round(float(last - first), 4),
            day=day,
            time_of_day=time_of_day,
            confidence=confidence,
        )
        return light, place


def _surroundings(sample: Sample, names: NDArray[np.uint8]) -> tuple[float, ...]:
    """Shares of smooth blue on top, green texture, rough ground below, smooth walls above."""
    rough = _roughness(sample)
    hue, saturation, value = cv2.split(
        cv2.cvtColor(np.ascontiguousarray(sample.bgr[::2, ::2]), cv2.COLOR_BGR2HSV)
    )
    third, half = max(1, names.shape[0] // 3), names.shape[0] // 2
    sky = (names[:third] == _BLUE) & (rough[:third] < 6)
    # OpenCV's hue has 180 steps: yellow-green to green, dark leaves included.
    leaves = (hue >= 28) & (hue <= 85) & (saturation > 45) & (value > 25) & (rough > 8)
    ground = _IS_EARTH[names[half:]] & (rough[half:] > 12)
    # Paint and wood in lamplight: warm, never vivid.
    tinted = (hue < 25) & (saturation > 30) & (saturation < 150)
    walls = (tinted & (value > 90) & (rough < 5))[: max(1, half)]
    return float(sky.mean()), float(leaves.mean()), float(ground.mean()), float(walls.mean())


def _roughness(sample: Sample) -> NDArray[np.float32]:
    """Local strength of fine detail, for every second pixel each way."""
    detail = np.abs(cv2.Laplacian(sample.gray, cv2.CV_32F))
    return np.asarray(cv2.blur(detail, (15, 15))[::2, ::2], np.float32)


def _scene_scores(detections: Iterable[FrameDetections]) -> Array:
    """Mean over the samples of each class's best score in the sample, however weak."""
    rows = [np.asarray(item.scores, float).max(axis=0, initial=0.0) for item in detections]
    return np.mean(rows, axis=0) if rows else np.zeros(len(CLASSES))


def _place(cues: dict[str, float], instances: Sequence[InstanceFacts]) -> PlaceFacts:
    classes = {item.class_: item.confidence for item in instances}
    certain = {
        "outdoor": max([classes[name] for name in classes.keys() & OUTDOOR_THINGS], default=0.0),
        "indoor": max([classes[name] for name in classes.keys() & INDOOR_THINGS], default=0.0),
    }
    outdoor, indoor = (
        min(1.0, max(certain[place], sum(
            weight * min(cues[cue], most) for cue, of, weight, most in CUES if of == place
        )))
        for place in ("outdoor", "indoor")
    )  # fmt: skip
    sure = outdoor - 0.5 * indoor, indoor - 0.5 * outdoor
    label: Place = "outdoor" if sure[0] >= PLACE.outdoor else "unknown"
    if sure[1] >= PLACE.indoor and indoor > outdoor + 0.3:
        label = "indoor"
    return PlaceFacts(
        label=label,
        confidence=round(max(sure), 3) if label != "unknown" else 0.0,
        outdoor=round(outdoor, 3),
        indoor=round(indoor, 3),
    )


def _daylight(bright: float, dark: float, cues: dict[str, float], place: PlaceFacts) -> float:
    """How much speaks for the day out of doors; nothing does indoors, where lamps decide."""
    if place.outdoor < max(PLACE.open, place.indoor):
        return 0.0
    # In a wood it is dim by day, but leaves keep their green.
    if dark < 0.45 and (bright > 0.3 or (bright > 0.2 and cues["leaves"] > 0.15)):
        return round(min(0.95, 0.6 + 0.5 * cues["sky"] + 0.4 * max(0.0, bright - 0.3)), 3)
    return 0.0
