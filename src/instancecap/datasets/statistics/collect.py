"""Counts over a set of captions of any size, in one pass."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import get_args

import numpy as np

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.statistics.document import (
    LENGTH_BINS,
    Budget,
    Distribution,
    Of,
    Repeated,
    Statistics,
    Summary,
    length_bin,
    most_common,
)
from instancecap.datasets.statistics.motion import DIRECTIONS, MOTIONS, direction_of, motions_of
from instancecap.datasets.statistics.scenes import scene_names, scene_of
from instancecap.errors import UsageError
from instancecap.formats.text import paragraph
from instancecap.render.targets import Target, counter_for, find_target
from instancecap.schema import vocabulary as v
from instancecap.schema.caption import Caption, Producer

TARGETS = ("wan2.2", "cogvideox", "ltx-2.3")
"""Models whose budgets captions are held against by default: one of each kind of text encoder."""

MOST_CLASSES = 30
"""Classes that are told; the rest are one number."""

MOST_KEPT = 100_000
"""Different classes, reasons or writers that are counted at a time; then the rarest are dropped."""

MOST_REPEATED = 20
"""Repeated captions that are told."""

LONGEST_SHOWN = 200
"""Letters of a repeated caption that are told."""

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W_]+(?:['’-][^\W_]+)*")
"""A word, or a letter of a script without spaces."""

_NUMBER = re.compile(r"/\d+")


class _Counts:
    """A distribution that is being counted."""

    def __init__(
        self, name: str, title: str, of: Of = "clips", order: Sequence[str] = (), **more: bool
    ) -> None:
        self.name, self.title, self.of, self.order, self.more = name, title, of, order, more
        self.total = self.known = 0
        self.counts: Counter[str] = Counter()

    def add(self, *values: str) -> None:
        """The values of one more clip, instance or field; empty ones are not known."""
        self.total += 1
        told = [one for one in values if one]
        self.known += bool(told)
        self.counts.update(told)
        _prune(self.counts)

    def done(self) -> Distribution:
        """In the order that was given, else the most frequent first."""
        counts = most_common(self.counts, most=MOST_CLASSES)
        if self.order:
            counts = {name: self.counts[name] for name in self.order}
        return Distribution(
            name=self.name, title=self.title, of=self.of, total=self.total, known=self.known,
            counts=counts, **self.more,
        )  # fmt: skip


def _prune(counts: Counter[str]) -> None:
    """Drop the rarer half of the values where they are too many to be counted."""
    if len(counts) > MOST_KEPT:
        kept = dict(counts.most_common(MOST_KEPT // 2))
        counts.clear()
        counts.update(kept)


def _vocabulary(words: object) -> list[str]:
    return [word for word in get_args(words) if word != "unknown"]


class Collector:
    """Takes captions one by one, in memory that grows by eight bytes a caption."""

    def __init__(self, name: str, *, targets: Sequence[Target]) -> None:
        self.name = name
        self._targets = [(one, counter_for(one)) for one in targets]
        self._distributions = {
            one.name: one
            for one in (
                _Counts("length", "Length of the clip, seconds", order=LENGTH_BINS),
                _Counts("scene", "Scene, by the caption's words", order=scene_names()),
                _Counts("place", "Place", order=_vocabulary(v.Place)),
                _Counts("time_of_day", "Time of day", order=_vocabulary(v.TimeOfDay)),
                _Counts("style", "Style", order=_vocabulary(v.Style)),
                _Counts("instances", "Instances in a clip", order=[*map(str, range(8)), "8+"]),
                _Counts("class", "Class", "instances"),
                _Counts("category", "Category", "instances", _vocabulary(v.Category)),
                _Counts("motion", "Where instances go", "instances", MOTIONS, several=True),
                _Counts("direction", "Which way, of those that move", "instances", DIRECTIONS),
                _Counts("camera", "Camera movement", order=get_args(v.Primitive), several=True),
                _Counts("stability", "Steadiness", order=_vocabulary(v.Stability)),
                _Counts("shot_type", "Shot type", order=_vocabulary(v.ShotType)),
                _Counts("shot_angle", "Shot angle", order=_vocabulary(v.ShotAngle)),
                _Counts("fields", "Captions that have …", several=True),
                _Counts("support", "Support of what fields say", "fields", get_args(v.Support)),
                _Counts("claims", "Outcome of checked claims", "claims", get_args(v.ClaimSupport)),
            )
        }
        self._support: dict[str, Counter[str]] = {}
        self._words: Counter[int] = Counter()
        self._tokens: list[Counter[int]] = [Counter() for _ in self._targets]
        self._texts = array("Q")
        self._failed: Counter[str] = Counter()
        self._made_by: Counter[str] = Counter()
        self._models: Counter[str] = Counter()
        self._seconds, self._empty = 0.0, 0

    def add(self, row: Row) -> None:
        """One more caption, or why there is none."""
        if row.caption is None:
            self._failed[row.error] += 1
            _prune(self._failed)
            return
        caption = row.caption
        self._add_words(caption)
        leaves = list(caption.leaves())
        self._add_clip(caption, leaves)
        self._add_instances(caption)
        self._add_support(caption, leaves)
        producer = caption.producer
        self._made_by[_writer(producer)] += 1
        self._models.update(f"{job}: {model}" for job, model in producer.models.items())
        for counts in (self._made_by, self._models):
            _prune(counts)

    def _add_words(self, caption: Caption) -> None:
        text = paragraph(caption)
        words = _WORD.findall(text.lower())
        self._empty += not words
        self._words[len(words)] += 1
        self._texts.append(_hash(words))
        for tokens, (_, counter) in zip(self._tokens, self._targets, strict=True):
            tokens[counter.count(text)] += 1

    def _add_clip(self, caption: Caption, leaves: Sequence[str]) -> None:
        camera, video = caption.camera, caption.video
        seconds = video.duration if video else 0.0
        self._seconds += seconds
        count = len(caption.instances)
        values: dict[str, tuple[str, ...]] = {
            "length": (length_bin(seconds) if seconds else "",),
            "scene": (scene_of(caption),),
            "place": (caption.place.replace("unknown", ""),),
            "time_of_day": (caption.time_of_day,),
            "style": (caption.style.replace("unknown", ""),),
            "instances": (str(count) if count < 8 else "8+",),
            "camera": tuple(camera.motion),
            "stability": (camera.stability,),
            "shot_type": (camera.shot_type,),
            "shot_angle": (camera.shot_angle,),
            "fields": tuple({_field(pointer) for pointer in leaves}),
        }
        for name, told in values.items():
            self._distributions[name].add(*told)

    def _add_instances(self, caption: Caption) -> None:
        for one in caption.instances:
            motions = motions_of(one)
            self._distributions["class"].add(one.class_.casefold().strip())
            self._distributions["category"].add(one.category)
            self._distributions["motion"].add(*motions)
            if "moves" in motions:
                self._distributions["direction"].add(direction_of(one))

    def _add_support(self, caption: Caption, leaves: Sequence[str]) -> None:
        for pointer in leaves:
            entry = caption.provenance.get(pointer)
            self._distributions["support"].add(entry.support if entry else "")
            if entry:
                self._support.setdefault(_field(pointer), Counter())[entry.support] += 1
        for claim in caption.claims:
            self._distributions["claims"].add(claim.support)

    def done(self, most_repeated: list[Repeated]) -> Statistics:
        """What was counted."""
        return Statistics(
            name=self.name,
            captions=len(self._texts),
            empty=self._empty,
            seconds=round(self._seconds, 2),
            failed=most_common(self._failed, most=MOST_CLASSES),
            distributions=[one.done() for one in self._distributions.values()],
            support={name: dict(counts) for name, counts in sorted(self._support.items())},
            words=Summary.of("words", "Words", self._words),
            budgets=[
                Budget(
                    target=target.name,
                    limit=target.budget,
                    counter=counter.name,
                    tokens=Summary.of("tokens", f"Tokens, {target.name}", tokens),
                    over=sum(n for size, n in tokens.items() if size > target.budget),
                )
                for tokens, (target, counter) in zip(self._tokens, self._targets, strict=True)
            ],
            repeated=int(sum(self.repeated().values())),
            most_repeated=most_repeated,
            made_by=most_common(self._made_by, most=MOST_CLASSES),
            models=most_common(self._models, most=MOST_CLASSES),
        )

    def repeated(self) -> dict[int, int]:
        """Hashes of captions whose words occur more than once, and how often; empty ones aside."""
        values, times = np.unique(np.asarray(self._texts, np.uint64), return_counts=True)
        found = {int(one): int(n) for one, n in zip(values, times, strict=True) if n > 1}
        found.pop(_hash([]), None)
        return found


def _writer(producer: Producer) -> str:
    """Who wrote a caption; empty for a text of which only this program's reading is known."""
    parts = (producer.version, producer.captioner, producer.mode)
    if producer.name == Producer().name and not any(parts):
        return ""
    return " ".join(filter(None, (producer.name, *parts)))


def _field(pointer: str) -> str:
    """``instances position text`` of ``/instances/3/position/text``."""
    return _NUMBER.sub("", pointer).strip("/").replace("/", " ")


def _hash(words: Iterable[str]) -> int:
    return int.from_bytes(blake2b(" ".join(words).encode(), digest_size=8).digest())


def collect(
    paths: Sequence[str],
    *,
    targets: Sequence[str] = (),
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Statistics:
    """Count what the captions in files, folders and tables hold.

    They are read twice where some are repeated, to name those; nothing but counts is kept.

    Args:
        targets: models whose prompts' budgets the captions are held against; by default those of
            :data:`TARGETS`.
        on_failure: told the file and row of each caption that cannot be read, and why.

    Raises:
        UsageError: there is no caption at all, or no such target.
    """
    collector = Collector(
        ", ".join(paths), targets=[find_target(name) for name in targets or TARGETS]
    )
    first = ""
    for row in read_captions(paths):
        if row.caption is None:
            on_failure(row.source, row.error)
            first = first or f"{row.source}: {row.error}"
        collector.add(row)
    repeated = collector.repeated()
    statistics = collector.done(list(_name_repeated(paths, repeated)))
    if not statistics.captions:
        raise UsageError(f"no caption can be read: {first}")
    return statistics


def _name_repeated(paths: Sequence[str], repeated: dict[int, int]) -> Iterator[Repeated]:
    """The captions that occur most often, each with its first name."""
    most = sorted(repeated.items(), key=lambda one: (-one[1], one[0]))[:MOST_REPEATED]
    wanted = dict(most)
    found: dict[int, Repeated] = {}
    for row in read_captions(paths) if wanted else ():
        if row.caption is None:
            continue
        text = paragraph(row.caption)
        value = _hash(_WORD.findall(text.lower()))
        if value in wanted and value not in found:
            shown = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
            found[value] = Repeated(times=wanted[value], name=row.name, text=shown)
        if len(found) == len(wanted):
            break
    yield from (found[value] for value, _ in most if value in found)
