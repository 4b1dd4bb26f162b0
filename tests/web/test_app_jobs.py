"""Jobs and uploads, in real worker processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from instancecap.errors import InputError, UsageError
from instancecap.web.app.config import Limits
from instancecap.web.app.files import Workspace
from instancecap.web.app.jobs import Jobs, Progress
from tests.conftest import MakeVideo
from tests.web.conftest import OpenApp


def count(progress: Progress, most: int) -> int:
    for number in range(most):
        progress("counting", number / most, number=number)
    return most


def wait_long(progress: Progress) -> None:
    progress("waiting")
    time.sleep(60)


def fail(progress: Progress, how: str) -> None:
    if how == "known":
        raise InputError("the clip is\nbroken")
    if how == "crash":
        os._exit(9)
    if how == "memory":
        bytearray(4 * 1024**3)
    raise ValueError("surprise")


LIMITS = Limits(waiting=3, memory_bytes=2 * 1024**3)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    workspace = Workspace()
    jobs = Jobs(workspace, LIMITS)
    yield jobs
    jobs.close()
    workspace.close()


def ended(jobs: Jobs, id: str) -> dict[str, Any]:
    for _ in range(2400):
        status = jobs.status(id)
        if status["state"] not in ("waiting", "running"):
            return status
        time.sleep(0.05)
    raise AssertionError("it did not end")


def test_a_job_tells_how_it_goes_and_what_came_of_it(jobs: Jobs) -> None:
    id = jobs.start(count, 3)
    status = ended(jobs, id)
    assert (status["state"], status["result"], status["error"]) == ("done", 3, "")
    assert [one["number"] for one in status["events"]] == [0, 1, 2]
    assert jobs.status(id, since=2)["events"][0]["share"] == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("how", "line"),
    [
        ("known", "the clip is broken"),
        ("crash", "the worker process died"),
        ("memory", "more memory than a job may have"),
        ("unforeseen", "ValueError: surprise"),
    ],
)
def test_a_failure_is_one_line_and_the_next_job_runs(jobs: Jobs, how: str, line: str) -> None:
    status = ended(jobs, jobs.start(fail, how))
    assert status["state"] == "failed"
    assert line in status["error"]
    assert "\n" not in status["error"]
    assert ended(jobs, jobs.start(count, 1))["state"] == "done"


def test_a_job_is_cancelled_while_it_runs_and_while_it_waits(jobs: Jobs) -> None:
    running, waiting = jobs.start(wait_long), [jobs.start(wait_long) for _ in range(2)]
    with pytest.raises(UsageError, match="3 jobs are waiting already"):
        jobs.start(count, 1)
    while not jobs.status(running)["events"]:
        time.sleep(0.05)
    for id in (running, *waiting):
        jobs.cancel(id)
        assert jobs.status(id)["state"] == "cancelled"
    assert ended(jobs, jobs.start(count, 1))["state"] == "done"
    with pytest.raises(InputError, match="not known any more"):
        jobs.status("nothing")


def test_jobs_that_nobody_asks_for_any_more_do_not_count_as_waiting(jobs: Jobs) -> None:
    left = [jobs.start(count, 1) for _ in range(LIMITS.waiting)]
    for id in left:
        jobs._jobs[id].future.result(60)  # as for a page that was closed: no status is asked
    assert ended(jobs, jobs.start(count, 2))["result"] == 2
    assert all(jobs.status(id)["state"] == "done" for id in left)


@pytest.fixture(scope="module")
def browser(module_app: OpenApp) -> Any:
    return module_app(limits=Limits(pixels=1_000_000, seconds=5))


def test_an_upload_is_looked_at_and_kept(
    browser: Any, make_video: MakeVideo, tmp_path: Path
) -> None:
    clip = make_video(tmp_path / "a.mp4")
    name = "<b>\u202emy \u2028clip</b>.mp4"
    answer = browser.post("/uploads", params={"name": name}, content=clip.read_bytes())
    assert answer.status_code == 200, answer.text
    facts = answer.json()
    assert facts["name"] == "<b>my clip</b>.mp4"
    assert (facts["width"], facts["height"], facts["codec"]) == (64, 48, "h264")
    assert browser.get(f"/media/{facts['key']}").content == clip.read_bytes()
    thumbnail = browser.get(f"/thumbnails/{facts['key']}")
    assert thumbnail.headers["content-type"] == "image/webp"


@pytest.mark.parametrize("kind", ["name", "text", "empty", "pixels", "long"])
def test_what_is_no_clip_or_too_much_is_refused_in_one_line(
    browser: Any, make_video: MakeVideo, tmp_path: Path, kind: str
) -> None:
    name, body, line = "a.mp4", b"", ""
    if kind == "name":
        name, line = "a.html", "not a video by its name"
    elif kind == "text":
        body, line = b"<script>alert(1)</script>" * 99, "a.mp4: not a video that can be read"
    elif kind == "empty":
        line = "a.mp4: the file is empty"
    elif kind == "pixels":
        body = make_video(tmp_path / "a.mp4", frames=1, size=(1280, 960)).read_bytes()
        line = "frames of 1280 x 960 pixels; at most 1 million pixels are taken"
    elif kind == "long":
        body = make_video(tmp_path / "a.mp4", frames=7, fps=1).read_bytes()
        line = "7 s long; clips of at most 5 s are taken"
    before = set(browser.services.workspace.path.iterdir())
    answer = browser.post("/uploads", params={"name": name}, content=body)
    assert answer.status_code == 422
    assert line in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert str(browser.services.workspace.path) not in answer.text
    assert set(browser.services.workspace.path.iterdir()) == before


def test_a_full_disk_is_one_line(browser: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.open", full)
    answer = browser.post("/uploads", params={"name": "a.mp4"}, content=b"x")
    assert answer.status_code == 422
    assert answer.json()["error"] == "a.mp4: cannot be written: No space left on device"
