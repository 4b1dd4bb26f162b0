"""A clip's file on the local disk while it is measured, wherever the file lies.

An object is copied, measured and given up; so is a member of a tar, without unpacking the others.
fsspec's ``simplecache::`` would do the same with a file that outlives a killed worker and without
a look at the space that is left, so only its download is used.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from instancecap.errors import DecodeError, InputError
from instancecap.io.addresses import filesystem, naming, suffix_of
from instancecap.io.identity import identify, is_elsewhere
from instancecap.io.webdataset import find_member, open_tar, split_member
from instancecap.video import Clip

BLOCK = 8 << 20
"""Bytes copied out of a tar at a time."""

SPARE_BYTES = 1 << 30
"""Bytes of the temporary folder's disk that a copy leaves free."""


@contextmanager
def local_copy(clip: Clip) -> Iterator[Clip]:
    """The clip with a local copy of its file, which lasts as long as the context.

    Raises :class:`InputError` when it cannot be fetched, and :class:`DecodeError` when it is
    empty or breaks off.
    """
    if not clip.path or not is_elsewhere(clip.path):
        yield clip
        return
    identity = identify(clip.path)
    if identity.size == 0:
        raise DecodeError(f"{clip.path}: the file is empty (0 bytes)")
    _check_space(clip.path, identity.size)
    with _temporary(suffix_of(clip.path)) as local:
        _fetch(clip.path, local)
        copied = os.stat(local).st_size
        if copied != identity.size:
            raise DecodeError(f"{clip.path}: {copied} of {identity.size} bytes could be read")
        # The evidence cache knows a file by its time: the same object has the same time again.
        stamp = identity.mtime_ns % 10**18
        os.utime(local, ns=(stamp, stamp))
        yield replace(clip, local=local)


def _fetch(path: str, local: str) -> None:
    place = split_member(path)
    if place is None:
        fs, key = filesystem(path)
        with naming(path):
            fs.get_file(key, local)
        return
    member = find_member(*place)
    with open_tar(place[0]) as tar, open(local, "wb") as file, naming(path):
        tar.seek(member.offset)
        left = member.size
        while left and (block := tar.read(min(BLOCK, left))):
            left -= file.write(block)


@contextmanager
def _temporary(suffix: str) -> Iterator[str]:
    """A file that is gone when its process ends, however that ends, where the system can do so."""
    if sys.platform == "linux":
        with tempfile.TemporaryFile() as nameless:
            yield f"/proc/{os.getpid()}/fd/{nameless.fileno()}"
    else:
        with tempfile.NamedTemporaryFile(suffix=suffix) as named:
            yield named.name


def _check_space(path: str, size: int) -> None:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free - SPARE_BYTES
    if size > free:
        raise InputError(
            f"{path}: {size} bytes do not fit into {folder}, which has {max(0, free)} to spare; "
            "set TMPDIR to a larger disk"
        )
