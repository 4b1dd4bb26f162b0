"""A score for every camera primitive, said or not, so that clips can be ranked by each.

Average precision, as CameraBench (arXiv 2504.15376) takes it, needs to know of every clip how much
speaks for a pan to the left, not only whether one is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from instancecap.evidence.experts.camera_path import RADIUS, PoseStep, shot_path, smoothed, steps_of
from instancecap.evidence.experts.camera_words import NAMES, TRAVELS, rest_features
from instancecap.evidence.experts.parallax import Parallax
from instancecap.evidence.thresholds import CAMERA
from instancecap.schema.evidence import CameraFacts, Shot
from instancecap.schema.vocabulary import Primitive

Array = NDArray[np.float64]


def score_primitives(
    camera: CameraFacts,
    shots: Sequence[Shot],
    *,
    aspect: float,
    parallax: Sequence[Parallax] = (),
    poses: Sequence[PoseStep] = (),
) -> dict[Primitive, float]:
    """Scores 0..1: half for what is said, and half of the probability that it is there.

    The probability is that of a movement that goes as far as this one at its most (of all shots,
    the largest), by the fit that the confidence of the words has too. With ``poses`` a turn is
    judged by what turning did to the picture and a travel by what travelling did. Else both are
    judged by one path, and the less likely one by how much of the time ``parallax`` is against it;
    without that, only what was said tells them apart.

    Arcs, ``tracking`` and ``shaky`` have no score.
    """
    said = set(camera.motion)
    chance: dict[Primitive, float] = {}
    rest = 1.0
    for shot in shots:
        steps = [one for one in steps_of(camera.path, shot, shots) if one.inliers > 0]
        if len(steps) < 2:
            continue
        times, position = shot_path(steps, start=shot.start, aspect=aspect)
        smooth = smoothed(times, position)
        rest = min(rest, float(expit(np.dot(CAMERA.sure_rest, rest_features(smooth)))))
        turned = [one for one in poses if shot.start < one.t <= shot.end]
        seen = [one for one in parallax if shot.start <= one.start and one.end <= shot.end]
        parts = _parts(turned, aspect) if turned else _either(smooth, seen)
        for word, probability in (*parts, *_of_component(3, smooth[:, 3], NAMES[3])):
            chance[word] = max(chance.get(word, 0.0), probability)
    chance["static"] = rest if chance else 0.0
    words: list[Primitive] = ["static", *(one for pair in NAMES for one in pair), *TRAVELS.values()]
    return {word: round(((word in said) + chance.get(word, 0.0)) / 2, 4) for word in words}


def _of_component(
    component: int, line: Array, names: tuple[Primitive, Primitive], weight: float = 1.0
) -> Iterator[tuple[Primitive, float]]:
    """Probability of a movement each way along a line (n,), in frame sizes."""
    for word, path in zip(names, (line, -line), strict=True):
        rise = float((path - np.minimum.accumulate(path)).max())
        far = np.log(max(rise, 1e-6) / CAMERA.min_net)
        yield word, weight * float(expit(np.dot(CAMERA.sure_move, (1.0, far, component == 2))))


def _travels(component: int) -> tuple[Primitive, Primitive]:
    forth, back = NAMES[component]
    return TRAVELS[forth], TRAVELS[back]


def _either(smooth: Array, parallax: Sequence[Parallax]) -> Iterator[tuple[Primitive, float]]:
    """By one path (n, 4), which may be the turn's or the travel's: both have all of it where half
    of the stretches, or none, prove a travel along it."""
    for component in range(3):
        proven = [one for one in parallax if one.proven]
        along = sum(_seconds(one) for one in proven if abs(one.axis[component]) >= CAMERA.min_axis)
        # Half a second for either, so that one short stretch is not taken for certain.
        share = (along + 0.5) / (sum(map(_seconds, parallax)) + 1)
        for names, weight in ((NAMES[component], 1 - share), (_travels(component), share)):
            line = smooth[:, component]
            yield from _of_component(component, line, names, min(1.0, 2 * weight))


def _seconds(stretch: Parallax) -> float:
    return stretch.end - stretch.start


def _parts(poses: Sequence[PoseStep], aspect: float) -> Iterator[tuple[Primitive, float]]:
    """Turn and travel, each by what it did to the picture."""
    scale = np.sqrt(aspect), 1 / np.sqrt(aspect), RADIUS
    times = np.array([0.0, *(one.t for one in poses)])
    times[0] = 2 * times[1] - times[2] if len(times) > 2 else times[1] - 1
    for component in range(3):
        for part, names in (("turn", NAMES[component]), ("travel", _travels(component))):
            moves = [getattr(one, part)[component] * scale[component] for one in poses]
            line = np.concatenate([[0.0], np.cumsum(moves)])
            yield from _of_component(component, smoothed(times, line[:, None])[:, 0], names)
