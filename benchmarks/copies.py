"""How many planted copies ``eval quality`` finds, how fast, and in how much memory.

    python -m benchmarks.copies [--captions 100000] [--copies 4000]

Captions are put together at random. Half of the copies are exact; in the others one word in
twenty is another one. A copy counts as found where it is flagged; a caption that was never copied
counts as false.
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

LISTS = """
woman man child dog cat horse bird car bus boat cyclist farmer dancer robot
red blue tall old small bright torn shiny dusty woolen striped quiet broken green
walks runs waits turns jumps looks drifts stops climbs waves falls works sings
road beach forest kitchen market bridge station garden river roof hall field
while because although before after until when where
"""
SUBJECTS, LOOKS, VERBS, PLACES, JOINS = (line.split() for line in LISTS.split("\n")[1:-1])
WORDS = [*SUBJECTS, *LOOKS, *VERBS, *PLACES]


def caption(lot: random.Random) -> str:
    """Four to eight sentences."""
    return " ".join(_sentence(lot) for _ in range(lot.randint(4, 8)))


def _sentence(lot: random.Random) -> str:
    def clause() -> str:
        looks = " ".join(lot.sample(LOOKS, lot.randint(1, 2)))
        return f"the {looks} {lot.choice(SUBJECTS)} {lot.choice(VERBS)} near the " + " ".join(
            (lot.choice(LOOKS), lot.choice(PLACES))
        )

    return f"{clause()} {lot.choice(JOINS)} {clause()}.".capitalize()


def edited(text: str, lot: random.Random) -> str:
    """With one word in twenty another one, side by side so that few runs of words are hit."""
    words = text.split()
    count = max(1, len(words) // 20)
    start = lot.randrange(len(words) - count)
    words[start : start + count] = lot.choices(WORDS, k=count)
    return " ".join(words)


def write(path: Path, *, captions: int, copies: int, seed: int = 0) -> set[str]:
    """A table of captions; returns the ids of the copies and of what they were copied from."""
    lot = random.Random(seed)
    texts = [caption(lot) for _ in range(captions - copies)]
    rows = [(f"{index:07d}", text) for index, text in enumerate(texts)]
    copied = set()
    for number, source in enumerate(lot.sample(range(len(texts)), copies)):
        text = texts[source] if number % 2 else edited(texts[source], lot)
        copied |= {f"copy-{number}", rows[source][0]}
        rows.append((f"copy-{number}", text))
    lot.shuffle(rows)
    with path.open("w", encoding="utf-8") as file:
        for id, text in rows:
            file.write(json.dumps({"id": id, "caption": text}) + "\n")
    return copied


def survey(path: str, out: str) -> dict[str, Any]:
    """Run ``eval quality`` in a process of its own."""
    from instancecap.evals.quality.survey import survey_captions

    base, began = peak_megabytes(), time.perf_counter()
    survey_captions([path], out=out)
    seconds, cpu = time.perf_counter() - began, time.process_time()
    return {"seconds": seconds, "cpu": cpu, "base": base, "megabytes": peak_megabytes()}


def peak_megabytes() -> float:
    """The most memory that this process had; ``ru_maxrss`` begins with what its parent had."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Print what is found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--captions", type=int, default=100_000)
    parser.add_argument("--copies", type=int, default=4_000)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "captions.jsonl")
        copied = write(table, captions=args.captions, copies=args.copies)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            told = pool.apply(survey, (str(table), folder))
        lines = Path(folder, "flags.jsonl").read_text(encoding="utf-8").splitlines()
    rows = map(json.loads, lines)
    flagged = {one["id"] for one in rows if {"exact copy", "nearly the same"} & set(one["flags"])}
    found = sum(f"copy-{number}" in flagged for number in range(args.copies))
    print(
        f"{args.captions:,} captions, {args.copies:,} planted copies: {found:,} found, "
        f"{len(flagged - copied):,} others flagged; {told['seconds']:.1f} s "
        f"({told['cpu']:.1f} s of CPU), {told['megabytes']:.0f} MB, of which the program without "
        f"captions takes {told['base']:.0f}"
    )


if __name__ == "__main__":
    main()
