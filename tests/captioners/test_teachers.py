"""Several scripted models with known answers, and the caption that is made of theirs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.teachers import Answer, combine
from instancecap.schema.caption import Caption, Teacher
from instancecap.schema.evidence import Evidence
from instancecap.schema.pointer import resolve
from tests.captioners.chain.answering import CAR, DOG, PERSON, Fake, ask_about, boxes, listing
from tests.made import evidence, thing

RUNS = evidence(
    thing(
        "dog", (0.1, 0.4, 0.3, 0.6), (0.6, 0.4, 0.8, 0.6), confidence=0.95, moving=True,
        direction="right", speed=0.2, colors=[("brown", 0.8)],
    )
)  # fmt: skip
CAT = {**DOG, "name": "the cat", "class": "cat"}


def answer(name: str, *instances: dict[str, Any], facts: Evidence = RUNS, **values: Any) -> Answer:
    """What a teacher wrote who lists these instances and says this."""
    written = ask_about(facts, Fake(listing(*instances, **values)))
    return Answer(Teacher(name=name, model="replied-1", calls=1), written.caption)


def made(*answers: Answer, facts: Evidence = RUNS) -> Caption:
    """The combined caption, after it was written and read once."""
    return Caption.from_json(combine(answers, facts, max_instances=8).to_json())


def test_the_majority_wins_and_losers_are_kept() -> None:
    caption = made(
        answer("a", DOG, background="A red barn stands in the snow."),
        answer("b", DOG, background="A meadow with tall green grass."),
        answer("c", DOG, background="Tall green grass on a meadow."),
    )
    first, second, third = caption.teachers
    assert caption.background == "A meadow with tall green grass."
    assert "/background" in second.won
    lost = first.lost["/background"]
    assert lost.value == "A red barn stands in the snow."
    assert lost.score < third.lost["/background"].score
    assert caption.provenance["/background"].source == "replied-1"


def test_what_the_evidence_supports_wins_against_one_that_it_contradicts() -> None:
    wrong = answer("wrong", DOG | {"action": "The brown dog runs to the left."})
    right = answer("right", DOG | {"action": "The brown dog runs to the right."})
    for order in ((wrong, right), (right, wrong)):
        caption = made(*order)
        (dog,) = caption.instances
        assert dog.action == "The brown dog runs to the right."
        loser = next(one for one in caption.teachers if one.name == "wrong")
        assert loser.lost["/instances/0/action"].value == "The brown dog runs to the left."
        assert not [
            one for one in caption.claims
            if one.field.endswith("/action") and one.support in ("contradicted", "disputed")
        ]  # fmt: skip
        assert not [one for one in caption.warnings if "left" in one]


def test_ties_go_to_the_first() -> None:
    caption = made(answer("a", DOG, lighting="Soft."), answer("b", DOG, lighting="Harsh."))
    assert caption.lighting == "Soft."
    assert "/lighting" in caption.teachers[0].won


def test_one_thing_by_two_names_has_one_name_in_every_sentence() -> None:
    pet = DOG | {"name": "the running hound"}
    caption = made(
        answer("a", DOG, background="Snow."),
        answer("b", pet, background="The running hound is on green grass."),
        answer("c", pet, background="The running hound is on tall green grass."),
    )
    (dog,) = caption.instances
    assert dog.name == "the brown dog"
    assert caption.background == "The brown dog is on green grass."


@pytest.mark.parametrize(
    ("measured", "name", "loser"), [("dog", "the brown dog", "b"), ("object", "the cat", "a")]
)
def test_what_a_thing_is_comes_with_its_name(measured: str, name: str, loser: str) -> None:
    box = (0.1, 0.4, 0.3, 0.6)
    facts = evidence(thing(measured, box, confidence=0.95))
    there = {"boxes": boxes((1, box), (2, box))}
    dog = answer("a", DOG | there, facts=facts, background="The brown dog is on the grass.")
    cats = [
        answer(name, CAT | there, facts=facts, background="The cat is on the grass.")
        for name in "bc"
    ]
    caption = made(dog, *cats, facts=facts)
    (one,) = caption.instances
    assert (one.name, caption.background) == (name, f"{name.capitalize()} is on the grass.")
    (told,) = (teacher for teacher in caption.teachers if teacher.name == loser)
    assert f"/instances/{one.id}/class" in told.lost


def test_an_instance_that_two_see_is_taken_and_one_that_only_one_sees_is_not() -> None:
    person = PERSON | {"appearance": "The person wears a coat."}
    caption = made(answer("a", DOG), answer("b", DOG, person), answer("c", DOG, person, CAR))
    assert [one.name for one in caption.instances] == ["the brown dog", "the person"]
    assert caption.instances[1].appearance == "The person wears a coat."
    id = caption.instances[1].id
    assert caption.provenance[f"/instances/{id}/appearance"].source == "replied-1"


def test_a_tracked_instance_is_taken_though_one_alone_names_it() -> None:
    facts = evidence(*RUNS.instances, thing("car", (0.5, 0.1, 0.9, 0.3), id=1))
    caption = made(
        answer("a", DOG, facts=facts), answer("b", DOG, CAR | {"track": "2"}, facts=facts),
        facts=facts,
    )  # fmt: skip
    assert {one.class_ for one in caption.instances} == {"dog", "car"}


def test_a_sentence_about_what_is_not_in_the_caption_does_not_win() -> None:
    strange = "The car is parked on green grass."
    caption = made(
        answer("a", DOG, background="Snow."),
        answer("b", DOG, CAR, background=strange),
    )
    assert len(caption.instances) == 1
    assert caption.background == "Snow."
    assert "/background" not in caption.teachers[1].lost


def test_a_teacher_without_an_answer_is_named() -> None:
    down = Answer(Teacher(name="down", model="m", problem="not there"))
    alone = answer("a", DOG, background="Snow.")
    caption = made(down, alone)
    assert caption.background == "Snow."
    assert caption.teachers[0] == down.teacher
    assert caption.leaves() == alone.caption.leaves()  # type: ignore[union-attr]


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from([DOG, PERSON, CAR, CAT]), max_size=3),
            st.sampled_from(["Snow.", "Grass.", "The brown dog is on grass.", "The cat sits."]),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_any_answers_make_a_whole_caption(said: list[tuple[list[dict[str, Any]], str]]) -> None:
    answers = [answer(str(n), *things, background=text) for n, (things, text) in enumerate(said)]
    caption = made(*answers)
    assert caption == made(*answers)
    leaves = caption.leaves()
    for teacher in caption.teachers:
        assert not set(teacher.won) & set(teacher.lost)
    assert {key for key in leaves if key not in caption.provenance} <= {
        key for one in answers for key in one.caption.leaves()  # type: ignore[union-attr]
        if key not in one.caption.provenance  # type: ignore[union-attr]
    }  # fmt: skip
    for one in caption.claims:
        resolve(caption, one.field)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_agreeing_teachers_say_what_one_says(number: int) -> None:
    one = answer("a", DOG, PERSON)
    assert one.caption is not None
    caption = made(*(Answer(Teacher(name=str(n), model="m"), one.caption) for n in range(number)))
    assert caption.leaves() == one.caption.leaves()
    assert caption.claims == one.caption.claims
    assert caption.provenance == one.caption.provenance
