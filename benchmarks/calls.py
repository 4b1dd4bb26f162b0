"""What each way of asking costs: ``python -m benchmarks.calls --clips ../shared/clips/web``.

A scripted model answers about the labelled web clips: it names the labelled instances of a clip,
with the labelled box, and fills in all else. Every clip is asked about in every way; where what is
asked depends on tracks, its pictures are read and its instances followed as in a real run.

One JSON line on stdout: for each way the mean calls and pictures a clip, and the pictures over
those of one plain question (``single``: as many pictures, one call, parts of long clips left out).
Status 1 where ``auto`` takes more than two calls a clip, or more than half again as many pictures
as the plain question.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from instancecap.captioners.chain import ChainOptions, Prepared, prepare, write
from instancecap.captioners.chain.options import FIELDS
from instancecap.captioners.chain.pictures import sketch
from instancecap.captioners.chain.questions import THOUSANDTHS
from instancecap.evidence.build import measure
from instancecap.mllm.base import Image, Request, Usage
from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip
from tests.captioners.chain.answering import Fake, answer_with, boxes

WAYS: dict[str, dict[str, Any]] = {
    "plain": {"mode": "single", "fields": frozenset(FIELDS) - {"segments"}},
    **{detail: {"detail": detail} for detail in ("never", "auto", "each")},
    **{mode: {"mode": mode} for mode in ("paper", "single")},
}
FOLLOWED = ("auto", "each", "paper")
"""Ways in which it depends on the tracks what is asked; the clip is read, and things followed."""

MOST_CALLS, MOST_PICTURES = 2.0, 1.5


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder with labels.jsonl")
    parser.add_argument("--evidence", type=Path, help="folder of evidence already measured")
    options = parser.parse_args(arguments)
    labels = [json.loads(line) for line in (options.clips / "labels.jsonl").open()]
    total = dict.fromkeys(WAYS, Usage())
    for number, label in enumerate(labels, 1):
        clip = Clip.open(options.clips / label["file"])
        known = options.evidence / f"{label['file']}.json" if options.evidence else None
        evidence = Evidence.read(known) if known and known.exists() else measure(clip)
        prepared: dict[str, Prepared] = {}
        for way, chosen in WAYS.items():
            chain = ChainOptions(**chosen)
            if way in FOLLOWED and chain.mode not in prepared:
                prepared[chain.mode] = prepare(clip, evidence, options=chain)
            ready = prepared[chain.mode] if way in FOLLOWED else sketch(evidence, options=chain)
            total[way] += _ask(ready, label, chain)
        print(f"{number} of {len(labels)}: {label['file']}", file=sys.stderr)
    count = len(labels)
    plain = total["plain"].images
    figures = {
        way: {
            "calls": round(usage.calls / count, 2),
            "pictures": round(usage.images / count, 1),
            "over_plain": round(usage.images / plain, 2),
        }
        for way, usage in total.items()
    }
    print(json.dumps({"benchmark": "calls", "clips": count, **figures}))
    auto = figures["auto"]
    return int(auto["calls"] > MOST_CALLS or auto["over_plain"] > MOST_PICTURES)


def _ask(prepared: Prepared, label: dict[str, Any], options: ChainOptions) -> Usage:
    backend = Fake(lambda request: _answer(request, label))
    written = write(prepared, backend, options=options, enforced=True, convention=THOUSANDTHS)
    return asyncio.run(written).usage


def _answer(request: Request, label: dict[str, Any]) -> str:
    """The labelled instances, each under a name of its own, in every picture that the clip has."""
    images = [one for part in request.messages for one in part.parts if isinstance(one, Image)]
    listed = []
    for number, one in enumerate(label["instances"], 1):
        nearest = min(range(len(images)), key=lambda i: abs((images[i].t or 0.0) - one["t"]))
        listed.append(
            {
                "name": f"the {one['class']} {number}",
                "class": one["class"],
                "category": CATEGORIES.get(one["coco"] or "", "other"),
                "count": 1,
                "is_main": number == 1,
                "colors": one["colors"],
                "pictures": list(range(1, len(images) + 1)),
                "boxes": boxes((nearest + 1, one["box"])),
                "number": 0,
            }
        )
    given: dict[str, Any] = {"instances": listed, "corrections": [], "verdict": "kept"}
    return answer_with(request, given)


if __name__ == "__main__":
    sys.exit(main())
