"""COCO's 80 classes in the order that detectors output them, and our category for each."""

from __future__ import annotations

from instancecap.schema.vocabulary import Category

CATEGORIES: dict[str, Category] = {
    "person": "human",
    **dict.fromkeys(
        ("bicycle car motorcycle airplane bus train truck boat").split(), "vehicle"
    ),
    "traffic light": "other",
    "fire hydrant": "other",
    "stop sign": "other",
    "parking meter": "other",
    "bench": "furniture",
    **dict.fromkeys(
        "bird cat dog horse sheep cow elephant bear zebra giraffe".split(), "animal"
    ),
    "backpack": "clothing",
    "umbrella": "household",
    "handbag": "clothing",
    "tie": "clothing",
    "suitcase": "household",
    "frisbee": "sport_equipment",
    "skis": "sport_equipment",
    "snowboard": "sport_equipment",
    "sports ball": "sport_equipment",
    "kite": "sport_equipment",
    "baseball bat": "sport_equipment",
    "baseball glove": "sport_equipment",
    "skateboard": "sport_equipment",
    "surfboard": "sport_equipment",
    "tennis racket": "sport_equipment",
    **dict.fromkeys(("bottle|wine glass|cup|fork|knife|spoon|bowl").split("|"), "household"),
    **dict.fromkeys(
        "banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake".split("|"), "food"
    ),
    "chair": "furniture",
    "couch": "furniture",
    "potted plant": "plant",
    "bed": "furniture",
    "dining table": "furniture",
    "toilet": "furniture",
    **dict.fromkeys(
        "tv|laptop|mouse|remote|keyboard|cell phone|microwave|oven|toaster".split("|"),
        "electronics",
    ),
    "sink": "furniture",
    "refrigerator": "electronics",
    **dict.fromkeys("book|clock|vase|scissors|teddy bear".split("|"), "household"),
    "hair drier": "electronics",
    "toothbrush": "household",
}  # type: ignore[assignment]

CLASSES: tuple[str, ...] = tuple(CATEGORIES)

MOVABLE = frozenset(
    name for name, category in CATEGORIES.items() if category in ("human", "animal", "vehicle")
) | {"sports ball", "frisbee", "kite", "skateboard", "surfboard", "skis", "snowboard"}
"""Classes that move by themselves or with a person: the camera's motion is not read off them."""
