"""How far the estimates of prompt lengths are from what real tokenizers count.

    python -m benchmarks.tokens ../shared/reader/captions --tokenizer t5=t5/tokenizer.json \
        --tokenizer qwen=qwen/tokenizer.json

Renders each caption for every target, both tasks and three lengths, and prints one JSON line: for
each family of tokenizers the least, middle and largest ratio of the estimate to the count over
prompts of 40 tokens and more, and how many were counted short.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

from instancecap import Caption
from instancecap.errors import FormatError
from instancecap.render import render, targets
from instancecap.render.options import Length, Task
from instancecap.render.targets import Target, counter_for

LEAST = 40


def prompts_of(captions: list[Caption]) -> dict[str, set[str]]:
    """The prompts of all captions, each once, by the tokenizer of the target."""
    found: dict[str, set[str]] = defaultdict(set)
    for caption in captions:
        for name, target in targets().items():
            for task in get_args(Task):
                for length in get_args(Length)[:3]:
                    try:
                        prompt = render(caption, target=name, task=task, length=length)
                    except FormatError:
                        continue
                    found[target.tokenizer].add(prompt.text)
    return found


def compare(texts: set[str], kind: Any, file: Path) -> dict[str, float]:
    """The ratios of the estimate to the count of a tokenizer file."""
    target = Target(name=kind, style="wan", tokenizer=kind, limit=1)
    count = counter_for(target, file).count
    estimate = counter_for(target.model_copy(update={"special": count("")})).count
    counted = [(estimate(text), count(text)) for text in texts]
    ratios = [guess / real for guess, real in counted if real >= LEAST]
    return {
        "prompts": len(ratios),
        "min": round(min(ratios), 3),
        "median": round(statistics.median(ratios), 3),
        "max": round(max(ratios), 3),
        "under": sum(ratio < 1 for ratio in ratios),
    }


def main() -> None:
    """Compare, print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", type=Path, help="folder of captions")
    parser.add_argument("--tokenizer", action="append", default=[], metavar="KIND=FILE")
    options = parser.parse_args()
    found = prompts_of([Caption.read(file) for file in sorted(options.captions.glob("*.json"))])
    everything = {text for texts in found.values() for text in texts if text[0] != "{"}
    result: dict[str, Any] = {"benchmark": "tokens"}
    for given in options.tokenizer:
        kind, _, file = given.partition("=")
        result[kind] = compare(found.get(kind, set()) | everything, kind, Path(file))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
