"""Faces with landmarks, on a real clip and on pictures without any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from instancecap.evidence.experts import load_experts
from instancecap.evidence.faces import FaceExpert
from instancecap.evidence.sample import Sample
from instancecap.schema.evidence import Evidence


def expert() -> FaceExpert:
    found = load_experts().faces
    assert found is not None
    return found


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
    return Sample(index=0, frame_index=0, t=0.0, bgr=picture)


@pytest.mark.parametrize("size", [(1, 1), (2, 240), (15, 15), (64, 64), (234, 416), (416, 40)])
def test_noise_of_any_size_has_no_face(with_weights: Path, size: tuple[int, int]) -> None:
    faces = expert()
    faces.add(noise_of(size))
    assert faces.faces == []


def test_narrow_pictures_have_no_faces_of_chance(with_weights: Path) -> None:
    """What lies in freed memory decides, so it is littered and tried many times."""
    rng = np.random.default_rng(0)
    for turn in range(90):
        litter = [np.full(rng.integers(1, 20_000), 1e3, np.float32) for _ in range(40)]
        del litter
        faces = expert()
        faces.add(noise_of([(16, 416), (24, 416), (416, 16)][turn % 3]))
        assert faces.faces == []


def test_a_new_clip_starts_without_faces(with_weights: Path) -> None:
    first = expert()
    first.faces.append(None)  # type: ignore[arg-type]
    assert expert().faces == []
