"""The prompts of Inseval: our own suite, the published files, and what is wrong with either."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, cast, get_args

from instancecap.errors import FormatError, UsageError
from instancecap.evals.pairing import Named
from instancecap.io.finder import Rejected
from instancecap.io.tables import read_rows

Dimension = Literal["action", "color", "shape", "texture", "detail"]
DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
SUBSETS = ("single", "multiple")

MOTIONS = ("left", "right", "moving", "still")
"""What an instance of the suite may have to do so that its track shows it; empty where none of
these is asked."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An instance that a prompt asks for.

    Attributes:
        name: what it is called, as the prompt has it.
        value: what has to be seen of it, in the prompt's words.
        motion: one of :data:`MOTIONS`, or empty.
        count: how many of it there have to be; 0 where that is left open.
    """

    name: str
    value: str
    motion: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and what a video has to show.

    Attributes:
        id: ``single/color/0003``: subset, dimension, number; its video is ``ID.mp4``.
        text: the short prompt itself, whatever a video was generated from.
    """

    id: str
    text: str
    instances: tuple[Wanted, ...]

    @property
    def subset(self) -> str:
        """``single`` or ``multiple``."""
        return self.id.split("/")[0]

    @property
    def dimension(self) -> Dimension:
        """What is asked of its instances."""
        return cast(Dimension, self.id.split("/")[1])

    @property
    def video(self) -> str:
        """The name that its video has to have."""
        return f"{self.id}.mp4"

    def to_dict(self) -> dict[str, Any]:
        """As a row of a file of prompts."""
        wanted = [
            {"class": one.name, self.dimension: one.value}
            | ({"motion": one.motion} if one.motion else {})
            | ({"count": one.count} if one.count != 1 else {})
            for one in self.instances
        ]
        return {"id": self.id, "prompt": self.text, "instances": wanted}

    @classmethod
    def from_dict(cls, row: Any) -> Prompt:
        """From such a row. Raises :class:`FormatError`."""
        try:
            id, text, listed = row["id"], row.get("source") or row["prompt"], row["instances"]
            subset, dimension, number = id.split("/")
            wanted = tuple(_wanted(one, dimension) for one in listed)
        except (LookupError, TypeError, AttributeError, ValueError) as error:
            raise FormatError(
                f"no prompt of Inseval ({error}); a row has id SUBSET/DIMENSION/NUMBER, prompt, "
                "and instances with class and the dimension's value"
            ) from error
        if subset not in SUBSETS or dimension not in DIMENSIONS or not number or not wanted:
            raise FormatError(
                f"id {id!r}: the subset is {' or '.join(SUBSETS)}, the dimension one of "
                f"{', '.join(DIMENSIONS)}, and there is at least one instance"
            )
        return cls(id, str(text), wanted)


def _wanted(one: Any, dimension: str) -> Wanted:
    return Wanted(
        str(one["class"]), str(one[dimension]), str(one.get("motion", "")), int(one.get("count", 1))
    )


def our_suite() -> list[Prompt]:
    """The prompts of this package, 32 for each of ten subsets and dimensions."""
    text = files(__package__).joinpath("suite.jsonl").read_text(encoding="utf-8")
    return [Prompt.from_dict(json.loads(line)) for line in text.splitlines()]


def read_prompts(path: str) -> Named[Prompt]:
    """Prompts by id, from a ``.jsonl`` as ``inseval prompts`` writes it, or the published folder.

    The published folder has ``{single,multiple}/<dimension>.jsonl``, in ``dimensions`` or itself.

    Raises:
        UsageError: nothing of either is there.
    """
    if os.path.isdir(path):
        root = Path(path, "dimensions") if Path(path, "dimensions").is_dir() else Path(path)
        tables = [(root / s / f"{d}.jsonl", f"{s}/{d}") for s in SUBSETS for d in DIMENSIONS]
        rows = [row for table, cell in tables if table.exists() for row in _published(table, cell)]
        if not rows:
            raise UsageError(f"{path}: no single/action.jsonl or the like in this folder")
    else:
        rows = list(_rows(path))
    found: dict[str, Prompt] = {}
    rejected = [one for one in rows if isinstance(one, Rejected)]
    for one in rows:
        if isinstance(one, Prompt) and one.id in found:
            rejected.append(Rejected(path, f"a second prompt {one.id!r}"))
        elif isinstance(one, Prompt):
            found[one.id] = one
    return Named(found, rejected)


def _rows(path: str) -> Iterator[Prompt | Rejected]:
    try:
        for row in read_rows(path):
            where = f"{path}: {row.where}"
            try:
                yield Rejected(where, row.error) if row.error else Prompt.from_dict(row.value)
            except FormatError as error:
                yield Rejected(where, str(error))
    except FormatError as error:
        raise UsageError(str(error)) from error


def _published(table: Path, cell: str) -> Iterator[Prompt | Rejected]:
    """Rows of ``name``, ``sentence`` and ``instance``: one flat, or several by number."""
    for row in read_rows(str(table)):
        where = f"{table}: {row.where}"
        if row.error:
            yield Rejected(where, row.error)
            continue
        try:
            value = row.value
            listed = value["instance"]
            given = {
                "id": f"{cell}/{Path(value['name']).stem}",
                "prompt": value["sentence"],
                "instances": [listed] if "class" in listed else list(listed.values()),
            }
            prompt = Prompt.from_dict(given)
        except (LookupError, TypeError, AttributeError, FormatError) as error:
            yield Rejected(where, f"not a row of the published files: {error}")
        else:
            # How many there have to be is not said: the class may stand in the plural.
            wanted = tuple(replace(one, count=0) for one in prompt.instances)
            yield replace(prompt, instances=wanted)


# The linter ---------------------------------------------------------------------------------------


def lint(prompts: Sequence[Prompt]) -> list[str]:
    """What is wrong with a suite, a line each; empty for a good one.

    Good is: each subset and dimension has as many prompts as any other, and each of its classes
    occurs as often as any other; no prompt twice; every class and value stands in the prompt, so
    that each question can be answered from it; and no value tells another instance's value or
    class, so that a video which mixes them up cannot pass.
    """
    return [
        *_unbalanced(prompts),
        *_repeated(prompts),
        *(line for one in prompts for line in _flaws(one)),
    ]


def _unbalanced(prompts: Sequence[Prompt]) -> Iterator[str]:
    cells = Counter(f"{one.subset}/{one.dimension}" for one in prompts)
    for cell in sorted({f"{s}/{d}" for s in SUBSETS for d in DIMENSIONS} | set(cells)):
        if cells[cell] != max(cells.values(), default=0):
            yield f"{cell}: {cells[cell]} prompts, others have {max(cells.values(), default=0)}"
        classes = Counter(w.name for p in prompts if p.id.startswith(cell) for w in p.instances)
        most = max(classes.values(), default=0)
        yield from (
            f"{cell}: {name!r} occurs {count} times, others {most}"
            for name, count in classes.items()
            if count < most
        )


def _repeated(prompts: Sequence[Prompt]) -> Iterator[str]:
    for what, values in (
        ("id", [one.id for one in prompts]),
        ("prompt", [" ".join(_words(one.text)) for one in prompts]),
    ):
        yield from (
            f"{what} {one!r} occurs {n} times" for one, n in Counter(values).items() if n > 1
        )


def _flaws(prompt: Prompt) -> Iterator[str]:
    is_single = prompt.subset == "single"
    if (len(prompt.instances) == 1) != is_single:
        yield f"{prompt.id}: {len(prompt.instances)} instances in the subset {prompt.subset}"
    for one in prompt.instances:
        for what in (one.name, one.value):
            if not _says(prompt.text, what):
                yield f"{prompt.id}: {what!r} does not stand in the prompt"
        if one.motion and one.motion not in MOTIONS:
            yield f"{prompt.id}: motion {one.motion!r}, known are {', '.join(MOTIONS)}"
        for other in prompt.instances:
            told = [other.name] if other is one else [other.name, other.value]
            for what in told:
                if _says(one.value, what):
                    yield f"{prompt.id}: {one.value!r} of the {one.name} tells {what!r}"


def _says(text: str, phrase: str) -> bool:
    """Whether the words of a phrase stand in a text, one after the other."""
    return f" {' '.join(_words(phrase))} " in f" {' '.join(_words(text))} "


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
