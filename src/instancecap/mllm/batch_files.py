"""Questions as files in the batch format of hosted services, and their answers as files back.

Nobody is asked. A question whose answer is in the results gets it; every other one is written to
the next batch file, and its clip waits. Questions that follow from answers (the paper's second
turns, one asked again) so come in rounds: with the results of all rounds so far, the same run
either finishes a clip or writes what it still lacks.
"""

from __future__ import annotations

import glob
import json
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from instancecap.errors import FormatError, ModelError, OutputError, ServerError, UsageError
from instancecap.io.atomic import part_of, writing
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.dialect import OPTIONAL, SCHEMA_FORMS, Dialect
from instancecap.mllm.wire import parse_reply, payload

log = logging.getLogger(__name__)

ENDPOINT = "/v1/chat/completions"

MAX_REQUESTS, MAX_BYTES = 50_000, 200_000_000
"""Of one file: the limits of OpenAI's Batch API (its API reference, "Create batch", 2026: 50,000
requests, 200 MB). Others allow as much or more; ``split -l`` makes smaller ones."""

TRIES = 3
"""Times that a question is sent which the service fails to answer."""

PASSING = frozenset({408, 409, 425, 429})
"""Refusals, beside 5xx, that another try may not meet."""

HOPELESS = frozenset({401, 402, 403, 404, 405})
"""Refusals that every question would meet: the key, the account, or the model is wrong."""


class Unanswered(Exception):
    """The question went into the next batch file: its clip cannot be finished now."""


class BatchWriter:
    """Writes ``NAME.jsonl``, or ``NAME-00000.jsonl``, … where one file would be too large.

    What lies there of an earlier round is replaced by :meth:`close`, and only then.
    """

    def __init__(
        self, path: Path, *, max_requests: int = MAX_REQUESTS, max_bytes: int = MAX_BYTES
    ) -> None:
        """
        Raises:
            UsageError: something else than a batch file lies at ``path``, or nothing can be
                written there; so does every method.
        """
        if path.suffix.lower() != ".jsonl":
            raise UsageError(f"--batch-file {path}: name a .jsonl file")
        self._path, self._limits = path, (max_requests, max_bytes)
        numbered = f"{glob.escape(path.stem)}-{'[0-9]' * 5}.jsonl"
        self._earlier = [one for one in (path, *path.parent.glob(numbered)) if one.exists()]
        for one in self._earlier:
            if not _is_batch_file(one):
                raise UsageError(f"--batch-file {path}: {one} is no batch file; name another")
        self._written: set[bytes] = set()
        self._parts: list[Path] = []
        self._file: IO[bytes] | None = None
        self._requests = 0  # of the file that is open
        with self._faults():
            path.parent.mkdir(parents=True, exist_ok=True)
            for left in path.parent.glob(f".{numbered}.part"):  # of a run that was killed
                left.unlink()

    @property
    def requests(self) -> int:
        """Requests so far."""
        return len(self._written)

    def add(self, digest: str, body: Mapping[str, Any]) -> None:
        """One more request, unless it is there already."""
        key = bytes.fromhex(digest)
        if key in self._written:
            return
        request = {"custom_id": digest, "method": "POST", "url": ENDPOINT, "body": body}
        line = json.dumps(request, ensure_ascii=False).encode() + b"\n"
        most, most_bytes = self._limits
        with self._faults():
            full = self._file is None or self._requests == most
            if self._file is None or full or self._file.tell() + len(line) > most_bytes:
                self._file = self._next_file()
            self._file.write(line)
        self._requests += 1
        self._written.add(key)

    def _next_file(self) -> IO[bytes]:
        if self._file is not None:
            self._file.close()
        self._parts.append(part_of(self._numbered(len(self._parts))))
        self._requests = 0
        return open(self._parts[-1], "wb")

    def _numbered(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.stem}-{number:05}.jsonl")

    def close(self) -> list[Path]:
        """Put the files in place of those of the round before; none where nothing is asked."""
        paths = [self._numbered(number) for number in range(len(self._parts))]
        paths = [self._path] if len(paths) == 1 else paths
        with self._faults():
            if self._file is not None:
                self._file.close()
            for part, path in zip(self._parts, paths, strict=True):
                os.replace(part, path)
            for one in set(self._earlier) - set(paths):
                one.unlink(missing_ok=True)
        return paths

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            with writing(self._path):
                yield
        except OutputError as error:
            raise UsageError(f"--batch-file {error}") from error


def _is_batch_file(path: Path) -> bool:
    """Whether a file is one of ours: empty, or with a request in its first line."""
    try:
        with open(path, "rb") as file:
            line = file.readline()
        return not line or {"custom_id", "body"} <= set(json.loads(line))
    except (OSError, ValueError, TypeError):
        return False


class BatchResults:
    """Answers in result files. Of each only its place is kept in memory, about 200 bytes.

    Files of a service's errors may be among them. Of several answers to one question the last
    counts; an answer counts more than an error.

    Attributes:
        dialect: how to ask in the next round, after what was refused in these.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """
        Raises:
            UsageError: a file cannot be read.
            FormatError: it holds no results.
            ServerError: the service refused the key, the account or the model.
        """
        self._paths = list({path.resolve(): path for path in paths}.values())
        self._places: dict[bytes, tuple[int, int]] = {}
        self._failures: Counter[bytes] = Counter()
        self._refusals: dict[bytes, str] = {}
        self._heeded: set[tuple[bytes, Dialect]] = set()
        self.dialect = Dialect()
        for number, path in enumerate(self._paths):
            self._scan(number, path)

    def __len__(self) -> int:
        return len(self._places)

    def _scan(self, number: int, path: Path) -> None:
        found = lost = 0
        try:
            with open(path, "rb") as file:
                for place, line in _lines(file):
                    result = _result(line)
                    if result is None:
                        lost += 1
                        continue
                    found += 1
                    self._sort(result, number, place)
        except OSError as error:
            raise UsageError(f"--batch-results {path}: cannot be read: {error.strerror}") from error
        if lost and not found:
            raise FormatError(f"--batch-results {path}: no line of it is a batch result")
        if lost:
            log.warning("%s: %d lines are no batch results; left out", path, lost)

    def _sort(self, result: Mapping[str, Any], number: int, place: int) -> None:
        """Remember where an answer is, or what went wrong."""
        try:
            key = bytes.fromhex(result["custom_id"])
        except ValueError:
            return  # of somebody else's batch
        status, body = _status(result)
        if status == 200:
            try:
                parse_reply(body)
            except ValueError:
                self._failures[key] += 1
            else:
                self._places[key] = number, place
            return
        said = _words(result)
        if status in HOPELESS:
            raise ServerError(
                f"{self._paths[number]}: the service answered {status} ({said}); mend that, send "
                "the batch again, and leave this file out"
            )
        if status in PASSING or not 400 <= status < 500:
            self._failures[key] += 1
        elif not self._learn(key, said):
            self._refusals.setdefault(key, f"the service refused the question ({status}: {said})")

    def _learn(self, key: bytes, said: str) -> bool:
        """Ask otherwise from now on; False where that was done for this question already.

        A schema is refused once: the next try would be a night later, so it is left out.
        """
        lesson = Dialect().after(said, dict.fromkeys((*OPTIONAL, "response_format")))
        if lesson is None or (key, lesson) in self._heeded:
            return False
        self._heeded.add((key, lesson))
        self.dialect = Dialect(
            form=len(SCHEMA_FORMS) - 1 if lesson.form else self.dialect.form,
            refused=self.dialect.refused | lesson.refused,
            limit=self.dialect.limit if lesson.limit == Dialect().limit else lesson.limit,
        )
        return True

    def find(self, digest: str) -> Reply | ModelError | None:
        """The answer to a question, why there will be none, or None where it is yet to be asked."""
        key = bytes.fromhex(digest)
        if key in self._places:
            number, place = self._places[key]
            with open(self._paths[number], "rb") as file:
                file.seek(place)
                result = _result(file.readline())
            if result is None or result["custom_id"] != digest:
                raise UsageError(f"--batch-results {self._paths[number]}: changed while it is read")
            return parse_reply(_status(result)[1])
        if key in self._refusals:
            return ModelError(self._refusals[key])
        if self._failures[key] >= TRIES:
            return ModelError(f"the service failed {self._failures[key]} times to answer")
        return None


def _lines(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, and where they begin."""
    place = 0
    for line in file:
        if line.strip():
            yield place, line
        place += len(line)


def _result(line: bytes) -> dict[str, Any] | None:
    try:
        result = json.loads(line)
    except ValueError:
        return None
    if not isinstance(result, dict) or not {"response", "error"} & set(result):
        return None
    return result if isinstance(result.get("custom_id"), str) else None


def _status(result: Mapping[str, Any]) -> tuple[int, Any]:
    """HTTP status and body of a response; 0 where there was none, as in a batch that expired."""
    response = result.get("response")
    if not isinstance(response, dict):
        return 0, None
    if "body" not in response:  # some local runners leave the envelope out
        return (200 if "choices" in response else 0), response
    status = response.get("status_code", 200)
    return (status if isinstance(status, int) else 0), response["body"]


def _words(result: Mapping[str, Any]) -> str:
    """What the service said of a failure, in one line."""
    _, body = _status(result)
    told: Any = (body.get("error") if isinstance(body, dict) else None) or result.get("error")
    if isinstance(told, dict):
        told = " ".join(str(told[name]) for name in ("param", "message") if told.get(name))
    return " ".join(str(told or "no reason given").split())[:300]


class BatchBackend(Backend):
    """Answers from results; what they lack is written to a batch file, or left unanswered."""

    answers_later = True

    def __init__(
        self, *, model: str, results: Sequence[Path] = (), writer: BatchWriter | None = None
    ) -> None:
        """``writer``: None to finish every clip with the answers that there are."""
        self.model = model
        self.writer = writer
        self._results = BatchResults(results)

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """The answers.

        Raises:
            Unanswered: one is missing; all that are were written to the batch file.
        """
        found = [self._find(request) for request in requests]
        if None in found:
            raise Unanswered
        return [one for one in found if one is not None]

    def _find(self, request: Request) -> Reply | ModelError | None:
        digest = request.digest(model=self.model)
        found = self._results.find(digest)
        if found is not None:
            return found
        if self.writer is None:
            return ModelError("the batch results have no answer to it")
        self.writer.add(digest, payload(request, model=self.model, dialect=self._results.dialect))
        return None


def open_batch(model: str, batch_file: str, results: Sequence[str]) -> BatchBackend:
    """The backend of ``--batch-file`` and ``--batch-results``. Raises :class:`UsageError`."""
    paths = [Path(one) for one in results]
    path = Path(batch_file)
    for one in paths:
        with suppress(OSError):
            if batch_file and one.samefile(path):
                raise UsageError(f"--batch-file {path} is among the --batch-results; name another")
    writer = BatchWriter(path) if batch_file else None
    return BatchBackend(model=model, results=paths, writer=writer)
