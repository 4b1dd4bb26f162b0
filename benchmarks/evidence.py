"""How right the evidence is, and how fast: ``python -m benchmarks.evidence --clips DIR``.

Measures the labelled clips of a folder and the made-up scenes of :mod:`benchmarks.suite`; with
``--set web`` the web clips, by the rules of :mod:`benchmarks.web`. A readable table goes to stderr,
one JSON line with every figure to stdout. ``--failures DIR`` writes a contact sheet for each clip
with a miss. A clip that cannot be measured is listed. ``--saved DIR`` keeps what was measured and
takes it from there the next time. ``--reliability`` measures both sets and writes how often each
kind of fact is right to where :mod:`instancecap.evidence.reliability` reads it. Detectors are
looked for as everywhere, in ``$INSTANCECAP_MODELS`` first; with ``--detector NAME`` that one
measures, and its figures stand beside those of the embedded experts; so do those on the camera with
``--camera NAME``. ``--set web --only masks/ --segmenter NAME`` compares masks alone. Time is the
processor's: ``time_ratio`` is what measuring takes, decoding included, over what decoding alone
takes in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from benchmarks.failures import try_sheet, write_index
from benchmarks.reliability import (
    Fact,
    clip_facts,
    count_facts,
    reliability_table,
    web_facts,
    write_reliability,
)
from benchmarks.results import Result, judge, summarise
from benchmarks.scene_textures import Picture
from benchmarks.suite import recipes, spread
from benchmarks.truth import Case, load_clips
from benchmarks.web import WebResult, judge_web, load_web, summarise_web
from instancecap.evidence.build import measure
from instancecap.evidence.choice import Cluster
from instancecap.evidence.cluster import load_models
from instancecap.evidence.reliability import Tally
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip, ClipReader

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

WEB_TARGETS = (
    Target("web", "camera_f1", 0.88),
    Target("web", "camera_flipped", 0, least=False),
    Target("web", "static", 0.95),
    Target("web", "transitions_f1", 0.90),
    Target("web", "has_transition", 0.95),
    Target("web", "shot_type", 0.60),
    Target("web", "coco_class", 0.80),
    Target("web", "main_iou", 0.50),
    Target("web", "main_iou_coco", 0.75),
    Target("web", "start_cell", 0.88),
    Target("web", "end_cell", 0.85),
    Target("web", "leaves", 0.88),
    Target("web", "mask_j", 0.60),
    Target("web", "time_ratio", 6.0, least=False),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    options = _parse(arguments)
    facts: list[Fact] = []
    report: dict[str, Any] = {"benchmark": "evidence", "cores": len(os.sched_getaffinity(0))}
    report |= {"threads": options.threads, "masks": options.masks}
    if options.set == "web" or options.reliability:
        report |= _web(options, facts)
    if options.set == "clips" or options.reliability:
        report |= _clips_and_scenes(options, facts)
    kinds = count_facts(facts)
    print("\n" + reliability_table(kinds), file=sys.stderr)
    if options.reliability:
        clips = report["web"]["clips"] + report["clips"].get("count", 0)
        for expert, some in _by_expert(options, kinds):
            write_reliability(some, clips=clips, expert=expert)
    report["reliability"] = {kind: [(b.right, b.n) for b in bins] for kind, bins in kinds.items()}
    print(json.dumps(report))
    return 0


def _by_expert(
    options: argparse.Namespace, kinds: dict[str, list[Tally]]
) -> Iterator[tuple[str, dict[str, list[Tally]]]]:
    """Names under which figures stand, empty for the embedded experts, and the kinds of each: the
    camera's stand under a chosen camera model."""
    models = load_models(_cluster(options))
    camera = {kind: bins for kind, bins in kinds.items() if kind.startswith("camera.")}
    if models.cameras:
        names = ["flow"] * models.flow_too + [one.name for one in models.cameras]
        yield ",".join(names), camera
        kinds = {kind: bins for kind, bins in kinds.items() if kind not in camera}
    if options.detector or not models.cameras:
        yield models.names["detector"] if options.detector else "", kinds


def _cluster(options: argparse.Namespace) -> Cluster:
    kinds = ("detector", "camera", "segmenter", "tracker")
    return Cluster(**{kind: getattr(options, kind) for kind in kinds})


def _web(options: argparse.Namespace, facts: list[Fact]) -> dict[str, Any]:
    """Figures of the labelled web clips."""
    results: list[WebResult] = []
    measuring = decoding = 0.0
    failed: dict[str, str] = {}
    for case in load_web(options.clips, only=options.only):
        began = time.process_time()
        try:
            evidence = _measured(case.clip, case.name, options)
        # Whatever goes wrong with one clip is a finding, and the rest is still to be measured.
        except Exception as error:
            failed[case.name] = f"{type(error).__name__}: {error}"
            continue
        measuring += time.process_time() - began
        decoding += _decode(case.clip, options.threads)
        result = judge_web(case, evidence)
        results.append(result)
        facts += web_facts(case, evidence)
        print(f"{result.name}  {'; '.join(result.misses) or 'all right'}", file=sys.stderr)
    figures = summarise_web(results)
    if not options.saved:
        figures["time_ratio"] = round(measuring / max(decoding, 1e-9), 2)
    figures["mask_j"] = _mask_j(options)
    print(_table({"web": figures}, WEB_TARGETS), file=sys.stderr)
    misses = {result.name: result.misses for result in results if result.misses}
    return {"web": figures, "web_failed": failed, "web_misses": misses}


def _mask_j(options: argparse.Namespace) -> float | None:
    """Mean overlap of masks with those of the labelled sequences, over all their frames."""
    found: list[float] = []
    for case in load_clips(options.clips, only=options.only):
        if case.name.startswith("masks/"):
            result = judge(case, _measured(case.clip, case.name, options, masks=True), group="web")
            found += [thing.j for thing in result.objects if thing.j is not None]
    return round(float(np.mean(found)), 4) if found else None


def _clips_and_scenes(options: argparse.Namespace, facts: list[Fact]) -> dict[str, Any]:
    """Figures of the other labelled clips and of scenes."""
    sheets: dict[str, str] = {}
    results: list[Result] = []
    peaks: dict[str, float] = {}
    for group, cases in (("clips", _clips(options)), ("scenes", _scenes(options))):
        for case in cases:
            result = _run(case, group, options, sheets, facts)
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
    print(_table(figures, TARGETS), file=sys.stderr)
    return {
        **figures,
        "failed": {result.name: result.error for result in results if result.error},
        "misses": {result.name: result.misses for result in results if result.misses},
    }


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evidence", description=__doc__)
    add = parser.add_argument
    add("--clips", type=Path, help="folder with labels.json and the clips that it names")
    add("--set", choices=("clips", "web"), default="clips", help="which of the labelled clips")
    add("--saved", type=Path, help="folder to keep what was measured in, and to take it from")
    add("--reliability", action="store_true", help="measure both sets and write reliability.json")
    add("--detector", default="", help="as of `instancecap evidence`; see docs/experts.md")
    for kind in ("camera", "segmenter", "tracker"):
        add(f"--{kind}", default="", help="as of `instancecap evidence`; see docs/experts.md")
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
    if (options.set == "web" or options.reliability) and not options.clips:
        parser.error("--set web and --reliability need --clips")
    return options


def _measured(clip: Clip, name: str, options: argparse.Namespace, **more: bool) -> Evidence:
    """What is measured of a clip, or was, where ``--saved`` has it."""
    kept = options.saved / (name.replace("/", "__") + ".json") if options.saved else None
    if kept and kept.exists() and not more:
        return Evidence.from_json(kept.read_bytes(), source=str(kept))
    evidence = measure(clip, threads=options.threads, cluster=_cluster(options), **more)
    if kept and not more:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(evidence.model_dump_json(by_alias=True))
    return evidence


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
    options: argparse.Namespace,
    sheets: dict[str, str],
    facts: list[Fact],
) -> Result:
    decode_seconds = _decode(case.clip, options.threads)
    started = time.process_time()
    try:
        evidence = _measured(case.clip, case.name, options)
        seconds = time.process_time() - started
        mask_seconds = 0.0
        if options.masks:
            # Measured again: the figures of speed are those of a run without masks.
            evidence = _measured(case.clip, case.name, options, masks=True)
            mask_seconds = time.process_time() - started - 2 * seconds
    # Whatever goes wrong with one clip is a finding, and the rest is still to be measured.
    except Exception as error:
        return Result(case.name, group, error=f"{type(error).__name__}: {error}")
    result = judge(case, evidence, group=group)
    result.seconds, result.decode_seconds = seconds, decode_seconds
    result.mask_seconds = mask_seconds
    if group == "clips":
        facts += clip_facts(case, result, evidence)
    if options.failures:
        try_sheet(case, evidence, result, options.failures, sheets)
    return result


def _decode(clip: Clip, threads: int) -> float:
    """Processor seconds that PyAV alone takes to decode the clip; 0 for one that lies in memory."""
    if not clip.path:
        return 0.0
    started = time.process_time()
    with av.open(clip.path) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = threads
        for _ in container.decode(stream):
            pass
    return time.process_time() - started


def _line(result: Result) -> str:
    if result.error:
        return f"FAILED {result.name}: {result.error}"
    return f"{result.seconds:6.2f} s  {result.name}  {'; '.join(result.misses) or 'all right'}"


def _table(figures: dict[str, Figures], targets: Sequence[Target]) -> str:
    """Every figure with a target and whether it is reached, then the rest, a line each."""
    heads = "".join(f"{group:>9}" for group in figures)
    lines = ["", f"{'figure':<28}{heads}   target"]
    names = [target.figure for target in targets]
    for name in dict.fromkeys([*names, *(name for group in figures.values() for name in group)]):
        columns = "".join(_cell(group.get(name)) for group in figures.values())
        goals = [_verdict(target, figures) for target in targets if target.figure == name]
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
