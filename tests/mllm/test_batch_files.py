"""Questions that go to a batch service as files, and clips that are finished in rounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instancecap.captioners.chain import ChainOptions, prepare, write
from instancecap.captioners.chain.questions import THOUSANDTHS
from instancecap.engine import asking
from instancecap.engine.asking import AskWork, ModelStage
from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.results import Run
from instancecap.engine.sinks import open_store
from instancecap.errors import FormatError, ModelError, ServerError, UsageError
from instancecap.evidence import build
from instancecap.io.inputs import find_jobs
from instancecap.mllm.base import Reply
from instancecap.mllm.batch_files import TRIES, BatchResults, BatchWriter, open_batch
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.server import Server
from instancecap.schema.caption import Caption
from instancecap.verify import check
from instancecap.video import Clip
from tests.mllm.batch_service import run_batch_file
from tests.mllm.server import MODEL, serve, smallest

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

CLIP = "everyday/woman_dog.mp4"


# Files of questions -------------------------------------------------------------------------------


def digest(number: int) -> str:
    return f"{number:064x}"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_request_is_a_line(tmp_path: Path) -> None:
    writer = BatchWriter(tmp_path / "new" / "ask.jsonl")
    for number in (1, 2, 1):
        writer.add(digest(number), {"model": "m", "messages": [{"content": "né"}]})
    assert not (tmp_path / "new" / "ask.jsonl").exists(), "it appears when it is whole"
    assert writer.close() == [tmp_path / "new" / "ask.jsonl"]
    assert writer.requests == 2
    body = {"model": "m", "messages": [{"content": "né"}]}
    shared = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    assert lines(tmp_path / "new" / "ask.jsonl") == [
        {"custom_id": digest(number), **shared} for number in (1, 2)
    ]


@pytest.mark.parametrize("limits", [{"max_requests": 3}, {"max_bytes": 800}])
def test_files_keep_to_the_limits(tmp_path: Path, limits: dict[str, int]) -> None:
    writer = BatchWriter(tmp_path / "ask.jsonl", **limits)
    for number in range(10):
        writer.add(digest(number), {"text": "x" * 90})
    paths = writer.close()
    assert [path.name for path in paths] == [f"ask-{number:05}.jsonl" for number in range(4)]
    assert [one["custom_id"] for path in paths for one in lines(path)] == [
        digest(number) for number in range(10)
    ]
    for path in paths:
        assert len(lines(path)) <= limits.get("max_requests", 10)
        assert path.stat().st_size <= limits.get("max_bytes", 10**6)


def test_the_round_before_is_replaced(tmp_path: Path) -> None:
    first = BatchWriter(tmp_path / "ask.jsonl", max_requests=1)
    for number in range(3):
        first.add(digest(number), {})
    first.close()
    (tmp_path / "ask-final.jsonl").write_text("{}\n")
    second = BatchWriter(tmp_path / "ask.jsonl")
    second.add(digest(7), {})
    assert len(list(tmp_path.iterdir())) == 5, "nothing is taken away before it is whole"
    second.close()
    assert {path.name for path in tmp_path.iterdir()} == {"ask.jsonl", "ask-final.jsonl"}
    assert BatchWriter(tmp_path / "ask.jsonl").close() == []
    assert {path.name for path in tmp_path.iterdir()} == {"ask-final.jsonl"}


@pytest.mark.parametrize("text", ['{"path": "a.mp4"}\n', "path,start\n", "[1]\n", "7\n"])
def test_a_file_of_something_else_is_not_overwritten(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(text)
    with pytest.raises(UsageError, match="no batch file"):
        BatchWriter(path)
    assert path.read_text() == text
    with pytest.raises(UsageError, match=r"name a \.jsonl file"):
        BatchWriter(tmp_path / "ask.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        BatchWriter(tmp_path / "file" / "ask.jsonl")


# Files of answers ---------------------------------------------------------------------------------


def answer(number: int, text: str = "yes", status: int = 200) -> dict[str, Any]:
    body = {"model": MODEL, "choices": [{"message": {"content": text}, "finish_reason": "stop"}]}
    response = {"status_code": status, "request_id": "r", "body": body}
    return {"id": "b", "custom_id": digest(number), "response": response, "error": None}


def refusal(number: int, status: int, message: str) -> dict[str, Any]:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": None}}
    return {**answer(number), "response": {"status_code": status, "body": body}}


def expired(number: int) -> dict[str, Any]:
    error = {"code": "batch_expired", "message": "This request could not be executed."}
    return {"id": "b", "custom_id": digest(number), "response": None, "error": error}


@pytest.fixture
def results(tmp_path: Path) -> Callable[..., BatchResults]:
    """Results of files that hold these lines."""

    def make(*files: list[dict[str, Any]]) -> BatchResults:
        paths = [tmp_path / f"results-{number}.jsonl" for number in range(len(files))]
        for path, content in zip(paths, files, strict=True):
            path.write_text("".join(json.dumps(one) + "\n" for one in content))
        return BatchResults(paths)

    return make


def test_the_last_answer_counts(results: Callable[..., BatchResults]) -> None:
    found = results([answer(1, "a"), answer(2, "é"), expired(1)], [answer(1, "b"), expired(1)])
    assert len(found) == 2
    for number, text in ((1, "b"), (2, "é")):
        reply = found.find(digest(number))
        assert isinstance(reply, Reply)
        assert (reply.text, reply.model) == (text, MODEL)
    assert found.find(digest(3)) is None


def test_what_fails_is_tried_again_until_it_failed_often(
    results: Callable[..., BatchResults],
) -> None:
    garbled = answer(1)
    garbled["response"]["body"] = {"choices": []}
    failures = [[expired(1)], [refusal(1, 500, "sorry")], [garbled]]
    assert TRIES == 3
    assert results(*failures[:2]).find(digest(1)) is None
    given_up = results(*failures).find(digest(1))
    assert isinstance(given_up, ModelError)
    assert "failed 3 times" in str(given_up)
    assert isinstance(results(*failures, [answer(1)]).find(digest(1)), Reply)


def test_the_next_round_leaves_out_what_is_refused(results: Callable[..., BatchResults]) -> None:
    found = results([
        refusal(1, 400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'."),
        refusal(2, 400, "Unsupported parameter: 'seed'."),
        refusal(3, 400, "Invalid response_format: strict schemas are not supported."),
        refusal(4, 400, "Invalid response_format, as before."),
    ])  # fmt: skip
    assert [found.find(digest(number)) for number in (1, 2, 3, 4)] == [None] * 4
    assert found.dialect.limit == "max_completion_tokens"
    assert found.dialect.refused == {"seed"}
    assert found.dialect.form == 3
    again = refusal(2, 400, "Unsupported parameter: 'seed'.")
    assert isinstance(results([again], [again]).find(digest(2)), ModelError), "it was left out"


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_every_question_would_meet_ends_the_run(
    results: Callable[..., BatchResults], status: int
) -> None:
    with pytest.raises(ServerError, match=f"answered {status} .the model does not exist"):
        results([refusal(1, status, "the model does not exist")])


def test_lines_that_are_no_results_are_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "results.jsonl"
    odd = ["", "{", "[]", '{"custom_id": 7, "response": {}}', '{"custom_id": "x", "error": null}']
    path.write_text("\n".join([*odd, json.dumps(answer(1))]))
    assert len(BatchResults([path])) == 1
    assert "3 lines are no batch results" in caplog.text
    path.write_text('{"path": "a.mp4"}\n')
    with pytest.raises(FormatError, match="no line of it is a batch result"):
        BatchResults([path])
    with pytest.raises(UsageError, match="cannot be read"):
        BatchResults([tmp_path / "nowhere.jsonl"])
    path.write_text("")
    assert not len(BatchResults([path])), "a batch that failed as a whole has no answers"


def test_the_batch_file_is_not_among_the_results(tmp_path: Path) -> None:
    path = tmp_path / "ask.jsonl"
    path.write_text(json.dumps(answer(1)) + "\n")
    with pytest.raises(UsageError, match="among the --batch-results"):
        open_batch("m", str(path), [str(path)])
    for more in ({"record": "r.jsonl"}, {"replay": "r.jsonl"}, {"url": ("http://x/v1",)}):
        with pytest.raises(UsageError, match="--batch-file"):
            Server(model="m", batch_file=str(tmp_path / "new.jsonl"), **more).open()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="--mllm-model"):
        Server(batch_file=str(tmp_path / "new.jsonl")).open()


# Rounds -------------------------------------------------------------------------------------------


def say(body: dict[str, Any]) -> str:
    """A sentence for every field; a wrong one for the camera; a woman and a dog."""
    schema = body["response_format"]["json_schema"]["schema"]
    said: dict[str, Any] = smallest(schema)
    if "instances" in said:
        entry = smallest(schema["properties"]["instances"]["items"])
        who = (("the woman", "person", "human"), ("the dog", "dog", "animal"))
        keys = ("name", "class", "category")
        said["instances"] = [
            {**entry, "count": 1, **dict(zip(keys, one, strict=True))} for one in who
        ]
    said |= {
        name: "The camera pans left." if name == "camera_description" else "It is so."
        for name, one in schema["properties"].items()
        if one.get("type") == "string" and "enum" not in one
    }
    return json.dumps(said)


@pytest.fixture
def once_measured(measured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip's evidence without measuring it in every round."""
    monkeypatch.setattr(build, "measure", lambda clip, **_: measured(CLIP).model_copy(deep=True))


@pytest.fixture
def once_prepared(once_measured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its pictures, too, without making them in every round."""
    made: dict[Clip, Any] = {}

    def once(clip: Clip, evidence: Any, **options: Any) -> Any:
        return made.setdefault(clip, made.get(clip) or prepare(clip, evidence, **options))

    monkeypatch.setattr(asking, "prepare", once)


class Rounds:
    """A user: runs the same command with the results of all rounds so far, until it is done."""

    def __init__(self, folder: Path, clip: Path, options: ChainOptions) -> None:
        self.folder, self.clip, self.options = folder, clip, options
        self.results: list[str] = []
        self.asked: list[int] = []

    def run(self, *, last: bool = False) -> Run:
        file = "" if last else str(self.folder / "ask.jsonl")
        server = Server(model=MODEL, batch_file=file, batch_results=tuple(self.results))
        return run_batch(
            find_jobs([str(self.clip)])[0],
            AskWork(options=self.options, server=server),
            store=open_store(str(self.folder / "out")),
            config=RunConfig(),
        )

    def send(self, url: str) -> None:
        ask = self.folder / "ask.jsonl"
        self.asked.append(len(lines(ask)))
        path = self.folder / f"results-{len(self.results)}.jsonl"
        errors = run_batch_file(ask, path, url=url)
        self.results += [str(one) for one in (path, errors) if one]

    def go_on(self, url: str, *, most: int = 12) -> Run:
        while (batch := self.run()).waiting and len(self.asked) < most:
            assert (batch.done, batch.failed) == (0, [])
            assert not list(self.folder.glob("out/*.json")), "no caption before it is whole"
            self.send(url)
        return batch

    @property
    def caption(self) -> Caption:
        return Caption.read(self.folder / "out" / f"{self.clip.name}.json")


@pytest.mark.usefixtures("once_measured")
@pytest.mark.parametrize(
    ("mode", "expected"), [("fused", [1, 2]), ("paper", [1, 1, 6, 5]), ("single", [1])]
)
def test_rounds_end_in_the_caption_that_a_server_gives(
    mode: Any, expected: list[int], tmp_path: Path, clips_dir: Path, measured: Any
) -> None:
    options = ChainOptions(mode=mode, frames=3, image_side=128, language="fr", detail="each")
    rounds = Rounds(tmp_path, clips_dir / CLIP, options)
    facts, clip = measured(CLIP), Clip.open(clips_dir / CLIP)

    async def directly(url: str) -> str:
        backend = OpenAIBackend(urls=[url], model=MODEL)
        prepared = prepare(clip, facts, options=options)
        written = await write(
            prepared,
            backend,
            options=options,
            enforced=False,
            convention=THOUSANDTHS,
        )
        await backend.close()
        return written.caption.to_json()

    with serve(say) as url:
        batch = rounds.go_on(url)
        assert (batch.done, batch.waiting, rounds.asked) == (1, 0, expected)
        assert not (tmp_path / "ask.jsonl").exists(), "nothing is left to ask"
        assert rounds.caption.to_json() == asyncio.run(directly(url))
    assert batch.cost["calls"] == sum(expected)
    assert rounds.run().skipped == 1


@pytest.mark.usefixtures("once_prepared")
def test_contradicted_answers_take_one_more_round(
    tmp_path: Path, clips_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "may_overrule", lambda fact, *_, **__: True)
    options = ChainOptions(frames=2, image_side=64, detail="never")
    rounds = Rounds(tmp_path, clips_dir / CLIP, options)
    with serve(say) as url:
        rounds.go_on(url)
    assert rounds.asked[0] == 1 and len(rounds.asked) == 2
    found = {one.support for one in rounds.caption.claims if one.field == "/camera/description"}
    assert "disputed" in found, "it is kept, and nobody decides it"


@pytest.mark.usefixtures("once_prepared")
def test_faults_take_more_rounds_and_no_clip(tmp_path: Path, clips_dir: Path) -> None:
    options = ChainOptions(frames=2, image_side=64, language="fr", attempts=2, detail="each")
    rounds = Rounds(tmp_path, clips_dir / CLIP, options)
    faults = ["500", "truncated", "", "500", "", "500", "500"]
    with serve(say, faults=faults) as url:
        batch = rounds.go_on(url)
    # The clip: no answer, half of one, a whole one. Of two instances one is answered at once.
    assert rounds.asked == [1, 1, 1, 2, 1, 1]
    assert batch.done == 1
    assert rounds.caption.background == "It is so."


@pytest.mark.usefixtures("once_prepared")
def test_without_a_batch_file_the_rest_stays_empty(tmp_path: Path, clips_dir: Path) -> None:
    options = ChainOptions(frames=2, image_side=64, language="fr", detail="each")
    options = replace(options, mode="paper", agree="off")
    rounds = Rounds(tmp_path, clips_dir / CLIP, options)
    with serve(say) as url:
        rounds.run()
        rounds.send(url)
    last = rounds.run(last=True)
    assert last.done + len(last.partial) == 1
    caption = rounds.caption
    assert caption.global_description == "It is so."
    assert {one.appearance for one in caption.instances} & {"It is so."} == set()
    assert [one for one in caption.warnings if "batch results have no answer" in one]


@pytest.mark.usefixtures("once_measured")
def test_shots_share_their_rounds(
    tmp_path: Path, clips_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = build.measure(Clip(path="any"))
    middle = facts.video.duration / 2
    shot = facts.shots[0]
    facts.shots = [
        shot.model_copy(update={"end": middle}),
        shot.model_copy(update={"start": middle, "transition": "cut"}),
    ]
    monkeypatch.setattr(build, "measure", lambda clip, **_: facts.model_copy(deep=True))
    server = Server(model=MODEL, batch_file=str(tmp_path / "ask.jsonl"))
    work = AskWork(options=ChainOptions(frames=2), server=server, split_shots=True)
    stage = ModelStage(work, server.open())
    (job,), _ = find_jobs([str(clips_dir / CLIP)])
    assert asyncio.run(stage(job, work(job))).waiting
    assert stage.finish() == ([str(tmp_path / "ask.jsonl")], 2)
