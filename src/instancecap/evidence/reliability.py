"""How often each kind of measured fact is right, counted on labelled clips.

``reliability.json`` is written by ``python -m benchmarks.evidence --clips DIR --reliability``: for
every kind of fact the number of times it was measured and right, in bins of its confidence. A fact
may overrule what somebody else says only where its kind is right at least 95 times in 100.

Kinds: ``camera.static camera.pan camera.tilt camera.zoom camera.roll camera.travel`` (the movement
is there), ``camera.direction`` (the way of a movement that is there), ``transition``
``single_shot``, ``shot_type shot_angle place time_of_day style``, and of an instance ``class color
start_cell end_cell enters leaves stays moving still`` and ``direction`` (as captions state it).
Other kinds have no figures: they are worth nothing against somebody else's word.

``kinds`` are the figures of the embedded experts (:data:`EMBEDDED`), ``experts`` those of others by
name, as ``--reliability`` with ``--detector NAME`` writes them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from instancecap.models.known_weights import DETECTORS
from instancecap.schema.evidence import Evidence

BINS = (0.0, 0.5, 0.7, 0.85)
"""Lower ends of the bins of confidence; the last one ends at 1."""

MIN_FACTS = 20
"""Facts that a kind, or a bin of it, needs to be judged by."""

EMBEDDED = frozenset(("measured", "nanodet-plus-m"))
"""Whose figures ``kinds`` are: what is measured without a network, and the default detector."""

SMALL = frozenset(("", *DETECTORS, "opencv-hog", "flow"))
"""Experts of the embedded cluster: one stands in for another, and for its figures."""

NEEDED = 0.95
"""Precision from which a kind of fact may overrule."""

TRANSCRIBED = 0.5
"""Confidence in words that were transcribed: nobody has counted how often they are right."""

ONE_SIDED_80 = 0.8416
"""Standard deviations below which a fifth of a normal distribution lies."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many facts were right of ``n``."""

    right: int = 0
    n: int = 0

    @property
    def precision(self) -> float:
        """Share that was right; 0 where there were none."""
        return self.right / self.n if self.n else 0.0

    @property
    def lower_bound(self) -> float:
        """Lower end of the one-sided 80 % interval of the precision (Wilson 1927)."""
        if not self.n:
            return 0.0
        z, share = ONE_SIDED_80, self.precision
        spread = z * math.sqrt(share * (1 - share) / self.n + z * z / (4 * self.n**2))
        return (share + z * z / (2 * self.n) - spread) / (1 + z * z / self.n)


@cache
def tallies(expert: str = "measured") -> dict[str, tuple[Tally, ...]]:
    """Per kind one tally a bin of confidence, in the order of :data:`BINS`; none for an expert that
    was not measured."""
    figures = json.loads((files(__package__) / "reliability.json").read_text(encoding="utf-8"))
    embedded = figures["kinds"] if expert in EMBEDDED else {}
    kinds = figures["experts"].get(expert, embedded)
    return {kind: tuple(Tally(*pair) for pair in pairs) for kind, pairs in kinds.items()}


def tally(
    kind: str,
    confidence: float | None = None,
    *,
    expert: str = "measured",
    least: int = MIN_FACTS,
) -> Tally:
    """Facts of a kind: those of like ``confidence`` where there are ``least`` of them, else as many
    of the surest ones, bin by bin, as it takes."""
    bins = tallies(expert).get(kind, ())
    if confidence is not None and bins:
        first = sum(confidence >= low for low in BINS[1:])
        surest = [bins[low:] for low in range(first, -1, -1)]
        for like in (bins[first : first + 1], *surest):
            if (found := _sum(like)).n >= least:
                return found
    return _sum(bins)


def _sum(bins: Sequence[Tally]) -> Tally:
    return Tally(sum(b.right for b in bins), sum(b.n for b in bins))


def measured_tally(kind: str, confidence: float, *, expert: str) -> Tally | None:
    """As :func:`tally`; None for an expert of whom fewer than :data:`MIN_FACTS` were judged."""
    found = tally(kind, confidence, expert=expert)
    return found if found.n >= MIN_FACTS else None


def judged_by(kind: str, evidence: Evidence) -> dict[str, str]:
    """Whose figures a kind of fact is judged by, as :func:`may_overrule` takes it: of the camera, a
    chosen camera model's own; of the class, those of a detector that does not come with us. Of
    several with such an expert among them, theirs together: any fact may be that one's."""
    role = "camera" if kind.startswith("camera.") else "detector" if kind == "class" else ""
    chosen = evidence.models.get(role, "")
    return {} if SMALL.issuperset(chosen.split(",")) else {"expert": chosen}


def precision(kind: str, confidence: float | None = None) -> float:
    """Share of the facts of a kind (of about this confidence) that were right; 0 if unknown."""
    return tally(kind, confidence).precision


def may_overrule(kind: str, confidence: float | None = None, *, expert: str = "measured") -> bool:
    """Whether a measured fact outweighs what a model, or a person, says.

    True where at least 20 facts of the kind were judged and the lower bound of its precision is
    0.95 or more.
    """
    found = tally(kind, confidence, expert=expert)
    return found.n >= MIN_FACTS and found.lower_bound >= NEEDED
