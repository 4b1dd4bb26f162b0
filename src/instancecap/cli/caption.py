"""``instancecap caption``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Images, Inputs, Json, Quiet, Verbose, VideoRoot, Workers
from instancecap.errors import OutputError, UsageError

if TYPE_CHECKING:
    from instancecap.engine.batch import Batch
    from instancecap.engine.inputs import Job


def caption(
    inputs: Inputs,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="OUT",
            help="A folder (one JSON file per clip), a .jsonl file, or a .parquet folder. "
            "Without it, captions are shown here.",
        ),
    ] = None,
    captioner: Annotated[
        str, typer.Option(metavar="NAME", help="Who writes the captions: measured.")
    ] = "measured",
    report: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write an HTML page to look at the results."),
    ] = None,
    workers: Workers = 1,
    max_instances: Annotated[
        int, typer.Option(min=0, metavar="N", help="Instances a caption may have.")
    ] = 3,
    images: Images = False,
    video_root: VideoRoot = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Caption clips: what is in them, where it goes, how it is filmed."""
    if captioner != "measured":
        raise UsageError(
            f"--captioner {captioner}: not in this version; the only captioner is 'measured'"
        )
    if verbose:
        terminal.log_to_stderr()
    from instancecap.engine.inputs import find_jobs, refuse_shared_names
    from instancecap.engine.outputs import open_sink
    from instancecap.engine.work import CaptionWork
    from instancecap.schema import Caption

    if report is not None:
        _check_report(report)
    jobs, rejected = find_jobs(inputs, images=images, video_root=video_root)
    sink = open_sink(out) if out is not None else None
    if sink is not None or report is not None:
        refuse_shared_names(jobs, fold=sink is not None and sink.folds_names)
    batch = terminal.run_visibly(
        jobs,
        rejected,
        CaptionWork(max_instances=max_instances, keep_evidence=report is not None),
        sink=sink,
        keep=report is not None or out is None,
        workers=workers,
        quiet=quiet,
    )
    shown = [] if out is not None else [one.caption for _, one in sorted(batch.results.items())]
    captions = [Caption.from_json(text) for text in shown]
    if report is not None:
        _report(report, jobs, batch)
    if json:
        shown_json = [one.model_dump(mode="json") for one in captions]
        terminal.print_json({**terminal.account(batch), "captions": shown_json})
    else:
        terminal.print_captions(captions)
    raise typer.Exit(terminal.exit_status(batch))


def _check_report(report: str) -> None:
    from instancecap.engine.outputs import require_writable

    if Path(report).is_dir() or not report:
        raise UsageError(f"--report {report}: name a file, such as report.html, not a folder")
    require_writable(Path(report).parent, option="--report")


def _report(report: str, jobs: list[Job], batch: Batch) -> None:
    from instancecap.engine.inputs import Rejected, reason_of
    from instancecap.schema import Caption, Evidence
    from instancecap.web.report import ReportEntry, write_report

    entries = [
        ReportEntry(
            clip=jobs[index].clip,
            caption=Caption.from_json(documents.caption),
            evidence=Evidence.from_json(documents.evidence),
        )
        for index, documents in sorted(batch.results.items())
    ]
    if not entries:
        return
    try:
        write_report(Path(report), entries)
        batch.outputs.append(report)
    except OutputError as error:
        failure = Rejected(report, reason_of(error, report))
        terminal.note(f"failed: {failure.source}: {failure.reason}")
        batch.failed.append(failure)
