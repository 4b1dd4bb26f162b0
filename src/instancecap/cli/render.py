"""``instancecap render``: one prompt per caption, within the target's token budget."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

import typer

from instancecap.cli import terminal
from instancecap.cli.options import Filled, offered
from instancecap.datasets.captions import read_captions
from instancecap.datasets.prompt_file import PromptFile
from instancecap.errors import UsageError
from instancecap.mllm.base import Backend
from instancecap.mllm.openai import OpenAIBackend
from instancecap.render.batch import Rendered, read_phrases, render_all, split_lengths, text_line
from instancecap.render.options import NAMES_NOTHING, RenderOptions
from instancecap.render.targets import counter_for, find_target, read_targets

OPTIONS = Filled(RenderOptions, dict.fromkeys(("target", "length", "variant"), ""))


@offered("render", OPTIONS)
def render(
    captions: list[str],
    *,
    target: str,
    length: list[str] | None = None,
    out: str | None = None,
    forbid: list[str] | None = None,
    tokenizer: str | None = None,
    targets: str | None = None,
    strict: bool = False,
    fuse: bool = False,
    mllm_url: str = "",
    mllm_model: str = "",
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Turn captions into prompts."""
    known = read_targets(targets) if targets else None
    how = OPTIONS.fill(options, target=find_target(target, known))
    lengths = split_lengths(length or ["dense"])
    backend = _backend(mllm_url, mllm_model) if fuse or mllm_url or mllm_model else None
    warnings = terminal.WarningSummary(verbose=verbose)
    rendered = render_all(
        read_captions(captions, on_salvaged=warnings.add),
        how,
        lengths=lengths,
        forbid=read_phrases(forbid or []),
        counter=counter_for(how.target, tokenizer),
        backend=backend,
    )
    start, results, shortened, nothing = time.monotonic(), [], 0, 0
    with ExitStack() as stack:
        file = stack.enter_context(PromptFile(out, lengths)) if out is not None else None
        for one in rendered:
            if one.error:
                terminal.note_failure(one.source, one.error)
            for prompt in one.prompts:
                for warning in prompt.warnings:
                    warnings.add(one.name, warning)
            shortened += any(prompt.dropped for prompt in one.prompts)
            nothing += any(NAMES_NOTHING in prompt.warnings for prompt in one.prompts)
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
        losses += f", {nothing} without subject and event" if nothing else ""
        losses += f", {len(failed)} failed" if failed else ""
        terminal.note(f"{len(results) - len(failed)} rendered{losses}")
    if json:
        account = _account(results, failed, out, seconds=time.monotonic() - start)
        terminal.print_json({**account, "shortened": shortened, "nothing": nothing})
    raise typer.Exit(int(bool(failed) or (strict and shortened > 0)))


def _backend(url: str, model: str) -> Backend:
    if not url or not model:
        raise UsageError("--fuse: name a server and a model: --mllm-url URL --mllm-model NAME")
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
