"""A run that goes on where another ended, and says what became of every clip."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from instancecap.engine.results import Run
from instancecap.engine.work import Documents, EvidenceCache, Work, stamp_of
from instancecap.errors import DecodeError, MissingDependency
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job, find_jobs
from instancecap.schema import Evidence
from tests.engine.outputs import OUTS, do, read
from tests.engine.works import SEEN, Quick


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "clips"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.mp4").write_bytes(name.encode() * 10)
    (folder / "d.mp4").write_bytes(b"bad" * 10)
    SEEN.clear()
    return folder


def run(out: str, work: Work | None = None, **options: Any) -> Run:
    return do("clips", out, work, **options)


@pytest.mark.parametrize("out", OUTS)
def test_second_run_does_what_is_new_only(clips: Path, out: str) -> None:
    first = run(out)
    assert (first.done, first.skipped, [one.reason for one in first.failed]) == (3, 0, ["no frame"])
    second = run(out)
    assert (second.done, second.skipped, SEEN) == (0, 3, [])
    assert [one.reason for one in second.failed] == ["no frame"]
    assert second.outputs == first.outputs
    (clips / "e.mp4").write_bytes(b"e")
    assert (run(out).done, SEEN) == (1, ["e.mp4"])
    assert (run(out, retry_failed=True).done, SEEN) == (0, ["d.mp4"])
    assert (run(out, resume=False).done, len(SEEN)) == (4, 5)


@pytest.mark.parametrize("out", OUTS)
def test_moved_and_renamed_files_are_not_done_again(clips: Path, out: str) -> None:
    run(out)
    (clips / "sub").mkdir()
    (clips / "a.mp4").rename(clips / "sub" / "new.mp4")
    os.utime(clips / "b.mp4", (1, 1))  # copied without its times
    again = run(out)
    assert (again.done, again.skipped, SEEN) == (0, 3, [])
    assert read(out)["sub/new.mp4"]["video"]["path"] == "clips/sub/new.mp4"


@pytest.mark.parametrize("out", OUTS)
def test_what_changed_is_done_again(clips: Path, out: str) -> None:
    run(out)
    (clips / "a.mp4").write_bytes(b"other")
    run(out)
    assert SEEN == ["a.mp4"]
    run(out, Quick(label="two"))
    assert sorted(SEEN) == ["a.mp4", "b.mp4", "c.mp4", "d.mp4"]


def test_output_that_was_deleted_is_made_again(clips: Path) -> None:
    run("out")
    Path("out/b.mp4.json").unlink()
    assert (run("out").done, SEEN) == (1, ["b.mp4"])


def test_shots_of_a_clip_are_outputs_of_their_own(clips: Path) -> None:
    work = Quick(parts=("#1", "#2"))
    batch = run("out", work)
    assert [Path(one).name for one in batch.outputs][:2] == ["a.mp4#1.json", "a.mp4#2.json"]
    assert (run("out", work).skipped, SEEN) == (3, [])
    Path("out/a.mp4#2.json").unlink()
    assert (run("out", work).done, SEEN) == (1, ["a.mp4"])
    run("out.jsonl", work)
    ids = [json.loads(line)["video"]["id"] for line in Path("out.jsonl").read_text().splitlines()]
    assert ids == [f"{name}.mp4#{number}" for name in "abc" for number in (1, 2)]


def test_run_in_which_too_much_fails_is_stopped(clips: Path) -> None:
    for number in range(40):
        (clips / f"x{number:02d}.mp4").write_bytes(b"bad%d" % number)
    batch = run("out", max_failure_rate=0.5)
    assert "more than --max-failure-rate 0.5 allows" in batch.stopped
    assert len(SEEN) < 30
    assert sorted(Path(one).name for one in batch.outputs) == [
        "a.mp4.json", "b.mp4.json", "c.mp4.json"
    ]  # fmt: skip


def test_output_that_cannot_be_written_costs_its_clip(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("out/b.mp4.json").mkdir(parents=True)
    batch = run("out")
    assert batch.done == 2
    assert "cannot be written" in " ".join(one.reason for one in batch.failed)
    Path("out/b.mp4.json").rmdir()
    assert run("out", retry_failed=True).done == 1


def test_evidence_is_kept_until_the_file_or_the_detectors_change(
    clips: Path, tmp_path: Path
) -> None:
    (job, *_), _ = find_jobs(["clips"])
    cache = EvidenceCache(str(tmp_path / "cache"), "key")
    numbers = dict.fromkeys(("start", "end", "duration", "fps", "frames"), 0)
    evidence = Evidence.model_validate(
        {"video": {"id": "ü", "path": "", "width": 2, "height": 2, **numbers}}
    )
    stamp = stamp_of(job)
    assert cache.get(job, stamp=stamp) is None
    cache.put(job, evidence, stamp=stamp)
    assert cache.get(job, stamp=stamp) == evidence
    assert EvidenceCache(cache.folder, "other").get(job, stamp=stamp) is None
    (clips / "a.mp4").write_bytes(b"longer than before" * 10)
    assert cache.get(job, stamp=stamp_of(job)) is None
    (file,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    file.write_bytes(file.read_bytes()[:-9])
    assert cache.get(job, stamp=stamp) is None


def test_failures_of_earlier_runs_do_not_stop_this_one(clips: Path) -> None:
    for number in range(40):
        (clips / f"x{number:02d}.mp4").write_bytes(b"bad%d" % number)
    run("out")
    (clips / "e.mp4").write_bytes(b"e")
    batch = run("out", max_failure_rate=0.1)
    assert (batch.done, batch.stopped, len(batch.failed)) == (1, "", 41)


def test_other_format_is_resumed_and_a_change_of_format_is_a_change(clips: Path) -> None:
    def write(format: str) -> Run:
        return run("out", format=format)

    assert (write("instancevid").done, write("instancevid").skipped) == (3, 3)
    assert "Structural Description" in json.loads(Path("out/a.mp4.json").read_text())
    (clips / "a.mp4").rename(clips / "z.mp4")
    assert (write("instancevid").done, Path("out/z.mp4.json").is_file()) == (1, True)
    assert write("instancecap").done == 3


@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_table_never_mixes_two_configurations(clips: Path, out: str) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Fails(Quick):
        def __call__(self, job: Job) -> Documents:
            if job.name == "b.mp4":
                raise DecodeError(f"{job.clip.path}: no more")
            return super().__call__(job)

    run(out)
    run(out, Fails(label="two"))
    run(out, Fails(label="two"))
    found = {name: one["background"] for name, one in read(out).items()}
    assert found == {"a.mp4": "two", "c.mp4": "two"}


def test_run_that_a_fatal_error_ends_leaves_no_half_of_a_table(clips: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Ends(Quick):
        def __call__(self, job: Job) -> Documents:
            if job.name == "c.mp4":
                raise MissingDependency("nothing to write with")
            return super().__call__(job)

    with pytest.raises(MissingDependency):
        run("out.jsonl", Ends())
    assert not Path("out.jsonl").exists()
    assert (run("out.jsonl").done, Path("out.jsonl").is_file()) == (1, True)


def test_file_that_is_replaced_after_it_was_read_is_done_again(clips: Path) -> None:
    @dataclass(frozen=True, kw_only=True)
    class Late(Quick):
        def __call__(self, job: Job) -> Documents:
            identity = Identity.of(job.clip.path, content=True)
            documents = super().__call__(job)
            if job.name == "a.mp4" and len(SEEN) < 4:
                Path(job.clip.path).write_bytes(b"another film")
            return replace(documents, identity=identity)

    run("out", Late())
    assert (run("out", Late()).done, SEEN) == (1, ["a.mp4"])
