"""200 prompts enhanced: what of each survives, by mode.

    python -m benchmarks.enhance [--for wan2.2] [--faults] [--only KIND]
    python -m benchmarks.enhance --held-out

``structure`` asks nobody. ``fused`` and ``staged`` ask a stand-in that makes a model's mistakes
(``tests/enhance/writer.py``); with ``--faults``, from a server that fails as well. What has to
survive in each prompt stands in ``labels/prompts.tsv``, written by hand. ``--held-out`` compares
the instances that are found without a model with those of ``labels/instances.tsv``: the rules and
words were made with the prompts called ``seen``, and never with those called ``held``.
"""

from __future__ import annotations

import argparse
import csv
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import instancecap as ic
from instancecap.enhance import Enhanced, EnhanceOptions
from instancecap.enhance.faithful import forbidden
from instancecap.enhance.words import stems, synonyms, ways_to_say
from instancecap.render.targets import find_target
from tests.enhance.writer import answer
from tests.mllm.server import MODEL, serve

LABELS = Path(__file__).parent / "labels" / "prompts.tsv"
INSTANCES = Path(__file__).parent / "labels" / "instances.tsv"
FAULTS = {"429": 0.05, "500": 0.05, "truncated": 0.05, "malformed": 0.05, "ignored": 0.05,
          "loop": 0.03, "wrong_fields": 0.05, "empty": 0.05, "disconnect": 0.03}  # fmt: skip
ADDED = {"the", "second", "third", "fourth", "another"}
"""Words that a name may have beside those of the prompt."""


@dataclass(frozen=True)
class Labeled:
    """A prompt and what has to be found again: ``3 kid``, ``red kite``, words, quotations."""

    kind: str
    prompt: str
    counts: tuple[str, ...]
    colors: tuple[str, ...]
    keep: tuple[str, ...]
    quotes: tuple[str, ...]


def load() -> list[Labeled]:
    """The prompts."""
    with LABELS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    lists = ("counts", "colors", "keep", "quotes")
    return [
        Labeled(
            row["kind"],
            row["prompt"],
            *(tuple(one.strip() for one in row[name].split(";") if one.strip()) for name in lists),
        )
        for row in rows
    ]


def lost(one: Labeled, result: Enhanced) -> Iterator[tuple[str, str]]:
    """What is not found again in the caption: kind of label, and the label."""
    caption = result.caption
    texts = [str(value) for value in caption.leaves().values()]
    texts += [
        f"{it.name} {it.class_} {it.colors} {it.appearance} {it.action}" for it in caption.instances
    ]
    sentences = [stems(part) for text in texts for part in re.split(r"(?<=[.!?])\s+", text)]
    for label in one.counts:
        number, _, noun = label.partition(" ")
        counts = [
            it.count for it in caption.instances if said(noun, stems(f"{it.name} {it.class_}"))
        ]
        if int(number) not in counts and sum(counts) != int(number):
            yield "counts", label
    for label in one.colors:
        color, _, noun = label.partition(" ")
        if not any(said(color, words) and said(noun, words) for words in sentences):
            yield "colors", label
    translated = one.kind == "language" and result.usage.calls  # a model answers in English
    for label in () if translated else one.keep:
        whole = " ".join(texts).lower()
        if label.lower() not in whole and not any(said(label, words) for words in sentences):
            yield "keep", label
    for label in one.quotes:
        if not any(label in text for text in texts):
            yield "quotes", label
    shown = [stems(part) for part in re.split(r"(?<=[.!?])\s+", result.prompt)]
    for label in () if translated else (*one.keep, *one.quotes):
        if label.removeprefix("no ") in result.negative_prompt:
            continue
        if label.lower() not in result.prompt.lower() and not any(said(label, w) for w in shown):
            yield "prompt", label


def said(label: str, words: list[str]) -> bool:
    """Whether a word or phrase is among stems, or one that may stand for it."""
    ways = {tuple(stems(way)) for way in ways_to_say(label)}
    ways |= {other for way in ways for other in synonyms().get(" ".join(way), ())}
    return any(tuple(words[i : i + len(way)]) == way for way in ways for i in range(len(words)))


def invented(one: Labeled, result: Enhanced) -> set[str]:
    """Words of the caption's texts that the prompt does not have."""
    known = {*re.findall(r"[\w'-]+", one.prompt.lower()), *stems(one.prompt), *ADDED}
    texts = [
        str(value)
        for name, value in result.caption.leaves().items()
        if not name.endswith(
            ("/category", "/place", "/time_of_day", "/style", "/start", "/end", "/transition")
        )
        and not re.match(r"/camera/(?!description)|/shots/", name)
        and not (one.kind == "language" and name.endswith(("/class", "/colors")))  # in English
    ]
    words = {word for text in texts for word in re.findall(r"[\w'-]+", text.lower())}
    words = {word for word in words if word.isascii() or word not in one.prompt}
    return {word for word in words if word not in known and not set(stems(word)) <= known}


@dataclass(frozen=True)
class Found:
    """The instances of prompts, compared with their labels; each a list of what a person reads."""

    hits: int
    missed: list[str]
    invented: list[str]
    wrong_numbers: list[str]


def instances_of(which: str) -> Found:
    """What is found without a model in the prompts of a set, ``seen`` or ``held``."""
    with INSTANCES.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file, delimiter="\t") if row["set"] == which]
    found = Found(0, [], [], [])
    hits = 0
    for row in rows:
        must, may = ([tuple(one.split(maxsplit=1)) for one in row[key].split(";") if one.strip()]
                     for key in ("instances", "may be"))  # fmt: skip
        (result,) = ic.enhance(row["prompt"])
        numbers: dict[str, set[str]] = defaultdict(set)
        for one in result.caption.instances:
            told = one.count == 1 or f"/instances/{one.id}/count" in result.caption.provenance
            numbers[one.class_.split()[-1].lower()].add(str(one.count) if told else "several")
        nouns = {noun for _, noun in must}
        hits += len(nouns & numbers.keys())
        where = f": {row['prompt'][:70]}"
        known = nouns | {noun for _, noun in may}
        found.missed.extend(f"{noun}{where}" for noun in sorted(nouns - numbers.keys()))
        found.invented.extend(f"{noun}{where}" for noun in sorted(numbers.keys() - known))
        for noun in sorted(nouns & numbers.keys()):
            if not numbers[noun] & {number for number, one in (*must, *may) if one == noun}:
                found.wrong_numbers.append(f"{noun}{where}")
    return replace(found, hits=hits)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--for", dest="target", default="wan2.2")
    parser.add_argument("--only", default="")
    parser.add_argument("--faults", action="store_true")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    if chosen.held_out:
        print(f"{'set':6}{'instances':>11}{'found':>7}{'invented':>10}{'wrong numbers':>15}")
        for which in ("seen", "held"):
            done = instances_of(which)
            total = done.hits + len(done.missed)
            print(f"{which:6}{total:>11}{done.hits:>7}{len(done.invented):>10}"
                  f"{len(done.wrong_numbers):>15}")  # fmt: skip
            if chosen.verbose:
                print(*(f"  {one}" for one in vars(done).items() if one[0] != "hits"), sep="\n")
        return
    prompts = [one for one in load() if chosen.only in ("", one.kind)]
    print(f"{'mode':10}{'valid':>7}{'counts':>12}{'colors':>12}{'keep':>14}{'quotes':>8}{'prompt':>10}"
          f"{'invented':>10}{'forbidden':>11}{'calls':>7}{'tokens':>9}{'s':>7}")  # fmt: skip
    with serve(answer, faults=FAULTS if chosen.faults else (), seed=1) as url:
        for mode in ("structure", "fused", "staged"):
            run(mode, prompts, url, chosen.target, verbose=chosen.verbose)


def run(mode: str, prompts: list[Labeled], url: str, target: str, *, verbose: bool) -> None:
    """Enhance all prompts in one way, and print the row of the table."""
    options = EnhanceOptions(
        target=find_target(target), mode="staged" if mode == "staged" else "fused", seed=1
    )
    model = None if mode == "structure" else ic.Mllm(url=url, model=MODEL)
    counts: Counter[str] = Counter()
    failures = defaultdict(list)
    began = time.monotonic()
    for one in prompts:
        (result,) = ic.enhance(one.prompt, captioner=model, options=options)
        ic.Caption.from_json(result.caption.to_json())
        counts["valid"] += 1
        counts["calls"] += result.usage.calls
        counts["tokens"] += result.usage.prompt_tokens + result.usage.completion_tokens
        for kind in ("counts", "colors", "keep", "quotes"):
            counts[f"all {kind}"] += len(getattr(one, kind))
        counts["all prompt"] += len(one.keep) + len(one.quotes)
        for kind, label in lost(one, result):
            counts[f"lost {kind}"] += 1
            failures[one.prompt].append(f"{kind}: {label}")
        if model is None and (new := invented(one, result)):
            counts["invented"] += len(new)
            failures[one.prompt].append(f"invented: {new}")
        if bad := forbidden(result.caption, options.words.negative, one.prompt):
            counts["forbidden"] += len(bad)
            failures[one.prompt].append(f"forbidden: {bad}")
    kept = [f"{counts[f'all {k}'] - counts[f'lost {k}']}/{counts[f'all {k}']}"
            for k in ("counts", "colors", "keep", "quotes", "prompt")]  # fmt: skip
    new = str(counts["invented"]) if model is None else "-"
    seconds = time.monotonic() - began
    print(
        f"{mode:10}{counts['valid']:>7}{kept[0]:>12}{kept[1]:>12}{kept[2]:>14}{kept[3]:>8}{kept[4]:>10}{new:>10}"
        f"{counts['forbidden']:>11}{counts['calls']:>7}{counts['tokens']:>9}{seconds:>7.1f}"
    )
    if verbose:
        for prompt, some in failures.items():
            print(f"  {prompt[:90]}\n      {'; '.join(some)}")


if __name__ == "__main__":
    main()
