"""``instancecap eval``: captioners and generators measured, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS, Filled, offered
from instancecap.engine.model_stage import Server
from instancecap.engine.results import Run
from instancecap.evals.compare import compare_files
from instancecap.evals.report import table, write_report
from instancecap.evals.result import Result
from instancecap.evals.run import EvalOptions, evaluate
from instancecap.evals.task import Task

OPTIONS = Filled(EvalOptions)
NO_MODEL = Filled(EvalOptions, {"attempts": ""})
"""Of metrics that ask nobody."""
PLAIN = Filled(EvalOptions, dict.fromkeys(("attempts", "workers", "resume"), ""))
"""Of metrics that ask nobody and compute in a moment."""
SERVER = Filled(
    Server,
    {"url": "", "batch_results": ""}
    | {name: f"mllm_{name}" for name in ("model", "key_env", "concurrency", "timeout")}
    | {name: f"mllm_{name}" for name in ("max_tokens", "wait")},
)

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["eval"])


def command(name: str, *configs: Filled[Any]) -> Callable[[Callable[..., None]], Any]:
    """A metric's verb: its help and options stand in ``options.toml`` under ``eval NAME``."""

    def add(function: Callable[..., None]) -> Callable[..., None]:
        verb = f"eval {name}"
        app.command(name, help=TEXTS[verb]["help"])(offered(verb, *configs)(function))
        return function

    return add


def server_of(options: dict[str, object], urls: list[str] | None) -> Server | None:
    """Who is asked; None for nobody."""
    server = SERVER.fill(options, url=tuple(urls or ()))
    return server if server.urls or server.model or server.asks_nobody else None


def run(
    task: Task,
    options: EvalOptions,
    *,
    server: Server | None = None,
    json: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> None:
    """Evaluate, show the result, and exit with the run's status."""
    with terminal.watching(told=False, quiet=quiet, verbose=verbose) as watcher:
        for one in task.rejected:
            watcher.rejected(one)
        result, done = evaluate(task, options, server=server, events=watcher)
    watcher.conclude(done)
    show(result, json=json, quiet=quiet, outputs=done.outputs)
    raise typer.Exit(exit_status(result, done))


def exit_status(result: Result, done: Run) -> int:
    """0 where every input was scored, 1 where some were not."""
    return terminal.exit_status(done) or int(bool(result.failed))


def show(result: Result, *, json: bool, quiet: bool = False, outputs: list[str]) -> None:
    """The result as one JSON object, or its table."""
    if json:
        terminal.print_json(result.model_dump(mode="json"))
        return
    print(table(result))
    if outputs and not quiet:
        terminal.note(f"written: {', '.join(outputs)}")


@command("compare", PLAIN)
def compare(
    first: str, second: str, *, json: bool = False, quiet: bool = False, **options: object
) -> None:
    """Compare two results, sample by sample."""
    how = PLAIN.fill(options)
    result = compare_files(first, second, seed=how.seed)
    outputs = [str(path) for path in write_report(result, Path(how.out))] if how.out else []
    show(result, json=json, quiet=quiet, outputs=outputs)
    raise typer.Exit(0)
