"""Words that a caption quotes, against what was transcribed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.language.quotes import replace_spoken, spoken
from instancecap.schema import Caption, Evidence
from instancecap.schema import caption as c
from instancecap.schema.base import Utterance
from instancecap.schema.evidence import AudioFacts, SpeechSpan
from instancecap.verify.check import verify
from instancecap.verify.report import apply
from instancecap.verify.speech import heard_share
from tests.made import evidence, thing, video

HEARD = [
    Utterance(start=0.5, end=2.0, text="We have to leave before it gets dark."),
    Utterance(start=4.0, end=6.0, text="I don't know where the car is!"),
]


def scene(language: str = "en", *, heard: list[Utterance] = HEARD, gap: bool = False) -> Evidence:
    spans = [SpeechSpan(start=one.start, end=one.end, confidence=0.9) for one in heard]
    if gap:
        spans.append(SpeechSpan(start=7.0, end=8.0, confidence=0.9))
    audio = AudioFacts(sound="audible", speech=spans, language=language, transcript=heard)
    return evidence(thing("person"), video=video(duration=9.0), audio=audio)


def speech(text: str, heard: Evidence, **fields: object) -> list[str]:
    caption = Caption(video=None, global_description=text, **fields)  # type: ignore[arg-type]
    return [one.claim.support for one in verify(caption, heard).findings if one.kind == "speech"]


@pytest.mark.parametrize(
    "text",
    [
        'A man says, "We have to leave before it gets dark."',
        "“We have to leave,” a man shouts. He points at a hill.",
        'The woman asks: "I dont know where the car is?"',
        'A man whispers "we had to leave before it gets dark"',
    ],
)
def test_words_that_were_heard_are_supported(text: str) -> None:
    assert speech(text, scene()) == ["supported"]


def test_other_words_are_disputed_and_stay() -> None:
    caption = Caption(video=None, global_description='A man says "Good morning, dear friends."')
    report = verify(caption, scene())
    (found,) = [one for one in report.findings if one.kind == "speech"]
    assert found.claim.support == "disputed"
    assert found.claim.says == '"Good morning, dear friends." is heard'
    assert "before it gets dark" in found.measured and found.claim.frames == [0.5, 4.0]
    changed = apply(caption, report, on_contradiction="remove")
    assert changed.global_description == caption.global_description


@pytest.mark.parametrize(
    "heard",
    [
        scene("fr"),  # the caption may translate
        scene(""),  # and the transcriber may not tell the language
        scene(gap=True),  # or not all of it
    ],
)
def test_without_an_english_transcript_of_all_speech_nothing_is_disputed(heard: Evidence) -> None:
    assert speech('A man says "Good morning, dear friends."', heard) == ["unchecked"]


def test_without_a_transcript_nothing_is_claimed() -> None:
    assert speech('A man says "Good morning, dear friends."', scene(heard=[])) == []


@pytest.mark.parametrize(
    "text",
    [
        'A sign says "Good morning, dear friends."',
        'The poster reads "Good morning" behind him.',
        'He wears a cap with "Good morning" on it. He says nothing.',
        "A man speaks.",
    ],
)
def test_what_is_written_is_not_said(text: str) -> None:
    assert speech(text, scene()) == []


def test_a_part_is_held_against_what_is_said_in_it() -> None:
    said = 'A man says "We have to leave before it gets dark."'
    early, late = (c.Segment(start=a, end=b, description=said) for a, b in ((1.0, 3.0), (3.5, 9.0)))
    assert speech("", scene(), segments=[early, late]) == ["supported", "disputed"]


def test_the_captions_own_transcript_is_checked_too() -> None:
    spoken = [HEARD[0], Utterance(start=4.0, end=6.0, text="Here we are at home again.")]
    audio = c.Audio(sound="audible", language="en", speech=spoken)
    assert speech("", scene(), audio=audio) == ["supported", "disputed"]


def test_nothing_is_claimed_within_a_quotation() -> None:
    caption = Caption(video=None, global_description='A man says "The dog runs to the left."')
    assert {one.kind for one in verify(caption, scene()).findings} == {"presence", "speech"}
    assert not [one for one in verify(caption, scene()).findings if "dog" in one.claim.says
                and one.kind != "speech"]  # fmt: skip


def test_letters_count_where_words_are_not_spaced() -> None:
    assert heard_share("我们走吧", ["好的，我们走吧。"]) == 1
    assert heard_share("我们走吧", ["你好"]) == 0
    assert heard_share("?!", ["你好"]) == 0


@given(st.lists(st.sampled_from(["we", "have", "to", "leave", "dark"]), min_size=1, max_size=12))
def test_the_share_of_heard_words(words: list[str]) -> None:
    text = " ".join(words)
    assert heard_share(text, ["well", *words, "then"]) == 1
    assert 0 <= heard_share(f"{text} one two three", words) < 1


def test_a_quotation_is_replaced_where_it_stands() -> None:
    text = 'A sign "OPEN". "Hi," he says and waves.'
    assert [match["said"] for match in spoken(text)] == ["Hi,"]
    assert replace_spoken(text, lambda match: f"<{match['said']}>") == (
        'A sign "OPEN". <Hi,> he says and waves.'
    )
