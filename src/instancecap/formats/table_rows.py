"""A caption as the row of a table: the columns, the same whoever writes it.

A row has ``id``, ``path`` and the caption: as ``structural_caption`` for SkyCaptioner (the column
of its own scripts), ``caption_json`` for Cosmos 3 and for our own, ``structured_caption`` for
InstanceVid, ``caption`` for text; MiraData has its own columns. A Parquet table of our own captions
has what people filter by in columns of its own beside ``caption_json``.
"""

from __future__ import annotations

import json
from typing import Any

from instancecap.formats import fiftyone, miradata
from instancecap.formats.shape import loosely, number
from instancecap.schema.caption import Caption, Video

OURS = "instancecap"
"""The name of our own format."""

CELLS = {
    OURS: "caption_json",
    "instancevid": "structured_caption",
    "instancevid-published": "structured_caption",
    "skycaptioner": "structural_caption",
    "cosmos3": "caption_json",
    "text": "caption",
    "labelstudio": "caption_json",
    "fiftyone": "caption_json",
}
"""The column of a table that holds the caption; MiraData has six."""

LISTS = {"fiftyone": (f'{json.dumps(fiftyone.DATASET)[:-1]}, "samples": [', "]}")}
"""What stands before and after the captions of a ``.json``, where that is not a list."""

NAMES_ITS_VIDEO = frozenset(
    {OURS, "instancevid", "instancevid-published", "labelstudio", "fiftyone"}
)
"""Formats whose captions say which video they are about, and so need no row around them."""

FLAT_COLUMNS = (
    "id", "path", "start", "end", "duration", "fps", "width", "height", "global_description",
    "background", "lighting", "place", "time_of_day", "style", "camera_motion", "shot_type",
    "shot_angle", "main_class", "instance_count", "warnings", "caption_json",
)  # fmt: skip
"""Of a Parquet table of our own captions."""


def columns_of(format: str) -> list[str]:
    """The columns of a format's table."""
    own = miradata.COLUMNS if format == "miradata" else (CELLS[format],)
    return ["id", "path", *own]


def table_row(
    name: str, caption: Caption | None, plain: dict[str, Any] | str, *, format: str
) -> dict[str, Any]:
    """A row: name, path, and the caption in ``format`` as a value or in MiraData's columns."""
    video = caption.video if caption else None
    start = {"id": name, "path": video.path if video else ""}
    if isinstance(plain, dict) and format == "miradata":
        return start | plain
    return start | {CELLS[format]: plain}


def json_line(
    name: str, caption: Caption | None, plain: dict[str, Any] | str, *, format: str
) -> dict[str, Any] | str:
    """What stands in a line of a ``.jsonl``: the caption, or a row where it names no video."""
    if format in NAMES_ITS_VIDEO:
        return plain
    return table_row(name, caption, plain, format=format)


def flatten(caption: Caption) -> dict[str, Any]:
    """Our own caption in :data:`FLAT_COLUMNS`."""
    document = caption.model_dump(mode="json")
    main = next((one for one in caption.instances if one.is_main), None)
    camera = caption.camera
    own = {
        "camera_motion": list(camera.motion),
        "shot_type": camera.shot_type,
        "shot_angle": camera.shot_angle,
        "main_class": main.class_ if main else "",
        "instance_count": len(caption.instances),
        "caption_json": caption.to_json(indent=None),
    }
    row = {**document, **(document["video"] or {}), **own}
    return {name: row.get(name) for name in FLAT_COLUMNS}


def unflatten(row: dict[str, Any]) -> str:
    """The caption of such a row as JSON; what was changed in a column of its own counts."""
    document = json.loads(row.get("caption_json") or "{}")
    for name in ("global_description", "background", "lighting", "place", "time_of_day", "style"):
        if isinstance(row.get(name), str):
            document[name] = row[name]
    return json.dumps(document, ensure_ascii=False)


def arrow_schema(format: str = OURS) -> Any:
    """The Arrow schema of a format's table."""
    import pyarrow as pa

    if format != OURS:
        return pa.schema([(name, pa.string()) for name in columns_of(format)])
    special = {
        **dict.fromkeys(("start", "end", "duration", "fps"), pa.float64()),
        **dict.fromkeys(("width", "height", "instance_count"), pa.int32()),
        **dict.fromkeys(("camera_motion", "warnings"), pa.list_(pa.string())),
    }
    return pa.schema([(name, special.get(name, pa.string())) for name in FLAT_COLUMNS])


PATHS = ("path", "file_path", "video_path", "media_path", "vision_path", "file_name", "video",
         "filename", "video_file", "file", "videos", "images")  # fmt: skip
"""Columns that may hold a video's path, the best first."""


def video_of(fields: dict[str, Any]) -> Video | None:
    """The video that a row names, with what else the row knows of it."""
    given = {loosely(key): one for key, one in fields.items()}
    cells = (given.get(loosely(name)) for name in PATHS)
    texts = (cell[0] if isinstance(cell, list) and len(cell) == 1 else cell for cell in cells)
    path = next((one.strip() for one in texts if isinstance(one, str) and one.strip()), "")
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
