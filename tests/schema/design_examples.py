"""The two documents of the design, as a person would write them."""

from __future__ import annotations

from typing import Any

TRACK = [{"t": 0.4, "box": [0.56, 0.43, 0.62, 0.48], "score": 0.74}]
VIDEO = {
    "id": "rally.mp4",
    "path": "clips/rally.mp4",
    "start": 0.0,
    "end": 2.76,
    "duration": 2.76,
    "fps": 25.0,
    "width": 640,
    "height": 360,
    "frames": 70,
}
CAPTION: dict[str, Any] = {
    "schema": "instancecap.caption/1",
    "video": VIDEO,
    "global_description": "A car crosses a dirt road from the center to the right and leaves.",
    "instances": [
        {
            "id": 0,
            "name": "the white car",
            "class": "car",
            "category": "vehicle",
            "subcategory": "car",
            "is_main": True,
            "count": 1,
            "appearance": "…",
            "action": "…",
            "expression": "",
            "colors": ["white", "blue"],
            "position": {
                "text": "from the center to the right edge, then leaves the frame",
                "start": "center-middle",
                "end": "center-right",
                "enters": False,
                "leaves": True,
            },
            "track": TRACK,
        }
    ],
    "background": "…",
    "place": "outdoor",
    "lighting": "…",
    "time_of_day": "day",
    "style": "real",
    "camera": {
        "motion": ["static"],
        "speed": "",
        "stability": "stable",
        "description": "…",
        "shot_type": "long_shot",
        "shot_angle": "eye_level",
        "shot_position": "front_view",
    },
    "texts": [{"text": "WRC", "t": 0.0, "box": [0.2, 0.84, 0.26, 0.88]}],
    "shots": [
        {
            "start": 0.0,
            "end": 2.76,
            "transition": "start",
            "motion": ["static"],
            "shot_type": "long_shot",
        }
    ],
    "segments": [{"start": 0.0, "end": 2.0, "description": "…", "instances": [0]}],
    "claims": [
        {
            "field": "/instances/0/position",
            "says": "moves right",
            "support": "measured",
            "confidence": 0.9,
            "frames": [0.4, 2.3],
        }
    ],
    "provenance": {
        "/instances/0/class": {
            "source": "yolox-nano",
            "confidence": 0.79,
            "support": "measured",
            "frames": [0.4, 0.8],
        }
    },
    "warnings": [],
    "producer": {
        "name": "instancecap",
        "version": "0.1.0",
        "captioner": "measured",
        "mode": "",
        "models": {"detector": "yolox-nano"},
        "prompts": "",
        "seed": 0,
    },
}
EVIDENCE: dict[str, Any] = {
    "schema": "instancecap.evidence/1",
    "video": {
        **VIDEO,
        "rotation": 0,
        "start_pts": 0.0,
        "codec": "h264",
        "pixel_format": "yuv420p",
        "frames_read": 70,
    },
    "shots": [{"start": 0.0, "end": 2.76, "transition": "start"}],
    "camera": {
        "motion": ["static"],
        "stability": "stable",
        "segments": [{"start": 0.0, "end": 2.76, "motion": ["static"]}],
        "path": [{"t": 0.1, "dx": 0.0, "dy": 0.0, "zoom": 1.0, "roll": 0.0, "inliers": 0.98}],
    },
    "instances": [
        {
            "id": 0,
            "class": "car",
            "confidence": 0.79,
            "salience": 0.6,
            "colors": [["white", 0.5], ["blue", 0.3]],
            "track": TRACK,
            "masks": [{"t": 0.4, "size": [360, 640], "counts": "…"}],
            "enters": False,
            "leaves": True,
            "motion": {"moving": True, "direction": "right", "speed": 0.2, "scale_change": 5.1},
        }
    ],
    "faces": [],
    "light": {},
    "place": {},
    "framing": {},
    "texts": [],
    "timings": {"decode": 0.2, "total": 0.5},
}
