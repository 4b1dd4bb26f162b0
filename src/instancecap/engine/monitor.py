"""What is counted while captions are written: a run that goes wrong shows before its end.

Each count of :data:`BANDS` has a band, a share of the captions (or of the claims) that an honest
run stays under; over the last :data:`WINDOW` captions a rate has to exceed its band by more than
chance would explain before a warning is given.
"""

from __future__ import annotations

import json
import math
from collections import Counter, deque
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from instancecap.mllm.reading import find_repetition

BANDS = {
    "duplicates": 0.05,  # the same words for another clip: those cut from one film may share some
    "empty": 0.10,  # no description, or neither instance nor background: black and static clips
    "repetitive": 0.02,  # repeats itself: such answers were asked again, few should get through
    "contradicted": 0.10,  # claims against the evidence; a model that guesses errs in half of them
}
"""Shares: of the captions, for ``contradicted`` of the claims."""

LENGTH_BAND = (2 / 3, 4 / 3)
"""Mean number of words over the first mean: topics change it by less, a changed model by more."""

WINDOW = 500
"""Captions over which a rate is taken."""

FEWEST = 50
"""Captions, or claims, before a rate says anything."""

BEYOND_CHANCE = 3.0
"""Standard deviations above the band: one false alarm in a thousand looks at an honest run."""

STEP = 1.02
"""Each bin of times is so much wider than the one before: percentiles are right to 2 %."""

SHORTEST = 1e-6
"""Seconds; what is shorter counts as this."""

MOST_NAMED = 20
"""Empty captions that are named."""

MOST_REMEMBERED = 200_000
"""Different texts that duplicates are looked for among, the latest; about 30 MB."""


class QualityMonitor:
    """Counts live, in bounded memory: of texts only hashes are kept.

    Attributes:
        counts: since the beginning: ``captions``, ``words``, ``claims`` and the names of
            :data:`BANDS`.
        empty: ids of the first clips whose captions are empty.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.empty: list[str] = []
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
        if empty and len(self.empty) < MOST_NAMED:
            self.empty.append((caption["video"] or {}).get("id", ""))
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


class Durations:
    """How often something took how long, in bins of growing width: percentiles in little memory.

    Attributes:
        count: of times.
        total: seconds, exact.
    """

    def __init__(self) -> None:
        self.count, self.total = 0, 0.0
        self._bins: Counter[int] = Counter()

    def add(self, seconds: float) -> None:
        """Count a time."""
        self.count += 1
        self.total += seconds
        self._bins[math.ceil(math.log(max(seconds, SHORTEST), STEP))] += 1

    def percentile(self, share: float) -> float:
        """The time that ``share`` percent of all stay under; 0 for none."""
        left = self.count * share / 100
        for place in sorted(self._bins):
            left -= self._bins[place]
            if left <= 0:
                return float(STEP**place)
        return 0.0

    def summary(self) -> dict[str, float]:
        """Count, sum and the percentiles 50, 90 and 99; seconds."""
        at = {f"p{share}": round(self.percentile(share), 4) for share in (50, 90, 99)}
        return {"count": self.count, "sum": round(self.total, 4), **at}
