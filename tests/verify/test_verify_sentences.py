"""What is read out of sentences, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instancecap.verify.grammar import Reader
from instancecap.verify.lexicon import Noun, lexicon
from instancecap.verify.statements import Mention, Statement
from instancecap.verify.text import items_of, normalize, sentences


def read(text: str, **about: object) -> list[Statement]:
    reader = Reader(**about)  # type: ignore[arg-type]
    return [one for sentence in sentences(text) for one in reader.read(sentence.text)]


def told(text: str, **about: object) -> set[str]:
    """Statements in short: *dog direction left*, the presence of things left out."""
    short = set()
    for one in read(text, **about):
        if one.kind not in ("presence", "order"):
            who = "+".join(mention.head or mention.text for mention in one.subject)
            words = [who, "not" * one.negated, one.kind, one.value, one.when]
            short.add(" ".join(word for word in words if word))
    return short


TOLD = [
    ("A dog moves to the left.", {"dog motion moving", "dog direction left"}),
    (
        "A dog and a cat walk from left to right.",
        {"dog+cat motion moving", "dog+cat direction right"},
    ),
    ("The red car drives up the frame.",
     {"car color red", "car motion moving", "car direction up"}),
    (
        "A woman in a white top stands on the left, and a white-brown dog runs to the right.",
        {"woman color white", "woman position left", "dog color white", "dog color brown",
         "dog motion moving", "dog direction right"},
    ),
    ("The camera pans slowly to the right, following a man who walks to the left.",
     {"camera pan_right", "camera tracking", "man motion moving", "man direction left"}),
    ("The camera does not move.", {"camera static"}),
    ("A handheld camera zooms in on the flower, then pans left.",
     {"camera handheld", "camera zoom_in", "camera pan_left"}),
    ("A static camera slowly follows the dog.", {"camera static", "camera tracking"}),
    ("A man wearing a yellow hat and an orange vest approaches the camera.",
     {"man color orange", "man direction toward"}),
    ("A slow pan to the left reveals the street.", {"camera pan_left"}),
    ("The view is static.", {"camera static"}),
    ("As the camera slowly pushes in, the woman turns her head to the left.", {"camera move_in"}),
    ("The dog does not leave the frame. It stays still.",
     {"dog not leaves yes", "dog motion still"}),
    ("Initially, the cat is at the top left; by the end it's at the bottom right.",
     {"cat position top left start", "cat position bottom right end"}),
    ("In the center of the frame, a black cat walks toward the camera across a green lawn.",
     {"cat position center", "cat color black", "cat motion moving", "cat direction toward",
      "place outdoor"}),
    ("Moving from left to right, the bottles pass.",
     {"bottles motion moving", "bottles direction right"}),
    ("There are two people in a warehouse at night.",
     {"people count 2", "place indoor", "time_of_day night"}),
    ("A close-up at eye level in broad daylight.",
     {"shot_type close_up", "shot_angle eye_level", "time_of_day day"}),
    ("The horse gallops rightward, leaving the frame on the right.",
     {"horse motion moving", "horse direction right", "horse leaves yes",
      "horse position right end"}),
    ("The man on the right does not move, whereas the man on the left walks to the left.",
     {"man position right", "man not motion moving", "man position left", "man motion moving",
      "man direction left"}),
    ("A dog stays still, while a gizmo enters from the left and moves to the right.",
     {"dog motion still", "a gizmo enters yes", "a gizmo position left start",
      "a gizmo motion moving", "a gizmo direction right"}),
    ("A man in a black hat and a woman walk to the left, while an orange rolls right.",
     {"man+woman motion moving", "man+woman direction left", "an orange motion moving",
      "an orange direction right"}),
    ("A bicycle rests, while a group of at least 12 people leave the frame at the left.",
     {"people leaves yes", "people position left end"}),
    ("A car gets larger in the frame and a person leaves the frame at the top.",
     {"person leaves yes", "person position top end"}),
    ("A cat moves from the top left of the frame to the right.",
     {"cat motion moving", "cat position top left start", "cat position right end"}),
    ("There is a person in red and a black and white orange.", {"person color red"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TOLD, ids=[text for text, _ in TOLD])
def test_what_a_sentence_says_is_read(text: str, expected: set[str]) -> None:
    assert told(text) == expected


NOT_TOLD = [
    "It seems as if the car moves to the left.",
    "The man throws a ball to the right and looks to the left.",
    "The car is beside the bench, to the left of the tree.",
    "Her red dress flows to the right as she spins.",
    "The man leaves his bag on the bench and leaves the park.",
    "The street lamp is to the right of the frame.",
    "He turns left and looks at his phone.",
    "The person's left hand moves to the right.",
    "Like night and day, the moods differ.",
    "The scene feels as if time itself were standing still.",
    "A frying pan lies on the left burner.",
    "The bus stop and the car park are empty.",
    "一只狗向左跑。",
    "",
]


@pytest.mark.parametrize("text", NOT_TOLD)
def test_what_a_sentence_does_not_say_is_not_read(text: str) -> None:
    said = told(text)
    assert not [one for one in said if "color" not in one and "position" not in one], said


def test_no_people_is_a_statement_about_people() -> None:
    (one,) = read("There are no people in sight.")
    assert (one.kind, one.value, one.negated) == ("presence", "person", True)


def test_a_number_that_is_only_a_bound_is_no_count() -> None:
    assert not told("A group of at least 15 people waits.")
    assert told("Fifteen is too many, two dogs are not.") == {"dogs count 2"}


def test_order_is_read_from_then_and_before() -> None:
    (order,) = [one for one in read("A car moves left, then leaves the frame.") if one.first]
    assert order.first is not None and order.second is not None
    assert (order.first.kind, order.second.kind) == ("direction", "leaves")
    (order,) = [
        one for one in read("The dog enters the frame after the cat leaves the frame.") if one.first
    ]
    assert order.first is not None
    assert order.first.kind == "leaves"


def test_a_field_of_an_instance_is_about_it_without_naming_it() -> None:
    main = Mention(lexicon().nouns["person"], instance=3, text="person")
    statements = read("Walks to the left. He wears a red jacket and hugs a man.", main=main)
    assert {one.kind for one in statements} >= {"direction", "color"}
    for one in statements:
        if one.kind in ("direction", "color"):
            assert one.subject == (main,)
    (hugged,) = [one for one in statements if one.kind == "presence"]
    assert hugged.subject[0] is not main


def test_a_pronoun_stands_for_the_thing_named_last() -> None:
    first, *rest = [one for one in read("A dog sits. It is brown. It moves right.") if one.subject]
    assert rest
    assert all(one.subject == first.subject for one in rest)


def test_sentences_keep_their_places() -> None:
    text = 'Dr. Lee walks 0.5 m. "Look!" he says.\nThe end'
    found = sentences(text)
    assert [one.text for one in found] == ["Dr. Lee walks 0.5 m.", '"Look!"', "he says.", "The end"]
    assert "".join(text[one.start : one.end] for one in found) == text


def test_words_are_normalized() -> None:
    assert normalize("The dog doesn't move; it's white-brown.") == (
        "the dog does not move ; it is white brown ."
    )


@given(st.text(max_size=200))
@example("not not , and of the")
@example("the the left of")
@example(", moving left")
def test_any_text_can_be_read(text: str) -> None:
    for main in (None, Mention(Noun("dog", "animal"), instance=0)):
        for one in read(text, main=main):
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
    assert not {noun for noun in words.nouns if noun in words.compounds}
    assert set(words.scenes.values()) == {"indoor", "outdoor"}
