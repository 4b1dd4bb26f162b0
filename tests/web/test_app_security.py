"""What must not get through: addresses, origins, tokens, passwords, sizes, paths, clips."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from instancecap.errors import InputError, UsageError
from instancecap.web.app.config import AppConfig, Limits
from instancecap.web.app.files import OpenedFolder, Workspace
from instancecap.web.app.security import HEADERS, LOCKED_SECONDS, WRONG_PASSWORDS
from tests.conftest import MakeVideo
from tests.web.conftest import OpenApp


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "example.org"])
def test_an_address_that_others_reach_demands_a_password(host: str) -> None:
    with pytest.raises(UsageError, match="--auth USER:PASSWORD"):
        AppConfig(host=host)
    assert not AppConfig(host=host, auth="ann:secret").is_local


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_loopback_needs_none(host: str) -> None:
    assert AppConfig(host=host).is_local


@pytest.mark.parametrize("auth", ["ann", ":secret", "ann:"])
def test_a_password_has_two_parts(auth: str) -> None:
    with pytest.raises(UsageError, match="USER:PASSWORD"):
        AppConfig(auth=auth)


def test_without_the_password_nothing_is_answered(open_app: OpenApp) -> None:
    browser = open_app(auth="ann:sécret:x")
    for auth in (None, ("ann", "wrong"), ("bob", "sécret:x")):
        answer = TestClient(browser.app, base_url="http://127.0.0.1").get("/", auth=auth)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
    for path in ("/static/api.js", "/jobs/x", "/media/folder/x.mp4"):
        anyone = TestClient(browser.app, base_url="http://127.0.0.1")
        assert anyone.get(path).status_code == 401
    assert browser.get("/", auth=("ann", "sécret:x".encode())).status_code == 200
    broken = browser.get("/", auth=None, headers={"authorization": "Basic é!".encode("latin-1")})
    assert broken.status_code == 401


def test_a_password_is_not_guessed_by_trying_many(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = open_app(auth="ann:secret")
    anyone = TestClient(browser.app, base_url="http://127.0.0.1")
    for _ in range(WRONG_PASSWORDS + 1):  # a browser that asks without one is no guess
        assert anyone.get("/").status_code == 401
    wrong = [browser.get("/", auth=("ann", f"{n}")).status_code for n in range(WRONG_PASSWORDS)]
    assert set(wrong) == {401}
    for password in ("secret", "wrong"):
        refused = browser.get("/", auth=("ann", password))
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
        assert "wait 60 s" in refused.json()["error"]
    other = TestClient(browser.app, base_url="http://127.0.0.1", client=("10.0.0.9", 5))
    assert other.get("/", auth=("ann", "secret")).status_code == 200
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + LOCKED_SECONDS + 1)
    assert browser.get("/", auth=("ann", "secret")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "", "["])
def test_a_name_that_was_rebound_is_refused(open_app: OpenApp, host: str) -> None:
    answer = open_app().get("/", headers={"host": host})
    assert answer.status_code == 403
    assert "token" not in answer.text


@pytest.mark.parametrize("host", ["localhost:9000", "[::1]:8765", "127.0.0.1"])
def test_own_names_are_answered_at_any_port(open_app: OpenApp, host: str) -> None:
    assert open_app().get("/", headers={"host": host}).status_code == 200


def test_an_open_app_is_found_by_numbers_but_not_by_a_strange_name(open_app: OpenApp) -> None:
    browser = open_app(host="0.0.0.0", auth="ann:secret")
    assert browser.get("/", headers={"host": "192.168.1.7:8765"}).status_code == 200
    assert browser.get("/", headers={"host": "evil.example"}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"x-instancecap-token": ""},
        {"x-instancecap-token": "é"},
    ],
)
def test_changes_come_from_own_pages_only(open_app: OpenApp, headers: dict[str, str]) -> None:
    browser = open_app()
    given = {name: value.encode() for name, value in headers.items()}
    assert browser.post("/jobs/x/cancel", headers=given).status_code == 403
    own = {"origin": "http://127.0.0.1:8765", "sec-fetch-site": "same-origin"}
    assert browser.post("/jobs/x/cancel", headers=own).status_code == 422  # no such job


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "POST"])
def test_every_method_that_changes_needs_the_token(open_app: OpenApp, method: str) -> None:
    anyone = TestClient(open_app().app, base_url="http://127.0.0.1")
    assert anyone.request(method, "/jobs/x").status_code == 403


def test_other_pages_cannot_embed_but_can_link(open_app: OpenApp) -> None:
    browser = open_app()
    other = {"sec-fetch-site": "cross-site"}
    assert browser.get("/static/api.js", headers=other).status_code == 403
    followed = {**other, "sec-fetch-mode": "navigate"}
    assert browser.get("/", headers=followed).status_code == 200


def test_every_answer_carries_the_policy(open_app: OpenApp) -> None:
    browser = open_app()
    answers = [
        browser.get("/"),
        browser.get("/nowhere"),
        browser.get("/static/app.css"),
        browser.get("/", headers={"host": "evil.example"}),
        browser.post("/jobs/x/cancel", headers={"x-instancecap-token": "wrong"}),
    ]
    for answer in answers:
        assert answer.headers["content-security-policy"] == HEADERS["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    policy = HEADERS["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy


def test_what_nobody_foresaw_is_one_line_with_the_policy(
    open_app: OpenApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = open_app()
    quiet = TestClient(browser.app, base_url="http://127.0.0.1", raise_server_exceptions=False)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("hidden words")

    monkeypatch.setattr(type(browser.services), "examples", broken)
    answer = quiet.get("/", headers={"accept": "text/html"})
    assert answer.status_code == 500
    assert "something unforeseen happened (RuntimeError)" in answer.text
    assert "hidden words" not in answer.text
    for name, value in HEADERS.items():
        assert answer.headers[name] == value


def test_large_bodies_are_cut_off_whatever_they_promise(open_app: OpenApp) -> None:
    browser = open_app(limits=Limits(upload_bytes=1000, body_bytes=500))
    assert browser.post("/jobs/x/cancel", content=b"x" * 501).status_code == 413
    answer = browser.post("/uploads?name=a.mp4", content=b"x" * 1001)
    assert answer.status_code == 413
    assert "at most" in answer.json()["error"]
    streamed = browser.post("/uploads?name=a.mp4", content=iter([b"x" * 400] * 4))
    assert streamed.status_code == 413
    assert not [one for one in browser.services.workspace.path.rglob("*") if one.is_file()]
    assert browser.post("/jobs/x/cancel", headers={"content-length": "many"}).status_code == 400


def test_all_uploads_together_are_limited(open_app: OpenApp) -> None:
    browser = open_app(limits=Limits(kept_bytes=1000))
    id, folder = browser.services.workspace.new()
    (folder / "result").write_bytes(b"x" * 1001)
    before = set(browser.services.workspace.path.iterdir())
    answer = browser.post("/uploads?name=a.mp4", content=b"x")
    assert answer.status_code == 422
    assert "the app holds" in answer.json()["error"]
    assert set(browser.services.workspace.path.iterdir()) == before
    browser.services.workspace.remove(id)
    assert "not a video" in browser.post("/uploads?name=a.mp4", content=b"x").json()["error"]


OUTSIDE = ["../secret.mp4", "a/../../secret.mp4", "/etc/passwd", "link.mp4", "linked/secret.mp4",
           "..\\secret.mp4", "x" * 5000, "loop.mp4", "pipe.mp4", "a\0.mp4", "", ".",
           "inner"]  # fmt: skip


@pytest.fixture
def opened(tmp_path: Path, make_video: MakeVideo) -> OpenedFolder:
    root = tmp_path / "root"
    make_video(root / "inner" / "a.mp4")
    (root / "notes.txt").write_text("hidden words")
    (tmp_path / "secret.mp4").write_text("hidden words")
    (root / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (root / "linked").symlink_to(tmp_path, target_is_directory=True)
    (root / "loop.mp4").symlink_to(root / "loop.mp4")
    (root / "good.mp4").symlink_to(root / "inner" / "a.mp4")
    os.mkfifo(root / "pipe.mp4")
    return OpenedFolder(root)


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_name_leads_out_of_the_folder(opened: OpenedFolder, name: str) -> None:
    with pytest.raises(InputError):
        opened.resolve(name)
    with pytest.raises(InputError):
        opened.find(name)


def test_what_lies_inside_is_found(opened: OpenedFolder) -> None:
    assert opened.root is not None
    inside = opened.root / "inner" / "a.mp4"
    for name in ("inner/a.mp4", "good.mp4"):
        assert opened.resolve(name) == inside
    assert opened.find(str(inside)) == inside
    assert opened.name_of(inside) == "inner/a.mp4"
    with pytest.raises(InputError, match="no folder is open"):
        OpenedFolder(None).resolve("a.mp4")


def test_addresses_serve_the_folder_alone(open_app: OpenApp, opened: OpenedFolder) -> None:
    browser = open_app(source=str(opened.root))
    part = browser.get("/media/folder/inner/a.mp4", headers={"range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, b"ftyp")
    for name in (*OUTSIDE, "notes.txt", "%2e%2e/secret.mp4", "..%2fsecret.mp4", "%2fetc%2fpasswd"):
        answer = browser.get(f"/media/folder/{name}".replace("\0", "%00"))
        assert answer.status_code in (404, 422), name
        assert b"hidden words" not in answer.content
    for name in ("../app/config.py", "application.py", "..%2fpage.html", "report.html"):
        assert browser.get(f"/static/{name}").status_code == 404


def test_temporary_files_go_after_a_while_and_at_the_end() -> None:
    workspace = Workspace()
    id, folder = workspace.new()
    (folder / "clip.mp4").write_bytes(b"x")
    workspace.sweep(older_than=60)
    assert workspace.get(id) == folder
    os.utime(folder, (0, 0))
    workspace.sweep(older_than=60)
    with pytest.raises(InputError, match="removed after a while"):
        workspace.get(id)
    for wrong in ("..", "", "a/b", "thumb\0"):
        with pytest.raises(InputError):
            workspace.get(wrong)
    workspace.close()
    assert not workspace.path.exists()
    workspace.sweep(older_than=60)  # another program may have tidied up, too


def test_what_a_killed_app_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    left, foreign = tmp_path / "instancecap-web-999999999-x", tmp_path / "instancecap-web-notes"
    for folder in (left, foreign):
        folder.mkdir()
    workspace = Workspace()
    assert not left.exists()
    assert foreign.exists()
    assert workspace.path.exists()
    workspace.close()


def test_very_many_folders_do_not_hold_a_page_up(opened: OpenedFolder) -> None:
    assert list(opened.videos()) == ["good.mp4", "inner/a.mp4"]
    assert list(opened.videos(seconds=-1)) == []
