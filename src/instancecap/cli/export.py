"""``instancecap export``: a ready dataset for a trainer, and a check of one."""

from __future__ import annotations

import re
import time

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Filled, offered
from instancecap.datasets.captions import read_captions
from instancecap.datasets.export import (
    TRAINERS,
    CheckReport,
    Options,
    Report,
    find_trainer,
    render_options,
)
from instancecap.datasets.export import check as check_dataset
from instancecap.datasets.export import export as write_dataset
from instancecap.datasets.export.media import Link
from instancecap.datasets.export.rules import NOT_TRAINED
from instancecap.errors import UsageError
from instancecap.render.batch import split_lengths
from instancecap.render.options import RenderOptions

RENDER = Filled(RenderOptions, dict.fromkeys(("target", "length", "variant"), ""))
OPTIONS = Filled(
    Options, dict.fromkeys(("render", "target_named", "lengths", "leave_out", "link", "size"), "")
)


@offered("export", RENDER, OPTIONS)
def export(
    captions: list[str] | None = None,
    *,
    out: str,
    for_: str = "",
    target: str = "",
    length: list[str] | None = None,
    leave_out: list[str] | None = None,
    link: Link = "symlink",
    copy: bool = False,
    size: str = "",
    check: bool = False,
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Write a dataset that a trainer reads, and check one."""
    if not captions and not check:
        raise UsageError("export: name CAPTIONS to write, or --check to read the dataset in --out")
    if captions and not for_:
        known = ", ".join(TRAINERS)
        raise UsageError(f"--for: say for which trainer; allowed are {known}")
    lengths = split_lengths(length or [])
    first = {"length": lengths[0]} if lengths else {}
    how = OPTIONS.fill(
        options,
        render=render_options(find_trainer(for_), target=target, **RENDER.chosen(options), **first)
        if captions
        else None,
        target_named=bool(target),
        lengths=lengths,
        leave_out=tuple(leave_out or ()),
        link="copy" if copy else link,
        size=_parse_size(size),
    )
    began = time.monotonic()
    warnings = terminal.WarningSummary(verbose=verbose)
    faults = terminal.WarningSummary(verbose=verbose, label="fault")
    written: Report | None = None
    checked: CheckReport | None = None
    if captions:
        written = write_dataset(
            read_captions(captions, on_salvaged=warnings.add),
            find_trainer(for_),
            out,
            options=how,
            on_failure=terminal.note_failure,
            # The check names what is not trained on, as faults.
            on_warning=lambda name, text: (
                None if check and text.startswith(NOT_TRAINED) else warnings.add(name, text)
            ),
        )
    if check and (written is None or written.outputs):
        # What was warned of while writing need not be said again.
        again = warnings if written is None else terminal.WarningSummary(verbose=False)
        checked = check_dataset(
            out,
            trainer=for_,
            target=target,
            on_failure=faults.add,
            on_warning=again.add,
        )
    seconds = time.monotonic() - began
    faults.show()
    if not quiet:
        warnings.show()
        _summarize(written, checked, out, seconds)
    if json:
        terminal.print_json(_account(written, checked, seconds))
    failed = [report for report in (written, checked) if report is not None and report.failed]
    raise typer.Exit(int(bool(failed)))


def _parse_size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    found = re.fullmatch(r"(\d+)[x×](\d+)", text)
    if found is None:
        raise UsageError(f"--size {text}: write it as WIDTHxHEIGHT, such as 832x480")
    return int(found[1]), int(found[2])


def _summarize(
    written: Report | None, checked: CheckReport | None, out: str, seconds: float
) -> None:
    if written is not None:
        made = ", ".join(f"{count} {how}" for how, count in written.made.items())
        failed = f", {len(written.failed)} failed" if written.failed else ""
        where = f" in {out} ({made})" if written.outputs else ""
        clips = "1 clip" if written.done == 1 else f"{written.done} clips"
        terminal.note(f"{clips}{where}{failed}, in {seconds:.1f} s")
    if checked is not None:
        terminal.note(f"checked: rows {checked.rows}, faults {len(checked.failed)}")
        dropped = f", {len(checked.dropped)} are dropped" if checked.dropped else ""
        amount = f"{checked.pictures} pictures" if checked.pictures else f"{checked.seconds:.1f} s"
        trained = f"{checked.trained} of {checked.rows} {checked.of}, {amount}"
        terminal.note(f"will be trained on: {trained}{dropped}")


def _account(
    written: Report | None, checked: CheckReport | None, seconds: float
) -> dict[str, object]:
    """What a ``--json`` run says."""
    account: dict[str, object] = {}
    if written is not None:
        account |= {
            "trainer": written.trainer,
            "target": written.target,
            "done": written.done,
            "made": written.made,
            "failed": [{"input": one, "reason": why} for one, why in written.failed],
            "warnings": [{"clip": one, "text": text} for one, text in written.warnings],
            "outputs": written.outputs,
            "seconds": round(seconds, 3),
        }
    if checked is not None:
        account["check"] = {
            "trainer": checked.trainer,
            "target": checked.target,
            "rows": checked.rows,
            "trained": checked.trained,
            "seconds": round(checked.seconds, 3),
            "pictures": checked.pictures,
            "dropped": [{"row": where, "reason": why} for where, why in checked.dropped],
            "failed": [{"row": where, "reason": why} for where, why in checked.failed],
            "warnings": [{"row": where, "text": text} for where, text in checked.warnings],
        }
    return account
