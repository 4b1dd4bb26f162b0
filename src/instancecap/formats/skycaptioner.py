"""SkyCaptioner-V1: the structural caption of SkyReels-V2 (arXiv 2504.13074)."""

from __future__ import annotations

import re
from typing import Any, get_args

from instancecap.formats.fields import Fields, find_word
from instancecap.formats.prose import (
    camera_prose,
    position_prose,
    read_camera,
    read_position,
)
from instancecap.schema.caption import Caption, Instance
from instancecap.schema.vocabulary import Category, ShotAngle, ShotPosition, ShotType

HOLDS = {
    "/instances/*/category": "subjects / TYPES / type",
    "/instances/*/subcategory": "subjects / TYPES / sub_type, the class where it is empty",
    "/instances/*/appearance": "subjects / appearance",
    "/instances/*/action": "subjects / action",
    "/instances/*/expression": "subjects / expression",
    "/instances/*/position/text": "subjects / position",
    "/instances/*/is_main": "subjects / is_main_subject",
    "/camera/shot_type": "shot_type",
    "/camera/shot_angle": "shot_angle; overhead becomes high_angle",
    "/camera/shot_position": "shot_position",
    "/camera/description": "camera_motion",
    "/background": "environment",
    "/lighting": "lighting",
}

CATEGORIES = {
    **dict.fromkeys(("person", "people", "humans", "man", "woman", "child"), "human"),
    **dict.fromkeys(("animals", "pet", "bird", "insect"), "animal"),
    **dict.fromkeys(("vehicles", "transport", "transportation"), "vehicle"),
    **dict.fromkeys(("plants", "flower", "tree"), "plant"),
    **dict.fromkeys(("foods", "drink", "food_and_drink"), "food"),
    **dict.fromkeys(("buildings", "architecture"), "building"),
    **dict.fromkeys(("electronic", "device", "electronic_device"), "electronics"),
    **dict.fromkeys(("natural_scenery", "nature", "landscape", "scene"), "scenery"),
    **dict.fromkeys(("clothes", "accessory"), "clothing"),
    **dict.fromkeys(("object", "objects", "thing", "others"), "other"),
}
SHOT_TYPES = {
    **dict.fromkeys(("closeup", "close", "head_shot"), "close_up"),
    **dict.fromkeys(("extreme_closeup", "big_close_up", "macro_shot"), "extreme_close_up"),
    **dict.fromkeys(("medium_close_up", "medium_closeup", "mid_shot", "waist_shot"), "medium_shot"),
    **dict.fromkeys(("medium_long_shot", "medium_full_shot", "american_shot"), "full_shot"),
    **dict.fromkeys(
        ("wide_shot", "extreme_long_shot", "extreme_wide_shot", "establishing_shot"), "long_shot"
    ),
}
SHOT_ANGLES = {
    **dict.fromkeys(("eye_level_angle", "eyelevel", "eye_level_shot", "straight_on"), "eye_level"),
    **dict.fromkeys(("high", "high_angle_shot"), "high_angle"),
    **dict.fromkeys(("low", "low_angle_shot"), "low_angle"),
    **dict.fromkeys(("overhead_angle", "top_down", "birds_eye", "bird_s_eye_view"), "overhead"),
}
SHOT_POSITIONS = {
    **dict.fromkeys(("front", "frontal", "frontal_view"), "front_view"),
    **dict.fromkeys(("back", "rear", "rear_view"), "back_view"),
    **dict.fromkeys(("side", "profile", "profile_view"), "side_view"),
    **dict.fromkeys(("ots", "over_the_shoulder_view"), "over_the_shoulder"),
    **dict.fromkeys(("pov", "pov_shot", "point_of_view_shot", "first_person"), "point_of_view"),
    **dict.fromkeys(("aerial", "drone_view", "drone_shot"), "aerial_view"),
    **dict.fromkeys(("overhead", "top_view", "top_down"), "overhead_view"),
}


def write(caption: Caption) -> dict[str, Any]:
    """The global description, the video and what lies in time are left out."""
    camera = caption.camera
    return {
        "subjects": [
            {
                "TYPES": {
                    "type": one.category.replace("_", " ").capitalize(),
                    "sub_type": one.subcategory or one.class_,
                },
                "appearance": one.appearance,
                "action": one.action,
                "expression": one.expression,
                "position": position_prose(one.position),
                "is_main_subject": one.is_main,
            }
            for one in caption.instances
        ],
        "shot_type": camera.shot_type,
        "shot_angle": "high_angle" if camera.shot_angle == "overhead" else camera.shot_angle,
        "shot_position": camera.shot_position,
        "camera_motion": camera_prose(camera),
        "environment": caption.background,
        "lighting": caption.lighting,
    }


def read(fields: Fields) -> Caption:
    """``Woman`` becomes the class ``woman``, and the subcategory as it is written."""
    instances = []
    for number, one in enumerate(fields.objects("subjects")):
        types = one.object("TYPES") if one.has("TYPES") else one
        category, kind = _category(types), types.text("sub_type")
        instances.append(
            Instance(
                id=number,
                class_=noun(kind) or category.replace("_", " "),
                category=category,
                subcategory=kind,
                is_main=one.flag("is_main_subject"),
                appearance=one.text("appearance"),
                action=one.text("action"),
                expression=one.text("expression"),
                position=read_position(one.text("position")),
            )
        )
        types.close()
        one.close()
    camera = read_camera(fields.text("camera_motion"))
    camera.shot_type = fields.word("shot_type", get_args(ShotType), SHOT_TYPES)
    camera.shot_angle = fields.word("shot_angle", get_args(ShotAngle), SHOT_ANGLES)
    camera.shot_position = fields.word("shot_position", get_args(ShotPosition), SHOT_POSITIONS)
    return Caption(
        video=None,
        instances=instances,
        background=fields.text("environment"),
        lighting=fields.text("lighting"),
        camera=camera,
    )


def noun(text: str) -> str:
    """``Woman`` as ``woman``; a text that is written otherwise stays."""
    return text.casefold() if re.fullmatch(r"[A-Z][a-z]+(?:[ -][A-Za-z][a-z]+)*", text) else text


def _category(types: Fields) -> Any:
    text = types.text("type")
    found = find_word(text, get_args(Category), CATEGORIES)
    if text.strip() and not found:
        types.warn(f"subject type {text!r:.60} is taken for 'other'")
        return "other"
    return found
