"""Many captions to prompts: one result a caption, in order, whatever happens to the others."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, Protocol

from instancecap.errors import FormatError, OutputError, UsageError
from instancecap.mllm.base import Backend
from instancecap.render.budget import Counter, counter_for
from instancecap.render.fuse import fuse
from instancecap.render.lint import find_forbidden
from instancecap.render.options import Length, RenderOptions, check_length
from instancecap.render.prompt import Prompt
from instancecap.render.render import render_with
from instancecap.schema.caption import Caption

FUSED_AT_ONCE = 64


class Named(Protocol):
    """A caption with its name, as ``dataset.captions.read_captions`` gives it."""

    @property
    def name(self) -> str: ...
    @property
    def caption(self) -> Caption | None: ...
    @property
    def source(self) -> str: ...
    @property
    def error(self) -> str: ...


def split_lengths(values: Sequence[str]) -> tuple[Length, ...]:
    """*dense,short* and *tags* as three lengths, each once.

    Raises:
        UsageError: another length.
    """
    names = [name.strip() for value in values for name in value.split(",")]
    return tuple(check_length(name) for name in dict.fromkeys(names))


@dataclass(frozen=True, slots=True)
class Rendered:
    """A caption's prompts, one a length, or why there are none.

    Attributes:
        name: the clip's name, else the source's.
        error: one line; empty where there are prompts.
    """

    name: str
    source: str
    prompts: tuple[Prompt, ...] = ()
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        prompts = [one.to_dict() for one in self.prompts]
        row: dict[str, Any] = {"name": self.name, "source": self.source, "prompts": prompts}
        return row if not self.error else {**row, "error": self.error}


def render_all(
    rows: Iterable[Named],
    options: RenderOptions,
    *,
    lengths: Sequence[Length] = (),
    forbid: Sequence[str] = (),
    counter: Counter | None = None,
    backend: Backend | None = None,
) -> Iterator[Rendered]:
    """One result a row, in their order.

    Args:
        lengths: a prompt for each, instead of the one length of the options.
        forbid: phrases that no prompt may hold; see :mod:`instancecap.render.lint`.
        counter: counts tokens; the target's estimate unless told otherwise.
        backend: a language model to polish the prompts; see :mod:`instancecap.render.fuse`.

    Raises:
        UsageError: an unknown length.
        ServerError: the language model cannot be asked at all.
    """
    counter = counter or counter_for(options.target)
    wanted = [replace(options, length=one) for one in lengths] or [options]
    return _render_rows(rows, wanted, forbid, counter, backend)


def _render_rows(
    rows: Iterable[Named],
    wanted: Sequence[RenderOptions],
    forbid: Sequence[str],
    counter: Counter,
    backend: Backend | None,
) -> Iterator[Rendered]:
    if backend is None:
        for row in rows:
            yield _lint(_render_row(row, wanted, counter), forbid)
        return
    with asyncio.Runner() as runner:
        waiting = iter(rows)
        while batch := list(islice(waiting, FUSED_AT_ONCE)):
            done = [_render_row(row, wanted, counter) for row in batch]
            for one in runner.run(_fuse_all(batch, done, backend, counter)):
                yield _lint(one, forbid)
        runner.run(backend.close())


def _render_row(row: Named, wanted: Sequence[RenderOptions], counter: Counter) -> Rendered:
    if row.caption is None:
        return Rendered(row.name, row.source, error=row.error)
    try:
        prompts = tuple(render_with(row.caption, one, counter=counter) for one in wanted)
    except FormatError as error:
        return Rendered(row.name, row.source, error=str(error))
    return Rendered(row.name, row.source, prompts)


async def _fuse_all(
    rows: Sequence[Named], done: Sequence[Rendered], backend: Backend, counter: Counter
) -> list[Rendered]:
    flat = [
        (row.caption, prompt)
        for row, one in zip(rows, done, strict=True)
        for prompt in one.prompts
        if row.caption is not None
    ]
    fused = iter(
        await fuse([one for one, _ in flat], [one for _, one in flat], backend, counter=counter)
    )
    return [replace(one, prompts=tuple(next(fused) for _ in one.prompts)) for one in done]


def _lint(one: Rendered, forbid: Sequence[str]) -> Rendered:
    for prompt in one.prompts:
        if found := find_forbidden(prompt.text, forbid):
            phrases = ", ".join(map(repr, found))
            return Rendered(one.name, one.source, error=f"holds what is forbidden: {phrases}")
    return one


def text_line(one: Rendered) -> str:
    """A caption's line of text: its prompts, a tab between lengths; blank where it failed."""
    return "\t".join(prompt.text for prompt in one.prompts)


@dataclass
class PromptFile:
    """Prompts written to a ``.txt``, ``.jsonl`` or ``.csv`` file, which is there once all are.

    Raises:
        UsageError: another suffix.
        OutputError: the file cannot be written.
    """

    path: str
    lengths: Sequence[str]
    _file: IO[str] | None = field(default=None, init=False)

    def __enter__(self) -> PromptFile:
        suffix = Path(self.path).suffix.lower()
        if suffix not in (".txt", ".jsonl", ".csv"):
            raise UsageError(f"--out {self.path}: name a .txt, .jsonl or .csv file")
        self._lines = {".txt": self._txt, ".jsonl": self._jsonl, ".csv": self._csv}[suffix]
        self._part = f"{self.path}.{os.getpid()}.part"
        try:
            if parent := os.path.dirname(self.path):
                os.makedirs(parent, exist_ok=True)
            self._file = open(self._part, "w", encoding="utf-8", newline="\n")
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error
        if suffix == ".csv":
            self._put(_csv_row([*_CSV_NAMES, *self._columns("prompt"), *self._columns("tokens")]))
        return self

    def write(self, one: Rendered) -> None:
        """Append a result."""
        self._put(self._lines(one))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is None:
            return
        self._file.close()
        if kind is None:
            os.replace(self._part, self.path)
        else:
            os.unlink(self._part)

    def _put(self, text: str) -> None:
        assert self._file is not None
        try:
            self._file.write(text)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error

    def _columns(self, name: str) -> list[str]:
        return [name] if len(self.lengths) == 1 else [f"{name}_{one}" for one in self.lengths]

    def _txt(self, one: Rendered) -> str:
        return f"{text_line(one)}\n"

    def _jsonl(self, one: Rendered) -> str:
        return f"{json.dumps(one.to_dict(), ensure_ascii=False)}\n"

    def _csv(self, one: Rendered) -> str:
        texts = [prompt.text for prompt in one.prompts] or [""] * len(self.lengths)
        tokens = [str(prompt.tokens) for prompt in one.prompts] or [""] * len(self.lengths)
        return _csv_row([one.name, one.source, one.error, *texts, *tokens])


_CSV_NAMES = ("name", "source", "error")


def _csv_row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()
