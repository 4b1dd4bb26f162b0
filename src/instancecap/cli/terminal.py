"""What a person sees: progress and failures on stderr, a caption to read on stdout."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from instancecap.engine.events import Ended, Events

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from instancecap.engine.results import Run
    from instancecap.engine.resume import Plan
    from instancecap.io.finder import Rejected
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


def note_failure(source: str, reason: str) -> None:
    """Name an input that failed."""
    note(f"failed: {source}: {reason}")


class WarningSummary:
    """One line for all warnings of a kind, so that none buries another; each with ``verbose``."""

    def __init__(
        self, *, verbose: bool, label: str = "warning", hint: str = "--verbose names each"
    ) -> None:
        self._verbose, self._label, self._hint = verbose, label, hint
        self._kinds: dict[str, list[tuple[str, str]]] = {}

    def add(self, name: str, text: str) -> None:
        """A warning about ``name``; figures, quotes and fields make no new kind."""
        kind = f"{name}: {text}" if self._verbose else _FIGURE.sub("#", _DETAIL.sub("…", text))
        self._kinds.setdefault(kind, []).append((name, text))

    def show(self) -> None:
        """The lines, each with the first clips of its kind, and the figures of all of them."""
        for told in self._kinds.values():
            names = list(dict.fromkeys(name for name, _ in told if name))
            texts = list(dict.fromkeys(text for _, text in told))
            text = texts[0] if len(texts) == 1 else _together(texts)
            more = f" and {len(names) - 3} more" if names[3:] else ""
            hint = f" ({self._hint})" if names[3:] or texts[1:] else ""
            about = f"{', '.join(names[:3])}{more}: " if names else ""
            note(f"{self._label}: {about}{text}{hint}")


_FIGURE = re.compile(r"\d+(?:\.\d+)?(?:x\d+)?")
"""A number, or a size such as ``832x480``."""

_DETAIL = re.compile(r"'[^']*'|(?<=tokens: ).*")


def _together(texts: Sequence[str]) -> str:
    """Texts that differ in figures and details as one: *90 to 150 frames are not 8N+1*."""
    plain = [_DETAIL.sub("…", text) for text in texts]
    places = iter(zip(*map(_FIGURE.findall, plain), strict=True))

    def of_all(_: re.Match[str]) -> str:
        found = sorted(set(next(places)), key=lambda one: [float(part) for part in one.split("x")])
        return f"{found[0]} to {found[-1]}" if found[1:] else found[0]

    return _FIGURE.sub(of_all, plain[0])


def print_json(value: object) -> None:
    """The one JSON object of a ``--json`` run."""
    # Escaped to ASCII, so that every file name and every terminal encoding gets through.
    print(json.dumps(value))


@contextmanager
def watching(*, told: bool, quiet: bool, verbose: bool = False) -> Iterator[Watcher]:
    """A progress bar, and lines above it; every input that fails is named as it fails.

    ``told``: the last line sums the run up.
    """
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
    bar = progress.Progress(
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.description}", markup=False),
        console=console,
        transient=True,
        disable=quiet or not sys.stderr.isatty(),
        # Stdout may be a file or a pipe: it must not be drawn through the bar on stderr.
        redirect_stdout=False,
    )
    with bar:
        yield Watcher(bar, told=told and not quiet, verbose=verbose)


class Watcher(Events):
    """The progress bar, and lines above it."""

    def __init__(self, bar: Progress, *, told: bool, verbose: bool = False) -> None:
        super().__init__()
        self._bar, self._told, self._verbose = bar, told, verbose
        self._warnings = WarningSummary(verbose=verbose)
        self._task = bar.add_task("", total=None)

    def noted(self, line: str) -> None:
        self._bar.console.print(printable(line))

    def rejected(self, one: Rejected) -> None:
        self.noted(f"failed: {one.source}: {one.reason}")

    def planned(self, plan: Plan) -> None:
        from instancecap.engine.config import BY_HAND  # with pydantic, which --help does without

        for _, one in plan.failed:
            self.noted(f"failed before: {one.source}: {one.reason} (--retry-failed tries it again)")
        remedy = "kept as a person left it; --overwrite-human writes it anew"
        for one in plan.kept:
            if one.reason != BY_HAND:  # it has a fault of its own
                self.noted(f"changed: {one.source}: {one.reason}; {remedy}")
        self._summed_up("changed", [one for one in plan.kept if one.reason == BY_HAND], remedy)
        self._summed_up("stale", plan.stale, "delete it, or put the clip back")
        self._bar.update(self._task, total=len(plan.todo))

    def _summed_up(self, kind: str, found: Sequence[Rejected], remedy: str) -> None:
        """One line for all of a kind, with the first; each with ``--verbose``."""
        if self._verbose:
            for one in found:
                self.noted(f"{kind}: {one.source}: {one.reason}; {remedy}")
        elif found:
            more = f" (and {len(found) - 1} more; --verbose names them)" if found[1:] else ""
            self.noted(f"{kind}: {found[0].source}{more}: {found[0].reason}; {remedy}")

    def ended(self, one: Ended) -> None:
        if one.reason:
            self.noted(f"{one.state}: {one.job.clip.path}: {one.reason}")
        texts = one.documents.outputs.values() if one.documents and self._told else ()
        for text in filter(None, texts):
            for warning in json.loads(text)["warnings"]:
                self._warnings.add(one.job.name, warning)
        self._bar.update(self._task, advance=1, description=printable(one.job.name))

    def warned(self, line: str) -> None:
        self.noted(f"warning: {line}")

    def stopping(self) -> None:
        self.noted("finishing what is begun; Ctrl-C again to stop at once")

    def conclude(self, run: Run) -> None:
        """What came of the run."""
        self._warnings.show()
        if run.stopped:
            note(f"stopped: {run.stopped}")
        if run.interrupted or run.stopped:
            done = run.done + run.skipped
            note(
                f"interrupted: {done} of {run.total} clips are done and kept; run it again to go on"
            )
        elif self._told:
            counts = {"partial": len(run.partial), "failed": len(run.failed)}
            some = "".join(f", {number} {name}" for name, number in counts.items() if number)
            be = "was" if run.skipped == 1 else "were"
            before = f", {run.skipped} {be} done before" if run.skipped else ""
            note(f"{run.done} done{some}{before}, in {run.seconds:.1f} s")
            if cost := amounts(run.cost):
                note(cost)
            if line := amounts(run.quality.counted()):
                note(f"of {run.quality.counts['captions']} captions: {line}")
            if empty := run.quality.empty:
                note(f"empty: {', '.join(empty)}")
        if run.open_questions:
            note(
                f"{run.waiting} clips wait for answers to {run.open_questions} questions: have "
                f"{', '.join(run.batch_files)} answered, then run this again with --batch-results "
                "FILE for each file of results of every round"
            )


def amounts(values: Mapping[str, float]) -> str:
    """``3 duplicates, 12 calls``: what is not 0, in words."""
    return ", ".join(
        f"{value:,g} {name.replace('_', ' ')}" for name, value in values.items() if value
    )


def exit_status(run: Run) -> int:
    """0 where every input was done in full, 1 where some were not."""
    return INTERRUPTED if run.interrupted else int(not run.complete)


def print_change(where: str, before: str | list[str], after: str | list[str]) -> None:
    """A change of a text on stdout: what goes in red, what comes in green, what stays plain."""
    from difflib import SequenceMatcher

    from rich.console import Console
    from rich.text import Text

    old, new = (
        re.findall(r"\s+|\w+|[^\w\s]", one if isinstance(one, str) else ", ".join(one))
        for one in (before, after)
    )
    shown = Text.assemble((f"{printable(where)}\n  ", "bold"))
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        gone, come = printable("".join(old[a:b])), printable("".join(new[c:d]))
        if kind == "equal":
            shown.append(gone)
            continue
        shown.append(f"[-{gone}-]" if gone else "", "red")
        shown.append(f"{{+{come}+}}" if come else "", "green")
    Console(markup=False, highlight=False, soft_wrap=True).print(shown)


def print_captions(captions: Sequence[Caption]) -> None:
    """Captions to read, on stdout."""
    from rich.console import Console

    console = Console(markup=False, highlight=False)
    for number, caption in enumerate(captions):
        if number:
            console.print()
        _print_caption(console, caption)


def _print_caption(console: Console, caption: Caption) -> None:
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
    with console.capture() as shown:
        console.print(grid)
    for line in shown.get().splitlines():
        print(line.rstrip())  # a grid fills its last column with blanks


def _fields(caption: Caption) -> Iterator[tuple[str, str]]:
    """The caption's known fields, in words."""
    for one in caption.instances:
        label = f"{one.count} x {one.class_}" if one.count > 1 else one.class_
        open_ = f"/instances/{one.id}/count" not in caption.provenance
        if one.count > 1 and caption.producer.prompt and open_:
            label = f"several: {one.class_}"  # a plural of no number
        parts = (", ".join(one.colors), one.appearance, one.action, one.position.text)
        yield label, "; ".join(part.rstrip(".") for part in parts if part)
    camera, audio = caption.camera, caption.audio
    speech = [f'{one.start:.1f}-{one.end:.1f} s "{one.text}"' if one.text
              else f"{one.start:.1f}-{one.end:.1f} s" for one in audio.speech]  # fmt: skip
    words = [*camera.motion, camera.speed, camera.stability, camera.shot_type, camera.shot_angle]
    fields = {
        "camera": camera.description or ", ".join(filter(None, words)).replace("_", " "),
        "light": caption.lighting or caption.time_of_day.replace("_", " "),
        "place": caption.place.replace("unknown", ""),
        "background": caption.background,
        "sound": audio.sound,
        "speech": ", ".join(speech),
        "texts": ", ".join(text.text for text in caption.texts),
        "shots": str(len(caption.shots)) if len(caption.shots) > 1 else "",
    }
    yield from ((label, text) for label, text in fields.items() if text)
    yield from (("warning", warning) for warning in caption.warnings)
