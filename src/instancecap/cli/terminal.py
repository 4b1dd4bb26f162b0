"""What a person sees: progress and failures on stderr, a caption to read on stdout."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instancecap.engine.batch import Batch, RunOptions
    from instancecap.engine.resume import Plan
    from instancecap.engine.work import Documents, Work
    from instancecap.io.inputs import Job, Rejected
    from instancecap.io.outputs import Sink
    from instancecap.schema import Caption

INTERRUPTED = 130
"""Exit status after Ctrl-C, as shells have it."""


def printable(text: str) -> str:
    """``text`` on one line, whatever a file name in it holds: what cannot be shown is escaped."""
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def log_to_stderr() -> None:
    """Show the debug log, tracebacks of internal errors included."""
    logger = logging.getLogger("instancecap")
    logger.addHandler(logging.StreamHandler(sys.stderr))
    logger.setLevel(logging.DEBUG)


def note(text: str) -> None:
    """Tell the user something on stderr."""
    print(printable(text), file=sys.stderr)


def print_json(value: Any) -> None:
    """The one JSON object of a ``--json`` run."""
    # Escaped to ASCII, so that every file name and every terminal encoding gets through.
    print(json.dumps(value))


def run_visibly(
    jobs: Sequence[Job],
    rejected: Sequence[Rejected],
    work: Work,
    *,
    sink: Sink | None,
    options: RunOptions,
    finish: Callable[[Job, Any], Coroutine[Any, Any, Documents]] | None = None,
    release: Callable[[], Coroutine[Any, Any, None]] | None = None,
    log_json: str | None = None,
    metrics_port: int | None = None,
    quiet: bool,
) -> Batch:
    """Run the jobs under a progress bar; every input that fails is named as it fails."""
    from instancecap.engine.batch import fetch_weights, run_batch
    from instancecap.engine.journal import open_journal
    from instancecap.engine.metrics import serve_metrics

    hidden = quiet or not sys.stderr.isatty()
    with ExitStack() as stack:
        journal = stack.enter_context(open_journal(log_json))
        metrics = stack.enter_context(serve_metrics(metrics_port))
        for one in rejected:
            note(f"failed: {one.source}: {one.reason}")
        if jobs and (line := fetch_weights()):
            note(line)
        bar = stack.enter_context(_progress(hidden=hidden))

        def on_plan(plan: Plan) -> None:
            bar.on_plan(plan)
            metrics.on_plan(plan)

        def on_done(job: Job, reason: str, documents: Documents | None) -> None:
            bar.on_done(job, reason)
            journal.write(job, reason, documents)
            metrics.on_done(reason, documents)

        def on_warning(line: str) -> None:
            bar.say(f"warning: {line}")
            metrics.on_warning()

        batch = run_batch(
            jobs,
            work,
            sink=sink,
            options=options,
            finish=finish,
            release=release,
            on_plan=on_plan,
            on_done=on_done,
            on_warning=on_warning,
            on_brake=lambda: bar.say("finishing what is begun; Ctrl-C again to stop at once"),
        )
    batch.failed[:0] = rejected
    _say_what_came(batch, len(jobs), told=sink is not None and not quiet)
    return batch


def _say_what_came(batch: Batch, total: int, *, told: bool) -> None:
    from instancecap.engine.gates import BANDS

    if batch.stopped:
        note(f"stopped: {batch.stopped}")
    if batch.interrupted or batch.stopped:
        done = batch.done + batch.skipped
        note(f"interrupted: {done} of {total} clips are done and kept; run it again to go on")
    elif told:
        failed = f", {len(batch.failed)} failed" if batch.failed else ""
        before = f", {batch.skipped} were done before" if batch.skipped else ""
        note(f"{batch.done} done{failed}{before}, in {batch.seconds:.1f} s")
        if batch.cost:
            note(amounts(batch.cost))
        if line := amounts({name: batch.gates.counts[name] for name in BANDS}):
            note(f"of {batch.gates.counts['captions']} captions: {line}")


def amounts(values: Mapping[str, float]) -> str:
    """``3 duplicates, 12 calls``: what is not 0, in words."""
    return ", ".join(
        f"{value:,g} {name.replace('_', ' ')}" for name, value in values.items() if value
    )


def exit_status(batch: Batch) -> int:
    """0 where every input was done, 1 where some failed."""
    return INTERRUPTED if batch.interrupted else int(bool(batch.failed or batch.stopped))


def account(batch: Batch) -> dict[str, Any]:
    """What a ``--json`` run says of any batch."""
    return {
        "done": batch.done,
        "skipped": batch.skipped,
        "waiting": batch.waiting,
        "failed": [{"input": one.source, "reason": one.reason} for one in batch.failed],
        "seconds": round(batch.seconds, 3),
        "outputs": batch.outputs,
        "stages": {name: times.summary() for name, times in batch.stages.items()},
        "cost": {name: round(value, 3) for name, value in batch.cost.items()},
        "quality": batch.gates.summary(),
    }


class _Bar:
    """The progress bar, and lines above it."""

    def __init__(self, console: Any, bar: Any) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("", total=None)

    def say(self, text: str) -> None:
        """A line of its own."""
        self._console.print(printable(text))

    def on_plan(self, plan: Plan) -> None:
        """The run is about to begin."""
        for _, one in plan.failed:
            self.say(f"failed before: {one.source}: {one.reason} (--retry-failed tries it again)")
        self._bar.update(self._task, total=len(plan.todo))

    def on_done(self, job: Job, reason: str) -> None:
        """A job has ended."""
        if reason:
            self.say(f"failed: {job.clip.path}: {reason}")
        self._bar.update(self._task, advance=1, description=printable(job.name))


@contextmanager
def _progress(*, hidden: bool) -> Iterator[_Bar]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    bar = Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
        disable=hidden,
        # Stdout may be a file or a pipe: it must not be drawn through the bar on stderr.
        redirect_stdout=False,
    )
    with bar:
        yield _Bar(console, bar)


def print_captions(captions: Sequence[Caption]) -> None:
    """Captions to read, on stdout."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    for number, caption in enumerate(captions):
        if number:
            console.print()
        _print_caption(console, caption)


def _print_caption(console: Any, caption: Caption) -> None:
    from rich.table import Table
    from rich.text import Text

    if video := caption.video:
        facts = f"{video.width}x{video.height}, {video.duration:.2f} s, {video.frames} frames"
        console.print(Text.assemble((printable(video.id), "bold"), f"  {facts}"))
    if caption.global_description:
        console.print(caption.global_description)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="cyan")
    grid.add_column(overflow="fold")
    for label, text in _fields(caption):
        grid.add_row(f"  {label}", Text(printable(text)))
    console.print(grid)


def _fields(caption: Caption) -> Iterator[tuple[str, str]]:
    """The caption's known fields, in words."""
    for one in caption.instances:
        label = f"{one.count} x {one.class_}" if one.count > 1 else one.class_
        parts = (", ".join(one.colors), one.appearance, one.action, one.position.text)
        yield label, "; ".join(part.rstrip(".") for part in parts if part)
    camera = caption.camera
    words = [*camera.motion, camera.speed, camera.stability, camera.shot_type, camera.shot_angle]
    fields = {
        "camera": camera.description or ", ".join(filter(None, words)).replace("_", " "),
        "light": caption.lighting or caption.time_of_day.replace("_", " "),
        "place": caption.background or caption.place.replace("unknown", ""),
        "texts": ", ".join(text.text for text in caption.texts),
        "shots": str(len(caption.shots)) if len(caption.shots) > 1 else "",
    }
    yield from ((label, text) for label, text in fields.items() if text)
    yield from (("warning", warning) for warning in caption.warnings)
