"""Metas of cosmos-curate and NeMo Curator, ``metas/v0/UUID.json`` or ``metas_jsonl``; only read.

The keys are those of nvidia-cosmos/cosmos-curate, ``read_write/metadata_writer_stage.py``.
A window is a stretch of frames with a text of each model under ``NAME_caption``, and under
``NAME_enhanced_caption`` where a language model wrote it anew, which is the one that counts.
"""

from __future__ import annotations

from typing import Any

from instancecap.errors import FormatError
from instancecap.formats.shape import clean, number
from instancecap.schema.caption import Caption, Segment, Video


def read(value: dict[str, Any], warnings: list[str]) -> Caption:
    """One window's text is the global description; several are segments, with their times."""
    fps = number(value.get("framerate") or value.get("framerate_source"))
    windows = [one for one in value.get("windows") or [] if isinstance(one, dict)]
    texts = [(one, text) for one in windows if (text := _text(one))]
    if not texts:
        raise FormatError("no window of this clip has a caption")
    if len(texts) < len(windows):
        warnings.append(f"{len(windows) - len(texts)} of {len(windows)} windows have no caption")
    caption = Caption(video=_video(value, fps))
    if len(texts) == 1:
        caption.global_description = texts[0][1]
    else:
        rate = fps or 1.0
        caption.segments = [
            Segment(
                start=number(one.get("start_frame")) / rate,
                end=number(one.get("end_frame")) / rate,
                description=text,
            )
            for one, text in texts
        ]
    return caption


def _text(window: dict[str, Any]) -> str:
    names = [name for name in window if name == "caption" or name.endswith("_caption")]
    names.sort(key=lambda name: not name.endswith("_enhanced_caption"))
    cells = (window[name] for name in names)
    texts = (next(iter(one.values()), "") if isinstance(one, dict) else one for one in cells)
    return next((clean(one) for one in texts if isinstance(one, str) and one.strip()), "")


def _video(value: dict[str, Any], fps: float) -> Video:
    """The clip's own file, or its span of the source."""
    own, span = value.get("clip_location"), value.get("duration_span")
    start, end = map(number, span) if isinstance(span, list) and len(span) == 2 else (0.0, 0.0)
    video = Video.named(str(own or value.get("source_video") or ""))
    video.duration = max(end - start, 0.0)
    video.start, video.end = (0.0, video.duration) if own else (start, end)
    video.fps, video.frames = fps, int(number(value.get("num_frames")))
    video.width = int(number(value.get("width") or value.get("width_source")))
    video.height = int(number(value.get("height") or value.get("height_source")))
    return video
