"""Captions as a good language model writes them: prose in every field."""

from __future__ import annotations

from typing import Any

from instancecap.schema.caption import Caption

VIDEO = {
    "id": "park.mp4", "path": "park.mp4", "start": 0.0, "end": 5.0, "duration": 5.0, "fps": 24.0,
    "width": 1280, "height": 720, "frames": 120,
}  # fmt: skip

PARK: dict[str, Any] = {
    "video": VIDEO,
    "global_description": "A woman in a red coat walks her dog through a snowy park.",
    "instances": [
        {
            "id": 0, "class": "person", "category": "human", "is_main": True,
            "appearance": "A young woman with long dark hair in a red coat. She wears black boots "
            "and a gray knitted scarf.",
            "action": "The woman walks slowly along the path, holding a leash in her right hand. "
            "She then stops and looks down at the dog.",
            "expression": "a gentle smile",
            "position": {"text": "on the left side of the frame"},
        },
        {
            "id": 1, "class": "dog", "category": "animal",
            "appearance": "A small brown dog with a white chest",
            "action": "Trotting ahead of the woman and sniffing at the snow.",
            "position": {"text": "from the center of the frame to the right", "start":
            "center-middle", "end": "center-right"},
        },
    ],
    "background": "A snowy park with bare trees and a frozen pond. Two benches stand beside the "
    "path.",
    "place": "outdoor", "time_of_day": "day", "style": "real",
    "lighting": "Soft overcast daylight with faint shadows.",
    "camera": {"motion": ["tracking", "pan_right"], "speed": "slow",
    "description": "The camera follows the woman from the side at a steady distance.",
    "shot_type": "full_shot", "shot_angle": "eye_level", "shot_position": "side_view"},
}  # fmt: skip

KITCHEN: dict[str, Any] = {
    "video": {**VIDEO, "id": "kitchen.mp4", "path": "kitchen.mp4"},
    "global_description": "The video shows two men cooking together in a restaurant kitchen.",
    "instances": [
        {
            "id": 4, "class": "person", "category": "human", "is_main": True,
            "appearance": "The older man has a short gray beard and wears a white chef's jacket.",
            "action": "tosses vegetables in a pan over a high flame",
            "expression": "focused",
            "position": {"text": "Center of the frame"},
        },
        {
            "id": 7, "class": "person", "category": "human",
            "appearance": "The younger man wears a black apron over a blue shirt.",
            "action": "is chopping onions on a wooden board",
            "position": {"text": "at the right edge of the frame"},
        },
        {
            "id": 9, "class": "bowl", "category": "household", "count": 3,
            "appearance": "Three steel bowls filled with herbs", "action": "",
            "position": {"text": "in the foreground"},
        },
    ],
    "background": "Stainless steel shelves with stacked plates line the wall.",
    "place": "indoor", "time_of_day": "", "style": "real",
    "lighting": "Warm light comes from lamps above the stove; the corners stay dark.",
    "camera": {"motion": ["zoom_in"], "description": "slow zoom in on the flaming pan",
    "shot_type": "medium_shot", "shot_angle": "low_angle"},
    "texts": [{"text": "EXIT", "t": 1.0, "box": [0.1, 0.1, 0.2, 0.2]}],
}  # fmt: skip

RACE: dict[str, Any] = {
    "video": {**VIDEO, "id": "race.mp4", "path": "race.mp4"},
    "global_description": "A yellow rally car races down a dusty mountain road and skids around "
    "a bend, while spectators cheer from behind a barrier.",
    "instances": [
        {
            "id": 0, "class": "car", "category": "vehicle", "is_main": True,
            "appearance": "yellow rally car with black stripes and the number 17 on its door",
            "action": "Races toward the camera, skids around the bend and throws up a cloud of "
            "dust.",
            "colors": ["yellow", "black"],
            "position": {"text": "The car enters from the top left and leaves at the bottom "
            "right.", "start": "top-left", "end": "bottom-right", "enters": True, "leaves": True},
        },
        {
            "id": 1, "class": "person", "category": "human", "count": 12,
            "appearance": "A crowd of about a dozen spectators in light summer clothes",
            "action": "They cheer and wave flags.", "expression": "excited",
            "position": {"text": "behind a red barrier on the right"},
        },
    ],
    "background": "The background features pine-covered slopes under a clear blue sky.",
    "place": "outdoor", "time_of_day": "day",
    "lighting": "Hard sunlight from the upper left, deep shadows under the trees",
    "camera": {"motion": ["pan_right", "zoom_out"], "speed": "fast",
    "description": "Pans quickly to the right with the car, then zooms out.",
    "shot_type": "long_shot", "shot_angle": "high_angle"},
    "segments": [
        {"start": 0.0, "end": 2.0, "description": "The car races down the straight."},
        {"start": 2.0, "end": 3.5, "description": "It skids around the bend in a cloud of dust."},
        {"start": 3.5, "end": 5.0, "description": "The car disappears behind the crowd."},
    ],
}  # fmt: skip

RICH = {"park": PARK, "kitchen": KITCHEN, "race": RACE}


def rich(name: str) -> Caption:
    """One of the captions above."""
    return Caption.model_validate(RICH[name])


def measured(*instances: dict[str, Any], **fields: Any) -> Caption:
    """A caption of which every leaf was measured by this project."""
    listed = [{"id": index, "class": "person", **one} for index, one in enumerate(instances)]
    caption = Caption.model_validate({"video": None, "instances": listed, **fields})
    entry = {"source": "tracker", "confidence": 0.9, "support": "measured"}
    document = caption.model_dump(mode="json")
    document["provenance"] = dict.fromkeys(caption.leaves(), entry)
    return Caption.model_validate(document)
