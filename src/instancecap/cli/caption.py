"""``instancecap caption``: the main job."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instancecap.cli import asking, options, terminal
from instancecap.cli.options import Images, Inputs, Json, Quiet, Verbose, VideoRoot, Workers
from instancecap.errors import OutputError, UsageError

if TYPE_CHECKING:
    from instancecap.engine.batch import Batch
    from instancecap.io.inputs import Job


def caption(
    inputs: Inputs,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="OUT",
            help="A folder (one JSON file per clip), a .jsonl file, or a .parquet folder. "
            "Without it, captions are shown here.",
        ),
    ] = None,
    captioner: Annotated[
        str, typer.Option(metavar="NAME", help="Who writes the captions: measured or mllm.")
    ] = "measured",
    mllm_url: asking.Url = None,
    mllm_model: asking.Model = "",
    mllm_key_env: asking.KeyEnv = "OPENAI_API_KEY",
    mllm_concurrency: asking.Concurrency = 64,
    mllm_timeout: asking.Timeout = 300.0,
    mllm_wait: asking.Wait = 600.0,
    record: asking.Record = "",
    replay: asking.Replay = "",
    batch_file: asking.BatchFile = "",
    batch_results: asking.BatchResults = None,
    mllm_input: asking.Input = "images",
    hint_column: asking.HintColumn = "",
    mode: asking.Mode = "fused",
    detail: asking.Detail = "auto",
    agree: asking.Agree = "on",
    single_format: asking.SingleFormat = "skycaptioner",
    visual_prompt: asking.VisualPrompt = "blur",
    frames: asking.Frames = 0,
    hints: asking.Hints = True,
    hints_file: asking.HintsFile = "",
    prompts: asking.PromptsDir = "",
    fields: asking.Fields = "",
    overwrite_human: asking.OverwriteHuman = False,
    on_contradiction: asking.OnContradiction = "mark",
    window: asking.Window = 8.0,
    attempts: asking.Attempts = 3,
    seed: asking.Seed = 0,
    dry_run: asking.DryRun = False,
    language: Annotated[
        str, typer.Option(metavar="TAG", help="Language of the sentences, such as en or zh.")
    ] = "en",
    split_shots: Annotated[
        bool, typer.Option("--split-shots", help="One caption a shot, named NAME#1, NAME#2, …")
    ] = False,
    format: Annotated[
        str,
        typer.Option(
            metavar="FORMAT",
            help="Write instancevid, skycaptioner, cosmos3, miradata "
            "or text instead of our own captions.",
        ),
    ] = "instancecap",
    report: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write an HTML page to look at the results."),
    ] = None,
    workers: Workers = 1,
    engine: options.Engine = "local",
    max_instances: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Instances of a caption; measured: 3, mllm: 8 agreed.",
        ),
    ] = None,
    resume: options.Resume = True,
    retry_failed: options.RetryFailed = False,
    time_limit: options.TimeLimit = options.TIME_LIMIT,
    max_failure_rate: options.MaxFailureRate = 1.0,
    shard: options.Shard = "",
    log_json: options.LogJson = None,
    metrics_port: options.MetricsPort = None,
    images: Images = False,
    video_root: VideoRoot = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Caption clips: what is in them, where it goes, how it is filmed."""
    if verbose:
        terminal.log_to_stderr()
    from instancecap.captioners.measured.describe import MAX_INSTANCES
    from instancecap.engine.work import CaptionWork

    _check_usage(captioner, out, format=format, hint_column=hint_column)
    if report is not None:
        _check_report(report, split_shots=split_shots)
    finish = asker = open_finish = None
    work: Any
    if captioner == "measured":
        work = CaptionWork(
            max_instances=MAX_INSTANCES if max_instances is None else max_instances,
            language=language,
            split_shots=split_shots,
            keep_evidence=report is not None,
        )
    else:
        asked = asking.AskingOptions(
            server=asking.server(
                mllm_url, mllm_model, mllm_key_env, mllm_concurrency, mllm_timeout, record,
                replay, batch_file=batch_file, batch_results=batch_results,
            ),
            hint_column=hint_column,
            patience=mllm_wait,
            chain=asking.chain_options(
                mode=mode, detail=detail, agree=agree, input=mllm_input,
                single_format=single_format, frames=frames,
                visual_prompt=visual_prompt, hints=hints, hints_file=hints_file,
                prompts_dir=prompts, fields=fields, overwrite_human=overwrite_human,
                on_contradiction=on_contradiction, window=window, attempts=attempts, seed=seed,
                language=language, max_instances=max_instances,
            ),
            out=out or "",
            split_shots=split_shots,
            keep_evidence=report is not None,
        )  # fmt: skip
        if dry_run:
            asking.predict_cost(inputs, asked, images=images, video_root=video_root, json=json,
                                workers=workers)  # fmt: skip
            return
        work, finish, asker, open_finish = asking.stages(asked, engine=engine)
    jobs, rejected, sink = _plan(
        inputs, out, report, shard, format=format, images=images, video_root=video_root,
        hint_column=hint_column,
    )  # fmt: skip
    how = options.run_options(
        workers=workers, resume=resume, retry_failed=retry_failed, time_limit=time_limit,
        max_failure_rate=max_failure_rate, shard=shard,
        keep=report is not None or out is None, engine=engine, open_finish=open_finish,
    )  # fmt: skip
    batch = terminal.run_visibly(
        jobs,
        rejected,
        work,
        sink=sink,
        options=how,
        finish=finish,
        release=asker.release if asker is not None else None,
        log_json=log_json,
        metrics_port=metrics_port,
        quiet=quiet,
    )
    if asker is not None:
        asking.conclude(asker, batch)
    _show(batch, jobs, report=report, shown=out is None, json=json)
    raise typer.Exit(terminal.exit_status(batch))


def _plan(
    inputs: list[str],
    out: str | None,
    report: str | None,
    shard: str,
    *,
    format: str,
    images: bool,
    video_root: str | None,
    hint_column: str,
) -> tuple[Any, Any, Any]:
    """The jobs, the rejected inputs, and where the captions go."""
    from instancecap.engine.shards import Shard
    from instancecap.io.inputs import find_jobs, refuse_shared_names
    from instancecap.io.outputs import open_sink

    part = Shard.parse(shard) if shard else None
    jobs, rejected = find_jobs(
        inputs, images=images, video_root=video_root, hint_column=hint_column
    )
    label = part.label if part else ""
    sink = open_sink(out, shard=label, format=format) if out is not None else None
    if sink is not None or report is not None:
        refuse_shared_names(jobs, fold=sink is not None and sink.folds_names)
    return part.of(jobs) if part else jobs, rejected, sink


def _show(
    batch: Batch, jobs: Sequence[Job], *, report: str | None, shown: bool, json: bool
) -> None:
    from instancecap.schema import Caption

    texts = [
        text for _, one in sorted(batch.results.items()) for text in one.captions.values() if shown
    ]
    captions = [Caption.from_json(text) for text in texts]
    if report is not None:
        _report(report, jobs, batch)
    if json:
        shown_json = [one.model_dump(mode="json") for one in captions]
        terminal.print_json({**terminal.account(batch), "captions": shown_json})
    else:
        terminal.print_captions(captions)


def _check_usage(captioner: str, out: str | None, *, format: str, hint_column: str) -> None:
    if captioner not in ("measured", "mllm"):
        raise UsageError(f"--captioner {captioner}: choose measured or mllm")
    if hint_column and captioner != "mllm":
        raise UsageError("--hint-column is for --captioner mllm: what is measured needs no hint")
    if out is None and format != "instancecap":
        raise UsageError(f"--format {format} needs --out OUT")


def _check_report(report: str, *, split_shots: bool) -> None:
    from instancecap.io.outputs import require_writable

    if Path(report).is_dir() or not report:
        raise UsageError(f"--report {report}: name a file, such as report.html, not a folder")
    if split_shots:
        raise UsageError("--report shows whole clips: leave out --split-shots")
    require_writable(Path(report).parent, option="--report")


def _report(report: str, jobs: Sequence[Job], batch: Batch) -> None:
    from instancecap.io.inputs import Rejected, reason_of
    from instancecap.schema import Caption, Evidence
    from instancecap.web.report import ReportEntry, write_report

    entries = [
        ReportEntry(
            clip=jobs[index].clip,
            caption=Caption.from_json(documents.captions[""]),
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
