"""Who is seen again after a cut."""

from __future__ import annotations

import pytest

from instancecap.evidence.tracking.across_cuts import join_across_cuts
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import InstanceFacts

BLUE, RED = [("blue", 0.8), ("black", 0.1)], [("red", 0.7), ("black", 0.2)]


def seen(
    start: float, colors: list[tuple[str, float]], name: str = "person", *, side: float = 0.5
) -> InstanceFacts:
    box = (0.2, 0.2, 0.2 + side, 0.2 + side)
    track = [TrackPoint(t=start + i / 5, box=box, score=0.8) for i in range(5)]
    return InstanceFacts(
        id=0, class_=name, confidence=0.9, salience=0.3, colors=colors, track=track,
        enters=start > 0, leaves=start < 2,
    )  # fmt: skip


def test_somebody_in_the_same_colors_is_the_same_through_cuts() -> None:
    (one,) = join_across_cuts([[seen(0, BLUE)], [seen(1, BLUE)], [seen(2, BLUE)]])
    assert [point.t for point in one.track] == sorted(point.t for point in one.track)
    assert len(one.track) == 15
    assert (one.enters, one.leaves) == (False, False)
    assert one.salience > 0.3


@pytest.mark.parametrize(
    ("before", "after"),
    [((BLUE, "person"), (RED, "person")), ((BLUE, "dog"), (BLUE, "person")),
     ((BLUE, "boat"), (RED, "boat"))],
)  # fmt: skip
def test_others_stay_apart(before: tuple[list, str], after: tuple[list, str]) -> None:  # type: ignore[type-arg]
    assert len(join_across_cuts([[seen(0, *before)], [seen(1, *after)]])) == 2


def test_who_was_found_by_another_phrase_is_somebody_else() -> None:
    first = seen(0, RED).model_copy(update={"phrase": "old man"})
    again = seen(2, RED).model_copy(update={"phrase": "old man"})
    other = seen(2, RED).model_copy(update={"phrase": "waiter"})
    assert [one.phrase for one in join_across_cuts([[first], [again]])] == ["old man"]
    assert [one.phrase for one in join_across_cuts([[first], [other]])] == ["old man", "waiter"]


def test_where_there_are_several_size_and_kind_must_agree_too() -> None:
    small = [seen(1, BLUE, side=0.2), seen(1, RED)]
    assert len(join_across_cuts([[seen(0, BLUE)], small])) == 3
    assert len(join_across_cuts([[seen(0, BLUE)], small[:1]])) == 1
    bowls = [seen(1, BLUE, "bowl"), seen(1, RED, "bowl")]
    assert len(join_across_cuts([[seen(0, BLUE, "bowl")], bowls])) == 3
    assert len(join_across_cuts([[seen(0, BLUE, "bowl")], bowls[:1]])) == 1


def test_two_of_one_shot_are_never_joined_and_each_finds_its_own() -> None:
    joined = join_across_cuts([[seen(0, BLUE), seen(0, RED)], [seen(1, RED), seen(1, BLUE)]])
    assert [(item.colors[0][0], len(item.track)) for item in joined] == [("blue", 10), ("red", 10)]


def test_a_kind_that_was_not_clear_takes_the_name_that_is() -> None:
    (one,) = join_across_cuts([[seen(0, RED, "animal")], [seen(1, RED, "dog")]])
    assert one.class_ == "dog"
