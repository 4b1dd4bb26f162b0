"""What a camera model is: it is shown a stretch of a clip, and follows points, or knows poses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of one shot.

    Attributes:
        times: (n,) seconds of the pictures.
        pictures: uint8 RGB, shape (n, height, width, 3).
        background: bool (n, height, width), false where an instance is seen.
    """

    times: Array
    pictures: NDArray[np.uint8]
    background: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PointTracks:
    """Points that were followed through a window.

    Attributes:
        points: (n, m, 2) x and y in pixels of the window's pictures.
        visible: bool (n, m), where a point is seen.
    """

    points: Array
    visible: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CameraPoses:
    """Where the camera stood and what lens it had at each picture of a window.

    Attributes:
        extrinsics: (n, 3, 4) from world to camera: x right, y down, z forward (OpenCV's axes).
        intrinsics: (n, 3, 3) in pixels of the depth maps.
        depth: (n, h, w) along z, in the unit of the translations; 0 or not finite where unknown.
    """

    extrinsics: Array
    intrinsics: Array
    depth: Array


class CameraModel(Protocol):
    """Follows the camera in place of optical flow. Used from one thread at a time."""

    @property
    def name(self) -> str:
        """For the record."""

    @property
    def rate(self) -> float:
        """Pictures a second that it is shown."""

    @property
    def most(self) -> int:
        """Pictures that it is shown at a time, 2 or more; a longer shot comes in several windows,
        each of which begins with the last picture of the one before."""

    def look(self, window: Window) -> PointTracks | CameraPoses:
        """What it knows of the camera; points of the background only, where it follows points."""
