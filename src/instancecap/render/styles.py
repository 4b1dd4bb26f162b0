"""The orders in which families of models want their prompts: ``styles.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

JSON = "json"
"""The style of the one target whose prompt is no paragraph."""


@dataclass(frozen=True, slots=True)
class Style:
    """How a paragraph is put together: its parts, first to last."""

    order: tuple[str, ...]


@cache
def styles() -> dict[str, Style]:
    """Every style of prose, by name."""
    text = files("instancecap.render").joinpath("styles.toml").read_text(encoding="utf-8")
    return {name: Style(tuple(one["order"])) for name, one in tomllib.loads(text).items()}


def style_names() -> tuple[str, ...]:
    """The names that a target may give as its style."""
    return (*styles(), JSON)
