"""Tars of samples are read in place; what is broken is named and the rest goes on."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.sinks import open_store
from instancecap.engine.work import CaptionWork
from instancecap.errors import InputError
from instancecap.io.identity import Identity
from instancecap.io.inputs import find_jobs
from instancecap.io.local_copy import local_copy
from instancecap.io.webdataset import Member, find_member, scan, split_member
from instancecap.schema import Caption
from tests.conftest import MakeVideo


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def video(tmp_path: Path, make_video: MakeVideo) -> bytes:
    return make_video(tmp_path / "one.mp4").read_bytes()


@pytest.fixture
def shards(tmp_path: Path, video: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two tars of two samples each, and a text and a JSON beside each video."""
    monkeypatch.chdir(tmp_path)
    for shard in range(2):
        members: dict[str, bytes] = {}
        for key in (f"{shard}-a", f"sub/{shard}-b"):
            members[f"{key}.mp4"] = video
            members[f"{key}.txt"] = f"title of {key}".encode()
            members[f"{key}.json"] = json.dumps({"tags": ["square", key]}).encode()
        write_tar(tmp_path / "shards" / f"{shard:05d}.tar", members)
    return tmp_path / "shards"


NAMES = ["00000/0-a", "00000/sub/0-b", "00001/1-a", "00001/sub/1-b"]


@pytest.mark.parametrize("given", [["shards/*.tar"], ["shards/00000.tar", "shards/00001.tar"]])
def test_each_video_of_a_tar_is_a_clip_named_by_tar_and_key(shards: Path, given: list[str]) -> None:
    jobs, rejected = find_jobs(given)
    assert rejected == []
    assert [job.name for job in jobs] == NAMES
    assert jobs[1].clip.path == "shards/00000.tar/sub/0-b.mp4"


def test_text_and_fields_beside_a_video_are_hints(shards: Path) -> None:
    def hints(column: str) -> list[str]:
        return [job.hint for job in find_jobs(["shards/00000.tar"], hint_column=column)[0]]

    assert hints("txt") == ["title of 0-a", "title of sub/0-b"]
    assert hints("tags") == ["square, 0-a", "square, sub/0-b"]
    assert hints("nothing") == ["", ""]


def test_copy_at_hand_is_the_member_and_is_gone_afterwards(shards: Path, video: bytes) -> None:
    clip = find_jobs(["shards/00001.tar"])[0][1].clip
    with local_copy(clip) as here:
        assert here.path == clip.path
        assert Path(here.local).read_bytes() == video
        first = Path(here.local).stat().st_mtime_ns
    assert not Path(here.local).exists()
    with local_copy(clip) as again:
        assert Path(again.local).stat().st_mtime_ns == first


def test_member_is_known_by_its_content(shards: Path, video: bytes) -> None:
    one, other = (Identity.of(f"shards/0000{n}.tar/{n}-a.mp4", content=True) for n in range(2))
    assert one == other
    assert one.size == len(video)
    changed = write_tar(shards / "00002.tar", {"2-a.mp4": video[:-1] + b"x"})
    assert Identity.of(f"{changed}/2-a.mp4", content=True) != one
    assert Identity.of("shards/00000.tar/gone.mp4") == Identity(-1, -1)


def run(out: str, given: list[str], **options: Any) -> Any:
    jobs, rejected = find_jobs(given)
    batch = run_batch(jobs, CaptionWork(), store=open_store(out), config=RunConfig(**options))
    batch.failed[:0] = rejected
    return batch


@pytest.mark.usefixtures("without_weights")
def test_captions_of_a_tar_say_where_the_clip_is_and_are_not_made_twice(shards: Path) -> None:
    batch = run("out", ["shards/*.tar"])
    assert (batch.done, batch.failed) == (4, [])
    caption = Caption.read(Path("out/00000/sub/0-b.json"))
    assert caption.video is not None
    assert (caption.video.path, caption.video.frames) == ("shards/00000.tar/sub/0-b.mp4", 8)
    again = run("out", ["shards/*.tar"])
    assert (again.done, again.skipped) == (0, 4)
    (shards / "00001.tar").rename(shards / "renamed.tar")
    moved = run("out", ["shards/*.tar"])
    assert (moved.done, moved.skipped) == (0, 4)


@pytest.mark.usefixtures("without_weights")
def test_broken_tars_and_members_are_named_and_the_others_are_done(
    shards: Path, video: bytes
) -> None:
    whole = (shards / "00000.tar").read_bytes()
    (shards / "cut.tar").write_bytes(whole[: len(video) + 1024 + 700])
    (shards / "none.tar").write_bytes(b"\x1f\x8b no tar" * 100)
    (shards / "void.tar").write_bytes(b"")
    write_tar(
        shards / "odd.tar",
        {"a.mp4": video, "a.left.mp4": video, "b.mp4": b"", "c.mp4": b"no video" * 99, "d": b"?"},
    )
    batch = run("out", ["shards/*.tar"])
    reasons = {one.source.removeprefix("shards/"): one.reason for one in batch.failed}
    assert batch.done == 4 + 1 + 1
    assert set(reasons) == {
        "cut.tar", "none.tar", "void.tar", "odd.tar/a.left.mp4", "odd.tar/b.mp4", "odd.tar/c.mp4",
    }  # fmt: skip
    assert "breaks off" in reasons["cut.tar"]
    assert "not a tar that can be read" in reasons["none.tar"]
    assert "another video of the key 'a'" in reasons["odd.tar/a.left.mp4"]
    assert "the file is empty" in reasons["odd.tar/b.mp4"]
    assert "not a video that can be read" in reasons["odd.tar/c.mp4"]


def test_members_lie_where_the_index_says(shards: Path, video: bytes) -> None:
    found = list(scan("shards/00000.tar"))
    raw = (shards / "00000.tar").read_bytes()
    assert [one.name for one in found][:2] == ["0-a.mp4", "0-a.txt"]
    assert raw[found[0].offset :][: found[0].size] == video
    assert find_member("shards/00000.tar", "0-a.txt") == found[1]
    with pytest.raises(InputError, match="no such file in the tar"):
        find_member("shards/00000.tar", "x.mp4")


@pytest.mark.parametrize(
    ("name", "key", "kind"),
    [("a.mp4", "a", "mp4"), ("x.y/a.left.mp4", "x.y/a", "left.mp4"), ("a", "a", "")],
)
def test_a_key_ends_at_the_first_dot_of_the_name(name: str, key: str, kind: str) -> None:
    member = Member(name, 0, 0)
    assert (member.key, member.kind) == (key, kind)


def test_folder_that_is_called_as_a_tar_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "x.tar").mkdir()
    tar = write_tar(tmp_path / "x.tar" / "y.tar", {"k.mp4": b"1"})
    assert split_member(f"{tar}/k.mp4") == (str(tar), "k.mp4")
    assert split_member(f"{tmp_path}/x.tar/k.mp4") is None
    assert split_member("s3://bucket/0.tar/k.mp4") == ("s3://bucket/0.tar", "k.mp4")
