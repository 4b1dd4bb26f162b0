"""Phrase tables as CSV files: ``table,word,phrase``, a row a word."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping
from importlib.resources import files
from typing import Protocol

FEW = 3
"""Instances of a group that are counted; a larger one is *a group*."""


class Named(Protocol):
    """What tells an instance from others; see :class:`~.content_selection.Name`."""

    @property
    def class_(self) -> str: ...
    @property
    def count(self) -> int: ...
    @property
    def side(self) -> str: ...
    @property
    def number(self) -> int: ...


def read_tables(language: str) -> Mapping[str, Mapping[str, str]]:
    """The tables of a language by name, each a phrase by word of the schema."""
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    with (files(__package__) / f"{language}.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            tables[row["table"]][row["word"]] = row["phrase"]
    return tables
