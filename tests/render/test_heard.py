"""What is heard goes into the prompts of models that make sound, and nowhere else."""

from __future__ import annotations

import pytest

from instancecap.render.render import render
from instancecap.schema.base import Utterance
from instancecap.schema.caption import Audio, Caption, Instance

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


def test_minimax_has_speech_in_its_brackets() -> None:
    assert "A voice says: (S1) <d>[French] Bonjour. Ça va ?</d>" in prompt(SPOKEN, "minimax-h3")


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
