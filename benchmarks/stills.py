"""How often what a caption calls the instances of a single frame is right.

``python -m benchmarks.stills --clips ../shared/clips --reader ../shared/reader``

Four frames of each labelled clip are measured as images. A name is right where the labels or true
sentences of the clip (:mod:`benchmarks.sentences`) speak of one of that class; clips of which they
name nothing are left out. Prints wrong names on stderr, one JSON line on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import av

from benchmarks.sentences import true_captions
from instancecap.captioners.measured.content_selection import is_reliable, select_instances
from instancecap.evidence.build import measure
from instancecap.language.sentences import split_sentences
from instancecap.models.coco import CATEGORIES
from instancecap.verify.fields import texts_of
from instancecap.verify.text import items_of
from instancecap.video import Clip

FRAMES = 4
GROUPS = ("web/", "everyday/", "captions/", "masks/")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder with labels.json")
    parser.add_argument("--reader", type=Path, help="folder with the reader's answers.jsonl")
    options = parser.parse_args(arguments)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for clip, names in true_names(options.clips, options.reader).items():
        for image in images_of(options.clips / clip) if clip.startswith(GROUPS) else ():
            evidence = measure(image)
            for one in select_instances(evidence, most=20, gate=is_reliable):
                kind = one.class_ if one.class_ in ("animal", "vehicle") else CATEGORIES[one.class_]
                right = one.class_ in names
                counts[kind]["right"] += right
                counts[kind]["stated"] += 1
                if not right:
                    print(f"{clip}: {one.class_} ({one.confidence})", file=sys.stderr)
    every = sum(counts.values(), Counter[str]())
    share = round(every["right"] / max(1, every["stated"]), 3)
    print(json.dumps({"benchmark": "stills", "kinds": counts, **every, "share": share}))


def true_names(clips: Path, reader: Path | None) -> dict[str, set[str]]:
    """By clip the classes and categories of what the labels and true sentences name."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in true_captions(clips, reader):
        parts = [part for text in texts_of(one.caption) for part in split_sentences(text.text)]
        nouns = [item.noun for part in parts for item in items_of(part.text) if item.noun]
        found[one.clip] |= {word for noun in nouns for word in (noun.class_, noun.category)}
    for label in json.loads((clips / "labels.json").read_text()):
        named = label.get("classes", [])
        found[label["file"]] |= {*named, *(CATEGORIES.get(name, "") for name in named)}
    return {clip: names for clip, names in found.items() if names - {"", "object"}}


def images_of(path: Path) -> Iterator[Clip]:
    """A few frames of a clip, each as an image."""
    with av.open(path) as container:
        frames = list(container.decode(video=0))
    with tempfile.TemporaryDirectory() as folder:
        for part in range(FRAMES):
            image = Path(folder) / f"{part}.png"
            frames[part * (len(frames) - 1) // (FRAMES - 1)].to_image().save(image)
            yield Clip.open(image)


if __name__ == "__main__":
    main()
