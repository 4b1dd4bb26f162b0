"""COCO's 80 classes in the order that detectors output them, and our category for each."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import cast

from instancecap.schema.vocabulary import Category

with (files(__package__) / "coco.csv").open(encoding="utf-8") as _file:
    _ROWS = list(csv.DictReader(_file))

CATEGORIES: dict[str, Category] = {row["class"]: cast(Category, row["category"]) for row in _ROWS}

CLASSES: tuple[str, ...] = tuple(CATEGORIES)

_NUMBERS = {row[name]: index for index, row in enumerate(_ROWS) for name in ("class", "also")}


def class_number(label: str) -> int | None:
    """The place in :data:`CLASSES` of what a detector calls ``label``; None for no class of COCO.

    Lists of COCO's classes differ in some names, such as *sofa* for *couch*.
    """
    return _NUMBERS.get(" ".join(label.lower().replace("_", " ").split()) or "-")


MOVABLE = frozenset(
    name for name, category in CATEGORIES.items() if category in ("human", "animal", "vehicle")
) | {"sports ball", "frisbee", "kite", "skateboard", "surfboard", "skis", "snowboard"}
"""Classes that move by themselves or with a person: a thing of any other class stays put."""
