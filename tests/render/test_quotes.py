"""A caption that quotes a prompt says each of its words once; MiniMax H3's fields."""

from __future__ import annotations

from instancecap.render import render
from instancecap.render.quotes import said_once
from instancecap.schema import Caption

PROMPT = 'A dog barks. A man says "Stop!" The camera pans left.'


def quoting(**more: object) -> Caption:
    def by(*spans: tuple[int, int]) -> dict[str, object]:
        return {"source": "prompt", "confidence": 1.0, "support": "unchecked", "spans": spans}

    return Caption.model_validate(
        {
            "video": None,
            "global_description": PROMPT[:31],
            "instances": [{"id": 0, "class": "dog", "action": "barks"}],
            "camera": {"description": PROMPT[32:], "motion": ["pan_left"]},
            "producer": {"prompt": PROMPT},
            "provenance": {
                "/global_description": by((0, 12), (13, 31)),
                "/instances/0/class": by((2, 5)),
                "/instances/0/action": by((6, 11)),
                "/camera/description": by((32, 53)),
                "/camera/motion": by((43, 52)),
            },
            **more,
        }
    )


def test_what_is_quoted_again_is_said_once() -> None:
    caption = quoting()
    assert said_once(caption).instances == [] and said_once(caption).camera.motion == []
    assert render(caption, target="wan2.2").text == PROMPT
    assert caption.instances[0].action == "barks"


def test_captions_of_clips_say_all_that_they_say() -> None:
    caption = quoting(producer={}, global_description="A dog.")
    assert said_once(caption) is caption


def test_words_of_others_about_a_quoted_instance_stay() -> None:
    caption = quoting(
        instances=[{"id": 0, "class": "dog", "action": "barks", "appearance": "Wet."}]
    )
    (kept,) = said_once(caption).instances
    assert (kept.class_, kept.action, kept.appearance) == ("dog", "", "Wet.")


def test_minimax_has_fields_speech_and_sounds() -> None:
    text = render(quoting(), target="minimax-h3").text
    assert text.startswith(
        "integrated_multimodal_description: [Shot 1] The camera pans left. A dog"
    )
    assert "A man says (S1) <d>[English] Stop!</d>" in text
    assert text.endswith("overall_soundscape: A dog barks. non_diegetic_music: N/A")
    parts = [{"start": 0, "end": 2, "description": "It rains."},
             {"start": 2, "end": 4, "description": "Thunder rumbles."}]  # fmt: skip
    text = render(quoting(segments=parts), target="minimax-h3").text
    assert (
        "It rains. [Shot 2] At 00:02.000, Thunder rumbles. overall_soundscape: A dog barks. Thunder"
        in text
    )
