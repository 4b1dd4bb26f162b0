"""What is measured of sound: there or not, how loud, where somebody speaks, what is said."""

from __future__ import annotations

import io
import wave
from importlib.metadata import EntryPoint, EntryPoints
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.captioners.measured.describe import describe
from instancecap.engine.sound import SoundOptions
from instancecap.errors import MissingDependency, ModelError, UsageError
from instancecap.evidence import registry
from instancecap.evidence.build import measure
from instancecap.evidence.experts import sound
from instancecap.evidence.experts.sound import add_sound, speech_spans
from instancecap.evidence.registry import GROUP
from instancecap.evidence.view import within
from instancecap.models import weights
from instancecap.models.silero import CHUNK
from instancecap.schema.base import Transcript, Utterance
from instancecap.schema.evidence import AudioFacts, Evidence
from instancecap.video import Clip
from tests.conftest import MakeVideo
from tests.made import video
from tests.sounds import noise, silence, tone, write_sounding

CHUNK_SECONDS = CHUNK / sound.RATE


class LoudIsSpeech:
    """Stands in for the network: what is loud is speech."""

    def __init__(self, path: Path) -> None:
        """Any path will do."""

    def __call__(self, chunk: np.ndarray) -> float:
        return 0.9 if np.abs(chunk).max() > 0.1 else 0.02


@pytest.fixture
def loud_is_speech(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find", lambda name: Path(name))
    monkeypatch.setattr(sound, "SpeechDetector", LoudIsSpeech)


@pytest.fixture
def no_speech_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Path:
        raise MissingDependency(name)

    monkeypatch.setattr(weights, "find", missing)


def heard(path: Path, seconds: float, **options: object) -> Evidence:
    evidence = Evidence(video=video(seconds))
    given = {"listener": sound.SileroListener()} | options
    add_sound(Clip.open(path), evidence, **given)  # type: ignore[arg-type]
    return evidence


def says(wav: bytes) -> Transcript:
    """Tells how long the piece is that it was given."""
    with wave.open(io.BytesIO(wav)) as file:
        seconds = file.getnframes() / file.getframerate()
    return Transcript(
        language="en", utterances=[Utterance(start=0.1, end=seconds, text=f"{seconds:.1f} seconds")]
    )


@pytest.mark.usefixtures("no_speech_weights")
def test_loudness_is_the_level_of_every_half_second(tmp_path: Path) -> None:
    made = np.concatenate((silence(1.024), tone(1.024), noise(1.024, amplitude=0.1)))
    facts = heard(write_sounding(tmp_path / "a.mkv", made), 3.07)
    assert facts.audio.sound == "audible"
    levels = [one.dbfs for one in facts.audio.loudness]
    assert [one.t for one in facts.audio.loudness] == [0.0, 0.512, 1.024, 1.536, 2.048, 2.56]
    assert levels[0] == sound.FLOOR
    assert levels[2:4] == pytest.approx([20 * np.log10(0.5) - 3.01] * 2, abs=0.3)
    assert levels[5] < levels[3] - 10
    assert facts.audio.speech == []
    assert "silero-vad" in facts.warnings[0]


@pytest.mark.usefixtures("loud_is_speech")
@pytest.mark.parametrize(
    ("amplitude", "told"), [(0.0, "silent"), (1e-4, "silent"), (0.01, "audible")]
)
def test_what_can_hardly_be_heard_is_silent(tmp_path: Path, amplitude: float, told: str) -> None:
    facts = heard(write_sounding(tmp_path / "a.mkv", tone(1, amplitude=amplitude)), 1.0)
    assert facts.audio.sound == told


@pytest.mark.usefixtures("loud_is_speech")
def test_no_track_is_not_the_same_as_silence(tmp_path: Path, make_video: MakeVideo) -> None:
    facts = heard(make_video(tmp_path / "mute.mp4"), 1.0, transcribe=says)
    assert facts.audio.model_dump(exclude_defaults=True) == {"sound": "none"}
    assert not facts.warnings


@pytest.mark.usefixtures("loud_is_speech")
def test_speech_alone_is_transcribed_with_times_of_the_clip(tmp_path: Path) -> None:
    made = np.concatenate((silence(1), tone(1), silence(1), tone(0.5), silence(1)))
    facts = heard(write_sounding(tmp_path / "a.mkv", made), 4.5, transcribe=says).audio
    spans = [(one.start, one.end) for one in facts.speech]
    assert np.array(spans) == pytest.approx(np.array([(1.0, 2.0), (3.0, 3.5)]), abs=0.05)
    (said,) = facts.transcript
    assert (said.start, said.end) == pytest.approx((1.1, 3.5), abs=0.05)
    assert said.text == "2.5 seconds"
    assert facts.language == "en"


@pytest.mark.usefixtures("loud_is_speech")
def test_a_refused_piece_is_a_warning(tmp_path: Path) -> None:
    def refuse(wav: bytes) -> Transcript:
        raise ModelError("too odd")

    facts = heard(write_sounding(tmp_path / "a.mkv", tone(1)), 1.0, transcribe=refuse)
    assert facts.audio.speech
    assert not facts.audio.transcript
    assert "too odd" in facts.warnings[0]


@pytest.mark.usefixtures("loud_is_speech")
def test_words_without_times_have_those_of_their_span(tmp_path: Path) -> None:
    def untimed(wav: bytes) -> Transcript:
        said = says(wav)
        words = [one.model_copy(update={"start": 0.0, "end": 0.0}) for one in said.utterances]
        return said.model_copy(update={"timed": False, "utterances": words})

    made = np.concatenate((silence(1), tone(1), silence(1), tone(0.5), silence(1)))
    facts = heard(write_sounding(tmp_path / "a.mkv", made), 4.5, transcribe=untimed).audio
    assert [one.text for one in facts.transcript] == ["1.0 seconds", "0.5 seconds"]
    spans = [(one.start, one.end) for one in facts.speech]
    assert [(one.start, one.end) for one in facts.transcript] == spans


class Ears:
    """Somebody else's listener."""

    name = "ears-1"

    def listen(self, clip: Clip, *, first: float, end: float, warnings: list[str]) -> AudioFacts:
        warnings.append(f"heard {end:.1f} s")
        said = [Utterance(start=0.0, end=end, text="Hum.")]
        return AudioFacts(sound="audible", transcript=said)


def test_another_listener_is_opened_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("audio.ears", f"{__name__}:Ears", GROUP)
    found = EntryPoints([point])
    monkeypatch.setattr(registry, "entry_points", lambda **wanted: found.select(**wanted))
    listener = SoundOptions(audio="ears").listener()
    assert isinstance(listener, Ears)
    facts = heard(write_sounding(tmp_path / "a.mkv", tone(1)), 1.0, listener=listener)
    assert facts.models["speech"] == "ears-1"
    assert [one.text for one in facts.audio.transcript] == ["Hum."]
    assert facts.warnings == ["heard 1.0 s"]
    with pytest.raises(UsageError, match="--audio loud: choose on, ears, or off"):
        SoundOptions(audio="loud")


@given(st.lists(st.floats(0, 1), max_size=200))
def test_stretches_of_speech_are_apart_and_within_the_clip(probabilities: list[float]) -> None:
    end = len(probabilities) * CHUNK_SECONDS
    spans = speech_spans(probabilities, end=end)
    assert all(0 <= one.start < one.end <= end + 1e-3 for one in spans)
    assert all(one.end - one.start >= sound.SHORTEST - 1e-3 for one in spans)
    for before, after in pairwise(spans):
        assert after.start - before.end > sound.LONGEST_PAUSE - 2e-3


@given(st.lists(st.tuples(st.floats(0, 900), st.floats(0.3, 900)), min_size=1, max_size=8))
def test_no_piece_is_too_long_for_a_server(gaps: list[tuple[float, float]]) -> None:
    at, spans = 0.0, []
    for gap, length in gaps:
        spans.append(sound.SpeechSpan(start=at + gap, end=at + gap + length, confidence=1))
        at += gap + length
    pieces = sound._pieces(spans)
    assert all(0 < end - start <= sound.LONGEST_PIECE + 1e-6 for start, end in pieces)
    for one in spans:
        covered = sum(max(0.0, min(b, one.end) - max(a, one.start)) for a, b in pieces)
        assert covered == pytest.approx(one.end - one.start)


@pytest.mark.usefixtures("loud_is_speech")
def test_a_span_of_the_evidence_has_its_own_sound(tmp_path: Path) -> None:
    made = np.concatenate((tone(1), silence(1), tone(1)))
    facts = heard(write_sounding(tmp_path / "a.mkv", made), 3.0)
    part = within(facts, 1.5, 3.0, rebase=True).audio
    (span,) = part.speech
    assert (span.start, span.end) == pytest.approx((0.5, 1.5), abs=0.05)
    assert part.loudness[0].t < 0.512


def test_nobody_listens_unless_told(tmp_path: Path, without_weights: None) -> None:
    clip = Clip.open(write_sounding(tmp_path / "a.mkv", tone(1)))
    plain = measure(clip)
    assert "audio" not in plain.model_dump(mode="json")
    assert "audio" not in describe(plain).model_dump(mode="json")


def test_a_caption_tells_no_more_than_was_heard() -> None:
    evidence = Evidence(video=video(2.0))
    evidence.audio = sound.AudioFacts(
        sound="audible", speech=[sound.SpeechSpan(start=0.5, end=1.5, confidence=0.9)]
    )
    caption = describe(evidence)
    assert caption.audio.speech == [Utterance(start=0.5, end=1.5)]
    assert [one for one in caption.provenance if one.startswith("/audio")] == ["/audio/sound"]
    evidence.audio.transcript = [Utterance(start=0.6, end=1.4, text="Hello there.")]
    caption = describe(evidence)
    assert caption.audio.speech[0].text == "Hello there."
    assert caption.provenance["/audio/speech/0/text"].source == "transcriber"


def test_real_speech_is_found(clips_dir: Path) -> None:
    if weights.locate("silero-vad") is None:
        pytest.skip("needs the weights of silero-vad")
    evidence = measure(
        Clip.open(clips_dir / "odd/nasa_13013_multistream.mp4"), listener=sound.SileroListener()
    )
    spoken = sum(one.end - one.start for one in evidence.audio.speech)
    assert evidence.models["speech"] == "silero-vad"
    assert spoken > 8
    flowers = measure(
        Clip.open(clips_dir / "everyday/flower_cc0.mp4"), listener=sound.SileroListener()
    )
    assert (flowers.audio.sound, flowers.audio.speech) == ("silent", [])
