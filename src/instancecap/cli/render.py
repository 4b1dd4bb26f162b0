"""``instancecap render``: one prompt per caption, within the target's token budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, cast

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Json, Quiet, Verbose
from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.mllm.base import Backend
    from instancecap.render.batch import Rendered
    from instancecap.render.options import Task


def render(
    captions: Annotated[
        list[str],
        typer.Argument(
            metavar="CAPTION",
            show_default=False,
            help="Caption files of any format: .json, .jsonl, .csv, .parquet, .txt, folders of "
            "them, or glob patterns.",
        ),
    ],
    target: Annotated[
        str, typer.Option("--for", metavar="TARGET", help="The model: wan2.2, ltx-video, ….")
    ],
    task: Annotated[
        str, typer.Option(metavar="TASK", help="t2v, or i2v: only what moves, and the camera.")
    ] = "t2v",
    length: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LENGTH",
            help="dense, medium, short, tags; several, as dense,short, give a column each.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="A .txt, .jsonl or .csv file instead of the terminal.",
        ),
    ] = None,
    prefix: Annotated[
        str, typer.Option(metavar="TEXT", help="Trigger words, in front of each.")
    ] = "",
    suffix: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Behind each; may name figures: 'motion score: {motion}.'"
        ),
    ] = "",
    drop_fields: Annotated[
        float, typer.Option(metavar="P", help="Leave each field out with this probability.")
    ] = 0.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Seed of --drop-fields.")] = 0,
    forbid: Annotated[
        list[str] | None,
        typer.Option(metavar="PHRASE", help="Fail what holds this, or a line of this .txt file."),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Count with this tokenizer instead of the estimate."),
    ] = None,
    targets: Annotated[
        str | None, typer.Option(metavar="FILE", help="A TOML file with targets of your own.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 1 where anything had to be left out.")
    ] = False,
    fuse: Annotated[
        bool, typer.Option("--fuse", help="A language model polishes each; its claims are checked.")
    ] = False,
    mllm_url: Annotated[
        str, typer.Option(metavar="URL", help="Server for --fuse: http://localhost:8000/v1.")
    ] = "",
    mllm_model: Annotated[
        str, typer.Option(metavar="NAME", help="Model for --fuse, as the server knows it.")
    ] = "",
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Turn captions into prompts for a text-to-video model, one line each."""
    from instancecap.datasets.captions import read_captions
    from instancecap.datasets.prompt_file import PromptFile
    from instancecap.render.batch import render_all, split_lengths, text_line
    from instancecap.render.budget import counter_for
    from instancecap.render.lint import read_phrases
    from instancecap.render.options import RenderOptions
    from instancecap.render.targets import find_target, read_targets

    options = RenderOptions(
        target=find_target(target, read_targets(targets) if targets else None),
        task=cast("Task", task),
        prefix=prefix,
        suffix=suffix,
        drop_fields=drop_fields,
        seed=seed,
    )
    lengths = split_lengths(length or ["dense"])
    backend = _backend(mllm_url, mllm_model) if fuse or mllm_url or mllm_model else None
    rendered = render_all(
        read_captions(captions),
        options,
        lengths=lengths,
        forbid=read_phrases(forbid or []),
        counter=counter_for(options.target, tokenizer),
        backend=backend,
    )
    start, results, shortened = time.monotonic(), [], 0
    warnings = terminal.WarningSummary(verbose=verbose)
    with ExitStack() as stack:
        file = stack.enter_context(PromptFile(out, lengths)) if out is not None else None
        for one in rendered:
            if one.error:
                terminal.note(f"failed: {one.source}: {one.error}")
            for prompt in one.prompts:
                for warning in prompt.warnings:
                    warnings.add(one.name, warning)
            shortened += any(prompt.warnings for prompt in one.prompts)
            if file is not None:
                file.write(one)
            elif not json:
                print(text_line(one), flush=True)
            results.append(one if json and file is None else replace(one, prompts=()))
    failed = [one for one in results if one.error]
    if not quiet:
        warnings.show()
    if file is not None and not quiet:
        losses = f", {shortened} shortened" if shortened else ""
        losses += f", {len(failed)} failed" if failed else ""
        terminal.note(f"{len(results) - len(failed)} rendered{losses}")
    if json:
        account = _account(results, failed, out, seconds=time.monotonic() - start)
        terminal.print_json({**account, "shortened": shortened})
    raise typer.Exit(int(bool(failed) or (strict and shortened > 0)))


def _backend(url: str, model: str) -> Backend:
    if not url or not model:
        raise UsageError("--fuse: name a server and a model: --mllm-url URL --mllm-model NAME")
    from instancecap.mllm.openai import OpenAIBackend

    return OpenAIBackend(urls=[url], model=model)


def _account(
    results: Sequence[Rendered], failed: Sequence[Rendered], out: str | None, *, seconds: float
) -> dict[str, object]:
    account: dict[str, object] = {
        "done": len(results) - len(failed),
        "failed": [{"input": one.source, "reason": one.error} for one in failed],
        "seconds": round(seconds, 3),
        "outputs": [] if out is None else [out],
    }
    if out is None:
        account["captions"] = [one.to_dict() for one in results if not one.error]
    return account
