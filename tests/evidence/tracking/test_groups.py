"""Groups: like things seen at once are counted; what stands out, and small parties, are not."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.color_names import COLORS
from instancecap.evidence.tracking.groups import group_instances
from instancecap.evidence.tracking.tracks import FrameDetections
from instancecap.models.coco import CLASSES
from instancecap.schema.evidence import InstanceFacts
from tests.made import thing


def crowd(count: int, name: str = "person", *, first: int = 0, **facts: Any) -> list[InstanceFacts]:
    """Like things side by side, seen all the time."""
    facts = {"salience": 0.1} | facts
    return [
        thing(name, (i / count, 0.4, (i + 0.7) / count, 0.5), id=first + i, **facts)
        for i in range(count)
    ]


@pytest.mark.parametrize("count", [4, 5, 12, 30])
def test_a_crowd_is_one_instance_with_its_number(count: int) -> None:
    (group,) = group_instances(crowd(count))
    assert (group.class_, group.count) == ("person", count)
    assert group.track[0].box == pytest.approx((0, 0.4, (count - 0.3) / count, 0.5), abs=1e-3)
    assert 0.1 <= group.salience <= 1


def test_what_was_found_by_another_phrase_is_no_member() -> None:
    red = crowd(5, phrase="man in red")
    blue = crowd(4, first=5, phrase="man in blue")
    groups = group_instances([*red, *blue])
    assert [(one.phrase, one.count) for one in groups] == [("man in red", 5), ("man in blue", 4)]


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_two_or_three_stay_single(count: int) -> None:
    items = crowd(count)
    assert group_instances(items) == items


def test_the_dancer_before_the_crowd_stays_single_and_first() -> None:
    dancer = thing("person", (0.3, 0.1, 0.6, 0.95), id=20, salience=0.3)
    single, group = group_instances([*crowd(12), dancer])
    assert single is dancer
    assert group.count == 12
    assert group.salience < dancer.salience


def test_who_is_striking_at_the_crowds_size_stays_single() -> None:
    runner = thing("person", (0.1, 0.6, 0.2, 0.7), (0.8, 0.6, 0.9, 0.7), id=20, salience=0.4)
    assert runner in group_instances([*crowd(8), runner])


def test_missed_finds_do_not_change_the_number() -> None:
    chance = random.Random(1)
    items = crowd(9)
    for item in items:
        item.track = [p for i, p in enumerate(item.track) if i in (0, 32) or chance.random() < 0.6]
    (group,) = group_instances(items)
    assert group.count == 9


def test_one_thing_followed_twice_counts_once() -> None:
    items = crowd(6)
    (group,) = group_instances([*items, items[0].model_copy(update={"id": 9})])
    assert group.count == 6


def test_things_that_pass_one_after_the_other_are_no_group() -> None:
    items = [
        thing("car", (0.1, 0.4, 0.2, 0.5), (0.8, 0.4, 0.9, 0.5), id=i, times=(i, i + 0.9))
        for i in range(8)
    ]
    assert group_instances(items) == items


def test_other_classes_and_things_without_a_name_are_left_alone() -> None:
    patches, dog = crowd(6, "object"), thing("dog", id=30)
    found = group_instances([*crowd(5, first=10), *patches, dog])
    assert [item.count for item in found if item.class_ == "person"] == [5]
    assert [item for item in found if item.class_ == "object"] == patches
    assert dog in found


def test_a_color_is_the_groups_only_where_most_members_have_it() -> None:
    colors = [[("white", 0.8)]] * 4 + [[("red", 0.9), ("white", 0.5)]]
    items = crowd(5)
    for item, own in zip(items, colors, strict=True):
        item.colors = own
    (group,) = group_instances(items)
    assert dict(group.colors) == pytest.approx({"white": 0.8})


@pytest.mark.parametrize(("going", "moves"), [(5, True), (2, False)])
def test_a_group_moves_where_most_members_do(going: int, moves: bool) -> None:
    items = crowd(going, moving=True, direction="left", speed=0.2) + crowd(6 - going, first=10)
    for index, item in enumerate(items):
        for point in item.track:
            point.box = (index / 6, 0.4, index / 6 + 0.1, 0.5)
    (group,) = group_instances(items)
    assert group.motion.moving == moves
    assert group.motion.direction == ("left" if moves else "")


@pytest.mark.parametrize("late", [True, False])
def test_a_group_enters_only_as_a_whole(late: bool) -> None:
    items = crowd(5, enters=True)
    items[0].enters = late
    assert group_instances(items)[0].enters == late


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(2, 30), st.integers(0, 30)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_no_thing_is_lost_or_counted_twice(
    places: list[tuple[int, int, int]], chance: random.Random
) -> None:
    items = [
        thing("cow", (x / 100, 0.2, min(1.0, (x + w) / 100), 0.2 + w / 50), id=i,
              times=(start / 10, start / 10 + 1), salience=chance.random())
        for i, (x, w, start) in enumerate(places)
    ]  # fmt: skip
    found = group_instances(items)
    groups = [item for item in found if item.count > 1]
    assert len(groups) <= 1
    single = [item for item in found if item.count == 1]
    assert all(any(one is item for item in items) for one in single)
    for group in groups:
        assert 4 <= group.count <= len(items) - len(single)
        assert [p.t for p in group.track] == sorted({p.t for p in group.track})
    assert bool(groups) or found == items


@pytest.mark.parametrize("class_", ["person", "car"])
@pytest.mark.parametrize(("others", "sure"), [(0, 1.0), (1, 0.0)])
def test_a_number_is_sure_where_the_box_holds_no_more(
    class_: str, others: int, sure: float
) -> None:
    items = crowd(5, class_)
    boxes = [item.track[0].box for item in items] + [(0.4, 0.42, 0.5, 0.48)] * others
    scores = np.zeros((len(boxes), len(CLASSES)), np.float32)
    scores[:, CLASSES.index(class_)] = 0.5
    samples = [
        FrameDetections(
            index=index,
            t=point.t,
            boxes=np.array(boxes),
            scores=scores,
            colors=np.zeros((len(boxes), len(COLORS))),
            carry=np.eye(2, 3),
            size=(416, 234),
        )
        for index, point in enumerate(items[0].track)
    ]
    (group,) = group_instances(items, samples=samples)
    assert (group.count, group.count_confidence) == (5, sure)
