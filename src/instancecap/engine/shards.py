"""Parts of a job list, for job arrays: each run takes every N-th clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from instancecap.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shard:
    """The ``index``-th of ``count`` parts; ``index`` counts from 1."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``I/N``. Raises :class:`UsageError` for anything else."""
        first, _, second = text.partition("/")
        if first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second):
            return cls(int(first), int(second))
        raise UsageError(f"--shard {text}: write it as I/N with 1 <= I <= N, such as 3/16")

    @property
    def label(self) -> str:
        """For names of files."""
        return f"{self.index}-of-{self.count}"

    def of(self, items: Sequence[T]) -> Sequence[T]:
        """This part: neighbours go to different parts, so that long clips spread evenly."""
        return items[self.index - 1 :: self.count]
