"""``instancecap caption``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instancecap.cli import asking, options, terminal
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
        str, typer.Option(metavar="NAME", help="Who writes the captions: measured or mllm.")
    ] = "measured",
    mllm_url: asking.Url = None,
    mllm_model: asking.Model = "",
    mllm_key_env: asking.KeyEnv = "OPENAI_API_KEY",
    mllm_concurrency: asking.Concurrency = 64,
    mllm_timeout: asking.Timeout = 300.0,
    record: asking.Record = "",
    replay: asking.Replay = "",
    mode: asking.Mode = "fused",
    single_format: asking.SingleFormat = "ours",
    visual_prompt: asking.VisualPrompt = "blur",
    frames: asking.Frames = 8,
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
    report: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Also write an HTML page to look at the results."),
    ] = None,
    workers: Workers = 1,
    max_instances: Annotated[
        int, typer.Option(min=0, metavar="N", help="Instances a caption may have.")
    ] = 3,
    resume: options.Resume = True,
    retry_failed: options.RetryFailed = False,
    time_limit: options.TimeLimit = options.TIME_LIMIT,
    max_failure_rate: options.MaxFailureRate = 1.0,
    shard: options.Shard = "",
    log_json: options.LogJson = None,
    images: Images = False,
    video_root: VideoRoot = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Caption clips: what is in them, where it goes, how it is filmed."""
    if verbose:
        terminal.log_to_stderr()
    from instancecap.engine.shards import Shard
    from instancecap.engine.work import CaptionWork

    if report is not None:
        _check_report(report, split_shots=split_shots)
    finish = None
    work: Any
    if captioner == "measured":
        work = CaptionWork(
            max_instances=max_instances,
            language=language,
            split_shots=split_shots,
            keep_evidence=report is not None,
        )
    elif captioner == "mllm":
        asked = asking.AskingOptions(
            server=asking.server(
                mllm_url, mllm_model, mllm_key_env, mllm_concurrency, mllm_timeout, record, replay
            ),
            chain=asking.chain_options(
                mode=mode, single_format=single_format, visual_prompt=visual_prompt,
                frames=frames, hints=hints, hints_file=hints_file, prompts_dir=prompts,
                fields=fields, overwrite_human=overwrite_human,
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
        work, finish = asked.stages()
    else:
        raise UsageError(f"--captioner {captioner}: choose measured or mllm")
    jobs, rejected, sink = _plan(inputs, out, report, shard, images=images, video_root=video_root)
    batch = terminal.run_visibly(
        list(Shard.parse(shard).of(jobs)) if shard else jobs,
        rejected,
        work,
        sink=sink,
        options=options.run_options(
            workers=workers,
            resume=resume,
            retry_failed=retry_failed,
            time_limit=time_limit,
            max_failure_rate=max_failure_rate,
            shard=shard,
            keep=report is not None or out is None,
        ),
        finish=finish,
        log_json=log_json,
        quiet=quiet,
    )
    _show(batch, jobs, report=report, shown=out is None, json=json)
    raise typer.Exit(terminal.exit_status(batch))


def _plan(
    inputs: list[str],
    out: str | None,
    report: str | None,
    shard: str,
    *,
    images: bool,
    video_root: str | None,
) -> tuple[Any, Any, Any]:
    """The jobs, the rejected inputs, and where the captions go."""
    from instancecap.engine.inputs import find_jobs, refuse_shared_names
    from instancecap.engine.outputs import open_sink
    from instancecap.engine.shards import Shard

    jobs, rejected = find_jobs(inputs, images=images, video_root=video_root)
    label = Shard.parse(shard).label if shard else ""
    sink = open_sink(out, shard=label) if out is not None else None
    if sink is not None or report is not None:
        refuse_shared_names(jobs, fold=sink is not None and sink.folds_names)
    return jobs, rejected, sink


def _show(batch: Batch, jobs: list[Job], *, report: str | None, shown: bool, json: bool) -> None:
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


def _check_report(report: str, *, split_shots: bool) -> None:
    from instancecap.engine.outputs import require_writable

    if Path(report).is_dir() or not report:
        raise UsageError(f"--report {report}: name a file, such as report.html, not a folder")
    if split_shots:
        raise UsageError("--report shows whole clips: leave out --split-shots")
    require_writable(Path(report).parent, option="--report")


def _report(report: str, jobs: list[Job], batch: Batch) -> None:
    from instancecap.engine.inputs import Rejected, reason_of
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
