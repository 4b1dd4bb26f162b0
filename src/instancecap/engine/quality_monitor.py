"""Watches over captions while they are written: a run that goes wrong shows before its end.

Five things are counted. Each has a band, a share of the captions (or of the claims) that an
honest run stays under; over the last :data:`WINDOW` captions a rate has to exceed its band by
more than chance would explain before a warning is given.

=============  ====================================================  ===========================
what           counted                                               band, and why
=============  ====================================================  ===========================
duplicates     the same words for another clip                       5 %: clips cut from one film
                                                                     may share a short caption
empty          no global description, or neither an instance nor a   10 %: black and static clips
               background                                            are a few in a hundred
repetitive     a text that repeats itself, found as for answers of   2 %: such answers were asked
               models                                                again; few should get through
contradicted   claims that the evidence contradicts                  10 %: one claim in ten; a
                                                                     model that guesses directions
                                                                     is wrong in half of them
length         words of a caption, the mean against that of the      a third more or fewer: topics
               first :data:`WINDOW`                                  change a mean by less, a
                                                                     changed model by more
=============  ====================================================  ===========================
"""

from __future__ import annotations

import json
import math
from collections import Counter, deque
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from instancecap.mllm.repetition import find_repetition

BANDS = {"duplicates": 0.05, "empty": 0.10, "repetitive": 0.02, "contradicted": 0.10}
"""Shares: of the captions, for ``contradicted`` of the claims."""

LENGTH_BAND = (2 / 3, 4 / 3)
"""Mean number of words over the first mean."""

WINDOW = 500
"""Captions over which a rate is taken."""

FEWEST = 50
"""Captions, or claims, before a rate says anything."""

BEYOND_CHANCE = 3.0
"""Standard deviations above the band: one false alarm in a thousand looks at an honest run."""

MOST_REMEMBERED = 200_000
"""Different texts that duplicates are looked for among, the latest; about 30 MB."""


class QualityMonitor:
    """Counts live, in bounded memory: of texts only hashes are kept.

    Attributes:
        counts: since the beginning: ``captions``, ``words``, ``claims`` and the names of
            :data:`BANDS`.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._recent: deque[Counter[str]] = deque()
        self._sums: Counter[str] = Counter()
        self._first_words = 0
        self._seen: dict[bytes, None] = {}
        self._outside: set[str] = set()

    def add(self, document: str) -> list[str]:
        """Count a caption, given as JSON; returns a line for each rate that leaves its band."""
        found = self._look(json.loads(document))
        self.counts += found
        self._recent.append(found)
        self._sums += found
        if self.counts["captions"] <= WINDOW:
            self._first_words += found["words"]
        else:
            self._sums -= self._recent.popleft()
        return list(self._alarms())

    def summary(self) -> dict[str, float]:
        """The counts, and the mean number of words, for people and programs; empty for none."""
        if not (captions := self.counts["captions"]):
            return {}
        names = ("captions", *BANDS, "claims")
        return {
            **{name: self.counts[name] for name in names},
            "mean_words": round(self.counts["words"] / captions, 1),
        }

    def counted(self) -> dict[str, float]:
        """How many captions, or claims, were counted under each name of :data:`BANDS`."""
        return {name: self.counts[name] for name in BANDS}

    def _look(self, caption: dict[str, Any]) -> Counter[str]:
        texts = [text for text in _texts(caption) if text]
        claims = [claim["support"] for claim in caption.get("claims", [])]
        checked = [support for support in claims if support != "unchecked"]
        nothing = not (caption["instances"] or caption["background"])
        empty = nothing or not caption["global_description"]
        return Counter(
            captions=1,
            words=sum(len(text.split()) for text in texts),
            empty=int(empty),
            duplicates=int(not empty and self._is_known(texts)),
            repetitive=int(any(map(find_repetition, texts))),
            claims=len(checked),
            contradicted=checked.count("contradicted"),
        )

    def _is_known(self, texts: list[str]) -> bool:
        key = blake2b("\n".join(texts).encode(), digest_size=8).digest()
        known = key in self._seen
        self._seen.pop(key, None)  # what comes again is young again
        self._seen[key] = None
        if len(self._seen) > MOST_REMEMBERED:
            del self._seen[next(iter(self._seen))]
        return known

    def _alarms(self) -> Iterator[str]:
        for name, band in BANDS.items():
            unit = "claims" if name == "contradicted" else "captions"
            number, total = self._sums[name], self._sums[unit]
            chance = BEYOND_CHANCE * math.sqrt(band * (1 - band) * total)
            if self._leaves(name, total >= FEWEST and number > band * total + chance):
                yield (
                    f"{name}: {number} of the last {total} {unit} ({number / total:.0%}; "
                    f"up to {band:.0%} is usual)"
                )
        if self.counts["captions"] > WINDOW and self._first_words:
            ratio = self._sums["words"] / self._first_words
            if self._leaves("length", not LENGTH_BAND[0] <= ratio <= LENGTH_BAND[1]):
                yield (
                    f"length: the last {WINDOW} captions have {self._sums['words'] / WINDOW:.0f} "
                    f"words each, the first ones had {self._first_words / WINDOW:.0f}"
                )

    def _leaves(self, name: str, outside: bool) -> bool:
        """Whether a rate is outside its band now and was not before."""
        before = name in self._outside
        (self._outside.add if outside else self._outside.discard)(name)
        return outside and not before


def _texts(caption: dict[str, Any]) -> Iterator[str]:
    """What a person reads of a caption: what makes two of them the same."""
    yield caption["global_description"]
    for one in caption["instances"]:
        yield one["class"]
        yield from (one["appearance"], one["action"], one["expression"], one["position"]["text"])
    yield from (caption["background"], caption["camera"]["description"])
