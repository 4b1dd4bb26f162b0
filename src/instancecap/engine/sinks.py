"""Outputs on a local disk: a folder of files, a ``.jsonl``, or a ``.parquet`` folder of shards."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from instancecap.engine.ledger import Ledger
from instancecap.engine.object_storage import open_object_store
from instancecap.engine.store import Entry, Sink, Store
from instancecap.errors import FormatError, OutputError, UsageError
from instancecap.formats import check_format, to_format
from instancecap.formats.table_rows import OURS, arrow_schema, flatten, json_line, unflatten
from instancecap.io.addresses import is_url, strip_file_scheme
from instancecap.io.atomic import require_writable, write_whole
from instancecap.io.finder import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from instancecap.io.identity import digest_of
from instancecap.io.inputs import PRIVATE_FOLDER, Job, private_folder
from instancecap.io.table_writers import TableWriter, open_table
from instancecap.io.tables import TABLE_SUFFIXES, read_rows
from instancecap.schema import Caption

STAMP = "table-stamp"
"""File with the size and time of the table's files as this program left them."""

NO_FOLDERS = {".json", ".html", *TABLE_SUFFIXES, *VIDEO_SUFFIXES, *IMAGE_SUFFIXES}
"""Suffixes of which nobody means a folder that is not there yet."""

MAX_COMPONENT = 255
"""Bytes that a file's own name may have on the file systems in use."""

SETTLED = 60.0
"""Seconds after which a hidden, half-written file is no run's any more."""


def open_store(out: str, *, shard: str = "", format: str = OURS) -> Store:
    """The store that OUT names. Raises :class:`UsageError` if nothing can be written there.

    ``shard`` names this run's part of an output that several runs write; ``format`` is one of
    :data:`instancecap.formats.FORMATS`.
    """
    check_format(format, option="--format")
    if is_url(out := strip_file_scheme(out)):
        return open_object_store(out, shard=shard, format=format)
    if not out:
        raise UsageError("--out is empty: name a folder, a .jsonl file or a .parquet folder")
    sink = _open_sink(Path(out), shard=shard, format=format)

    def open_ledger(jobs: Sequence[Job]) -> Ledger:
        ledger = Ledger(sink.private, shard=shard)
        if isinstance(sink, TableSink):
            sink.ledger = ledger
        return ledger

    return Store(sink, open_ledger, cache=str(sink.private / "evidence"))


def _open_sink(path: Path, *, shard: str, format: str) -> FolderSink | TableSink:
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return TableSink(path.with_name(f"{path.stem}-{shard}.jsonl") if shard else path, format)
    if suffix == ".parquet":
        if format != OURS:
            raise UsageError(
                f"--format {format}: a .parquet has our own columns; choose a folder or a .jsonl, "
                f"or convert it afterwards: instancecap convert {path} --to {format}"
            )
        return TableSink(path, format, shard=shard)
    if suffix in NO_FOLDERS and not path.is_dir():
        raise UsageError(f"--out {path}: OUT is a folder, a .jsonl file or a .parquet folder")
    return FolderSink(path, shared=bool(shard), format=format)


class FolderSink(Sink):
    """``NAME.json`` for each document, or ``NAME.txt`` where it is text, as soon as it is done.

    ``shared``: other runs may be writing their parts into the folder.
    """

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
        path = self.path(name)
        for part in Path(f"{name}{self._suffix}").parts:
            _check_length(name, part)
        if self.format == OURS:
            plain = json.loads(text)
        else:
            plain = to_format(Caption.from_json(text), self.format)
            text = plain if isinstance(plain, str) else json.dumps(
                plain, ensure_ascii=False, indent=2
            )  # fmt: skip
        write_whole(path, text + "\n")
        return f"{digest_of(plain)} {_stat(path)}"

    def get(self, name: str) -> str | None:
        if self.format != OURS:
            return None
        try:
            return self.path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def has(self, name: str) -> bool:
        return self.path(name).exists()

    def is_edited(self, name: str, digest: str) -> bool:
        path = self.path(name)
        content, _, stat = digest.partition(" ")
        try:
            if not content or _stat(path) == stat:
                return False
            text = path.read_text(encoding="utf-8")
            return digest_of(json.loads(text) if self._suffix == ".json" else text[:-1]) != content
        except FileNotFoundError:
            return False
        except (OSError, ValueError, RecursionError):
            return True

    def where(self, name: str) -> str:
        return str(self.path(name))

    def finish(self, names: Iterable[str]) -> list[str]:
        """The files of these names; each was there as soon as it was put."""
        return [str(path) for path in map(self.path, names) if path.exists()]

    def sweep(self) -> None:
        now = time.time()
        for root, _, names in os.walk(self.folder):
            private = Path(root).is_relative_to(self.private)
            for name in names:
                if private:
                    left = name.endswith(".gz.part")
                else:
                    left = name.startswith(".") and name.endswith(f"{self._suffix}.part")
                path = os.path.join(root, name)
                with contextlib.suppress(OSError):
                    if left and now - os.stat(path).st_mtime >= self._settled:
                        os.unlink(path)


def _stat(path: Path) -> str:
    """Size and time of change: what a change of the content changes too."""
    status = os.stat(path)
    return f"{status.st_size} {status.st_mtime_ns}"


def _check_length(name: str, part: str) -> None:
    excess = len(os.fsencode(f".{part}.part")) - MAX_COMPONENT
    if excess > 0:
        raise OutputError(
            f"{name}: the output's name is {excess} bytes too long for a file; "
            "give a shorter id in a manifest"
        )


class TableSink(Sink):
    """A ``.jsonl``, or a folder of ``part-00000.parquet`` …, that appears at the end.

    Rows are in the order of the jobs; until then documents wait in the ledger. In a format that
    does not name its video, a line is a row with ``id``, ``path`` and the caption. With ``shard``
    the files of a folder are named ``part-SHARD-00000.parquet``, and those of other shards stay.
    """

    piecewise = False
    ledger: Ledger
    """Of the run that has begun."""

    def __init__(self, path: Path, format: str, *, shard: str = "") -> None:
        self._is_parquet = path.suffix.lower() == ".parquet"
        if self._is_parquet:
            _check_replaceable(path)
        elif path.is_dir():
            raise UsageError(f"--out {path}: a folder of that name is in the way of the .jsonl")
        self.path, self.format = path, format
        self._prefix = f"part-{shard}-" if shard else "part-"
        self.private = private_folder(path)
        require_writable(path.parent)
        require_writable(self.private)
        self._edits: dict[str, Any] = {}  # rows that a person changed or wrote, as they stand
        self._strays: dict[str, None] = {}

    def put(self, name: str, text: str) -> str:
        row = self._row(text)
        self.ledger.put_document(name, text)
        self._edits.pop(name, None)
        return digest_of(row)

    def get(self, name: str) -> str | None:
        return self.ledger.find_document(name)

    def has(self, name: str) -> bool:
        return self.ledger.has_document(name)

    def find_edits(self, entries: Iterable[Entry]) -> None:
        """Compare the table's rows with what was written, where its files have changed since.

        Rows that nobody knows of are a person's too, and stay at the end of the table. Such rows
        stay as they are until a document is put in their place.
        """
        try:
            left = json.loads((self.private / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        self._strays = dict.fromkeys(left["strays"])
        if not self.path.exists() or left["files"] == self._files():
            self._edits = left["edits"]
            return
        written = {
            entry.name + part: entry.digests.get(part, "")
            for entry in entries
            for part in entry.parts
        }
        digests, changed = set(written.values()), list[Any]()
        try:
            for row in chain.from_iterable(map(read_rows, map(str, self._parts()))):
                if row.error:
                    raise FormatError(f"{self.path}: {row.where}: {row.error}")
                if digest_of(row.value) not in digests:
                    changed.append(row.value)
        except FormatError as error:
            raise UsageError(f"{error}; mend the table, or choose another --out") from error
        names = self._names_of(changed, written)
        self._edits = dict(zip(names, changed, strict=True))
        self._strays |= dict.fromkeys(names)

    def _files(self) -> dict[str, str]:
        """Size and time of change of the table's files."""
        return {path.name: _stat(path) for path in self._parts()}

    def _parts(self) -> list[Path]:
        if not self._is_parquet:
            return [self.path]
        found = sorted(self.path.glob(f"{self._prefix}*.parquet"))
        return [one for one in found if one.stem.count("-") == self._prefix.count("-")]

    def is_edited(self, name: str, digest: str) -> bool:
        return name in self._edits

    def current(self, name: str) -> str | None:
        return self._document(self._edits[name]) if name in self._edits else self.get(name)

    def where(self, name: str) -> str:
        return f"{self.path}: {name}"

    def finish(self, names: Iterable[str]) -> list[str]:
        """Write the table with the documents of these names, unless there is none."""
        try:
            table = self._open()
            try:
                for row in self._rows(names):
                    table.write(row)
                found = table.finish()
                if found:
                    left = {
                        "files": self._files(),
                        "strays": list(self._strays),
                        "edits": self._edits,
                    }
                    write_whole(self.private / STAMP, json.dumps(left))
            except BaseException:
                table.drop()
                raise
        except OutputError as error:
            raise OutputError(f"{error}; the captions are kept, run it again") from error
        return [str(self.path)] if found else []

    def _rows(self, names: Iterable[str]) -> Iterator[Any]:
        """Of the names, then of what is by hand and of clips that are not in this run."""
        for name in self._in_order(names):
            if name in self._edits:
                yield self._edits[name]
            elif (text := self.get(name)) is not None:
                yield self._row(text)

    def _in_order(self, names: Iterable[str]) -> Iterator[str]:
        for name in names:
            self._strays.pop(name, None)
            yield name
        yield from self._strays

    def _open(self) -> TableWriter:
        if not self._is_parquet:
            return open_table(self.path)
        scratch = self.private / f"{self._prefix}shards"
        return open_table(self.path, schema=arrow_schema(), prefix=self._prefix, scratch=scratch)

    def _names_of(self, rows: Sequence[Any], written: Mapping[str, str]) -> list[str]:
        """By the row's id, its video's, or the one clip of its video's path; else made up."""
        places: dict[str, list[str]] = {}
        for name in written if rows and self.format == "instancevid" else ():
            video = json.loads(self.get(name) or "{}").get("video") or {}
            places.setdefault(video.get("path") or name, []).append(name)
        return [_name_of(row, places) or digest_of(row) for row in rows]

    def _document(self, row: Any) -> str:
        """The document, in our own format, of a row; empty where it is none of ours."""
        if self._is_parquet:
            return unflatten(row)
        ours = self.format == OURS and isinstance(row, dict)
        return json.dumps(row, ensure_ascii=False) if ours else ""

    def _row(self, text: str) -> Any:
        if self._is_parquet:
            return flatten(Caption.from_json(text))
        if self.format == OURS:
            return json.loads(text)
        caption = Caption.from_json(text)
        name = caption.video.id if caption.video else ""
        return json_line(name, caption, to_format(caption, self.format), format=self.format)


def _name_of(row: Any, places: Mapping[str, list[str]]) -> str:
    """What a row says it is about; empty where that is nothing, or one of several clips."""
    if not isinstance(row, dict):
        return ""
    video = row.get("video")
    names = places.get(str(row.get("Video")), [])
    found = row.get("id") or (video.get("id") if isinstance(video, dict) else "")
    return str(found or (names[0] if len(names) == 1 else ""))


def _check_replaceable(path: Path) -> None:
    """A table replaces a table and nothing else: no file of the user's is ever deleted."""
    if path.is_file() or path.is_symlink():
        raise UsageError(f"--out {path}: a .parquet output is a folder, and a file is in its way")
    if path.is_dir():
        others = [
            name
            for name in os.listdir(path)
            if not name.endswith(".parquet") and name != PRIVATE_FOLDER
        ]
        if others:
            raise UsageError(
                f"--out {path}: this folder holds more than a table ({sorted(others)[0]}); "
                "choose another name"
            )
