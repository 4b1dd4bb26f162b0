"""What is heard, and what faces show, on the page of a clip."""

from __future__ import annotations

from pathlib import Path

import pytest

from instancecap.schema.base import Utterance
from instancecap.schema.caption import Audio, ExpressionSpan
from instancecap.schema.evidence import AudioFacts, Loudness, SpeechSpan
from instancecap.web.clip_view import ClipView
from instancecap.web.templates import environment
from tests.web.test_report import NASTY, Page, make_entry, write


def test_sound_has_a_curve_spans_and_words(tmp_path: Path) -> None:
    entry = make_entry(frames=16)
    speech = [SpeechSpan(start=0.25, end=0.75, confidence=0.9)]
    levels = [Loudness(t=0.0, dbfs=-90.0), Loudness(t=0.5, dbfs=-15.0)]
    entry.evidence.audio = AudioFacts(sound="audible", loudness=levels, speech=speech)
    _, page = write(tmp_path, entry)
    assert "Speech" in page.text
    bars = [str(one.get("aria-label")) for one in page.of("div")]
    assert "speech from 0.2 to 0.8 s" in bars
    (curve,) = [one for one in page.of("svg") if "dBFS" in str(one.get("aria-label"))]
    assert str(curve["aria-label"]).endswith("at most -15 dBFS")
    shapes = [str(one.get("d")) for one in page.of("path")]
    assert "M0.0,100.0L250.0,25.0L1000.0,25.0" in shapes  # silence lies at the bottom
    entry.caption.audio = Audio(
        sound="audible", speech=[Utterance(start=0.25, end=0.75, text=NASTY)]
    )
    text, page = write(tmp_path, entry)
    assert NASTY in page.text and "<script>alert" not in text
    (show,) = [one for one in page.of("button") if one.get("data-label") == "0.2–0.8 s"]
    assert show["data-frames"] == "[0.25]"


@pytest.mark.parametrize(("sound", "offered"), [("audible", True), ("silent", False), ("", False)])
def test_a_video_that_can_be_heard_can_be_unmuted(sound: str, offered: bool) -> None:
    entry = make_entry(frames=8)
    entry.caption.audio = Audio.model_validate({"sound": sound})
    clip = ClipView(entry.caption, entry.evidence, pictures=None, video_url="/video")
    template = '{% from "player.html" import player with context %}{{ player(clip) }}'
    page = Page(environment().from_string(template).render(clip=clip, style="style"))
    assert any(one.get("data-part") == "sound" for one in page.of("input")) is offered
    (video,) = page.of("video")
    assert "muted" in video  # until it is asked for


def test_what_a_face_shows_is_told_with_its_times(tmp_path: Path) -> None:
    entry = make_entry(instances=1)
    entry.caption.instances[0].expression_spans = [
        ExpressionSpan(start=0.25, end=0.75, shows="a smile", intensity="slight"),
        ExpressionSpan(start=1.0, end=1.0, shows=NASTY),
    ]
    text, page = write(tmp_path, entry)
    assert "a smile (slight), 0.2–0.8 s; " in page.text and NASTY in page.text
    assert "<script>alert" not in text
    (show,) = [
        one for one in page.of("button") if str(one.get("data-label")).startswith("Face of #0")
    ]
    assert show["data-frames"] == "[0.25,1.0]"
