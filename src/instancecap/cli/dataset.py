"""``instancecap dataset``: training sets curated, balanced, counted and released."""

from __future__ import annotations

from pathlib import Path

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS, command
from instancecap.datasets.statistics.collect import collect
from instancecap.datasets.statistics.report import write_statistics

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["dataset"])


@command(app, "dataset stats")
def stats(
    captions: list[str],
    *,
    out: str,
    compare: list[str] | None = None,
    target: list[str] | None = None,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """What a set of captions holds, counted."""
    sets = [
        collect(paths, targets=target or (), on_failure=terminal.note_failure)
        for paths in (captions, compare)
        if paths
    ]
    paths, missing = write_statistics(sets, Path(out))
    if missing is not None:
        terminal.note(f"no plots: {missing}")
    if json:
        documents = [one.model_dump(mode="json") for one in sets]
        terminal.print_json(dict(zip(("stats", "compared"), documents, strict=False)))
    elif not quiet:
        terminal.note(f"{sets[0].captions} captions; look at {paths[-1]}")
    raise typer.Exit(int(any(one.failed for one in sets)))
