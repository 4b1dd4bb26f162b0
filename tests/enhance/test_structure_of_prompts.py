"""A prompt without a model: every word is quoted, none is invented."""

from __future__ import annotations

from operator import le
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.enhance import instances_of, invented, load, lost
from instancecap.enhance import Enhanced, EnhanceOptions, Picture, structured
from instancecap.enhance.parse import parse
from instancecap.errors import FormatError, UsageError
from instancecap.render.targets import find_target, targets
from instancecap.schema import Caption
from instancecap.schema.vocabulary import Primitive, ShotType

KITE = "Three kids chase a paper kite along a windy beach"


def enhanced(prompt: str, target: str = "", **options: object) -> Enhanced:
    goal = find_target(target) if target else None
    return structured(prompt, EnhanceOptions(target=goal, **options))  # type: ignore[arg-type]


@pytest.mark.parametrize("label", load(), ids=lambda one: one.prompt[:40])
def test_what_a_prompt_says_is_in_its_caption_and_nothing_else(label: object) -> None:
    result = enhanced(label.prompt, "wan2.2")  # type: ignore[attr-defined]
    assert not list(lost(label, result))  # type: ignore[arg-type]
    assert not invented(label, result)  # type: ignore[arg-type]
    caption = Caption.from_json(result.caption.to_json())
    assert not set(caption.leaves()) - set(caption.provenance)
    assert {one.source for one in caption.provenance.values()} == {"prompt"}


@pytest.mark.parametrize(
    ("which", "missed", "invented", "numbers"), [("seen", 17, 2, 1), ("held", 4, 4, 0)]
)
def test_only_nouns_that_stand_as_nouns_are_instances(
    which: str, missed: int, invented: int, numbers: int
) -> None:
    """The rules were made with the prompts that are ``seen``; the others measured them once."""
    found = instances_of(which)
    figures = len(found.missed), len(found.invented), len(found.wrong_numbers)
    assert all(map(le, figures, (missed, invented, numbers))), found


@pytest.mark.parametrize("told", ["pans from left to right", "pans left to right"])
def test_a_camera_that_pans_between_sides_is_camera(told: str) -> None:
    caption = enhanced(f"The camera {told} over a mountain lake").caption
    assert caption.camera.motion == ["pan_right"] and not caption.instances


def test_instances_quote_their_places_in_the_prompt() -> None:
    caption = enhanced(KITE).caption
    kids, kite = caption.instances
    assert (kids.class_, kids.count, kids.category) == ("kid", 3, "human")
    assert (kite.name, kite.appearance) == ("the paper kite", "a paper kite")
    ((first, last),) = caption.provenance["/instances/0/action"].spans
    assert caption.producer.prompt[first:last] == kids.action
    assert (caption.background, caption.place) == ("a windy beach", "outdoor")


@pytest.mark.parametrize("target", sorted(set(targets()) - {"cosmos3", "minimax-h3"}))
def test_a_prompt_is_rendered_as_the_user_wrote_it(target: str) -> None:
    assert enhanced(KITE, target).prompt == f"{KITE}."


@pytest.mark.parametrize(
    ("prompt", "camera", "motion", "light"),
    [
        (f"{KITE}. The camera slowly pans left.", "The camera slowly pans left.", ["pan_left"], ""),
        (f"{KITE}, handheld camera, warm light", "Handheld camera", [], "Warm light"),
        (f"static shot, {KITE.lower()}", "Static shot", ["static"], ""),
        (KITE, "", [], ""),
    ],
)
def test_camera_and_light_have_their_fields(
    prompt: str, camera: str, motion: list[str], light: str
) -> None:
    caption = enhanced(prompt).caption
    assert (caption.camera.description, caption.camera.motion) == (camera, motion)
    assert caption.lighting == light
    assert caption.global_description.rstrip(".").casefold() == KITE.casefold()


def test_several_shots_keep_their_instances() -> None:
    prompt = "Shot 1: A boy opens a box. Shot 2: The boy smiles."
    result = enhanced(prompt, "minimax-h3", duration=6.0)
    first, second = result.caption.segments
    assert (first.start, first.end, second.end) == (0.0, 3.0, 6.0)
    assert 0 in first.instances and 0 in second.instances
    assert "[Shot 1] A boy opens a box. [Shot 2] At 00:03.000, The boy smiles." in result.prompt


def test_sentences_become_the_shots_that_are_asked_for() -> None:
    two = "A boy opens a box. Light fills his face."
    assert [one.description for one in enhanced(two, shots=2).caption.segments] == [
        "A boy opens a box.", "Light fills his face."
    ]  # fmt: skip
    only = enhanced(two, shots=3).caption
    assert len(only.segments) == 2 and "no more sentences" in only.warnings[0]


def test_speech_is_marked_where_a_model_makes_sound_and_missed_where_it_does_not() -> None:
    prompt = 'A man says "I will be back" under a lamp. A sign on the wall reads "EXIT".'
    heard, silent = enhanced(prompt, "minimax-h3"), enhanced(prompt, "wan2.2")
    assert "(S1) <d>[English] I will be back</d>" in heard.prompt and '"EXIT"' in heard.prompt
    assert not heard.missing
    assert silent.missing == ('speech "I will be back": wan2.2 makes no sound',)
    assert [one.text for one in silent.caption.texts] == ["EXIT"]


def test_fields_of_the_clip_go_where_a_target_has_them() -> None:
    sized = enhanced(KITE, "cosmos3", duration=5.0, fps=24.0, aspect="16:9").prompt
    assert '"duration": "5s", "fps": 24' in sized.replace(
        '"fps": 24, "duration": "5s"', '"duration": "5s", "fps": 24'
    )
    assert '"aspect_ratio": "16,9"' in sized
    assert enhanced(KITE, "wan2.2", duration=5.0).prompt == f"{KITE}."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": "cosmos3", "duration": 30.0}, "cosmos3 takes seconds from 2 to 10"),
        ({"target": "cosmos3", "fps": 25.0}, "cosmos3 takes even numbers from 10 to 30"),
        ({"aspect": "5:4"}, "--aspect 5:4: allowed are 16:9"),
        ({"variants": 4}, "--n needs a model"),
        ({"mode": "staged"}, "--mode needs a model"),
        ({"intensity": "full"}, "--intensity needs a model"),
        ({"shot_type": "weird"}, "--shot-type weird: allowed are extreme_close_up, close_up"),
        ({"style": "weird"}, "--style weird: allowed are real, animation, graphics"),
        ({"camera": "weird"}, "--camera weird: allowed are static, pan_left"),
        ({"target": "hunyuanvideo", "negative": "rain"}, "hunyuanvideo takes no negative prompt"),
        ({"variants": 0}, "--n 0: allowed are 1 to 64"),
        ({"mode": "quick"}, "--mode quick: allowed are fused, staged"),
        ({"lexicon": "nowhere"}, "--lexicon nowhere: positive.txt cannot be read"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        enhanced(KITE, **options)  # type: ignore[arg-type]


def test_negative_prompts_name_what_is_excluded_where_a_target_takes_them() -> None:
    words = enhanced("An empty street at night, no people, no cars", "wan2.2").negative_prompt
    assert words.startswith("worst quality") and words.endswith("people, cars")
    assert enhanced("A street, no people", "hunyuanvideo").negative_prompt == ""
    assert enhanced(KITE).negative_prompt == ""


@pytest.mark.parametrize(
    "prompt",
    ["A beach, no dogs barking and the sun sets", "A street, without cars and a boy runs"],
)
def test_what_happens_beside_what_is_denied_stays(prompt: str) -> None:
    result = enhanced(prompt, "wan2.2")
    assert prompt.split(" and ")[1] in result.prompt and not result.missing


@pytest.mark.parametrize("denied", ["people", "cars in the background", "tall trees"])
def test_what_is_denied_is_in_the_negative_prompt_alone(denied: str) -> None:
    result = enhanced(f"An empty street at night, no {denied}", "wan2.2")
    assert result.prompt == "An empty street at night." and not result.missing
    assert result.negative_prompt.endswith(denied.split(" in ")[0])


@pytest.mark.parametrize(("mark", "kept"), [(".", "."), (";", ".")])
def test_sentences_stay_apart_where_the_camera_is_taken_out(mark: str, kept: str) -> None:
    prompt = enhanced(f"A chef cooks{mark} The camera dollies in. Steam rises.", "wan2.2").prompt
    assert prompt == f"A chef cooks{kept} Steam rises. The camera dollies in."


def test_a_pinned_field_wins_over_the_prompt() -> None:
    caption = enhanced(f"{KITE}, the camera pans left", camera="zoom in", style="anime").caption
    assert caption.camera.motion == ["zoom_in"] and caption.style == "animation"


@pytest.mark.parametrize(
    ("option", "field", "words"),
    [
        ("shot_type", "shot_type", get_args(ShotType)[:-1]),
        ("camera", "motion", get_args(Primitive)),
    ],
)
def test_every_word_of_the_schema_pins_its_field(
    option: str, field: str, words: tuple[str, ...]
) -> None:
    for word in words:
        value = getattr(enhanced(KITE, **{option: word}).caption.camera, field)
        assert word in (value, *value)
    assert [enhanced(KITE, style=one).caption.style for one in ("real", "graphics")] == [
        "real", "graphics",
    ]  # fmt: skip


def test_a_length_without_shots_is_that_of_the_one_shot() -> None:
    caption = enhanced(KITE, duration=6.0, shots=3).caption
    assert [(one.start, one.end) for one in caption.shots] == [(0.0, 6.0)]
    assert "shots: 1, not 3" in caption.warnings[0]


@pytest.mark.parametrize(
    ("prompt", "writing", "speech"),
    [
        ('A cup says "HELLO"', ["HELLO"], []),
        ('A neon sign says "OPEN"', ["OPEN"], []),
        ('A woman holds a cardboard sign that says "FREE HUGS"', ["FREE HUGS"], []),
        ('A boy waves a banner which says "GO"', ["GO"], []),
        ('A man at the table who says "Hi"', [], ["Hi"]),
        ('A parrot that says "Hi"', [], ["Hi"]),
        ('The old barista says "Hi"', [], ["Hi"]),
        ('A parrot says "Hi" to a man', [], ["Hi"]),
    ],
)
def test_what_a_thing_says_is_to_be_read_on_it(
    prompt: str, writing: list[str], speech: list[str]
) -> None:
    result = enhanced(prompt, "wan2.2")
    assert [one.text for one in result.caption.texts] == writing
    assert list(result.missing) == [f'speech "{one}": wan2.2 makes no sound' for one in speech]


@pytest.mark.parametrize(
    ("prompt", "excluded"),
    [
        ("Close-up of a watchmaker, no hands shaking, lamplight", "hands shaking"),
        ("A quiet street, no cars passing by, at night", "cars passing by"),
        ("A park, no people wearing hats in the sun", "people wearing hats in the sun"),
        ("A watch, no hands, lamplight", "hands"),
        ("A girl, no red shoes", "red shoes"),
    ],
)
def test_what_does_not_happen_excludes_nobody(prompt: str, excluded: str) -> None:
    parsed = parse(prompt)
    assert [one.words for one in parsed.parts if one.kind == "negation"] == [excluded]
    assert f"no {excluded}" in parsed.found and not any(
        word in ("shake", "shaking", "pass", "wear", "hat", "sun")
        for word in (one.words for one in parsed.parts if one.kind != "negation")
    )
    assert enhanced(prompt, "wan2.2").negative_prompt.endswith(f", {excluded}")


def test_chinese_is_read_as_far_as_the_phrase_table_goes() -> None:
    prompt = "两只白色的狗在海滩上奔跑，镜头向左摇，黄昏"
    for target in ("", "wan2.2", "cosmos3"):
        result = enhanced(prompt, target)
        assert result.prompt == prompt
    (dogs,) = result.caption.instances
    assert (dogs.name, dogs.class_, dogs.count, dogs.colors) == ("白色的狗", "dog", 2, ["white"])
    assert (result.caption.camera.motion, result.caption.time_of_day) == (
        ["pan_left"], "dawn_or_dusk",
    )  # fmt: skip
    assert "the prompt is not English" in result.caption.warnings[0]
    assert not enhanced("机器人跳舞").caption.instances  # no person in a robot


def test_shots_have_what_is_said_of_each() -> None:
    caption = enhanced(
        "Shot 1: A girl opens an umbrella, medium shot. Shot 2: Close-up of raindrops, the camera "
        "zooms in. Shot 3: She walks down a street, the camera pans left."
    ).caption
    assert [one.shot_type for one in caption.shots] == ["medium_shot", "close_up", ""]
    assert [one.motion for one in caption.shots] == [[], ["zoom_in"], ["pan_left"]]
    assert caption.camera.shot_type == "" and caption.camera.motion == ["zoom_in", "pan_left"]
    assert caption.segments[2].description == "She walks down a street, the camera pans left."


def test_a_picture_of_an_animal_is_the_one_that_the_prompt_names() -> None:
    seen = {"id": 0, "class": "animal", "name": "the animal", "appearance": "A gray animal."}
    picture = Picture(Caption.model_validate({"video": None, "instances": [seen]}))
    options = EnhanceOptions(has_picture=True)
    caption = structured("the cat jumps over the wall", options, picture=picture).caption
    assert [one.class_ for one in caption.instances] == ["cat", "wall"]
    assert caption.instances[0].appearance == "A gray animal."


def test_a_possessor_is_no_instance() -> None:
    caption = enhanced("A chef's assistant chops onions").caption
    assert [one.class_ for one in caption.instances] == ["assistant", "onion"]
    assert caption.instances[0].action == "chops onions"


def test_a_negative_prompt_is_added_to() -> None:
    words = enhanced(f"{KITE}, no dogs", "wan2.2", negative="rain, umbrellas").negative_prompt
    assert words.startswith("worst quality") and words.endswith("dogs, rain, umbrellas")
    assert enhanced(KITE, negative="rain").negative_prompt == "rain"


@pytest.mark.parametrize("prompt", ["", "   ", "...", "\n\t", "\u200b"])
def test_nothing_is_refused_in_one_line(prompt: str) -> None:
    with pytest.raises(FormatError, match="an empty prompt: write what the video is to show"):
        enhanced(prompt)


def test_long_prompts_are_kept_within_the_budget_and_too_long_ones_refused() -> None:
    long = "A red car drives past a green field. " * 270
    assert len(long) > 9_900
    assert enhanced(long, "wan2.2").prompt.startswith("A red car drives")
    unbroken = "word " * 2_000
    assert 0 < len(enhanced(unbroken, "ltx-video").prompt) < 800
    with pytest.raises(FormatError, match="at most 20,000 are taken"):
        enhanced("a" * 20_001)


@given(st.text(max_size=300))
def test_any_text_is_safe(text: str) -> None:
    try:
        result = enhanced(text, "cogvideox")
    except FormatError:
        return
    assert result.prompt
    for one in result.caption.provenance.values():
        assert all(0 <= a < b <= len(result.caption.producer.prompt) for a, b in one.spans)
