"""How near captions are to those of a training set: lengths, fields, words."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from instancecap.enhance.questions import Like
from instancecap.errors import FormatError
from instancecap.language.sentences import split_sentences
from instancecap.render.grammar import FUNCTION_WORDS, content
from instancecap.schema.caption import Caption

FIELDS = ("global_description", "dense_description", "appearance", "action", "position",
          "background", "lighting", "camera")  # fmt: skip
RARE = 0.1
"""A field that fewer captions of a set have is not asked for."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a set of captions is like.

    Attributes:
        lengths: median words of each field where it is filled.
        filled: share of captions, or of instances, that have the field.
        instances: mean number.
        words: how often each content word comes.
        order: what their paragraphs tell, first to last; empty where few have one.
    """

    captions: int
    lengths: Mapping[str, float]
    filled: Mapping[str, float]
    instances: float
    words: Counter[str]
    order: tuple[str, ...] = ()

    @property
    def like(self) -> Like:
        """For a model to write alike."""
        kept = {name: round(n) for name, n in self.lengths.items() if self.filled[name] >= RARE}
        return Like(kept, tuple(word for word, _ in self.words.most_common(60)), self.order)


def profile(captions: Iterable[Caption]) -> Profile:
    """Count a set. Raises :class:`FormatError` where it is empty."""
    texts: dict[str, list[str]] = {name: [] for name in FIELDS}
    counts: list[int] = []
    places: dict[str, list[float]] = {name: [] for name in TOLD}
    for one in captions:
        counts.append(len(one.instances))
        for name, place in _places(one):
            places[name].append(place)
        for name in ("global_description", "dense_description", "background", "lighting"):
            texts[name].append(getattr(one, name))
        texts["camera"].append(one.camera.description)
        for instance in one.instances:
            for name in ("appearance", "action"):
                texts[name].append(getattr(instance, name))
            texts["position"].append(instance.position.text)
    if not counts:
        raise FormatError("no captions to compare with")
    filled = {name: [len(text.split()) for text in some if text] for name, some in texts.items()}
    words = Counter(
        word.strip(".,;:!?\"'()").lower()
        for some in texts.values()
        for text in some
        for word in text.split()
    )
    kept = {word: n for word, n in words.items() if word.isalpha() and word not in FUNCTION_WORDS}
    return Profile(
        captions=len(counts),
        lengths={name: float(median(some)) if some else 0.0 for name, some in filled.items()},
        filled={name: len(filled[name]) / max(1, len(some)) for name, some in texts.items()},
        instances=sum(counts) / len(counts),
        words=Counter(kept),
        order=_order(places, len(counts)),
    )


TOLD = ("looks", "action", "surroundings", "light", "camera")
"""What a paragraph tells."""


def _places(caption: Caption) -> Iterator[tuple[str, float]]:
    """Where in the caption's paragraph each is told, 0 at its beginning to 1 at its end."""
    told = [content(one.text) for one in split_sentences(caption.dense_description)]
    things = caption.instances
    fields = (" ".join(one.appearance for one in things), " ".join(one.action for one in things),
              caption.background, caption.lighting, caption.camera.description)  # fmt: skip
    for name, text in zip(TOLD, fields, strict=True):
        words = content(text)
        shares = [len(words & one) / max(1, len(one)) for one in told]
        if words and shares and max(shares) > 0:
            yield name, shares.index(max(shares)) / max(1, len(told) - 1)


def _order(places: Mapping[str, list[float]], captions: int) -> tuple[str, ...]:
    known = {name: sum(some) / len(some) for name, some in places.items()
             if len(some) >= captions / 2}  # fmt: skip
    return tuple(sorted(known, key=lambda name: known[name]))


def compare(mine: Profile, theirs: Profile) -> dict[str, Any]:
    """Both sets field by field, and two figures of their words.

    ``word_divergence`` is the Jensen-Shannon divergence of the content words, 0 for the same
    distribution to 1 for no word in common; ``known_words`` the share of ours that the training set
    has too.
    """
    pairs = {
        name: {
            "words": [mine.lengths[name], theirs.lengths[name]],
            "filled": [round(mine.filled[name], 3), round(theirs.filled[name], 3)],
        }
        for name in FIELDS
    }
    total = sum(mine.words.values())
    known = sum(count for word, count in mine.words.items() if word in theirs.words)
    return {
        "captions": [mine.captions, theirs.captions],
        "instances": [round(mine.instances, 2), round(theirs.instances, 2)],
        "fields": pairs,
        "order": [list(mine.order), list(theirs.order)],
        "word_divergence": round(_divergence(mine.words, theirs.words), 3),
        "known_words": round(known / total, 3) if total else 0.0,
    }


def _divergence(first: Counter[str], second: Counter[str]) -> float:
    sums = sum(first.values()), sum(second.values())
    if not all(sums):
        return 1.0
    found = 0.0
    for word in first.keys() | second.keys():
        p, q = first[word] / sums[0], second[word] / sums[1]
        found += sum(x * math.log2(2 * x / (p + q)) for x in (p, q) if x) / 2
    return found


def in_words(figures: Mapping[str, Any]) -> str:
    """A table to read: these captions, and the training set."""
    rows = {name: figures[name] for name in ("captions", "instances")}
    for kind in ("words", "filled"):
        rows |= {f"{name}, {kind}": one[kind] for name, one in figures["fields"].items()}
    lines = [f"{name:28}{mine:>10g}{theirs:>10g}" for name, (mine, theirs) in rows.items()]
    told = [", ".join(one) for one in figures["order"]]
    lines += [f"paragraphs tell {text} ({whose})"
              for text, whose in zip(told, ("these", "training"), strict=True) if text]  # fmt: skip
    far, known = figures["word_divergence"], figures["known_words"]
    return "\n".join([
        f"{'':28}{'these':>10}{'training':>10}",
        *lines,
        f"word divergence {far:.2f}: 0 for the same words as often, 1 for none in common",
        f"known words {known:.0%}: of the words of these, those that the training set has too",
    ])  # fmt: skip


def plot(figures: Mapping[str, Any]) -> str:
    """Median words of each field, both sets, as an SVG picture of bars."""
    fields = {name: one["words"] for name, one in figures["fields"].items()}
    most = max(map(max, fields.values())) or 1
    rows = [
        '<text x="10" y="20">median words: these captions (blue), the training set (gray)</text>'
    ]
    for index, (name, words) in enumerate(fields.items()):
        top = 40 + 46 * index
        rows.append(f'<text x="10" y="{top + 20}">{name}</text>')
        for y, count, color in zip((top, top + 16), words, ("#3366aa", "#bbbbbb"), strict=True):
            width = 400 * count / most
            rows.append(f'<rect x="160" y="{y}" width="{width:.1f}" height="14" fill="{color}"/>')
            rows.append(f'<text x="{165 + width:.1f}" y="{y + 12}">{count:g}</text>')
    size = f'width="640" height="{60 + 46 * len(fields)}" font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(rows)}</svg>\n'
