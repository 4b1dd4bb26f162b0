"""The opened folder, which no name, path or link leads out of; and the app's own temporary one."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from instancecap.errors import InputError
from instancecap.io.finder import IMAGE_SUFFIXES, VIDEO_SUFFIXES

MEDIA_TYPES = {
    ".mp4": "video/mp4", ".m4v": "video/mp4", ".mov": "video/quicktime", ".webm": "video/webm",
    ".mkv": "video/x-matroska", ".ogv": "video/ogg", ".gif": "image/gif", ".png": "image/png",
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".webp": "image/webp", ".bmp": "image/bmp",
}  # fmt: skip
"""Of files that browsers can show; the others are served as plain bytes."""

MEDIA_SUFFIXES = VIDEO_SUFFIXES | IMAGE_SUFFIXES

PREFIX = "instancecap-web-"


class OpenedFolder:
    """Files below one folder. Every path is looked at with its links followed."""

    def __init__(self, root: Path | None) -> None:
        self.root = root.resolve() if root is not None else None

    def resolve(self, name: str, *, folders: bool = False) -> Path:
        """The regular file of that name, relative to the folder; also a folder, where ``folders``.

        Raises:
            InputError: no folder is open, there is no such file, or it lies outside.
        """
        if self.root is None:
            raise InputError("no folder is open; start with: instancecap web FOLDER")
        parts = name.replace("\\", "/").split("/")
        if "\0" in name or os.path.isabs(name) or ".." in parts:
            raise InputError(f"{name!r}: not a path inside the opened folder")
        return self._inside(self.root / name, name, folders=folders)

    def find(self, path: str) -> Path:
        """The file of a path as a person or a caption gives it.

        It may be absolute, relative to the folder or to where the program was started; what it
        leads to has to lie inside. Raises :class:`InputError`.
        """
        if self.root is None or "\0" in path:
            return self.resolve(path)
        for candidate in (self.root / path, Path(path)):
            if os.path.isfile(candidate):  # False, not an error, where a name is too long
                return self._inside(candidate, path)
        raise InputError(f"{path}: no such file in the opened folder")

    def _inside(self, path: Path, name: str, *, folders: bool = False) -> Path:
        assert self.root is not None
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise InputError(f"{name}: no such file in the opened folder") from error
        fits = real.is_file() or (folders and real.is_dir())
        if not real.is_relative_to(self.root) or not fits:
            raise InputError(f"{name!r}: not a file inside the opened folder")
        return real

    def holds(self, path: Path) -> bool:
        """Whether a path lies inside, with its links followed."""
        return self.root is not None and path.resolve().is_relative_to(self.root)

    def name_of(self, path: Path) -> str:
        """The name of a file that :meth:`resolve` gave."""
        assert self.root is not None
        return path.relative_to(self.root).as_posix()

    def videos(self, *, seconds: float = float("inf")) -> Iterator[str]:
        """Names of videos and pictures in the folder, in order; hidden folders are left out.

        After ``seconds`` no further folder is looked into: there may be very many.
        """
        if self.root is None:
            return
        end = time.monotonic() + seconds
        for folder, inner, names in os.walk(self.root):
            if time.monotonic() > end:
                return
            inner[:] = sorted(one for one in inner if not one.startswith("."))
            for path in (Path(folder) / name for name in sorted(names) if is_media(name)):
                with suppress(InputError):  # a link that leads out, a pipe
                    self._inside(path, path.name)
                    yield self.name_of(path)


def is_media(name: str) -> bool:
    """Whether a name ends like that of a video or a picture."""
    return os.path.splitext(name)[1].lower() in MEDIA_SUFFIXES


class Workspace:
    """A temporary folder of uploads and results; gone at the end, each of them after a while."""

    def __init__(self) -> None:
        _remove_leftovers()
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))

    def new(self) -> tuple[str, Path]:
        """A new folder inside, and the name that it is found by."""
        id = secrets.token_urlsafe(12)
        folder = self.path / id
        folder.mkdir()
        return id, folder

    def get(self, id: str) -> Path:
        """The folder of that name, which is kept for a while again. Raises InputError."""
        folder = self.path / id
        known = id.replace("-", "").replace("_", "").isalnum() and folder.is_dir()
        if not known:
            raise InputError("that is gone: uploads and results are removed after a while")
        os.utime(folder)
        return folder

    def holding(self, name: str) -> list[Path]:
        """Folders that hold a file of that name, those used last first."""
        found = [path.parent for path in self.path.glob(f"*/{name}")]
        return sorted(found, key=lambda folder: -folder.stat().st_mtime)

    def remove(self, id: str) -> None:
        """Remove the folder of that name."""
        shutil.rmtree(self.get(id), ignore_errors=True)

    def sweep(self, older_than: float) -> None:
        """Remove what nobody used for that many seconds."""
        with suppress(OSError):  # another program may tidy the disk as well
            for folder in list(self.path.iterdir()):
                if time.time() - folder.stat().st_mtime > older_than:
                    shutil.rmtree(folder, ignore_errors=True)

    def size(self) -> int:
        """Bytes of all files inside."""
        sizes = 0
        for folder, _, names in os.walk(self.path):
            for name in names:
                with suppress(OSError):  # removed since
                    sizes += os.path.getsize(os.path.join(folder, name))
        return sizes

    def close(self) -> None:
        """Remove everything."""
        shutil.rmtree(self.path, ignore_errors=True)


def _remove_leftovers() -> None:
    """Remove what an app that was killed left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        number = folder.name.removeprefix(PREFIX).split("-")[0]
        owner = Path("/proc") / number
        if number.isdigit() and Path("/proc").is_dir() and not owner.exists():
            shutil.rmtree(folder, ignore_errors=True)
