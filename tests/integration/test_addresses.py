"""Clips on a web server, by addresses with a token, through every command."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.engine import make_clips
from instancecap.datasets.export import find_trainer
from instancecap.errors import UsageError
from instancecap.schema import Caption
from tests.program import Run


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are no news."""


@pytest.fixture
def url(tmp_path: Path, without_weights: None) -> Iterator[str]:
    make_clips(tmp_path / "clips", 1)
    serve = partial(Handler, directory=str(tmp_path / "clips"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), serve)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/00000.mp4?token=se%2Fcret*"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_clip_by_its_address_is_captioned_verified_and_exported(
    run: Run, tmp_path: Path, url: str
) -> None:
    out = tmp_path / "out"
    assert run("caption", url, "--out", out).status == 0
    assert [path.name for path in out.glob("*.json")] == ["00000.mp4.json"]
    video = Caption.read(out / "00000.mp4.json").video
    assert video is not None and (video.id, video.path) == ("00000.mp4", url)
    ran = run("verify", out)
    assert ran.status == 0, ran.err
    target = tmp_path / "set"
    ran = run("export", out, "--for", "videofolder", "--target", "ltx-video", "--out", target)
    assert ran.status == 0, ran.err
    (copied,) = target.rglob("*.mp4")
    assert not copied.is_symlink()
    assert copied.read_bytes() == (tmp_path / "clips" / "00000.mp4").read_bytes()


def test_a_model_named_as_a_trainer_is_told_where_it_goes() -> None:
    with pytest.raises(UsageError, match="hunyuanvideo is a model: name it with --target"):
        find_trainer("hunyuanvideo")
