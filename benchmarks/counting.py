"""How fast ``dataset stats`` counts captions, and in how much memory.

    python -m benchmarks.counting [--captions 100000 1000000]

Captions are those of the measured captioner for one made-up clip in a hundred variants of length,
class, camera and place; the sets differ in nothing but their size.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.copies import caption, peak_megabytes
from instancecap.schema.caption import Camera, Caption, Instance, Position, Provenance, Video

VARIANTS = 100
"""Captions that differ in their fields; their words all differ."""


def made(lot: random.Random) -> dict[str, Any]:
    """One caption as JSON, with a track and provenance as long as the usual ones."""
    seconds = round(lot.uniform(0.5, 40), 2)
    track = [
        {"t": round(seconds * part / 16, 3), "box": (part / 32, 0.3, 0.4 + part / 32, 0.8),
         "score": 0.7}
        for part in range(16)
    ]  # fmt: skip
    names = ("person", "dog", "car", "boat")
    instances = [
        Instance(
            id=number,
            class_=lot.choice(names),
            is_main=not number,
            position=Position(start="top-left", end="center-middle", enters=lot.random() < 0.2),
            track=track,  # type: ignore[arg-type]
        )
        for number in range(lot.randint(0, 3))
    ]
    video = Video.named("clip.mp4")
    video.duration = video.end = seconds
    found = Caption(
        video=video,
        instances=instances,
        place=lot.choice(("indoor", "outdoor", "")),
        camera=Camera(motion=[lot.choice(("static", "pan_left", "zoom_in"))]),
    )
    found.provenance = {
        pointer: Provenance(source="tracker", confidence=0.9, support="measured", frames=[0, 1])
        for pointer in found.leaves()
    }
    return found.model_dump(mode="json")


def write(path: Path, *, captions: int) -> None:
    """A table of captions."""
    lot = random.Random(0)
    variants = [made(lot) for _ in range(VARIANTS)]
    with path.open("w", encoding="utf-8") as file:
        for number in range(captions):
            one = variants[number % VARIANTS]
            one["video"]["id"] = f"{number:07d}.mp4"
            one["global_description"] = caption(lot)
            file.write(json.dumps(one) + "\n")


def count(path: str) -> dict[str, float]:
    """Count in a process of its own."""
    from instancecap.datasets.statistics.collect import collect

    base, began, cpu = peak_megabytes(), time.perf_counter(), time.process_time()
    found = collect([path])
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"captions": found.captions, "seconds": seconds, "cpu": cpu,
            "megabytes": peak_megabytes() - base}  # fmt: skip


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=int, nargs="+", default=[10_000, 100_000])
    for size in parser.parse_args().captions:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "captions.jsonl"
            write(path, captions=size)
            context = multiprocessing.get_context("spawn")
            with context.Pool(1) as pool:
                found = pool.apply(count, (str(path),))
            rate = found["captions"] / found["cpu"]
            print(
                f"{size:,} captions ({path.stat().st_size / 1e6:,.0f} MB): "
                f"{found['seconds']:.1f} s, {found['cpu']:.1f} s of CPU, {rate:,.0f} a CPU second, "
                f"{found['megabytes']:.0f} MB beyond the program itself"
            )


if __name__ == "__main__":
    main()
