"""``instancecap enhance``: short prompts to structured captions, and to prompts for one model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import typer

from instancecap.api import Mllm, enhance_files
from instancecap.captioners.chain import ChainOptions
from instancecap.cli import terminal
from instancecap.cli.caption import SERVER
from instancecap.cli.options import Filled, offered
from instancecap.datasets.captions import read_captions
from instancecap.engine.config import RunConfig
from instancecap.engine.prompts import (
    foretell,
    made_earlier,
    options_like,
    results_of,
    write_prompts,
)
from instancecap.engine.results import Run
from instancecap.enhance import Enhanced, EnhanceOptions
from instancecap.enhance.compare import compare as compare_sets
from instancecap.enhance.compare import in_words, profile
from instancecap.enhance.compare import plot as draw
from instancecap.errors import UsageError
from instancecap.formats import Caption
from instancecap.io.atomic import write_whole
from instancecap.render.targets import find_target, read_targets

CONFIG = Filled(
    RunConfig,
    dict.fromkeys(("keep", "images", "video_root", "hint_column", "engine"), ""),
)
OPTIONS = Filled(EnhanceOptions, {"target": "", "has_picture": ""})


@offered("enhance", CONFIG, SERVER, OPTIONS)
def enhance(
    prompts_given: list[str],
    *,
    target: str = "",
    targets: str | None = None,
    mllm_url: list[str] | None = None,
    batch_results: list[str] | None = None,
    image: str | None = None,
    last: str | None = None,
    like: str | None = None,
    compare: str | None = None,
    plot: str | None = None,
    dry_run: bool = False,
    json: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    **options: object,
) -> None:
    """Enhance prompts."""
    known = read_targets(targets) if targets else None
    how = OPTIONS.fill(options, target=find_target(target, known) if target else None)
    server = SERVER.fill(options, url=mllm_url or (), batch_results=batch_results or ())
    asks = bool(server.urls or server.model or server.asks_nobody)
    captioner = Mllm(**vars(server), options=ChainOptions(seed=how.seed)) if asks else None
    config = CONFIG.fill(options)
    theirs = {name: profile(_captions(name)) for name in (like, compare) if name}
    alike = theirs[like].like if like else None
    if dry_run:
        cost = foretell(prompts_given, how, like=alike)
        terminal.print_json(cost.to_dict()) if json else print(cost.in_words())
        return
    if compare and (made := made_earlier(prompts_given)):
        figures = compare_sets(profile(made), theirs[compare])
        _show([], figures, Run(), plot=plot, json=json)
        return
    with terminal.watching(told=bool(config.out), quiet=quiet, verbose=verbose) as watcher:
        _, done = enhance_files(
            prompts_given, captioner=captioner, options=how, config=config, events=watcher,
            image=image, last=last, like=alike,
        )  # fmt: skip
    how = replace(options_like(how, alike), has_picture=image is not None)
    results = results_of(done, how, out=config.out)
    if config.out and target:
        done.outputs.append(write_prompts(config.out, results))
    figures = (
        compare_sets(profile(one.caption for one in results), theirs[compare]) if compare else {}
    )
    watcher.conclude(done)
    _show(results, figures, done, plot=plot, shown=not config.out, json=json)
    raise typer.Exit(terminal.exit_status(done))


def _captions(path: str) -> list[Caption]:
    rows = list(read_captions([path]))
    found = [row.caption for row in rows if row.caption is not None]
    if not found:
        raise UsageError(
            f"{path}: no captions to go by: {rows[0].error if rows else 'it is empty'}"
        )
    return found


def _show(
    results: list[Enhanced],
    figures: dict[str, Any],
    done: Run,
    *,
    plot: str | None,
    json: bool,
    shown: bool = True,
) -> None:
    """The results, unless they are in files, and the figures of --compare."""
    if plot:
        write_whole(plot, draw(figures))
    told: Any = [one.to_dict() for one in results] if shown else done.as_dict()
    if json:
        told = told[0] if shown and len(told) == 1 else told
        terminal.print_json({"results": told, "compare": figures} if figures else told)
        return
    for one in results if shown else ():
        terminal.print_captions([one.caption])
        print(f"\n{one.prompt}\n")
        if one.negative_prompt:
            print(f"negative: {one.negative_prompt}\n")
    if figures:
        print(in_words(figures))
