"""Outputs that are one file or one table: documents wait in a spool, then appear in order."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from instancecap.engine.ledger import private_folder
from instancecap.errors import OutputError, UsageError
from instancecap.formats import to_format
from instancecap.io.inputs import PRIVATE_FOLDER
from instancecap.schema import Caption

OURS = "instancecap"
"""The name of our own format."""

ROWS_PER_SHARD = 10_000

COLUMNS = (
    "id",
    "path",
    "start",
    "end",
    "duration",
    "fps",
    "width",
    "height",
    "global_description",
    "background",
    "lighting",
    "place",
    "time_of_day",
    "style",
    "camera_motion",
    "shot_type",
    "shot_angle",
    "main_class",
    "instance_count",
    "warnings",
    "caption_json",
)


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


class _TableSink:
    """What both kinds of tables share."""

    folds_names = False
    piecewise = False

    def __init__(self, path: Path, *, shard: str = "", format: str = OURS) -> None:
        from instancecap.io.outputs import require_writable

        self.path, self.format, self._shard = path, format, shard
        self.private = private_folder(path)
        require_writable(path.parent)
        require_writable(self.private)
        self._spool: Spool | None = None

    @property
    def spool(self) -> Spool:
        """The documents; opened on first use, when the ledger holds the lock."""
        if self._spool is None:
            self._spool = Spool(self.private, shard=self._shard)
        return self._spool

    def sweep(self) -> None:
        """What was half-written is written over."""

    def put(self, name: str, text: str) -> str:
        """Keep the document until the end."""
        self.spool.put(name, text)
        return str(self.path)

    def get(self, name: str) -> str | None:
        """The document that an earlier run wrote."""
        return self.spool.get(name).decode() if name in self.spool else None

    def has(self, name: str) -> bool:
        """Whether an earlier run wrote a document of this name."""
        return name in self.spool

    def forget(self) -> None:
        """Start without what earlier runs wrote."""
        self.spool.close()
        self.spool.path.unlink()
        self._spool = None

    def close(self) -> None:
        """Close what is open."""
        if self._spool is not None:
            self._spool.close()

    def _lines(self, names: Iterable[str]) -> Iterator[bytes]:
        return (self.spool.get(name) for name in names if name in self.spool)


class JsonLinesSink(_TableSink):
    """One document a line, in the order of the jobs; the file appears at the end.

    In a format that does not name its video, a line is a row with ``id``, ``path`` and the
    caption.
    """

    def __init__(self, path: Path, *, format: str = OURS) -> None:
        if path.is_dir():
            raise UsageError(f"--out {path}: a folder of that name is in the way of the .jsonl")
        super().__init__(path, format=format)

    def put(self, name: str, text: str) -> str:
        """Keep the document until the end, if the format can say it."""
        if self.format != OURS:
            to_format(Caption.from_json(text), self.format)
        return super().put(name, text)

    def finish(self, names: Iterable[str]) -> list[str]:
        """Write the file with the documents of these names, unless there is none."""
        if not len(self.spool):
            return []
        part = self.path.with_name(f".{self.path.name}.part")
        try:
            with open(part, "wb") as file:
                for line in self._lines(names):
                    file.write((line if self.format == OURS else self._row(line)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, self.path)
        except OSError as error:
            with suppress(OSError):
                part.unlink()
            raise OutputError(
                f"{self.path}: cannot be written: {error.strerror}; the captions are kept, run it "
                "again"
            ) from error
        return [str(self.path)]

    def _row(self, document: bytes) -> bytes:
        from instancecap.datasets.captions import Row
        from instancecap.io.tables import NAMES_ITS_VIDEO, table_row

        caption = Caption.from_json(document)
        plain = to_format(caption, self.format)
        if self.format not in NAMES_ITS_VIDEO:
            name = caption.video.id if caption.video else ""
            row = Row(name=name, caption=caption, source=str(self.path))
            plain = table_row(row, plain, format=self.format)
        return json.dumps(plain, ensure_ascii=False).encode()


class ParquetSink(_TableSink):
    """A folder of ``part-00000.parquet`` …, rows in the order of the jobs; they appear at the end.

    With ``shard`` the files are named ``part-SHARD-00000.parquet``, and those of other shards
    stay.
    """

    def __init__(self, path: Path, *, shard: str = "") -> None:
        _check_replaceable(path)
        super().__init__(path, shard=shard)
        self._prefix = f"part-{shard}-" if shard else "part-"

    def finish(self, names: Iterable[str]) -> list[str]:
        """Write the shards in hiding, then put each in its place."""
        if not len(self.spool):
            return []
        part = self.private / f"{self._prefix}shards"
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            _write_shards(part, self._prefix, self._lines(names))
            fresh = sorted(os.listdir(part))
            for name in fresh:
                os.replace(part / name, self.path / name)
            for stale in self.path.glob(f"{self._prefix}*.parquet"):
                if stale.name not in fresh and stale.stem.count("-") == self._prefix.count("-"):
                    stale.unlink()
            part.rmdir()
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise OutputError(
                f"{self.path}: cannot be written: {error.strerror or error}; the captions are "
                "kept, run it again"
            ) from error
        return [str(self.path)]


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


def _write_shards(folder: Path, prefix: str, lines: Iterator[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = table_schema()
    rows: list[dict[str, Any]] = []
    shards = 0

    def flush() -> None:
        nonlocal shards
        table = pa.Table.from_pylist(rows, schema=schema)
        pq.write_table(table, folder / f"{prefix}{shards:05d}.parquet", compression="zstd")
        shards += 1
        rows.clear()

    for line in lines:
        rows.append(flatten(Caption.from_json(line)))
        if len(rows) == ROWS_PER_SHARD:
            flush()
    if rows:
        flush()


def table_schema() -> Any:
    """The Arrow schema of a table of captions."""
    import pyarrow as pa

    words = pa.list_(pa.string())
    special = {
        **dict.fromkeys(("start", "end", "duration", "fps"), pa.float64()),
        **dict.fromkeys(("width", "height", "instance_count"), pa.int32()),
        **dict.fromkeys(("camera_motion", "warnings"), words),
    }
    return pa.schema([(name, special.get(name, pa.string())) for name in COLUMNS])


def flatten(caption: Caption) -> dict[str, Any]:
    """A caption as one row of a table: what people filter by, and the whole as ``caption_json``."""
    document = caption.model_dump(mode="json")
    main = next((one for one in caption.instances if one.is_main), None)
    camera = caption.camera
    own = {
        "camera_motion": list(camera.motion),
        "shot_type": camera.shot_type,
        "shot_angle": camera.shot_angle,
        "main_class": main.class_ if main else "",
        "instance_count": len(caption.instances),
        "caption_json": caption.to_json(indent=None),
    }
    row = {**document, **(document["video"] or {}), **own}
    return {name: row.get(name) for name in COLUMNS}
