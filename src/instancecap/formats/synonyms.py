"""Other names of the vocabularies' words, as captions of others have them (``synonyms.csv``)."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def synonyms(field: str) -> Mapping[str, str]:
    """The word of a vocabulary by its other names, which are written with underscores."""
    with (files(__package__) / "synonyms.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["field"] == field]
    return {name: row["word"] for row in rows for name in row["names"].split()}
