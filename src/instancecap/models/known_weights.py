"""The small default models: who publishes them, under which licence, with which hash."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from instancecap.models.package_index import Archive


@dataclass(frozen=True, slots=True)
class File:
    """One file as upstream publishes it.

    Attributes:
        name: upstream's file name; a file of this name in ``$INSTANCECAP_MODELS`` is trusted.
        url: upstream's address; empty where only an archive has the file.
        sha256: what is downloaded or cached must match.
        size: bytes; 0 where not known.
        aliases: other names under which it may lie in ``$INSTANCECAP_MODELS``.
    """

    name: str
    url: str
    sha256: str
    size: int = 0
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Weights:
    """The files of one model. ``archive`` on the package index also has them, all in a folder."""

    name: str
    what: str
    licence: str
    files: tuple[File, ...]
    archive: Archive | None = None

    @property
    def size(self) -> int:
        """Bytes of all files; 0 where one of them is not known."""
        sizes = [file.size for file in self.files]
        return sum(sizes) if all(sizes) else 0


def _read() -> dict[str, Weights]:
    text = (files(__package__) / "known_weights.toml").read_text(encoding="utf-8")
    known = {}
    for name, entry in tomllib.loads(text).items():
        archive = Archive(**entry["archive"]) if "archive" in entry else None
        parts = tuple(
            File(**{**file, "aliases": tuple(file.get("aliases", ()))}) for file in entry["files"]
        )
        known[name] = Weights(name, entry["what"], entry["licence"], parts, archive)
    return known


KNOWN = _read()

DETECTORS = ("nanodet-plus-m", "yolox-nano", "yolov3-tiny")
"""Best first; one of them is used."""

SUPPORT = ("yunet", "u2netp", "nanotrack")
"""Used beside a detector, each where it can be had."""
