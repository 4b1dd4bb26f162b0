"""The layouts that trainers share. Each writes row by row and reads back what it wrote."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from instancecap.datasets.export.base import Entry, Row, Sample, Writer
from instancecap.datasets.export.media import MediaInfo
from instancecap.io.atomic import replace

SHARD_BYTES = 1_000_000_000
"""Size that a tar shard is kept under, unless one sample alone is larger."""

MEDIA_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif", ".jpg", ".png"})
READ_AS_MISSING = frozenset({"NA", "N/A", "NULL", "None", "NaN", "nan", "null", "n/a", "<NA>"})
"""Cells of a CSV file that pandas reads as no value at all."""


def dump(value: Any) -> str:
    """JSON in ASCII: read alike in every locale, and no character in it ends a line."""
    return json.dumps(value, ensure_ascii=True)


@dataclass(frozen=True, slots=True)
class Lines:
    """Two text files, where line N of one goes with line N of the other.

    Attributes:
        prompts: file of the captions.
        videos: file of the clips' paths, relative to the dataset.
    """

    prompts: str
    videos: str
    media: str = "videos"
    numbered: bool = False
    packs: bool = False

    def writer(self, folder: Path, final: Path) -> Writer:
        """Both files grow by one line for each sample."""
        return _LinesWriter(
            *(
                open(folder / one, "w", encoding="utf-8", newline="\n")
                for one in (self.prompts, self.videos)
            )
        )

    def read(self, folder: Path) -> Iterator[Entry]:
        """Pairs of lines; CogVideo passes over blank ones, which shifts all that follow."""
        texts, paths = (_text_lines(folder / one) for one in (self.prompts, self.videos))
        if len(texts) != len(paths):
            yield Entry(
                f"{self.prompts} and {self.videos}",
                fault=f"{len(texts)} captions for {len(paths)} videos: the pairs are shifted",
            )
        for number, (text, path) in enumerate(zip(texts, paths, strict=False), 1):
            yield Entry(f"{self.prompts}: line {number}", (path,), text)


@dataclass(frozen=True, slots=True)
class _LinesWriter:
    prompts: IO[str]
    videos: IO[str]

    def add(self, sample: Sample) -> None:
        self.prompts.write(sample.text + "\n")
        self.videos.write(sample.media[0] + "\n")

    def close(self) -> None:
        self.prompts.close()
        self.videos.close()


def _text_lines(path: Path) -> list[str]:
    """Lines as Python's text files have them, the last line break aside."""
    with open(path, encoding="utf-8") as file:
        return [line.rstrip("\n") for line in file]


@dataclass(frozen=True, slots=True)
class Pairs:
    """``x.txt`` for each ``x.mp4``: beside it, or in a folder of its own.

    Attributes:
        texts: folder of the text files; that of the clips where it is empty.
    """

    media: str = ""
    texts: str = ""
    numbered: bool = False
    packs: bool = False

    def writer(self, folder: Path, final: Path) -> Writer:
        """One text file for each sample."""
        place = folder / (self.texts or self.media)
        place.mkdir(parents=True, exist_ok=True)
        return _PairsWriter(place)

    def read(self, folder: Path) -> Iterator[Entry]:
        """Every clip with its text, and every text without a clip."""
        clips = {
            path.stem: path
            for path in sorted((folder / self.media).iterdir())
            if path.suffix.lower() in MEDIA_SUFFIXES
        }
        place = folder / (self.texts or self.media)
        texts = {path.stem: path for path in sorted(place.glob("*.txt"))}
        for stem, clip in clips.items():
            where = clip.relative_to(folder).as_posix()
            if stem in texts:
                yield Entry(where, (where,), texts[stem].read_text(encoding="utf-8").rstrip("\n"))
            else:
                yield Entry(where, (where,), None)
        for stem in sorted(set(texts) - set(clips)):
            yield Entry(texts[stem].relative_to(folder).as_posix(), fault="a caption and no clip")


@dataclass(frozen=True, slots=True)
class _PairsWriter:
    folder: Path

    def add(self, sample: Sample) -> None:
        path = self.folder / f"{sample.stem}.txt"
        path.write_text(sample.text, encoding="utf-8")

    def close(self) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Table:
    """One file of rows: ``.jsonl``, ``.json`` (a list, or an object by name), or ``.csv``.

    Attributes:
        file: its name; the suffix says what it is.
        row: a sample as a row.
        parse: paths and text of a row. Raises ``KeyError``, ``TypeError``, ``IndexError`` or
            ``ValueError`` where the row is not what the trainer expects.
        keyed: the file is an object, and ``row`` gives one key and its value.
    """

    file: str
    row: Row
    parse: Callable[[dict[str, Any]], tuple[tuple[str, ...], str]]
    media: str = "videos"
    numbered: bool = False
    keyed: bool = False
    packs: bool = False

    def writer(self, folder: Path, final: Path) -> Writer:
        """Rows are written as they come."""
        (folder / self.file).parent.mkdir(parents=True, exist_ok=True)
        file = open(folder / self.file, "w", encoding="utf-8", newline="")  # noqa: SIM115
        if self.file.endswith(".csv"):
            return _CsvWriter(self.row, final, file)
        return _JsonWriter(self.row, final, file, self.file.endswith(".jsonl"), self.keyed)

    def read(self, folder: Path) -> Iterator[Entry]:
        """Rows, those that cannot be read with the reason."""
        for where, row in self._rows(folder / self.file):
            if isinstance(row, str):
                yield Entry(where, fault=row)
                continue
            try:
                media, text = self.parse(row)
            except (KeyError, TypeError, IndexError, ValueError) as error:
                yield Entry(where, fault=f"not a row of this trainer: {error!r}")
                continue
            if self.file.endswith(".csv") and text in READ_AS_MISSING:
                yield Entry(where, media, fault=f"the caption {text!r} is read as a missing value")
            else:
                yield Entry(where, media, text)

    def _rows(self, path: Path) -> Iterator[tuple[str, Any]]:
        """Each row with its place; a text where it could not be parsed."""
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            yield self.file, f"cannot be read: {error}"
            return
        if self.file.endswith(".csv"):
            header = next(csv.reader(io.StringIO(text)), [])
            for number, cells in enumerate(csv.DictReader(io.StringIO(text)), 1):
                torn = len(cells) != len(header) or None in cells.values()
                yield f"{self.file}: row {number}", "columns are missing" if torn else cells
        elif self.file.endswith(".jsonl"):
            for number, line in enumerate(text.split("\n")[:-1], 1):
                yield f"{self.file}: line {number}", _json_or_fault(line)
        else:
            rows = _json_or_fault(text)
            if isinstance(rows, str):
                yield self.file, rows
                return
            if self.keyed:
                rows = [{key: value} for key, value in rows.items()]
            for number, row in enumerate(rows, 1):
                yield f"{self.file}: row {number}", row


def _json_or_fault(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError as error:
        return f"not valid JSON: {error}"
    return value if isinstance(value, dict | list) else "not a JSON object"


@dataclass(slots=True)
class _JsonWriter:
    row: Row
    final: Path
    file: IO[str]
    lines: bool
    keyed: bool
    count: int = 0

    def add(self, sample: Sample) -> None:
        row = dump(self.row(sample, self.final))
        if self.lines:
            self.file.write(row + "\n")
        else:
            opening = ("{" if self.keyed else "[") + "\n"
            self.file.write((",\n" if self.count else opening) + (row[1:-1] if self.keyed else row))
        self.count += 1

    def close(self) -> None:
        if not self.lines:
            self.file.write("\n}\n" if self.keyed else "\n]\n")
        self.file.close()


@dataclass(slots=True)
class _CsvWriter:
    row: Row
    final: Path
    file: IO[str]
    writer: Any = None

    def add(self, sample: Sample) -> None:
        row = self.row(sample, self.final)
        if self.writer is None:
            self.writer = csv.DictWriter(self.file, list(row), lineterminator="\n")
            self.writer.writeheader()
        self.writer.writerow(row)

    def close(self) -> None:
        self.file.close()


@dataclass(frozen=True, slots=True)
class Shards:
    """WebDataset: tar files of samples, each ``x.mp4``, ``x.txt`` and ``x.json`` in a row.

    Clips are put into ``media`` first and move into the shards, which are named for good only
    when they are whole.
    """

    row: Row
    shard_bytes: int = SHARD_BYTES
    media: str = ".media"
    numbered: bool = False
    packs: bool = True

    def writer(self, folder: Path, final: Path) -> Writer:
        """A new shard is begun before one would grow past its size."""
        return _ShardWriter(self, folder, final)

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
            text = stream.read().decode("utf-8", "replace") if stream else None
            media = tuple(f"{shard}/{parts[name].name}" for name in clips)
            yield Entry(f"{shard}: {key}", media, text)
            parts = {}
        if member:
            key = stem
            parts[suffix] = member


class _ShardWriter:
    def __init__(self, layout: Shards, folder: Path, final: Path) -> None:
        self.layout, self.folder, self.final = layout, folder, final
        self.tar: tarfile.TarFile | None = None
        self.size = self.shards = 0

    def add(self, sample: Sample) -> None:
        clip = self.folder / sample.media[0]
        facts = dump(self.layout.row(sample, self.final)).encode()
        texts = {".txt": sample.text.encode(), ".json": facts}
        # A member takes a block for its header and whole blocks for its data.
        sizes = [clip.stat().st_size, *map(len, texts.values())]
        needed = sum(tarfile.BLOCKSIZE + -(-size // tarfile.BLOCKSIZE) * 512 for size in sizes)
        if self.tar is not None and self.size + needed > self.layout.shard_bytes:
            self._finish()
        if self.tar is None:
            part = self._path(".part")
            self.tar = tarfile.open(part, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
        member = _member(f"{sample.stem}{clip.suffix}", sizes[0])
        with open(clip, "rb") as file:
            self.tar.addfile(member, file)
        for suffix, data in texts.items():
            self.tar.addfile(_member(f"{sample.stem}{suffix}", len(data)), io.BytesIO(data))
        self.size += needed
        clip.unlink()

    def close(self) -> None:
        self._finish()

    def _finish(self) -> None:
        if self.tar is not None:
            self.tar.close()
            replace(self._path(".part"), self._path(""))
            self.tar, self.size, self.shards = None, 0, self.shards + 1

    def _path(self, suffix: str) -> Path:
        return self.folder / f"shard-{self.shards:06d}.tar{suffix}"


def _member(name: str, size: int) -> tarfile.TarInfo:
    """A member without times and owners, so that the same clips give the same bytes."""
    member = tarfile.TarInfo(name)
    member.size = size
    return member


def facts_of(info: MediaInfo) -> dict[str, Any]:
    """A clip's figures under the names that most trainers use."""
    return {
        "num_frames": info.frames,
        "height": info.height,
        "width": info.width,
        "fps": round(info.fps, 3),
    }
