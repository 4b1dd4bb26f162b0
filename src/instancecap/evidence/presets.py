"""Which models by hub id the presets of experts need."""

from __future__ import annotations

from instancecap.evidence.cameras import SIZES
from instancecap.evidence.choice import PRESETS
from instancecap.models.hub import KNOWN, HubModel

SHORT = {**SIZES, "cotracker3": "facebook/cotracker3"}
"""Hub ids of experts that have a shorter name."""


def preset_models() -> dict[str, list[HubModel]]:
    """Each preset's models by hub id, those that it needs any of; a model of two experts once."""
    found = {}
    for preset, names in PRESETS.items():
        ids = dict.fromkeys(SHORT.get(name, name) for name in names.values())
        if models := [KNOWN[id] for id in ids if id in KNOWN]:
            found[preset] = models
    return found
