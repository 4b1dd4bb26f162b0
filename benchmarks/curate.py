"""What ``dataset filter`` costs: measuring against decoding, and choosing among many clips.

    python -m benchmarks.curate [DIR…] [--rows 10000,100000]

With folders, prints seconds of CPU that measuring their clips takes on one core, and how many times
as long as decoding alone that is. Rows are figures of made-up clips, one in fifty a copy: prints
seconds and the most memory for each number of them.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import tempfile
import time
from base64 import b64encode
from pathlib import Path

from benchmarks.copies import peak_megabytes
from instancecap.datasets.curation.filter import select_clips
from instancecap.datasets.curation.hashing import VIEWS, WORDS
from instancecap.datasets.curation.measure import FiguresWork, Measured
from instancecap.datasets.curation.rules import read_rules
from instancecap.io.inputs import find_jobs
from instancecap.video import Clip, ClipReader


def decode(path: str) -> float:
    """Seconds of CPU that decoding a clip takes."""
    began = time.process_time()
    with ClipReader(Clip.open(path), threads=1) as reader:
        for _ in reader:
            pass
    return time.process_time() - began


def measure(folders: list[str]) -> None:
    """Print what measuring costs."""
    jobs, _ = find_jobs(folders)
    work = FiguresWork(threads=1)
    work(jobs[0])  # loads the networks
    measured = decoded = footage = 0.0
    for job in jobs:
        decoded += decode(job.clip.path)
        began = time.process_time()
        found = json.loads(work(job).evidence)
        measured += time.process_time() - began
        footage += found["video"]["duration"]
    print(
        f"{len(jobs)} clips, {footage:.0f} s of video: decoding {decoded:.1f} s, measuring "
        f"{measured:.1f} s, {measured / decoded:.1f} times as long; {footage / measured:.1f} s of "
        "video a second and core"
    )


def write_rows(path: Path, rows: int) -> None:
    """Figures of made-up clips."""
    lot = random.Random(0)
    sample = json.loads(Path(__file__).with_name("figures.json").read_text(encoding="utf-8"))
    hashes: list[str] = []
    with path.open("w", encoding="utf-8") as file:
        for number in range(rows):
            copied = number % 50 == 49
            view = lot.randbytes(WORDS * 8)
            hashes.append(lot.choice(hashes) if copied else b64encode(view * VIEWS).decode())
            sample["video"]["id"] = sample["video"]["path"] = f"clips/{number:07d}.mp4"
            sample["whole"]["hash"] = hashes[-1]
            sample["whole"]["figures"]["motion"] = lot.random()
            file.write(json.dumps(sample) + "\n")


def select(folder: str, rows: int) -> tuple[float, float]:
    """Seconds of CPU and megabytes of choosing among so many clips; in a process of its own."""
    table = Path(folder, "figures.jsonl")
    write_rows(table, rows)
    began = time.process_time()
    select_clips(Measured((table,)), read_rules(), Path(folder))
    return time.process_time() - began, peak_megabytes()


def main() -> None:
    """Print what it costs."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--rows", default="10000,100000")
    args = parser.parse_args()
    if args.folders:
        measure(args.folders)
    for rows in map(int, filter(None, args.rows.split(","))):
        spawn = multiprocessing.get_context("spawn")
        with tempfile.TemporaryDirectory() as folder, spawn.Pool(1) as pool:
            seconds, megabytes = pool.apply(select, (folder, rows))
        print(f"{rows:,} rows: {seconds:.1f} s of CPU, at most {megabytes:.0f} MB")


if __name__ == "__main__":
    main()
