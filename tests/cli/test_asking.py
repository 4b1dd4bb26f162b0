"""Options of ``caption --captioner mllm`` that bring something along, or ask nobody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import MakeVideo
from tests.mllm.batch_service import run_batch_file
from tests.mllm.server import MODEL, serve
from tests.program import Ran, Run

pytestmark = pytest.mark.usefixtures("without_weights")

Ask = Callable[[str], Ran]


@pytest.fixture
def ask(run: Run, tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """``instancecap caption`` beside ``a.mp4`` and ``list.csv``."""
    monkeypatch.chdir(tmp_path)
    make_video(Path("a.mp4"))
    Path("list.csv").write_text("path,title\na.mp4,A $5 cat\n")
    Path("span.csv").write_text("path,end,title\na.mp4,0.5,A $5 cat\n")

    def call(words: str) -> Ran:
        captioner = "" if "--captioner" in words else " --captioner mllm"
        return run(*f"caption {words}{captioner}".split())

    return call


def asked(path: str = "ask.jsonl") -> list[dict[str, Any]]:
    """The bodies in a batch file."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["body"] for line in lines]


ASK = f"--mllm-model {MODEL} --batch-file ask.jsonl --out out"


def test_a_batch_is_written_and_read_back(ask: Ask) -> None:
    code, _, err = ask(f"a.mp4 {ASK} --log-json log.jsonl")
    assert code == 0
    assert "1 clips wait for answers to 1 questions: have ask.jsonl answered" in err
    assert json.loads(Path("log.jsonl").read_text())["state"] == "waiting"
    with serve() as url:
        assert run_batch_file("ask.jsonl", "results.jsonl", url=url) is None
    code, out, err = ask(f"a.mp4 {ASK} --batch-results results.jsonl --json")
    told = json.loads(out)
    assert (code, told["done"], told["waiting"]) == (0, 1, 0)
    assert told["outputs"] == ["out/a.mp4.json"]
    assert told["cost"]["calls"] == 1
    assert not Path("ask.jsonl").exists()
    assert "wait" not in err


def test_json_says_what_waits(ask: Ask) -> None:
    code, out, _ = ask(f"a.mp4 list.csv {ASK} --json")
    told = json.loads(out)
    assert (code, told["done"], told["waiting"], told["outputs"]) == (0, 0, 1, ["ask.jsonl"])


@pytest.mark.parametrize("mode", ["fused", "paper"])
def test_a_hint_is_told(ask: Ask, mode: str) -> None:
    assert ask(f"list.csv {ASK} --mode {mode} --hint-column title")[0] == 0
    (body,) = asked()
    assert "A $5 cat" in json.dumps(body)
    assert "may be wrong" in json.dumps(body)
    assert ask(f"list.csv {ASK} --mode {mode}")[0] == 0
    (body,) = asked()
    assert "A $5 cat" not in json.dumps(body)


@pytest.mark.parametrize("mode", ["fused", "paper", "single"])
def test_a_clip_is_sent_by_its_url(ask: Ask, mode: str) -> None:
    assert ask(f"a.mp4 {ASK} --mode {mode} --mllm-input video")[0] == 0
    (body,) = asked()
    first, *rest = body["messages"][-1]["content"]
    url = Path("a.mp4").absolute().as_uri()
    assert first == {"type": "video_url", "video_url": {"url": url}}
    assert {part["type"] for part in rest} == {"text"}


def test_a_span_is_shown_in_frames(ask: Ask) -> None:
    assert ask(f"span.csv {ASK} --mllm-input video")[0] == 0
    assert "image_url" in json.dumps(asked())
    assert "video_url" not in json.dumps(asked())
    with serve() as url:
        run_batch_file("ask.jsonl", "results.jsonl", url=url)
    assert ask(f"span.csv {ASK} --mllm-input video --batch-results results.jsonl")[0] == 0
    (path,) = Path("out").glob("*.json")
    assert "only a whole file, local or on the web, goes by URL" in path.read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (f"a.mp4 {ASK} --hint-column title", "--hint-column needs a manifest"),
        (f"list.csv {ASK} --hint-column titel", "no column 'titel' for --hint-column"),
        (f"list.csv {ASK} --hint-column title --mode single --single-format skycaptioner",
         "skycaptioner takes no hints"),
        (f"a.mp4 {ASK} --mllm-input film", "'film' is not one of 'images', 'video'"),
        ("a.mp4 --mllm-model m --mllm-input video", "needs a server"),
        (f"a.mp4 {ASK} --mllm-url http://127.0.0.1:9/v1", "leave out --mllm-url"),
        (f"a.mp4 {ASK} --record new.jsonl", "choose one"),
        (f"a.mp4 {ASK} --batch-results nowhere.jsonl", "nowhere.jsonl: cannot be read"),
        (f"a.mp4 {ASK} --batch-results list.csv", "no line of it is a batch result"),
        ("a.mp4 --mllm-model m --batch-file list.csv", "name a .jsonl file"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_line(ask: Ask, words: str, says: str) -> None:
    code, out, err = ask(words)
    assert (code in (1, 2), out, err.count("\n")) == (True, "", 1), err
    assert says in err


def test_a_hint_is_for_a_model(ask: Ask) -> None:
    code, _, err = ask("list.csv --hint-column title --captioner measured --out out")
    assert (code, "--hint-column is for --captioner mllm" in err) == (2, True)
    assert not Path("out").exists()
