"""Speech to text in this process, with a stand-in for faster-whisper, which needs weights."""

from __future__ import annotations

import sys
import wave
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import BinaryIO

import pytest

from instancecap.engine.sound import SoundOptions
from instancecap.errors import MissingDependency, ModelError, UsageError
from instancecap.evidence.experts.neural.whisper import WhisperTranscriber
from tests.mllm.test_transcription import wav


class FakeModel:
    """Has the signatures that are used of ``faster_whisper.WhisperModel`` (1.2.1)."""

    loaded: list[tuple[str, bool]] = []

    def __init__(
        self, model_size_or_path: str, device: str = "auto", local_files_only: bool = False
    ) -> None:
        if model_size_or_path == "huge":
            raise ValueError("Invalid model size 'huge', expected one of: tiny, …\nand more")
        self.loaded.append((model_size_or_path, local_files_only))

    def transcribe(
        self, audio: BinaryIO, condition_on_previous_text: bool = True
    ) -> tuple[Iterator[SimpleNamespace], SimpleNamespace]:
        with wave.open(audio) as file:
            seconds = file.getnframes() / file.getframerate()
        if seconds > 10:
            raise RuntimeError("CUDA out of memory")
        parts = [(0.0, 0.9, " Hello there."), (0.9, 0.9, "  "), (1.0, seconds, " Bye. ")]
        found = (SimpleNamespace(start=a, end=b, text=text) for a, b, text in parts)
        return found, SimpleNamespace(language="en")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeModel]:
    module = ModuleType("faster_whisper")
    module.WhisperModel = FakeModel  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "faster_whisper", module)
    monkeypatch.setattr(FakeModel, "loaded", [])
    return FakeModel


def test_utterances_come_with_their_times(fake: type[FakeModel]) -> None:
    said = WhisperTranscriber("small")(wav(2.0))
    assert said.timed and said.language == "en"
    assert [(one.start, one.end, one.text) for one in said.utterances] == [
        (0.0, 0.9, "Hello there."), (1.0, 2.0, "Bye."),
    ]  # fmt: skip


def test_a_piece_that_fails_is_one_line(fake: type[FakeModel]) -> None:
    with pytest.raises(ModelError, match="out of memory"):
        WhisperTranscriber("small")(wav(11.0))


def test_nothing_is_fetched_offline(fake: type[FakeModel], monkeypatch: pytest.MonkeyPatch) -> None:
    WhisperTranscriber("tiny")
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    WhisperTranscriber("tiny")
    assert fake.loaded == [("tiny", False), ("tiny", True)]


def test_what_cannot_be_loaded_is_one_line(fake: type[FakeModel]) -> None:
    with pytest.raises(MissingDependency, match=r"--transcribe-model huge: .*Invalid") as caught:
        WhisperTranscriber("huge")
    assert "\n" not in str(caught.value)


def test_without_the_package_the_command_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faster_whisper", None)
    with pytest.raises(MissingDependency, match=r"instancecap\[audio\]"):
        WhisperTranscriber("small")


def test_a_model_without_a_server_is_loaded_here(fake: type[FakeModel]) -> None:
    options = SoundOptions(audio="on", transcribe_model="base")
    assert isinstance(options.transcriber(), WhisperTranscriber)
    assert options.transcriber() is options.transcriber()
    with pytest.raises(UsageError, match="--audio on"):
        SoundOptions(transcribe_model="base")
