"""A short hash of settings."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from instancecap.version import __version__


def fingerprint(**settings: Any) -> str:
    """Of settings and of the version of this package."""
    text = json.dumps([__version__, settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
