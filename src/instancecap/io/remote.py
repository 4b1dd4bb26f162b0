"""Videos and manifests in object storage: any address that fsspec knows, such as ``s3://…``.

A worker copies a clip's file to the local disk, measures it there, and gives the space back. So
is a member of a tar, which needs no unpacking of the others.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from instancecap.errors import DecodeError, InputError, InstanceCapError, MissingDependency
from instancecap.video import Clip

BLOCK = 8 << 20
"""Bytes copied at a time."""

SPARE_BYTES = 1 << 30
"""Bytes of the temporary folder's disk that a copy leaves free."""

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_TAGS = ("ETag", "etag", "e_tag", "md5", "LastModified", "mtime", "created")
"""Names that file systems have for what changes with an object's content; the surest first."""


def is_url(path: str) -> bool:
    """Whether a path is an address, such as ``s3://bucket/key``."""
    return _URL.match(path) is not None


def strip_file_scheme(path: str) -> str:
    """``file:///a`` as the plain path ``/a``; anything else as it is."""
    return path.removeprefix("file://") if path.startswith("file://") else path


def basename_of(url: str) -> str:
    """The last part of an address, less a query."""
    path = urlsplit(url).path if url.startswith(("http://", "https://")) else url
    return PurePosixPath(path).name


def suffix_of(path: str) -> str:
    """The suffix of a path or an address, in lower case."""
    return Path(basename_of(path) if is_url(path) else path).suffix.lower()


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it.

    Raises:
        InputError: no such kind of address.
        MissingDependency: the package for it is not installed.
    """
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(url)
    except ImportError as error:
        extra = "'instancecap[s3]'" if url.startswith(("s3://", "s3a://")) else "what it names"
        raise MissingDependency(f"{url}: {error}; pip install {extra}") from error
    except ValueError as error:
        raise InputError(f"{url}: no such kind of address: {error}") from error
    return fs, path


@contextmanager
def naming(url: str, verb: str = "read") -> Iterator[None]:
    """Turn what a storage library raises into an :class:`InputError` with the address."""
    try:
        yield
    except InstanceCapError:
        raise
    except Exception as error:  # each library has errors of its own
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        if isinstance(error, FileNotFoundError):
            reason = "no such object"
        raise InputError(f"{url}: cannot be {verb}: {reason}") from error


@contextmanager
def open_binary(path: str, **options: Any) -> Iterator[IO[bytes]]:
    """A file or an object for reading; ``options`` are for fsspec. Raises :class:`InputError`."""
    if not is_url(path):
        with open(path, "rb") as file:
            yield file
        return
    fs, key = filesystem(path)
    with naming(path), fs.open(key, "rb", **options) as file:
        yield file


def find_objects(url: str) -> list[tuple[str, str]]:
    """Address and name of each object that a folder or a pattern stands for, in order.

    Names are relative to the folder; those that match a pattern have their last part only.
    """
    fs, root = filesystem(url)
    with naming(url, "searched"):
        fs.invalidate_cache()
        if glob.has_magic(root):
            found = [(path, PurePosixPath(path).name) for path in fs.glob(root)]
        else:
            root = root.rstrip("/")
            found = [(path, path[len(root) :].lstrip("/")) for path in fs.find(root)]
    hidden = [name.startswith(".") or "/." in name for _, name in found]
    kept = [one for one, is_hidden in zip(found, hidden, strict=True) if not is_hidden]
    return sorted((fs.unstrip_protocol(path), name) for path, name in kept)


def is_elsewhere(path: str) -> bool:
    """Whether a clip's path is no file of its own on a local disk."""
    from instancecap.io.webdataset import split_member

    return is_url(path) or split_member(path) is not None


def identify(path: str) -> tuple[int, int, str]:
    """Size, a number that changes with the content, and a hash to know the content again by.

    An object is known by its ETag, or by its time of change where there is none. Raises
    :class:`InputError` where it cannot be looked at.
    """
    from instancecap.io.webdataset import identify_member, split_member

    if (place := split_member(path)) is not None:
        return identify_member(*place)
    fs, key = filesystem(path)
    with naming(path):
        info = fs.info(key)
        size = int(info.get("size") or 0)
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), path)
    digest = hashlib.sha256(f"{size} {tag}".encode()).hexdigest()
    return size, int(digest[:15], 16), digest[:32]


@contextmanager
def at_hand(clip: Clip) -> Iterator[Clip]:
    """The clip with a local copy of its file, which lasts as long as the context.

    Raises :class:`InputError` when it cannot be fetched.
    """
    if not clip.path or not is_elsewhere(clip.path):
        yield clip
        return
    size, stamp, _ = identify(clip.path)
    if size == 0:
        raise DecodeError(f"{clip.path}: the file is empty (0 bytes)")
    _check_space(clip.path, size)
    with _temporary(suffix_of(clip.path)) as (file, local):
        copied = _copy(clip.path, file)
        if copied != size:
            raise DecodeError(f"{clip.path}: {copied} of {size} bytes could be read")
        file.flush()
        # The evidence cache knows a file by its time: the same object has the same time again.
        os.utime(local, ns=(stamp % 10**18, stamp % 10**18))
        yield replace(clip, local=local)


def _copy(path: str, file: IO[bytes]) -> int:
    from instancecap.io.webdataset import open_member, split_member

    place = split_member(path)
    source = open_binary(path, cache_type="none") if place is None else open_member(*place)
    with source as opened, naming(path):
        while block := opened.read(BLOCK):
            file.write(block)
    return file.tell()


@contextmanager
def _temporary(suffix: str) -> Iterator[tuple[IO[bytes], str]]:
    """A file that is gone when its process ends, however that ends, where the system can do so."""
    if sys.platform == "linux":
        with tempfile.TemporaryFile() as nameless:
            yield nameless, f"/proc/{os.getpid()}/fd/{nameless.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(suffix=suffix) as named:
            yield named, named.name


def _check_space(path: str, size: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    if size > free:
        raise InputError(
            f"{path}: {size} bytes do not fit into {folder}, which has {max(0, free)} to spare; "
            "set TMPDIR to a larger disk"
        )
