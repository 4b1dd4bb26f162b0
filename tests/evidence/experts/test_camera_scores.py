"""Scores of camera primitives: each within 0..1, and in the order of what speaks for them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from instancecap.evidence.experts.camera_scores import score_primitives
from instancecap.evidence.experts.parallax import Parallax
from instancecap.schema.evidence import CameraFacts, CameraSample, Shot

ONE = [Shot(start=0, end=2, transition="start")]
shifts = st.floats(-0.5, 0.5)
samples = st.builds(
    CameraSample,
    t=st.just(0.0),
    dx=shifts,
    dy=shifts,
    zoom=st.floats(0.5, 2),
    roll=st.floats(-90, 90),
    inliers=st.sampled_from([0.0, 0.4, 1.0]),
)
moves = st.lists(
    st.sampled_from(["pan_left", "move_in", "shaky", "arc_cw"]), unique=True, max_size=3
)
words = moves | st.just(["static"])


def path_of(*dx: float) -> list[CameraSample]:
    return [
        CameraSample(t=round((i + 1) / 8, 3), dx=x, dy=0, zoom=1, roll=0, inliers=1)
        for i, x in enumerate(dx)
    ]


def scored(camera: CameraFacts, *, parallax: tuple[Parallax, ...] = ()) -> dict[str, float]:
    found = score_primitives(camera, ONE, aspect=16 / 9, parallax=parallax)
    return dict[str, float](found.items())


def stretch(*, proven: bool, seconds: float = 1.0) -> Parallax:
    return Parallax(0.2, 0.2 + seconds, proven, (1.0, 0.0, 0.0), (0.0, 0.0))


@given(st.lists(samples, max_size=20), words)
def test_scores_are_shares_and_what_is_said_has_half(path: list[CameraSample], said: list) -> None:
    path = [one.model_copy(update={"t": (i + 1) / 10}) for i, one in enumerate(path)]
    scores = scored(CameraFacts(motion=said, path=path))
    assert len(scores) == 15
    for word, score in scores.items():
        assert (0.5 <= score <= 1) if word in said else (0 <= score <= 0.5)


def test_the_further_it_goes_the_higher() -> None:
    near, far = (scored(CameraFacts(path=path_of(*[x] * 8))) for x in (-0.01, -0.04))
    assert near["pan_right"] < far["pan_right"]
    assert near["static"] > far["static"]
    assert far["pan_left"] == far["tilt_up"] == 0


def test_a_way_back_has_a_score_of_its_own() -> None:
    scores = scored(CameraFacts(path=path_of(*[-0.05] * 6, *[0.05] * 6)))
    assert scores["pan_left"] > 0.3
    assert scores["pan_right"] > 0.3


def test_parallax_tells_a_turn_from_a_travel() -> None:
    camera = CameraFacts(path=path_of(*[-0.04] * 8))
    unknown = scored(camera)
    assert unknown["pan_right"] == unknown["move_right"]
    turns, travels = (scored(camera, parallax=(stretch(proven=p),) * 2) for p in (False, True))
    assert turns["pan_right"] == travels["move_right"] == unknown["pan_right"]
    assert turns["move_right"] < 0.5 * turns["pan_right"]
    assert travels["pan_right"] < 0.5 * travels["move_right"]


def test_where_nothing_could_be_followed_nothing_speaks_for_anything() -> None:
    path = [one.model_copy(update={"inliers": 0.0}) for one in path_of(0.1, 0.1, 0.1)]
    assert set(scored(CameraFacts(path=path)).values()) == {0.0}
