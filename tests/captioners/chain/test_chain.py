"""The question chain: calls and pictures, agreed instances, other models' formats, real clips."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import instancecap as ic
from instancecap.captioners.chain import ChainOptions, predict, prepare
from instancecap.errors import ModelError
from instancecap.evidence.tracking.instances import box_at
from instancecap.formats import answer_text
from instancecap.mllm.base import Image, Request
from instancecap.mllm.probes import Convention
from instancecap.schema.caption import Camera, Caption, Instance, Position
from instancecap.schema.evidence import Evidence
from instancecap.video import Clip
from tests.captioners.chain.answering import (
    CAR,
    DOG,
    PERSON,
    THREE,
    Fake,
    answer_with,
    ask_about,
    boxes,
    finish,
    keys_of,
    listing,
    text_of,
    three,
)
from tests.made import camera, evidence, evidences, thing

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

# What it costs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "calls", "images"),
    [
        ({"detail": "never"}, 1, 16),
        ({"detail": "auto"}, 1, 16),
        ({"detail": "each"}, 4, 16 + 3 * 4),
        ({"mode": "paper"}, 1 + 16, 8 * (1 + 16)),
        ({"mode": "paper", "agree": "off"}, 16, 8 * 16),
        ({"mode": "single"}, 1, 16),
    ],
)
def test_calls_and_images_of_each_mode(options: Any, calls: int, images: int) -> None:
    backend = Fake(THREE)
    usage = ask_about(three(), backend, **options).usage
    assert (usage.calls, usage.images) == (len(backend.requests), backend.images)
    assert (usage.calls, usage.images) == (calls, images)


@given(evidences(), st.integers(1, 9), st.sampled_from([1.0, 3.0, 8.0]), st.booleans())
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_the_cost_is_known_before(facts: Evidence, frames: int, window: float, off: bool) -> None:
    told: dict[str, Any] = {"frames": frames, "window": window, "language": "fr"}
    told |= {"mode": "paper", "agree": "off"} if off else {"detail": "never"}
    used = ask_about(facts, Fake(THREE), **told).usage
    expected = predict(facts, options=ChainOptions(**told))
    assert (used.calls, used.images) == (expected.calls, expected.images)
    assert expected.prompt_tokens >= 100 * expected.calls
    assert (expected.completion_tokens > 0) == (expected.calls > 0)


# Agreed instances ---------------------------------------------------------------------------------

BALLS = {
    "the red ball": (220, 20, 20),
    "the green ball": (20, 200, 40),
    "the blue ball": (20, 40, 230),
}


def balls(frame: int) -> dict[str, tuple[float, float, float, float]]:
    left = 0.05 + 0.02 * frame
    return {
        "the red ball": (left, 0.1, left + 0.15, 0.35),
        "the green ball": (0.4, 0.4, 0.55, 0.65),
        "the blue ball": (0.8 - 0.02 * frame, 0.7, 0.95 - 0.02 * frame, 0.95),
    }


def three_balls(count: int = 24, size: tuple[int, int] = (180, 320)) -> Clip:
    height, width = size
    ground = np.random.default_rng(0).integers(100, 150, (*size, 3), np.uint8)
    frames = []
    for index in range(count):
        frame = ground.copy()
        for name, (x0, y0, x1, y1) in balls(index).items():
            center = round((x0 + x1) / 2 * width), round((y0 + y1) / 2 * height)
            cv2.circle(frame, center, round((y1 - y0) / 2 * height), BALLS[name], cv2.FILLED)
        frames.append(frame)
    return Clip.from_frames(np.stack(frames), 12)


@pytest.mark.usefixtures("without_weights")
def test_what_the_detector_does_not_find_is_tracked_from_the_models_boxes() -> None:
    clip, facts = three_balls(), evidence()
    facts.video = facts.video.model_copy(update={"duration": 2.0, "width": 320, "height": 180})
    facts.shots[0].end = 2.0
    facts.camera.path = [one for one in camera("static").path if one.t < 2.0]
    options = ChainOptions(detail="never")
    prepared = prepare(clip, facts, options=options)
    times = [image.t or 0.0 for image in prepared.frames or prepared.images]  # type: ignore[union-attr]
    listed = []
    for name in BALLS:
        shown = [(n, balls(round(12 * times[n - 1]))[name]) for n in (3, len(times) - 2)]
        listed.append({"name": name, "class": "ball", "boxes": boxes(*shown)})
    backend = Fake(listing(*listed))
    caption = finish(prepared, backend, options).caption
    assert len(backend.requests) == 1
    assert [one.name for one in caption.instances] == list(BALLS)
    for one in caption.instances:
        assert caption.provenance[f"/instances/{one.id}"].source == "model"
        assert len(one.track) >= 10
        for point in one.track:
            true = balls(round(12 * point.t))[one.name]
            middle = [(a + b) / 2 for a, b in ((true[0], true[2]), (true[1], true[3]))]
            found = [(point.box[0] + point.box[2]) / 2, (point.box[1] + point.box[3]) / 2]
            assert np.abs(np.subtract(middle, found)).max() < 0.06, (one.name, point)
    assert caption.instances[0].position.start == "top-left"


def test_measured_tracks_get_the_models_names_and_what_nobody_names_goes() -> None:
    caption = ask_about(three(), Fake(listing(CAR, DOG))).caption
    assert [(one.id, one.name, one.class_) for one in caption.instances] == [
        (0, "the brown dog", "dog"), (2, "the car", "car"),
    ]  # fmt: skip
    assert caption.provenance["/instances/0"].source == "both"
    assert caption.provenance["/instances/0/name"].source == "replied-1"
    assert caption.instances[0].track, "as it was measured"
    assert caption.instances[0].is_main and not caption.instances[1].is_main


def test_the_models_word_stands_where_the_detectors_kind_does_not_go_with_it() -> None:
    place = {"pictures": [1], "boxes": boxes((1, (0.1, 0.4, 0.3, 0.6)))}
    fox = {"name": "the pine cone", "class": "pine cone", "category": "plant", **place}
    caption = ask_about(evidence(thing("dog", (0.1, 0.4, 0.3, 0.6))), Fake(listing(fox))).caption
    (one,) = caption.instances
    assert (one.class_, one.category, one.subcategory) == ("pine cone", "plant", "pine cone")
    puppy = {"name": "the puppy", "class": "puppy", "category": "animal"}
    caption = ask_about(evidence(thing("dog")), Fake(listing(puppy))).caption
    assert (caption.instances[0].class_, caption.instances[0].subcategory) == ("dog", "puppy")


def test_a_model_that_gives_no_boxes_says_which_outline_is_around_what() -> None:
    told = [DOG | {"number": 3, "class": "pup", "category": "other"}, CAR | {"number": 0}]
    backend = Fake(listing(*told))
    caption = ask_about(three(), backend, convention=Convention()).caption
    assert [one.id for one in caption.instances] == [2, 3]
    assert caption.provenance["/instances/3"].source == "model" and not caption.instances[1].track
    (request,) = backend.requests
    assert request.images == 16 + 4 and "last 4 pictures" in text_of(request)


def test_a_model_that_sees_no_instance_has_none_and_one_that_fails_leaves_the_measured() -> None:
    assert ask_about(three(), Fake(listing())).caption.instances == []
    lost = ask_about(three(), Fake(lambda _: ModelError("timed out")))
    assert [one.id for one in lost.caption.instances] == [0, 1, 2]
    assert lost.missing and lost.reasons and "timed out" in lost.reasons[0]


def test_facts_are_keys_not_prose() -> None:
    place = boxes((1, (0.1, 0.4, 0.3, 0.6)))
    told = DOG | {"boxes": place, "enters": True, "count": 3, "colors": ["brown", "no color"],
                  "position": "At the left."}  # fmt: skip
    caption = ask_about(three(), Fake(listing(told, camera_motion=["static", "pan_left"]))).caption
    dog = caption.instances[0]
    assert (dog.count, dog.colors, dog.position.enters) == (3, ["brown"], True)
    assert dog.position.text == "At the left." and dog.position.end == "center-right"
    assert caption.camera.motion == ["pan_left"] == caption.shots[0].motion


def test_writing_in_the_picture() -> None:
    read = [{"picture": 2, "box": [100, 800, 400, 900], "text": "LIVE"},
            {"picture": 99, "box": [0, 0, 1, 1], "text": "nowhere"}]  # fmt: skip
    (text,) = ask_about(three(), Fake(listing(texts=read))).caption.texts
    assert (text.text, text.box) == ("LIVE", (0.1, 0.8, 0.4, 0.9))


# One by one ---------------------------------------------------------------------------------------


def test_an_instance_of_its_own_refines_looks_and_never_motion() -> None:
    def answer(request: Request) -> str:
        own = {"appearance": "Its collar is red.", "target_ok": "single", "action": "It sits."}
        own["right_name"] = "the big dog" if "alone: the brown" in text_of(request) else ""
        return answer_with(request, own) if "target_ok" in keys_of(request) else THREE(request)  # type: ignore[return-value]

    backend = Fake(answer)
    caption = ask_about(three(), backend, detail="each").caption
    dog = caption.instances[0]
    assert (dog.appearance, dog.action) == ("Its collar is red.", "Said of action.")
    assert [one.name for one in caption.instances] == ["the big dog", "the person", "the car"]
    asked = backend.requests[1]
    assert keys_of(asked)[0] == "target_ok"
    assert "the brown dog" in text_of(asked) and "- the car" in text_of(asked)


def test_a_name_that_another_has_is_not_taken() -> None:
    def answer(request: Request) -> str:
        own = {"target_ok": "single", "right_name": "the car"}
        return answer_with(request, own) if "target_ok" in keys_of(request) else THREE(request)  # type: ignore[return-value]

    caption = ask_about(three(), Fake(answer), detail="each").caption
    assert [one.name for one in caption.instances] == ["the brown dog", "the person", "the car"]


@pytest.mark.parametrize("ok", ["mixed", "part", "not_a_thing", "several"])
def test_a_target_that_is_none_changes_nothing(ok: str) -> None:
    def answer(request: Request) -> str:
        own = {"appearance": "Something else.", "target_ok": ok}
        return answer_with(request, own) if "target_ok" in keys_of(request) else THREE(request)  # type: ignore[return-value]

    caption = ask_about(three(), Fake(answer), detail="each").caption
    assert caption.instances[0].appearance == "Said of appearance."


def test_auto_asks_only_where_the_whole_view_shows_little() -> None:
    tiny = evidence(thing("dog", (0.1, 0.4, 0.15, 0.45)), thing("person", id=1))
    backend = Fake(listing(DOG, PERSON))
    ask_about(tiny, backend)
    assert len(backend.requests) == 2 and "the brown dog" in text_of(backend.requests[1])
    silent = Fake(listing(DOG, PERSON | {"appearance": ""}))
    ask_about(three(), silent)
    assert len(silent.requests) == 2 and "alone: the person" in text_of(silent.requests[1])


# Other models' formats ----------------------------------------------------------------------------

SKY = {
    "subjects": [
        {"TYPES": {"type": "Animal", "sub_type": "Dog"}, "appearance": "Brown.",
         "action": "Runs.", "expression": "", "position": "", "is_main_subject": True},
        {"TYPES": {"type": "Food", "sub_type": "Bone"}, "appearance": "White.", "action": "",
         "expression": "", "position": "", "is_main_subject": False},
    ],
    "environment": "A park.", "lighting": "Soft.", "camera_motion": "It pans.",
    "shot_type": "Full Shot", "shot_angle": "eye level", "shot_position": "Front view",
}  # fmt: skip
VID = {
    "Global Description": "A dog runs.",
    "Structural Description": {
        "Main Instance": {"No.0": {"Class": "dog", "Appearance": "Brown.",
                                   "Actions and Motion": "Runs.", "Position": ""}},
        "Background Detail": "A park.", "Camera Movement": "It pans.",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told", "found"),
    [("skycaptioner", SKY, {"dog": "both", "bone": "model"}),
     ("instancecap-captioner", VID, {"dog": "both"})],
)  # fmt: skip
def test_trained_captioners_are_agreed_with_afterwards(
    name: str, told: Any, found: dict[str, str]
) -> None:
    backend = Fake(lambda _: json.dumps(told))
    caption = ask_about(three(), backend, mode="single", single_format=name).caption
    assert caption.producer.mode == f"single:{name}"
    assert (caption.background, caption.camera.description) == ("A park.", "It pans.")
    assert {
        one.class_: caption.provenance[f"/instances/{one.id}"].source for one in caption.instances
    } == found
    dog = caption.instances[0]
    assert (dog.name, dog.appearance, dog.action) == ("the dog", "Brown.", "Runs.")
    (request,) = backend.requests
    assert len(request.messages) == 1, "no system prompt"
    assert not any(isinstance(p, Image) and p.t is not None for p in request.messages[0].parts)


def test_a_captioner_of_ours_says_all_that_a_caption_has() -> None:
    dog = Instance(
        id=0, name="the brown dog", class_="dog", category="animal", is_main=True, colors=["brown"],
        action="It runs.", position=Position(text="on the left"),
    )  # fmt: skip
    told = Caption(
        video=None, global_description="A dog runs.", instances=[dog], place="outdoor",
        camera=Camera(motion=["pan_left"], shot_type="full_shot"),
    )  # fmt: skip
    backend = Fake(lambda _: answer_text(told, "instancecap"))
    caption = ask_about(three(), backend, mode="single", single_format="instancecap").caption
    (one,) = caption.instances
    assert (one.name, one.colors, one.action) == ("the brown dog", ["brown"], "It runs.")
    assert (one.position.text, caption.place) == ("on the left", "outdoor")
    assert caption.provenance["/instances/0"].source == "both"
    assert "pan_left" in caption.camera.motion and caption.camera.shot_type == "full_shot"
    assert caption.global_description == "A dog runs."
    assert len(backend.requests) == 1


def test_prose_of_instancecap_captioner_is_taken_whole() -> None:
    told = {"mode": "single", "single_format": "instancecap-captioner"}
    caption = ask_about(three(), Fake(lambda _: "A dog runs in a park."), **told).caption
    assert caption.global_description == "A dog runs in a park."


def test_the_paper_in_turns() -> None:
    backend = Fake(listing(DOG, text="Told."))
    caption = ask_about(three(), backend, mode="paper").caption
    assert [one.name for one in caption.instances] == ["the brown dog"]
    assert (caption.instances[0].appearance, caption.background) == ("Told.", "Told.")
    assert backend.requests[0].schema is not None and "text" not in keys_of(backend.requests[0])
    last = backend.requests[-1]
    assert [one.role for one in last.messages] == ["system", "user", "assistant", "user"]
    measured = ask_about(three(), Fake(), mode="paper", agree="off").caption
    assert [one.class_ for one in measured.instances] == ["dog", "person", "car"]
    assert measured.provenance["/instances/1"].source == "detector"


# Real clips ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["two_cars", "woman_dog"])
def test_everyday_clips(name: str, clips_dir: Path, measured: Any) -> None:
    path = f"everyday/{name}.mp4"
    facts, clip = measured(path), Clip.open(clips_dir / path)
    options = ChainOptions(image_side=256, frames=4, language="fr", detail="each")
    prepared = pickle.loads(pickle.dumps(prepare(clip, facts, options=options)))
    items, listed = facts.instances[:2], []
    for number, item in enumerate(items):
        found = [(n, box_at(item, one.t or 0.0)) for n, one in enumerate(prepared.frames, 1)]
        shown = [(n, tuple(box.tolist())) for n, box in found if box is not None]
        listed.append({"name": f"the one {number}", "class": item.class_, "boxes": boxes(shown[0]),
                       "pictures": [n for n, _ in shown]})  # fmt: skip
    backend = Fake(listing(*listed))
    written = finish(prepared, backend, options)
    caption = written.caption
    Caption.from_json(caption.to_json())
    asked = text_of(backend.requests[1])
    assert "picture 1 it has a thin red line" in asked, "the only picture that has a box"
    assert {one.id for one in caption.instances} == {item.id for item in items}
    assert caption.provenance.keys() >= caption.leaves().keys()
    assert len(backend.requests) == 1 + len(items)
    for request in backend.requests:
        images = [part for part in request.messages[1].parts if isinstance(part, Image)]
        for part in images:
            picture = cv2.imdecode(np.frombuffer(part.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None and max(picture.shape[:2]) <= 256
        times = [part.t or 0.0 for part in images]
        assert all(0 <= t <= facts.video.duration for t in times)
    last = [part.t for part in backend.requests[0].messages[1].parts if isinstance(part, Image)][-1]
    assert last is not None and last > facts.video.duration - 0.3, "the end is the easiest to lose"


def test_an_array_and_a_still_picture_can_be_asked_about() -> None:
    clip = Clip.from_frames(np.zeros((1, 48, 64, 3), np.uint8), 8)
    backend, options = Fake(), ChainOptions()
    prepared = prepare(clip, ic.measure(clip), options=options)
    written = finish(prepared, backend, options)
    assert backend.images == 1
    assert "a single picture" in text_of(backend.requests[0])
    assert written.caption.background == "Said of background."
