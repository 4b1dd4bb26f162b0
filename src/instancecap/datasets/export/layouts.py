"""The layouts that trainers share. Each writes row by row and reads back what it wrote."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instancecap.datasets.export.rules import Entry, MediaInfo, Plan, Sample
from instancecap.io.atomic import replace
from instancecap.io.finder import IMAGE_SUFFIXES, VIDEO_SUFFIXES
from instancecap.io.table_writers import TableWriter, open_table

SHARD_BYTES = 1_000_000_000
"""Size that a tar shard is kept under, unless one sample alone is larger."""

READ_AS_MISSING = frozenset({"NA", "N/A", "NULL", "None", "NaN", "nan", "null", "n/a", "<NA>"})
"""Cells of a CSV file that pandas reads as no value at all."""


Add = Callable[[Sample], None]
"""Writes a sample's row."""

Row = Callable[[Sample, Path], dict[str, Any]]
"""A sample as a row, given the folder that the dataset will have."""

Parse = Callable[[dict[str, Any]], tuple[tuple[str, ...], tuple[str, ...]]]
"""Paths and texts of a row. Raises ``KeyError``, ``TypeError``, ``IndexError`` or ``ValueError``
where the row is not what the trainer expects."""


def one_group(info: MediaInfo, plan: Plan) -> str:
    """The group of clips that are all loaded alike."""
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout(ABC):
    """How a trainer wants rows and files laid out.

    Attributes:
        media: folder for the clips inside the dataset, empty for the dataset's own.
        numbered: files are named by number, where names could be taken for something else.
    """

    media: str = "videos"
    numbered: bool = False

    @abstractmethod
    def writing(self, folder: Path, final: Path, plan: Plan) -> AbstractContextManager[Add]:
        """Write into ``folder``, which is going to be renamed to ``final``; files are whole after
        the context."""

    @abstractmethod
    def read(self, folder: Path) -> Iterator[Entry]:
        """Every row of a dataset, as the trainer would read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines(Layout):
    """Two text files, of captions and of paths; line N of one goes with line N of the other."""

    prompts: str
    videos: str = "videos.txt"

    @contextmanager
    def writing(self, folder: Path, final: Path, plan: Plan) -> Iterator[Add]:
        """Both files grow by one line for each sample."""
        with (
            open(folder / self.prompts, "w", encoding="utf-8", newline="\n") as prompts,
            open(folder / self.videos, "w", encoding="utf-8", newline="\n") as videos,
        ):

            def add(sample: Sample) -> None:
                prompts.write(f"{sample.text}\n")
                videos.write(f"{sample.media[0]}\n")

            yield add

    def read(self, folder: Path) -> Iterator[Entry]:
        """Pairs of lines; CogVideo passes over blank ones, which shifts all that follow."""
        texts, paths = (_text_lines(folder / one) for one in (self.prompts, self.videos))
        if len(texts) != len(paths):
            yield Entry(
                f"{self.prompts} and {self.videos}",
                fault=f"{len(texts)} captions for {len(paths)} videos: the pairs are shifted",
            )
        for number, (text, path) in enumerate(zip(texts, paths, strict=False), 1):
            yield Entry(f"{self.prompts}: line {number}", (path,), (text,))


def _text_lines(path: Path) -> list[str]:
    """Lines as Python's text files have them, the last line break aside."""
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs(Layout):
    """``x.txt`` for each ``x.mp4``: beside it, or in a folder of its own, ``texts``.

    Attributes:
        split: each line of the text is a caption, of which the trainer draws one.
    """

    media: str = ""
    texts: str = ""
    split: bool = False

    @contextmanager
    def writing(self, folder: Path, final: Path, plan: Plan) -> Iterator[Add]:
        """One text file for each sample."""
        place = folder / (self.texts or self.media)
        place.mkdir(parents=True, exist_ok=True)

        def add(sample: Sample) -> None:
            (place / f"{sample.stem}.txt").write_text("\n".join(sample.texts), encoding="utf-8")

        yield add

    def read(self, folder: Path) -> Iterator[Entry]:
        """Every clip with its text, and every text without a clip."""
        clips = {
            path.stem: path
            for path in sorted((folder / self.media).iterdir())
            if path.suffix.lower() in VIDEO_SUFFIXES | IMAGE_SUFFIXES
        }
        place = folder / (self.texts or self.media)
        texts = {path.stem: path for path in sorted(place.glob("*.txt"))}
        for stem, clip in clips.items():
            where = clip.relative_to(folder).as_posix()
            text = texts[stem].read_text(encoding="utf-8").rstrip("\n") if stem in texts else None
            parts = text.split("\n") if text and self.split else [text]
            yield Entry(where, (where,), tuple(part for part in parts if part is not None))
        for stem in sorted(set(texts) - set(clips)):
            yield Entry(texts[stem].relative_to(folder).as_posix(), fault="a caption and no clip")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table(Layout):
    """A file of rows: ``.jsonl``, ``.json`` (a list, or an object by name), or ``.csv``.

    Attributes:
        file: its name; the suffix says what it is.
        row, parse: a sample as a row, and back.
        keyed: the file is an object, and ``row`` gives one key and its value.
        group: what clips share that are loaded alike. Each group has a table of its own: the
            first clip's is ``file``, another's has the group after its stem.
    """

    file: str
    row: Row
    parse: Parse
    keyed: bool = False
    group: Callable[[MediaInfo, Plan], str] = one_group

    @contextmanager
    def writing(self, folder: Path, final: Path, plan: Plan) -> Iterator[Add]:
        """Rows are written as they come."""
        tables: dict[str, TableWriter] = {}

        def add(sample: Sample) -> None:
            group = self.group(sample.info, plan)
            if group not in tables:
                path = folder / self.file
                path = path.with_stem(f"{path.stem}-{group}") if tables else path
                brackets = "{}" if self.keyed else "[]"
                tables[group] = open_table(path, brackets=brackets, ascii=True)
            tables[group].write(self.row(sample, final))

        try:
            yield add
        except BaseException:
            for table in tables.values():
                table.drop()
            raise
        for table in tables.values():
            table.finish()

    def read(self, folder: Path) -> Iterator[Entry]:
        """Rows, those that cannot be read with the reason."""
        path = folder / self.file
        for one in (path, *sorted(path.parent.glob(f"{path.stem}-*{path.suffix}"))):
            for where, row in self._rows(one, one.relative_to(folder).as_posix()):
                yield self._entry(where, row)

    def _entry(self, where: str, row: Any) -> Entry:
        if isinstance(row, str):
            return Entry(where, fault=row)
        try:
            media, texts = self.parse(row)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            return Entry(where, fault=f"not a row of this trainer: {error!r}")
        for text in texts if self.file.endswith(".csv") else ():
            if text in READ_AS_MISSING:
                return Entry(where, media, fault=f"the caption {text!r} is read as a missing value")
        return Entry(where, media, texts)

    def _rows(self, path: Path, name: str) -> Iterator[tuple[str, Any]]:
        """Each row with its place; a text where it could not be parsed."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            yield name, f"cannot be read: {error}"
            return
        if path.suffix == ".csv":
            header = next(csv.reader(io.StringIO(text)), [])
            for number, cells in enumerate(csv.DictReader(io.StringIO(text)), 1):
                torn = len(cells) != len(header) or None in cells.values()
                yield f"{name}: row {number}", "columns are missing" if torn else cells
        elif path.suffix == ".jsonl":
            for number, line in enumerate(text.split("\n")[:-1], 1):
                yield f"{name}: line {number}", _json_or_fault(line)
        elif isinstance(rows := _json_or_fault(text), str):
            yield name, rows
        else:
            rows = [{key: value} for key, value in rows.items()] if self.keyed else rows
            for number, row in enumerate(rows, 1):
                yield f"{name}: row {number}", row


def dump(value: Any) -> str:
    """JSON in ASCII: read alike in every locale, and no character in it ends a line."""
    return json.dumps(value, ensure_ascii=True)


def _json_or_fault(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"not valid JSON: {error}"
    return value if isinstance(value, dict | list) else "not a JSON object"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shards(Layout):
    """WebDataset: tar files of samples, each ``x.mp4``, ``x.txt`` and ``x.json`` in a row.

    Clips are put into ``media`` first and move into the shards, which are named for good only
    when they are whole.
    """

    media: str = ".media"
    row: Row
    shard_bytes: int = SHARD_BYTES

    @contextmanager
    def writing(self, folder: Path, final: Path, plan: Plan) -> Iterator[Add]:
        """A new shard is begun before one would grow past its size."""
        shard = _Shard(folder)

        def add(sample: Sample) -> None:
            clip = folder / sample.media[0]
            facts = dump(self.row(sample, final)).encode()
            texts = {".txt": sample.text.encode(), ".json": facts}
            # A member takes a block for its header and whole blocks for its data.
            sizes = [clip.stat().st_size, *map(len, texts.values())]
            blocks = sum(1 + -(-size // tarfile.BLOCKSIZE) for size in sizes)
            tar = shard.with_room(blocks * tarfile.BLOCKSIZE, self.shard_bytes)
            with open(clip, "rb") as file:
                tar.addfile(_member(f"{sample.stem}{clip.suffix}", sizes[0]), file)
            for suffix, data in texts.items():
                tar.addfile(_member(f"{sample.stem}{suffix}", len(data)), io.BytesIO(data))
            clip.unlink()

        try:
            yield add
        finally:
            shard.finish()

    def read(self, folder: Path) -> Iterator[Entry]:
        """Samples of all shards, as neighbours with the same key."""
        for path in sorted(folder.glob("*.tar")):
            try:
                with tarfile.open(path) as tar:
                    yield from _samples_of(tar, path.name)
            except (tarfile.TarError, EOFError, OSError) as error:
                yield Entry(path.name, fault=f"the shard is broken: {error}")


def _samples_of(tar: tarfile.TarFile, shard: str) -> Iterator[Entry]:
    key, parts = "", dict[str, tarfile.TarInfo]()
    for member in [*tar.getmembers(), None]:
        stem, _, suffix = member.name.partition(".") if member else ("", "", "")
        if parts and stem != key:
            clips = [name for name in parts if name not in ("txt", "json")]
            stream = tar.extractfile(parts["txt"]) if "txt" in parts else None
            texts = (stream.read().decode("utf-8", "replace"),) if stream else ()
            facts = tar.extractfile(parts["json"]) if "json" in parts else None
            texts = tuple(json.load(facts).get("captions") or texts) if facts else texts
            media = tuple(f"{shard}/{parts[name].name}" for name in clips)
            yield Entry(f"{shard}: {key}", media, texts)
            parts = {}
        if member:
            key = stem
            parts[suffix] = member


class _Shard:
    """The shard that is being written."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self._size = folder, 0, 0
        self._tar: tarfile.TarFile | None = None

    def with_room(self, needed: int, most: int) -> tarfile.TarFile:
        """The shard, or the next one where ``needed`` more bytes would make more than ``most``."""
        if self._size + needed > most:
            self.finish()
        if self._tar is None:
            part = self._path(".part")
            self._tar = tarfile.open(part, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        self._size += needed
        return self._tar

    def finish(self) -> None:
        """Name the shard for good."""
        if self._tar is not None:
            self._tar.close()
            replace(self._path(".part"), self._path(""))
            self._tar, self._size, self._number = None, 0, self._number + 1

    def _path(self, suffix: str) -> Path:
        return self._folder / f"shard-{self._number:06d}.tar{suffix}"


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A member without times and owners, so that the same clips give the same bytes."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member
