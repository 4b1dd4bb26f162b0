"""InstanceVid: the format of InstanceCap (arXiv 2412.09283), one object a video."""

from __future__ import annotations

from typing import Any

from instancecap.formats.fields import Fields
from instancecap.formats.prose import (
    filming_prose,
    position_prose,
    read_filming,
    read_position,
)
from instancecap.schema.caption import Caption, Instance, Video

MOST_INSTANCES = 3
"""The reference system never writes more."""

HOLDS = {
    "/video/path": "Video",
    "/global_description": "Global Description",
    "/instances/*/class": "Structural Description / Main Instance / No.N / Class",
    "/instances/*/appearance": "… / Appearance",
    "/instances/*/action": "… / Actions and Motion",
    "/instances/*/position/text": "… / Position",
    "/background": "Structural Description / Background Detail",
    "/camera/description": "Structural Description / Camera Movement",
    "/camera/shot_type": "… / Camera Movement, its last sentence",
    "/camera/shot_angle": "… / Camera Movement, its last sentence",
    "/camera/shot_position": "… / Camera Movement, its last sentence",
}


def write(caption: Caption) -> dict[str, Any]:
    """Instances beyond the third are left out."""
    video = caption.video
    return {
        "Video": (video.path or video.id) if video else "",
        "Global Description": caption.global_description,
        "Structural Description": {
            "Main Instance": {
                f"No.{number}": {
                    "Class": one.class_,
                    "Appearance": one.appearance,
                    "Actions and Motion": one.action,
                    "Position": position_prose(one.position),
                }
                for number, one in enumerate(caption.instances[:MOST_INSTANCES])
            },
            "Background Detail": caption.background,
            "Camera Movement": filming_prose(caption.camera),
        },
    }


def read(fields: Fields) -> Caption:
    """Takes the structural part also where it is not nested."""
    path = fields.text("Video")
    parts = fields.object("Structural Description") if _is_nested(fields) else fields
    found = parts.objects("Main Instance")
    instances = [
        Instance(
            id=number,
            class_=one.text("Class"),
            appearance=one.text("Appearance"),
            action=one.text("Actions and Motion") or one.text("Action"),
            position=read_position(one.text("Position")),
        )
        for number, one in enumerate(found)
    ]
    caption = Caption(
        video=Video.named(path) if path else None,
        global_description=fields.text("Global Description"),
        instances=instances,
        background=parts.text("Background Detail"),
        camera=read_filming(parts.text("Camera Movement")),
    )
    for some in (*found, parts):
        some.close()
    return caption


def _is_nested(fields: Fields) -> bool:
    return fields.has("Structural Description")
