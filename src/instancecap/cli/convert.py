"""``instancecap convert``: captions of any format into any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from instancecap.cli import terminal
from instancecap.cli.options import offered
from instancecap.datasets.convert import convert as convert_captions

if TYPE_CHECKING:
    from collections import Counter

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
    number = len(done.captions)
    for problem, count in done.problems_by_kind().most_common(10):
        terminal.note(f"warning{_share(count, number)}: {problem}")
    if pointers := done.lost_by_kind():
        terminal.note(f"does not come back from {to}: {_listed(pointers, number)}")
    failed = f", {len(done.failed)} failed" if done.failed else ""
    terminal.note(f"{number} converted{failed}")


def _listed(pointers: Counter[str], number: int) -> str:
    return ", ".join(f"{pointer}{_share(count, number)}" for pointer, count in pointers.items())


def _share(count: int, number: int) -> str:
    return f" ({count} of {number})" if number > 1 else ""


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
