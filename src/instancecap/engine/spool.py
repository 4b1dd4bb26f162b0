"""Documents of a table that is not whole yet."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path

from instancecap.errors import OutputError


class Spool:
    """Finished documents by name, in a file that only grows, so that a crash loses none.

    A line is a name and a document, both JSON, parted by a tab. Of two with one name the later
    one counts; a torn last line, left by a crash, is cut off.
    """

    def __init__(self, folder: Path, *, shard: str = "") -> None:
        self.path = folder / (f"spool-{shard}" if shard else "spool")
        self._places: dict[str, tuple[int, int]] = {}
        # Unbuffered: a full disk is noticed by the document that does not fit, and by no other.
        self._file = open(self.path, "a+b", buffering=0)  # noqa: SIM115
        self._load()

    def _load(self) -> None:
        self._file.seek(0)
        end = 0
        with open(self.path, "rb") as file:
            for line in file:
                name, tab, _ = line.partition(b"\t")
                if not line.endswith(b"\n"):
                    self._file.truncate(end)
                    break
                with suppress(ValueError):  # a damaged line costs its own document
                    key = json.loads(name) if tab else None
                    if isinstance(key, str):
                        self._places[key] = end + len(name) + 1, len(line) - len(name) - 2
                end += len(line)

    def put(self, name: str, text: str) -> None:
        """Keep a document. Raises :class:`OutputError`, and keeps nothing of it, where it fails."""
        key = json.dumps(name).encode() + b"\t"
        document = json.dumps(json.loads(text), ensure_ascii=False).encode()
        start = self._file.seek(0, os.SEEK_END)
        try:
            left = memoryview(key + document + b"\n")
            while left:  # the last bytes that fit are written first; the error comes after
                left = left[self._file.write(left) :]
        except OSError as error:
            self._file.truncate(start)
            raise OutputError(f"{name}: cannot be written: {error.strerror}") from error
        self._places[name] = start + len(key), len(document)

    def get(self, name: str) -> bytes:
        """The document of a name that is held."""
        start, length = self._places[name]
        self._file.seek(start)
        return self._file.read(length)

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        """Close the file; it stays."""
        self._file.close()
