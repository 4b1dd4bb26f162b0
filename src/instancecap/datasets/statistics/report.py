"""Statistics written for people: ``stats.json``, plots, and a page to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instancecap.datasets.statistics.document import (
    Distribution,
    Statistics,
    shown_values,
)
from instancecap.datasets.statistics.plots import draw_plots
from instancecap.errors import MissingDependency
from instancecap.io.atomic import require_writable, write_whole
from instancecap.web.templates import templates_of

STATS, COMPARED, PAGE, PLOTS = "stats.json", "compared.json", "index.html", "plots"


def write_statistics(
    sets: Sequence[Statistics], folder: Path
) -> tuple[list[Path], MissingDependency | None]:
    """Write one set's statistics, or those of two beside one another.

    Args:
        sets: the second one, where there is one, goes to ``compared.json``.

    Returns:
        The paths, and why there are no plots where there are none.

    Raises:
        OutputError: a file cannot be written.
        UsageError: nothing can be written to ``folder``.
    """
    require_writable(folder)
    paths = []
    for name, one in zip((STATS, COMPARED), sets, strict=False):
        one.write(folder / name)
        paths.append(folder / name)
    missing = None
    try:
        paths += draw_plots(sets, folder / PLOTS)
    except MissingDependency as error:
        missing = error
    write_whole(folder / PAGE, page(sets, plots=missing is None))
    return [*paths, folder / PAGE], missing


def page(sets: Sequence[Statistics], *, plots: bool = False) -> str:
    """One HTML file.

    Args:
        plots: it names the pictures that lie beside it.
    """
    first = sets[0]
    return templates_of(__package__).get_template("statistics.html").render(
        sets=sets,
        first=first,
        tables=[Comparison.of(one, sets) for one in first.distributions],
        budgets=[[other.budgets[row] for other in sets] for row in range(len(first.budgets))],
        plots=plots,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """One distribution over the sets, as the page shows it."""

    name: str
    title: str
    same: list[Distribution]
    values: list[str]

    @classmethod
    def of(cls, one: Distribution, sets: Sequence[Statistics]) -> Comparison:
        """The same distribution of each set."""
        same = [other.distribution(one.name) for other in sets]
        return cls(one.name, one.title, same, shown_values(same))

    @property
    def known(self) -> list[str]:
        """Of each set, how many have a value: *known of 56 of 94 clips*."""
        return [
            f"known of all {one.total:,} {one.of}"
            if one.known == one.total
            else f"known of {one.known:,} of {one.total:,} {one.of}"
            for one in self.same
        ]

    @property
    def longest(self) -> float:
        """The largest share, which the longest bar stands for."""
        shares = (one.share(value) for one in self.same for value in self.values)
        return max(shares, default=0.0) or 1.0

    def points(self, value: str) -> str:
        """By how many percentage points the second set has more."""
        first, second = (one.share(value) for one in self.same)
        return f"{100 * (second - first):+.1f}"
