"""What is recorded is played back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from instancecap.errors import ModelError, UsageError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.scripted import RecordingBackend, ReplayBackend
from tests.mllm.questions import question, run


class Echo(Backend):
    """Answers with what was asked; refuses "no"."""

    model = "echo"

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        texts = [str(request.messages[-1].parts[-1]) for request in requests]
        return [
            ModelError("refused") if text == "no" else Reply(text, model="echo-1", seconds=0.25)
            for text in texts
        ]


def record(path: Path, requests: Sequence[Request]) -> list[Reply | ModelError]:
    backend = RecordingBackend(Echo(), path)
    replies = run(backend.complete(requests))
    run(backend.close())
    return replies


def test_a_replay_gives_the_recorded_replies(tmp_path: Path) -> None:
    path = tmp_path / "new" / "run.jsonl"
    requests = [question("one"), question("no"), question("two", temperature=0.3)]
    recorded = record(path, requests)
    for _ in range(2):
        replayed = run(ReplayBackend(path).complete(requests))
        assert replayed[::2] == recorded[::2]
        assert isinstance(replayed[1], ModelError)
        assert str(replayed[1]) == "refused"


@pytest.mark.parametrize(
    "changed",
    [
        {"temperature": 0.1},
        {"seed": 1},
        {"max_tokens": 1},
        {"penalty": 1.1},
        {"schema": {"type": "object"}},
        {"messages": question("one", images=2).messages},
    ],
)
def test_another_question_is_not_found(tmp_path: Path, changed: dict[str, object]) -> None:
    path = tmp_path / "run.jsonl"
    record(path, [question("one")])
    request = replace(question("one"), **changed)
    with pytest.raises(UsageError) as missing:
        run(ReplayBackend(path).complete([request]))
    digest = request.digest(model="echo")[:12]
    assert str(missing.value) == (
        f"{path} has no answer to 'one' with {request.images} images ({digest}); record it again"
    )


def test_neither_frames_nor_keys_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    record(path, [question("one")])
    (line,) = path.read_text().splitlines()
    assert set(json.loads(line)) == {"digest", "asked", *Reply.__dataclass_fields__}
    assert len(line) < 300


def test_a_torn_line_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "run.jsonl"
    record(path, [question("one"), question("two")])
    path.write_bytes(path.read_bytes()[:-20])
    assert run(ReplayBackend(path).complete([question("one")]))[0] == Reply(
        "one", model="echo-1", seconds=0.25
    )
    record(path, [question("three")])
    replies = run(ReplayBackend(path).complete([question("one"), question("three")]))
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == ["one", "three"]
    with pytest.raises(UsageError, match="has no answer to 'two'"):
        run(ReplayBackend(path).complete([question("two")]))
    assert "line 2 is not a whole exchange" in caplog.text


def test_many_write_at_once(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    async def ask() -> None:
        backends = [RecordingBackend(Echo(), path) for _ in range(2)]
        requests = [question(str(number % 5)) for number in range(40)]
        await asyncio.gather(*(one.complete([r]) for one in backends for r in requests))
        for one in backends:
            await one.close()

    run(ask())
    assert len(path.read_text().splitlines()) == 80
    replies = run(ReplayBackend(path).complete([question(str(n)) for n in range(5)]))
    assert [reply.text for reply in replies if isinstance(reply, Reply)] == list("01234")


def test_bad_recordings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    with pytest.raises(UsageError, match=r"cannot read the recording .*: No such file"):
        ReplayBackend(path)
    path.write_text("{}\nnothing\n")
    with pytest.raises(UsageError, match="is not a recording: no line of it is an exchange"):
        ReplayBackend(path)
    record(path, [question("one")])
    with pytest.raises(UsageError, match="has answers of echo, not of other"):
        ReplayBackend(path, model="other")
    with pytest.raises(UsageError, match="cannot record to "):
        RecordingBackend(Echo(), path / "below.jsonl")
