"""Several servers are asked about real clips: one down, one new, one later, and what it costs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import instancecap as ic
from instancecap.engine.config import CaptionConfig
from instancecap.engine.teachers import TeachersWork, teacher_of
from instancecap.io.inputs import find_jobs
from instancecap.mllm.server import Server
from instancecap.teachers import read_teachers
from tests.captioners.chain.answering import Fake
from tests.conftest import MakeVideo
from tests.mllm.batch_service import run_batch_file
from tests.mllm.server import MODEL, serve

pytestmark = pytest.mark.usefixtures("without_weights")

GONE = "http://127.0.0.1:9/v1"
SMALL = ic.ChainOptions(frames=1, image_side=32)


@pytest.fixture(autouse=True)
def clips(tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("clips").mkdir()
    for name in ("a.mp4", "b.mp4"):
        make_video(Path("clips", name))


@pytest.fixture
def servers() -> Iterator[tuple[dict[str, str], dict[str, list[Any]]]]:
    """URLs of two servers by name, and what each was asked."""
    seen: dict[str, list[Any]] = {"one": [], "two": []}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serve(seen=seen[name])) for name in seen}
        yield urls, seen


def teachers(**urls: str) -> ic.Teachers:
    return ic.Teachers(
        teachers={name: ic.Mllm(url=url, model=MODEL, options=SMALL) for name, url in urls.items()}
    )


def told(name: str = "a.mp4") -> list[dict[str, Any]]:
    """What a caption says of its teachers."""
    found: list[dict[str, Any]] = json.loads(Path("out/clips", f"{name}.json").read_text())[
        "teachers"
    ]
    return found


def run(captioner: ic.Teachers, **options: Any) -> ic.Run:
    return ic.run(["clips/a.mp4", "clips/b.mp4"], out="out", video_root=".", captioner=captioner,
                  **options)  # fmt: skip


def test_each_is_asked_once_and_says_what_it_cost(servers: Any) -> None:
    urls, seen = servers
    done = run(teachers(**urls))
    assert (done.done, done.failed, done.partial) == (2, [], [])
    asked = {name: len(some) for name, some in seen.items()}
    assert done.cost["calls"] == sum(one["calls"] for name in "ab" for one in told(f"{name}.mp4"))
    assert [one["name"] for one in told()] == ["one", "two"]
    assert all(one["won"] or one["lost"] for one in told()[:1])
    assert run(teachers(**urls)).skipped == 2
    assert {name: len(some) for name, some in seen.items()} == asked


def test_seconds_of_several_runs_are_rounded_as_those_of_one() -> None:
    cost = {"calls": 2.0, "seconds": 0.1 + 0.2}
    told = teacher_of("one", MODEL, "fused", cost, "")
    assert (told.calls, told.seconds) == (2, 0.3)


def test_a_further_teacher_is_asked_alone(servers: Any) -> None:
    urls, seen = servers
    run(teachers(one=urls["one"]))
    before = len(seen["one"])
    done = run(teachers(**urls))
    assert (done.done, len(seen["one"])) == (2, before)
    assert seen["two"]
    first, second = told()
    assert first["calls"] == second["calls"] > 0
    run(teachers(**urls), resume=False)
    assert len(seen["one"]) > before


def test_one_that_is_down_leaves_the_others_and_is_asked_later(servers: Any) -> None:
    urls, seen = servers
    done = run(teachers(one=urls["one"], two=GONE))
    assert (done.done, done.failed, len(done.partial)) == (0, [], 2)
    assert "/teachers/two" in done.partial[0].reason
    first, second = told()
    assert (first["problem"], second["won"]) == ("", [])
    assert "127.0.0.1:9" in second["problem"]
    before = len(seen["one"])
    done = run(teachers(**urls))
    assert (done.done, done.partial, len(seen["one"])) == (2, [], before)
    assert [one["problem"] for one in told()] == ["", ""]


def test_what_a_teacher_names_is_looked_for_by_who_measured() -> None:
    chosen = ic.Cluster(detector="opencv-hog")
    work = replace(teachers(one=GONE).work(CaptionConfig()), cluster=chosen)
    (job,) = find_jobs(["clips/a.mp4"])[0]
    assert isinstance(work, TeachersWork)
    (ready,) = work(job).ready.values()
    assert [prepared.cluster for _, prepared in ready.parts] == [chosen]


def test_where_all_are_down_the_run_ends() -> None:
    with pytest.raises(ic.ServerError, match="127"):
        run(teachers(one=GONE, two=GONE))
    with pytest.raises(ic.ServerError, match="127"):
        ic.caption("clips/a.mp4", captioner=teachers(one=GONE))


def test_one_clip_in_python() -> None:
    there = ic.Mllm(backend=Fake(), options=SMALL)
    gone = ic.Mllm(url=GONE, model=MODEL, options=SMALL)
    both = ic.Teachers(teachers={"one": there, "two": gone})
    caption = ic.caption("clips/a.mp4", captioner=both)
    assert caption.leaves()
    assert [bool(one.problem) for one in caption.teachers] == [False, True]


def test_a_batch_service_answers_later_and_the_server_is_not_asked_again(servers: Any) -> None:
    urls, seen = servers
    batch = ic.Mllm(model=MODEL, batch_file="ask.jsonl", options=SMALL)
    live = ic.Mllm(url=urls["one"], model=MODEL, options=SMALL)
    done = run(ic.Teachers(teachers={"live": live, "batch": batch}))
    assert (done.waiting, done.batch_files) == (2, ["ask.jsonl"])
    before = len(seen["one"])
    assert run_batch_file("ask.jsonl", "results.jsonl", url=urls["two"]) is None
    batch = ic.Mllm(
        model=MODEL, batch_file="ask.jsonl", batch_results=["results.jsonl"], options=SMALL
    )
    live = ic.Mllm(url=urls["one"], model=MODEL, options=SMALL)
    done = run(ic.Teachers(teachers={"live": live, "batch": batch}))
    assert (done.done, len(seen["one"])) == (2, before)


@pytest.mark.parametrize(
    ("text", "names", "says"),
    [
        ("", ["a"], "has no table [a]; it has nothing"),
        ("[a]\nurl = 'u'", ["b"], "it has a"),
        ("[a]\nmodell = 'u'", ["a"], "no key 'modell'; choose among agree,"),
        ("[a]\nframes = 'u'", ["a"], "frames: input should be a valid integer"),
        ("[a]\nmode = 'u'", ["a"], "mode: input should be 'fused'"),
        ("[a]\nfields = ['place']", ["a"], "no key 'fields'"),
        ("[a]", ["a", "a"], "name each teacher once"),
        ("a", ["a"], "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_is_one_line(text: str, names: list[str], says: str) -> None:
    Path("t.toml").write_text(text)
    with pytest.raises(ic.UsageError) as told:
        read_teachers("t.toml", names, options=SMALL, server=Server())
    assert says in str(told.value)


def test_who_is_asked_stands_in_the_file_alone() -> None:
    with pytest.raises(ic.UsageError, match="leave --mllm-url"):
        read_teachers("t.toml", ["a"], options=SMALL, server=Server(model="m"))
    with pytest.raises(ic.UsageError, match="choose measured or mllm"):
        read_teachers("", ["a"], options=SMALL, server=Server())
