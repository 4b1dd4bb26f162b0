"""Weights are found, or fetched once and checked, or there is one line that says what to do."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from instancecap.errors import MissingDependency, UsageError
from instancecap.models import weights
from instancecap.models.known_weights import DETECTORS, KNOWN, SUPPORT, Weights
from instancecap.models.weights import cache_dir, find, find_detector, locate, pull

CONTENT = bytes(range(256)) * 1000

FILE = KNOWN["yunet"].files[0].name


@dataclass
class Upstream:
    """A server of one file on this machine; a test changes what it answers."""

    port: int = 0
    body: bytes = CONTENT
    length: int = len(CONTENT)
    status: int = 200
    requests: list[str] = field(default_factory=list)


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("INSTANCECAP_MODELS", raising=False)
    monkeypatch.delenv("INSTANCECAP_OFFLINE", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(weights, "_missing", {})
    monkeypatch.setattr(weights, "_unreachable", [])


@pytest.fixture
def upstream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Upstream]:
    state = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            self.send_response(state.status)
            self.send_header("Content-Length", str(state.length))
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        point_to(f"http://127.0.0.1:{state.port}/yunet.onnx", monkeypatch)
        yield state
        server.shutdown()
        thread.join()


def yunet_at(url: str, *, sha256: str = "", size: int = len(CONTENT)) -> Weights:
    digest = sha256 or hashlib.sha256(CONTENT).hexdigest()
    (file,) = KNOWN["yunet"].files
    given = replace(file, url=url, sha256=digest, size=size)
    return replace(KNOWN["yunet"], files=(given,), archive=None)


def point_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "yunet", yunet_at(url))


def cached() -> list[str]:
    folder = cache_dir()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_download_happens_once(upstream: Upstream) -> None:
    assert locate("yunet") is None
    path = find("yunet")
    assert path == cache_dir() / FILE == find("yunet") == locate("yunet")
    assert path.read_bytes() == CONTENT
    assert upstream.requests == ["/yunet.onnx"]
    assert cached() == [path.name]


def test_given_folder_comes_first_and_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "b").mkdir()
    given = tmp_path / "b" / FILE
    given.write_bytes(b"another export")
    monkeypatch.setenv("INSTANCECAP_MODELS", f"{tmp_path / 'a'}::{tmp_path / 'b'}")
    assert find("yunet") == given


def test_damaged_file_in_the_cache_is_replaced(upstream: Upstream) -> None:
    path = find("yunet")
    path.write_bytes(b"damaged")
    assert locate("yunet") is None
    assert find("yunet").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("body", "length", "status", "reason"),
    [
        (CONTENT[::-1], len(CONTENT), 200, "got a file with SHA-256"),
        (CONTENT[:1000], 1000, 200, "got 1000 of 256000 bytes"),
        (CONTENT[:1000], len(CONTENT), 200, "got 1000 of 256000 bytes|IncompleteRead"),
        (CONTENT * 2, 2 * len(CONTENT), 200, "got more than the 256000 bytes expected"),
        (b"", 0, 404, "Not Found"),
    ],
)
def test_bad_download_leaves_nothing_and_is_not_tried_again(
    upstream: Upstream, body: bytes, length: int, status: int, reason: str
) -> None:
    upstream.body, upstream.length, upstream.status = body, length, status
    for _ in range(3):
        with pytest.raises(MissingDependency, match=reason) as caught:
            find("yunet")
    assert "instancecap models pull yunet" in str(caught.value)
    assert len(upstream.requests) == 1
    assert cached() == []
    upstream.body, upstream.length, upstream.status = CONTENT, len(CONTENT), 200
    assert pull("yunet") == [find("yunet")]


def test_unreachable_network_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    point_to("http://127.0.0.1:9/yunet.onnx", monkeypatch)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(MissingDependency, match="Connection refused"):
        find("yunet")
    monkeypatch.setattr(weights, "_download", lambda *_, **__: pytest.fail("tried again"))
    for name in KNOWN:
        with pytest.raises(MissingDependency, match=f"models pull {name}"):
            find(name)


def test_what_the_parent_missed_is_not_tried_by_its_workers(upstream: Upstream) -> None:
    weights.assume_missing({"yunet": "not to be had"})
    with pytest.raises(MissingDependency, match="not to be had"):
        find("yunet")
    assert upstream.requests == []


def test_offline_switch_forbids_the_download(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    for get in (find, pull):
        with pytest.raises(MissingDependency, match="INSTANCECAP_OFFLINE is set"):
            get("yunet")
    assert upstream.requests == []


def test_download_can_be_ruled_out(upstream: Upstream) -> None:
    with pytest.raises(MissingDependency, match="weights yunet: not found"):
        find("yunet", download=False)
    assert upstream.requests == []


def test_cache_that_cannot_be_written_is_one_line(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(MissingDependency, match="Not a directory"):
        find("yunet")


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(UsageError, match="'yolo'; known names: nanodet-plus-m, yolox-nano"):
        find("yolo")


def test_processes_that_fetch_at_once_agree(upstream: Upstream) -> None:
    context = multiprocessing.get_context("spawn")
    url = KNOWN["yunet"].files[0].url
    workers = [context.Process(target=_pull_from, args=(url,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert cached() == [FILE]
    assert locate("yunet") is not None


def _pull_from(url: str) -> None:
    KNOWN["yunet"] = yunet_at(url)
    pull("yunet")


def test_a_detector_at_hand_comes_before_a_better_one_to_download(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    with pytest.raises(MissingDependency, match=DETECTORS[0]):
        find_detector()
    monkeypatch.setenv("INSTANCECAP_MODELS", str(tmp_path))
    (tmp_path / KNOWN["yolov3-tiny"].files[0].name).touch()
    assert locate("yolov3-tiny") is None, "one of two files is no detector"
    (tmp_path / KNOWN["yolov3-tiny"].files[1].name).touch()
    assert find_detector() == "yolov3-tiny"
    missing = weights.fetch_defaults()
    assert missing and "an object detector" not in missing


def test_upstream_of_every_default_is_pinned() -> None:
    assert {*DETECTORS, *SUPPORT} <= set(KNOWN)
    for name, one in KNOWN.items():
        assert one.name == name and one.licence and one.files
        for file in one.files:
            assert len(file.sha256) == 64
            assert (file.url.startswith("https://") and file.url.endswith(file.name)) or one.archive
