"""A clip's frames, small and packed, to go through again in any order."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from instancecap.video.decode import Frame, Picture
from instancecap.video.sampling import Ticker, fit_within

RATE, SIDE = 8.0, 416
"""Frames a second that things are followed on, and their longer side in pixels."""

MAX_FRAMES = 1500
"""Of one clip; a clip of more than two minutes is followed on fewer frames a second."""

QUALITY = 85


@dataclass(slots=True)
class Film:
    """A clip's frames, small and packed as JPEG, so that they can be gone through both ways.

    Attributes:
        times: seconds from the clip's start, rising.
        files: one JPEG file a time.
    """

    times: list[float] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)

    def add(self, t: float, picture: Picture) -> None:
        """Keep a BGR picture."""
        _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        self.times.append(t)
        self.files.append(data.tobytes())

    def keep(self, most: int) -> None:
        """Let go of all but the latest ``most`` pictures."""
        if (extra := len(self.times) - most) > 0:
            del self.times[:extra], self.files[:extra]

    def picture(self, index: int) -> Picture:
        """A picture, BGR (height, width, 3)."""
        data = np.frombuffer(self.files[index], np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
        assert picture is not None, index
        return np.asarray(picture, np.uint8)


class FilmMaker:
    """Keeps the frames to follow things on, while someone else reads the clip."""

    def __init__(self, *, aspect: float, duration: float) -> None:
        """``duration`` in seconds bounds how many frames are kept."""
        rate = min(RATE, MAX_FRAMES / max(duration, 1e-3))
        self._ticker, self._size = Ticker(rate), fit_within(aspect, SIDE)
        self.film = Film()

    def see(self, frame: Frame) -> None:
        """Look at the next frame."""
        if self._ticker.due(frame.t):
            self.film.add(frame.t, frame.bgr(self._size))
