"""``instancecap convert``: captions of any format into any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from instancecap.cli import terminal
from instancecap.cli.options import offered
from instancecap.datasets.convert import convert as convert_captions

if TYPE_CHECKING:
    from instancecap.datasets.convert import Conversion


@offered("convert")
def convert(
    captions: list[str],
    *,
    to: str,
    out: str,
    from_: str = "",
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Bring captions into another format."""
    done = convert_captions(
        captions,
        to=to,
        out=out,
        from_=from_,
        on_failure=terminal.note_failure,
    )
    if not quiet:
        _summarise(done, to)
    if json:
        terminal.print_json(_account(done))
    raise typer.Exit(int(bool(done.failed)))


def _summarise(done: Conversion, to: str) -> None:
    warnings = terminal.WarningSummary(verbose=False, hint="--json names each")
    for one in done.captions:
        for problem in dict.fromkeys(one.problems):
            warnings.add(one.source, problem)
    warnings.show()
    if parts := done.lost_in_words():
        note = "keep the captions that you converted; --json lists it for each"
        terminal.note(f"{to} has no field for: {', '.join(parts)}; {note}")
    failed = f", {len(done.failed)} failed" if done.failed else ""
    terminal.note(f"{len(done.captions)} converted{failed}")


def _account(done: Conversion) -> dict[str, object]:
    return {
        "done": len(done.captions),
        "failed": [{"input": source, "reason": reason} for source, reason in done.failed],
        "outputs": done.outputs,
        "captions": [
            {"name": one.name, "source": one.source, "lost": one.lost, "problems": one.problems}
            for one in done.captions
        ],
    }
