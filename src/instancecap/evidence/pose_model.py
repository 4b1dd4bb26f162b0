"""What finds the joints of people, and how a person is cut out for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.video.decode import Picture

Array = NDArray[np.float64]

PADDING = 1.25
"""Side of what a pose network is shown over the person's box: ViTPose and RTMPose learned so."""

MEAN = np.array([123.675, 116.28, 103.53], np.float32)
DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
"""Of ImageNet's pixels, red first, which both are trained with."""


class PoseModel(Protocol):
    """Finds joints.

    Attributes:
        name: for the record.
    """

    name: str

    def find(self, picture: Picture, boxes: Array) -> Array:
        """The joints of people in a BGR picture: (n, 17, 3), x and y in 0..1 of the picture (they
        may lie beyond its edge) and a score in 0..1, in COCO's order.

        Args:
            boxes: (n, 4) in 0..1, one a person.
        """


def cut_people(
    picture: Picture, boxes: Array, size: tuple[int, int]
) -> tuple[NDArray[np.float32], Array]:
    """People as a network takes them, and where each lies.

    Args:
        boxes: (n, 4) in 0..1 of the picture.
        size: width and height of the network's input.

    Returns:
        (n, 3, height, width), red first, normalized; and (n, 4): left, top, width and height of
        what each shows, in pixels of the picture.
    """
    full = np.array([picture.shape[1], picture.shape[0]], float)
    low, high = boxes[:, :2] * full, boxes[:, 2:] * full
    sides = np.maximum((high - low) * PADDING, 2.0)
    ratio = size[0] / size[1]
    width = np.maximum(sides[:, 0], sides[:, 1] * ratio)
    shown = np.stack([width, width / ratio], axis=1)
    places = np.concatenate([(low + high) / 2 - shown / 2, shown], axis=1)
    rgb = np.ascontiguousarray(picture[..., ::-1])
    made = [_cut(rgb, place, size) for place in places]
    return np.stack(made).transpose(0, 3, 1, 2).astype(np.float32), places


def _cut(rgb: Picture, place: Array, size: tuple[int, int]) -> NDArray[np.float32]:
    left, top, width, height = place
    x, y = (size[0] - 1) / width, (size[1] - 1) / height
    matrix = np.array([[x, 0.0, -left * x], [0.0, y, -top * y]])
    cut = cv2.warpAffine(rgb, matrix, size, flags=cv2.INTER_LINEAR)
    return np.asarray((cut.astype(np.float32) - MEAN) / DEVIATION)


def read_heatmaps(maps: NDArray[np.float32]) -> Array:
    """The joints of heatmaps (n, 17, h, w): (n, 17, 3), x and y in 0..1 of the cut, and the peak.

    The peak is shifted by a quarter of a cell toward its higher neighbor, as is usual for them.
    """
    count, joints, height, width = maps.shape
    flat = maps.reshape(count, joints, -1)
    peaks = flat.argmax(axis=2)
    rows, columns = np.divmod(peaks, width)
    padded = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    one, two = np.ogrid[:count, :joints]
    right = padded[one, two, rows + 1, columns + 2] - padded[one, two, rows + 1, columns]
    down = padded[one, two, rows + 2, columns + 1] - padded[one, two, rows, columns + 1]
    x = (columns + 0.25 * np.sign(right)) / max(width - 1, 1)
    y = (rows + 0.25 * np.sign(down)) / max(height - 1, 1)
    return np.stack([x, y, flat.max(axis=2).clip(0, 1)], axis=2).astype(float)


def read_simcc(parts: Sequence[NDArray[np.float32]]) -> Array:
    """The joints of SimCC's two outputs, (n, 17, cells across) and (n, 17, cells down), as
    :func:`read_heatmaps` gives them; the score is that of the less sure axis."""
    places = [part.argmax(axis=2) / max(part.shape[2] - 1, 1) for part in parts]
    score = np.minimum(*(part.max(axis=2) for part in parts)).clip(0, 1)
    return np.stack([*places, score], axis=2).astype(float)


def place_joints(joints: Array, places: Array, picture: Picture) -> Array:
    """Joints in 0..1 of their cuts, in 0..1 of the picture."""
    full = np.array([picture.shape[1], picture.shape[0]], float)
    inside = (joints[..., :2] * places[:, None, 2:] + places[:, None, :2]) / full
    return np.concatenate([inside, joints[..., 2:]], axis=2)
