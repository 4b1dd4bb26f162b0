"""What is said in the questions: prompts and hints from files, and the three modes' own words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from instancecap.captioners.chain import ChainOptions
from instancecap.captioners.chain.answers import CHOICES, clean
from instancecap.captioners.chain.pictures import sketch
from instancecap.captioners.chain.prompting import load_prompts
from instancecap.errors import UsageError
from instancecap.mllm.base import Request
from instancecap.models.coco import CATEGORIES
from instancecap.schema.evidence import Evidence
from instancecap.schema.vocabulary import Category
from tests.captioners.chain.answering import (
    Fake,
    answer_with,
    ask_about,
    by_schema,
    keys_of,
    text_of,
)
from tests.made import camera, evidence, thing


def pair() -> Evidence:
    return evidence(
        thing("dog", (0.05, 0.4, 0.25, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True, direction="right"),
        thing("car", (0.7, 0.5, 0.95, 0.7), id=1, colors=[("red", 0.8)]),
    )


def requests(facts: Evidence | None = None, **options: Any) -> list[Request]:
    backend = Fake()
    ask_about(facts or pair(), backend, **options)
    return backend.requests


# Files --------------------------------------------------------------------------------------------


def test_every_coco_class_and_every_category_has_a_hint() -> None:
    hints = load_prompts().hints
    assert set(CATEGORIES) <= set(hints)
    assert set(get_args(Category)) <= set(hints)
    own = [hints[name] for name in CATEGORIES]
    assert len(set(own)) == len(own), "no class is told another one's hint"


def test_a_class_without_a_hint_gets_that_of_its_category() -> None:
    prompts = load_prompts()
    assert prompts.hint("fox", "animal") == prompts.hints["animal"]
    assert prompts.hint("thing", "") == prompts.hints["other"]


def test_hints_can_be_added_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "hints.csv"
    path.write_text("name,hint\ndog,the tag on its collar\nfox,the tip of its tail\n")
    mine, ours = load_prompts("", str(path)), load_prompts()
    assert mine.hint("dog", "animal") == "the tag on its collar"
    assert mine.hint("fox", "animal") == "the tip of its tail"
    assert mine.hint("cat", "animal") == ours.hint("cat", "animal")
    assert mine.version != ours.version
    assert "the tag on its collar" in text_of(requests(hints_file=str(path))[1])


def test_a_prompt_can_be_replaced(tmp_path: Path) -> None:
    (tmp_path / "clip.md").write_text("Tell me all, for $$5.\n")
    told = requests(prompts_dir=str(tmp_path))
    assert "Tell me all, for $5." in text_of(told[0])
    assert load_prompts(str(tmp_path)).version != load_prompts().version
    caption = ask_about(pair(), prompts_dir=str(tmp_path)).caption
    assert caption.producer.prompts == load_prompts(str(tmp_path)).version


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("cilp.md", "Hm.", "cilp.md: no prompt of this name; .*clip"),
        ("clip.md", "Tell $me.", r"prompt clip.md: 'me' cannot be filled in; .* none"),
        ("instance.md", "$nuon", r"placeholders there: \$noun, \$clip"),
        ("views.md", "## blur\nHm.", "views.md: lacks the section 'color'"),
    ],
)
def test_a_wrong_prompt_is_told(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError, match=message):
        requests(prompts_dir=str(tmp_path))


def test_wrong_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of prompts"):
        load_prompts(str(tmp_path / "gone"))
    with pytest.raises(UsageError, match=r"gone.csv: cannot be read"):
        load_prompts("", str(tmp_path / "gone.csv"))
    (tmp_path / "odd.csv").write_text("class;hint\n")
    with pytest.raises(UsageError, match="has the columns name,hint"):
        load_prompts("", str(tmp_path / "odd.csv"))


def test_every_key_of_an_answer_is_explained() -> None:
    fields = load_prompts().texts["fields"]
    for mode in ("fused", "paper", "single"):
        for request in requests(evidence(thing("object"), thing("dog", id=1)), mode=mode):
            for key in keys_of(request):
                assert key in fields or key.startswith("instance_"), key
                assert f'"{key}"' in text_of(request)
    assert set(CHOICES) <= set(fields)


# Fused --------------------------------------------------------------------------------------------


def test_what_a_fused_question_holds() -> None:
    clip, dog, car = requests()
    assert "a dog and a red car" in text_of(clip)
    assert "The camera stays still." in text_of(clip)
    assert "The clip is 4.0 seconds long. Above are 8 of its frames" in text_of(clip)
    assert load_prompts().hints["dog"] in text_of(dog)
    assert "to the right" in text_of(dog)
    assert "has been blurred on purpose" in text_of(dog)
    assert "Said of global description." in text_of(dog), "information interaction"
    assert load_prompts().hints["car"] in text_of(car)
    assert "expression" in keys_of(dog)
    assert "expression" not in keys_of(car)
    assert keys_of(dog).index("changes") < keys_of(dog).index("action"), "notes come first"


def test_without_hints_nothing_measured_is_told() -> None:
    clip, dog, _ = requests(hints=False)
    assert "easure" not in text_of(clip) + text_of(dog)
    assert load_prompts().hints["dog"] not in text_of(dog)
    told = [text_of(one) for one in requests(hints=False, mode="paper")]
    assert not any("easure" in text or load_prompts().hints["dog"] in text for text in told)


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("blur", "blurred on purpose"),
        ("color", "painted over with one plain color"),
        ("outline", "thin red line"),
        ("crop", "cropped around"),
        ("none", "the dog on the left of the frame"),
    ],
)
def test_the_model_is_told_what_was_done_to_the_pictures(variant: Any, words: str) -> None:
    for mode in ("fused", "paper"):
        assert words in text_of(requests(visual_prompt=variant, mode=mode)[1])


def test_what_somebody_said_is_told_as_a_guess() -> None:
    ready = sketch(pair(), options=ChainOptions(), hint='My "dog"\nday')
    backend = Fake()
    ask_about(ready, backend)
    assert 'may be wrong, so use only what the frames confirm: "My "dog" day"' in text_of(
        backend.requests[0]
    )


def test_groups_and_unnamed_things_have_a_noun() -> None:
    facts = evidence(thing("person", count=3), thing("object", id=1, moving=True))
    _, people, loose = requests(facts)
    assert "the group of people" in text_of(people)
    assert "the thing" in text_of(loose)
    assert {"category", "expression"} <= set(keys_of(loose))


# Paper --------------------------------------------------------------------------------------------


def test_the_turns_of_the_published_chain() -> None:
    told = requests(mode="paper")
    assert len(told) == 12
    turns = [len(one.messages) for one in told]  # the system prompt among them
    assert sorted(turns) == [2] * 7 + [4] * 5
    first = told[0]
    assert "at most 20 words" in text_of(first)
    for one in told:
        assert one.images == 8
        assert [message.role for message in one.messages][:2] == ["system", "user"]
    second = next(one for one in told if len(one.messages) == 4)
    assert second.messages[2].parts == ('{"text": "Said of text."}',)
    actions = [one for one in told if "With that in mind" in text_of(one)]
    assert len(actions) == 4
    assert all('"Said of text."' in text_of(one) for one in actions)


@pytest.mark.parametrize(
    ("motion", "words"),
    [
        (["static"], "Measurement says that the camera stays still"),
        (["pan_left"], "Measurement says of the camera: The camera pans left."),
        ([], "could not be measured"),
    ],
)
def test_three_hints_on_the_camera(motion: Any, words: str) -> None:
    told = requests(evidence(camera=camera(*motion)), mode="paper")
    assert any(words in text_of(one) for one in told)


def test_a_first_turn_without_an_answer_ends_its_conversation() -> None:
    def answer(request: Request) -> str:
        return "" if "which of them move" in text_of(request) else by_schema(request)

    backend = Fake(answer)
    caption = ask_about(pair(), backend, mode="paper", attempts=1).caption
    assert len(backend.requests) == 11
    assert caption.background == ""
    assert any("background left empty" in line for line in caption.warnings)
    assert caption.lighting, "what the paper does not ask stays as measured"


# Single -------------------------------------------------------------------------------------------


def test_all_in_one_answer() -> None:
    (request,) = requests(mode="single")
    assert {"instance_0", "instance_1", "background"} <= set(keys_of(request))
    text = text_of(request)
    assert '"instance_0": the dog, from the left' in text
    assert "SkyCaptioner" not in text


def sky(**change: Any) -> dict[str, Any]:
    car = {
        "TYPES": {"type": "Vehicles", "sub_type": "Car"},
        "appearance": "A red car.",
        "action": "The car is parked.",
        "expression": "",
        "position": "right",
        "is_main_subject": False,
    }
    dog = {
        "TYPES": {"type": "Animals", "sub_type": "Dog"},
        "appearance": "A brown dog.",
        "action": "The dog runs.",
        "expression": "The dog looks eager.",
        "position": "left",
        "is_main_subject": True,
    }
    return {
        "subjects": [car, dog],
        "shot_type": "long_shot",
        "shot_angle": "eye_level",
        "shot_position": "side_view",
        "camera_motion": "The camera stays still.",
        "environment": "A street.",
        "lighting": "Daylight.",
    } | change


def ask_sky(values: dict[str, Any], facts: Evidence | None = None) -> tuple[Any, Request]:
    backend = Fake(lambda _: json.dumps(values))
    told = {"mode": "single", "single_format": "skycaptioner"}
    return ask_about(facts or pair(), backend, **told).caption, backend.requests[0]


def test_skycaptioners_own_words() -> None:
    caption, request = ask_sky(sky())
    assert [message.role for message in request.messages] == ["user"], "as it was trained"
    dog, car = caption.instances
    assert (dog.appearance, car.appearance) == ("A brown dog.", "A red car.")
    assert (dog.expression, dog.is_main, car.is_main) == ("The dog looks eager.", True, False)
    assert (caption.background, caption.lighting) == ("A street.", "Daylight.")
    assert caption.camera.shot_angle == "eye_level"
    assert caption.producer.mode == "single:skycaptioner"
    assert caption.global_description, "it has no such field: the measured sentence stays"


def test_a_subject_that_is_not_there_is_left_out() -> None:
    cow = {"TYPES": {"type": "Animal", "sub_type": "Cow"}, "appearance": "A cow."}
    caption, _ = ask_sky(sky(subjects=[cow, *sky()["subjects"]]))
    assert [one.appearance for one in caption.instances] == ["A brown dog.", "A red car."]
    caption, _ = ask_sky(sky(subjects=[cow]))
    assert caption.instances[0].appearance == "A cow.", "an animal, for want of a better match"
    assert caption.instances[1].appearance != "A cow."
    assert any("instances" in line or "appearance" in line for line in caption.warnings)


def ask_vid(text: str) -> Any:
    told = {"mode": "single", "single_format": "instancecap-captioner"}
    return ask_about(pair(), Fake(lambda _: text), **told).caption


def test_instancecap_captioners_own_words() -> None:
    caption = ask_vid(
        json.dumps(
            {
                "Global Description": "A dog runs past a car.",
                "Structural Description": {
                    "Main Instance": {
                        "No.0": {"Class": "car", "Appearance": "A red car."},
                        "No.1": {
                            "Class": "dog",
                            "Appearance": "A brown dog.",
                            "Actions and Motion": "The dog runs.",
                        },
                    },
                    "Background Detail": "A street.",
                    "Camera Movement": "The camera stays still.",
                },
            }
        )
    )
    dog, car = caption.instances
    assert caption.global_description == "A dog runs past a car."
    assert (dog.appearance, dog.action, car.appearance) == (
        "A brown dog.",
        "The dog runs.",
        "A red car.",
    )
    assert (caption.background, caption.camera.description) == (
        "A street.",
        "The camera stays still.",
    )


def test_instancecap_captioner_in_prose() -> None:
    caption = ask_vid("A dog runs past a red car.\n\nThe street is empty.")
    assert caption.global_description == "A dog runs past a red car. The street is empty."
    assert caption.provenance["/global_description"].source == "replied-1"
    assert caption.background == ""


# Texts --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (" A  dog\nruns.\t", "A dog runs."),
        ("N/A", ""),
        ("unknown.", ""),
        ("...", ""),
        ("\ud800A dog\x00.", "A dog ."),
        ("狗在跑。", "狗在跑。"),
        ("x" * 5000, "x" * 1500 + " …"),
        ("狗。" * 2000, "狗。" * 750),
    ],
)
def test_texts_are_cleaned(said: str, kept: str) -> None:
    assert clean(said) == kept


def test_words_are_read_generously() -> None:
    values = {"shot_angle": "High-Angle", "shot_position": "from behind", "style": None}
    backend = Fake(lambda request: answer_with(request, values | {"background": ["A.", "B."]}))
    caption = ask_about(pair(), backend).caption
    assert caption.camera.shot_angle == "high_angle"
    assert (caption.camera.shot_position, caption.style) == ("", "unknown")
    assert caption.background == "A. B."
