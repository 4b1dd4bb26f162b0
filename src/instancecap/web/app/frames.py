"""Pictures of a clip as files, for browsers that cannot play it, filmstrips and posters."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from instancecap.video.clip import Clip
from instancecap.video.probe import probe
from instancecap.web.pictures import Pictures, sample_frames

SIDE = 640
MOST_BYTES = 3_000_000
MOST = 60
LIST = "frames.json"


@dataclass(frozen=True, slots=True)
class ServedFrame:
    """A frame that lies in a file; ``url`` is where the app serves it."""

    t: float
    url: str

    def thumbnail(self) -> str:
        """The picture itself: the page loads it anyway."""
        return self.url


def write_frames(
    clip: Clip, folder: str, *, duration: float = 0.0, wanted: Iterable[float] = ()
) -> None:
    """Write frames of a clip as ``0.webp``, ``1.webp``, … and their list. Reads the clip once.

    Raises:
        InputError: the clip cannot be read.
    """
    seconds = duration or probe(clip).duration
    frames, width, height = sample_frames(
        clip, duration=seconds, wanted=wanted, limit=MOST, side=SIDE, most_bytes=MOST_BYTES
    )
    for index, frame in enumerate(frames):
        Path(folder, f"{index}.webp").write_bytes(frame.webp)
    listed = {"width": width, "height": height, "times": [round(one.t, 3) for one in frames]}
    Path(folder, LIST).write_text(json.dumps(listed), encoding="utf-8")


def read_frames(folder: Path, *, url: str) -> Pictures:
    """The frames that :func:`write_frames` wrote; ``url`` is that of their folder."""
    listed = json.loads((folder / LIST).read_text(encoding="utf-8"))
    frames = [ServedFrame(t, f"{url}/{index}.webp") for index, t in enumerate(listed["times"])]
    return Pictures(frames, listed["width"], listed["height"])
