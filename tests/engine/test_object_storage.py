"""Inputs and outputs in object storage, against a real server of the S3 protocol on loopback."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from instancecap.engine import object_storage
from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Ended, Events
from instancecap.engine.results import Run
from instancecap.engine.sinks import open_store
from instancecap.engine.status import read_status
from instancecap.engine.work import CaptionWork, Documents, Work
from instancecap.errors import InputError, OutputError, UsageError
from instancecap.io.addresses import is_url
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job, find_jobs
from instancecap.io.local_copy import local_copy
from instancecap.schema import Caption
from tests.conftest import MakeVideo
from tests.engine.outputs import do
from tests.engine.works import SEEN, Quick


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of an S3 server that runs in this process."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def s3(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The file system of an empty bucket called ``data``."""
    import s3fs

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem()
    fs.mkdir("data")
    SEEN.clear()
    yield fs
    fs.rm("data", recursive=True)
    s3fs.S3FileSystem.clear_instance_cache()


@pytest.fixture
def video(tmp_path: Path, make_video: MakeVideo) -> bytes:
    return make_video(tmp_path / "one.mp4").read_bytes()


@dataclass(frozen=True, kw_only=True)
class Cut(Quick):
    """Is interrupted at the sixth clip."""

    def __call__(self, job: Job) -> Documents:
        if job.name == "5.mp4":
            raise KeyboardInterrupt
        return super().__call__(job)


def run(out: str, given: list[str], work: Work | None = None, **options: Any) -> Run:
    return do(given[0], out, work, **options)


@pytest.fixture
def bucket(s3: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Seven objects that look like videos, one of them bad; three jobs a shard."""
    monkeypatch.setattr(object_storage, "JOBS_PER_SHARD", 3)
    for number in range(7):
        s3.pipe_file(f"data/in/{number}.mp4", b"bad" if number == 4 else b"%d" % number * 9)
    return s3


def read_all(fs: Any, out: str) -> list[dict[str, Any]]:
    """The captions of a remote output in order, each checked against the schema."""
    texts: list[str] = []
    for path in sorted(fs.find(out)):
        if path.endswith(".jsonl"):
            texts += fs.cat_file(path).decode().splitlines()
        elif path.endswith(".parquet"):
            texts += pq.read_table(io.BytesIO(fs.cat_file(path)))["caption_json"].to_pylist()
        elif "/.instancecap/" not in path:
            texts.append(fs.cat_file(path).decode())
    return [Caption.from_json(text).model_dump(mode="json") for text in texts]


def ids(fs: Any, out: str) -> list[str]:
    return [caption["video"]["id"] for caption in read_all(fs, out)]


def written(fs: Any, out: str) -> dict[str, Any]:
    """When each object was written, less the note that every run leaves."""
    paths = [path for path in fs.find(out) if not path.endswith("/run-status.json")]
    return {path: fs.info(path)["LastModified"] for path in paths}


OUTS = ["s3://data/out.jsonl", "s3://data/out.parquet", "s3://data/out"]
each_out = pytest.mark.parametrize("out", OUTS)
GOOD = [f"{number}.mp4" for number in (0, 1, 2, 3, 5, 6)]


@each_out
def test_output_is_shards_with_markers_and_the_next_run_goes_on(bucket: Any, out: str) -> None:
    first = run(out, ["s3://data/in/"])
    assert (first.done, [one.reason for one in first.failed]) == (6, ["no frame"])
    assert ids(bucket, out) == GOOD
    markers = sorted(bucket.glob(f"{out}/.instancecap/shard-*.json"))
    assert len(markers) == 3
    marker = json.loads(bucket.cat_file(markers[1]))
    assert [entry["name"] for entry in marker["done"]] == ["3.mp4", "5.mp4"]
    assert [(one["name"], one["reason"]) for one in marker["failed"]] == [("4.mp4", "no frame")]
    assert len(marker["config"]) == 1
    before = written(bucket, out)
    again = run(out, ["s3://data/in/"])
    assert (again.done, again.skipped, SEEN) == (0, 6, [])
    assert [one.reason for one in again.failed] == ["no frame"]
    assert written(bucket, out) == before


@each_out
def test_run_that_was_cut_off_leaves_whole_shards_only(bucket: Any, out: str) -> None:
    stopped = run(out, ["s3://data/in/"], Cut())
    assert stopped.interrupted
    assert len(bucket.glob(f"{out}/.instancecap/shard-*.json")) == 1
    resumed = run(out, ["s3://data/in/"])
    assert resumed.skipped == 3
    assert SEEN == ["3.mp4", "4.mp4", "5.mp4", "6.mp4"]
    assert ids(bucket, out) == GOOD


def test_where_a_run_stands_is_noted_in_the_bucket(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = "s3://data/out.jsonl"
    with pytest.raises(UsageError, match="no run has written here"):
        read_status(out)
    seen = []
    monkeypatch.setattr(object_storage, "NOTE_EVERY", 0.0)
    monkeypatch.setattr("instancecap.engine.batch.NOTE_EVERY", 0.0)
    jobs, _ = find_jobs(["s3://data/in/"])

    class Look(Events):
        def ended(self, one: Ended) -> None:
            seen.append(read_status(out))

    run_batch(jobs, Quick(), store=open_store(out), config=RunConfig(), events=Look())
    during, after = seen[-1], read_status(out)
    assert (during.running, during.total) == (True, 7)
    assert 0 < during.done + during.failed < 7
    assert during.left_seconds is not None
    assert (after.running, after.done, after.failed) == (False, 6, 1)
    assert list(after.reasons.values()) == [1]
    again = run(out, ["s3://data/in/"])
    assert (again.skipped, read_status(out).done) == (6, 6)


@each_out
def test_only_failures_and_what_changed_are_done_again(bucket: Any, out: str) -> None:
    run(out, ["s3://data/in/"])
    bucket.pipe_file("data/in/4.mp4", b"mended")
    bucket.pipe_file("data/in/0.mp4", b"another")
    run(out, ["s3://data/in/"], retry_failed=True)
    assert SEEN == ["0.mp4", "4.mp4"]
    assert ids(bucket, out) == [f"{number}.mp4" for number in range(7)]
    run(out, ["s3://data/in/"], Quick(label="two"))
    assert len(SEEN) == 7
    assert {one["background"] for one in read_all(bucket, out)} == {"two"}


@each_out
def test_more_inputs_shift_the_shards_and_nothing_is_twice(bucket: Any, out: str) -> None:
    run(out, ["s3://data/in/"], Quick(parts=("#1", "#2")))
    bucket.pipe_file("data/in/00.mp4", b"new")
    run(out, ["s3://data/in/"], Quick(parts=("#1", "#2")))
    assert SEEN == ["00.mp4"]
    names = ["0.mp4", "00.mp4", *GOOD[1:]]
    found = ids(bucket, out)
    expected = [f"{name}#{part}" for name in names for part in (1, 2)]
    assert (sorted(found) if out == "s3://data/out" else found) == (
        sorted(expected) if out == "s3://data/out" else expected
    )
    assert len(bucket.glob(f"{out}/.instancecap/shard-*.json")) == 3


def test_parts_of_a_job_array_share_one_output(bucket: Any) -> None:
    from instancecap.engine.run import Shard

    for index in (1, 2):
        shard = Shard(index, 2)
        jobs, _ = find_jobs(["s3://data/in/*.mp4"])
        store = open_store("s3://data/out.jsonl", shard=shard.label)
        run_batch(shard.of(jobs), Quick(), store=store, config=RunConfig())
    assert sorted(ids(bucket, "s3://data/out.jsonl")) == GOOD
    run("s3://data/out.jsonl", ["s3://data/in/*.mp4"])
    assert len(SEEN) == 7, "a run over everything has markers of its own"


@pytest.mark.usefixtures("without_weights")
def test_clips_manifests_and_tars_are_read_from_a_bucket(s3: Any, video: bytes) -> None:
    s3.pipe_file("data/in/a.mp4", video)
    s3.pipe_file("data/m.csv", b"path,id\ns3://data/in/a.mp4,one\nin/a.mp4,two\nin/no.mp4,three\n")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        info = tarfile.TarInfo("k.mp4")
        info.size = len(video)
        tar.addfile(info, io.BytesIO(video))
    s3.pipe_file("data/0.tar", buffer.getvalue())
    jobs, rejected = find_jobs(["s3://data/m.csv", "s3://data/0.tar"])
    assert ([job.name for job in jobs], rejected) == (["one", "two", "three", "0/k"], [])
    store = open_store("s3://data/out.jsonl")
    batch = run_batch(jobs, CaptionWork(), store=store, config=RunConfig())
    assert batch.done == 3
    (failed,) = batch.failed
    assert (failed.source, failed.reason) == (
        "s3://data/in/no.mp4", "cannot be read: no such object",
    )  # fmt: skip
    videos = [one["video"] for one in read_all(s3, "s3://data/out.jsonl")]
    assert [one["path"] for one in videos] == [
        "s3://data/in/a.mp4", "s3://data/in/a.mp4", "s3://data/0.tar/k.mp4",
    ]  # fmt: skip
    assert {one["frames"] for one in videos} == {8}


def test_parquet_manifest_in_a_bucket(s3: Any, tmp_path: Path) -> None:
    import pyarrow as pa

    pq.write_table(pa.table({"path": ["s3://data/x.mp4"], "id": ["x"]}), tmp_path / "m.parquet")
    s3.put(str(tmp_path / "m.parquet"), "data/m.parquet")
    jobs, rejected = find_jobs(["s3://data/m.parquet"])
    assert ([job.name for job in jobs], rejected) == (["x"], [])


def test_what_is_not_there_has_one_line(s3: Any) -> None:
    jobs, rejected = find_jobs(
        ["s3://data/none/", "s3://data/m.csv", "s3://data/no.tar", "gone://x/y"]
    )
    assert jobs == []
    assert [one.source for one in rejected] == [
        "s3://data/none/", "s3://data/m.csv", "s3://data/no.tar", "gone://x/y",
    ]  # fmt: skip
    assert all("\n" not in one.reason for one in rejected)
    with pytest.raises(UsageError, match="--out"):
        open_store("gone://x/out.jsonl")


def test_shard_that_cannot_be_written_is_absent_and_tried_again(
    bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = object_storage._Bucket.write

    def refuse(self: Any, path: str, content: bytes) -> None:
        if "part-00001" in path:
            raise OutputError(f"{path}: cannot be written: no quota left")
        pipe(self, path, content)

    monkeypatch.setattr(object_storage._Bucket, "write", refuse)
    with pytest.raises(OutputError, match=r"part-00001\..*: cannot be written: no quota left"):
        run("s3://data/out.jsonl", ["s3://data/in/"])
    monkeypatch.setattr(object_storage._Bucket, "write", pipe)
    run("s3://data/out.jsonl", ["s3://data/in/"])
    assert SEEN == ["3.mp4", "4.mp4", "5.mp4"]
    assert ids(bucket, "s3://data/out.jsonl") == GOOD


def test_memory_and_plain_files_by_address(tmp_path: Path, video: bytes) -> None:
    import fsspec

    fs = fsspec.filesystem("memory")
    fs.pipe_file("/clips/a.mp4", video)
    (job,) = find_jobs(["memory://clips"])[0]
    assert (job.name, is_url(job.clip.path)) == ("a.mp4", True)
    with local_copy(job.clip) as here:
        assert Path(here.local).read_bytes() == video
    assert not Path(here.local).exists()
    assert Identity.of(job.clip.path).size == len(video)
    fs.rm("/clips", recursive=True)
    with pytest.raises(InputError, match="no such object"), local_copy(job.clip):
        pass
    (job,) = find_jobs([f"file://{tmp_path}/one.mp4"])[0]
    assert job.clip.path == f"{tmp_path}/one.mp4"


def test_clip_that_does_not_fit_on_the_disk_is_refused(
    s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.pipe_file("data/a.mp4", b"x")
    monkeypatch.setattr("instancecap.io.local_copy.SPARE_BYTES", 1 << 62)
    (job,) = find_jobs(["s3://data/a.mp4"])[0]
    with pytest.raises(InputError, match=r"1 bytes do not fit .* set TMPDIR"), local_copy(job.clip):
        pass
