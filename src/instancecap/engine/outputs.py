"""Where results go: a folder of JSON files, one ``.jsonl``, or a ``.parquet`` folder of shards."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from instancecap.errors import OutputError, UsageError
from instancecap.schema import Caption
from instancecap.schema.base import write_whole

MAX_COMPONENT = 255
"""Bytes that a file's own name may have on the file systems in use."""

ROWS_PER_SHARD = 10_000


class Sink(Protocol):
    """Takes finished documents in any order; :meth:`finish` is called once, at the end.

    Attributes:
        folds_names: the file system written to takes ``a`` and ``A`` for one name.
    """

    folds_names: bool

    def put(self, index: int, name: str, text: str) -> None:
        """Keep the document ``text`` of the ``index``-th job. Raises :class:`OutputError`."""

    def finish(self, *, complete: bool = True) -> list[str]:
        """Make the outputs appear and return their paths.

        ``complete`` is False for a run that was broken off. A single file or table of such a
        run goes to ``NAME.interrupted.SUFFIX``, so that OUT is whole whenever it is there.
        """


def open_sink(out: str) -> Sink:
    """The sink that OUT names. Raises :class:`UsageError` if nothing can be written there."""
    if not out:
        raise UsageError("--out is empty: name a folder, a .jsonl file or a .parquet folder")
    path = Path(out)
    suffix = path.suffix.lower()
    if suffix == ".jsonl":
        return JsonLinesSink(path)
    if suffix == ".parquet":
        return ParquetSink(path)
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
    """``NAME.json`` for each document, as soon as it is done.

    The folder is locked while this object lives; leftovers of a killed run are swept by the
    first run that has the folder to itself.
    """

    def __init__(self, folder: Path) -> None:
        require_writable(folder)
        self.folder = folder
        self._written: dict[int, str] = {}
        self._lock = _sweep_alone(folder)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".case-", suffix=".part") as probe:
            self.folds_names = os.path.exists(folder / os.path.basename(probe.name).swapcase())

    def put(self, index: int, name: str, text: str) -> None:
        """Write the document's own file."""
        path = self.folder / f"{name}.json"
        for part in Path(f"{name}.json").parts:
            _check_length(name, part)
        write_whole(path, text + "\n")
        self._written[index] = str(path)

    def finish(self, *, complete: bool = True) -> list[str]:
        """The files in the order of the jobs; each was there as soon as it was put."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
        return [path for _, path in sorted(self._written.items())]


def _check_length(name: str, part: str) -> None:
    excess = len(os.fsencode(f".{part}.part")) - MAX_COMPONENT
    if excess > 0:
        raise OutputError(
            f"{name}: the output's name is {excess} bytes too long for a file; "
            "give a shorter id in a manifest"
        )


def _sweep_alone(folder: Path) -> int | None:
    """Lock ``folder``; sweep it unless another run holds it. Returns what to close at the end.

    Only hidden files that end in ``.json.part`` go: those that :func:`write_whole` leaves.
    """
    try:
        import fcntl
    except ImportError:  # no such locks on Windows: leftovers stay until they are overwritten
        return None
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        for root, _, names in os.walk(folder):
            for name in names:
                if name.startswith(".") and name.endswith(".json.part"):
                    with contextlib.suppress(OSError):
                        os.unlink(os.path.join(root, name))
        fcntl.flock(lock, fcntl.LOCK_SH)
    except OSError:  # another run is at work here, or the file system has no locks
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    return lock


class _Spool:
    """Documents in an unnamed file on the disk of OUT, handed back in the order of the jobs."""

    def __init__(self, folder: Path) -> None:
        # Unbuffered: a full disk is noticed by the document that does not fit, and by no other.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115
        self._places: dict[int, tuple[int, int]] = {}

    def put(self, index: int, name: str, text: str) -> None:
        line = json.dumps(json.loads(text), ensure_ascii=False).encode()
        try:
            start = self._file.seek(0, os.SEEK_END)
            if self._file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            raise OutputError(f"{name}: cannot be written: {error.strerror}") from error
        self._places[index] = start, len(line)

    def lines(self) -> Iterator[bytes]:
        for _, (start, length) in sorted(self._places.items()):
            self._file.seek(start)
            yield self._file.read(length)

    def __len__(self) -> int:
        return len(self._places)

    def close(self) -> None:
        self._file.close()


class JsonLinesSink:
    """One document a line, in the order of the jobs; the file appears at the end."""

    folds_names = False

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise UsageError(f"--out {path}: a folder of that name is in the way of the .jsonl")
        require_writable(path.parent)
        self.path = path
        self._spool = _Spool(path.parent)

    def put(self, index: int, name: str, text: str) -> None:
        """Keep the document until the end."""
        self._spool.put(index, name, text)

    def finish(self, *, complete: bool = True) -> list[str]:
        """Write the file, unless there is nothing to write."""
        if not len(self._spool):
            self._spool.close()
            return []
        path = _final(self.path, complete)
        part = path.with_name(f".{path.name}.part")
        try:
            with open(part, "wb") as file:
                for line in self._spool.lines():
                    file.write(line + b"\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}") from error
        finally:
            self._spool.close()
        return [str(path)]


class ParquetSink:
    """A folder of ``part-00000.parquet`` …, rows in the order of the jobs; appears at the end."""

    folds_names = False

    def __init__(self, path: Path) -> None:
        require_writable(path.parent)
        for kept in (path, _final(path, False)):
            _check_replaceable(kept)
        self.path = path
        self._spool = _Spool(path.parent)

    def put(self, index: int, name: str, text: str) -> None:
        """Keep the document until the end."""
        self._spool.put(index, name, text)

    def finish(self, *, complete: bool = True) -> list[str]:
        """Write the shards beside OUT, then put the folder in its place."""
        if not len(self._spool):
            self._spool.close()
            return []
        path = _final(self.path, complete)
        part = path.with_name(f".{path.name}.part")
        old = path.with_name(f".{path.name}.old.part")
        try:
            for leftover in (part, old):
                shutil.rmtree(leftover, ignore_errors=True)
            part.mkdir()
            _write_shards(part, self._spool.lines())
            if path.exists():
                os.replace(path, old)
            os.replace(part, path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
        finally:
            self._spool.close()
        shutil.rmtree(old, ignore_errors=True)
        return [str(path)]


def _final(path: Path, complete: bool) -> Path:
    return path if complete else path.with_name(f"{path.stem}.interrupted{path.suffix}")


def _check_replaceable(path: Path) -> None:
    """A table replaces a table and nothing else: no file of the user's is ever deleted."""
    if path.is_file() or path.is_symlink():
        raise UsageError(f"--out {path}: a .parquet output is a folder, and a file is in its way")
    if path.is_dir():
        others = [name for name in os.listdir(path) if not name.endswith(".parquet")]
        if others:
            raise UsageError(
                f"--out {path}: this folder holds more than a table ({sorted(others)[0]}); "
                "choose another name"
            )


def _write_shards(folder: Path, lines: Iterator[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _table_schema()
    rows: list[dict[str, Any]] = []
    shards = 0

    def flush() -> None:
        nonlocal shards
        table = pa.Table.from_pylist(rows, schema=schema)
        pq.write_table(table, folder / f"part-{shards:05d}.parquet", compression="zstd")
        shards += 1
        rows.clear()

    for line in lines:
        rows.append(flatten(Caption.from_json(line)))
        if len(rows) == ROWS_PER_SHARD:
            flush()
    if rows:
        flush()


def _table_schema() -> Any:
    import pyarrow as pa

    words = pa.list_(pa.string())
    special = {
        **dict.fromkeys(("start", "end", "duration", "fps"), pa.float64()),
        **dict.fromkeys(("width", "height", "instance_count"), pa.int32()),
        **dict.fromkeys(("camera_motion", "warnings"), words),
    }
    return pa.schema([(name, special.get(name, pa.string())) for name in COLUMNS])


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
