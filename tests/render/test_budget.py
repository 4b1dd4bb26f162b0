"""Budgets: never over, whole fields go in the stated order, the estimate is never under."""

from __future__ import annotations

import pydoc_data.topics
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.render import make_caption
from instancecap.errors import FormatError, MissingDependency, UsageError
from instancecap.render import Target, render, targets
from instancecap.render.budget import Tokenizer, drop_order, filled
from instancecap.render.words import common_words, estimate_tokens
from instancecap.schema.caption import Caption
from tests.render.rich_captions import RICH, rich

TINY = Target("tiny", style="skyreels", tokenizer="t5", limit=60)


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


def test_whole_fields_go_first_to_last() -> None:
    order = list(drop_order(rich("park")))
    previous: tuple[str, ...] = ()
    for limit in range(400, 30, -15):
        target = Target("t", style="skyreels", tokenizer="t5", limit=limit)
        dropped = render(rich("park"), target=target).dropped
        places = [order.index(pointer) for pointer in dropped]
        assert places == sorted(places)
        assert dropped[: len(previous)] == previous, "what went for less goes for more"
        previous = dropped
    assert "/instances/1" in previous and "/background" in previous


def test_never_half_a_sentence() -> None:
    full = render(rich("park"), target="hunyuanvideo1.5").text
    for limit in range(40, 240, 10):
        target = Target("t", style="hunyuan", tokenizer="qwen", limit=limit)
        text = render(rich("park"), target=target).text
        assert text.endswith(".") and text.count('"') % 2 == 0
        known = set(full.replace(".", " ").replace(",", " ").lower().split())
        told = set(text.replace(".", " ").replace(",", " ").lower().split())
        # A sentence without a field may be put otherwise, with the class's own name.
        assert len(told - known - {"person", "dog"}) <= 4


def test_the_low_salience_instance_goes_before_the_main_one() -> None:
    prompt = render(rich("park"), target=TINY)
    assert "woman" in prompt.text and "sniffing" not in prompt.text
    assert "/instances/1" in prompt.dropped


def test_what_does_not_fit_is_said_and_not_cut() -> None:
    target = Target("tiny", style="wan", tokenizer="t5", limit=3)
    with pytest.raises(FormatError, match=r"shortest prompt has \d+ tokens .* tiny takes 3"):
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
    import json

    for limit in (1024, 400, 200):
        target = Target("c", style="json", tokenizer="qwen", limit=limit)
        prompt = render(rich("race"), target=target)
        assert json.loads(prompt.text)["subjects"]
        assert prompt.tokens <= limit
    assert prompt.dropped


def test_only_what_is_there_is_held() -> None:
    caption = Caption(video=None, background="A park. A pond.")
    assert [one for one in drop_order(caption) if one in filled(caption)] == [
        "/background+",
        "/background",
    ]


# The estimate against tokenizers of every kind, built here on English text that is at hand. Their
# vocabularies are far smaller than the real ones, so that they need more tokens, not fewer.


def english() -> list[str]:
    texts = [line for page in pydoc_data.topics.topics.values() for line in page.split("\n")]
    dice = random.Random(0)
    texts += [_text(make_caption(dice, index)) for index in range(400)] * 3
    texts += [_text(rich(name)) for name in RICH] * 20
    return texts + [f" {' '.join(sorted(common_words()))} "] * 40


def _text(caption: Caption) -> str:
    return " ".join(str(value) for value in caption.leaves().values() if str(value).isascii())


def build(kind: str) -> Any:
    """A tokenizer of the kind, trained on the spot."""
    tokenizers = pytest.importorskip("tokenizers", reason="comes with the extra 'models'")
    from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

    if kind in ("t5", "umt5"):
        tokenizer = tokenizers.Tokenizer(models.Unigram())
        tokenizer.normalizer = normalizers.NFKC()
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=8000, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
        )
    else:
        tokenizer = tokenizers.Tokenizer(models.BPE())
        if kind == "clip":
            tokenizer.normalizer = normalizers.Sequence(
                [normalizers.NFC(), normalizers.Lowercase()]
            )
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=12000,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
    tokenizer.train_from_iterator(english(), trainer)
    return tokenizer


@pytest.fixture(scope="module", params=["t5", "clip", "qwen"])
def built(request: pytest.FixtureRequest) -> tuple[str, Any]:
    return request.param, build(request.param)


@pytest.mark.models
def test_the_estimate_is_never_under_on_captions(built: tuple[str, Any]) -> None:
    kind, tokenizer = built
    dice, ratios = random.Random(9), []
    for index in range(300):
        caption = make_caption(dice, index) if index > 2 else rich(list(RICH)[index])
        try:
            text = render(caption, target="ltx-2").text
        except FormatError:
            continue
        real, said = len(tokenizer.encode(text).ids), estimate_tokens(text, kind)  # type: ignore[arg-type]
        assert said >= real, text
        ratios.append(said / real)
    assert sum(ratios) / len(ratios) < 2.5, "an estimate that is far over would waste the budget"


@pytest.mark.models
def test_the_estimate_is_never_under_on_any_text_in_other_scripts(built: tuple[str, Any]) -> None:
    kind, tokenizer = built
    texts = st.text(st.characters(exclude_categories=("Cs",), min_codepoint=0xA0), max_size=40)

    @given(texts)
    def check(text: str) -> None:
        assert estimate_tokens(text, kind) >= len(tokenizer.encode(text.strip()).ids)  # type: ignore[arg-type]

    check()


@pytest.mark.models
def test_a_real_tokenizer_is_used_when_it_is_given(tmp_path: Path) -> None:
    build("qwen").save(str(tmp_path / "tokenizer.json"))
    counter = Tokenizer(tmp_path)
    prompt = render(rich("park"), target="ltx-video", counter=counter)
    assert prompt.counter.startswith("tokenizer:") and prompt.tokens == counter.count(prompt.text)
    assert prompt.tokens <= 128
    assert len(prompt.dropped) <= len(render(rich("park"), target="ltx-video").dropped)


def test_a_tokenizer_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no tokenizer there"):
        Tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises((UsageError, MissingDependency), match="tokenizer"):
        Tokenizer(tmp_path)
