"""The orders in which families of models want to be told things: ``styles.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph is put together.

    Attributes:
        order: its parts, first to last.
        shot: where the shot's size, angle and view are told: in ``front`` of the first sentence,
            in a sentence of its ``own``, or as a ``tag``.
    """

    order: tuple[str, ...]
    shot: Literal["front", "own", "tag"]


JSON = "json"
"""The style of the one target whose prompt is no paragraph."""


@cache
def styles() -> dict[str, Style]:
    """Every style of prose, by name."""
    text = files("instancecap.render").joinpath("styles.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return {name: Style(tuple(one["order"]), one["shot"]) for name, one in tables.items()}


def style_names() -> tuple[str, ...]:
    """The names that a target may give as its style."""
    return (*styles(), JSON)
