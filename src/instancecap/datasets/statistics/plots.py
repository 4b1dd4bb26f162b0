"""Distributions as pictures for papers and slides: PNG and SVG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instancecap.datasets.statistics.document import (
    Distribution,
    Statistics,
    shown_values,
)
from instancecap.errors import MissingDependency
from instancecap.io.atomic import open_whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FIGURE = "scenes_and_lengths"
"""Name of the picture with the two panels of the InstanceVid figure (arXiv 2412.09283)."""

COLORS = ("#0072b2", "#e69f00")
"""Of the two sets: of Okabe and Ito's palette, told apart by people with any color vision."""

INCHES_WIDE, INCHES_A_ROW, INCHES_AROUND = 6.4, 0.24, 1.1
DPI = 150

_STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "instancecap",  # the same counts give the same file
}


def draw_plots(sets: Sequence[Statistics], folder: Path) -> list[Path]:
    """A picture for every distribution that has values, and one of scenes and lengths together.

    Args:
        sets: one, or two that are drawn beside one another.

    Raises:
        MissingDependency: matplotlib is not installed.
        OutputError: a picture cannot be written.
    """
    try:
        import matplotlib as mpl
        from matplotlib.figure import Figure
    except ImportError as error:
        fix = "pip install 'instancecap[plots]'"
        raise MissingDependency(f"plots are drawn by matplotlib: {fix}") from error
    written: list[Path] = []
    with mpl.rc_context(_STYLE):
        for one in sets[0].distributions:
            same = [other.distribution(one.name) for other in sets]
            values = shown_values(same)
            if not values:
                continue
            height = INCHES_AROUND + INCHES_A_ROW * len(values) * len(sets)
            figure = Figure(figsize=(INCHES_WIDE, height), layout="constrained")
            _bars(figure.subplots(), same, values, names=[other.name for other in sets])
            written += _save(figure, folder, one.name)
        figure = Figure(figsize=(2 * INCHES_WIDE, 4.2), layout="constrained")
        for axes, name in zip(figure.subplots(1, 2), ("scene", "length"), strict=True):
            same = [other.distribution(name) for other in sets]
            _bars(axes, same, shown_values(same), names=[other.name for other in sets])
        written += _save(figure, folder, FIGURE)
    return written


def _bars(
    axes: Axes, same: Sequence[Distribution], values: Sequence[str], *, names: Sequence[str]
) -> None:
    """Shares as horizontal bars, the first value on top; with several sets, theirs together."""
    thick = 0.8 / len(same)
    for number, (one, name) in enumerate(zip(same, names, strict=True)):
        places = [row + thick * (number - (len(same) - 1) / 2) for row in range(len(values))]
        shares = [100 * one.share(value) for value in values]
        drawn = axes.barh(places, shares, thick, label=name, color=COLORS[number])
        counts = [f" {one.counts.get(value, 0):,}" for value in values]
        axes.bar_label(drawn, counts, fontsize=8)
    axes.set_yticks(range(len(values)), [value.replace("_", " ") for value in values])
    axes.invert_yaxis()
    axes.margins(x=0.12, y=0.01)
    axes.set_xlabel(f"% of the {same[0].of} where it is known")
    axes.set_title(same[0].title, loc="left")
    if len(same) > 1:
        axes.legend(frameon=False, loc="lower right")


def _save(figure: Figure, folder: Path, name: str) -> list[Path]:
    paths = [folder / f"{name}{suffix}" for suffix in (".png", ".svg")]
    for path, metadata in zip(paths, ({"Software": None}, {"Date": None}), strict=True):
        with open_whole(path, binary=True) as file:
            figure.savefig(file, format=path.suffix[1:], dpi=DPI, metadata=metadata)
    return paths
