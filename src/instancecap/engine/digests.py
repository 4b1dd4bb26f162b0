"""Short hashes: of settings, and of documents as they stand in an output."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from instancecap.version import __version__


def fingerprint(**settings: Any) -> str:
    """Of settings and of the version of this package."""
    text = json.dumps([__version__, settings], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of(value: Any) -> str:
    """Of a caption as it stands in an output, however it is indented or its keys are ordered."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
