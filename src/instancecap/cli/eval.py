"""``instancecap eval``: captioners and generators measured, with intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import typer

from instancecap.api import Mllm, enhance_files
from instancecap.cli import terminal
from instancecap.cli.caption import SERVER
from instancecap.cli.options import TEXTS, Filled
from instancecap.cli.options import command as verb
from instancecap.engine.prompts import results_of
from instancecap.engine.results import Run
from instancecap.enhance import EnhanceOptions
from instancecap.errors import UsageError
from instancecap.evals.camera import camera_task
from instancecap.evals.compare import compare_files
from instancecap.evals.events import events_task
from instancecap.evals.fields import fields_task
from instancecap.evals.inseval.prompts import prompts_of, write_prompts
from instancecap.evals.inseval.score import inseval
from instancecap.evals.inseval.suite import lint
from instancecap.evals.judges import JudgeOptions, judge_task, names_of, write_judge_page
from instancecap.evals.judging import PAGE, Scores
from instancecap.evals.quality.survey import survey_captions
from instancecap.evals.reconstruction.distortions import distortions
from instancecap.evals.reconstruction.metric import METRICS, WITHOUT_WEIGHTS, MetricOptions
from instancecap.evals.reconstruction.pairs import reconstruct
from instancecap.evals.reference import reference_task
from instancecap.evals.report import table, write_report
from instancecap.evals.result import Result
from instancecap.evals.run import EvalOptions, evaluate
from instancecap.evals.statements import statements_task, write_audit_page
from instancecap.evals.task import Method, Task
from instancecap.evals.teachers import teachers_task
from instancecap.evals.timed import timed_task
from instancecap.evals.tracks import tracks_task
from instancecap.io.finder import Rejected
from instancecap.mllm.server import Server
from instancecap.render.targets import find_target


@dataclass(frozen=True)
class Shown:
    """What a person sees."""

    json: bool = False
    verbose: bool = False
    quiet: bool = False


@dataclass(frozen=True)
class Asked:
    """Options that may be given several times."""

    mllm_url: list[str] | None = None
    batch_results: list[str] | None = None


SHOWN = Filled(Shown)
PLAIN = (Filled(EvalOptions, dict.fromkeys(("attempts", "workers", "resume"), "")), SHOWN)
"""Options of metrics that take a moment."""
COMPUTED = (Filled(EvalOptions, {"attempts": ""}), SHOWN)
"""Options of metrics that compute in worker processes."""
ASKING = (Filled(EvalOptions), SERVER, Filled(Asked), SHOWN)
"""Options of metrics that a model may take part in."""

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["eval"])


def command(
    name: str, configs: tuple[Filled[Any], ...], *, group: typer.Typer = app
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A metric's verb; ``name`` may be of two words, for a group of its own."""
    return verb(group, f"eval {name}", *configs)


def server_of(options: Mapping[str, Any]) -> Server | None:
    """Who is asked; None for nobody."""
    urls, results = (tuple(options[name] or ()) for name in ("mllm_url", "batch_results"))
    server = SERVER.fill(options, url=urls, batch_results=results)
    return server if server.urls or server.model or server.asks_nobody else None


def eval_options(options: Mapping[str, Any]) -> EvalOptions:
    """How a task is run; what a metric does not offer has its default."""
    names = [one.name for one in fields(EvalOptions) if one.name in options]
    return EvalOptions(**{name: options[name] for name in names})


def run(task: Task, options: Mapping[str, Any], *, server: Server | None = None) -> None:
    """Evaluate, show the result, and exit with the run's status."""
    quiet, verbose = options["quiet"], options["verbose"]
    with terminal.watching(told=False, quiet=quiet, verbose=verbose) as watcher:
        for one in task.rejected:
            watcher.rejected(one)
        result, done = evaluate(task, eval_options(options), server=server, events=watcher)
    watcher.conclude(done)
    if not (done.interrupted or done.waiting):
        show(result, options, outputs=done.outputs)
    raise typer.Exit(exit_status(result, done))


def exit_status(result: Result, done: Run) -> int:
    """0 where every input was scored, 1 where some were not."""
    return terminal.exit_status(done) or int(bool(result.failed))


def show(result: Result, options: Mapping[str, Any], *, outputs: list[str]) -> None:
    """The result as one JSON object, or its table."""
    if options["json"]:
        terminal.print_json(result.model_dump(mode="json"))
        return
    print(table(result))
    if outputs and not options["quiet"]:
        terminal.note(f"written: {', '.join(outputs)}")


@command("fields", ASKING)
def eval_fields(captions: str, references: str, **options: Any) -> None:
    """Accuracy field by field."""
    server = server_of(options)
    run(fields_task([captions], [references], judge=server is not None), options, server=server)


@command("events", ASKING)
def eval_events(
    captions: str, references: str, *, as_published: bool = False, **options: Any
) -> None:
    """Precision, recall and F1 of events."""
    task = events_task([captions], [references], method=method_of(as_published))
    run(task, options, server=judging("events", options))


@command("timed", ASKING)
def eval_timed(captions: str, references: str, **options: Any) -> None:
    """Order and overlap of timed parts."""
    server = server_of(options)
    run(timed_task([captions], [references], judge=server is not None), options, server=server)


@command("reference", PLAIN)
def eval_reference(captions: str, references: str, **options: Any) -> None:
    """Who is who over time."""
    run(reference_task([captions], [references]), options)


@command("camera", PLAIN)
def eval_camera(captions: str, labels: str, **options: Any) -> None:
    """Camera movements against labels."""
    run(camera_task([captions], labels), options)


@command("teachers", PLAIN)
def eval_teachers(captions: list[str], **options: Any) -> None:
    """Which teacher won what, and at what cost."""
    run(teachers_task(captions), options)


@command("tracks", COMPUTED)
def eval_tracks(found: str, references: str, **options: Any) -> None:
    """Tracks against labeled ones."""
    run(tracks_task([found], [references]), options)


@command("judge", (*ASKING, Filled(JudgeOptions)))
def eval_judge(
    captioners: list[str],
    *,
    by: Literal["model", "people"] = "model",
    scores: list[str] | None = None,
    **options: Any,
) -> None:
    """Captions judged by rubrics."""
    how, seed = Filled(JudgeOptions).fill(options), options["seed"]
    named = names_of(captioners)
    if by == "people" and not scores:
        page_written(write_judge_page(named, how, folder_in(options), seed=seed), options)
    given = [Scores.read(path) for path in scores or []] if by == "people" else None
    task = judge_task(named, how, scores=given, seed=seed)
    run(task, options, server=judging("judge", options) if given is None else None)


@command("statements", ASKING)
def eval_statements(
    captions: str,
    *,
    by: Literal["model", "people"] = "people",
    verdicts: list[str] | None = None,
    video_root: str | None = None,
    **options: Any,
) -> None:
    """The statement audit."""
    if by == "people" and not verdicts:
        found = write_audit_page(
            [captions], folder_in(options), video_root=video_root, seed=options["seed"]
        )
        page_written(found, options)
    task = statements_task(
        [captions], verdicts=verdicts or [], video_root=video_root, seed=options["seed"]
    )
    run(task, options, server=None if verdicts else judging("statements", options))


def folder_in(options: Mapping[str, Any]) -> Path:
    """Where the page for raters goes."""
    if not options["out"]:
        raise UsageError("--by people: name a folder for the page with --out")
    return Path(options["out"])


def page_written(rejected: Sequence[Rejected], options: Mapping[str, Any]) -> None:
    """Say where the page is and what is done with it, and exit."""
    page = folder_in(options) / PAGE
    for one in rejected:
        terminal.note_failure(one.source, one.reason)
    if options["json"]:
        failed = [{"input": one.source, "reason": one.reason} for one in rejected]
        terminal.print_json({"page": str(page), "failed": failed})
    elif not options["quiet"]:
        terminal.note(f"written: {page}; open it, judge, save, and run this again with the file")
    raise typer.Exit(int(bool(rejected)))


def judging(name: str, options: Mapping[str, Any]) -> Server:
    """Who judges. Raises :class:`UsageError` where nobody is named."""
    server = server_of(options)
    if server is None:
        raise UsageError(f"eval {name}: a model has to judge: give --mllm-url and --mllm-model")
    return server


@command("compare", PLAIN)
def eval_compare(first: str, second: str, **options: Any) -> None:
    """Two results, sample by sample."""
    how = eval_options(options)
    result = compare_files(first, second, seed=how.seed)
    outputs = [str(path) for path in write_report(result, Path(how.out))] if how.out else []
    show(result, options, outputs=outputs)


# Generators ---------------------------------------------------------------------------------------

METRIC = Filled(MetricOptions, {"method": "", "seed": ""})
SEEDED = Filled(EvalOptions, dict.fromkeys(("out", "attempts", "workers", "resume"), ""))

inseval_app = typer.Typer(no_args_is_help=True)
app.add_typer(inseval_app, name="inseval", help=TEXTS["eval inseval"]["help"])


def method_of(as_published: bool) -> Method:
    """How a published metric is computed."""
    return "as-published" if as_published else "correct"


@command("inseval prompts", (SEEDED, SERVER, Filled(Asked), SHOWN), group=inseval_app)
def eval_inseval_prompts(
    *, out: str, target: str = "", enhanced: bool = False, prompts: str = "", **options: Any
) -> None:
    """What to generate videos from."""
    server, model = server_of(options), find_target(target) if target else None
    if server is not None and not enhanced:
        raise UsageError("a model takes part with --enhance only")
    chosen = prompts_of(prompts)
    problems = lint(chosen)
    for line in problems if not options["quiet"] else ():
        terminal.note(f"warning: {line}")
    made: list[tuple[str, str]] = []
    if enhanced:
        how = EnhanceOptions(target=model, seed=options["seed"])
        texts, captioner = [one.text for one in chosen], Mllm(**vars(server)) if server else None
        with terminal.watching(told=False, quiet=options["quiet"]) as watcher:
            _, done = enhance_files(texts, captioner=captioner, options=how, events=watcher)
        watcher.conclude(done)
        if done.failed or done.interrupted or done.stopped:
            raise typer.Exit(terminal.exit_status(done))
        made = [(one.prompt, one.negative_prompt) for one in results_of(done, how)]
        same = sum(text == new for text, (new, _) in zip(texts, made, strict=True))
        if same and captioner is None:
            terminal.note(
                f"warning: {same} of {len(made)} prompts are as before: without a model nothing is "
                "added; give --mllm-url and --mllm-model"
            )
    count = write_prompts(out, chosen, target=model, enhanced=made)
    if options["json"]:
        terminal.print_json({"prompts": count, "outputs": [out], "problems": problems})
    else:
        print(f"{count} prompts in {out}")


@command("inseval score", ASKING, group=inseval_app)
def eval_inseval_score(
    videos: list[str], *, prompts: str, as_published: bool = False, **options: Any
) -> None:
    """Instance-level scores of a generator."""
    task = inseval(videos, prompts, method=method_of(as_published))
    run(task, options, server=judging("inseval score", options))


@command("reconstruct", (*ASKING, METRIC))
def eval_reconstruct(
    originals: str,
    generated: str,
    *,
    metric: list[str] | None = None,
    captions: list[str] | None = None,
    as_published: bool = False,
    **options: Any,
) -> None:
    """Generated videos against those that their captions are of."""
    names = tuple(dict.fromkeys(metric or WITHOUT_WEIGHTS))
    how = METRIC.fill(options, method=method_of(as_published), seed=options["seed"])
    task = reconstruct(
        [originals], [generated], metrics=names, captions=captions or (), options=how
    )
    run(task, options, server=asked_by(names, options))


@command("distortions", (*ASKING, METRIC))
def eval_distortions(
    videos: list[str],
    *,
    metric: list[str],
    captions: list[str] | None = None,
    as_published: bool = False,
    **options: Any,
) -> None:
    """Whether a metric gets worse as a video does."""
    if len(metric) > 1:
        raise UsageError(f"--metric {', '.join(metric)}: name one, and run it again for another")
    how = METRIC.fill(options, method=method_of(as_published), seed=options["seed"])
    task = distortions(videos, metric[0], captions=captions or (), options=how)
    run(task, options, server=asked_by(metric, options))


def asked_by(metrics: Sequence[str], options: Mapping[str, Any]) -> Server | None:
    """Who is asked for metrics, where one of them asks. Raises :class:`UsageError`."""
    asking = [name for name in metrics if METRICS[name].asks]
    return judging(f"--metric {asking[0]}", options) if asking else server_of(options)


@command("quality", PLAIN)
def eval_quality(captions: list[str], **options: Any) -> None:
    """Flags of captions that need no judge."""
    how = eval_options(options)
    result, outputs = survey_captions(captions, out=how.out, seed=how.seed)
    for one in result.failed:
        terminal.note_failure(one.input, one.reason)
    outputs += [str(path) for path in write_report(result, Path(how.out))] if how.out else []
    show(result, options, outputs=outputs)
    raise typer.Exit(int(bool(result.failed)))
