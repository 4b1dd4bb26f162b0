"""What is read out of sentences, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from instancecap.verify.claims import Claim, Mention
from instancecap.verify.clauses import Context
from instancecap.verify.extract import extract, is_fully_read
from instancecap.verify.lexicon import Noun, lexicon
from instancecap.verify.text import items_of, sentences


def read(text: str, context: Context | None = None) -> list[Claim]:
    return [one for part in sentences(text) for one in extract(part.text, context or Context())]


def short(text: str, context: Context | None = None) -> set[str]:
    """Claims in short: *dog direction left*, the presence of instances left out."""
    found = set()
    for one in read(text, context):
        if one.kind != "presence":
            who = "+".join(mention.head or mention.text for mention in one.subject)
            words = [who, "not" * one.negated, one.kind, one.value, one.when]
            found.add(" ".join(word for word in words if word))
    return found


READ = [
    ("A dog moves to the left.", {"dog motion moving", "dog direction left"}),
    ("A swan swims left to right.", {"swan motion moving", "swan direction right"}),
    (
        "A dog and a cat walk from left to right.",
        {"dog+cat motion moving", "dog+cat direction right"},
    ),
    ("The red car drives up the frame.",
     {"car color red", "car motion moving", "car direction up"}),
    (
        "A woman in a white top stands on the left, and a white-brown dog runs to the right.",
        {"woman attribute a white top", "woman position left", "dog color white",
         "dog color brown", "dog motion moving", "dog direction right"},
    ),
    ("The camera pans slowly to the right, following a man who walks to the left.",
     {"camera pan_right", "camera tracking", "man motion moving", "man direction left"}),
    ("The camera does not move.", {"camera static"}),
    ("A handheld camera zooms in on the flower, then pans left.",
     {"camera handheld", "camera zoom_in", "camera pan_left"}),
    ("A static camera slowly follows the dog.", {"camera static", "camera tracking"}),
    ("A slow pan to the left reveals the street.", {"camera pan_left"}),
    ("The view is static.", {"camera static"}),
    ("As the camera slowly pushes in, the woman turns her head to the left.", {"camera move_in"}),
    ("The dog does not leave the frame. It stays still.",
     {"dog not leaves yes"}),  # a sentence is read by itself
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
     {"man not motion moving", "man motion moving", "man direction left"}),
    ("A dog stays still, while a gizmo enters from the left and moves to the right.",
     {"dog motion still"}),
    ("A bicycle rests, while a group of at least 12 people leave the frame at the left.",
     {"people leaves yes", "people position left end"}),
    ("A car gets larger in the frame and a person leaves the frame at the top.",
     {"person leaves yes", "person position top end"}),
    ("A cat moves from the top left of the frame to the right.",
     {"cat motion moving", "cat position top left start", "cat position right end"}),
    ("There is a person in red and a black and white orange.", {"person color red"}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ, ids=[text for text, _ in READ])
def test_what_a_sentence_claims_is_read(text: str, expected: set[str]) -> None:
    assert short(text) == expected


NOTHING = [
    "It seems as if the car moves to the left.",
    "The man throws a ball to the right and looks to the left.",
    "The car is beside the bench, to the left of the tree.",
    "The man leaves his bag on the bench and leaves the park.",
    "The street lamp is to the right of the frame.",
    "The person's left hand moves to the right.",
    "The scene feels as if time itself were standing still.",
    "A frying pan lies on the left burner.",
    "一只狗向左跑。",
    "",
    # a verb of motion with an object
    "The chef moves the pan left.",
    "The woman drives the sheep to the right.",
    "He slides the plate to the left and rolls the dough up.",
    "The crane lifts a car to the right.",
    # somebody else's parts
    "A red-haired woman smiles.",
    "The man's car moves left.",
    # what is worn, held, printed
    'A large black "01" outlined in white is on the door.',
    "The man holds a glass that is yellow.",
    # told apart by place
    "Two trains pass: the one on the left moves up, the one on the right stands still.",
    # not the frame
    "He leaves the picture hanging.",
    "He leaves the room and walks out of the shop.",
    "The boat is at the top of the wave, to the left of the pier.",
    # the background
    "The wall is white and green.",
    "The room is green and small too.",
    "The surroundings are green and gray.",
    # alikes and possibilities
    "It moves like a car driving to the left.",
    "The man may walk to the right, and the dog would run left.",
    "A statue of a man stands on the left.",
    "The ship on the poster sails to the right.",
]


@pytest.mark.parametrize("text", NOTHING)
def test_what_a_sentence_does_not_claim_is_not_read(text: str) -> None:
    assert not short(text)


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
    found = sentences(text)
    assert [one.text for one in found] == ["Dr. Lee walks 0.5 m.", '"Look!"', "he says.", "The end"]
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
