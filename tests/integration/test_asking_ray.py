"""Captions by a model on Ray are those of the local engine, also where a server is dead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import MakeVideo
from tests.integration.users import asking, captions_in, saying
from tests.mllm.server import serve
from tests.program import Run

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore"),  # Ray's own, in several of its modules
]


@pytest.fixture(autouse=True)
def cluster() -> Iterator[None]:
    """The run starts Ray on this machine; it ends with the test."""
    ray = pytest.importorskip("ray")
    ray.shutdown()
    yield
    ray.shutdown()


def test_the_server_that_lives_is_asked(
    run: Run, tmp_path: Path, make_video: MakeVideo, without_weights: None
) -> None:
    folder = tmp_path / "clips"
    for number in range(4):
        make_video(folder / f"{number}.mp4", frames=4 + number)
    (folder / "broken.mp4").write_bytes(b"no video")
    captions = {}
    for engine in ("local", "ray"):
        seen: list[dict[str, object]] = []
        with serve(saying(), seen=seen) as url:
            ran = run(
                *("caption", folder, "--engine", engine, "--out", tmp_path / engine),
                *asking("http://127.0.0.1:9/v1", "--mllm-url", url),
            )
        assert ran.status == 1, ran.err
        assert "broken.mp4" in ran.err
        assert len(seen) > 4
        captions[engine] = captions_in(tmp_path / engine)
    assert len(captions["ray"]) == 4
    assert captions["ray"] == captions["local"]
