"""Which file a clip was read from: known again after it was moved, seen when it has changed."""

from __future__ import annotations

import glob
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from instancecap.errors import InputError
from instancecap.io.addresses import filesystem, is_url, naming
from instancecap.io.webdataset import find_member, open_tar, split_member

SAMPLE_BYTES = 65_536
"""Bytes that are hashed at the beginning, in the middle and at the end of a file."""

SETTINGS = ("config.json", "preprocessor_config.json")
"""Files that belong to an exported network and do not have its name."""

_TAGS = ("ETag", "etag", "e_tag", "md5", "LastModified", "mtime", "created")
"""Names that file systems have for what changes with an object's content; the surest first."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Cheap to compare first, by ``content`` where that differs.

    Attributes:
        size: bytes; -1 of what cannot be looked at.
        mtime_ns: time of change; of an object, a number that changes with its content.
        content: a hash to know the content again by; empty where it was not asked for.
    """

    size: int
    mtime_ns: int
    content: str = ""

    @classmethod
    def of(cls, path: str, *, content: bool = False) -> Identity:
        """Of the file, object or member of a tar as it is now.

        ``content``: also hash a file; the others are hashed anyway.
        """
        try:
            if is_elsewhere(path):
                return identify(path)
            status = os.stat(path)
            digest = partial_hash(path, status.st_size) if content else ""
        except (OSError, InputError):
            return cls(-1, -1)
        return cls(status.st_size, status.st_mtime_ns, digest)


def is_elsewhere(path: str) -> bool:
    """Whether a clip's path is no file of its own on a local disk."""
    return is_url(path) or split_member(path) is not None


def identify(path: str) -> Identity:
    """Of an object, by its ETag or else its time of change, or of a member of a tar.

    Raises :class:`InputError` where it cannot be looked at.
    """
    if (place := split_member(path)) is not None:
        member = find_member(*place)
        with open_tar(place[0]) as file, naming(place[0]):
            digest = _hash_samples(file, member.offset, member.size)
        return Identity(member.size, int(digest[:15], 16), digest[:32])
    fs, key = filesystem(path)
    with naming(path):
        info = fs.info(key)
        size = int(info.get("size") or 0)
    tag = next((str(info[name]) for name in _TAGS if info.get(name)), path)
    digest = hashlib.sha256(f"{size} {tag}".encode()).hexdigest()
    return Identity(size, int(digest[:15], 16), digest[:32])


def hash_of(path: str) -> str:
    """Of a file with weights, and of what of its name lies beside it; of a folder, cheaply, of the
    names, sizes and samples of all its files."""
    place = Path(path)
    if place.is_dir():
        members = sorted(one for one in place.rglob("*") if one.is_file())
        parts = [f"{one.relative_to(place)} {_cheap_hash(one)}" for one in members]
    else:
        named = sorted(place.parent.glob(f"{glob.escape(place.stem)}.*"))
        settings = (place.with_name(name) for name in SETTINGS)
        beside = [one for one in (*named, *settings) if one != place and one.is_file()]
        with place.open("rb") as file:
            whole = hashlib.file_digest(file, "sha256").hexdigest()
        parts = [whole, *(f"{one.name} {_cheap_hash(one)}" for one in beside)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _cheap_hash(path: Path) -> str:
    return partial_hash(str(path), path.stat().st_size)


def partial_hash(path: str, size: int) -> str:
    """SHA-256 over the size and three samples of a file: enough to know it again once moved."""
    with open(path, "rb") as file:
        return _hash_samples(file, 0, size)[:32]


def _hash_samples(file: IO[bytes], offset: int, size: int) -> str:
    """Of ``size`` bytes from ``offset`` on."""
    digest = hashlib.sha256(str(size).encode())
    last = max(0, size - SAMPLE_BYTES)
    for place in sorted({0, last // 2, last}):
        file.seek(offset + place)
        digest.update(file.read(min(SAMPLE_BYTES, size - place)))
    return digest.hexdigest()


def digest_of(value: Any) -> str:
    """Of a caption as it stands in an output, however it is indented or its keys are ordered."""
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
