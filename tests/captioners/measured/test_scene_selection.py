"""What is stated of the whole picture: movements all or none, what stands out, nothing made up."""

from __future__ import annotations

from instancecap.captioners.measured.content_selection import is_any
from instancecap.captioners.measured.scene_selection import (
    Light,
    Scene,
    camera_stages,
    select_camera,
    select_light,
    select_scene,
    select_style,
)
from instancecap.schema.base import Text
from instancecap.schema.evidence import CameraSegment, FramingFacts, LightFacts, PlaceFacts
from tests.made import camera, evidence, thing


def test_of_camera_movements_all_are_stated_or_none() -> None:
    def gate(kind: str, confidence: float) -> bool:
        return kind in ("camera.pan", "camera.static")

    for motion, told in (
        (["pan_left"], ["pan_left"]),
        (["static"], ["static"]),
        (["pan_left", "tracking", "shaky"], ["pan_left"]),
        (["pan_left", "zoom_in"], []),
        (["move_in"], []),
        (["arc_cw"], []),
    ):
        assert select_camera(evidence(camera=camera(*motion)), gate) == told
    unsure = camera("pan_left")
    unsure.confidence = 0.9
    assert select_camera(evidence(camera=unsure), gate) == []
    for stability, told in (("stable", ["pan_left"]), ("handheld", [])):
        slow = camera("pan_left", speed="slow", stability=stability)
        assert select_camera(evidence(camera=slow), gate) == told
    assert select_camera(evidence(camera=camera("arc_cw", "shaky")), is_any) == [
        "arc_cw", "shaky",
    ]  # fmt: skip


def test_movements_that_share_no_time_are_stages() -> None:
    facts = evidence(camera=camera("pan_left", "zoom_in"))
    motion = facts.camera.motion
    assert camera_stages(facts, motion) == [["pan_left", "zoom_in"]]
    facts.camera.segments = [
        CameraSegment(start=0, end=2, motion=["zoom_in"]),
        CameraSegment(start=2, end=4, motion=["pan_left"]),
    ]
    assert camera_stages(facts, motion) == [["zoom_in"], ["pan_left"]]
    facts.camera.segments[1].motion = ["pan_left", "zoom_in"]
    assert camera_stages(facts, motion) == [["pan_left", "zoom_in"]]
    assert camera_stages(facts, ["static"]) == camera_stages(facts, []) == []


def test_light_in_between_is_not_stated() -> None:
    middle = LightFacts(brightness=0.4, contrast=0.2, saturation=0.3)
    assert select_light(middle) == select_light(LightFacts()) == Light()
    gray = select_light(LightFacts(brightness=0.7, saturation=0.01, warmth=0.2))
    assert (gray.level, gray.colors, gray.tint) == ("bright", "none", "")


def test_surroundings_have_a_color_where_one_prevails_that_is_no_shade() -> None:
    def scene(*colors: tuple[str, float]) -> Scene:
        place = PlaceFacts(label="outdoor", confidence=0.9, colors=list(colors))
        return select_scene(evidence(place=place, framing=FramingFacts()), [thing()], is_any)

    assert scene(("green", 0.6)) == Scene("outdoor", "", "green")
    assert scene(("green", 0.4)).color == scene(("gray", 0.9)).color == scene().color == ""


def test_few_clear_lines_of_writing_are_quoted() -> None:
    def quoted(*lines: str) -> tuple[str, ...]:
        texts = [Text(text=line, t=1, box=(0.1, 0.1, 0.5, 0.2)) for line in lines]
        return select_scene(evidence(texts=texts), [], is_any).texts

    assert quoted("Cooking at home", "12:30", "Cooking at home") == ("Cooking at home",)
    assert quoted("FPS:44") == quoted("Harbour", "Island", "Station", "Garden") == ()


def test_pictures_are_real_where_something_was_named() -> None:
    facts = evidence(framing=FramingFacts(style="real", confidence=0.9))
    drawn = evidence(framing=FramingFacts(style="animation", confidence=0.9))
    assert select_style(facts, [thing()], lambda kind, confidence: True) == "real"
    assert select_style(facts, [], lambda kind, confidence: True) == "unknown"
    assert select_style(drawn, [], lambda kind, confidence: True) == "animation"
