"""``instancecap dataset``: training sets curated, balanced, counted and released."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS, Filled, command
from instancecap.datasets.replace import Change, Replacement, replace_all
from instancecap.datasets.statistics.collect import collect
from instancecap.datasets.statistics.report import write_statistics

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["dataset"])

REPLACEMENT = Filled(Replacement, {"replace": "to", "fields": ""})


@command(app, "dataset replace", REPLACEMENT)
def replace(
    captions: list[str],
    *,
    out: str | None = None,
    fields: list[str] | None = None,
    json: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Find and replace over captions, shown before it is written."""
    names = tuple(name.strip() for value in fields or [] for name in value.split(","))
    changes: list[dict[str, Any]] = []

    def show(name: str, change: Change) -> None:
        changes.append({"name": name, **change.model_dump(include={"pointer", "before", "after"})})
        if not (quiet or json):
            terminal.print_change(f"{name} {change.pointer}", change.before, change.after)

    done = replace_all(
        captions,
        REPLACEMENT.fill(options, fields=names),
        out=out,
        on_change=show,
        on_failure=terminal.note_failure,
    )
    if not quiet:
        changed = len({one["name"] for one in changes})
        where = f"written to {out}" if out else "nothing is written without --out"
        told = f"{len(changes)} changes in {changed} of {len(done.captions)} captions"
        terminal.note(f"{told}, {len(done.failed)} failed; {where}")
    if json:
        failed = [{"input": source, "reason": reason} for source, reason in done.failed]
        terminal.print_json({"changes": changes, "failed": failed, "outputs": done.outputs})
    raise typer.Exit(int(bool(done.failed)))


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
