"""``instancecap dataset``: training sets curated, balanced, counted and released."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS, Filled, command
from instancecap.datasets.curation.balance import BalanceOptions, balance_set
from instancecap.datasets.curation.filter import Explained, FilterConfig, explain_clip, filter_clips
from instancecap.datasets.positions.fix import FixOptions
from instancecap.datasets.positions.fix import fix_positions as put_positions_right
from instancecap.datasets.release.card import CardOptions, write_card
from instancecap.datasets.release.diff import diff as compare_captions
from instancecap.datasets.release.diff_report import as_table, write_diff
from instancecap.datasets.replace import Change, Replacement, replace_all
from instancecap.datasets.statistics.collect import collect
from instancecap.datasets.statistics.report import write_statistics
from instancecap.datasets.traits import lint as lint_captions
from instancecap.errors import UsageError

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["dataset"])

BALANCE = Filled(BalanceOptions)
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


@command(app, "dataset balance", BALANCE)
def dataset_balance(
    inputs: list[str], *, json: bool = False, quiet: bool = False, **options: object
) -> None:
    """Choose clips so that a set has the shares asked for."""
    done = balance_set(inputs, BALANCE.fill(options))
    for one in done.failed:
        terminal.note_failure(one.source, one.reason)
    if json:
        terminal.print_json({**done.as_dict(), "outputs": done.outputs})
    else:
        for name, found in done.shares.items():
            print(f"{name}: share before, target, after")
            for value, (before, target, after) in found.items():
                aim = "" if target is None else f"{target:.1%}"
                print(f"  {before:>6.1%} {aim:>6} {after:>6.1%}  {terminal.printable(value)}")
        told = ", ".join(f"{count:,} {name}" for name, count in done.chosen.items())
        print(f"{sum(done.chosen.values()):,} of {done.clips:,} clips: {told}")
    for warning in done.warnings:
        terminal.note(f"warning: {warning}")
    if not quiet:
        terminal.note(f"written: {', '.join(done.outputs)}")
    raise typer.Exit(int(bool(done.failed)))


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
    compared = "" if one.compared else "; not compared with other clips"
    print(f" by {terminal.printable(one.rules)}{compared}")
    for verdict in one.judged.reasons:
        print(f"  {verdict.rule}: {terminal.printable(verdict.words)}")


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


@command(app, "dataset diff")
def diff(
    first: str, second: str, *, out: str = "", json: bool = False, quiet: bool = False
) -> None:
    """What differs between two versions of a set."""
    note = terminal.note_failure
    if out:
        found = write_diff([first], [second], Path(out), on_failure=note)
    else:
        found = compare_captions([first], [second], on_failure=note)
    if json:
        terminal.print_json(found.model_dump(mode="json"))
    elif not quiet:
        print(as_table(found))
        if out:
            terminal.note(f"every change is in {out}")
    raise typer.Exit(int(bool(found.failed)))


@command(app, "dataset lint")
def lint(
    captions: list[str],
    *,
    trigger: str = "",
    leave_out: list[str] | None = None,
    keep: list[str] | None = None,
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Look for a trigger word, and for traits to leave out or to keep."""
    report = lint_captions(captions, trigger=trigger, leave_out=leave_out or (), keep=keep or ())
    if json:
        terminal.print_json(asdict(report))
    elif not quiet:
        for name in report.lacking:
            print(terminal.printable(f"{name}: no {trigger!r}"))
        for name, trait, sentence in report.telling:
            print(terminal.printable(f"{name}: tells {trait!r}: {sentence}"))
        for name, trait in report.silent:
            print(terminal.printable(f"{name}: does not tell {trait!r}"))
    for source, reason in report.failed:
        terminal.note_failure(source, reason)
    if not quiet:
        if report.repeated:
            terminal.note(f"warning: {report.repeated}")
        telling = len({name for name, _, _ in report.telling})
        silent = len({name for name, _ in report.silent})
        found = [
            f"{count} {what}"
            for count, what, wanted in (
                (len(report.lacking), "lack the trigger word", trigger),
                (telling, "tell a trait to leave out", leave_out),
                (silent, "lack one to keep", keep),
            )
            if wanted
        ]
        terminal.note(f"{report.captions} captions{': ' * bool(found)}{', '.join(found)}")
    raise typer.Exit(int(not report.is_clean))


CARD = Filled(CardOptions)


@command(app, "dataset card", CARD)
def card(
    captions: list[str], *, out: str, json: bool = False, quiet: bool = False, **options: Any
) -> None:
    """A set made ready to be published."""
    made = write_card(captions, out, CARD.fill(options), on_failure=terminal.note_failure)
    if made.missing is not None:
        terminal.note(f"no plots: {made.missing}")
    if json:
        failed = [{"input": source, "reason": reason} for source, reason in made.failed]
        terminal.print_json(
            {"captions": made.statistics.captions, "clips": made.clips, "failed": failed}
        )
    elif not quiet:
        terminal.note(f"{made.statistics.captions} captions, {made.clips} clips; look at {out}")
    raise typer.Exit(int(bool(made.failed)))


FIX = Filled(FixOptions)


@command(app, "dataset fix-positions", FIX)
def fix_positions(
    captions: list[str], *, json: bool = False, quiet: bool = False, **options: Any
) -> None:
    """Positions of published InstanceVid files, put right."""
    account = put_positions_right(captions, FIX.fill(options), on_failure=terminal.note_failure)
    failed = account.conversion.failed
    if account.names_top and not quiet:
        terminal.note(
            "warning: some positions name the top row, which the known defect never does: rows "
            "that could not be measured are kept"
        )
    if json:
        terminal.print_json(
            {
                "done": len(account.conversion.captions),
                "positions": dict(account.counts),
                "failed": [{"input": source, "reason": reason} for source, reason in failed],
                "outputs": account.conversion.outputs,
            }
        )
    elif not quiet:
        told = terminal.amounts(dict(account.counts))
        terminal.note(f"{len(account.conversion.captions)} captions; positions: {told or 'none'}")
    raise typer.Exit(int(bool(failed)))
