"""What others wrote stands in a prompt whole and as it is, or not at all."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.errors import FormatError
from instancecap.render import Target, render, targets
from instancecap.render.grammar import clean, sentences
from instancecap.schema.caption import Caption
from tests.render.rich_captions import ACTIONS, LOOKS, caption_of
from tests.strategies import captions
from tests.tables import cases

ROOMY = {name: Target(name=name, style=name, tokenizer="t5", limit=9000) for name in
         ("wan", "hunyuan", "ltx", "ltx2", "mochi")}  # fmt: skip


@pytest.mark.parametrize("style", ROOMY)
@pytest.mark.parametrize("index", range(len(LOOKS)))
def test_every_sentence_comes_out_as_it_was_written(index: int, style: str) -> None:
    looks, acts = LOOKS[index], ACTIONS[index % len(ACTIONS)]
    light, gist = ACTIONS[(index + 5) % len(ACTIONS)], ACTIONS[index // 2]
    caption = caption_of(
        {"name": "the cook", "appearance": " ".join(looks), "action": " ".join(acts)},
        background=" ".join(LOOKS[index - 1]),
        lighting=" ".join(light),
        camera={"description": " ".join(LOOKS[index - 2])},
        global_description=" ".join(gist),
    )
    text = render(caption, target=ROOMY[style]).text
    for one in (*looks, *acts, *LOOKS[index - 1], *light, *gist):
        assert re.search(rf"(^|[.!?…”\"] ){re.escape(one)}( |$)", text), (one, text)
    assert "\n" not in text and "  " not in text


@pytest.mark.parametrize("given", [*LOOKS, *ACTIONS])
def test_texts_are_split_between_sentences_only(given: tuple[str, ...]) -> None:
    assert sentences(" ".join(given)) == given


@pytest.mark.parametrize(
    ("field", "phrase", "wanted"), cases(__file__, "phrases_get_a_carrier_where_that_is_certain")
)
def test_phrases_get_a_carrier_where_that_is_certain(field: str, phrase: str, wanted: str) -> None:
    cook = {"name": "the cook", "appearance": "The cook wears white."}
    if field in ("expression", "action"):
        caption = caption_of({**cook, field: phrase})
    else:
        caption = caption_of(cook, **{field: phrase})
    assert wanted in render(caption, target=ROOMY["wan"]).text


@pytest.mark.parametrize(("phrase", "wanted"), cases(__file__, "the_cameras_own_words"))
def test_the_cameras_own_words(phrase: str, wanted: str) -> None:
    assert render(caption_of(camera={"description": phrase}), target=ROOMY["wan"]).text == wanted


def test_a_list_becomes_one_line() -> None:
    text = "Clothing:\n- a red hat\n- **blue** gloves\n"
    assert clean(text) == "Clothing: a red hat; blue gloves"


WORDS = st.sampled_from(
    ("the", "a", "dog", "Anna", "runs", "large,", "(red)", '"Go!"', "walks:", "whose", "No.", "5",
     "Smith;", "e.g.", "moves", "and", "É.", "3.5", "left")
)  # fmt: skip
MADE = st.lists(WORDS, min_size=1, max_size=9).map(lambda words: f"The {' '.join(words)} ends.")
PROSE = st.one_of(
    st.lists(MADE, max_size=4).map(" ".join),
    st.sampled_from([*LOOKS, *ACTIONS]).map(" ".join),
)


@given(st.lists(PROSE, min_size=7, max_size=7), st.integers(40, 600))
@settings(max_examples=150, deadline=None)
def test_no_text_of_others_is_altered(texts: list[str], limit: int) -> None:
    """What is not ours is joined from sentences that stand in the caption as they are."""
    caption = caption_of(
        {"name": "the dog", "appearance": texts[0], "action": texts[1], "expression": texts[2]},
        background=texts[3], lighting=texts[4], global_description=texts[5],
        camera={"description": texts[6]},
    )  # fmt: skip
    target = Target(name="t", style="cogvideox", tokenizer="qwen", limit=limit)
    try:
        prompt = render(caption, target=target)
    except FormatError:
        return
    assert prompt.tokens <= limit and bool(prompt.warnings) == bool(prompt.dropped)
    rest = prompt.text.replace("The dog is in view.", "").replace("A dog is in view.", "")
    known = set(itertools.chain.from_iterable(map(sentences, texts)))
    known |= {re.sub(r',? "[^"]+"', " these words", one) for one in known}
    known |= {text.replace("the dog", "a dog", 1) for text in known}
    known |= {f"{one}{text[7:]}" for text in known if text.startswith("The dog")
              for one in ("It", "He", "She", "A dog")}  # fmt: skip
    for one in sorted(known, key=len, reverse=True):
        rest = rest.replace(one, "")
    assert not rest.strip(), (rest, prompt.text)


@given(captions)
@settings(max_examples=60)
def test_any_caption_gives_one_line_or_says_why_not(caption: Caption) -> None:
    for target in ("wan2.2", "hunyuanvideo", "ltx-video", "cosmos3"):
        for length in ("dense", "short", "tags"):
            for task in ("t2v", "i2v"):
                try:
                    prompt = render(caption, target=target, length=length, task=task)  # type: ignore[arg-type]
                except FormatError as error:
                    assert "\n" not in str(error)
                    continue
                assert len(prompt.text.splitlines()) == 1 and prompt.text.strip()
                assert prompt.tokens <= prompt.limit <= targets()[target].limit
