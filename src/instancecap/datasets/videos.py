"""Where the video of a caption lies."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from instancecap.errors import InputError
from instancecap.io.addresses import is_url
from instancecap.io.finder import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from instancecap.schema.caption import Caption

SUFFIXES = sorted(VIDEO_SUFFIXES) + sorted(IMAGE_SUFFIXES)


def names_video(name: str) -> bool:
    """Whether a name ends as those of videos and pictures do."""
    return Path(name).suffix.lower() in SUFFIXES


OF_ITS_FOLDER = "caption.json"
"""Name of a file whose clip is named as its folder, as SpatialVID has them."""


def beside(path: str) -> str:
    """The video that ``clip.txt`` belongs to: ``clip.mp4`` in its folder, or in ``../videos``.

    Empty where there is none. ``clip.mp4.txt`` belongs to ``clip.mp4``, and
    ``annotations/group/clip/caption.json`` to ``videos/group/clip.mp4``.
    """
    folder, name = os.path.split(path)
    stem = os.path.splitext(name)[0]
    if name == OF_ITS_FOLDER:
        folder, stem = os.path.split(os.path.abspath(folder))
    places = [folder, os.path.join(os.path.dirname(folder), "videos")]
    if name == OF_ITS_FOLDER:
        root, group = os.path.split(folder)
        places.append(os.path.join(os.path.dirname(root), "videos", group))
    for place in places:
        if found := _existing([os.path.join(place, stem)]):
            return found
    return ""


def find_video(caption: Caption, *, caption_file: str = "", video_root: str | None = None) -> str:
    """The path of a caption's video: below ``video_root`` by its path, its id or its file's name;
    without a root beside the caption, or where its path leads from here. A name without a suffix
    is that of any video.

    Raises :class:`InputError` where the caption names none, or it is in none of these places.
    """
    video = caption.video
    if video is None or not video.path:
        raise InputError("the caption names no video file")
    places = [os.path.join(os.path.dirname(caption_file), video.path)] if caption_file else []
    places.append(video.path)
    if video_root is not None:
        names = (video.path, video.id, os.path.basename(video.path))
        places = [os.path.join(video_root, name) for name in names if name]
    if is_url(video.path):
        return video.path
    if found := _existing(places):
        return found
    near = "beside the caption, in the current folder" if caption_file else "there"
    where = f"{near}; --video-root DIR says where videos are" if video_root is None else ""
    raise InputError(f"its video {video.path} is not {where or f'in --video-root {video_root}'}")


def find_evidence(name: str, caption: Caption, folder: str) -> str:
    """A file of ``folder`` under the caption's name, its video's id, or its video's path; empty
    where there is none.
    """
    names = [name]
    if caption.video is not None:
        names += [caption.video.id, caption.video.path, os.path.basename(caption.video.path)]
    for one in names:
        path = os.path.join(folder, f"{one}.json")
        if one and not os.path.isabs(one) and os.path.isfile(path):
            return path
    return ""


def _existing(places: Sequence[str]) -> str:
    """The first that there is; of a place without a suffix of videos, with any of them."""
    endings = ["", *(ending for suffix in SUFFIXES for ending in (suffix, suffix.upper()))]
    tried = (
        place + ending for place in places for ending in ([""] if names_video(place) else endings)
    )
    return next((path for path in tried if os.path.isfile(path)), "")
