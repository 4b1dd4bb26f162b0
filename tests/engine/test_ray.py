"""The Ray engine on a real local Ray of several processes: the same outputs as the local engine."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from instancecap.engine.local import Outcome, run_jobs
from instancecap.engine.ray import run_on_ray
from instancecap.engine.work import Work
from instancecap.errors import DecodeError, ServerError
from instancecap.io.inputs import Job, find_jobs
from tests.engine.stages import FunctionStage

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, in several of its modules
]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two cores of Ray, with this project's folders on the workers' path."""
    ray = pytest.importorskip("ray")
    root = Path(__file__).resolve().parents[2]
    path = os.pathsep.join(str(root / part) for part in ("src", "", "tests/engine"))
    ray.init(
        num_cpus=2, log_to_driver=False, include_dashboard=False,
        runtime_env={"env_vars": {"PYTHONPATH": path}},
    )  # fmt: skip
    yield
    ray.shutdown()


@dataclass(frozen=True, kw_only=True)
class Read(Work):
    """Reads the file and does as it says; with ``upper``, a second stage that refuses one word."""

    upper: bool = False

    def __call__(self, job: Job) -> tuple[str, int]:
        text = Path(job.clip.path).read_text()
        if text == "bad":
            raise DecodeError(f"{job.clip.path}: no frame")
        if text == "bug":
            raise KeyError("bug")
        if text == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if text == "fatal":
            raise ServerError("nobody there")
        return text, os.getpid()

    def config(self) -> str:
        return "read"

    @property
    def has_stage(self) -> bool:
        return self.upper

    def open_stage(self) -> FunctionStage:
        async def finish(job: Job, prepared: tuple[str, int]) -> str:
            if prepared[0] == "refuse":
                raise DecodeError(f"{job.clip.path}: refused")
            return prepared[0].upper()

        return FunctionStage(finish)


def make(folder: Path, texts: list[str]) -> list[tuple[int, Job]]:
    for number, text in enumerate(texts):
        (folder / f"{number:02d}.mp4").write_text(text)
    return list(enumerate(find_jobs([str(folder)])[0]))


def ask(folder: Path, texts: list[str], *, upper: bool = False) -> dict[int, Outcome[Any]]:
    outcomes: dict[int, Outcome[Any]] = {}
    run_on_ray(
        make(folder, texts),
        Read(upper=upper),
        workers=2,
        on_done=lambda outcome: outcomes.update({outcome.index: outcome}),
    )
    return outcomes


def test_each_job_is_done_once_and_each_failure_is_named(tmp_path: Path) -> None:
    texts = ["a", "bad", "crash", "b", "bug", "refuse", *"cdefgh"]
    outcomes = ask(tmp_path, texts, upper=True)
    assert sorted(outcomes) == list(range(len(texts)))
    reasons = {i: one.failure.reason for i, one in outcomes.items() if one.failure is not None}
    assert reasons[1] == "no frame"
    assert "SIGSEGV" in reasons[2]
    assert reasons[4] == "internal error: KeyError: 'bug'"
    assert reasons[5] == "refused"
    done = {i: one.result for i, one in outcomes.items() if one.failure is None}
    assert done == {i: text.upper() for i, text in enumerate(texts) if i not in reasons}


def test_several_processes_share_the_work(tmp_path: Path) -> None:
    outcomes = ask(tmp_path, [str(number) for number in range(24)])
    assert len({one.result[1] for one in outcomes.values() if one.result}) == 2


def test_what_is_fatal_for_all_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="nobody there"):
        ask(tmp_path, ["a", "fatal", "b"])


def test_outcomes_are_those_of_the_local_engine(tmp_path: Path) -> None:
    texts = ["a", "bad", "b"]
    local: dict[int, Any] = {}
    run_jobs(
        make(tmp_path, texts),
        Read(),
        on_done=lambda one: local.update({one.index: one.failure or (one.result or ("",))[0]}),
    )
    ours = {i: one.failure or one.result[0] for i, one in ask(tmp_path, texts).items()}
    assert ours == local
