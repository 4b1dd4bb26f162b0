"""What a table's row says of its video."""

from __future__ import annotations

from typing import Any

from instancecap.formats.shape import loosely, number
from instancecap.schema.caption import Video

PATHS = ("path", "file_path", "video_path", "media_path", "vision_path", "file_name", "video")
"""Columns that may hold a video's path, the best first."""


def video_of(fields: dict[str, Any]) -> Video | None:
    """The video that a row names, with what else the row knows of it."""
    given = {loosely(key): one for key, one in fields.items()}
    texts = (given.get(loosely(name)) for name in PATHS)
    path = next((one for one in texts if isinstance(one, str) and one), "")
    if not path:
        return None

    def value(name: str) -> float:
        return number(given.get(loosely(name)))

    video = Video.named(path)
    video.fps = value("fps")
    video.width, video.height = int(value("width")), int(value("height"))
    video.frames = int(value("num_frames"))
    video.start = value("start")
    video.duration = value("duration")
    video.end = value("end") or video.start + video.duration
    return video
