"""Whether two texts say the same, without a model: by the words that they share."""

from __future__ import annotations

from collections import Counter

from instancecap.render.grammar import meaning

SHARED = 0.5
"""Share of content words in common from which two texts count as the same."""

EQUIVALENCE = (
    "Texts are compared by their words, not by what they mean: two count as the same where their "
    f"content words (stems, without function words) have an F1 of {SHARED:g} or more."
)
"""What a result has to say of it."""


def shared_words(first: str, second: str) -> float:
    """F1 of the content words of two texts, each word as often as it stands there, 0..1."""
    one, other = Counter(meaning(first)), Counter(meaning(second))
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def is_same(first: str, second: str) -> bool:
    """Whether two texts share enough words."""
    return shared_words(first, second) >= SHARED
