"""Shot types and face owners, on things placed by hand."""

from __future__ import annotations

import pytest

from instancecap.evidence.experts.angle import shot_angle
from instancecap.evidence.experts.faces import assign_faces
from instancecap.evidence.experts.framing import frame_subject, shows_large_faces
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Face, InstanceFacts, Shot
from tests.made import evidence

WHOLE = [Shot(start=0, end=4, transition="start")]
Box = tuple[float, float, float, float]


def thing(
    box: Box, *, name: str = "person", id: int = 0, salience: float = 0.5, start: float = 0.0,
    end: float = 4.0,
) -> InstanceFacts:  # fmt: skip
    times = [t / 2 for t in range(round(start * 2), round(end * 2))]
    return InstanceFacts(
        id=id, class_=name, confidence=0.9, salience=salience,
        track=[TrackPoint(t=t, box=box, score=0.9) for t in times],
    )  # fmt: skip


def face(box: Box, *, t: float = 1.0, nose: float = 0.5) -> Face:
    """A face; ``nose`` is where it is between the eyes: 0.5 looks into the camera."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    marks = [(0.3, 0.4), (0.7, 0.4), (0.3 + 0.4 * nose, 0.6), (0.35, 0.8), (0.65, 0.8)]
    landmarks = [(x0 + a * w, y0 + b * h) for a, b in marks]
    return Face(t=t, box=box, score=0.9, landmarks=landmarks)


def shot_type(item: InstanceFacts, *faces: Face) -> str:
    owned = assign_faces(faces, [item])
    return frame_subject([item], owned, WHOLE).shot_type


@pytest.mark.parametrize(
    ("box", "face_box", "expected"),
    [
        ((0.45, 0.4, 0.55, 0.6), None, "long_shot"),
        ((0.4, 0.1, 0.6, 0.9), None, "full_shot"),
        ((0.4, 0.1, 0.6, 0.9), (0.46, 0.12, 0.54, 0.22), "full_shot"),
        ((0.25, 0.15, 0.75, 1.0), (0.42, 0.2, 0.58, 0.42), "medium_shot"),
        ((0.1, 0.05, 0.9, 1.0), (0.3, 0.15, 0.7, 0.65), "close_up"),
        ((0.0, 0.0, 1.0, 1.0), (0.05, 0.02, 0.95, 0.98), "extreme_close_up"),
    ],
)
def test_people_are_framed_by_body_and_face(box: Box, face_box: Box | None, expected: str) -> None:
    faces = [face(face_box, t=t) for t in (0.5, 1.5)] if face_box else []
    if expected == "extreme_close_up":
        # Such a face's middle lies in the lower part of the body's box, which is all head.
        faces = [one.model_copy(update={"box": (0.05, 0.02, 0.95, 0.96)}) for one in faces]
    assert shot_type(thing(box), *faces) == expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0.45, 0.45, 0.55, 0.55), "long_shot"),
        ((0.3, 0.25, 0.7, 0.75), "full_shot"),
        ((0.2, 0.03, 0.8, 0.95), "close_up"),
        ((0.0, 0.0, 1.0, 1.0), "extreme_close_up"),
    ],
)
def test_things_are_framed_by_their_size(box: Box, expected: str) -> None:
    assert shot_type(thing(box, name="dog")) == expected


def test_hands_at_work_and_a_bowl_are_close() -> None:
    assert shot_type(thing((0.3, 0.5, 0.7, 1.0))) == "close_up"
    assert shot_type(thing((0.3, 0.3, 0.7, 0.7), name="bowl")) == "close_up"


def test_larger_never_means_farther() -> None:
    order = ["long_shot", "full_shot", "medium_shot", "close_up", "extreme_close_up"]
    seen = [
        order.index(shot_type(thing((0.5 - s / 2, 0.5 - s / 2, 0.5 + s / 2, 0.5 + s / 2),
                                    name="dog")))
        for s in (0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0)
    ]  # fmt: skip
    assert seen == sorted(seen)


def test_where_nothing_is_detected_the_place_is_a_guess() -> None:
    framing = frame_subject([], [], [])
    assert (framing.shot_type, framing.shot_position, framing.confidence) == ("", "", 0)
    guesses = [frame_subject([], [], WHOLE, wide=wide) for wide in (True, False)]
    assert [guess.shot_type for guess in guesses] == ["long_shot", "close_up"]
    assert all(guess.confidence < 0.5 for guess in guesses)


def test_the_most_salient_thing_decides() -> None:
    small = thing((0.45, 0.45, 0.55, 0.55), id=1, salience=0.2)
    large = thing((0.3, 0.05, 0.7, 0.95), id=0, salience=0.8)
    assert frame_subject([large, small], [], WHOLE).shot_type == "full_shot"


def test_each_shot_has_its_own_type_and_the_longest_is_the_clips() -> None:
    shots = [Shot(start=0, end=1, transition="start"), Shot(start=1, end=4, transition="cut")]
    near = thing((0.3, 0.05, 0.7, 0.95), id=0, end=1)
    far = thing((0.45, 0.45, 0.55, 0.55), id=1, start=1)
    framing = frame_subject([near, far], [], shots)
    assert framing.shots == ["full_shot", "long_shot"]
    assert framing.shot_type == "long_shot"


def test_a_face_that_looks_at_us_is_a_front_view() -> None:
    body = thing((0.3, 0.1, 0.7, 1.0))
    box = (0.42, 0.15, 0.58, 0.4)
    ahead = assign_faces([face(box, t=t) for t in (0.5, 1.5)], [body])
    aside = assign_faces([face(box, t=t, nose=1.1) for t in (0.5, 1.5)], [body])
    assert frame_subject([body], ahead, WHOLE).shot_position == "front_view"
    assert frame_subject([body], aside, WHOLE).shot_position != "front_view"
    assert frame_subject([body], [], WHOLE).shot_position != "front_view"


def test_a_face_belongs_to_the_person_whose_head_it_is() -> None:
    left = thing((0.1, 0.2, 0.4, 0.9), id=3)
    right = thing((0.6, 0.2, 0.9, 0.9), id=7)
    dog = thing((0.58, 0.2, 0.88, 0.9), id=9, name="dog")
    faces = [
        face((0.2, 0.22, 0.3, 0.35)),
        face((0.7, 0.22, 0.8, 0.35)),
        face((0.46, 0.2, 0.54, 0.3)),  # nobody's
        face((0.2, 0.75, 0.3, 0.88)),  # on a belt
        face((0.2, 0.22, 0.3, 0.35), t=30.0),  # long after
    ]
    owners = [one.instance for one in assign_faces(faces, [left, right, dog])]
    assert owners == [3, 7, None, None, None]


def test_of_two_people_one_behind_the_other_the_tighter_box_has_the_face() -> None:
    near = thing((0.0, 0.0, 1.0, 1.0), id=1)
    far = thing((0.4, 0.2, 0.6, 0.8), id=2)
    (named,) = assign_faces([face((0.46, 0.22, 0.54, 0.34))], [near, far])
    assert named.instance == 2


def walker(*, horizon: float, slope: float, id: int = 0) -> InstanceFacts:
    """Someone who comes nearer over level ground, at a slope of height over feet."""
    feet = [0.6 + 0.04 * id + 0.03 * step for step in range(8)]
    track = [
        TrackPoint(t=step / 2, box=(0.4, foot - slope * (foot - horizon), 0.5, foot), score=0.9)
        for step, foot in enumerate(feet)
    ]
    return InstanceFacts(id=id, class_="person", confidence=0.9, salience=0.5, track=track)


def test_the_ground_tells_the_angle() -> None:
    level = [walker(horizon=0.45, slope=1.0, id=i) for i in range(3)]
    assert shot_angle(level, [], static=True, aspect=1.6) == "eye_level"
    assert shot_angle(level[:1], [], static=True, aspect=1.6) == ""
    above = [walker(horizon=0.2, slope=0.5)]
    assert shot_angle(above, [], static=True, aspect=1.6) == ""
    far_above = walker(horizon=-0.12, slope=0.3).model_copy(
        update={
            "track": [
                TrackPoint(t=i / 2, box=(0.4, y - 0.3 * (y + 0.12), 0.5, y), score=0.9)
                for i, y in enumerate([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
            ]
        }
    )
    assert shot_angle([far_above], [], static=True, aspect=1.6) == "high_angle"
    assert shot_angle([far_above], [], static=False, aspect=1.6) == ""


def test_faces_seen_straight_on_are_at_eye_level() -> None:
    faces = [face((0.4, 0.2, 0.6, 0.5), t=t) for t in (0.5, 1.0, 1.5)]
    assert shot_angle([], faces, static=False, aspect=1.0) == "eye_level"
    assert shot_angle([], faces[:2], static=False, aspect=1.0) == ""
    lowered = [
        one.model_copy(update={"landmarks": [*one.landmarks[:2], (0.5, 0.43), *one.landmarks[3:]]})
        for one in faces
    ]
    assert shot_angle([], lowered, static=False, aspect=1.0) == ""


def test_nothing_tells_no_angle() -> None:
    assert shot_angle([], [], static=True, aspect=1.6) == ""


@pytest.mark.parametrize(
    ("height", "count", "filmed"), [(0.3, 3, True), (0.3, 2, False), (0.1, 3, False)]
)
def test_large_faces_of_people_show_that_the_clip_was_filmed(
    height: float, count: int, filmed: bool
) -> None:
    person = thing((0.2, 0.1, 0.8, 1.0))
    faces = [face((0.4, 0.2, 0.6, 0.2 + height), t=t) for t in range(count)]
    own = [one.model_copy(update={"instance": person.id}) for one in faces]
    assert shows_large_faces(evidence(person, faces=own)) == filmed
    assert not shows_large_faces(evidence(person, faces=faces))


def test_a_shot_is_framed_for_the_largest_of_those_who_strike_alike() -> None:
    bystander = thing((0.48, 0.4, 0.52, 0.55), salience=0.4)
    player = thing((0.7, 0.3, 0.85, 0.95), id=1, salience=0.3)
    assert frame_subject([bystander, player], [], WHOLE).shot_type == "full_shot"
    hardly = player.model_copy(update={"salience": 0.1})
    assert frame_subject([bystander, hardly], [], WHOLE).shot_type == "long_shot"
