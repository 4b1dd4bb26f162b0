"""The two documents of the design, as a person would write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def _read(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
    return value


CAPTION, EVIDENCE = _read("caption.json"), _read("evidence.json")
