"""What the schema knows of caption formats: who reads and writes them.

``instancecap.formats`` stands above and registers itself here when it is imported.
"""

from __future__ import annotations

import os
from typing import Any, Protocol

from instancecap.errors import UsageError


class Formats(Protocol):
    """All caption formats together."""

    def read_file(self, path: str | os.PathLike[str], /) -> Any:
        """The one caption in a file, whatever its format."""

    def to_format(self, caption: Any, name: str, /) -> dict[str, Any] | str:
        """The caption in the format of that name."""


_registered: list[Formats] = []


def register(formats: Formats) -> None:
    """Make ``formats`` the ones that captions are read and written with."""
    _registered[:] = [formats]


def formats() -> Formats:
    """What was registered. Raises :class:`UsageError` where nothing was."""
    if not _registered:
        raise UsageError(
            "no caption format is registered; import instancecap.formats first, or use ic.Caption"
        )
    return _registered[0]
