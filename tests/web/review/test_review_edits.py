from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.errors import FormatError
from instancecap.schema import Caption
from instancecap.schema import pointer as pointers
from instancecap.web.review.edits import EDIT, Edit, apply_edit, mentions
from instancecap.web.review.naming import PROSE
from tests.strategies import boxes, captions, texts, units

AT = "2026-01-31T12:00:00Z"


def make_caption(**changes: Any) -> Caption:
    """A chef, a pan, and a chef again, whom the tracker took for somebody else."""

    def track(*points: tuple[float, float]) -> list[dict[str, Any]]:
        return [{"t": t, "box": [x, 0.4, x + 0.1, 0.6], "score": 0.9} for t, x in points]

    video = dict.fromkeys(("start", "fps", "width", "height", "frames"), 0)
    said = {
        "video": {"id": "chef.mp4", "path": "chef.mp4", "end": 4, "duration": 4, **video},
        "global_description": "The chef lifts the pan. Later the chef in white stirs the pan.",
        "instances": [
            {"id": 0, "name": "the chef", "class": "person", "is_main": True,
             "appearance": "The chef wears a hat.", "track": track((0, 0.1), (0.5, 0.1), (1, 0.2)),
             "position": {"start": "center-left", "end": "center-left", "leaves": True}},
            {"id": 3, "name": "the pan", "class": "pan", "track": track((0, 0.5), (4, 0.5))},
            {"id": 5, "name": "the chef in white", "class": "person", "action": "He stirs.",
             "track": track((2, 0.7), (3, 0.8), (4, 0.8)),
             "position": {"start": "center-right", "end": "center-right", "enters": True}},
        ],
        "segments": [
            {"start": 0, "end": 2, "description": "The chef lifts the pan.", "instances": [0, 3]},
            {"start": 2, "end": 4, "description": "The chef in white stirs.", "instances": [3, 5]},
        ],
        "claims": [
            {"field": "/instances/5/action", "says": "stirs", "support": "disputed",
             "confidence": 0.5},
            {"field": "/global_description", "says": "lifts", "support": "supported",
             "confidence": 0.9},
            {"field": "/instances/3/class", "says": "pan", "support": "supported",
             "confidence": 0.9},
        ],
        "provenance": {
            f"/instances/{id}/{leaf}": {"source": "model", "confidence": 0.7,
                                        "support": "unchecked"}
            for id, leaf in ((0, "class"), (5, "class"), (5, "action"), (5, "position/end"))
        },
    }  # fmt: skip
    return Caption.model_validate(said | changes)


def do(caption: Caption, **edit: Any) -> Caption:
    return apply_edit(caption, EDIT.validate_python(edit), at=AT)


def test_a_field_that_a_person_writes_has_their_mark_and_no_claims_of_before() -> None:
    before = make_caption()
    after = do(before, kind="set", pointer="/global_description", value="A chef cooks.")
    assert after.global_description == "A chef cooks."
    known = after.provenance["/global_description"]
    assert (known.source, known.at, known.support) == ("human", AT, "unchecked")
    assert [one.field for one in after.claims] == ["/instances/5/action", "/instances/3/class"]
    assert before.global_description.startswith("The chef lifts"), "the given one is not changed"


@pytest.mark.parametrize(
    ("pointer", "value", "why"),
    [
        ("/place", "garden", "place: 'garden' is no choice; choose 'indoor'"),
        ("/instances/0/count", 0, "count"),
        ("/instances/0/name", "The Pan", "instance names must differ"),
        ("/camera/motion", ["static", "pan_left"], "'static' stands alone"),
        ("/instances/9/name", "x", "there is no '9'"),
        ("/instances/0/id", 4, "no field that can be edited"),
        ("/producer/name", "me", "no field that can be edited"),
        ("/segments/0/instances", [8], "segments name instances"),
        ("background", "x", "no field that can be edited"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(pointer: str, value: Any, why: str) -> None:
    with pytest.raises(FormatError, match=why):
        do(make_caption(), kind="set", pointer=pointer, value=value)


def test_a_new_name_is_used_in_every_sentence_but_not_within_longer_names() -> None:
    after = do(make_caption(), kind="set", pointer="/instances/0/name", value="the cook")
    assert after.global_description == (
        "The cook lifts the pan. Later the chef in white stirs the pan."
    )
    assert after.instances[0].appearance == "The cook wears a hat."
    assert after.segments[0].description == "The cook lifts the pan."
    assert after.segments[1].description == "The chef in white stirs."
    assert after.provenance["/segments/0/description"].source == "human"


def test_two_that_are_one_have_one_name_one_track_and_no_other_trace() -> None:
    after = do(make_caption(), kind="merge", keep=0, gone=5)
    assert [one.id for one in after.instances] == [0, 3]
    chef = after.instances[0]
    assert (chef.action, chef.is_main) == ("He stirs.", True)
    assert [point.t for point in chef.track] == [0, 0.5, 1, 2, 3, 4]
    position = chef.position
    assert (position.start, position.end) == ("center-left", "center-right")
    assert not (position.enters or position.leaves)
    assert after.global_description == "The chef lifts the pan. Later the chef stirs the pan."
    assert after.segments[1].instances == [3, 0]
    assert after.segments[1].description == "The chef stirs."
    assert after.provenance["/instances/0/action"].source == "model", "the model wrote it still"
    assert after.provenance["/instances/0/track"].source == "human"
    assert not [one for one in after.provenance if pointers.instance_of(one) == 5]
    assert [one.field for one in after.claims] == ["/instances/3/class"]


def test_one_that_is_two_is_parted_at_a_time() -> None:
    joined = do(make_caption(), kind="merge", keep=0, gone=5)
    after = do(joined, kind="split", instance=0, t=1.5, name="the second chef")
    first, second = after.instances[:2]
    assert [point.t for point in first.track] == [0, 0.5, 1, 1.5]
    assert [point.t for point in second.track] == [1.5, 2, 3, 4], "seen all the time: no gap"
    assert first.track[-1] == second.track[0]
    assert first.track[-1].box == pytest.approx((0.45, 0.4, 0.55, 0.6))
    assert (second.name, second.class_, second.is_main) == ("the second chef", "person", False)
    assert (second.position.start, second.position.enters) == ("center-middle", True)
    assert (first.position.end, first.position.leaves) == ("center-middle", True)
    assert after.segments[0].instances == [0, 3, second.id]  # it lasts until 2 s
    assert after.segments[1].instances == [3, second.id]
    with pytest.raises(FormatError, match="no point after"):
        do(make_caption(), kind="split", instance=0, t=1.5)


def test_what_is_not_there_goes_with_its_claims_and_on_request_its_sentences() -> None:
    before = make_caption()
    assert mentions(before, 0) == {
        "/global_description": ["The chef lifts the pan."],
        "/segments/0/description": ["The chef lifts the pan."],
    }
    after = do(before, kind="remove", instance=0)
    assert after.global_description == before.global_description
    assert after.segments[0].instances == [3]
    assert [one.is_main for one in after.instances] == [True, False]
    after = do(before, kind="remove", instance=0, cut_sentences=True)
    assert after.global_description == "Later the chef in white stirs the pan."
    assert after.segments[0].description == ""
    assert after.provenance["/segments/0/description"].source == "human"


def make_measured(*, name: str = "the person in teal", other: str = "person") -> Caption:
    """People as a measured caption tells of them: by name in the fields, with *a* in sentences."""
    return make_caption(
        global_description="A person in teal faces the camera. The clip also shows another person "
        "in brown. A dog sits near a dog.",
        instances=[
            {"id": 0, "name": name, "class": "person", "is_main": True},
            {"id": 1, "name": "the person in brown", "class": other},
            {"id": 2, "name": "the dog", "class": "dog"},
        ],
        segments=[], claims=[], provenance={},
    )  # fmt: skip


def test_a_person_in_teal_is_the_person_in_teal() -> None:
    before = make_measured()
    assert mentions(before, 0) == {"/global_description": ["A person in teal faces the camera."]}
    assert mentions(before, 1) == {
        "/global_description": ["The clip also shows another person in brown."]
    }
    assert mentions(before, 2) == {}, "which of two dogs is not known"
    after = do(before, kind="set", pointer="/instances/0/name", value="the old man")
    assert after.global_description.startswith("An old man faces the camera. The clip also")
    after = do(before, kind="set", pointer="/instances/1/name", value="Ada")
    assert "The clip also shows Ada." in after.global_description
    after = do(before, kind="remove", instance=0, cut_sentences=True)
    assert after.global_description.startswith("The clip also shows another person in brown.")


def test_a_noun_that_may_be_another_instance_names_none() -> None:
    assert mentions(make_measured(name="the person"), 0) == {}
    assert mentions(make_measured(other="person in teal"), 0) == {}


def test_sentences_of_one_that_is_merged_go_on_request() -> None:
    kept = do(make_measured(), kind="merge", keep=1, gone=0)
    assert kept.global_description.startswith("A person in brown faces the camera. The clip also")
    cut = do(make_measured(), kind="merge", keep=1, gone=0, cut_sentences=True)
    assert cut.global_description.startswith("The clip also shows another person in brown.")


def test_an_added_instance_has_a_new_id_and_a_place() -> None:
    track = [{"t": t / 8, "box": [0.8, 0.8, 0.9, 0.9], "score": 0.8} for t in range(8, 33)]
    after = do(make_caption(), kind="add", **{"class": "knife"}, track=track)
    knife = after.instances[-1]
    assert (knife.id, knife.is_main, len(knife.track)) == (6, False, 16)
    assert (knife.position.start, knife.position.enters) == ("bottom-right", True)
    assert not knife.position.leaves
    assert after.provenance["/instances/6/class"].source == "human"


def test_where_it_was_out_of_sight_a_split_makes_nothing_up() -> None:
    joined = do(make_caption(), kind="merge", keep=0, gone=5)
    track = [point for point in joined.instances[0].track if point.t not in (1, 2)]
    apart = joined.model_copy(deep=True)
    apart.instances[0].track = track
    after = do(apart, kind="split", instance=0, t=2.0)
    assert [[point.t for point in one.track] for one in after.instances[:2]] == [[0, 0.5], [3, 4]]


def test_an_instance_that_was_lost_is_followed_from_one_more_box() -> None:
    track = [{"t": t / 2, "box": [0.8, 0.8, 0.9, 0.9], "score": 0.8} for t in range(2, 9)]
    after = do(make_caption(), kind="extend", instance=0, track=track)
    chef = after.instances[0]
    assert [point.t for point in chef.track] == [0, *(t / 2 for t in range(2, 9))]
    assert chef.track[1].box[0] == 0.8, "the new box counts where both have one"
    position = chef.position
    assert (position.start, position.end) == ("center-left", "bottom-right")
    assert not position.leaves, "it is there at the end"
    assert after.provenance["/instances/0/track"].source == "human"
    assert after.provenance["/instances/0/position/end"].source == "human"
    with pytest.raises(FormatError, match="no instance 9"):
        do(make_caption(), kind="extend", instance=9, track=track)


def test_what_is_taken_over_is_not_said_to_be_by_a_person() -> None:
    by = {"source": "qwen", "confidence": 0.8, "support": "supported"}
    after = do(make_caption(), kind="take", pointer="/background", value="A kitchen.", by=by)
    assert after.background == "A kitchen."
    assert after.provenance["/background"].source == "qwen"


points = st.fixed_dictionaries({"t": st.floats(0, 100), "box": boxes, "score": units})
values = st.one_of(
    texts, st.booleans(), st.integers(-2, 5), st.lists(texts, max_size=2), st.none(),
    st.sampled_from(["day", "indoor", "static", "human", "center-left", ["pan_left"]]),
)  # fmt: skip


@st.composite
def edits(draw: st.DrawFn, caption: Caption) -> Edit:
    """Any edit, mostly of what is there."""
    ids = st.sampled_from([*(one.id for one in caption.instances), 0])
    leaves = [*caption.leaves(), "/background", "/camera/motion", "/instances/0/name",
              "/instances/0/is_main", "/segments/0/instances"]  # fmt: skip
    made = {
        "set": {"pointer": st.sampled_from(leaves), "value": values},
        "merge": {"keep": ids, "gone": ids},
        "split": {"instance": ids, "t": st.floats(0, 100), "name": texts},
        "remove": {"instance": ids, "cut_sentences": st.booleans()},
        "extend": {"instance": ids, "track": st.lists(points, min_size=1)},
        "add": {"class": st.just("dog"), "name": texts, "track": st.lists(points, min_size=1)},
    }
    kind = draw(st.sampled_from(sorted(made)))
    return EDIT.validate_python(draw(st.fixed_dictionaries({"kind": st.just(kind), **made[kind]})))


@given(captions, st.data())
def test_any_edits_leave_a_valid_caption(caption: Caption, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 6))):
        edit, before = data.draw(edits(caption)), caption.to_json()
        try:
            after = apply_edit(caption, edit, at=AT)
        except FormatError:
            assert caption.to_json() == before
            continue
        assert caption.to_json() == before, "the given one is not changed"
        assert Caption.from_json(after.to_json()) == after
        ids = {one.id for one in after.instances}
        gone = {one.id for one in caption.instances} - ids
        assert not gone & {pointers.instance_of(one) for one in after.provenance}
        assert not gone & {pointers.instance_of(one.field) for one in after.claims}
        was, now = caption.leaves(), after.leaves()
        for pointer in now:
            if was.get(pointer) != now[pointer] and edit.kind == "set":
                assert after.provenance[pointer].at == AT, pointer
        caption = after


def test_prose_is_what_sentences_stand_in() -> None:
    leaves = make_caption().leaves()
    assert [one for one in leaves if PROSE.fullmatch(one)] == [
        "/global_description",
        "/instances/0/appearance",
        "/instances/5/action",
        "/segments/0/description",
        "/segments/1/description",
    ]
