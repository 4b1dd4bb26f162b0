"""What distillation takes of the measured caption."""

from __future__ import annotations

from instancecap.schema.caption import Camera, Caption, Instance, Position, Provenance
from recipes.distill import distill


def told(source: str, confidence: float) -> Provenance:
    return Provenance(source=source, confidence=confidence, support="unchecked")


def test_sure_measured_fields_replace_and_fill() -> None:
    dog = Instance(id=3, class_="dog", category="animal", position=Position(text="somewhere"))
    caption = Caption(
        video=None, instances=[dog], camera=Camera(motion=["zoom_in"], shot_angle="low_angle")
    )
    same = dog.model_copy(update={"id": 0, "position": Position(start="top-left", end="top-right")})
    measured = Caption(
        video=None,
        instances=[same],
        camera=Camera(motion=["pan_left"], shot_type="long_shot", shot_angle="eye_level"),
        provenance={
            "/camera/motion": told("camera", 0.9),
            "/camera/shot_type": told("framing", 0.9),
            "/camera/shot_angle": told("framing", 0.5),
            "/instances/0/position/text": told("tracker", 0.9),
        },
    )
    changed = distill(caption, measured, least=0.8)
    assert changed == ["/camera/motion", "/camera/shot_type", "/instances/3/position/text"]
    assert caption.camera.motion == ["pan_left"] and caption.camera.shot_angle == "low_angle"
    assert caption.camera.description == "The camera pans left."
    assert "left" in caption.instances[0].position.text
    assert caption.provenance["/camera/motion"].support == "measured"


def test_what_a_person_wrote_stays() -> None:
    caption = Caption(
        video=None,
        camera=Camera(shot_type="close_up"),
        provenance={"/camera/shot_type": told("human", 1.0)},
    )
    measured = Caption(
        video=None,
        camera=Camera(shot_type="long_shot"),
        provenance={"/camera/shot_type": told("framing", 0.99)},
    )
    assert distill(caption, measured, least=0.5) == []
    assert caption.camera.shot_type == "close_up"
