"""When evidence is sure enough to support or to contradict: ``thresholds.toml``, by name."""

from __future__ import annotations

import tomllib
from importlib.resources import files


class _Limits:
    """The numbers as attributes: ``LIMITS.trusted``."""

    def __init__(self) -> None:
        text = (files(__package__) / "thresholds.toml").read_text("utf-8")
        self.__dict__.update(tomllib.loads(text))

    def __getattr__(self, name: str) -> float:
        raise AttributeError(f"thresholds.toml has no {name}")


LIMITS = _Limits()
