"""Evidence within a span: what is seen there, and nothing of the rest."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.view import within
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import (
    CameraFacts,
    CameraSample,
    Contact,
    Evidence,
    InstanceFacts,
    InstanceMotion,
    Shot,
    TextRegion,
    Video,
)

VIDEO = Video(
    id="a", path="a.mp4", start=1.0, end=5.0, duration=4.0, fps=10, width=160, height=90, frames=40
)


def step(t: float, dx: float) -> CameraSample:
    return CameraSample(t=t, dx=dx, dy=0.0, zoom=1.0, roll=0.0, inliers=1.0)


def track(start: float, end: float, x: float = 0.2, speed: float = 0.1) -> list[TrackPoint]:
    times = [i / 10 for i in range(round(start * 10), round(end * 10))]
    lefts = [x + speed * (t - start) for t in times]
    points = zip(times, lefts, strict=True)
    return [TrackPoint(t=t, box=(left, 0.3, left + 0.2, 0.7), score=0.8) for t, left in points]


def thing(id: int, start: float, end: float, **more: object) -> InstanceFacts:
    fields: dict[str, object] = {
        "id": id, "class": "person", "confidence": 0.8, "salience": 0.5, "track": track(start, end),
        "enters": start > 0, "leaves": end < 4, "motion": InstanceMotion(moving=True),
    }  # fmt: skip
    return InstanceFacts.model_validate(fields | more)


@pytest.fixture
def evidence() -> Evidence:
    """Two shots; the camera rests in the first and pans right in the second."""
    path = [step(i / 10, 0.0 if i < 20 else -0.02) for i in range(1, 40)]
    return Evidence(
        video=VIDEO,
        shots=[
            Shot(start=0, end=2, transition="start"),
            Shot(start=2, end=4, transition="cut"),
        ],
        camera=CameraFacts(motion=["pan_right"], path=path),
        instances=[thing(0, 0.0, 2.0), thing(1, 2.0, 4.0), thing(2, 3.0, 3.5)],
        contacts=[Contact(first=1, second=2, start=3.1, end=3.3, kind="overlaps")],
        overlays=[TextRegion(t=0.5, end=3.0, box=(0, 0, 0.1, 0.1), score=0.9)],
    )


def test_the_whole_clip_is_what_it_was(evidence: Evidence) -> None:
    assert within(evidence, 0.0, 4.0) is evidence


def test_the_camera_is_that_of_the_span(evidence: Evidence) -> None:
    assert within(evidence, 0.0, 2.0).camera.motion == ["static"]
    assert within(evidence, 2.0, 4.0).camera.motion == ["pan_right"]


def test_a_cut_makes_nothing_enter_or_leave(evidence: Evidence) -> None:
    (first,) = within(evidence, 0.0, 2.0).instances
    assert (first.id, first.enters, first.leaves) == (0, False, False)
    second, third = within(evidence, 2.0, 4.0).instances
    assert (second.id, second.enters, second.leaves) == (1, False, False)
    assert (third.id, third.enters, third.leaves) == (2, True, True)


def test_who_stays_beyond_the_span_does_not_leave_in_it(evidence: Evidence) -> None:
    view = within(evidence, 2.8, 3.2)
    found = [(i.id, i.enters, i.leaves) for i in view.instances]
    assert found == [(1, False, False), (2, True, False)]


def test_times_stay_unless_they_are_rebased(evidence: Evidence) -> None:
    kept, moved = (within(evidence, 2.5, 3.5, rebase=rebase) for rebase in (False, True))
    assert kept.instances[0].track[0].t == 2.5
    assert moved.instances[0].track[0].t == 0.0
    assert (kept.video.duration, moved.video.duration) == (4.0, 1.0)
    assert (moved.video.start, moved.video.end) == (3.5, 4.5)
    assert (kept.shots[0].start, moved.shots[0].start) == (2.5, 0.0)
    assert (moved.contacts[0].start, moved.overlays[0].end) == (0.6, 0.5)


def test_direction_is_that_in_the_span() -> None:
    there_and_back = [*track(0.0, 2.0), *track(2.0, 4.0, x=0.4, speed=-0.1)]
    evidence = Evidence(
        video=VIDEO,
        shots=[Shot(start=0, end=4, transition="start")],
        camera=CameraFacts(motion=["static"], path=[step(i / 10, 0.0) for i in range(1, 40)]),
        instances=[thing(0, 0.0, 4.0, track=there_and_back)],
    )
    halves = [within(evidence, *span).instances[0].motion for span in ((0.0, 2.0), (2.0, 4.0))]
    assert [motion.direction for motion in halves] == ["right", "left"]


@given(start=st.floats(0, 4), length=st.floats(0, 4), rebase=st.booleans())
def test_a_view_is_valid_evidence(start: float, length: float, rebase: bool) -> None:
    evidence = Evidence(
        video=VIDEO,
        shots=[Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="fade")],
        camera=CameraFacts(motion=["static"], path=[step(i / 10, 0.0) for i in range(1, 40)]),
        instances=[thing(0, 0.0, 2.0), thing(1, 1.0, 4.0)],
    )
    view = within(evidence, start, start + length, rebase=rebase)
    assert Evidence.from_json(view.model_dump_json(by_alias=True)) == view
    assert all(item.track for item in view.instances)


def test_views_of_a_real_edit_are_its_shots(measured: Callable[..., Evidence]) -> None:
    evidence = measured("web/SBCXZbzbKE0.3.mp4")
    for shot in evidence.shots:
        view = within(evidence, shot.start, shot.end, rebase=True)
        assert len(view.shots) == 1 or len(evidence.shots) == 1
        assert view.video.duration == pytest.approx(shot.end - shot.start, abs=0.002)
        assert all(p.t <= view.video.duration for item in view.instances for p in item.track)
