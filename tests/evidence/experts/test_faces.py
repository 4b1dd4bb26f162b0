"""Faces with landmarks, on a real clip and on pictures without any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from instancecap.evidence.cluster import load_models
from instancecap.evidence.experts.faces import MOST_CROPS, MOST_LOOKS, FaceExpert
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip
from instancecap.video.decode import ClipReader
from tests.evidence.samples import sample_of

EVERYWHERE = np.array([[0.0, 0.0, 1.0, 1.0]])


def expert() -> FaceExpert:
    path = load_models().faces
    assert path is not None
    return FaceExpert(path)


def test_the_faces_of_a_juggler_are_his(measured: Callable[..., Evidence]) -> None:
    evidence = measured("everyday/football_juggle.mp4")
    main = evidence.instances[0]
    assert main.class_ == "person"
    assert len(evidence.faces) >= 3
    owners = [face.instance for face in evidence.faces]
    assert owners.count(main.id) >= 0.8 * len(owners)


def test_landmarks_lie_in_the_face_eyes_over_mouth(measured: Callable[..., Evidence]) -> None:
    for face in measured("everyday/football_juggle.mp4").faces:
        x0, y0, x1, y1 = face.box
        wide, tall = x1 - x0, y1 - y0
        assert len(face.landmarks) == 5
        for x, y in face.landmarks:
            assert x0 - 0.2 * wide <= x <= x1 + 0.2 * wide
            assert y0 - 0.2 * tall <= y <= y1 + 0.2 * tall
        right_eye, left_eye, _, right_mouth, left_mouth = face.landmarks
        assert max(right_eye[1], left_eye[1]) < min(right_mouth[1], left_mouth[1])


def noise_of(size: tuple[int, int]) -> Sample:
    picture = np.random.default_rng(1).integers(0, 255, (*size, 3)).astype(np.uint8)
    return sample_of(picture)


@pytest.mark.parametrize("size", [(1, 1), (2, 240), (15, 15), (64, 64), (234, 416), (416, 40)])
def test_noise_of_any_size_has_no_face(with_weights: Path, size: tuple[int, int]) -> None:
    faces = expert()
    faces.add(noise_of(size), EVERYWHERE)
    assert faces.faces == []


def test_narrow_pictures_have_no_faces_of_chance(with_weights: Path) -> None:
    """What lies in freed memory decides, so it is littered and tried many times."""
    rng = np.random.default_rng(0)
    for turn in range(90):
        litter = [np.full(rng.integers(1, 20_000), 1e3, np.float32) for _ in range(40)]
        del litter
        faces = expert()
        faces.add(noise_of([(16, 416), (24, 416), (416, 16)][turn % 3]), EVERYWHERE)
        assert faces.faces == []


def test_a_face_is_looked_for_in_the_upper_part_of_a_person(
    with_weights: Path, clips_dir: Path
) -> None:
    with ClipReader(Clip.open(clips_dir / "everyday/football_juggle.mp4", start=1)) as reader:
        sample = Sample(next(iter(reader)), index=0, aspect=reader.info.aspect)
    juggler = np.array([[0.47, 0.08, 0.65, 0.92]])
    found, everywhere, nobody, beside, below = expert(), expert(), expert(), expert(), expert()
    found.add(sample, juggler)
    everywhere.add(sample, EVERYWHERE)
    assert len(found.faces) == len(everywhere.faces) == 1
    assert found.faces[0].box == pytest.approx(everywhere.faces[0].box, abs=0.02)
    assert found.faces[0].landmarks[2] == pytest.approx(everywhere.faces[0].landmarks[2], abs=0.02)
    nobody.add(sample, np.zeros((0, 4)))
    beside.add(sample, np.array([[0.0, 0.08, 0.2, 0.92]]))
    below.add(sample, np.array([[0.47, 0.5, 0.65, 0.92]]))
    assert nobody.faces == beside.faces == below.faces == []


def test_a_new_clip_starts_without_faces(with_weights: Path) -> None:
    first = expert()
    first.faces.append(None)  # type: ignore[arg-type]
    assert expert().faces == []


def test_a_closer_look_sees_the_face_of_who_stands_far_away(
    clips_dir: Path, with_weights: Path
) -> None:
    with ClipReader(Clip.open(clips_dir / "everyday/football_juggle.mp4")) as reader:
        picture = next(iter(reader)).bgr()
    juggler, lawn = [0.47, 0.06, 0.64, 0.94], [0.0, 0.7, 0.2, 1.0]
    looks = [expert().look_closer(picture, np.array([juggler, lawn])) for _ in range(2)]
    assert looks[0].tolist() == looks[1].tolist() == [1.0, 0.0]


def test_nobody_is_looked_at_more_often_than_it_helps(with_weights: Path) -> None:
    picture, one = np.full((300, 300, 3), 90, np.uint8), np.array([[0.2, 0.2, 0.5, 0.9]])
    faces = expert()
    looks = [faces.look_closer(picture, one)[0] for _ in range(MOST_LOOKS + 1)]
    assert looks[:-1] == [0.0] * MOST_LOOKS
    assert np.isnan(looks[-1])
    many = np.array([[0.1 * i, 0.1, 0.1 * i + 0.08, 0.3] for i in range(9)])
    assert np.isnan(expert().look_closer(picture, many)).sum() == 9 - MOST_CROPS
    assert expert().look_closer(picture, np.zeros((0, 4))).shape == (0,)
