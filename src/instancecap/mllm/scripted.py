"""Exchanges written down and played back: reruns cost nothing and give the same answers.

A recording is a JSON Lines file with one exchange a line, found again by the SHA-256 of all that
an answer depends on (:meth:`Request.digest`), images included. Neither frames nor keys are in it.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from instancecap.errors import ModelError, OutputError, QuestionRefused, UsageError
from instancecap.mllm.base import Backend, Reply, Request

log = logging.getLogger(__name__)


class RecordingBackend(Backend):
    """Ask another backend and append every exchange to a file, refused questions included.

    Each line is written at once and whole, so that several processes may share the file and a
    killed run loses at most the line that it was writing.
    """

    def __init__(self, inner: Backend, path: str | os.PathLike[str]) -> None:
        """
        Raises:
            UsageError: the file cannot be written.
        """
        self.inner, self.model = inner, inner.model
        self._path = os.fspath(path)
        self._lock = threading.Lock()
        try:
            os.makedirs(os.path.dirname(self._path) or ".", exist_ok=True)
            self._file = open(self._path, "ab+", buffering=0)  # noqa: SIM115 (until close)
            if self._file.seek(0, os.SEEK_END) and not self._ends_a_line():
                self._file.write(b"\n")  # what a killed run left is a line of its own
        except OSError as error:
            raise UsageError(
                f"cannot record to {self._path}: {error.strerror}; name a file that can be written"
            ) from error

    def _ends_a_line(self) -> bool:
        self._file.seek(-1, os.SEEK_END)
        return self._file.read(1) == b"\n"

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        replies = await self.inner.complete(requests)
        for request, reply in zip(requests, replies, strict=True):
            outcome: dict[str, Any]
            if isinstance(reply, ModelError):
                outcome = {"error": str(reply), "refused": isinstance(reply, QuestionRefused)}
            else:
                outcome = asdict(reply)
            digest = request.digest(model=self.model)
            line = {"digest": digest, "asked": self.model, **outcome}
            data = json.dumps(line, ensure_ascii=False).encode() + b"\n"
            try:
                with self._lock:
                    self._file.write(data)
            except OSError as error:
                raise OutputError(f"cannot record to {self._path}: {error.strerror}") from error
        return replies

    async def close(self) -> None:
        self._file.close()
        await self.inner.close()


class ReplayBackend(Backend):
    """Answer from a recording, and from nothing else. Of equal questions the last one counts."""

    def __init__(self, path: str | os.PathLike[str], *, model: str = "") -> None:
        """
        Arguments:
            model: the name that was asked when it was recorded; may be left out where the
                recording has only one.

        Raises:
            UsageError: there is no such file, it is not a recording, or it is of another model,
                or of several.
        """
        self._path = os.fspath(path)
        exchanges = list(_read(self._path))
        models = sorted({one["asked"] for one in exchanges})
        if model and model not in models:
            raise UsageError(f"{self._path} has answers of {', '.join(models)}, not of {model}")
        if not model and len(models) > 1:
            raise UsageError(f"{self._path} has answers of {', '.join(models)}: name one of them")
        self.model = model or models[0]
        self._exchanges = {one["digest"]: one for one in exchanges}

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """The recorded answers.

        Raises:
            UsageError: one was never recorded; a caption made without it would not be the same.
        """
        return [self._find(request) for request in requests]

    def _find(self, request: Request) -> Reply | ModelError:
        digest = request.digest(model=self.model)
        found = self._exchanges.get(digest)
        if found is None:
            words = [part for part in request.messages[-1].parts if isinstance(part, str)]
            text = " ".join(" ".join(words).split())
            shown = text if len(text) <= 80 else f"{text[:79]}…"
            raise UsageError(
                f"{self._path} has no answer to {shown!r} with {request.images} images "
                f"({digest[:12]}); record it again"
            )
        if "error" in found:
            kind = QuestionRefused if found.get("refused") else ModelError
            return kind(found["error"])
        return Reply(**{name: found[name] for name in Reply.__dataclass_fields__ if name in found})


def _read(path: str) -> Iterator[dict[str, Any]]:
    """The exchanges of a file; lines that a killed run left unfinished are passed over."""
    count = 0
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for number, line in enumerate(file, 1):
                try:
                    exchange = json.loads(line)
                    whole = isinstance(exchange, dict) and bool({"text", "error"} & set(exchange))
                    whole = whole and {"digest", "asked"} <= set(exchange)
                except ValueError:
                    whole = False
                if whole:
                    count += 1
                    yield exchange
                elif line.strip():
                    log.warning("%s: line %d is not a whole exchange; left out", path, number)
    except OSError as error:
        raise UsageError(f"cannot read the recording {path}: {error.strerror}") from error
    if not count:
        raise UsageError(f"{path} is not a recording: no line of it is an exchange")
