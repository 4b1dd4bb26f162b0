"""Who is asked, as the options of the command line have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from instancecap.errors import UsageError
from instancecap.mllm.base import Backend
from instancecap.mllm.batch_files import open_batch
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.scripted import RecordingBackend, ReplayBackend


@dataclass(frozen=True, kw_only=True)
class Server:
    """Who is asked, in a form that can be sent to another process.

    Attributes:
        url: of a server that speaks the OpenAI protocol, or of several that serve ``model``; none
            for a model in this process.
        model: the name that the servers know it by, or a folder for one in this process.
        key_env: name of the environment variable that holds the servers' key.
        concurrency: questions in flight at most.
        timeout: seconds for one answer.
        max_tokens: the least that an answer's length is bounded to; 0 for a question's own bound.
        wait: seconds that a server which answered and is gone is waited for.
        record: file that exchanges are added to.
        replay: file of recorded exchanges that answers are taken from; nobody is asked.
        batch_file: file that questions are written to for a batch service; nobody is asked.
        batch_results: files of such a service's answers.
    """

    url: str | Sequence[str] = ""
    model: str = ""
    key_env: str = "OPENAI_API_KEY"
    concurrency: int = 64
    timeout: float = 300.0
    max_tokens: int = 0
    wait: float = 600.0
    record: str = ""
    replay: str = ""
    batch_file: str = ""
    batch_results: Sequence[str] = ()

    @property
    def urls(self) -> tuple[str, ...]:
        """Every URL."""
        given = [self.url] if isinstance(self.url, str) else self.url
        return tuple(one for one in given if one)

    @property
    def asks_nobody(self) -> bool:
        """Answers come from files, questions go to files."""
        return bool(self.replay or self.batch_file or self.batch_results)

    def open(self) -> Backend:
        """Someone to ask. Raises :class:`UsageError` for what cannot be asked."""
        if bool(self.record) + bool(self.replay) + bool(self.batch_file or self.batch_results) > 1:
            raise UsageError("--record, --replay and --batch-file: choose one")
        if self.replay:
            return ReplayBackend(Path(self.replay), model=self.model)
        if not self.model:
            raise UsageError("--captioner mllm needs --mllm-model NAME")
        if self.batch_file or self.batch_results:
            if self.urls:
                raise UsageError(
                    "--batch-file and --batch-results ask nobody: leave out --mllm-url"
                )
            return open_batch(self.model, self.batch_file, self.batch_results)
        backend: Backend
        if self.urls:
            backend = OpenAIBackend(
                urls=self.urls,
                model=self.model,
                key_env=self.key_env,
                concurrency=self.concurrency,
                timeout=self.timeout,
                max_tokens=self.max_tokens,
                wait=self.wait,
            )
        else:
            from instancecap.mllm.transformers import TransformersBackend

            backend = TransformersBackend(model=self.model)
        return RecordingBackend(backend, Path(self.record)) if self.record else backend
