"""COCO's 80 classes in the order that detectors output them, and our category for each."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import cast

from instancecap.schema.vocabulary import Category

with (files(__package__) / "coco.csv").open(encoding="utf-8") as _file:
    ROWS = list(csv.DictReader(_file))
    """The table; other words for a class are read in :mod:`instancecap.models.classes`."""

CATEGORIES: dict[str, Category] = {row["class"]: cast(Category, row["category"]) for row in ROWS}

CLASSES: tuple[str, ...] = tuple(CATEGORIES)


MOVABLE = frozenset(
    name for name, category in CATEGORIES.items() if category in ("human", "animal", "vehicle")
) | {"sports ball", "frisbee", "kite", "skateboard", "surfboard", "skis", "snowboard"}
"""Classes that move by themselves or with a person: a thing of any other class stays put."""
