"""What is read out of sentences, and what is left alone."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instancecap.language.sentences import split_sentences
from instancecap.verify.claims import Claim, Mention
from instancecap.verify.clauses import Context
from instancecap.verify.extract import extract, is_fully_read
from instancecap.verify.lexicon import Noun, lexicon
from instancecap.verify.text import items_of


def read(text: str, context: Context | None = None) -> list[Claim]:
    return [
        one for part in split_sentences(text) for one in extract(part.text, context or Context())
    ]


def short(text: str, context: Context | None = None) -> set[str]:
    """Claims in short: *dog direction left*, the presence of instances left out."""
    found = set()
    for one in read(text, context):
        if one.kind != "presence":
            who = "+".join(mention.head or mention.text for mention in one.subject)
            words = [who, "not" * one.negated, one.kind, one.value, one.when]
            found.add(" ".join(word for word in words if word))
    return found


TABLES = tomllib.loads((Path(__file__).parent / "readings.toml").read_text("utf-8"))


@pytest.mark.parametrize(("text", "expected"), TABLES["claims"].items())
def test_what_a_sentence_claims_is_read(text: str, expected: list[str]) -> None:
    assert short(text) == set(expected)


@pytest.mark.parametrize("text", TABLES["nothing"]["sentences"])
def test_what_a_sentence_does_not_claim_is_not_read(text: str) -> None:
    assert not short(text)


@pytest.mark.parametrize("noun", TABLES["nothing"]["backgrounds"])
def test_the_background_is_not_the_instance_before_it(noun: str) -> None:
    dog = {"dog color brown", "dog motion moving", "dog direction right"}
    for rest in ("is white and green", "is green and small", "is green, white and quiet"):
        assert short(f"A brown dog walks to the right. The {noun} {rest}.") == dog
        assert short(f"A brown dog walks to the right, and the {noun} {rest}.") == dog


def test_the_color_of_what_is_worn_is_an_attribute() -> None:
    found = short("A worker in a black helmet and yellow vest waits.")
    assert found == {"worker attribute a black helmet", "worker attribute yellow vest"}


def test_no_people_is_a_statement_about_people() -> None:
    (one,) = read("There are no people in sight.")
    assert (one.kind, one.value, one.negated) == ("presence", "person", True)


def test_a_number_that_is_only_a_bound_is_no_count() -> None:
    assert not short("A group of at least 15 people waits.")
    assert short("Two dogs wait.") == {"dogs count 2"}


def test_a_field_of_an_instance_is_about_it_without_naming_it() -> None:
    person = lexicon().nouns["person"]
    main = Mention(person, instance=3, text="person", head="person")
    claims = read("Walks to the left. He stays still and hugs a man.", Context(about=main))
    assert {one.kind for one in claims} >= {"direction", "motion"}
    for one in claims:
        if one.kind in ("direction", "motion"):
            assert one.subject == (main,)
    (hugged,) = [one for one in claims if one.kind == "presence"]
    assert hugged.subject[0] is not main


def test_names_are_found_before_nouns() -> None:
    nouns = lexicon().nouns
    left = Mention(nouns["train"], instance=0, text="the train on the left", head="train")
    right = Mention(nouns["train"], instance=1, text="the red train", head="train")
    context = Context(names={"train on the left": left, "red train": right})
    claims = read("The train on the left moves up the frame. The red train stops.", context)
    assert {one.subject for one in claims if one.kind == "direction"} == {(left,)}
    assert (right,) in {one.subject for one in claims}
    # A shorter form that fits both names is of neither.
    (way,) = [one for one in read("The train moves left.", context) if one.kind == "direction"]
    assert way.subject[0].instance is None
    assert way.subject[0].vague


def test_a_sentence_with_unknown_words_is_not_read_in_full() -> None:
    assert is_fully_read("A dog runs to the left.")
    assert not is_fully_read("A dog in a yellow vest runs to the left.")
    assert not is_fully_read("A dog with a golden tooth runs to the left.")


def test_sentences_keep_their_places() -> None:
    text = 'Dr. Lee walks 0.5 m. "Look!" he says.\nThe end'
    found = split_sentences(text)
    assert [one.text for one in found] == ["Dr. Lee walks 0.5 m.", '"Look!" he says.', "The end"]
    assert "".join(text[one.start : one.end] for one in found) == text


@given(st.text(max_size=200))
@example("not not , and of the")
@example("the the left of")
@example(", moving left")
def test_any_text_can_be_read(text: str) -> None:
    for main in (None, Mention(Noun("dog", "animal"), instance=0)):
        for one in read(text, Context(about=main)):
            assert one.value


WORDS = sorted({*lexicon().nouns, *lexicon().verbs, *lexicon().words, *lexicon().colors})


@given(st.lists(st.sampled_from([*WORDS, "to the left", "on the right", "camera"]), max_size=14))
def test_any_words_in_any_order_can_be_read(words: list[str]) -> None:
    items_of(" ".join(words))
    read(" ".join(words))


def test_the_files_of_words_agree() -> None:
    words = lexicon()
    basics = {name for color in words.colors.values() for name in color.basic | color.akin}
    assert basics <= set(words.colors)
    assert set(words.scenes.values()) == {"indoor", "outdoor"}
