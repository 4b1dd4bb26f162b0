"""Tables that tests run through, kept as data beside them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any


def cases(test_file: str, name: str) -> list[Any]:
    """The rows of a table in the ``cases.toml`` beside a test, lists of a row as tuples."""
    tables = tomllib.loads(Path(test_file).with_name("cases.toml").read_text(encoding="utf-8"))
    return [_frozen(row) for row in tables[name]]


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
