"""What goes wrong between a user and a server: one line says what, and how to mend it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.users import ROOT, asking, captions_in, files_in, saying, schema_of
from tests.mllm.server import MODEL, serve
from tests.program import Run

MakeVideo = Callable[..., Path]
KEY = "sk-secret-0123456789abcdef"


@pytest.fixture
def clip(tmp_path: Path, make_video: MakeVideo, without_weights: None) -> Path:
    return make_video(tmp_path / "clip.mp4", frames=2)


def only_line(text: str) -> str:
    """The one line about the run itself; lines about missing weights are another matter."""
    lines = [line for line in text.splitlines() if not line.startswith("going on without")]
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, ["http://127.0.0.1:9/v1", "start the server, or give its right URL"]),
        ({"url": "localhost:8000"}, ["not the URL", "http://localhost:8000/v1"]),
        ({"cut": "/v1"}, ["no OpenAI-protocol server at", "try http://", "/v1"]),
        ({"model": "other"}, ["does not serve the model 'other'", f"it serves: {MODEL}"]),
        ({"images": False}, ["takes no images", "serve a vision-language model"]),
        ({"key": "right-key"}, ["set the environment variable OPENAI_API_KEY"]),
    ],
)
def test_a_server_that_cannot_be_asked(
    run: Run, clip: Path, tmp_path: Path, options: dict[str, Any], says: list[str]
) -> None:
    kept = {name: options[name] for name in ("images", "key") if name in options}
    with serve(saying(), **kept) as served:
        url = options.get("url", served if options else "http://127.0.0.1:9/v1")
        url = url.removesuffix(options.get("cut", ""))
        model = options.get("model", MODEL)
        ran = run(
            *("caption", clip, "--captioner", "mllm", "--mllm-url", url, "--mllm-model", model),
            *("--out", tmp_path / "out"),
        )
    line = only_line(ran.err)
    assert ran.status == 2
    assert all(words in line for words in says), line
    assert not files_in(tmp_path / "out")


@pytest.mark.parametrize("accepted", [True, False])
def test_the_key_is_nowhere(
    clip: Path, tmp_path: Path, accepted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    out, record = tmp_path / "out", tmp_path / "record.jsonl"
    with serve(saying(), key=KEY if accepted else "another") as url:
        done = subprocess.run(
            [
                *(sys.executable, "-c", "from instancecap.cli.main import main; main()"),
                *("caption", str(clip), *map(str, asking(url)), "-v", "--out", str(out)),
                *("--record", str(record), "--log-json", str(tmp_path / "log.jsonl")),
            ],
            env={**os.environ, "OPENAI_API_KEY": KEY, "OPENAI_LOG": "debug"},
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
    assert done.returncode == (0 if accepted else 2), done.stderr
    assert accepted or "refused the key in $OPENAI_API_KEY" in done.stderr
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not accepted or record in written
    assert not [path for path in written if KEY.encode() in path.read_bytes()]
    assert KEY not in done.stdout + done.stderr


def test_a_server_that_dies_keeps_what_is_finished(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None
) -> None:
    for index in range(5):
        make_video(tmp_path / "clips" / f"{index}.mp4", frames=8 + index)
    out, calls, dead = tmp_path / "out", 0, threading.Event()

    def answer(asked: dict[str, Any]) -> str:
        nonlocal calls
        calls += "global_description" in schema_of(asked).get("properties", {})
        if calls >= 3:
            dead.set()
            raise ConnectionAbortedError  # the connection ends before the answer
        return saying()(asked)

    def live() -> None:
        with serve(answer) as url:
            urls.append(url)
            dead.wait()

    urls: list[str] = []
    server = threading.Thread(target=live)
    server.start()
    while not urls:
        time.sleep(0.01)
    options = ("--mllm-wait", "0", "--mllm-timeout", "1", "--out", out)
    ran = run("caption", tmp_path / "clips", *asking(urls[0], *options))
    server.join()
    assert ran.status == 2
    assert urls[0] in ran.err and " again" in ran.err
    done = captions_in(out)
    before = files_in(out)
    assert done
    with serve(saying()) as url:
        ran = run("caption", tmp_path / "clips", *asking(url, *options))
    assert ran.status == 0, ran.err
    after = files_in(out)
    assert len(captions_in(out)) == 5
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--fields", "background,colour"), ["'colour'", "background"]),
        (("--mode", "nonsense"), ["'nonsense'", "'fused', 'paper', 'single'"]),
        (("--replay", "missing.jsonl"), ["missing.jsonl", "No such file"]),
        (("--replay", "other.jsonl"), ["other.jsonl", "not a recording"]),
        (("--record", "clip.mp4/record.jsonl"), ["cannot record to clip.mp4/record.jsonl"]),
        (("--on-contradiction", "maybe"), ["'maybe'", "'mark', 'remove', 'keep'"]),
        (("--window", "0"), ["window", "0.5"]),
    ],
)
def test_options_that_cannot_be(
    run: Run,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, str],
    says: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.jsonl").write_text('{"path": "clip.mp4"}\n')
    ran = run("caption", clip, *asking("http://127.0.0.1:9/v1"), *options, "--out", "out")
    line = only_line(ran.err)
    assert ran.status == 2, line
    assert all(words in line for words in says), line
    assert not files_in(tmp_path / "out")


def test_a_recording_of_other_questions_is_told(run: Run, clip: Path, tmp_path: Path) -> None:
    record = tmp_path / "record.jsonl"
    with serve(saying()) as url:
        run("caption", clip, *asking(url), "--record", record, "--out", tmp_path / "0")
    replay = ("caption", clip, "--captioner", "mllm", "--replay", record, "--out", tmp_path / "1")
    ran = run(*replay, "--frames", "1")
    line = only_line(ran.err)
    assert ran.status == 2
    assert "record.jsonl has no answer to" in line and "record it again" in line
    assert not files_in(tmp_path / "1")
    assert run(*replay).status == 0
    assert run(*replay, "--mllm-model", "another").status == 2
