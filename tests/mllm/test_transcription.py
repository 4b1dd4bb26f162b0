"""What a server for speech hears, and what is done where it does not answer."""

from __future__ import annotations

import io
import wave
from collections.abc import Mapping
from typing import Any

import pytest

from instancecap.engine.sound import SoundOptions
from instancecap.errors import ModelError, ServerError, UsageError
from instancecap.mllm.transcription import Transcriber
from tests.mllm.server import MODEL, serve

HEARD = {
    "language": "English",
    "duration": 2.0,
    "text": "Hello there. Goodbye.",
    "segments": [
        {"start": 0.25, "end": 1.0, "text": " Hello there."},
        {"start": 1.5, "end": 2.0, "text": " Goodbye. "},
        {"start": 2.0, "end": 2.0, "text": "  "},
    ],
}


def wav(seconds: float = 2.0) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(bytes(2 * round(seconds * 16_000)))
    return file.getvalue()


def test_utterances_come_with_their_times() -> None:
    sounds: list[bytes] = []
    with serve(heard=HEARD, sounds=sounds) as url:
        said = Transcriber(url, model=MODEL)(wav())
    assert [(one.start, one.end, one.text) for one in said.utterances] == [
        (0.25, 1.0, "Hello there."),
        (1.5, 2.0, "Goodbye."),
    ]
    assert said.language == "english"
    assert b"verbose_json" in sounds[0]
    assert wav() in sounds[0]


def test_a_server_that_tells_no_times_is_asked_in_its_own_way() -> None:
    def plain_only(body: bytes) -> tuple[int, Any] | None:
        return (400, {"error": {"message": "no verbose_json"}}) if b"verbose" in body else None

    sounds: list[bytes] = []
    with serve(heard={"text": "Hello there."}, deaf=plain_only, sounds=sounds) as url:
        transcriber = Transcriber(url, model=MODEL)
        said, again = transcriber(wav()), transcriber(wav())
    assert [one.text for one in said.utterances] == ["Hello there."]
    assert again == said and not said.timed
    assert len(sounds) == 3  # it is not asked for times a second time


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, ModelError), (413, ModelError), (401, ServerError), (404, ServerError)],
)
def test_a_refusal_is_of_the_piece_or_of_the_server(status: int, error: type[Exception]) -> None:
    refused = {"error": {"message": "no"}}
    with serve(deaf=lambda body: (status, refused)) as url, pytest.raises(error, match=str(status)):
        Transcriber(url, model=MODEL)(wav())


@pytest.mark.parametrize(
    "answer", [{"segments": [{"text": "x", "start": "soon"}]}, {"segments": [3]}]
)
def test_nonsense_is_no_transcript(answer: Mapping[str, Any]) -> None:
    with serve(heard=answer) as url, pytest.raises(ModelError, match="no transcript"):
        Transcriber(url, model=MODEL)(wav())


def test_nobody_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instancecap.mllm.transcription.RETRIES", 0)
    with pytest.raises(ServerError, match="--transcribe-url"):
        Transcriber("http://127.0.0.1:9/v1", model=MODEL)(wav())


@pytest.mark.parametrize(
    "wrong",
    [
        {"audio": "loud"},
        {"audio": "on", "transcribe_url": "http://127.0.0.1:9/v1"},
        {"transcribe_url": "http://127.0.0.1:9/v1", "transcribe_model": MODEL},
    ],
)
def test_options_that_cannot_be_are_told(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        SoundOptions(**wrong)
