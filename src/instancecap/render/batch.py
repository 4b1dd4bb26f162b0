"""Many captions to prompts: one result a caption, in order, whatever happens to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

from instancecap.errors import FormatError, UsageError
from instancecap.io.tables import open_table
from instancecap.mllm.base import Backend
from instancecap.render.budget import Counter, counter_for
from instancecap.render.fuse import fuse
from instancecap.render.lint import find_forbidden
from instancecap.render.prompt import Prompt
from instancecap.render.render import check_options, render
from instancecap.render.targets import Target
from instancecap.render.text import Length, Task
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How captions are rendered; see :func:`instancecap.render.render.render`."""

    target: Target
    task: Task = "t2v"
    lengths: tuple[Length, ...] = ("dense",)
    prefix: str = ""
    suffix: str = ""
    drop_fields: float = 0.0
    seed: int = 0
    forbid: tuple[str, ...] = ()
    tokenizer: str | None = None

    def __post_init__(self) -> None:
        for length in self.lengths:
            check_options(
                self.target,
                task=self.task,
                length=length,
                prefix=self.prefix,
                suffix=self.suffix,
                drop_fields=self.drop_fields,
            )


def split_lengths(values: Sequence[str]) -> tuple[Length, ...]:
    """*dense,short* and *tags* as three lengths, each once."""
    names = [name.strip() for value in values for name in value.split(",")]
    return cast(tuple[Length, ...], tuple(dict.fromkeys(names)))


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
    rows: Iterable[Named], options: Options, *, backend: Backend | None = None
) -> Iterator[Rendered]:
    """One result a row, in their order.

    Args:
        backend: a language model to polish the prompts; see :mod:`instancecap.render.fuse`.

    Raises:
        UsageError: an option that no caption can be rendered with.
        ServerError: the language model cannot be asked at all.
    """
    counter = counter_for(options.target, options.tokenizer)
    if backend is None:
        for row in rows:
            yield _lint(_render_row(row, options, counter), options)
        return
    with asyncio.Runner() as runner:
        waiting = iter(rows)
        while batch := list(islice(waiting, FUSED_AT_ONCE)):
            done = [_render_row(row, options, counter) for row in batch]
            for one in runner.run(_fuse_all(batch, done, backend, counter)):
                yield _lint(one, options)
        runner.run(backend.close())


def _render_row(row: Named, options: Options, counter: Counter) -> Rendered:
    name, source = row.name, row.source
    if row.caption is None:
        return Rendered(name, source, error=row.error)
    try:
        prompts = tuple(
            render(
                row.caption,
                target=options.target,
                task=options.task,
                length=length,
                prefix=options.prefix,
                suffix=options.suffix,
                drop_fields=options.drop_fields,
                seed=options.seed,
                counter=counter,
            )
            for length in options.lengths
        )
    except FormatError as error:
        return Rendered(name, source, error=str(error))
    return Rendered(name, source, prompts)


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


def _lint(one: Rendered, options: Options) -> Rendered:
    for prompt in one.prompts:
        if found := find_forbidden(prompt.text, options.forbid):
            phrases = ", ".join(map(repr, found))
            return Rendered(one.name, one.source, error=f"holds what is forbidden: {phrases}")
    return one


def text_line(one: Rendered) -> str:
    """A caption's line of text: its prompts, a tab between lengths; blank where it failed."""
    return "\t".join(prompt.text for prompt in one.prompts)


class PromptFile:
    """Prompts written to a ``.txt``, ``.jsonl`` or ``.csv`` file, which is there once all are."""

    def __init__(self, path: str, lengths: Sequence[str]) -> None:
        """
        Raises:
            UsageError: another suffix.
            OutputError: the file cannot be written.
        """
        self._suffix = Path(path).suffix.lower()
        if self._suffix not in (".txt", ".jsonl", ".csv"):
            raise UsageError(f"--out {path}: name a .txt, .jsonl or .csv file")
        self._texts, self._tokens = (
            [name] if len(lengths) == 1 else [f"{name}_{one}" for one in lengths]
            for name in ("prompt", "tokens")
        )
        self._table = open_table(
            Path(path), columns=["name", "source", "error", *self._texts, *self._tokens]
        )

    def __enter__(self) -> PromptFile:
        return self

    def write(self, one: Rendered) -> None:
        """Append a result. Raises :class:`OutputError`."""
        if self._suffix == ".txt":
            self._table.write(text_line(one))
        elif self._suffix == ".jsonl":
            self._table.write(one.to_dict())
        else:
            texts = [prompt.text for prompt in one.prompts] or [""] * len(self._texts)
            tokens = [str(prompt.tokens) for prompt in one.prompts] or [""] * len(self._texts)
            cells = {"name": one.name, "source": one.source, "error": one.error}
            cells |= zip(self._texts, texts, strict=True)
            self._table.write(cells | dict(zip(self._tokens, tokens, strict=True)))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._table.finish()
        else:
            self._table.drop()
