"""How near captions are to a training set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from instancecap.engine.prompts import foretell, made_earlier, options_like
from instancecap.enhance import EnhanceOptions, structured
from instancecap.enhance.compare import compare, in_words, plot, profile
from instancecap.enhance.questions import Questions
from instancecap.enhance.structure import structure
from instancecap.errors import FormatError, UsageError
from instancecap.schema.caption import Camera

PROMPTS = ("A red fox runs through deep snow", "Two cats sleep on a blue sofa in a quiet room")
CAPTIONS = [structured(one, EnhanceOptions()).caption for one in PROMPTS]


def test_a_set_is_near_to_itself_and_far_from_another() -> None:
    mine, other = profile(CAPTIONS[:1]), profile(CAPTIONS[1:])
    same, far = compare(mine, mine), compare(mine, other)
    assert (same["word_divergence"], same["known_words"]) == (0.0, 1.0)
    assert far["word_divergence"] > 0.9 and far["known_words"] < 0.2
    assert far["fields"]["action"]["words"] == [4.0, 9.0]
    assert in_words(far).split()[:2] == ["these", "training"]
    assert "1 for none in common" in in_words(far) and plot(far).count("<rect") == 16


def test_a_training_set_tells_its_lengths_and_words() -> None:
    like = profile(CAPTIONS).like
    assert like.lengths["action"] == 6 and "lighting" not in like.lengths
    assert {"fox", "snow"} <= set(like.words) and "a" not in like.words


def test_a_training_set_tells_the_order_of_its_paragraphs() -> None:
    told = "Daylight falls into a room. A cat sleeps on a sofa. The camera stays still."
    caption = CAPTIONS[1].model_copy(
        update={
            "dense_description": told,
            "lighting": "Daylight.",
            "camera": Camera(description="The camera stays still."),
        }
    )
    like = profile([caption]).like
    assert set(like.order[:2]) == {"light", "surroundings"}
    assert (like.order[-2], like.order[-1]) == ("action", "camera")
    assert like.lengths["dense_description"] == len(told.split())
    parsed = structure(PROMPTS[0], EnhanceOptions())[1]
    question = Questions(parsed, EnhanceOptions(), like=like).say("fused")
    assert f"first to last: {', '.join(like.order)}." in question and "about 15 words" in question
    plain = profile(CAPTIONS).like  # prompts of such a set are made of fields
    assert options_like(EnhanceOptions(), plain).prose == "fields"
    assert options_like(EnhanceOptions(), like).prose == "model"


def test_captions_made_earlier_are_known_from_prompts(tmp_path: Path) -> None:
    CAPTIONS[0].write(tmp_path / "one.json")
    (tmp_path / "many.jsonl").write_text(CAPTIONS[1].to_json(indent=None) + "\n")
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "a fox"}\n')
    found = [len(made_earlier([str(tmp_path / name)])) for name in ("one.json", "many.jsonl")]
    assert found == [1, 1]
    assert made_earlier([str(tmp_path / "prompts.jsonl"), "a fox in a folder"]) == []
    with pytest.raises(UsageError, match="give the one or the other"):
        made_earlier([str(tmp_path / "one.json"), "a fox"])


@pytest.mark.parametrize(
    ("options", "least", "most"),
    [({}, 2, 6), ({"prose": "fields"}, 2, 4), ({"mode": "staged"}, 17, 21),
     ({"variants": 3}, 6, 18)],
)  # fmt: skip
def test_a_dry_run_counts_questions_and_tokens(
    options: dict[str, Any], least: int, most: int
) -> None:
    found = foretell([*PROMPTS, ""], EnhanceOptions(**options))
    assert (found.prompts, found.unusable, found.least, found.most) == (2, 1, least, most)
    assert found.prompt_tokens > 300 * least and found.completion_tokens > 40 * least
    assert found.in_words().endswith("nobody was asked; 1 cannot be used")


def test_no_captions_are_no_set() -> None:
    with pytest.raises(FormatError, match="no captions to compare with"):
        profile([])
