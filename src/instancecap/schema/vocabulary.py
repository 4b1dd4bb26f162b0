"""The closed vocabularies of the caption schema, each a type and (through ``get_args``) a list.

An empty string is always allowed where a single word is expected: it means *not known*.
"""

from __future__ import annotations

from typing import Literal

Primitive = Literal[
    "static", "pan_left", "pan_right", "tilt_up", "tilt_down", "roll_cw", "roll_ccw", "zoom_in",
    "zoom_out", "move_in", "move_out", "move_left", "move_right", "move_up", "move_down", "arc_cw",
    "arc_ccw", "tracking", "shaky",
]  # fmt: skip
"""Camera movements; directions are the camera's: ``pan_right`` makes the background move left."""

Cell = Literal[
    "top-left", "top-middle", "top-right", "center-left", "center-middle", "center-right",
    "bottom-left", "bottom-middle", "bottom-right",
]  # fmt: skip
"""A cell of the 3×3 grid of equal thirds: row, then column."""

Category = Literal[
    "human", "animal", "vehicle", "plant", "food", "building", "furniture", "electronics",
    "sport_equipment", "household", "clothing", "scenery", "text", "other",
]  # fmt: skip
ShotType = Literal["extreme_close_up", "close_up", "medium_shot", "full_shot", "long_shot", "other"]
ShotAngle = Literal["eye_level", "high_angle", "low_angle", "overhead", "other"]
ShotPosition = Literal[
    "front_view", "back_view", "side_view", "over_the_shoulder", "overhead_view", "point_of_view",
    "aerial_view", "overlooking_view", "other",
]  # fmt: skip
Place = Literal["indoor", "outdoor", "unknown"]
Style = Literal["real", "animation", "graphics", "unknown"]
TimeOfDay = Literal["day", "night", "dawn_or_dusk"]
Speed = Literal["slow", "moderate", "fast"]
Stability = Literal["stable", "handheld", "shaky"]
Transition = Literal["start", "cut", "dissolve", "fade"]
Sound = Literal["none", "silent", "audible"]
"""``none``: there is no sound track; ``silent``: there is one, and nothing is heard in it."""

Intensity = Literal["slight", "clear", "strong"]
"""How strongly a face shows something."""

PoseWord = Literal["standing", "sitting", "walking", "lying", "arms_raised", "arm_raised"]
"""What a body is seen to do, by its joints; ``arm_raised``: one, and the other is not."""

Support = Literal["measured", "supported", "contradicted", "unchecked"]
ClaimSupport = Literal[Support, "disputed"]
"""A claim is ``disputed`` where a measurement that is not sure enough to decide contradicts it."""
Unknown = Literal[""]
