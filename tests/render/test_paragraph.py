"""The paragraph: what is measured in words, names, order, tasks, lengths, every style."""

from __future__ import annotations

from typing import Any

import pytest

from instancecap.errors import FormatError
from instancecap.language.en import NUMBERS
from instancecap.render import render, targets
from instancecap.render.grammar import content, stem
from instancecap.render.options import NAMES_NOTHING
from instancecap.schema.caption import Caption, Provenance
from tests.render.rich_captions import RICH, caption_of, measured, rich
from tests.tables import cases

PROSE = [name for name, one in targets().items() if one.style not in ("json", "minimax")]


def text_of(caption: Caption, target: str = "skyreels-v2", **options: Any) -> str:
    return render(caption, target=target, **options).text


PATH = {"start": "center-middle", "end": "center-right"}
STILL = {"start": "top-right", "end": "top-right"}


def test_measured_fields_are_put_into_words_and_their_sentences_are_not_read() -> None:
    caption = measured(
        {"class": "dog", "colors": ["brown"], "appearance": "A brown dog, large in the frame.",
         "action": "Moves to the right.", "position": {"text": "to the right, then", **PATH}},
        {"class": "person", "colors": ["gray"], "appearance": "Person, gray.",
         "action": "Stays still.", "position": {"text": "frame top right", **STILL}},
        camera={"motion": ["pan_left", "zoom_in"], "speed": "slow",
                "description": "Left pans the camera."},
    )  # fmt: skip
    assert text_of(caption) == (
        "A brown dog moves to the right. It starts in the center of the frame and ends on "
        "the right. At the top right of the frame, a person in gray stays still. "
        "The camera slowly pans left and zooms in."
    )
    assert text_of(caption, task="i2v") == (
        "The dog moves to the right. It starts in the center of the frame and ends on the "
        "right. At the top right of the frame, the person stays still. "
        "The camera slowly pans left and zooms in."
    )


def test_an_edit_of_a_measured_sentence_is_kept() -> None:
    edited = measured(
        {"class": "dog", "colors": ["brown"], "appearance": "A brown dog with a torn ear.",
         "action": "Moves to the right.", "position": {"text": "beside the sofa", **STILL}},
        camera={"motion": ["static"], "description": "The camera peers through a keyhole."},
    )  # fmt: skip
    assert text_of(edited) == (
        "There is a brown dog with a torn ear. It moves to the right. "
        "It is beside the sofa. "
        "The camera peers through a keyhole."
    )


@pytest.mark.parametrize(
    ("place", "wanted"), cases(__file__, "an_instance_that_does_nothing_is_somewhere")
)
def test_an_instance_that_does_nothing_is_somewhere(place: dict[str, Any], wanted: str) -> None:
    assert text_of(caption_of({"class": "car", "colors": ["red"], "position": place})) == wanted


def test_our_global_description_is_left_out_where_it_says_nothing_more() -> None:
    dog = {"class": "dog", "colors": ["brown"], "action": "Moves to the right."}
    caption = measured(dog, global_description="Outdoors by day, a brown dog moves to the right.")
    assert text_of(caption) == "A brown dog moves to the right."
    shots = measured(dog, global_description="The clip has two shots and shows a brown dog.")
    assert text_of(shots).startswith("The clip has two shots and shows a brown dog. The dog moves")


@pytest.mark.parametrize(("appearance", "action", "wanted"), cases(__file__, "looks_and_action"))
def test_looks_and_action(appearance: str, action: str, wanted: str) -> None:
    assert text_of(caption_of({"appearance": appearance, "action": action})) == wanted


@pytest.mark.parametrize(("number", "wanted"), cases(__file__, "groups_are_counted"))
def test_groups_are_counted(number: int, wanted: str) -> None:
    verb = "Moves" if number == 1 else "Move"
    one = {"class": "car", "count": number, "colors": ["red"], "action": f"{verb} to the left."}
    assert text_of(caption_of(one)) == wanted


def test_names_are_carried_through() -> None:
    caption = caption_of(
        {"name": "the cook in white", "action": "tosses a pan", "expression": "calm"},
        {"name": "Anna", "action": "looks on", "position": {"text": "on the left"}},
    )
    assert text_of(caption) == (
        "A cook in white tosses a pan. The cook looks calm. Anna looks on. Anna is on the left."
    )


def test_the_noun_is_the_one_that_tells_most() -> None:
    animal = {"class": "animal", "subcategory": "rhinoceros", "colors": ["black"]}
    cook = {"appearance": "An older man with gray hair.", "expression": "calm"}
    assert text_of(caption_of({**animal, "action": "runs"})) == "A black rhinoceros runs."
    assert text_of(caption_of(cook)).endswith("hair. He looks calm.")
    assert '"description": "rhinoceros"' in text_of(caption_of(animal), "cosmos3")


def test_instances_that_look_the_same_are_told_apart() -> None:
    one = {"colors": ["brown"], "action": "Stays still.", "expression": "calm"}
    assert text_of(caption_of(one, {**one, "action": "Moves about."})) == (
        "A person in brown stays still. The person in brown looks calm. "
        "Another person in brown moves about. The second person in brown looks calm."
    )


def test_the_shot_opens_the_sentence_about_the_camera_that_follows_it() -> None:
    camera = {"motion": ["pan_left"], "shot_type": "long_shot", "shot_angle": "high_angle"}
    caption = caption_of({"class": "dog", "action": "Runs."}, camera=camera)
    assert text_of(caption, "hunyuanvideo").endswith(
        "In a long shot from a high angle, the camera pans left."
    )
    said = caption_of({"class": "dog"}, camera={**camera, "description": "It looks up. Then down."})
    assert "The framing is a long shot from a high angle. It" in text_of(said, "hunyuanvideo")
    still = caption_of({"class": "dog", "action": "Runs."}, camera={"shot_type": "long_shot"})
    assert text_of(still, "hunyuanvideo").endswith("The framing is a long shot.")


def test_what_moves_away_is_not_said_to_stay_where_it_began() -> None:
    place = {"start": "bottom-right", "end": "bottom-right"}
    moves = caption_of({"class": "dog", "appearance": "A dog.", "action": "It turns left.",
                        "position": place})  # fmt: skip
    sits = caption_of(
        {"class": "dog", "appearance": "A dog.", "action": "It sits.", "position": place}
    )
    assert "bottom right" in text_of(sits) and "bottom right" not in text_of(moves)


def test_a_paragraph_of_its_own_is_the_prompt_where_it_fits() -> None:
    own = "A dog in a red scarf runs past, and the camera pans after it."
    caption = caption_of({"class": "dog", "action": "Runs."}, dense_description=own)
    prompt = render(caption, target="wan2.2", prefix="tok,", suffix="instances: {instances}")
    assert (prompt.text, prompt.prose) == (f"tok, {own} instances: 1", "model")
    for options in ({"prose": "fields"}, {"task": "i2v"}, {"length": "short"},
                    {"target": "minimax-h3"}, {"target": "cosmos3"}):  # fmt: skip
        other = render(caption, **{"target": "wan2.2", **options})  # type: ignore[arg-type]
        assert own not in other.text and other.prose == "fields"
    long = caption.model_copy(update={"dense_description": f"{own} " * 60})
    assert render(long, target="ltx-video").prose == "fields"
    changed = caption.model_copy(deep=True)
    changed.provenance["/instances/0/action"] = Provenance(
        source="human", confidence=1.0, support="unchecked"
    )
    assert render(changed, target="wan2.2").prose == "fields"


def test_a_sentence_is_said_once() -> None:
    caption = caption_of({"action": "The dog runs away."}, global_description="The dog runs away.")
    assert text_of(caption) == "The dog runs away."
    twins = {"appearance": "A man in a suit."}
    assert text_of(caption_of(twins, twins)) == " ".join(["There is a man in a suit."] * 2)


def test_nothing_moves_nothing_known() -> None:
    with pytest.raises(FormatError, match="the caption holds nothing for a prompt"):
        render(Caption(video=None), target="wan2.2")
    with pytest.raises(FormatError, match="no sentence is short enough"):
        text_of(caption_of({"class": "dog " * 200}), "ltx-video", length="tags")
    with pytest.raises(FormatError, match="nothing that moves, and no camera"):
        render(caption_of(background="A park."), target="wan2.2", task="i2v")


def test_no_instance_still_reads() -> None:
    caption = caption_of(time_of_day="night", place="outdoor",
                         camera={"motion": ["static"], "stability": "handheld"})  # fmt: skip
    assert text_of(caption) == (
        "The setting is outdoors at night. "
        "The camera stays still; the picture is slightly unsteady."
    )


def test_image_to_video_tells_only_what_moves_and_the_camera() -> None:
    text = text_of(rich("kitchen"), task="i2v")
    assert "chopping onions" in text and "slow zoom in" in text
    assert not {"beard", "shelves", "bowls", "Warm", "EXIT"} & set(text.split())


def test_a_pronoun_has_something_to_refer_to() -> None:
    two = caption_of(
        {"subcategory": "older man", "action": "He turns around."},
        {"subcategory": "woman", "action": "She waves."},
    )
    assert text_of(two, task="i2v") == ("The older man turns around. The woman waves.")


GIST = "An orange car turns into a driveway beside a trophy."
COUPE = {
    "class": "car",
    "subcategory": "orange coupe",
    "appearance": "A two-door sports coupe with silver wheels.",
    "action": "It slows down.",
}
TROPHY = {
    "class": "trophy",
    "appearance": "A tall trophy with handles.",
    "action": "It stands still.",
}


@pytest.mark.parametrize(
    ("one", "gist", "wanted"),
    cases(__file__, "looks_without_a_verb_are_tied_to_whom_they_are_about"),
)
def test_looks_without_a_verb_are_tied_to_whom_they_are_about(
    one: dict[str, Any], gist: str, wanted: str
) -> None:
    assert wanted in text_of(caption_of(one, global_description=gist))


def test_a_name_that_nothing_introduced_is_introduced_where_looks_are_left_out() -> None:
    long = f"A pickup truck of which {'one side, ' * 90} shows."
    truck = {"class": "truck", "appearance": long, "action": "The truck stands still."}
    text = text_of(caption_of(COUPE, truck, global_description=GIST), "ltx-video")
    assert text.endswith("A truck is in view. The truck stands still.")


def test_a_place_that_the_action_tells_is_not_told_again() -> None:
    place = {"start": "bottom-left", "end": "bottom-middle", "enters": True}
    ball = {"class": "ball", "position": place}
    told = caption_of({**ball, "action": "The ball rolls in at the bottom left along the bottom."})
    assert text_of(told) == "The ball rolls in at the bottom left along the bottom."
    assert "starts at the bottom left" in text_of(caption_of({**ball, "action": "The ball rolls."}))


def test_a_part_that_says_nothing_new_is_left_out() -> None:
    parts = [
        {"start": 0, "end": 1, "description": "A two-door coupe with silver wheels slows down."},
        {"start": 1, "end": 2, "description": "A cat crosses the street."},
    ]
    text = text_of(caption_of(COUPE, global_description=GIST, segments=parts))
    assert "slows down. A cat crosses the street." in text and text.count("silver") == 1
    shots = [{"start": at, "end": at + 1, "transition": "cut"} for at in (0, 1)]
    cut = caption_of(COUPE, global_description=GIST, segments=parts, shots=shots)
    assert text_of(cut).count("silver") == 2


def test_cosmos_subjects_are_told_apart() -> None:
    text = text_of(caption_of(COUPE, COUPE), "cosmos3")
    assert '"first orange coupe"' in text and '"second orange coupe"' in text


def test_events_are_in_order() -> None:
    text = text_of(rich("race"), "hunyuanvideo1.5")
    places = [text.index(word) for word in ("down the straight", "disappears", "The background")]
    assert places == sorted(places)


def test_wan_begins_with_at_most_four_tags() -> None:
    first, _, rest = text_of(rich("park"), "wan2.2").partition(". ")
    assert first == "Daytime, full shot, eye level, side view"
    assert "full shot" not in rest and "daytime" not in rest


@pytest.mark.parametrize("target", ["ltx-video", "ltx-2"])
def test_ltx_always_says_shot_and_camera(target: str) -> None:
    for name in RICH:
        text = text_of(rich(name), target)
        assert " shot" in text and "camera" in text.lower()


FRAMING = """
    setting outdoors indoors framing lighting camera shot seen front side visible text texts view
    daytime night picture still close up full medium long high low eye level angle animated starts
    ends comes reaches leaves frame left right top bottom center clockwise counterclockwise slowly
    quickly shaky slightly unsteady looks pans zooms follows subject person people goes
    point air dawn dusk
"""


@pytest.mark.parametrize("target", PROSE)
@pytest.mark.parametrize("task", ["t2v", "i2v"])
@pytest.mark.parametrize("name", RICH)
def test_nothing_is_added_and_no_id_is_named(name: str, task: Any, target: str) -> None:
    caption = rich(name)
    said = " ".join(str(value) for value in caption.leaves().values()).replace("_", " ")
    known = content(said) | {stem(word) for word in (*FRAMING.split(), *NUMBERS)}
    text = text_of(caption, target, task=task)
    assert content(text) <= known, sorted(content(text) - known)
    assert "  " not in text and ".." not in text and " ," not in text and ",," not in text
    assert text[0].isupper() and text[-1] in ".!?"


def test_lengths_grow() -> None:
    sizes = [len(text_of(rich("park"), length=one)) for one in ("short", "medium", "dense")]
    assert sizes[0] < sizes[1] < sizes[2]
    assert text_of(rich("park"), length="short") == rich("park").global_description
    assert text_of(rich("park"), length="tags") == (
        "young woman, dog, outdoors, daytime, full shot, eye level, side view, tracking shot, "
        "pan right"
    )


def test_sentences_of_another_script_are_refused() -> None:
    caption = Caption(video=None, global_description="一只棕色的狗向右移动。")
    with pytest.raises(FormatError, match="not English"):
        render(caption, target="wan2.2")


def test_a_short_prompt_tells_of_a_subject_before_camera_and_light() -> None:
    people: list[dict[str, Any]] = [
        {"colors": ["teal"], "position": {"text": "frame top right", **STILL}},
        {"colors": ["brown"], "action": "Moves up the frame."},
    ]
    camera = {"motion": ["static"], "description": "The camera stays still."}
    gist = "A person in brown moves up the frame. The clip also shows a person in teal."
    caption = measured(*people, camera=camera, global_description=gist)
    assert text_of(caption, length="short") == "A person in brown moves up the frame."
    assert text_of(measured(*people, camera=camera), length="short") == (
        "A person in brown moves up the frame."
    )
    alone = text_of(measured(people[0], camera=camera, lighting="Soft light."), length="short")
    assert alone == "A person in teal is at the top right of the frame."


@pytest.mark.parametrize("length", ["dense", "short", "tags"])
def test_a_prompt_without_subject_and_event_is_warned_of(length: Any) -> None:
    camera = {"motion": ["static"], "description": "The camera stays still."}
    nothing = "A still camera shows a scene in which no instance could be named."
    caption = measured(camera=camera, global_description=nothing, lighting="Soft light.")
    assert render(caption, target="wan2.2", length=length).warnings == (NAMES_NOTHING,)
    unsteady = measured(camera={"stability": "handheld"}, global_description=nothing)
    assert text_of(unsteady) == "The picture is slightly unsteady."
    some = measured({"class": "dog"}, camera=camera)
    assert render(some, target="wan2.2", length=length).warnings == ()


def test_what_measured_sentences_say_is_told_once() -> None:
    still = {"text": "across much of the frame", "start": "center-middle", "end": "center-middle"}
    one = {"colors": ["blue"], "appearance": "A person in blue, nearly as high as the frame.",
           "action": "Faces the camera.", "position": still}  # fmt: skip
    gist = "Outdoors by day, a person in blue faces the camera."
    caption = measured(one, place="outdoor", time_of_day="day", global_description=gist)
    assert text_of(caption) == (
        "In the center of the frame, a person in blue faces the camera. "
        "The setting is outdoors by day."
    )
    whole = {"class": "animal", "position": {"text": "across much of the frame"}}
    assert ":" not in text_of(measured(whole, {**whole, "action": "Moves away."}))


def test_an_edited_summary_stays_and_its_setting_is_not_told_again() -> None:
    cat = {"class": "animal", "action": "Comes closer."}
    gist = "Outdoors by day, a black and white cat walks over the grass."
    caption = measured(cat, place="outdoor", time_of_day="day", global_description=gist)
    assert text_of(caption) == f"{gist} The animal comes closer."


def test_numbers_are_among_those_called_alike() -> None:
    people = [
        {"name": "the person in teal", "colors": ["teal"], "action": "Moves away."},
        {"name": "the first person in brown", "colors": ["brown"], "action": "Moves closer."},
        {"name": "the second person in brown", "colors": ["brown"], "position": STILL},
    ]
    text = text_of(measured(*people))
    assert text.startswith("A person in teal moves away. A person in brown moves closer. Another")
    assert "first person " not in text.replace("first person in brown", "")


def test_the_measured_light_is_told_once_in_a_whole_sentence() -> None:
    camera = {"motion": ["static"], "description": "The camera stays still."}
    light = "A dark picture with a warm tint, growing darker."
    gist = f"A still camera shows a scene in which no instance could be named. {light}"
    text = text_of(measured(camera=camera, global_description=gist, lighting=light))
    assert text.count("warm tint") == 1
    assert "The picture is dark, has a warm tint and grows darker." in text


def test_a_scene_without_instances_is_told_once_by_its_color_and_setting() -> None:
    camera = {"motion": ["pan_left"], "description": "The camera pans left."}
    gist = (
        "The clip has two shots. Outdoors by day, the camera pans left over a mostly blue scene "
        "in which no instance could be named."
    )
    scene = {"background": "The picture is mostly blue.", "place": "outdoor"}
    text = text_of(measured(camera=camera, global_description=gist, time_of_day="day", **scene))
    assert "could be named" not in text
    assert text.count("mostly blue") == text.count("pans left") == 1
    assert "The clip has two shots." in text and "The setting is outdoors" in text
    edited = gist.replace("a mostly blue scene", "a lake")
    assert "over a lake" in text_of(measured(camera=camera, global_description=edited, **scene))


def test_a_shot_without_a_size_is_told_without_the_word() -> None:
    still = caption_of({"class": "dog", "action": "Sleeps."}, camera={"shot_angle": "eye_level"})
    text = text_of(still, "hunyuanvideo")
    assert "It is filmed at eye level." in text and "a shot at eye level" not in text
