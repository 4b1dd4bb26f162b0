"""Many captions to prompts: one result a caption, in order, whatever happens to the others."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, cast

from instancecap.errors import FormatError, UsageError
from instancecap.mllm.base import Backend
from instancecap.render.fuse import fuse
from instancecap.render.options import Length, Prompt, RenderOptions
from instancecap.render.render import render_with
from instancecap.render.targets import Counter, counter_for
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
        prompts = [asdict(one) for one in self.prompts]
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
        forbid: phrases that no prompt may hold; see :func:`read_phrases`.
        counter: counts tokens; the target's estimate unless told otherwise.
        backend: a language model to polish the prompts; see :mod:`instancecap.render.fuse`.

    Raises:
        UsageError: an unknown length.
        ServerError: the language model cannot be asked at all.
    """
    counter = counter or counter_for(options.target)
    wanted = [replace(options, length=one) for one in lengths] or [options]
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
    pairs = list(zip(rows, done, strict=True))
    captions = [row.caption for row, one in pairs for _ in one.prompts if row.caption]
    prompts = [prompt for one in done for prompt in one.prompts]
    fused = iter(await fuse(captions, prompts, backend, counter=counter))
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


def read_phrases(values: Iterable[str]) -> tuple[str, ...]:
    """Phrases from the command line: each a phrase, or a ``.txt`` file with a phrase a line.

    In a file, blank lines and lines that begin with ``#`` are skipped.

    Raises:
        UsageError: a file cannot be read, or a phrase is empty.
    """
    phrases: list[str] = []
    for value in values:
        if not value.strip():
            raise UsageError("--forbid: an empty phrase; give a phrase or a .txt file of phrases")
        if not value.lower().endswith(".txt"):
            phrases.append(value.strip())
            continue
        try:
            lines = Path(value).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"--forbid {value}: cannot be read: {error}") from error
        kept = (line.strip() for line in lines)
        phrases += [line for line in kept if line and not line.startswith("#")]
    return tuple(dict.fromkeys(phrases))


def find_forbidden(text: str, phrases: Sequence[str]) -> list[str]:
    """The phrases that ``text`` holds, as whole words, whatever the case."""
    return [phrase for phrase in phrases if _pattern(phrase).search(text)]


@lru_cache(maxsize=4096)
def _pattern(phrase: str) -> re.Pattern[str]:
    words = r"\s+".join(re.escape(word) for word in phrase.split())
    return re.compile(rf"(?<!\w){words}(?!\w)", re.IGNORECASE)
