"""Clips of one scene differ in their camera alone."""

from __future__ import annotations

import pytest
from hypothesis import given

from instancecap.datasets.captions import Row
from instancecap.datasets.scenes import captions_of_scenes, same_but_camera, scene_finder
from instancecap.errors import UsageError
from instancecap.render import render
from instancecap.schema.caption import Camera, Caption, Instance, Position, Segment, Shot, Video
from tests.strategies import captions


def caption(name: str, motion: str, action: str) -> Caption:
    dog = Instance(
        id=0, class_="dog", name="the dog", appearance="A brown dog.", action=action,
        position=Position(start="center-left", end="center-right"),
    )  # fmt: skip
    return Caption(
        video=Video.named(name),
        global_description=f"A dog runs in a park. The camera {motion}.",
        instances=[dog],
        background="A green park. Trees fill the left of the frame.",
        camera=Camera(motion=[motion], shot_type="long_shot"),  # type: ignore[list-item]
        shots=[Shot(start=0, end=1, transition="start")],
        segments=[Segment(start=0, end=1, description="It runs past the camera.")],
    )


ROWS = [
    Row("park_cam1.mp4", caption("park_cam1.mp4", "pan_left", "Runs and barks."), "a"),
    Row("street_cam1.mp4", caption("street_cam1.mp4", "static", "Sits still."), "b"),
    Row("park_cam2.mp4", caption("park_cam2.mp4", "zoom_in", "Trots along."), "c"),
    Row("other.mp4", caption("other.mp4", "tilt_up", "Sleeps."), "d"),
    Row("bad.mp4", None, "e", "cannot be read"),
]


def test_the_text_is_the_same_but_for_the_camera() -> None:
    found = list(captions_of_scenes(ROWS, scene_finder(r"^(.*)_cam")))
    first, _, second, other, bad = found
    assert first.caption and second.caption and other.caption and bad.caption is None
    one, two = (render(row.caption, target="wan2.2").text for row in (first, second))  # type: ignore[arg-type]
    assert one.replace("The camera pans left.", "") == two.replace("The camera zooms in.", "")
    assert "Runs and barks" in one or "runs and barks" in one
    assert "frame" not in one and "a green park" in one
    assert other.caption == ROWS[3].caption
    assert second.caption.video == ROWS[2].caption.video  # type: ignore[union-attr]


def test_a_pattern_without_groups_is_the_scene_itself() -> None:
    assert scene_finder(r"^[a-z]+")("park_cam1.mp4") == "park"
    assert scene_finder(r"scene(\d+)")("clip.mp4") == ""
    with pytest.raises(UsageError, match="not a regular expression"):
        scene_finder("(")


@given(captions, captions)
def test_two_paths_of_any_scene_differ_in_camera_shots_and_clip_alone(
    scene: Caption, own: Caption
) -> None:
    first, second = same_but_camera(scene, scene), same_but_camera(scene, own)
    Caption.model_validate(second.model_dump())
    kept = {"video", "camera", "shots"}
    assert first.model_dump(exclude=kept) == second.model_dump(exclude=kept)
    assert (second.camera, second.shots, second.video) == (own.camera, own.shots, own.video)
