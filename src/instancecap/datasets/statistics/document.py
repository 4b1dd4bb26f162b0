"""The document of statistics: distributions, summaries of numbers, repeated captions."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from instancecap.schema.base import Document, StrictModel

LENGTHS = (4, 6, 8, 10, 15, 20, 30)
"""Seconds that end a bin; the lengths of the InstanceVid figure (arXiv 2412.09283)."""

LENGTH_BINS = (
    f"[0, {LENGTHS[0]}]",
    *(f"({low}, {high}]" for low, high in pairwise(LENGTHS)),
    f"{LENGTHS[-1]}+",
)
"""Names of the bins; each holds its upper end, the last what is longer."""


def length_bin(seconds: float) -> str:
    """The bin of a clip of that many seconds, 0 or more."""
    return LENGTH_BINS[bisect_left(LENGTHS, seconds)]


Of = Literal["clips", "instances", "fields", "claims"]


class Distribution(StrictModel):
    """How often each value occurs."""

    name: str
    title: str
    of: Of = Field(description="what is counted")
    total: int = Field(description="of these, whether the value is known or not")
    known: int = Field(description="those with a value")
    several: bool = Field(
        default=False, description="one may have several values, so that shares do not add up to 1"
    )
    counts: dict[str, int] = Field(description="in the order in which they are shown")

    def share(self, value: str) -> float:
        """Of those that have a value at all; 0..1."""
        return self.counts.get(value, 0) / self.known if self.known else 0.0


class Summary(StrictModel):
    """Numbers, one a caption."""

    name: str
    title: str
    count: int
    mean: float
    least: int
    p5: int
    median: int
    p95: int
    most: int

    @classmethod
    def of(cls, name: str, title: str, values: Mapping[int, int]) -> Summary:
        """Of numbers and how often each occurs. A quantile is a number that occurs."""
        ordered = sorted(values.items())
        count = sum(times for _, times in ordered)

        def quantile(share: float) -> int:
            before = 0
            for value, times in ordered:
                before += times
                if before >= share * count:
                    return value
            return 0

        total = sum(value * times for value, times in ordered)
        return cls(
            name=name,
            title=title,
            count=count,
            mean=round(total / count, 2) if count else 0.0,
            least=quantile(0.0),
            p5=quantile(0.05),
            median=quantile(0.5),
            p95=quantile(0.95),
            most=quantile(1.0),
        )


class Budget(StrictModel):
    """The tokens of whole captions as one text, held against what a target model takes."""

    target: str
    limit: int = Field(description="tokens that a prompt is kept within")
    counter: str
    tokens: Summary
    over: int = Field(description="captions that a prompt has to be shortened for")


class Repeated(StrictModel):
    """A caption whose words occur more than once."""

    times: int
    name: str = Field(description="of the first")
    text: str


class Statistics(Document):
    """What ``stats.json`` holds."""

    kind: ClassVar[str] = "statistics of captions"

    schema_: Literal["instancecap.statistics/1"] = Field(
        default="instancecap.statistics/1", alias="schema"
    )
    name: str = Field(description="what was named on the command line")
    captions: int
    empty: int = Field(description="captions without a word")
    seconds: float = Field(description="length of all clips together, as far as it is known")
    failed: dict[str, int] = Field(description="reasons why rows could not be read, and how often")
    distributions: list[Distribution]
    support: dict[str, dict[str, int]] = Field(
        description="by field, without the numbers of instances: how often each support occurs"
    )
    words: Summary
    budgets: list[Budget]
    repeated: int = Field(description="captions whose words another one has too")
    most_repeated: list[Repeated]
    made_by: dict[str, int] = Field(description="captions by who wrote them; empty: not told")
    models: dict[str, int] = Field(description="captions by the models that took part, each job's")

    def support_of(self, field: str, word: str) -> float:
        """Share of a field's leaves with that support; 0..1."""
        counts = self.support.get(field, {})
        return counts.get(word, 0) / (sum(counts.values()) or 1)

    def distribution(self, name: str) -> Distribution:
        """By name; one of nothing where it was not counted."""
        found = (one for one in self.distributions if one.name == name)
        nothing = Distribution(name=name, title=name, of="clips", total=0, known=0, counts={})
        return next(found, nothing)


def shown_values(same: Sequence[Distribution]) -> list[str]:
    """The values that occur in any of the sets, in the order of the first set; of lengths all bins,
    so that the axis is that of any other set's.
    """
    values = list(dict.fromkeys(value for one in same for value in one.counts))
    found = [value for value in values if any(one.counts.get(value) for one in same)]
    return values if found and values == list(LENGTH_BINS) else found


def most_common(counts: Counter[str], *, most: int) -> dict[str, int]:
    """The most frequent values, and all others together as *others*."""
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    kept, rest = dict(ordered[:most]), sum(times for _, times in ordered[most:])
    return {**kept, **({OTHERS: rest} if rest else {})}


OTHERS = "others"
