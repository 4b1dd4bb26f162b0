"""``instancecap status``: where a run stands."""

from __future__ import annotations

from datetime import timedelta

from instancecap.cli import terminal
from instancecap.cli.options import offered
from instancecap.engine.status import read_status


@offered("status")
def status(out: str, *, json: bool = False) -> None:
    """Tell where a run stands."""
    found = read_status(out)
    if json:
        terminal.print_json(found.as_dict())
        return
    state = "running" if found.running else "not running"
    partial = f", {found.partial} partial" if found.partial else ""
    kept = f", {found.kept} kept as a person left them" if found.kept else ""
    before = f" ({found.before} by earlier runs{kept})" if found.before else ""
    counts = f"{found.done} of {found.total} clips done{before}{partial}, {found.failed} failed"
    others = sum(found.held.values()) - found.done - found.partial - found.failed
    held = f"; in all {found.held.get('done', 0)} done" if others > 0 else ""
    print(f"{out}: {state}, {counts}{held}")
    if found.running:
        left = "" if found.left_seconds is None else f", about {_span(found.left_seconds)} left"
        print(f"{found.per_minute:g} clips a minute{left}")
    if found.cost:
        print(terminal.amounts(found.cost))
    if found.quality:
        print(f"last run: {terminal.amounts(found.quality)}")
    if found.empty:
        print(terminal.printable(f"empty: {', '.join(found.empty)}"))
    for reason, count in found.reasons.items():
        print(terminal.printable(f"  {count} x {reason}"))


def _span(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
