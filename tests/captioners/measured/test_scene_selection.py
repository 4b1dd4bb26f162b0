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
)
from instancecap.schema.base import Text
from instancecap.schema.evidence import (
    CameraSegment,
    FramingFacts,
    LightFacts,
    PlaceFacts,
    Shot,
    TextRegion,
)
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
    unsure.confidence = 0.6
    assert select_camera(evidence(camera=unsure), gate) == []
    assert select_camera(evidence(camera=camera("arc_cw", "shaky")), is_any) == [
        "arc_cw", "shaky",
    ]  # fmt: skip


def test_of_several_shots_a_movement_is_told_that_all_have() -> None:
    shots = [Shot(start=0, end=2, transition="start"), Shot(start=2, end=4, transition="cut")]
    facts = evidence(camera=camera("pan_left"), shots=shots)
    for second, told in (("pan_left", ["pan_left"]), ("static", [])):
        facts.camera.segments = [
            CameraSegment(start=0, end=2, motion=["pan_left"]),
            CameraSegment(start=2, end=4, motion=[second]),
        ]
        assert select_camera(facts, lambda kind, confidence: True) == told


def test_movements_that_share_no_time_are_stages() -> None:
    facts = evidence(camera=camera("pan_left", "zoom_in"))
    motion = facts.camera.motion
    assert camera_stages(facts, motion) == [["pan_left", "zoom_in"]]
    facts.camera.segments = [
        CameraSegment(start=0, end=2, motion=["zoom_in"]),
        CameraSegment(start=2, end=4, motion=["pan_left"]),
    ]
    assert camera_stages(facts, motion) == [["zoom_in"], ["pan_left"]]
    facts.camera.segments.insert(0, CameraSegment(start=0, end=2, motion=["static"]))
    assert camera_stages(facts, motion) == [["static"], ["zoom_in"], ["pan_left"]]
    facts.camera.segments[0].end = 0.5  # a moment of rest before it is not told
    assert camera_stages(facts, motion) == [["zoom_in"], ["pan_left"]]
    facts.camera.segments[2].motion = ["pan_left", "zoom_in"]
    assert camera_stages(facts, motion) == [["pan_left", "zoom_in"]]
    assert camera_stages(facts, ["static"]) == camera_stages(facts, []) == []


def test_light_in_between_is_not_stated() -> None:
    def told(color: str = "gray", **light: float) -> Light:
        place = PlaceFacts(colors=[(color, 0.6)])
        return select_light(evidence(light=LightFacts(**light), place=place))

    assert told(brightness=0.4, contrast=0.2, saturation=0.3) == told() == Light()
    assert told(brightness=0.7, saturation=0.01, warmth=0.2) == Light("bright", "none")
    pale = told(brightness=0.4, saturation=0.1, warmth=0.2, contrast=0.3)
    assert pale == Light("", "muted", "warm", "strong")
    assert told("green", brightness=0.4, saturation=0.4, warmth=0.2).tint == ""


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


def test_what_is_laid_over_the_picture_is_told_from_what_is_filmed() -> None:
    box = (0.1, 0.1, 0.5, 0.2)
    facts = evidence(
        texts=[Text(text=line, t=1, box=box) for line in ("STAGE 03", "Harbour", "12:30")],
        overlays=[TextRegion(t=0, end=3, box=box, score=1, text=line) for line in ("STAGE 03", "")],
    )
    scene = select_scene(facts, [], is_any)
    assert (scene.titles, scene.texts) == (("STAGE 03",), ("Harbour",))
