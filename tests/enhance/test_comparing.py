"""How near captions are to a training set."""

from __future__ import annotations

import pytest

from instancecap.enhance import EnhanceOptions, structured
from instancecap.enhance.compare import compare, in_words, plot, profile
from instancecap.errors import FormatError

PROMPTS = ("A red fox runs through deep snow", "Two cats sleep on a blue sofa in a quiet room")
CAPTIONS = [structured(one, EnhanceOptions()).caption for one in PROMPTS]


def test_a_set_is_near_to_itself_and_far_from_another() -> None:
    mine, other = profile(CAPTIONS[:1]), profile(CAPTIONS[1:])
    same, far = compare(mine, mine), compare(mine, other)
    assert (same["word_divergence"], same["known_words"]) == (0.0, 1.0)
    assert far["word_divergence"] > 0.9 and far["known_words"] < 0.2
    assert far["fields"]["action"]["words"] == [4.0, 9.0]
    assert in_words(far).split()[:2] == ["these", "training"]
    assert "1 for none in common" in in_words(far) and plot(far).count("<rect") == 14


def test_a_training_set_tells_its_lengths_and_words() -> None:
    like = profile(CAPTIONS).like
    assert like.lengths["action"] == 6 and "lighting" not in like.lengths
    assert {"fox", "snow"} <= set(like.words) and "a" not in like.words


def test_no_captions_are_no_set() -> None:
    with pytest.raises(FormatError, match="no captions to compare with"):
        profile([])
