"""What a person reads of a result: a Markdown table, and a page with plots."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from instancecap.evals.result import FigureResult, Result
from instancecap.evals.statistics import FEWEST
from instancecap.io.atomic import require_writable, write_whole
from instancecap.web.templates import templates_of

RESULT, TABLE, PAGE = "result.json", "table.md", "index.html"

MOST_SAMPLES = 500
"""Samples on a page; all are in ``result.json``."""

MOST_NAMED = 50
"""Inputs that were not scored, in the table."""


def write_report(result: Result, folder: Path) -> list[Path]:
    """Write the three files; returns their paths. Raises :class:`OutputError`, UsageError."""
    require_writable(folder)
    paths = [folder / name for name in (RESULT, TABLE, PAGE)]
    result.write(paths[0])
    write_whole(paths[1], table(result) + "\n")
    write_whole(paths[2], page(result, folder))
    return paths


def number(value: float | None) -> str:
    """With three places, or none for a whole number of counts."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value == int(value) and abs(value) > 1 else f"{value:,.3f}"


def cell(figure: FigureResult | None) -> str:
    """``0.732 [0.650, 0.801]``."""
    if figure is None:
        return ""
    if figure.statistic == "total" and figure.value is not None:
        return f"{figure.value:,.0f}"
    if figure.low is None or figure.high is None:
        return number(figure.value)
    return f"{number(figure.value)} [{number(figure.low)}, {number(figure.high)}]"


SENSES = {"more": " ↑", "less": " ↓", "": ""}
"""By :attr:`FigureResult.better`."""

READING = (
    "↑ higher is better, ↓ lower is better. In brackets: 95 % interval, bootstrap over clips; "
    f"there is none over fewer than {FEWEST} clips, which are too few, nor where all clips agree."
)


@dataclass(frozen=True, slots=True)
class Grid:
    """Figures by row and column, in their order; what is better stands at the columns where each
    has one sense, else at the rows.
    """

    rows: dict[str, dict[str, FigureResult]]
    columns: list[str]

    @classmethod
    def of(cls, figures: Sequence[FigureResult]) -> Grid:
        """Arrange figures."""
        rows: dict[str, dict[str, FigureResult]] = {}
        for one in figures:
            rows.setdefault(one.row, {})[one.column] = one
        return cls(rows, list(dict.fromkeys(one.column for one in figures)))

    def clips(self, row: str) -> str:
        """How many clips a row is over: a number, or its range."""
        counts = {one.clips for one in self.rows[row].values()}
        return "–".join(str(one) for one in sorted({min(counts), max(counts)}))

    def head(self, column: str) -> str:
        """A column's heading."""
        return (column or "value") + (self._senses[column] if self._by_column else "")

    def label(self, row: str) -> str:
        """A row's name."""
        found = {SENSES[one.better] for one in self.rows[row].values()} - {""}
        return row + ("" if self._by_column or len(found) != 1 else found.pop())

    @property
    def _senses(self) -> dict[str, str]:
        """Of each column: an arrow, nothing, or both arrows."""
        return {
            column: "".join(sorted({SENSES[found[column].better] for found in self.rows.values()
                                    if column in found}))
            for column in self.columns
        }  # fmt: skip

    @property
    def _by_column(self) -> bool:
        return all(one in SENSES.values() for one in self._senses.values())


def table(result: Result) -> str:
    """The figures as Markdown, what was not scored, and what reproduces them."""
    grid = Grid.of(result.figures)
    heads = [grid.head(one) for one in grid.columns]
    lines = [
        f"# {result.task}{' (as published)' if result.method == 'as-published' else ''}",
        "",
        f"| | {' | '.join(heads)} | clips |",
        "| --- |" + " ---: |" * (len(heads) + 1),
    ]
    for row, found in grid.rows.items():
        cells = " | ".join(cell(found.get(one)) for one in grid.columns)
        lines.append(f"| {grid.label(row)} | {cells} | {grid.clips(row)} |")
    lines += ["", READING, ""]
    lines += [f"- {note}" for note in result.notes]
    lines += [f"- not scored: {one.input}: {one.reason}" for one in result.failed[:MOST_NAMED]]
    if more := len(result.failed[MOST_NAMED:]):
        lines.append(f"- not scored: {more} more, in {RESULT}")
    lines += ["", *(f"- {name}: {value}" for name, value in reproduction(result))]
    return "\n".join(lines)


def reproduction(result: Result) -> list[tuple[str, str]]:
    """What reproduces a result, in words."""
    made = result.made_by
    told: dict[str, Any] = {
        "method": result.method,
        "version": made.version,
        "libraries": _listed(made.libraries),
        "models": _listed(made.models),
        "seed": made.seed,
        "prompts": made.prompts,
        "inputs": made.inputs,
        "options": _listed(made.options),
        "cost": _listed({name: f"{value:g}" for name, value in result.cost.items() if value}),
    }
    return [(name, str(value)) for name, value in told.items() if value != ""]


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


# The page -----------------------------------------------------------------------------------------


def page(result: Result, folder: Path) -> str:
    """One HTML file, which may show videos that lie elsewhere; ``folder``: where it will be."""
    templates = environment()
    grid = Grid.of(result.figures)
    return templates.get_template("page.html").render(
        result=result,
        grid=grid,
        plots=[one for column in grid.columns for one in Plot.of(result.figures, column)],
        reading=READING,
        right=LABEL + WIDTH,
        left=LABEL,
        step=STEP,
        made=reproduction(result),
        samples=result.samples[:MOST_SAMPLES],
        where=lambda path: Path(os.path.relpath(path, folder)).as_posix(),
    )


def environment() -> Environment:
    """Templates of this package; whatever is put into them is escaped."""
    templates = templates_of("instancecap.evals")
    templates.globals |= {"cell": cell, "number": number, "told": told}
    return templates


def told(value: Any) -> Markup:
    """A sample's detail: mappings and lists as lists, the rest as text."""
    if isinstance(value, Mapping):
        rows = (Markup("<dt>{}</dt><dd>{}</dd>").format(k, told(v)) for k, v in value.items())
        return Markup("<dl>{}</dl>").format(Markup("").join(rows))
    if isinstance(value, list) and any(isinstance(one, Mapping | list) for one in value):
        rows = (Markup("<li>{}</li>").format(told(one)) for one in value)
        return Markup("<ul>{}</ul>").format(Markup("").join(rows))
    if isinstance(value, list):
        return escape(", ".join(map(str, value)))
    return escape(value if isinstance(value, str) else json.dumps(value))


LABEL, WIDTH, STEP = 230, 420, 26
"""Pixels for names, for values, and from line to line."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Points with their intervals on one axis, a line a row; what the page draws as SVG."""

    name: str
    shown: list[FigureResult]
    low: float
    high: float

    @classmethod
    def of(cls, figures: Sequence[FigureResult], column: str) -> list[Plot]:
        """The figures of a column that have a value, those of one order of magnitude together."""
        alike: dict[int, list[FigureResult]] = {}
        for one in figures:
            if one.column == column and one.value is not None:
                size = math.ceil(math.log10(max(abs(one.value), 1)))
                alike.setdefault(size, []).append(one)
        return [cls._drawn(column or "value", some) for some in alike.values()]

    @classmethod
    def _drawn(cls, name: str, shown: list[FigureResult]) -> Plot:
        """From 0, and to 1 where they are shares."""
        ends = [x for one in shown for x in (one.value, one.low, one.high) if x is not None]
        low, high = min([0.0, *ends]), max([0.0, *ends])
        high = 1.0 if low == 0 and high <= 1 else high
        return cls(name, shown, low, high)

    def at(self, x: float) -> str:
        """Pixels from the left."""
        return f"{LABEL + WIDTH * (x - self.low) / ((self.high - self.low) or 1.0):.1f}"

    @property
    def bottom(self) -> int:
        """Pixels from the top to the axis."""
        return STEP * len(self.shown) + 8
