"""Two captioners side by side: the clips that both described, and the votes about them.

A vote is what a rater would have answered on the page of ``eval judge --by people``: votes are kept
as that page gives them back, and ``eval judge --scores`` counts them.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

from instancecap.datasets.captions import NO_CAPTIONS
from instancecap.datasets.edits import file_of
from instancecap.errors import InputError, UsageError
from instancecap.evals.judges import PREFER, JudgeOptions, names_of, samples_of
from instancecap.evals.judging import CHOICES, Scores, in_order, is_swapped, key_of, shuffled
from instancecap.evals.pairing import Named, named_captions, pair
from instancecap.evals.task import Sample, digest
from instancecap.formats.annotation import CLIP_FIELDS, INSTANCE_FIELDS, Field
from instancecap.io.finder import Rejected
from instancecap.io.inputs import PRIVATE_FOLDER
from instancecap.io.tables import TABLE_SUFFIXES
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Caption
from instancecap.web.app.files import OpenedFolder

MOST_OFFERED = 100
"""Folders and tables of captions that the page offers to choose from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two sets of captions in the opened folder.

    Attributes:
        first, second: as they are named, relative to the folder.
        samples: the clips that both described, each with both texts.
        captions: of the first and the second, by clip.
        rejected: what is not shown, and why.
        orders, keys: what was worked out already, by seed.
    """

    first: str
    second: str
    samples: list[Sample]
    captions: dict[str, tuple[Caption, Caption]]
    rejected: list[Rejected]
    orders: dict[int, list[Sample]] = field(default_factory=dict)
    keys: dict[int, dict[str, Sample]] = field(default_factory=dict)

    def ordered(self, seed: int | None) -> list[Sample]:
        """The clips as they are read, or in an order drawn by lot."""
        if seed is None:
            return self.samples
        if seed not in self.orders:
            self.orders[seed] = shuffled(self.samples, seed=seed)
        return self.orders[seed]

    def by_key(self, seed: int) -> dict[str, Sample]:
        """The clips by the keys that votes have."""
        if seed not in self.keys:
            self.keys[seed] = {key_of(one, seed=seed): one for one in self.samples}
        return self.keys[seed]


def offered_sets(folder: OpenedFolder) -> list[str]:
    """Folders and tables of captions in the opened folder, by name."""
    return [name for name, _ in zip(_sets(folder.root), range(MOST_OFFERED), strict=False)]


def _sets(root: Path | None) -> Iterator[str]:
    for place, inner, names in os.walk(root) if root else ():
        inner[:] = sorted(one for one in inner if not one.startswith("."))
        here = Path(place).relative_to(root)  # type: ignore[arg-type]
        if here.suffix == ".parquet":
            inner.clear()
            yield here.as_posix()
            continue
        shown = [one for one in sorted(names) if not one.startswith(".")]
        if any(one.endswith(".json") and not NO_CAPTIONS.fullmatch(one) for one in shown):
            yield here.as_posix()
        yield from ((here / one).as_posix() for one in shown if Path(one).suffix in TABLE_SUFFIXES)


def load_comparison(folder: OpenedFolder, first: str, second: str) -> Comparison:
    """Read both sets.

    Raises:
        InputError: one of them is not in the opened folder, or they have no clip in common.
        UsageError: they are the same.
    """
    paths = {one: str(folder.resolve(one, folders=True)) for one in (first, second)}
    named = {
        name: _inside(named_captions([paths[one]]), folder)
        for name, one in names_of([first, second]).items()
    }

    def locate(caption: Caption, source: str) -> str:
        return str(_video(folder, caption, file_of(source)))

    samples, rejected = samples_of(named, JudgeOptions(rubric=PREFER), locate=locate)
    if not samples:
        why = f": {rejected[0].source}: {rejected[0].reason}" if rejected else ""
        raise InputError(f"{first} and {second} have no clip in common that can be shown{why}")
    here, there = named.values()
    pairs = pair(here, Named(there.found, []), kinds=("first", "second"))
    return Comparison(
        first=first, second=second, samples=samples, captions=pairs.found, rejected=rejected
    )


def _inside(found: Named[Caption], folder: OpenedFolder) -> Named[Caption]:
    """Without captions that a link in the opened folder leads to, outside of it."""
    kept, rejected = {}, list(found.rejected)
    for name, caption in found.found.items():
        if folder.holds(Path(file_of(found.sources[name]))):
            kept[name] = caption
        else:
            rejected.append(Rejected(name, "a link leads out of the opened folder"))
    return Named(kept, rejected, found.sources)


def _video(folder: OpenedFolder, caption: Caption, file: str) -> Path:
    """The video beside the caption, or where its path leads from the opened folder."""
    path = caption.video.path if caption.video else ""
    if not path:
        raise InputError("the caption names no video file")
    beside = str(Path(file).parent / path)
    return folder.find(beside if os.path.isfile(beside) else path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """How somebody votes: with or without names, in an order that ``seed`` draws."""

    rater: str = ""
    seed: int = 0
    hidden: bool = True

    def turned(self, sample: Sample) -> bool:
        """Whether the second captioner's text is shown first."""
        return self.hidden and is_swapped(sample, seed=self.seed)

    def kept(self, choice: str, sample: Sample) -> str:
        """An answer as ``eval judge`` keeps it: as if the order had been drawn by lot."""
        drawn = is_swapped(sample, seed=self.seed)
        return in_order(choice, swapped=drawn is not self.turned(sample))

    shown = kept
    """The same in the other direction: an answer that was kept as this sitting shows it."""


class Votes:
    """Votes in the opened folder, one file a rater and pair of sets."""

    def __init__(self, root: Path) -> None:
        self._folder = root / PRIVATE_FOLDER / "votes"
        self._lock = Lock()

    def path(self, pair: Comparison, sitting: Sitting) -> Path:
        """Where they are kept. Raises :class:`UsageError` for a rater without a name."""
        if not sitting.rater.strip():
            raise UsageError("write your name first: votes of two people are kept apart")
        parts = (pair.first, pair.second, f"seed{sitting.seed}", sitting.rater.strip())
        return self._folder / f"{'-'.join(map(_file_part, parts))}.json"

    def read(self, pair: Comparison, sitting: Sitting) -> Scores:
        """What was voted so far."""
        path = self.path(pair, sitting)
        rater = sitting.rater.strip()
        return Scores.read(path) if path.is_file() else Scores(rater=rater, scores={})

    def keep(
        self, pair: Comparison, sitting: Sitting, sample: Sample, choice: str, remark: str
    ) -> Scores:
        """Keep one vote, at once; an empty choice takes it back.

        Raises:
            UsageError: no such choice.
            OutputError: the opened folder cannot be written to.
        """
        if choice not in ("", *CHOICES):
            raise UsageError(f"{choice!r}: choose one of {', '.join(CHOICES)}")
        key, path = key_of(sample, seed=sitting.seed), self.path(pair, sitting)
        with self._lock:
            scores = self.read(pair, sitting)
            scores.scores.pop(key, None)
            scores.remarks.pop(key, None)
            if choice:
                scores.scores[key] = {PREFER: sitting.kept(choice, sample)}
            if remark.strip():
                scores.remarks[key] = remark.strip()
            scores.write(path)
        return scores

    def command(self, pair: Comparison, sitting: Sitting) -> str:
        """What counts the votes, to be run in the opened folder."""
        words = ["instancecap", "eval", "judge", pair.first, pair.second, "--by", "people"]
        words += ["--rubric", PREFER, "--seed", str(sitting.seed), "--scores"]
        path = self.path(pair, sitting)
        return shlex.join([*words, str(path.relative_to(self._folder.parent.parent))])


def _file_part(name: str) -> str:
    """A name as part of a file's; no two names give the same."""
    plain = re.sub(r"\W+", "_", name)
    return name if plain == name and len(name) <= 40 else f"{plain[:30]}.{digest(name)[:8]}"


def clip_facts(pair: Comparison, sitting: Sitting, at: int | None, votes: Votes) -> dict[str, Any]:
    """What the page shows of one clip; ``at`` counts from 0 and is brought into range.

    None is the first clip without a vote, or the first of all.
    """
    order = pair.ordered(sitting.seed if sitting.hidden else None)
    kept = votes.read(pair, sitting) if sitting.rater.strip() else Scores(scores={})
    if at is None:
        keys = [key_of(one, seed=sitting.seed) for one in order]
        at = next((place for place, key in enumerate(keys) if key not in kept.scores), 0)
    at = min(max(at, 0), len(order) - 1)
    sample = order[at]
    key = key_of(sample, seed=sitting.seed)
    texts = sample.input.texts[::-1] if sitting.turned(sample) else sample.input.texts
    return {
        "at": at,
        "count": len(order),
        "done": len(kept.scores),
        "key": key,
        "clip": sample.clip,
        "names": ["The first", "The second"] if sitting.hidden else [name for name, _ in texts],
        "texts": [text for _, text in texts],
        "rows": list(_rows(*shown_captions(pair, sitting, sample))),
        "choice": sitting.shown(kept.scores.get(key, {}).get(PREFER, ""), sample),
        "remark": kept.remarks.get(key, ""),
        "command": votes.command(pair, sitting) if sitting.rater.strip() else "",
    }


def shown_captions(pair: Comparison, sitting: Sitting, sample: Sample) -> tuple[Caption, Caption]:
    """The two captions of a clip in the order in which they are shown."""
    first, second = pair.captions[sample.clip]
    return (second, first) if sitting.turned(sample) else (first, second)


def sample_of(pair: Comparison, key: str, sitting: Sitting) -> Sample:
    """The clip of a key. Raises :class:`InputError` where the captions have changed since."""
    found = pair.by_key(sitting.seed).get(key)
    if found is None:
        raise InputError("these captions have changed: load the page again")
    return found


def _rows(some: Caption, others: Caption) -> Iterator[tuple[str, str, str]]:
    """Field by field: its name, and what each caption says; fields that both leave empty aside."""
    yield from _told(CLIP_FIELDS, some, others, "")
    own = (Field("class", "/class"), *INSTANCE_FIELDS)
    for place in range(max(len(some.instances), len(others.instances))):
        first, second = (next(iter(one.instances[place:]), None) for one in (some, others))
        yield from _told(own, first, second, f"{place + 1}: ")


def _told(
    fields: tuple[Field, ...], some: Any, others: Any, before: str
) -> Iterator[tuple[str, str, str]]:
    for one in fields:
        values = [
            pointers.resolve(owner, f"/{one.pointer.lstrip('/')}") if owner is not None else ""
            for owner in (some, others)
        ]
        texts = [", ".join(each) if isinstance(each, list) else str(each) for each in values]
        texts = ["" if text == "unknown" else text for text in texts]
        if any(texts):
            yield before + one.name.replace("_", " "), texts[0], texts[1]
