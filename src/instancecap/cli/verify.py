"""``instancecap verify``: captions of any origin against their videos."""

from __future__ import annotations

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from instancecap.cli import terminal
from instancecap.cli.options import Filled, offered
from instancecap.engine.verify import Account, CheckConfig, Checked, verify_all
from instancecap.mllm.server import Server
from instancecap.schema import Caption, Evidence
from instancecap.verify.report import OUTCOMES, contradictions

CONFIG = Filled(CheckConfig)
SERVER = Filled(
    Server,
    {**dict.fromkeys(Server.__dataclass_fields__, ""), "record": "record", "replay": "replay"}
    | {"model": "mllm_model", "key_env": "mllm_key_env"},
)


@offered("verify", CONFIG, SERVER)
def verify(
    captions: list[str],
    *,
    mllm_url: list[str] | None = None,
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Check captions against their videos."""
    if verbose:
        terminal.log_to_stderr()
    from instancecap.web.report import ReportEntry, write_report

    config, kept = CONFIG.fill(options), list[Checked]()
    entries: list[ReportEntry] = []
    warnings = terminal.WarningSummary(verbose=verbose)

    def show(checked: Checked) -> None:
        if json:
            kept.append(checked)
        elif not quiet:
            _print_checked(checked)
        if config.report and checked.clip is not None:
            caption = Caption.from_json(checked.caption)
            seen = Evidence.from_json(checked.evidence)
            entries.append(ReportEntry(checked.clip, caption, seen))

    account = verify_all(
        captions,
        config,
        server=SERVER.fill(options, url=tuple(mllm_url or ())),
        on_checked=show,
        on_failure=lambda one: terminal.note_failure(one.source, one.reason),
        on_salvaged=warnings.add,
    )
    if entries:
        write_report(config.report, entries)
    if not quiet:
        warnings.show()
    if config.pairs and not (account.pairs or quiet):
        terminal.note("preference pairs: none; nothing that a captioner answers is contradicted")
    if json:
        terminal.print_json(account.as_dict(kept))
    else:
        _print_account(account)
    if not account.complete:
        raise typer.Exit(terminal.INTERRUPTED)
    raise typer.Exit(int(bool(account.failed)))


def _print_checked(checked: Checked) -> None:
    console = Console(markup=False, highlight=False, soft_wrap=True)
    report = checked.report
    number = {support: sum(one.support == support for one in report.claims) for support in OUTCOMES}
    facts = ", ".join(f"{count} {support}" for support, count in number.items())
    console.print(Text.assemble((terminal.printable(checked.name), "bold"), f"  {facts}"))
    marks = (("contradicted", "  ✗ ", "red"), ("disputed", "  ? ", "yellow"))
    for support, mark, color in marks:
        for one in contradictions(report, support=support):
            text = terminal.printable(one.said)
            console.print(Text.assemble((mark, color), (one.pointer, "cyan"), f"  {text}"))
            times = ", ".join(f"{t:g}" for t in one.frames)
            at = f", at {times} s" if times else ""
            console.print(f"      {one.measured} ({one.kind}, confidence {one.confidence:.2f}{at})")


def _print_account(account: Account) -> None:
    if not account.counts:
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("claims about")
    for name in OUTCOMES:
        table.add_column(name, justify="right")
    for kind, row in sorted(account.counts.items()):
        table.add_row(kind.replace("_", " "), *(str(count) for count in row.values()))
    total = [sum(row[name] for row in account.counts.values()) for name in row]
    table.add_row("all", *map(str, total), style="bold")
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(table)
    if account.score is not None:
        console.print(
            f"{account.score:.1%} of the claims that could be checked are supported; "
            f"captions with a contradiction: {account.contradicted} of {account.clips}, "
            f"with a disputed claim: {account.disputed}; "
            f"sentences in which no claim was found: {account.unread}"
        )
    if account.pairs:
        console.print(f"preference pairs: {account.pairs}")
    if account.own:
        console.print(
            f"{account.own} of the {account.clips} captions are by the captioner measured: they "
            "state what they are checked against, so this tells whether they were changed, not "
            "whether the measurement is right"
        )
