"""Captions that a set repeats: an alarm for one that stands for thousands of clips unnoticed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from instancecap.datasets.near_duplicates import NEAR, NearDuplicates

ALARM, FEWEST = 0.02, 3
"""Share and number of clips with another clip's caption from which a set is warned of."""

MOST_TOLD = 3
"""Groups of clips that are told, the largest first."""

LONGEST_SHOWN = 80
"""Letters of a repeated caption that are told."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """Clips whose captions are the same, or nearly: share 80 % of their runs of three words.

    Attributes:
        first: the first clip of them, and ``text`` its caption.
    """

    count: int
    first: str
    text: str

    def __str__(self) -> str:
        short = self.text[:LONGEST_SHOWN] + "…" * (len(self.text) > LONGEST_SHOWN)
        return f"{self.count} like that of {self.first}: {short!r}"


class RepeatAlarm:
    """Takes the caption of each clip, then tells which are repeated; to be closed.

    Captions lie in files, so that memory grows by a few numbers a clip.
    """

    def __init__(self) -> None:
        self._near = NearDuplicates()
        self._names: list[str] = []
        self._texts: list[str] = []

    def close(self) -> None:
        """Delete the files."""
        self._near.close()

    def add(self, name: str, text: str) -> None:
        """The caption of the next clip."""
        self._near.add(re.findall(r"\w+", text.lower()))
        self._names.append(name)
        self._texts.append(text[: LONGEST_SHOWN + 1])

    def groups(self) -> Iterator[Repeated]:
        """Every group of more than one clip, the largest first."""
        labels = self._near.groups()
        _, firsts, counts = np.unique(labels, return_index=True, return_counts=True)
        for at in np.argsort(-counts, kind="stable"):
            if counts[at] > 1:
                first = int(firsts[at])
                yield Repeated(int(counts[at]), self._names[first], self._texts[first])

    def warning(self) -> str:
        """The alarm in one line; empty for a set that hardly repeats itself."""
        groups = list(self.groups())
        alike = sum(one.count for one in groups)
        if alike < max(FEWEST, ALARM * len(self._names)):
            return ""
        told = "; ".join(map(str, groups[:MOST_TOLD]))
        more = f"; {len(groups) - MOST_TOLD} groups more" if groups[MOST_TOLD:] else ""
        share = f"{alike} of {len(self._names)} captions are repeated"
        return f"{share} (they share {NEAR:.0%} of their words in runs of three): {told}{more}"
