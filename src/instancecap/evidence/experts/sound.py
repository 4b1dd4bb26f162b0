"""Sound: whether there is any, how loud it is over time, where somebody speaks, and what is said.

It is no expert of the pass over the frames: sound has a pass of its own, with ``--audio on`` only.
Loudness is the plain level of the mono mix (root mean square, dBFS), without the weighting of
ITU-R BS.1770: what matters here is whether and when something can be heard.
"""

from __future__ import annotations

import io
import wave
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import numpy as np

from instancecap.errors import MissingDependency, ModelError
from instancecap.evidence.registry import Kind
from instancecap.models import weights
from instancecap.models.silero import CHUNK, SpeechDetector
from instancecap.schema.base import Transcript, Utterance
from instancecap.schema.evidence import AudioFacts, Evidence, Loudness, SpeechSpan
from instancecap.video.clip import Clip
from instancecap.video.sound import RATE, Samples, has_sound, read_sound

STEP = 16
"""Chunks of 32 ms in one figure of loudness: half a second."""

SILENCE = -60.0
"""dBFS that a sound track never reaches in any half second where it is silent: below the noise of
a quiet room as a phone records it, above the dither of an empty track."""

FLOOR = -100.0
"""dBFS that stands for digital silence."""

SPEAKS, PAUSES = 0.5, 0.35
"""Probabilities from which speech begins, and below which it pauses: those of Silero's own code."""

SHORTEST = 0.25
"""Seconds of the shortest stretch of speech, as in Silero's own code."""

LONGEST_PAUSE = 0.3
"""Seconds of silence within one stretch of speech: about the stop between two clauses."""

LONGEST_PIECE = 300.0
"""Seconds that are transcribed in one go: 9.6 MB of samples, below every server's limit."""


Transcribe = Callable[[bytes], Transcript]
"""Gets a WAV file (mono, 16-bit, 16,000 a second). Raises :class:`ModelError` for a piece that is
refused, :class:`ServerError` where nothing can be transcribed."""


class Listener(Protocol):
    """Measures what is heard in a clip.

    Attributes:
        name: of what tells speech from other sounds, for the record; empty where nothing does.
    """

    name: str

    def listen(self, clip: Clip, *, first: float, end: float, warnings: list[str]) -> AudioFacts:
        """What is heard in the clip's span; times count from its start.

        Args:
            first: time stamp of the source's first picture, seconds, from which clips count.
            end: seconds from the clip's start to its end.
            warnings: lines for the user may be added to it.
        """


class SileroListener:
    """Level, and speech by Silero VAD where its weights are at hand."""

    def __init__(self) -> None:
        self._path: Path | None = None
        try:
            self._path = weights.find("silero-vad")
        except MissingDependency:
            self._missing = (
                "speech was not looked for: `instancecap models pull silero-vad` gets what finds it"
            )
        self.name = "silero-vad" if self._path is not None else ""

    def listen(self, clip: Clip, *, first: float, end: float, warnings: list[str]) -> AudioFacts:
        """As :class:`Listener` has it; sound that cannot be decoded is a warning."""
        detector = None
        if self._path is None:
            warnings.append(self._missing)
        else:
            detector = SpeechDetector(self._path)
        levels, probabilities = _listen(_chunks(clip, first), detector)
        if not levels:
            warnings.append("there is a sound track, and nothing of it can be decoded")
            return AudioFacts()
        return AudioFacts(
            sound="audible" if max(levels) > SILENCE else "silent",
            loudness=[
                Loudness(t=index * STEP * CHUNK / RATE, dbfs=one)
                for index, one in enumerate(levels)
            ],
            speech=speech_spans(probabilities, end=end),
        )


LISTENERS = Kind[Listener](
    name="audio",
    own={"on": SileroListener},
    open_other=lambda name: None,
    others="or off",
    needs=("name", "listen"),
)
"""What ``--audio`` takes."""


def add_sound(
    clip: Clip, evidence: Evidence, *, listener: Listener, transcribe: Transcribe | None = None
) -> None:
    """Measure the clip's sound, and write what is known of it into the evidence.

    Where nobody tells speech from other sounds, all of the sound is transcribed; pieces that are
    refused are a warning. Raises :class:`ServerError`.
    """
    if not has_sound(clip):
        evidence.audio = AudioFacts(sound="none")
        return
    # The picture tells how long the clip is: sound that runs on behind it is not shown.
    end, first = evidence.video.duration, evidence.video.start_pts
    clip = replace(clip, end=clip.start + end)
    facts = listener.listen(clip, first=first, end=end, warnings=evidence.warnings)
    if listener.name and facts.sound:
        evidence.models["speech"] = listener.name
    if transcribe is not None and facts.sound == "audible" and not facts.transcript:
        whole = [SpeechSpan(start=0.0, end=end, confidence=0.0)]
        spans = facts.speech if listener.name else whole
        _add_words(clip, facts, spans, transcribe, first=first, warnings=evidence.warnings)
    evidence.audio = facts


def _listen(
    chunks: Iterator[Samples], detector: SpeechDetector | None
) -> tuple[list[float], list[float]]:
    """The level of every half second in dBFS, and the probability of speech of every chunk."""
    powers: list[float] = []
    probabilities: list[float] = []
    for chunk in chunks:
        powers.append(float(np.mean(np.square(chunk, dtype=np.float64))))
        if detector is not None:
            probabilities.append(detector(chunk))
    means = [float(np.mean(powers[at : at + STEP])) for at in range(0, len(powers), STEP)]
    quietest = 10 ** (FLOOR / 10)
    return [round(10 * np.log10(min(max(one, quietest), 1.0)), 1) for one in means], probabilities


def _chunks(clip: Clip, first: float) -> Iterator[Samples]:
    """The clip's sound in chunks of ``CHUNK`` samples; silence fills up the last."""
    rest = np.zeros(0, np.float32)
    for block in read_sound(clip, first=first):
        rest = np.concatenate((rest, block))
        whole = len(rest) // CHUNK * CHUNK
        yield from rest[:whole].reshape(-1, CHUNK)
        rest = rest[whole:]
    if len(rest):
        yield np.pad(rest, (0, CHUNK - len(rest)))


def speech_spans(probabilities: Sequence[float], *, end: float) -> list[SpeechSpan]:
    """Stretches of speech, of a probability for every 32 ms.

    One begins at ``SPEAKS`` and ends where it stays below ``PAUSES`` for ``LONGEST_PAUSE``, or at
    ``end`` seconds. Its confidence is the mean probability.
    """
    second = CHUNK / RATE
    ranges: list[list[int]] = []
    speaking = False
    for index, one in enumerate(probabilities):
        speaking = one >= (PAUSES if speaking else SPEAKS)
        if not speaking:
            continue
        if ranges and (index - ranges[-1][1]) * second <= LONGEST_PAUSE:
            ranges[-1][1] = index + 1
        else:
            ranges.append([index, index + 1])
    return [
        SpeechSpan(
            start=round(first * second, 3),
            end=round(min(last * second, end), 3),
            confidence=round(float(np.mean(probabilities[first:last])), 3),
        )
        for first, last in ranges
        if (last - first) * second >= SHORTEST
    ]


def _add_words(
    clip: Clip,
    facts: AudioFacts,
    spans: Sequence[SpeechSpan],
    transcribe: Transcribe,
    *,
    first: float,
    warnings: list[str],
) -> None:
    """What is said in the spans; in what is no speech, transcribers hear words that nobody said.

    Who tells no times is asked span by span, so that the words have those of their span.
    """
    pieces = _pieces(spans)
    while pieces:
        start, end = pieces.pop(0)
        piece = replace(clip, start=clip.start + start, end=clip.start + end)
        try:
            said = transcribe(_wav(piece, first))
        except ModelError as error:
            warnings.append(f"speech from {start:.1f} to {end:.1f} s was not transcribed: {error}")
            continue
        within = [one for one in spans if start <= one.start and one.end <= end]
        if not said.timed and len(within) > 1:
            pieces = [*((one.start, one.end) for one in within), *pieces]
            continue
        facts.language = facts.language or said.language
        facts.transcript += [
            Utterance(
                start=round(min(one.start + start, end), 3),
                end=round(min(one.end + start, end) if said.timed else end, 3),
                text=one.text,
            )
            for one in said.utterances
        ]


def _pieces(spans: Sequence[SpeechSpan]) -> list[tuple[float, float]]:
    """Neighboring spans together, ``LONGEST_PIECE`` at most."""
    pieces: list[tuple[float, float]] = []
    for span in spans:
        at = span.start
        if pieces and span.end - pieces[-1][0] <= LONGEST_PIECE:
            at = pieces.pop()[0]
        while span.end - at > LONGEST_PIECE + 1e-6:  # else rounding leaves a piece of no length
            pieces.append((at, at + LONGEST_PIECE))
            at += LONGEST_PIECE
        pieces.append((at, span.end))
    return pieces


def _wav(clip: Clip, first: float) -> bytes:
    """The sound of a span as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for block in read_sound(clip, first=first):
            out.writeframes((np.clip(block, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()
