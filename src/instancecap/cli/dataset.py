"""``instancecap dataset``: training sets curated, balanced, counted and released."""

from __future__ import annotations

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS, Filled, command
from instancecap.datasets.curation.filter import Explained, FilterConfig, explain_clip, filter_clips
from instancecap.errors import UsageError

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["dataset"])

FILTER = Filled(
    FilterConfig, dict.fromkeys(("format", "overwrite_human", "hint_column", "keep"), "")
)


@command(app, "dataset filter", FILTER)
def dataset_filter(
    inputs: list[str],
    *,
    explain: str = "",
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Curate clips by rules."""
    if verbose:
        terminal.log_to_stderr()
    config = FILTER.fill(options)
    if explain:
        found = explain_clip(explain, config)
        if json:
            terminal.print_json([one.as_dict() for one in found])
        else:
            for one in found:
                _show(one)
        return
    if not config.out:
        raise UsageError("dataset filter: name a folder for the manifest with --out")
    with terminal.watching(told=True, quiet=quiet, verbose=verbose) as watcher:
        done = filter_clips(inputs, config, events=watcher)
    watcher.conclude(done.run)
    if json:
        terminal.print_json(done.as_dict())
    elif done.funnel is not None:
        for step in done.funnel.steps:
            if step.rejected:
                print(f"{step.rejected:>7,} {step.rule}: {step.limit}")
        print(f"{done.funnel.steps[-1].left:>7,} of {done.funnel.clips:,} kept")
    if not quiet:
        if done.funnel is None and not (done.run.interrupted or done.run.stopped):
            terminal.note("this part is measured; the last part to end writes the manifest")
        elif done.outputs:
            terminal.note(f"written: {', '.join(done.outputs)}")
    raise typer.Exit(terminal.exit_status(done.run))


def _show(one: Explained) -> None:
    """The rules and what they say of a clip, as a table."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "", "rule", "figure", "limit", box=None, title=terminal.printable(one.judged.id),
        title_justify="left",
    )  # fmt: skip
    for verdict in one.verdicts:
        figure = verdict.figure
        told = f"{figure:.4g}" if isinstance(figure, int | float) else ""
        told = told or (figure if isinstance(figure, str) else ", ".join(figure))
        mark = "" if verdict.passes else "✗"
        table.add_row(mark, verdict.rule, terminal.printable(told), verdict.limit)
    Console(markup=False, highlight=False).print(table)
    print("rejected" if one.judged.reasons else "kept", end="")
    print("" if one.compared else "; not compared with other clips")
    for verdict in one.judged.reasons:
        print(f"  {verdict.rule}: {terminal.printable(verdict.words)}")
