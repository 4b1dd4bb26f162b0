"""Where results go: a folder of JSON files, one ``.jsonl``, or a ``.parquet`` folder of shards."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from instancecap.engine.ledger import private_folder
from instancecap.engine.tables import JsonLinesSink, ParquetSink
from instancecap.errors import OutputError, UsageError
from instancecap.schema.base import write_whole

MAX_COMPONENT = 255
"""Bytes that a file's own name may have on the file systems in use."""


class Sink(Protocol):
    """Takes finished documents in any order; :meth:`finish` makes tables appear at the end.

    Attributes:
        private: the folder for the run's own notes.
        folds_names: the file system written to takes ``a`` and ``A`` for one name.
    """

    private: Path
    folds_names: bool

    def put(self, name: str, text: str) -> str:
        """Keep a document; returns the path it can be found at. Raises :class:`OutputError`."""

    def get(self, name: str) -> str | None:
        """The document that an earlier run wrote under this name; None where there is none."""

    def has(self, name: str) -> bool:
        """Whether there is a document of this name."""

    def forget(self) -> None:
        """Start without what earlier runs wrote, as far as it lies in one file."""

    def finish(self, names: Iterable[str]) -> list[str]:
        """Make the outputs of these names appear, in this order; returns the paths."""

    def close(self) -> None:
        """Give back what is open. What was put is kept."""


def open_sink(out: str, *, shard: str = "") -> Sink:
    """The sink that OUT names. Raises :class:`UsageError` if nothing can be written there.

    ``shard`` names this run's part of a table that several runs write.
    """
    if not out:
        raise UsageError("--out is empty: name a folder, a .jsonl file or a .parquet folder")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return JsonLinesSink(path.with_name(f"{path.stem}-{shard}.jsonl") if shard else path)
    if suffix == ".parquet":
        return ParquetSink(path, shard=shard)
    if suffix == ".json" and not path.is_dir():
        raise UsageError(f"--out {out}: OUT is a folder, a .jsonl file or a .parquet folder")
    return FolderSink(path)


def require_writable(folder: Path, *, option: str = "--out") -> None:
    """Make ``folder`` and write to it for a try. Raises :class:`UsageError` where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "there is a file of that name" if folder.is_file() else error.strerror
        raise UsageError(f"{option} {folder}: cannot be written: {reason}") from error


class FolderSink:
    """``NAME.json`` for each document, as soon as it is done."""

    def __init__(self, folder: Path) -> None:
        require_writable(folder)
        self.folder = folder
        self.private = private_folder(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".case-", suffix=".part") as probe:
            self.folds_names = os.path.exists(folder / os.path.basename(probe.name).swapcase())

    def path(self, name: str) -> Path:
        """The file of a document."""
        return self.folder / f"{name}.json"

    def put(self, name: str, text: str) -> str:
        """Write the document's own file."""
        path = self.path(name)
        for part in Path(f"{name}.json").parts:
            _check_length(name, part)
        write_whole(path, text + "\n")
        return str(path)

    def get(self, name: str) -> str | None:
        """The text of the document's file."""
        try:
            return self.path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def has(self, name: str) -> bool:
        """Whether the document's file is there."""
        return self.path(name).exists()

    def finish(self, names: Iterable[str]) -> list[str]:
        """The files of these names; each was there as soon as it was put."""
        return [str(path) for path in map(self.path, names) if path.exists()]

    def forget(self) -> None:
        """Every file is replaced on its own."""

    def close(self) -> None:
        """Nothing is open."""

    def sweep(self) -> None:
        """Remove what a killed run left: hidden files of :func:`write_whole` and no others."""
        for root, _, names in os.walk(self.folder):
            for name in names:
                if name.startswith(".") and name.endswith(".json.part"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(root, name))


def _check_length(name: str, part: str) -> None:
    excess = len(os.fsencode(f".{part}.part")) - MAX_COMPONENT
    if excess > 0:
        raise OutputError(
            f"{name}: the output's name is {excess} bytes too long for a file; "
            "give a shorter id in a manifest"
        )
