"""The shared player and timeline of a caption under review, as HTML for its page."""

from __future__ import annotations

from functools import cache

from jinja2 import Template

from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.probe import probe
from instancecap.web.clip_view import ClipView, cited_times
from instancecap.web.pictures import sample_pictures
from instancecap.web.templates import environment


@cache
def _template() -> Template:
    return environment(styles_by_script=True).get_template("review/player.html")


def player_of_video(caption: Caption, video_url: str) -> str:
    """A player of the video itself, for a browser that can play it; nothing is read for it.

    Empty where the caption does not say how large and how long its video is.
    """
    video = caption.video
    if video is None or not (video.width and video.height and video.fps and video.duration):
        return ""
    evidence = _evidence(caption, video.model_dump())
    view = ClipView(caption, evidence, pictures=None, video_url=video_url)
    return _template().render(clip=view)


def player_of_frames(document: str, clip: Clip) -> str:
    """A player of sampled frames, for what browsers do not play; for a worker process.

    Raises :class:`InputError` where the clip cannot be read.
    """
    caption, info = Caption.from_json(document), probe(clip)
    end = info.duration if clip.end is None else clip.end
    video = {
        "id": clip.id, "path": clip.path, "start": clip.start, "end": end,
        "duration": end - clip.start, "fps": info.fps, "width": info.width, "height": info.height,
        "frames": info.frames,
    }  # fmt: skip
    pictures = sample_pictures(clip, duration=end - clip.start, wanted=cited_times(caption))
    view = ClipView(caption, _evidence(caption, video), name=clip.id, pictures=pictures)
    return _template().render(clip=view)


def _evidence(caption: Caption, video: dict[str, object]) -> Evidence:
    """What the player needs of an evidence: the clip and its shots."""
    shots = [
        {"start": one.start, "end": one.end, "transition": one.transition} for one in caption.shots
    ]
    return Evidence.model_validate({"video": video, "shots": shots})
