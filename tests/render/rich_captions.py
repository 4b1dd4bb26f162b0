"""Captions and texts as language models write them, and captions of measured facts."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from instancecap.schema.caption import Caption

_HERE = Path(__file__).parent
RICH: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((_HERE / "captions").glob("*.json"))
}
"""Captions with prose in every field."""

_TEXTS = tomllib.loads((_HERE / "free_text.toml").read_text(encoding="utf-8"))
LOOKS, ACTIONS = ([tuple(one) for one in _TEXTS[name]] for name in ("looks", "actions"))
"""Texts, each as its sentences."""
COUNTS: dict[str, dict[str, int]] = _TEXTS["counts"]


def rich(name: str) -> Caption:
    """One of the captions above."""
    return Caption.model_validate(RICH[name])


def caption_of(*instances: dict[str, Any], **fields: Any) -> Caption:
    """A caption of these instances, people where nothing else is said."""
    listed = [{"id": index, "class": "person", **one} for index, one in enumerate(instances)]
    return Caption.model_validate({"video": None, "instances": listed, **fields})


def measured(*instances: dict[str, Any], **fields: Any) -> Caption:
    """As :func:`caption_of`, every leaf of it measured by this project."""
    caption = caption_of(*instances, **fields)
    entry = {"source": "tracker", "confidence": 0.9, "support": "measured"}
    document = caption.model_dump(mode="json")
    document["provenance"] = dict.fromkeys(caption.leaves(), entry)
    return Caption.model_validate(document)
