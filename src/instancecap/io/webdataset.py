"""Tars of samples as WebDataset has them: files of one sample share a key, its name up to a dot.

https://github.com/webdataset/webdataset (the format's description). Nothing is unpacked: a scan
reads the headers and remembers where each member lies. fsspec's own file system of a tar serves
less: it passes over a tar that breaks off, and keeps every header in memory.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from instancecap.errors import DecodeError, InputError
from instancecap.io.addresses import is_url, open_binary

TAR_SUFFIX = ".tar"
HEADER_BLOCK = 2048
"""Bytes that are asked of object storage at a time while headers are read."""

LARGEST_TEXT = 1 << 20
"""Bytes of a sample's ``.txt`` or ``.json`` that are read at most."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a tar. ``key`` and ``kind`` are its name before and after the first dot."""

    name: str
    offset: int
    size: int

    @property
    def key(self) -> str:
        """What the files of one sample share."""
        return self.name[: len(self.name) - len(self.kind)].rstrip(".")

    @property
    def kind(self) -> str:
        """Such as ``mp4``; empty for a name without a dot."""
        return os.path.basename(self.name).partition(".")[2]


def split_member(path: str) -> tuple[str, str] | None:
    """Tar and member of a path such as ``shards/0.tar/key.mp4``; None for any other path."""
    mark = path.find(f"{TAR_SUFFIX}/")
    while mark >= 0:
        tar, member = path[: mark + len(TAR_SUFFIX)], path[mark + len(TAR_SUFFIX) + 1 :]
        if member and (is_url(tar) or os.path.isfile(tar)):
            return tar, member
        mark = path.find(f"{TAR_SUFFIX}/", mark + 1)
    return None


def scan(tar: str) -> Iterator[Member]:
    """The regular files of a tar, in order. Raises :class:`InputError` where it breaks off."""
    found = 0
    with open_tar(tar) as file:
        end = file.seek(0, io.SEEK_END)
        file.seek(0)
        try:
            archive = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115 - the file is closed
            for one in archive:
                archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                if not one.isreg() or one.issparse():
                    continue
                if one.offset_data + one.size > end:
                    raise DecodeError(f"{tar}: breaks off inside {one.name}, after {found} files")
                found += 1
                yield Member(one.name.removeprefix("./"), one.offset_data, one.size)
            # A torn or damaged header only ends the loop; a whole tar ends with blocks of zeros.
            file.seek(archive.offset)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise DecodeError(f"{tar}: breaks off after {found} files")
        except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
            what = f"breaks off after {found} files" if found else "not a tar that can be read"
            hint = "" if found else "; a compressed one must be unpacked first"
            raise DecodeError(f"{tar}: {what} ({error}){hint}") from error


@contextmanager
def open_tar(tar: str) -> Iterator[IO[bytes]]:
    """The bytes of a tar, to seek in. Raises :class:`InputError`."""
    try:
        with open_binary(tar, block_size=HEADER_BLOCK) as file:
            yield file
    except OSError as error:
        raise InputError(f"{tar}: cannot be read: {error.strerror or error}") from error


def find_member(tar: str, name: str) -> Member:
    """The member of this name. Raises :class:`InputError` where there is none."""
    status = None if is_url(tar) else os.stat(tar)
    stamp = (0, 0) if status is None else (status.st_size, status.st_mtime_ns)
    member = _index(tar, stamp).get(name)
    if member is None:
        raise InputError(f"{tar}/{name}: no such file in the tar")
    return member


@lru_cache(maxsize=8)
def _index(tar: str, stamp: tuple[int, int]) -> dict[str, Member]:
    members: dict[str, Member] = {}
    try:
        for one in scan(tar):
            members[one.name] = one
    except DecodeError:
        if not members:
            raise
    return members


def read_hints(tar: str, members: list[Member], column: str) -> dict[str, str]:
    """By key, what a column says: the whole ``KEY.txt`` for ``txt``, else a field of ``KEY.json``.

    What cannot be read as that says nothing.
    """
    hints: dict[str, str] = {}
    kind = column if column in ("txt", "cap", "caption") else "json"
    with open_tar(tar) as file:
        for one in members:
            if one.kind != kind or one.size > LARGEST_TEXT:
                continue
            file.seek(one.offset)
            text = file.read(one.size).decode("utf-8", "replace").strip()
            if kind == "json":
                try:
                    value = json.loads(text).get(column, "")
                except (ValueError, AttributeError, RecursionError):
                    continue
                text = ", ".join(map(str, value)) if isinstance(value, list) else str(value or "")
            hints[one.key] = text
    return hints
