"""Where weights come from: ``$INSTANCECAP_MODELS``, the user's cache folder, or one download."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from instancecap.errors import MissingDependency, UsageError

CONNECT_TIMEOUT = 10.0
"""Seconds without an answer after which a download is given up."""

DOWNLOAD_TIMEOUT = 300.0
"""Seconds that a whole download may take."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A file of weights as its authors publish it.

    Attributes:
        file: upstream's file name; a file of this name in ``$INSTANCECAP_MODELS`` is trusted.
        sha256: of upstream's file; what is downloaded or cached must match.
        size: bytes of upstream's file; a download that goes beyond is given up.
    """

    name: str
    what: str
    file: str
    url: str
    sha256: str
    licence: str
    size: int


KNOWN: dict[str, Weights] = {
    weights.name: weights
    for weights in (
        Weights(
            name="yolox-nano",
            what="detector of 80 COCO classes, 416x416",
            file="yolox_nano.onnx",
            url="https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0/"
            "yolox_nano.onnx",
            sha256="c789161ed43c8269fcd4e67c67eeeb4e80c622da2eb296a20bc6007bd18a0b7d",
            licence="Apache-2.0",
            size=3_659_407,
        ),
        Weights(
            name="yunet",
            what="faces with 5 landmarks",
            file="face_detection_yunet_2023mar.onnx",
            # The repository holds a Git LFS pointer; this host serves the file behind it.
            url="https://media.githubusercontent.com/media/opencv/opencv_zoo/main/models/"
            "face_detection_yunet/face_detection_yunet_2023mar.onnx",
            sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
            licence="MIT",
            size=232_589,
        ),
    )
}

_missing: dict[str, str] = {}
"""Names that :func:`find` could not get in this process, and why: nobody waits twice."""


def find(name: str, *, download: bool = True) -> Path:
    """The weights' file, downloaded if need be. Raises :class:`MissingDependency` without one.

    A failure is remembered for the life of the process; :func:`pull` tries again.
    """
    weights = _known(name)
    if (path := locate(name)) is not None:
        return path
    if name in _missing:
        raise MissingDependency(_missing[name])
    if not download:
        raise MissingDependency(_advice(weights, "not found"))
    try:
        return pull(name)
    except MissingDependency as error:
        _missing[name] = str(error)
        if isinstance(error.__cause__, OSError) and not hasattr(error.__cause__, "code"):
            # Not the server's answer but this machine's network or disk: the next name would
            # wait as long, for nothing.
            for other in KNOWN.values():
                _missing.setdefault(other.name, _advice(other, "not found, and no download works"))
        raise


def locate(name: str) -> Path | None:
    """Where the weights already are: ``$INSTANCECAP_MODELS``, then the cache; else None."""
    weights = _known(name)
    for folder in os.environ.get("INSTANCECAP_MODELS", "").split(os.pathsep):
        if folder and (given := Path(folder, weights.file)).is_file():
            return given
    cached = cache_dir() / weights.file
    return cached if _hash(cached) == weights.sha256 else None


def pull(name: str) -> Path:
    """Download the weights to the cache folder. Raises :class:`MissingDependency` on failure.

    The file appears whole and with the right hash, or not at all, however many processes try.
    """
    weights = _known(name)
    if is_offline():
        raise MissingDependency(_advice(weights, "not found, and INSTANCECAP_OFFLINE is set"))
    target = cache_dir() / weights.file
    part = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=target.parent, prefix=f".{weights.file}.", suffix=".part", delete=False
        ) as file:
            part = Path(file.name)
            for block in _download(weights):
                file.write(block)
        if (found := _hash(part)) != weights.sha256:
            raise ValueError(f"got a file with SHA-256 {found}, not {weights.sha256}")
        os.replace(part, target)
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        why = f"the download from {weights.url} failed ({reason})"
        raise MissingDependency(_advice(weights, why)) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
    _missing.pop(name, None)
    return target


def known_missing() -> dict[str, str]:
    """What :func:`find` gave up on in this process, for :func:`assume_missing` in a worker."""
    return dict(_missing)


def assume_missing(missing: dict[str, str]) -> None:
    """Let :func:`find` fail at once for names that another process has tried in vain."""
    _missing.update(missing)


def is_offline() -> bool:
    """True where ``INSTANCECAP_OFFLINE`` forbids downloads."""
    return os.environ.get("INSTANCECAP_OFFLINE", "") not in ("", "0")


def cache_dir() -> Path:
    """The folder of downloaded weights, whether or not it is there yet."""
    if base := os.environ.get("XDG_CACHE_HOME", ""):
        folder = base
    elif sys.platform == "darwin":
        folder = os.path.expanduser("~/Library/Caches")
    elif sys.platform == "win32":
        folder = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~/AppData/Local")
    else:
        folder = os.path.expanduser("~/.cache")
    if folder.startswith("~"):  # a user without a home, as in some containers
        folder = tempfile.gettempdir()
    return Path(folder, "instancecap", "models")


def _known(name: str) -> Weights:
    if name not in KNOWN:
        raise UsageError(f"no weights are named {name!r}; known names: {', '.join(KNOWN)}")
    return KNOWN[name]


def _advice(weights: Weights, why: str) -> str:
    return (
        f"weights {weights.name}: {why}; run 'instancecap models pull {weights.name}' with a "
        f"network, or put {weights.file} into a folder named by INSTANCECAP_MODELS"
    )


def _download(weights: Weights) -> Iterator[bytes]:
    from http.client import HTTPException
    from urllib.request import Request, urlopen

    request = Request(weights.url, headers={"User-Agent": "instancecap"})
    deadline = time.monotonic() + DOWNLOAD_TIMEOUT
    received = 0
    try:
        with urlopen(request, timeout=CONNECT_TIMEOUT) as answer:
            while block := answer.read(1 << 16):
                received += len(block)
                if received > weights.size:
                    raise ValueError(f"got more than the {weights.size} bytes expected")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {DOWNLOAD_TIMEOUT:g} s")
                yield block
    except HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    if received < weights.size:
        raise ValueError(f"got {received} of {weights.size} bytes")


def _hash(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
