"""Whether clips are listened to, and who writes down what is said."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.evidence.experts.sound import Transcribe


@dataclass(frozen=True, kw_only=True)
class SoundOptions:
    """How sound is measured. Raises :class:`UsageError` for what cannot be.

    Attributes:
        audio: ``on`` measures the sound, in a pass of its own over that stream.
        transcribe_url: of a server that speaks the OpenAI protocol and transcribes speech.
        transcribe_model: the name that the server knows its model by.
        transcribe_key_env: name of the environment variable that holds the server's key.
    """

    audio: Literal["off", "on"] = "off"
    transcribe_url: str = ""
    transcribe_model: str = ""
    transcribe_key_env: str = "OPENAI_API_KEY"

    def __post_init__(self) -> None:
        if self.audio not in ("off", "on"):
            raise UsageError(f"--audio {self.audio}: choose off or on")
        if bool(self.transcribe_url) != bool(self.transcribe_model):
            raise UsageError("--transcribe-url and --transcribe-model go together: give both")
        if self.transcribe_url and self.audio == "off":
            raise UsageError("--transcribe-url needs --audio on")

    def transcriber(self) -> Transcribe | None:
        """Who transcribes, once per process; None for nobody. Raises :class:`UsageError`."""
        return _transcriber(self) if self.transcribe_url else None


@cache
def _transcriber(options: SoundOptions) -> Transcribe:
    from instancecap.mllm.transcription import Transcriber

    return Transcriber(
        options.transcribe_url,
        model=options.transcribe_model,
        key_env=options.transcribe_key_env,
    )
