"""Speech to text by a server that speaks the OpenAI protocol: ``POST …/audio/transcriptions``."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from instancecap.errors import ModelError, ServerError
from instancecap.mllm.openai import Address
from instancecap.schema.base import Transcript, Utterance

if TYPE_CHECKING:
    from openai import OpenAI

TIMEOUT = 300.0
"""Seconds for one piece of sound, of 5 minutes at most."""

RETRIES = 4
"""Times that a busy server is asked again, by the client's own rule."""

FORMATS = ("verbose_json", "json")
"""How an answer is wanted, with times, and how some models alone give it."""

REFUSALS = (400, 413, 415, 422)
"""Statuses that are about the one piece of sound; any other means the server itself."""


class Transcriber:
    """Sends sound to a server and reads what it heard."""

    def __init__(self, url: str, *, model: str, key_env: str = "OPENAI_API_KEY") -> None:
        """``key_env`` names the variable with the key. Raises :class:`UsageError` for a bad URL."""
        import openai

        address = Address.parse(url)
        self._formats: tuple[str, ...] = FORMATS
        self._url, self._model = address.url, model
        self._client: OpenAI = openai.OpenAI(
            base_url=address.url,
            api_key=os.environ.get(key_env, "").strip() or "none",
            default_headers=address.headers,
            default_query=address.query,
            max_retries=RETRIES,
            timeout=openai.Timeout(TIMEOUT, connect=10.0),
        )

    def __call__(self, wav: bytes) -> Transcript:
        """What is said in a WAV file; one utterance, without times, where the server tells none.

        The form of answer that it gave before is asked for first.

        Raises:
            ModelError: this piece is refused.
            ServerError: the server is not there, refuses the key, or does not serve the model.
        """
        import openai

        refusal: openai.APIStatusError | None = None
        for form in self._formats:
            try:
                said = _read(self._ask(wav, form))
                self._formats = tuple(dict.fromkeys((form, *self._formats)))
                return said
            except openai.APIStatusError as error:
                if error.status_code not in REFUSALS:
                    raise ServerError(
                        f"{self._url} transcribes nothing with {self._model} "
                        f"(HTTP {error.status_code}); look at --transcribe-url, "
                        "--transcribe-model and the key"
                    ) from error
                refusal = error
            except openai.APIConnectionError as error:
                raise ServerError(
                    f"{self._url} does not answer; look at --transcribe-url"
                ) from error
        assert refusal is not None
        raise ModelError(f"{self._url} refuses it (HTTP {refusal.status_code})") from refusal

    def _ask(self, wav: bytes, form: str) -> str:
        answer = self._client.audio.transcriptions.with_raw_response.create(
            model=self._model,
            file=("speech.wav", wav, "audio/wav"),
            response_format=form,  # type: ignore[call-overload]
        )
        return str(answer.text)


def _read(text: str) -> Transcript:
    """An answer's utterances. Raises :class:`ModelError` where it is none."""
    try:
        answer: dict[str, Any] = json.loads(text)
        parts = answer.get("segments") or [{"text": answer.get("text")}]
        found = [
            Utterance(
                start=max(0.0, float(one.get("start", 0.0))),
                end=max(0.0, float(one.get("end", answer.get("duration") or 0.0))),
                text=str(one["text"] or "").strip(),
            )
            for one in parts
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError("its answer is no transcript") from error
    return Transcript(
        language=str(answer.get("language") or "").strip().lower(),
        utterances=[one for one in found if one.text],
        timed=bool(answer.get("segments")),
    )
