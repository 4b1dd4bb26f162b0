"""Where results go: a folder of JSON files, one ``.jsonl``, or a ``.parquet`` folder of shards."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from instancecap.engine.ledger import private_folder
from instancecap.errors import OutputError, UsageError
from instancecap.formats import check_format, to_format
from instancecap.io.remote import is_url, strip_file_scheme
from instancecap.io.remote_tables import RemoteSink
from instancecap.io.table_outputs import OURS, JsonLinesSink, ParquetSink
from instancecap.schema import Caption
from instancecap.schema.base import write_whole

MAX_COMPONENT = 255
"""Bytes that a file's own name may have on the file systems in use."""

SETTLED = 60.0
"""Seconds after which a hidden, half-written file is no run's any more."""


class Sink(Protocol):
    """Takes finished documents in any order; :meth:`finish` makes tables appear at the end.

    Attributes:
        private: the folder for the run's own notes.
        folds_names: the file system written to takes ``a`` and ``A`` for one name.
        piecewise: each document appears by itself, not with all others at the end.
        format: of the captions that appear; what is put is always our own.
    """

    private: Path
    folds_names: bool
    piecewise: bool
    format: str

    def sweep(self) -> None:
        """Remove what a killed run left half-written."""

    def put(self, name: str, text: str) -> str:
        """Keep a document; returns the path it can be found at.

        Raises:
            OutputError: it cannot be written.
            FormatError: the format cannot say it.
        """

    def get(self, name: str) -> str | None:
        """Our own document that an earlier run put under this name; None where none is kept."""

    def has(self, name: str) -> bool:
        """Whether there is a document of this name."""

    def forget(self) -> None:
        """Start without what earlier runs wrote, as far as it lies in one file."""

    def finish(self, names: Iterable[str]) -> list[str]:
        """Make the outputs of these names appear, in this order; returns the paths."""

    def close(self) -> None:
        """Give back what is open. What was put is kept."""


def open_sink(out: str, *, shard: str = "", format: str = OURS) -> Sink:
    """The sink that OUT names. Raises :class:`UsageError` if nothing can be written there.

    ``shard`` names this run's part of a table that several runs write; ``format`` is one of
    :data:`instancecap.formats.FORMATS`.
    """
    check_format(format, option="--format")
    if is_url(out := strip_file_scheme(out)):
        return RemoteSink(out, shard=shard, format=format)
    if not out:
        raise UsageError("--out is empty: name a folder, a .jsonl file or a .parquet folder")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        part = path.with_name(f"{path.stem}-{shard}.jsonl") if shard else path
        return JsonLinesSink(part, format=format)
    if suffix == ".parquet":
        if format != OURS:
            raise UsageError(
                f"--format {format}: a .parquet has our own columns; choose a folder or a .jsonl, "
                f"or convert it afterwards: instancecap convert {out} --to {format}"
            )
        return ParquetSink(path, shard=shard)
    if suffix == ".json" and not path.is_dir():
        raise UsageError(f"--out {out}: OUT is a folder, a .jsonl file or a .parquet folder")
    return FolderSink(path, shared=bool(shard), format=format)


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
    """``NAME.json`` for each document, or ``NAME.txt`` where it is text, as soon as it is done.

    ``shared``: other runs may be writing their parts into the folder.
    """

    piecewise = True

    def __init__(self, folder: Path, *, shared: bool = False, format: str = OURS) -> None:
        require_writable(folder)
        self.folder, self.format = folder, format
        self._suffix = ".txt" if format == "text" else ".json"
        self._settled = SETTLED if shared else 0.0
        self.private = private_folder(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".case-", suffix=".part") as probe:
            self.folds_names = os.path.exists(folder / os.path.basename(probe.name).swapcase())

    def path(self, name: str) -> Path:
        """The file of a document."""
        return self.folder / f"{name}{self._suffix}"

    def put(self, name: str, text: str) -> str:
        """Write the document's own file."""
        path = self.path(name)
        for part in Path(f"{name}{self._suffix}").parts:
            _check_length(name, part)
        if self.format != OURS:
            plain = to_format(Caption.from_json(text), self.format)
            text = plain if isinstance(plain, str) else json.dumps(
                plain, ensure_ascii=False, indent=2
            )  # fmt: skip
        write_whole(path, text + "\n")
        return str(path)

    def get(self, name: str) -> str | None:
        """The text of the document's file; other formats hold too little to go on with."""
        if self.format != OURS:
            return None
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
        """Remove what a killed run left: hidden files of :func:`write_whole`, and of the cache."""
        now = time.time()
        for root, _, names in os.walk(self.folder):
            private = Path(root).is_relative_to(self.private)
            for name in names:
                if private:
                    left = name.endswith(".part") and ".gz." in name
                else:
                    left = name.startswith(".") and name.endswith(f"{self._suffix}.part")
                path = os.path.join(root, name)
                with contextlib.suppress(OSError):
                    if left and now - os.stat(path).st_mtime >= self._settled:
                        os.unlink(path)


def _check_length(name: str, part: str) -> None:
    excess = len(os.fsencode(f".{part}.part")) - MAX_COMPONENT
    if excess > 0:
        raise OutputError(
            f"{name}: the output's name is {excess} bytes too long for a file; "
            "give a shorter id in a manifest"
        )
