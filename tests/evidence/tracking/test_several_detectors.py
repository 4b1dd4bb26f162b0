"""What several detectors found: one instance for one real thing, and who called it what."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from instancecap.evidence.tracking.several import merge_instances
from instancecap.schema.evidence import InstanceFacts
from tests.made import Box, thing

LEFT: Box = (0.1, 0.4, 0.3, 0.8)
NEARLY_LEFT: Box = (0.11, 0.41, 0.31, 0.8)
RIGHT: Box = (0.6, 0.4, 0.8, 0.8)


def by(source: str, *items: InstanceFacts) -> list[InstanceFacts]:
    return [item.model_copy(update={"source": source}) for item in items]


def told(found: Sequence[InstanceFacts]) -> list[tuple[str, str, int]]:
    return [(item.class_, item.source, len(item.opinions)) for item in found]


def test_one_detector_alone_changes_nothing() -> None:
    own = by("first", thing("dog", LEFT), thing("person", RIGHT))
    assert merge_instances([own]) == own
    assert merge_instances([own, []]) == own
    assert merge_instances([[], own]) == own


def test_what_both_found_is_one_and_what_one_found_is_kept() -> None:
    first = by("first", thing("dog", LEFT, confidence=0.7))
    second = by("second", thing("dog", NEARLY_LEFT, confidence=0.6), thing("cat", RIGHT))
    found = merge_instances([first, second])
    assert told(found) == [("dog", "first", 2), ("cat", "second", 0)]
    assert found[0].track == first[0].track
    assert found[0].confidence > 0.7
    assert found[1] == second[1]


def test_of_two_that_lie_alike_the_first_one_is_taken() -> None:
    first = by("first", thing("dog", LEFT, confidence=0.7), thing("dog", LEFT, confidence=0.8))
    second = by("second", thing("dog", LEFT, confidence=0.6))
    assert told(merge_instances([first, second])) == [("dog", "first", 2), ("dog", "first", 0)]


def test_a_conflict_is_settled_by_the_rule_and_stands_in_the_opinions() -> None:
    known = by("nanodet-plus-m", thing("dog", LEFT, confidence=0.6))
    strange = by("theirs", thing("cat", NEARLY_LEFT, confidence=0.99))
    for order in ([known, strange], [strange, known]):
        (found,) = merge_instances(order)
        assert (found.class_, found.confidence) == ("dog", 0.6)
        assert [(one.value, one.holds) for one in found.opinions] == [("cat", False), ("dog", True)]


def test_who_cannot_tell_the_kind_does_not_speak_against_it() -> None:
    general = by("nanodet-plus-m", thing("animal", LEFT, confidence=0.6, category_confidence=0.9))
    (found,) = merge_instances([general, by("theirs", thing("cat", LEFT, confidence=0.7))])
    assert (found.class_, found.confidence, found.category_confidence) == ("cat", 0.7, 0.9)
    assert {one.value: one.holds for one in found.opinions} == {"cat": True, "animal": False}
    (nameless,) = merge_instances(
        [by("first", thing("object", LEFT)), by("second", thing("dog", LEFT, confidence=0.7))]
    )
    assert (nameless.class_, nameless.confidence, nameless.opinions) == ("dog", 0.7, [])


def test_a_longer_track_goes_on_where_the_other_ends() -> None:
    short = by("first", thing("dog", LEFT, times=(1, 3), points=17))
    long = by("second", thing("dog", NEARLY_LEFT, times=(0, 4)))
    (found,) = merge_instances([short, long])
    assert found.source == "second"  # by far the longer one
    nearly = by("first", thing("dog", LEFT, times=(0.5, 4), points=29))
    (found,) = merge_instances([nearly, long])
    assert found.source == "first"
    assert (found.track[0].t, found.track[-1].t) == (0, 4)


def test_two_pieces_of_one_detector_lie_on_the_track_of_another() -> None:
    pieces = by("first", *(thing("dog", LEFT, times=t, points=9) for t in ((0, 1), (3, 4))))
    (found,) = merge_instances([pieces, by("second", thing("dog", NEARLY_LEFT))])
    assert found.source == "second"
    assert [one.expert for one in found.opinions] == ["first", "second"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (thing("dog", LEFT), thing("dog", RIGHT)),
        (thing("dog", LEFT, times=(0, 1)), thing("dog", LEFT, times=(3, 4))),
        (thing("person", (0.1, 0.1, 0.3, 0.5)), thing("horse", (0.1, 0.2, 0.3, 0.6))),
    ],
)
def test_what_is_elsewhere_then_or_of_another_kind_is_another_thing(
    one: InstanceFacts, other: InstanceFacts
) -> None:
    assert merge_instances([by("first", one), by("second", other)]) == [
        *by("first", one),
        *by("second", other),
    ]


def test_two_that_one_detector_tells_apart_are_never_one() -> None:
    pair = by("first", thing("dog", LEFT), thing("dog", (0.15, 0.4, 0.35, 0.8)))
    found = merge_instances([pair, by("second", thing("dog", (0.13, 0.4, 0.33, 0.8)))])
    assert len(found) == 2
    assert sum(bool(one.opinions) for one in found) == 1
