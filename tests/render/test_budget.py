"""Budgets: never over, whole fields go in the stated order, the estimate is never under."""

from __future__ import annotations

import json
import pydoc_data.topics
import random
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.render import make_caption
from instancecap.errors import FormatError, MissingDependency, UsageError
from instancecap.render import Target, find_target, render, targets
from instancecap.render.grammar import sentences
from instancecap.render.targets import counter_for
from instancecap.render.tokens import TokenizerKind, estimate_tokens
from instancecap.schema.caption import Caption
from tests.render.rich_captions import ACTIONS, COUNTS, LOOKS, RICH, rich


def test_generated_captions_are_never_over() -> None:
    dice, names, shortened = random.Random(3), list(targets()), 0
    for index in range(600):
        caption = make_caption(dice, index)
        try:
            prompt = render(caption, target=names[index % len(names)])
        except FormatError:
            continue
        assert prompt.tokens <= prompt.limit
        shortened += bool(prompt.dropped)
    assert shortened > 20, "the generated captions are too short to test anything"


LONG = (
    "The video shows a market at dusk. A woman in a red coat walks past a fruit stand. "
    "Behind her, a vendor weighs two melons. Steam rises from a noodle cart. "
    "The camera follows her at shoulder height."
)


def test_a_long_text_keeps_as_many_sentences_as_fit() -> None:
    caption, last = Caption(video=None, global_description=LONG), 0
    for limit in range(20, 130, 2):
        target = Target(name="t", style="hunyuan", tokenizer="llama", limit=limit)
        prompt = render(caption, target=target)
        kept = sentences(prompt.text)
        assert kept == sentences(LONG)[: len(kept)] and len(kept) >= last
        nothing_more = counted(" ".join(sentences(LONG)[: len(kept) + 1])) > limit
        assert nothing_more or len(kept) == 5
        assert prompt.warnings == (() if len(kept) == 5 else (
            f"left out to keep within {limit} tokens: /global_description ({5 - len(kept)} of 5 "
            "sentences)",
        ))  # fmt: skip
        last = len(kept)
    assert last == 5


def counted(text: str) -> int:
    return counter_for(find_target("hunyuanvideo")).count(text)


def test_the_key_event_goes_after_every_detail() -> None:
    gone: tuple[str, ...] = ()
    for limit in range(260, 30, -10):
        target = Target(name="t", style="skyreels", tokenizer="t5", limit=limit)
        prompt = render(rich("park"), target=target)
        gone = prompt.dropped
        if "/global_description" in gone or "/instances/0/action" in gone:
            assert {"/background", "/lighting", "/instances/1", "/camera/motion"} & set(gone)
        assert prompt.text.endswith(".") and prompt.text.count('"') % 2 == 0
    assert "/instances/1" in gone and "/background" in gone
    assert "walks her dog" in prompt.text


def test_what_does_not_fit_fails_and_is_not_cut() -> None:
    target = Target(name="tiny", style="wan", tokenizer="t5", limit=3)
    with pytest.raises(FormatError, match=r"no sentence is short enough .* tiny takes 3"):
        render(rich("park"), target=target)


def test_the_result_says_who_counted() -> None:
    prompt = render(rich("park"), target="mochi")
    assert (prompt.counter, prompt.limit) == ("estimate:t5", 256)
    assert prompt.tokens == 1 + estimate_tokens(prompt.text, "t5")


def test_prefix_and_suffix_count() -> None:
    plain = render(rich("race"), target="cogvideox")
    marked = render(rich("race"), target="cogvideox", prefix="ralstyle " * 10, suffix="Best.")
    assert marked.text.startswith("ralstyle ") and marked.text.endswith(" Best.")
    assert marked.tokens <= 226 and len(marked.dropped) >= len(plain.dropped)


def test_json_stays_valid_when_cut() -> None:
    for limit in (1024, 400, 200):
        target = Target(name="c", style="json", tokenizer="qwen", limit=limit)
        prompt = render(rich("race"), target=target)
        assert json.loads(prompt.text)["subjects"]
        assert prompt.tokens <= limit
    assert prompt.dropped


def counted_texts() -> dict[str, str]:
    texts = {"long": LONG}
    for name in RICH:
        leaves = rich(name).leaves().values()
        texts[name] = " ".join(str(one) for one in leaves if " " in str(one))
    for n in (0, 12, 18):
        texts[f"looks{n}"] = " ".join(" ".join(one) for one in LOOKS[n : n + 6])
        texts[f"actions{n}"] = " ".join(" ".join(one) for one in ACTIONS[n : n + 6])
    return texts


@pytest.mark.parametrize("kind", get_args(TokenizerKind))
def test_the_estimate_is_at_most_15_percent_above_the_real_count(kind: TokenizerKind) -> None:
    for name, text in counted_texts().items():
        real = COUNTS[name][kind]
        assert real <= estimate_tokens(text, kind) <= 1.15 * real, name


def build() -> Any:
    """A byte-level tokenizer, trained on the spot on English text."""
    tokenizers = pytest.importorskip("tokenizers", reason="comes with the extra 'models'")
    from tokenizers import models, pre_tokenizers, trainers

    texts = [line for page in pydoc_data.topics.topics.values() for line in page.split("\n")]
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=9000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


@pytest.mark.models
def test_the_estimate_is_never_under_on_any_text_in_other_scripts() -> None:
    tokenizer, marks = build(), "“”‘’–—…"
    letters = st.characters(exclude_categories=("Cs",), exclude_characters=marks, min_codepoint=160)

    @given(st.text(letters, max_size=40))
    def check(text: str) -> None:
        assert estimate_tokens(text, "qwen") >= len(tokenizer.encode(text.strip()).ids)

    check()


@pytest.mark.models
def test_a_real_tokenizer_is_used_when_it_is_given(tmp_path: Path) -> None:
    build().save(str(tmp_path / "tokenizer.json"))
    counter = counter_for(find_target("ltx-video"), tmp_path)
    prompt = render(rich("park"), target="ltx-video", counter=counter)
    assert prompt.counter.startswith("tokenizer:") and prompt.tokens == counter.count(prompt.text)
    assert prompt.tokens <= 128


def test_a_tokenizer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tokenizer there"):
        counter_for(find_target("mochi"), tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises((UsageError, MissingDependency), match="tokenizer"):
        counter_for(find_target("mochi"), tmp_path)
