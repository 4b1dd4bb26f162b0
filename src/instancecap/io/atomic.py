"""Files that appear whole or not at all: written under a hidden name, then renamed into place."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from instancecap.errors import OutputError, UsageError


def part_of(path: str | os.PathLike[str]) -> Path:
    """The hidden neighbor ``.NAME.part`` that a file or a folder is written as."""
    target = Path(path)
    return target.with_name(f".{target.name}.part")


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turn what a file system raises into an :class:`OutputError` with the path."""
    try:
        yield
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"{path}: cannot be written: {reason}") from error


@contextmanager
def open_whole(path: str | os.PathLike[str], *, binary: bool = False) -> Iterator[IO[Any]]:
    """A file that is at ``path`` once the context ends without an error; UTF-8 where it is text.

    A reader never sees half a file, and a process that is killed leaves at most the file that
    :func:`part_of` names. Raises :class:`OutputError` where it cannot be written.
    """
    part = part_of(path)
    text = {} if binary else {"encoding": "utf-8", "newline": ""}
    try:
        with writing(path):
            part.parent.mkdir(parents=True, exist_ok=True)
            with open(part, "wb" if binary else "w", **text) as file:  # type: ignore[call-overload]
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
    except BaseException:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise


def write_whole(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write a small file, whole or not at all. Raises :class:`OutputError`."""
    with open_whole(path, binary=isinstance(content, bytes)) as file:
        file.write(content)


def replace(part: Path, target: Path) -> None:
    """Put a file, or a folder, in its place; one that is there is replaced.

    Raises :class:`OutputError` where it cannot be done; a folder that was there is kept then.
    """
    old = target.with_name(f".{target.name}.old.part")
    with writing(target):
        if part.is_dir() and target.exists():
            shutil.rmtree(old, ignore_errors=True)
            os.replace(target, old)
        try:
            os.replace(part, target)
        except OSError:
            if old.exists():
                os.replace(old, target)
            raise
    shutil.rmtree(old, ignore_errors=True)


def require_writable(folder: Path, *, option: str = "--out") -> None:
    """Make ``folder`` and write to it for a try. Raises :class:`UsageError` where that fails."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "there is a file of that name" if folder.is_file() else error.strerror
        raise UsageError(f"{option} {folder}: cannot be written: {reason}") from error


def require_free(out: Path, *, mark: str, what: str, overwrite: bool) -> None:
    """Raise :class:`UsageError` unless a whole folder may be put at ``out``.

    Args:
        mark: a file by which an earlier one of the same kind is known; any other folder in use
            is refused.
        what: that kind, in words.
        overwrite: whether an earlier one may be replaced.
    """
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"--out {out}: there is a file or link of that name")
    if out.is_dir() and os.listdir(out):
        if not (out / mark).is_file():
            raise UsageError(f"--out {out}: this folder is not empty; choose another")
        if not overwrite:
            raise UsageError(f"--out {out}: holds an earlier {what}; --overwrite replaces it")
    require_writable(out.parent)


def remove(path: Path) -> None:
    """Remove an output that holds no more, a file or a folder; nothing where there is none."""
    with writing(path):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
