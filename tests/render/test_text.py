"""The paragraph: grammar, no repetition, nothing added, every style and task."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from instancecap.errors import FormatError
from instancecap.render import render, targets
from instancecap.render.english import NUMBERS
from instancecap.render.words import content, stem
from instancecap.schema.caption import Caption
from tests.render.rich_captions import RICH, rich
from tests.strategies import captions

PROSE = [name for name in targets() if name != "cosmos3"]


def caption_of(*instances: dict[str, Any], **fields: Any) -> Caption:
    listed = [{"id": index, "class": "person", **one} for index, one in enumerate(instances)]
    return Caption.model_validate({"video": None, "instances": listed, **fields})


def text_of(caption: Caption, target: str = "skyreels-v2", **options: Any) -> str:
    return render(caption, target=target, **options).text


def dog(**fields: Any) -> dict[str, Any]:
    return {
        "class": "dog",
        "appearance": "A brown dog, of medium size in the frame.",
        "action": "Moves to the right.",
        "position": {
            "text": "from the center of the frame to the right",
            "start": "center-middle",
            "end": "center-right",
        },
        **fields,
    }


def test_what_two_fields_say_is_told_once() -> None:
    caption = caption_of(
        dog(),
        global_description="A brown dog moves to the right.",
        camera={"motion": ["static"], "description": "The camera stays still."},
    )
    assert text_of(caption) == (
        "A brown dog moves from the center of the frame to the right. The camera stays still."
    )


def test_a_global_description_that_says_more_comes_first() -> None:
    caption = caption_of(
        dog(position={}, action=""), global_description="A brown dog plays fetch in a sunny park."
    )
    assert text_of(caption) == "A brown dog plays fetch in a sunny park."


@pytest.mark.parametrize(
    ("appearance", "action", "wanted"),
    [
        ("A young woman in a red coat", "walks away", "A young woman in a red coat walks away."),
        ("A young woman in a red coat.", "The woman walks away.",
         "A young woman in a red coat walks away."),
        ("A young woman in a red coat.", "She walks away.",
         "A young woman in a red coat walks away."),
        ("Young woman in a red coat", "walking away",
         "A young woman in a red coat is walking away."),
        ("The woman wears a red coat.", "walks away",
         "The woman wears a red coat. The woman walks away."),
        ("wearing a red coat", "Walks away.", "A person wearing a red coat walks away."),
        ("", "Slowly walks away", "A person slowly walks away."),
        ("A man who is tall", "", "There is a man who is tall."),
        ("Two men in suits", "shake hands", "Two men in suits shake hands."),
    ],
)  # fmt: skip
def test_looks_and_action_become_one_sentence(appearance: str, action: str, wanted: str) -> None:
    assert text_of(caption_of({"appearance": appearance, "action": action, "count": 1})) == wanted


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (1, "A red car moves to the left."),
        (2, "Two red cars move to the left."),
        (12, "A group of 12 red cars move to the left."),
    ],
)
def test_groups_are_counted(number: int, wanted: str) -> None:
    verb = "Moves" if number == 1 else "Move"
    one = {"class": "car", "count": number, "colors": ["red"], "action": f"{verb} to the left."}
    assert text_of(caption_of(one)) == wanted


def test_things_that_look_the_same_are_told_apart() -> None:
    one = {"appearance": "A person in brown.", "action": "Stays still."}
    assert text_of(caption_of(one, {**one, "action": "Moves about."})) == (
        "A person in brown stays still. Another person in brown moves about."
    )


def test_nothing_moves_nothing_known() -> None:
    with pytest.raises(FormatError, match="the caption holds nothing to be told"):
        render(Caption(video=None), target="wan2.2")
    with pytest.raises(FormatError, match="nothing that moves, and no camera"):
        render(caption_of({"appearance": "A man."}), target="wan2.2", task="i2v")


def test_no_instance_still_reads() -> None:
    caption = caption_of(background="An outdoor scene, mostly gray.", time_of_day="night",
                         camera={"motion": ["pan_left", "zoom_in"], "speed": "slow"})  # fmt: skip
    assert text_of(caption) == (
        "The setting is an outdoor scene at night, mostly gray. "
        "The camera slowly pans left and zooms in."
    )


def test_image_to_video_tells_only_what_moves_and_the_camera() -> None:
    text = text_of(rich("kitchen"), task="i2v")
    assert "chopping onions" in text and "slow zoom in" in text
    assert not {"beard", "shelves", "bowls", "Warm", "EXIT"} & set(text.split())


def test_standing_still_does_not_move() -> None:
    caption = caption_of(
        {"appearance": "A man.", "action": "Stays still."},
        {"class": "dog", "action": "Runs away."},
        camera={"motion": ["static"]},
    )
    assert text_of(caption, task="i2v") == "The dog runs away. The camera stays still."


def test_events_come_in_order_as_hunyuan_wants_them() -> None:
    text = text_of(rich("race"), "hunyuanvideo1.5")
    places = [text.index(word) for word in ("Initially, ", "Then, ", "Finally, ")]
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


@pytest.mark.parametrize("phrase", ["The video shows", "In this image, we can see",
                                    "The scene depicts"])  # fmt: skip
def test_the_picture_is_not_talked_about(phrase: str) -> None:
    caption = Caption(video=None, global_description=f"{phrase} two dogs playing in a field.")
    assert text_of(caption) == "There are two dogs playing in a field."


FRAMING = """
    setting outdoors indoors framing lighting camera shot seen front side visible text texts
    movement work daytime night picture still stay close up full medium long high low eye
    level angle extreme pan tilt zoom roll move arc follow subject forward back group ending
    starting frame left right top bottom center clockwise counterclockwise slowly quickly
    shaky slightly unsteady expression behind shoulder overhead air first-person point view
    above dawn dusk day mostly animated graphics daylight indoor outdoor static tracking
    handheld animation person object aerial overlooking brightness scene
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
    assert "." not in text_of(rich("park"), length="tags")


@given(captions)
@settings(max_examples=40)
def test_any_caption_gives_one_line_or_says_why_not(caption: Caption) -> None:
    for target in ("wan2.2", "hunyuanvideo", "ltx-video", "cosmos3"):
        for length in ("dense", "tags"):
            try:
                prompt = render(caption, target=target, length=length)  # type: ignore[arg-type]
            except FormatError as error:
                assert "\n" not in str(error)
                continue
            assert len(prompt.text.splitlines()) == 1 and prompt.text.strip()
            assert prompt.tokens <= prompt.limit
            assert render(caption, target=target, length=length) == prompt  # type: ignore[arg-type]


def test_sentences_of_another_script_are_refused() -> None:
    caption = Caption(video=None, global_description="一只棕色的狗向右移动。")
    with pytest.raises(FormatError, match="not English"):
        render(caption, target="wan2.2")


def line(target: str = "wan2.2", **fields: Any) -> str:
    return render(Caption.model_validate({"video": None, **fields}), target=target).text


@pytest.mark.parametrize(
    ("background", "time", "wanted"),
    [
        ("An outdoor scene, white and gray.", "", "an outdoor scene in white and gray."),
        ("An outdoor scene, white and gray.", "day", "an outdoor scene by day, in white and gray."),
        ("An indoor scene, mostly green.", "night", "an indoor scene at night, mostly green."),
        ("An outdoor scene, wet and cold.", "", "an outdoor scene, wet and cold."),
    ],
)
def test_the_colors_of_a_scene(background: str, time: str, wanted: str) -> None:
    text = line("cogvideox", background=background, time_of_day=time)
    assert text == f"The setting is {wanted}"


def test_a_place_stands_by_its_subject_and_not_behind_the_last_verb() -> None:
    cell = {"text": "in the center of the frame throughout", "start": "center-middle",
            "end": "center-middle"}  # fmt: skip
    one = {"id": 0, "class": "dog", "action": "Moves to the right and then stops."}
    camera = {"shot_type": "full_shot"}
    text = line("skyreels-v2", instances=[{**one, "position": cell}], camera=camera)
    head = "In a full shot, a dog in the center of the frame"
    assert text == f"{head} moves to the right and then stops."
    small = {**one, "appearance": "A brown dog, small in the frame.", "position": cell}
    text = line("skyreels-v2", instances=[small], camera=camera)
    head = "In a full shot, a brown dog, small in view, in the center of the frame,"
    assert text == f"{head} moves to the right and then stops."


def test_it_is_said_of_the_frame_only_where_nothing_else_can_be_meant() -> None:
    cell = {"text": "in the center of the frame throughout", "start": "center-middle",
            "end": "center-middle"}  # fmt: skip
    one = {"id": 0, "class": "boy", "action": "Kicks a ball and leaves the frame.",
           "position": cell}  # fmt: skip
    assert line(instances=[one]).endswith("a boy kicks a ball and leaves the frame.")
    down = {"id": 0, "class": "boy", "action": "Moves down the frame and leaves the frame."}
    assert line(instances=[down]) == "A boy moves down the frame and leaves it."
