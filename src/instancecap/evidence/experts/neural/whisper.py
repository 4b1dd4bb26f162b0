"""Speech to text in this process, by faster-whisper (MIT), which runs Whisper's weights."""

from __future__ import annotations

import io

from instancecap.errors import MissingDependency, ModelError
from instancecap.models.weights import is_offline
from instancecap.schema.base import Transcript, Utterance


class WhisperTranscriber:
    """Loaded when it is made; on a CUDA GPU where there is one, else on the CPU."""

    def __init__(self, model: str) -> None:
        """``model``: a size such as ``small``, a folder of converted weights, or a hub id.

        Raises :class:`MissingDependency` where it cannot be loaded.
        """
        try:
            from faster_whisper import WhisperModel
        except ImportError as error:
            raise MissingDependency(
                "--transcribe-model without --transcribe-url needs faster-whisper: "
                "pip install 'instancecap[audio]'"
            ) from error
        try:
            self._model = WhisperModel(model, local_files_only=is_offline())
        except (OSError, RuntimeError, ValueError) as error:  # its hub's, CTranslate2's, its own
            reason = str(error).partition("\n")[0]
            raise MissingDependency(
                f"--transcribe-model {model}: faster-whisper cannot load it ({reason}); give a "
                "size such as small, the folder of converted weights, or a hub id"
            ) from error

    def __call__(self, wav: bytes) -> Transcript:
        """What is said in a WAV file. Raises :class:`ModelError` for a piece that fails."""
        try:
            # A text before leads it into repeating itself where speech pauses.
            parts, info = self._model.transcribe(io.BytesIO(wav), condition_on_previous_text=False)
            found = [
                Utterance(start=max(0.0, one.start), end=max(0.0, one.end), text=one.text.strip())
                for one in parts
            ]
        except RuntimeError as error:
            raise ModelError(f"faster-whisper failed: {error}") from error
        return Transcript(language=info.language, utterances=[one for one in found if one.text])
