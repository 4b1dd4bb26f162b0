"""How many planted near-duplicates ``dataset filter`` finds, and how many other clips it takes for
such; then how fast it compares a large set, and in how much memory.

    python -m benchmarks.duplicates DIR… [--copies FOLDER] [--scale 100000]

Every clip of the folders is copied re-encoded, cropped, faster, mirrored. The limit is chosen on
every other clip: half way between the copies, all but the 1 % that are furthest off, and the two
different clips that are most alike. What is found is told of the others, with that limit and with
the shipped one. ``--copies`` keeps the copies for another time.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.copies import peak_megabytes
from benchmarks.plant_duplicates import CHANGES, MOST_SECONDS, plant
from instancecap.datasets.curation.duplicates import near_pairs
from instancecap.datasets.curation.hashing import VIEWS, WORDS, Views, hash_of, views_of
from instancecap.datasets.curation.pixels import HASH_SIDE
from instancecap.datasets.curation.rules import read_rules
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.io.finder import VIDEO_SUFFIXES
from instancecap.video import Clip, ClipReader
from instancecap.video.sampling import Ticker

WIDE = 0.49
"""A limit within which nearly every pair lies."""


def hash_file(path: Path, *, end: float | None = None) -> Views:
    """The views of a file, as ``dataset filter`` makes them."""
    ticker, times, pictures = Ticker(SAMPLE_RATE), [], []
    with ClipReader(Clip.open(path, end=end), threads=1) as reader:
        for frame in reader:
            if ticker.due(frame.t):
                gray = Sample(frame, index=len(times), aspect=reader.info.aspect).gray
                tiny = cv2.resize(gray, (HASH_SIDE, HASH_SIDE), interpolation=cv2.INTER_AREA)
                pictures.append(np.asarray(tiny, np.uint8))
                times.append(frame.t)
        return views_of(hash_of(np.array(times), pictures, 0.0, reader.end))


def hashed(folders: list[Path], copies: Path) -> Iterator[dict[str, Views]]:
    """The hashes of each clip: its own under an empty name, those of its copies by the change."""
    for number, folder in enumerate(folders):
        for source in sorted(folder.iterdir()):
            if source.suffix.lower() not in VIDEO_SUFFIXES:
                continue
            targets = {
                name: copies / name / f"{number}-{folder.name}" / f"{source.name}.mp4"
                for name in CHANGES
            }
            if not all(path.exists() for path in targets.values()):
                plant(source, targets)
            found = {name: hash_file(path) for name, path in targets.items()}
            yield {"": hash_file(source, end=MOST_SECONDS), **found}


def distance(one: Views, other: Views) -> float:
    """Of two clips, as a pair has it; 1 where it is more than :data:`WIDE`."""
    pairs, distances = near_pairs(np.stack([one, other]), limit=WIDE, mirror=True)
    return float(distances[0]) if len(pairs) else 1.0


def choose_limit(clips: list[dict[str, Views]]) -> float:
    """Between what is alike and what is not."""
    away = [distance(one[""], copy) for one in clips for name, copy in one.items() if name]
    _, others = near_pairs(np.stack([one[""] for one in clips]), limit=WIDE, mirror=True)
    return (float(np.percentile(away, 99)) + float(others.min(initial=WIDE))) / 2


def report(clips: list[dict[str, Views]], limit: float) -> None:
    """Print what is found of the copies, and how many clips are taken for others' copies."""
    names = list(CHANGES)
    every = np.concatenate([np.stack([one[name] for name in ("", *names)]) for one in clips])
    for mirror in (False, True):
        pairs, _ = near_pairs(every, limit=limit, mirror=mirror)
        size = 1 + len(names)
        found, wrong = dict.fromkeys(names, 0), set()
        for one, other in pairs.tolist():
            if one // size != other // size:
                wrong |= {one // size, other // size}
            elif one % size == 0:
                found[names[other % size - 1]] += 1
        print(f"  mirror images {'count' if mirror else 'do not count'}:")
        for name in names:
            if mirror or "mirror" not in name:
                print(f"    {name:28} {found[name] / len(clips):7.1%} of {len(clips)} found")
        print(f"    {'taken for a copy':28} {len(wrong) / len(clips):7.1%} of the clips")


def scale(clips: int) -> None:
    """Print time and memory of comparing many made-up hashes, one in fifty a copy."""
    lot = np.random.default_rng(0)
    views = np.repeat(lot.integers(0, 2**64, (clips, 1, WORDS), np.uint64), VIEWS, axis=1)
    copies = clips // 50
    flips = lot.random((copies, WORDS * 64)) < 0.08
    views[-copies:] = views[:copies] ^ np.packbits(flips, axis=1).view(np.uint64)[:, None]
    before, began = peak_megabytes(), time.perf_counter()
    pairs, _ = near_pairs(views, limit=0.15)
    seconds = time.perf_counter() - began
    true = int(((pairs[:, 1] - pairs[:, 0]) == clips - copies).sum())
    print(
        f"{clips:,} hashes: {true:,} of {copies:,} copies with 8 % other bits found, "
        f"{len(pairs) - true:,} other pairs, {seconds:.1f} s, "
        f"{peak_megabytes():.0f} MB, {before:.0f} of them before"
    )


def main() -> None:
    """Print what is found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--copies", type=Path)
    parser.add_argument("--scale", type=int, default=100_000)
    args = parser.parse_args()
    if args.folders:
        with tempfile.TemporaryDirectory() as scratch:
            clips = list(hashed(args.folders, args.copies or Path(scratch)))
        limit, shipped = choose_limit(clips[::2]), read_rules().duplicates or 0.0
        halves = f"{len(clips[::2])} clips: {limit:.3f}; of the {len(clips[1::2])} others"
        print(f"limit chosen on {halves}")
        report(clips[1::2], limit)
        print(f"with the shipped limit, {shipped:g}, of the same")
        report(clips[1::2], shipped)
    if args.scale:
        scale(args.scale)


if __name__ == "__main__":
    main()
