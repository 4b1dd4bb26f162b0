"""Addresses of files and objects: anything that fsspec knows, such as ``s3://bucket/key``."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any
from urllib.parse import urlsplit

from instancecap.errors import InputError, InstanceCapError, MissingDependency

WEB = ("http://", "https://")

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def is_url(path: str) -> bool:
    """Whether a path is an address, such as ``s3://bucket/key``."""
    return _URL.match(path) is not None


def strip_file_scheme(path: str) -> str:
    """``file:///a`` as the plain path ``/a``; anything else as it is."""
    return path.removeprefix("file://") if path.startswith("file://") else path


def is_pattern(path: str) -> bool:
    """Whether a path has wildcards; the query of a web address, such as ``?token=…``, is none."""
    return glob.has_magic(urlsplit(path).path if path.startswith(WEB) else path)


def basename_of(url: str) -> str:
    """The last part of an address, less a query."""
    path = urlsplit(url).path if url.startswith(WEB) else url
    return PurePosixPath(path).name


def suffix_of(path: str) -> str:
    """The suffix of a path or an address, in lower case."""
    return Path(basename_of(path) if is_url(path) else path).suffix.lower()


def filesystem(url: str) -> tuple[Any, str]:
    """The fsspec file system of an address, and the path in it.

    Raises :class:`InputError` for an unknown kind of address, and :class:`MissingDependency`.
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
        if is_pattern(root):
            found = [(path, PurePosixPath(path).name) for path in fs.glob(root)]
        else:
            root = root.rstrip("/")
            found = [(path, path[len(root) :].lstrip("/")) for path in fs.find(root)]
    hidden = [name.startswith(".") or "/." in name for _, name in found]
    kept = [one for one, is_hidden in zip(found, hidden, strict=True) if not is_hidden]
    return sorted((fs.unstrip_protocol(path), name) for path, name in kept)
