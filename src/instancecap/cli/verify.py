"""``instancecap verify``: captions of any origin against their videos."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instancecap.cli import asking, terminal
from instancecap.cli.options import Json, Quiet, Verbose, Workers

if TYPE_CHECKING:
    from instancecap.engine.verify import Account, Checked
    from instancecap.io.finder import Rejected


def verify(
    captions: Annotated[
        list[str],
        typer.Argument(
            metavar="CAPTION",
            show_default=False,
            help="Caption files of any format: .json, .jsonl, .csv, .parquet, .txt, folders of "
            "them, or glob patterns.",
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Write the captions here, with their claims filled in.",
        ),
    ] = None,
    video_root: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Folder that videos are in; else the caption's own, then this one.",
        ),
    ] = None,
    evidence: Annotated[
        str | None,
        typer.Option(
            metavar="DIR",
            help="Use evidence from here, named as 'instancecap evidence' names it; what is not "
            "there is measured.",
        ),
    ] = None,
    on_contradiction: Annotated[
        Literal["mark", "remove", "keep"],
        typer.Option(help="What happens to what is contradicted, in the captions of --out."),
    ] = "mark",
    extract: Annotated[
        Literal["rules", "mllm"],
        typer.Option(help="Who reads the claims out of sentences: rules, or a language model."),
    ] = "rules",
    mllm_url: asking.Url = None,
    mllm_model: asking.Model = "",
    mllm_key_env: asking.KeyEnv = "OPENAI_API_KEY",
    record: asking.Record = "",
    replay: asking.Replay = "",
    workers: Workers = 1,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Check captions against their videos: what is supported, what is contradicted."""
    if verbose:
        terminal.log_to_stderr()
    from instancecap.engine.local import count_cores
    from instancecap.engine.model_stage import Server
    from instancecap.engine.verify import account_json, verify_all

    kept: list[Checked] = []

    def show(checked: Checked) -> None:
        if json:
            kept.append(checked)
        elif not quiet:
            _print_checked(checked)

    def fail(failure: Rejected) -> None:
        terminal.note(f"failed: {failure.source}: {failure.reason}")

    account = verify_all(
        captions,
        video_root=video_root,
        evidence=evidence,
        out=out,
        on_contradiction=on_contradiction,
        server=Server(
            url=tuple(mllm_url or ()),
            model=mllm_model,
            key_env=mllm_key_env,
            record=record,
            replay=replay,
        )
        if extract == "mllm"
        else None,
        workers=workers or count_cores(),
        on_checked=show,
        on_failure=fail,
    )
    if json:
        terminal.print_json(account_json(account, kept))
    else:
        _print_account(account)
    if not account.complete:
        raise typer.Exit(terminal.INTERRUPTED)
    raise typer.Exit(int(bool(account.failed)))


def _print_checked(checked: Checked) -> None:
    from rich.console import Console
    from rich.text import Text

    from instancecap.verify.report import OUTCOMES, contradictions

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
    from rich.console import Console
    from rich.table import Table

    from instancecap.verify.report import OUTCOMES

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
            f"{account.contradicted} of {account.clips} captions have a contradiction"
        )
