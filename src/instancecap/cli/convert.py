"""``instancecap convert``: captions of any format into any other."""

from __future__ import annotations

from json import dumps as as_json
from typing import TYPE_CHECKING, Any

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
    out: str | None = None,
    from_: str = "",
    json: bool = False,
    quiet: bool = False,
) -> None:
    """Bring captions into another format."""
    shown: list[Any] = []

    def show(name: str, plain: Any) -> None:
        if out is not None:
            return
        if json:
            shown.append(plain)
        elif to == "text":
            print(f"{terminal.printable(name)}\n  {plain}\n", flush=True)
        else:
            print(as_json(plain, ensure_ascii=False), flush=True)

    done = convert_captions(
        captions,
        to=to,
        out=out,
        from_=from_,
        on_failure=terminal.note_failure,
        on_converted=show,
    )
    if not quiet:
        _summarise(done, to if out is not None else "")
    if json:
        terminal.print_json(_account(done, shown))
    raise typer.Exit(int(bool(done.failed)))


def _summarise(done: Conversion, to: str) -> None:
    """``to``: the format that was written; empty where the captions were only shown."""
    warnings = terminal.WarningSummary(verbose=False, hint="--json names each")
    for one in done.captions:
        for problem in dict.fromkeys(one.problems):
            warnings.add(one.source, problem)
    warnings.show()
    if to and (parts := done.lost_in_words()):
        note = "keep the captions that you converted; --json lists it for each"
        terminal.note(f"{to} has no field for: {', '.join(parts)}; {note}")
    failed = f", {len(done.failed)} failed" if done.failed else ""
    if to or failed:
        terminal.note(f"{len(done.captions)} converted{failed}")


def _account(done: Conversion, shown: list[Any]) -> dict[str, object]:
    """For ``--json``; with the captions themselves where they are written nowhere else."""
    captions = [{"caption": one} for one in shown] or [{}] * len(done.captions)
    return {
        "done": len(done.captions),
        "failed": [{"input": source, "reason": reason} for source, reason in done.failed],
        "outputs": done.outputs,
        "captions": [
            {"name": one.name, "source": one.source, "lost": one.lost, "problems": one.problems}
            | caption
            for one, caption in zip(done.captions, captions, strict=True)
        ],
    }
