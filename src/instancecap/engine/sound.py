"""Whether clips are listened to, by whom, and who writes down what is said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.evidence.experts.sound import Listener, Transcribe


@dataclass(frozen=True, kw_only=True)
class SoundOptions:
    """How sound is measured. Raises :class:`UsageError` for what cannot be.

    Attributes:
        audio: ``on`` measures the sound, in a pass of its own over that stream; another name than
            ``off`` is one of :data:`instancecap.evidence.experts.sound.LISTENERS`.
        transcribe_url: of a server that speaks the OpenAI protocol and transcribes speech.
        transcribe_model: the name that the server knows its model by; without a server, what
            faster-whisper loads into this process: a size, a folder or a hub id.
        transcribe_key_env: name of the environment variable that holds the server's key.
    """

    audio: str = "off"
    transcribe_url: str = ""
    transcribe_model: str = ""
    transcribe_key_env: str = "OPENAI_API_KEY"

    def __post_init__(self) -> None:
        if self.audio not in ("off", "on"):
            self.listener()  # a name that nobody has is told before anything runs
        if self.transcribe_url and not self.transcribe_model:
            raise UsageError("--transcribe-url needs --transcribe-model, the server's name for it")
        if self.transcribe_model and self.audio == "off":
            raise UsageError("--transcribe-model needs --audio on")

    def listener(self) -> Listener | None:
        """Who listens, once per process; None for nobody. Raises :class:`UsageError`."""
        return None if self.audio == "off" else _listener(self.audio)

    def transcriber(self) -> Transcribe | None:
        """Who transcribes, once per process; None for nobody.

        Raises :class:`UsageError`, :class:`MissingDependency`.
        """
        return _transcriber(self) if self.transcribe_model else None


@cache
def _listener(name: str) -> Listener:
    from instancecap.evidence.experts.sound import LISTENERS

    return LISTENERS.open(name)


@cache
def _transcriber(options: SoundOptions) -> Transcribe:
    if not options.transcribe_url:
        from instancecap.evidence.experts.neural.whisper import WhisperTranscriber

        return WhisperTranscriber(options.transcribe_model)
    from instancecap.mllm.transcription import Transcriber

    return Transcriber(
        options.transcribe_url,
        model=options.transcribe_model,
        key_env=options.transcribe_key_env,
    )
