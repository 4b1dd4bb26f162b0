"""Several experts on the camera: crafted conflicts, whose outcome the one rule tells."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence import reliability
from instancecap.evidence.experts.camera_merging import merge_cameras, opinions_of
from instancecap.evidence.reliability import Tally
from instancecap.schema.evidence import CameraFacts, CameraSegment, Shot
from instancecap.schema.vocabulary import Primitive

SURE = Tally(), Tally(), Tally(), Tally(90, 100)
FIGURES = {"measured": dict.fromkeys(("camera.static", "camera.pan", "camera.zoom"), SURE)}
ONE_SHOT = [Shot(start=0.0, end=4.0, transition="start")]


@pytest.fixture(autouse=True, scope="module")
def _figures() -> Iterator[None]:
    """Optical flow was measured on three kinds of fact; nobody else was."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reliability, "tallies", lambda expert="": FIGURES.get(expert, {}))
        yield


def seen(
    *motion: Primitive, confidence: float = 0.9, start: float = 0.0, end: float = 4.0
) -> CameraFacts:
    """A camera that does this from ``start`` to ``end``, and rests before and after."""
    spans = [(0.0, start, ["static"]), (start, end, list(motion)), (end, 4.0, ["static"])]
    segments = [CameraSegment(start=a, end=b, motion=words) for a, b, words in spans if a < b]
    return CameraFacts(
        motion=list(motion), confidence=confidence, segments=segments if motion else []
    )


@pytest.mark.parametrize(
    ("flow", "model", "held"),
    [
        # Who was not measured never overrules one who was, of whichever movement.
        (["pan_left"], ["move_left"], ["pan_left"]),
        (["pan_left"], ["arc_ccw"], ["pan_left"]),
        (["static"], ["pan_left"], ["static"]),
        (["static"], ["tilt_up", "zoom_in"], ["static"]),
        (["pan_left"], ["static"], ["pan_left"]),
        # An expert who names another movement says nothing of this one.
        (["pan_left"], ["tilt_up"], ["pan_left", "tilt_up"]),
        (["zoom_in"], ["zoom_in", "tilt_up"], ["tilt_up", "zoom_in"]),
        # Tilts of flow were not measured here, so that the surer one leads.
        (["tilt_up"], ["move_up"], ["move_up"]),
        ([], ["move_left"], ["move_left"]),
        (["static"], [], ["static"]),
    ],
)
def test_which_movement_holds(
    flow: list[Primitive], model: list[Primitive], held: list[Primitive]
) -> None:
    said = {"measured": seen(*flow, confidence=0.6), "new": seen(*model, confidence=0.9)}
    said["measured"].confidence = 0.86 if "tilt_up" not in flow else 0.6
    merged = merge_cameras(said, shots=ONE_SHOT)
    assert merged.motion == held
    assert merge_cameras(dict(reversed(said.items())), shots=ONE_SHOT).motion == held


def test_agreement_raises_and_disagreement_costs_by_who_counts() -> None:
    alone = seen("pan_left", confidence=0.9)
    agreed = merge_cameras({"measured": alone, "new": seen("pan_left")}, shots=ONE_SHOT)
    assert agreed.confidence == pytest.approx(0.95)
    against = merge_cameras({"measured": alone, "new": seen("move_left")}, shots=ONE_SHOT)
    assert (against.motion, against.confidence) == (["pan_left"], 0.9)
    strangers = {"new": seen("pan_left", confidence=0.6), "newer": seen("move_left")}
    assert merge_cameras(strangers, shots=ONE_SHOT).confidence < 0.9


def test_each_movement_has_the_times_at_which_it_was_seen() -> None:
    said = {
        "measured": seen("pan_left", start=0.0, end=2.0),
        "new": seen("tilt_up", start=1.0, end=3.0),
    }
    merged = merge_cameras(said, shots=ONE_SHOT)
    assert [(one.start, one.end, one.motion) for one in merged.segments] == [
        (0.0, 1.0, ["pan_left"]),
        (1.0, 2.0, ["pan_left", "tilt_up"]),
        (2.0, 3.0, ["tilt_up"]),
        (3.0, 4.0, ["static"]),
    ]


def test_of_a_shot_in_which_nobody_could_follow_anything_nothing_is_said() -> None:
    first = CameraSegment(start=0.0, end=2.0, motion=["pan_left"])
    flow, model = seen("pan_left"), seen("pan_left")
    flow.segments = model.segments = [first]
    shots = [Shot(start=0.0, end=2.0, transition="start"), Shot(start=2.0, end=4, transition="cut")]
    assert merge_cameras({"measured": flow, "new": model}, shots=shots).segments == [first]


def test_path_and_steadiness_are_of_who_comes_closest() -> None:
    flow, model = seen("zoom_in"), seen("pan_left", "zoom_in", "shaky")
    flow.stability, model.stability, model.speed = "stable", "shaky", "fast"
    merged = merge_cameras({"measured": flow, "new": model}, shots=ONE_SHOT)
    assert merged.motion == ["pan_left", "zoom_in", "shaky"]
    assert (merged.stability, merged.speed) == ("shaky", "fast")
    assert [one.value for one in opinions_of(model, "new")] == ["pan_left", "zoom_in"]


WORDS: list[Primitive] = ["pan_left", "pan_right", "move_left", "arc_ccw", "tilt_up", "zoom_in"]
facts = st.builds(
    lambda words, sure, ends: seen(
        *(words or ["static"]), confidence=sure, start=min(ends), end=max(ends)
    ),
    st.lists(st.sampled_from(WORDS), unique=True, max_size=3),
    st.floats(0, 1),
    st.tuples(st.integers(0, 2), st.integers(3, 4)),
)


@given(st.dictionaries(st.sampled_from(["measured", "new", "newer"]), facts, min_size=1))
def test_what_holds_was_said_and_fills_the_clip_without_gaps(said: dict[str, CameraFacts]) -> None:
    shots = [Shot(start=0.0, end=2.5, transition="start"), Shot(start=2.5, end=4, transition="cut")]
    merged = merge_cameras(said, shots=shots)
    assert set(merged.motion) <= {word for one in said.values() for word in one.motion}
    assert merged.motion
    assert 0 <= merged.confidence <= 1
    assert (merged.segments[0].start, merged.segments[-1].end) == (0.0, 4.0)
    assert all(one.end == following.start for one, following in pairwise(merged.segments))
    if len(said) > 1:
        assert {word for one in merged.segments for word in one.motion} <= {
            *merged.motion,
            "static",
        }
