"""``instancecap caption``: the main job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from instancecap.cli import asking, options, terminal
from instancecap.cli.options import Images, Inputs, Json, Quiet, Verbose, VideoRoot, Workers

if TYPE_CHECKING:
    from instancecap.api import CaptionConfig, Mllm


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
        Literal["measured", "mllm"],
        typer.Option(metavar="NAME", help="Who writes the captions: measured or mllm."),
    ] = "measured",
    mllm_url: asking.Url = None,
    mllm_model: asking.Model = "",
    mllm_key_env: asking.KeyEnv = "OPENAI_API_KEY",
    mllm_concurrency: asking.Concurrency = 64,
    mllm_timeout: asking.Timeout = 300.0,
    mllm_max_tokens: asking.MaxTokens = 0,
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
    overwrite_human: options.OverwriteHuman = False,
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
            min=0, metavar="N", help="Instances of a caption; measured: 3, mllm: 8 agreed."
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
    from instancecap.api import CaptionConfig, Measured, Mllm, run
    from instancecap.captioners.chain import ChainOptions

    config = CaptionConfig(
        out=out or "", format=format, report=report or "", workers=workers,
        engine=engine, max_instances=max_instances, split_shots=split_shots,
        resume=resume, retry_failed=retry_failed, overwrite_human=overwrite_human,
        time_limit=time_limit,
        max_failure_rate=max_failure_rate, shard=shard, log_json=log_json or "",
        metrics_port=metrics_port, images=images, video_root=video_root, hint_column=hint_column,
    )  # fmt: skip
    writer: Measured | Mllm
    if captioner == "measured":
        writer = Measured(language=language)
    else:
        chain = ChainOptions(
            mode=mode, detail=detail, agree=agree, input=mllm_input,
            single_format=single_format, frames=frames,
            visual_prompt=visual_prompt, hints=hints, hints_file=hints_file,
            prompts_dir=prompts, fields=asking.names(fields), overwrite_human=overwrite_human,
            on_contradiction=on_contradiction, window=window, attempts=attempts, seed=seed,
            language=language,
        )  # fmt: skip
        writer = Mllm(
            url=mllm_url or (), model=mllm_model, options=chain, key_env=mllm_key_env,
            concurrency=mllm_concurrency, timeout=mllm_timeout, wait=mllm_wait, record=record,
            max_tokens=mllm_max_tokens,
            replay=replay, batch_file=batch_file, batch_results=batch_results or (),
        )  # fmt: skip
        if dry_run:
            _predict(inputs, writer, config, json=json)
    with terminal.watching(told=out is not None, quiet=quiet, verbose=verbose) as watcher:
        done = run(inputs, captioner=writer, config=config, events=watcher)
    watcher.conclude(done)
    captions = done.captions() if out is None else []
    if json:
        shown = [one.model_dump(mode="json") for one in captions]
        terminal.print_json({**done.as_dict(), "captions": shown})
    else:
        terminal.print_captions(captions)
    raise typer.Exit(terminal.exit_status(done))


def _predict(inputs: list[str], writer: Mllm, config: CaptionConfig, *, json: bool) -> None:
    """Measure, and show what the questions would cost."""
    from instancecap.api import predict

    with terminal.watching(told=False, quiet=json) as watcher:
        done = predict(inputs, captioner=writer, config=config, events=watcher)
    watcher.conclude(done)
    if json:
        terminal.print_json(done.as_dict())
    else:
        cost = {name: round(value) for name, value in done.cost.items() if name != "seconds"}
        print(f"{done.done} clips: {terminal.amounts(cost) or 'nothing to ask'}")
    raise typer.Exit(terminal.exit_status(done))
