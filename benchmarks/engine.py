"""What the local engine costs, and what it survives. Each command prints one JSON line.

``python -m benchmarks.engine --clips DIR``
    How much two workers do of one worker's work, and what engine and ledger add to a plain loop
    of measure, describe and write.

``python -m benchmarks.engine --clips DIR --ray``
    How much the Ray engine does of the local engine's work on this machine.

``python -m benchmarks.engine --kill 20 [--count 300] [--seed 0] [--measured]``
    Kills a run with all its workers (SIGKILL) at random moments, goes on, and compares what was
    written with the output of a run that was left alone, byte by byte: once into a folder, a
    ``.jsonl`` and a ``.parquet``. The clips are tiny and only decoded, so that the engine is what
    runs; with ``--measured`` they are captioned.

Rates are wall-clock times and hold only on a machine with nothing else to do. CPU times, in the
same line, hold on a busy one too: time that others use does not count.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.local import Outcome, run_jobs
from instancecap.engine.sinks import open_store
from instancecap.engine.work import Documents, EvidenceWork, Work
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job, find_jobs
from instancecap.schema import Caption
from instancecap.schema.caption import Video

OUTS = ("out", "out.jsonl", "out.parquet")
CANNED = 600
"""Clips of the run that measures the engine alone."""


def make_clips(folder: Path, count: int) -> None:
    """Tiny videos, 64×48 and 4 frames, no two of them alike."""
    import av
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        with av.open(str(folder / f"{index:05d}.mp4"), "w") as container:
            stream = container.add_stream("libx264", rate=Fraction(8))
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for frame in range(4):
                picture = np.full((48, 64, 3), (index * 7) % 200, np.uint8)
                left = (index + 6 * frame) % 48
                picture[12:30, left : left + 16] = (240, index % 256, (index // 3) % 256)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())


def contents(out: Path) -> dict[str, str]:
    """Hash of every file that a run wrote, its own notes left out."""
    files = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else [out]
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if ".instancecap" not in path.parts
    }


@dataclass(frozen=True, kw_only=True)
class Glance(Work):
    """Decodes a clip and says how bright it is: next to nothing, in real workers."""

    def __call__(self, job: Job) -> Documents:
        from instancecap.video import ClipReader

        identity = Identity.of(job.clip.path, content=True)
        time.sleep(0.04)  # there has to be a moment to be killed in
        means = [float(frame.gray().mean()) for frame in ClipReader(job.clip, threads=1)]
        size = {"width": 64, "height": 48, "frames": len(means)}
        times = {"start": 0.0, "end": 0.5, "duration": 0.5, "fps": 8.0}
        video = Video(id=job.name, path=job.clip.path, **size, **times)
        caption = Caption(video=video, global_description=f"A gray of {means[-1]:.3f}.")
        return Documents({"": caption.to_json()}, identity=identity)

    def config(self) -> str:
        return "glance"


def run(clips: str, out: str) -> None:
    """A run in this process, with two workers; prints what it did."""
    jobs, _ = find_jobs([clips])
    batch = run_batch(jobs, Glance(), store=open_store(out), config=RunConfig(workers=2))
    print(json.dumps({"done": batch.done, "skipped": batch.skipped}))


def command(clips: Path, out: Path, *, measured: bool) -> list[str]:
    """The command of a run with two workers."""
    if not measured:
        return [sys.executable, "-m", "benchmarks.engine", "--run", str(clips), str(out)]
    program = [sys.executable, "-m", "instancecap", "caption", str(clips), "--out", str(out)]
    return [*program, "--workers", "2", "--quiet", "--json"]


def killed(program: Sequence[str], *, after: float) -> bool:
    """Start a program and kill it with all its children; False where it was done before."""
    process = subprocess.Popen(
        program, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def survive(
    folder: Path, *, name: str, kills: int, seed: int, measured: bool = False
) -> dict[str, Any]:
    """Kill runs into one OUT at random moments until ``kills`` were hit, and compare.

    A run that ends before its moment has come is compared too, and the next starts anew. The
    clips lie in ``folder / "clips"``.
    """
    clips, alone, out = folder / "clips", folder / "alone" / name, folder / "killed" / name
    alone.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    subprocess.run(command(clips, alone, measured=measured), check=True, stdout=subprocess.PIPE)
    whole = time.monotonic() - began
    program = command(clips, out, measured=measured)
    moments, expected = random.Random(seed), contents(alone)
    hits = rounds = kept = 0
    same = True
    while hits < kills:
        shutil.rmtree(out.parent, ignore_errors=True)
        out.parent.mkdir()
        began = time.monotonic()
        while hits < kills and killed(program, after=moments.uniform(0.1, whole)):
            hits += 1
            began = time.monotonic()
        whole = min(whole, time.monotonic() - began) if hits < kills else whole
        ended = subprocess.run(program, check=True, stdout=subprocess.PIPE)
        kept += json.loads(ended.stdout)["skipped"]
        same = same and contents(out) == expected
        rounds += 1
    return {
        "out": name,
        "kills": hits,
        "rounds": rounds,
        "kept_per_round": round(kept / rounds, 1),
        "same_bytes": same,
        "files": len(expected),
    }


@dataclass(frozen=True, kw_only=True)
class OneThread(EvidenceWork):
    """Evidence on one core, so that two workers can be compared with one."""

    def __call__(self, job: Job) -> Documents:
        import cv2

        cv2.setNumThreads(1)
        used = time.process_time()
        documents = replace(self, threads=1).measured(job)
        seconds = {"worker": os.getpid(), "cpu": time.process_time() - used}
        return replace(documents, seconds=seconds)

    def measured(self, job: Job) -> Documents:
        """The evidence of a clip."""
        return super().__call__(job)


@dataclass(frozen=True, kw_only=True)
class Canned(Work):
    """Says what it was given: what is left of a run is the engine."""

    text: str

    def __call__(self, job: Job) -> Documents:
        return Documents({"": self.text}, identity=Identity.of(job.clip.path, content=True))

    def config(self) -> str:
        return "canned"


def cpu() -> float:
    """Seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def scaling(jobs: Sequence[Job]) -> dict[str, float]:
    """Two workers against one, in turns; the quicker of two tries each.

    The wall-clock rates hold the start of the workers, some seconds; the CPU times leave out the
    first clip of each worker, for which it loads its libraries.
    """
    walls: dict[int, list[float]] = {1: [], 2: []}
    cpus: dict[int, list[float]] = {1: [], 2: []}
    for workers in (1, 2, 1, 2):
        times: dict[float, list[float]] = {}

        def take(outcome: Outcome[Documents], times: dict[float, list[float]] = times) -> None:
            assert outcome.result is not None, outcome.failure
            seconds = outcome.result.seconds
            times.setdefault(seconds["worker"], []).append(seconds["cpu"])

        began, used = time.perf_counter(), time.process_time()
        run_jobs(enumerate(jobs), OneThread(), workers=workers, isolated=True, on_done=take)
        walls[workers].append(time.perf_counter() - began)
        warm = [one for worker in times.values() for one in worker[1:]]
        own = (time.process_time() - used) / len(jobs)  # this process works for both alike
        cpus[workers].append(sum(warm) / len(warm) + own)
    return {
        "wall_speedup": round(min(walls[1]) / min(walls[2]), 3),
        "cpu_speedup": round(2 * min(cpus[1]) / min(cpus[2]), 3),
        "clips_per_minute_1": round(60 * len(jobs) / min(walls[1]), 2),
        "clips_per_minute_2": round(60 * len(jobs) / min(walls[2]), 2),
    }


def overhead(jobs: Sequence[Job], folder: Path) -> dict[str, float]:
    """CPU time that engine and ledger take for a clip, over that of a plain loop."""
    from instancecap.captioners.measured.describe import describe
    from instancecap.evidence.build import measure

    used = cpu()
    for number, job in enumerate(jobs):
        caption = describe(measure(job.clip, threads=1))
        caption.write(folder / f"{number}.json")
    plain = (cpu() - used) / len(jobs)
    text = caption.to_json()
    many = [Job(job.clip, f"{number}-{job.name}") for number, job in
            enumerate(jobs[index % len(jobs)] for index in range(CANNED))]  # fmt: skip
    times = []
    for size in (CANNED // 10, CANNED):  # the difference leaves out what starting takes
        used = cpu()
        store = open_store(str(folder / f"canned-{size}"))
        run_batch(many[:size], Canned(text=text), store=store, config=RunConfig(workers=2))
        times.append(cpu() - used)
    engine = (times[1] - times[0]) / (CANNED - CANNED // 10)
    return {
        "plain_ms_per_clip": round(1000 * plain, 1),
        "engine_ms_per_clip": round(1000 * engine, 2),
        "overhead": round(engine / plain, 4),
    }


def on_ray(jobs: Sequence[Job]) -> dict[str, float]:
    """Clips a minute of the Ray engine over those of the local one, two workers each, in turns.

    The start of Ray itself is left out, that of its actors is not; the quicker of two tries each.
    """
    from benchmarks.engine import OneThread  # by its full name, which actors can import
    from instancecap.engine.ray import run_on_ray

    def take(outcome: Outcome[Documents]) -> None:
        assert outcome.failure is None, outcome.failure

    run_on_ray(list(enumerate(jobs[:1])), OneThread(), on_done=take)
    walls: dict[str, list[float]] = {"local": [], "ray": []}
    for _ in range(2):
        for name, engine in (("local", run_jobs), ("ray", run_on_ray)):
            began = time.perf_counter()
            engine(list(enumerate(jobs)), OneThread(), workers=2, on_done=take)
            walls[name].append(time.perf_counter() - began)
    local, ray = min(walls["local"]), min(walls["ray"])
    return {
        "ray_over_local": round(local / ray, 3),
        "clips_per_minute_local": round(60 * len(jobs) / local, 2),
        "clips_per_minute_ray": round(60 * len(jobs) / ray, 2),
    }


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="benchmarks.engine")
    parser.add_argument("--clips", metavar="DIR")
    parser.add_argument("--kill", type=int, default=0, metavar="N")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeat", type=int, default=2, help="times that each clip is measured")
    parser.add_argument("--measured", action="store_true")
    parser.add_argument("--ray", action="store_true", help="the Ray engine against the local one")
    parser.add_argument("--run", nargs=2, metavar=("CLIPS", "OUT"))
    chosen = parser.parse_args()
    if chosen.run:
        run(*chosen.run)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if chosen.kill:
            make_clips(folder / "clips", chosen.count)
            runs = [
                survive(
                    folder, name=out, kills=chosen.kill, seed=chosen.seed, measured=chosen.measured
                )
                for out in OUTS
            ]
            print(json.dumps({"benchmark": "engine-kill", "clips": chosen.count, "runs": runs}))
        if chosen.clips:
            jobs = find_jobs([chosen.clips])[0] * chosen.repeat
            figures = on_ray(jobs) if chosen.ray else {**scaling(jobs), **overhead(jobs, folder)}
            print(json.dumps({"benchmark": "engine", "clips": len(jobs), **figures}))


if __name__ == "__main__":
    main()
