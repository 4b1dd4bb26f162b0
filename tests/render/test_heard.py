"""What is heard goes into the prompts of models that make sound, and nowhere else."""

from __future__ import annotations

import re

import pytest

from instancecap.render.dropout import blank, droppable
from instancecap.render.render import render
from instancecap.schema.base import Utterance
from instancecap.schema.caption import Audio, Caption, Instance, Segment, Shot

SPOKEN = Audio(
    sound="audible",
    language="fr",
    speech=[
        Utterance(start=0.5, end=1.2, text="Bonjour."),
        Utterance(start=2, end=3, text="Ça va ?"),
    ],
)


def prompt(
    audio: Audio, target: str, *, said: str = "", task: str = "t2v", variant: int = 0
) -> str:
    caption = Caption(
        video=None,
        global_description=said or "A woman waves at a window.",
        instances=[Instance(id=0, name="the woman", class_="person")],
        audio=audio,
    )
    return render(caption, target=target, task=task, variant=variant).text  # type: ignore[arg-type]


@pytest.mark.parametrize("task", ["t2v", "i2v"])
@pytest.mark.parametrize("target", ["ltx-2", "ltx-2.3", "ltx-2.5"])
def test_ltx_is_told_the_words(target: str, task: str) -> None:
    assert 'A voice says: "Bonjour. Ça va ?"' in prompt(SPOKEN, target, task=task)


def test_minimax_has_speech_in_its_brackets_at_its_time() -> None:
    said = (
        "At 00:00.500, a voice says: (S1) <d>[French] Bonjour.</d> "
        "At 00:02.000, a voice says: (S1) <d>[French] Ça va ?</d>"
    )
    assert said in prompt(SPOKEN, "minimax-h3")


def test_minimax_has_speech_within_its_shot_and_by_its_speaker() -> None:
    names = ("the woman in red", "the old man")
    shots = [Shot(start=0, end=1.5, transition="start"), Shot(start=1.5, end=4, transition="cut")]
    told = ('The old man nods and says "Good day."', 'The woman in red says "Hello." She waves.')
    caption = Caption(
        video=None,
        instances=[Instance(id=i, name=name, class_="person") for i, name in enumerate(names)],
        shots=shots,
        segments=[
            Segment(start=shot.start, end=shot.end, description=text)
            for shot, text in zip(shots, told, strict=True)
        ],
        audio=SPOKEN,
    )
    text = render(caption, target="minimax-h3").text
    marks = re.findall(r"\[Shot \d\]|At [\d:.]+|\(S\d\) <d>\[French\] [^<]+", text)
    assert marks == [
        "[Shot 1]", "(S1) <d>[French] Good day.", "At 00:00.500", "(S2) <d>[French] Bonjour.",
        "[Shot 2]", "At 00:01.500", "(S3) <d>[French] Hello.",
        "At 00:02.000", "(S2) <d>[French] Ça va ?",
    ]  # fmt: skip


def test_speech_is_left_out_by_dropout_and_for_lack_of_room() -> None:
    caption = Caption(video=None, global_description="A woman waves.", audio=SPOKEN)
    assert "/audio" in set(droppable(caption))
    assert "/audio" not in set(droppable(Caption(video=None, audio=Audio(sound="audible"))))
    without = render(blank(caption, ["/audio"]), target="ltx-2").text
    assert without == prompt(Audio(), "ltx-2", said="A woman waves.")
    many = Audio(speech=[Utterance(start=i, end=i + 1, text=f"{i} words.") for i in range(60)])
    short = render(caption.model_copy(update={"audio": many}), target="minimax-h3")
    assert "0 words." in short.text and "59 words." not in short.text
    assert "/audio+" in short.dropped and short.tokens <= short.limit


@pytest.mark.parametrize("target", ["wan2.2", "cogvideox", "hunyuanvideo", "kandinsky5"])
def test_others_are_told_nothing(target: str) -> None:
    for variant in range(4):
        heard = prompt(SPOKEN, target, variant=variant)
        assert heard == prompt(Audio(), target, variant=variant)
        assert "Bonjour" in prompt(SPOKEN, "ltx-2", variant=variant)


def test_nothing_is_invented() -> None:
    somebody = Audio(sound="audible", speech=[Utterance(start=0.5, end=1.2)])
    assert "Speech is heard." in prompt(somebody, "ltx-2")
    assert "There is no sound." in prompt(Audio(sound="silent"), "ltx-2")
    for unknown in (Audio(sound="audible"), Audio(sound="none")):
        assert prompt(unknown, "ltx-2") == prompt(Audio(), "ltx-2")


def test_words_that_the_caption_quotes_are_said_once() -> None:
    told = prompt(SPOKEN, "ltx-2", said='A woman says "Bonjour. Ça va ?" and waves.')
    assert told.count("Bonjour") == 1
