"""Reading a written dataset back, row by row, as its trainer will."""

from __future__ import annotations

import json
import os
import tarfile
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instancecap.datasets.export import media
from instancecap.datasets.export.base import (
    RECORD_FOLDER,
    Account,
    Tell,
    Trainer,
    make_plan,
    one_line,
    silent,
)
from instancecap.datasets.export.rules import (
    TO_RULE,
    Entry,
    Load,
    Loaded,
    Plan,
    cut_short,
    out_of_rule,
)
from instancecap.datasets.export.simple_loaders import load_by_rules
from instancecap.datasets.export.trainers import find_trainer
from instancecap.datasets.export.write import CLIPS, RECORD
from instancecap.datasets.repeats import RepeatAlarm
from instancecap.errors import InputError, UsageError
from instancecap.io.tables import read_rows
from instancecap.render.targets import Counter, Target, counter_for


@dataclass(slots=True)
class CheckReport(Account):
    """What reading a dataset came to; a row that the trainer would reject has failed.

    Attributes:
        seconds: how much of their clips the trained frames show; 0 for a trainer of pictures.
        pictures: that a trainer of pictures reads.
        of: what the rows are: ``clips``, or ``captions`` where a clip has a row for each.
        dropped: place of a row that the trainer passes over, and why; in ``failed`` too.
    """

    rows: int = 0
    of: str = "clips"
    trained: int = 0
    seconds: float = 0.0
    pictures: int = 0
    dropped: list[tuple[str, str]] = field(default_factory=list)


def check(
    folder: str,
    *,
    trainer: str = "",
    target: str = "",
    on_failure: Tell = silent,
    on_warning: Tell = silent,
    on_load: Callable[[str, Loaded], None] = lambda path, loaded: None,
) -> CheckReport:
    """Read every row of a dataset, decode every clip, and count every caption's tokens.

    Rules that a trainer keeps by itself, by cutting and scaling, are warnings; in a dataset that
    was transcoded to the rules they are faults. ``trainer`` and ``target`` are those that it was
    exported for where they are empty; ``on_load`` is given each clip's path and what is made of it.

    Raises :class:`UsageError`: there is no dataset, or it does not say for which trainer and model.
    """
    root = Path(folder)
    record = _record_of(root)
    name = trainer or record.get("trainer", "")
    if not name:
        raise UsageError(f"--check {folder}: not an export of instancecap; say --for TRAINER")
    one = find_trainer(name)
    goal = one.find_target(target or record.get("target", ""))
    size = tuple(record["size"]) if record.get("size") else None
    plan = make_plan(
        one, goal, frames=record.get("frames", 0), fps=record.get("fps", 0.0), size=size
    )
    report = CheckReport(one.name, goal.name if goal else "", on_failure, on_warning)
    counter = counter_for(goal) if goal else None
    _Checker(one, goal, counter, plan, root, record, report, on_load).run()
    return report


def _record_of(root: Path) -> dict[str, Any]:
    if not root.is_dir():
        raise UsageError(f"--check {root}: there is no such folder")
    try:
        value = json.loads((root / RECORD_FOLDER / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _captioned_in(root: Path) -> dict[str, float]:
    """By a file's path in the dataset, the seconds that its caption is of, as they were noted."""
    notes = root / RECORD_FOLDER / CLIPS
    rows = read_rows(str(notes)) if notes.is_file() else iter(())
    found: dict[str, float] = {}
    for row in rows:
        if isinstance(row.value, dict) and isinstance(seconds := row.value.get("captioned"), float):
            found |= dict.fromkeys(row.value.get("media", ()), seconds)
    return found


@dataclass(slots=True)
class _Checker:
    trainer: Trainer
    target: Target | None
    counter: Counter | None
    plan: Plan
    root: Path
    record: Mapping[str, Any]
    report: CheckReport
    on_load: Callable[[str, Loaded], None]
    load: Load = field(init=False)
    captioned: dict[str, float] = field(init=False)

    @property
    def several(self) -> bool:
        """Whether the dataset was written with several captions a clip."""
        return len(self.record.get("lengths", ())) > 1 or self.record.get("paraphrases", 1) > 1

    def run(self) -> None:
        try:
            self.load = self.trainer.loader(self.root, self.plan)
        except (OSError, ValueError, KeyError, TypeError) as error:
            self.report.fail("the trainer's configuration", f"cannot be read: {error!r}")
            self.load = load_by_rules(self.root, self.plan)
        self.captioned = _captioned_in(self.root)
        seen: dict[str, str] = {}
        with closing(RepeatAlarm()) as alarm:
            self._read(seen, alarm)
            if not self.record.get("scene") and (warning := alarm.warning()):
                self.report.warn("", warning)
        if not self.report.rows and not self.report.failed:
            self.report.fail(str(self.root), "the dataset has no rows")
        for path in sorted((*self.root.glob("*.toml"), *self.root.glob("*.json"))):
            kind = path.suffix[1:].upper()
            try:
                {"TOML": tomllib.loads, "JSON": json.loads}[kind](path.read_text(encoding="utf-8"))
            except ValueError as error:
                self.report.fail(path.name, f"not valid {kind}: {error}")

    def _read(self, seen: dict[str, str], alarm: RepeatAlarm) -> None:
        """Every row of the dataset; ``seen`` are files, each with its first row."""
        if self.several and self.trainer.several in ("rows", "files"):
            self.report.of = "captions"
        try:
            for entry in self.trainer.layout.read(self.root):
                self.report.rows += 1
                faults = [*self._faults(entry), *self._repeats(entry, seen)]
                for where, text in dict.fromkeys(faults):
                    self.report.fail(where, text)
                self.report.trained += not faults
                if any(entry.texts) and self.report.of == "clips":
                    alarm.add(entry.where, next(filter(None, entry.texts)))
        except (OSError, UnicodeDecodeError) as error:
            self.report.fail(str(self.root), f"cannot be read: {error}")

    def _faults(self, entry: Entry) -> Iterator[tuple[str, str]]:
        """What is wrong with a row, and where: in the row, or in a file that it names."""
        if entry.fault:
            yield entry.where, entry.fault
            return
        if not entry.texts:
            yield entry.where, "no caption"
        for text in entry.texts:
            for fault in self._faults_of_text(text, entry.where):
                yield entry.where, fault
        if not entry.media:
            yield entry.where, "no clip"
        for path in entry.media:
            where = self._place(entry, path)
            for fault in self._faults_of_media(where, path):
                yield where, fault

    def _place(self, entry: Entry, path: str) -> str:
        """A row and one of its files, named from the dataset's folder."""
        root = os.path.abspath(self.root) + os.sep
        return entry.where if path == entry.where else f"{entry.where}: {path.removeprefix(root)}"

    def _repeats(self, entry: Entry, seen: dict[str, str]) -> Iterator[tuple[str, str]]:
        """Clips that another row has already, where a clip has one caption."""
        rows_of_a_clip = self.several and self.trainer.several == "rows"
        for path in () if rows_of_a_clip else entry.media:
            if (first := seen.setdefault(path, entry.where)) != entry.where:
                yield self._place(entry, path), f"is the clip of {first} too"

    def _faults_of_text(self, text: str, where: str) -> Iterator[str]:
        if not text.strip():
            if self.trainer.drops or not self.record.get("drop_captions"):
                yield "the caption is empty"
        elif len(text.splitlines()) > 1:
            yield f"the caption has {len(text.splitlines())} lines"
        elif text != one_line(text):
            yield "the caption has control characters, or spaces that trainers drop"
        elif self.counter is not None and self.target is not None:
            tokens = self.counter.count(text)
            if tokens > self.target.limit:
                who = self.trainer.name if self.trainer.max_tokens else self.target.name
                limit = f"{who} takes {self.target.limit}"
                yield f"the caption has {tokens} tokens ({self.counter.name}), and {limit}"
            elif tokens > self.target.budget:
                worse = f"{self.target.name} gets worse from {self.target.budget} on"
                self.report.warn(where, f"the caption has {tokens} tokens, and {worse}")

    def _faults_of_media(self, where: str, path: str) -> Iterator[str]:
        with self._file(path) as file:
            if not file.is_file():
                yield "no such file"
                return
            try:
                info = media.inspect(file, decode=True)
            except InputError as error:
                yield str(error).removeprefix(f"{file}: ")
                return
        if self.trainer.stills:
            self.report.pictures += 1
            return
        loaded = self.load(info)
        self.on_load(path, loaded)
        self.report.seconds += loaded.seconds
        if loaded.reason:
            self.report.dropped.append((where, loaded.reason))
            yield loaded.drop
        inside = path.removeprefix(os.path.abspath(self.root) + os.sep)
        if warning := cut_short(self.captioned.get(inside, 0.0), info, loaded):
            self.report.warn(where, warning)
        for broken in out_of_rule(info, self.plan):
            if self.record.get("transcode"):
                yield broken
            else:
                self.report.warn(where, f"{broken}; {TO_RULE}")

    @contextmanager
    def _file(self, path: str) -> Iterator[Path]:
        """The file at a path as it stands in a row; a member of a shard is taken out for it."""
        shard, _, member = path.partition(".tar/")
        if not member:
            yield self.root / path
            return
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / os.path.basename(member)
            with tarfile.open(self.root / f"{shard}.tar") as tar:
                stream = tar.extractfile(member)
                if stream is not None:
                    target.write_bytes(stream.read())
            yield target
