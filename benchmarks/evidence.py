"""How right the evidence is, and how fast: ``python -m benchmarks.evidence --clips DIR``.

Measures the labelled clips of a folder and the made-up scenes of :mod:`benchmarks.suite`. A
readable table goes to stderr, one JSON line with every figure to stdout. ``--failures DIR``
writes a contact sheet for each clip with a miss. A clip that cannot be measured is listed.
Detectors are looked for as everywhere, in ``$INSTANCECAP_MODELS`` first.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.failures import try_sheet, write_index
from benchmarks.results import Result, judge, summarise
from benchmarks.scene_textures import Picture
from benchmarks.suite import recipes, spread
from benchmarks.truth import Case, load_clips
from instancecap.schema.evidence import Evidence
from instancecap.video import ClipReader

Figures = dict[str, float | int | None]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure is to reach; ``least`` False: what it must not exceed."""

    group: str
    figure: str
    goal: float
    least: bool = True


TARGETS = (
    Target("clips", "camera_f1", 0.90),
    Target("scenes", "camera_f1", 0.98),
    Target("all", "camera_flipped", 0, least=False),
    Target("all", "static_accuracy", 0.95),
    Target("all", "cuts_f1", 0.95),
    Target("all", "gradual_recall", 0.80),
    Target("clips", "found_share", 0.80),
    Target("scenes", "found_share", 0.80),
    Target("clips", "mask_j", 0.55),
    Target("clips", "main_class", 0.90),
    Target("all", "start_cell", 0.90),
    Target("all", "end_cell", 0.85),
    Target("all", "enters", 0.85),
    Target("all", "leaves", 0.85),
    Target("clips", "shot_type", 0.65),
    Target("clips", "time_ratio", 4.0, least=False),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    options = _parse(arguments)
    from instancecap.evidence.build import measure

    sheets: dict[str, str] = {}
    results: list[Result] = []
    peaks: dict[str, float] = {}
    for group, cases in (("clips", _clips(options)), ("scenes", _scenes(options))):
        for case in cases:
            result = _run(case, group, measure, options, sheets)
            results.append(result)
            print(_line(result), file=sys.stderr)
        peaks[group] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {"clips": {}, "scenes": {}, "all": summarise(results)}
    for group in ("clips", "scenes"):
        chosen = [result for result in results if result.group == group]
        if chosen:
            figures[group] = summarise(chosen)
            figures[group]["peak_mb"] = round(peaks[group])
    if options.failures:
        write_index(results, sheets, options.failures)
    print(_table(figures), file=sys.stderr)
    report = {
        "benchmark": "evidence",
        "cores": len(os.sched_getaffinity(0)),
        "threads": options.threads,
        "masks": options.masks,
        **figures,
        "failed": {result.name: result.error for result in results if result.error},
        "misses": {result.name: result.misses for result in results if result.misses},
    }
    print(json.dumps(report))
    return 0


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    add = parser.add_argument
    add("--clips", type=Path, help="folder with labels.json and the clips that it names")
    add("--synthetic", help="scenes to make: a number, all or none; all where no --clips is given")
    add("--photos", type=int, default=3, help="photographs from --clips to use as backgrounds")
    add("--masks", action="store_true", help="make masks too, in a second run over each clip")
    add("--failures", type=Path, help="folder for pictures of what went wrong")
    add("--only", default="", help="only clips and scenes whose name contains this")
    add("--threads", type=int, default=0, help="threads for decoding and measuring, 0 for all")
    options = parser.parse_args(arguments)
    options.synthetic = options.synthetic or ("none" if options.clips else "all")
    if options.synthetic not in ("all", "none") and not options.synthetic.isdecimal():
        parser.error(f"--synthetic takes a number, all or none, got {options.synthetic!r}")
    return options


def _clips(options: argparse.Namespace) -> Iterator[Case]:
    if options.clips:
        yield from load_clips(options.clips, only=options.only)


def _scenes(options: argparse.Namespace) -> Iterator[Case]:
    if options.synthetic == "none":
        return
    photos = _photos(options.clips, options.photos) if options.clips else []
    chosen = recipes(only=options.only, photos=photos)
    if options.synthetic != "all":
        chosen = spread(chosen, int(options.synthetic))
    for recipe in chosen:
        yield recipe.build()


def _photos(folder: Path, count: int) -> list[Picture]:
    """First frames, RGB, of the ``count`` most detailed clips whose camera is static."""
    photos: list[Picture] = []
    for case in load_clips(folder):
        if case.truth.camera == frozenset(["static"]):
            with ClipReader(case.clip) as reader:
                photos.append(next(iter(reader)).bgr()[..., ::-1].copy())
    return sorted(photos, key=_detail, reverse=True)[:count]


def _detail(photo: Picture) -> float:
    """Mean strength of the edges at a size common to all."""
    small = cv2.resize(photo, (320, 180), interpolation=cv2.INTER_AREA)
    return float(np.abs(cv2.Laplacian(small, cv2.CV_32F)).mean())


def _run(
    case: Case,
    group: str,
    measure: Callable[..., Evidence],
    options: argparse.Namespace,
    sheets: dict[str, str],
) -> Result:
    decode_seconds = _decode(case, options.threads)
    started = time.perf_counter()
    try:
        evidence = measure(case.clip, threads=options.threads)
        seconds = time.perf_counter() - started
        mask_seconds = 0.0
        if options.masks:
            # Measured again: the figures of speed are those of a run without masks.
            evidence = measure(case.clip, threads=options.threads, masks=True)
            mask_seconds = time.perf_counter() - started - 2 * seconds
    # Whatever goes wrong with one clip is a finding, and the rest is still to be measured.
    except Exception as error:
        return Result(case.name, group, error=f"{type(error).__name__}: {error}")
    result = judge(case, evidence, group=group)
    result.seconds, result.decode_seconds = seconds, decode_seconds
    result.mask_seconds = mask_seconds
    if options.failures:
        try_sheet(case, evidence, result, options.failures, sheets)
    return result


def _decode(case: Case, threads: int) -> float:
    """Seconds that PyAV alone takes to decode the clip; 0 for one that lies in memory."""
    if not case.clip.path:
        return 0.0
    started = time.perf_counter()
    with av.open(case.clip.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        for _ in container.decode(stream):
            pass
    return time.perf_counter() - started


def _line(result: Result) -> str:
    if result.error:
        return f"FAILED {result.name}: {result.error}"
    return f"{result.seconds:6.2f} s  {result.name}  {'; '.join(result.misses) or 'all right'}"


def _table(figures: dict[str, Figures]) -> str:
    """Every figure with a target and whether it is reached, then the rest, a line each."""
    lines = ["", f"{'figure':<28}{'clips':>9}{'scenes':>9}{'all':>9}   target"]
    names = list(figures["all"])
    for name in dict.fromkeys([*(target.figure for target in TARGETS), *names]):
        columns = "".join(_cell(figures[group].get(name)) for group in ("clips", "scenes", "all"))
        goals = [_verdict(target, figures) for target in TARGETS if target.figure == name]
        lines.append(f"{name:<28}{columns}   {', '.join(goals)}".rstrip())
    return "\n".join(lines)


def _cell(value: float | int | None) -> str:
    if value is None:
        return f"{'-':>9}"
    return f"{value:>9.3f}" if isinstance(value, float) else f"{value:>9}"


def _verdict(target: Target, figures: dict[str, Figures]) -> str:
    value = figures[target.group].get(target.figure)
    if value is None:
        word = "not measured"
    else:
        reached = value >= target.goal if target.least else value <= target.goal
        word = "reached" if reached else "MISSED"
    return f"{target.group} {'>=' if target.least else '<='} {target.goal:g}: {word}"


if __name__ == "__main__":
    sys.exit(main())
