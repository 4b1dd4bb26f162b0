"""The view Caption without a browser: from a clip to a page, a prompt and files."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from instancecap.errors import UsageError
from instancecap.formats import Caption
from instancecap.mllm.server import Server
from instancecap.web.app.caption_view import DOWNLOADS
from instancecap.web.app.captioning import NO_KEY, CaptionerChoice, server_for
from instancecap.web.app.config import AppConfig
from tests.conftest import MakeVideo
from tests.mllm.server import MODEL, serve
from tests.web.conftest import OpenApp
from tests.web.test_report import Page

ASKED = CaptionerChoice(captioner="mllm", model="m")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_video: MakeVideo) -> Path:
    root = tmp_path_factory.mktemp("opened")
    make_video(root / "a b&<i>.mp4", frames=16)
    (root / "damaged.mp4").write_bytes((root / "a b&<i>.mp4").read_bytes()[:900])
    return root


@pytest.fixture(scope="module")
def browser(module_app: OpenApp, folder: Path) -> Any:
    return module_app(source=str(folder))


def finish(browser: Any, job: str) -> dict[str, Any]:
    for _ in range(1200):
        status: dict[str, Any] = browser.get(f"/jobs/{job}").json()
        if status["state"] not in ("waiting", "running"):
            return status
        time.sleep(0.05)
    raise AssertionError("it did not end")


def caption(browser: Any, **wanted: Any) -> tuple[dict[str, Any], str]:
    answer = browser.post("/captions", json=wanted)
    assert answer.status_code == 200, answer.text
    return finish(browser, answer.json()["job"]), answer.json()["page"]


@pytest.fixture(scope="module")
def page(browser: Any) -> str:
    status, page = caption(browser, path="a b&<i>.mp4")
    assert status["state"] == "done", status
    stages = [one["stage"] for one in status["events"]]
    assert stages[0] == "looking at the clip"
    assert stages[-1] == "taking pictures"
    shares = [one["share"] for one in status["events"] if one["stage"] == "measuring"]
    assert len(shares) > 3
    assert shares == sorted(shares)
    return page


def test_the_page_has_no_script_or_style_of_its_own(browser: Any, page: str) -> None:
    text = browser.get(page, headers={"accept": "text/html"}).text
    found = Page(text)
    scripts = found.of("script")
    assert all(one.get("src") or one["type"] == "application/json" for one in scripts)
    assert not found.of("style")
    assert not [name for _, given in found.tags for name in given if name.startswith("on")]
    assert not [given for _, given in found.tags if "style" in given]
    assert "a b&<i>.mp4" in found.text
    assert "<i>.mp4" not in text


def test_pictures_and_the_clip_are_served(browser: Any, page: str, folder: Path) -> None:
    data = Page(browser.get(page).text).data[0]
    assert data["video"] == "/media/folder/a%20b%26%3Ci%3E.mp4"
    assert browser.get(data["video"]).content == (folder / "a b&<i>.mp4").read_bytes()
    first = browser.get(data["frames"][0]["url"])
    assert first.headers["content-type"] == "image/webp"
    for wrong in ("caption.json", "99.webp", "..%2f0.webp", "²"):
        assert browser.get(f"{page}/frames/{wrong}").status_code == 404


def test_a_prompt_comes_with_its_budget(browser: Any, page: str) -> None:
    facts = browser.get(f"{page}/prompt", params={"target": "wan2.2"}).json()
    assert facts["text"]
    assert 0 < facts["tokens"] <= facts["budget"] <= facts["limit"]
    wrong = browser.get(f"{page}/prompt", params={"target": "nothing"})
    assert wrong.status_code == 400
    assert "allowed are" in wrong.json()["error"]


def test_a_field_is_corrected(browser: Any) -> None:
    _, page = caption(browser, path="a b&<i>.mp4")
    before = browser.get(f"{page}/fields").json()
    assert before["before"] == {}
    edit = {"pointer": "/background", "value": "A <b>gray</b> ramp."}
    checked = browser.post(f"{page}/fields?only_check=true", json=edit).json()
    assert checked == {"error": ""}
    assert browser.get(f"{page}/fields").json() == before
    for _ in range(2):
        after = browser.post(f"{page}/fields", json=edit).json()
        assert after["before"] == {"/background": None}
    known = after["caption"]["provenance"]["/background"]
    assert (known["source"], known["support"], bool(known["at"])) == ("human", "unchecked", True)
    for pointer, value in (("/schema", "x"), ("/camera/motion", ["sideways"]), ("/nothing", "x")):
        wrong = browser.post(f"{page}/fields", json={"pointer": pointer, "value": value}).json()
        assert pointer.removeprefix("/") in wrong["error"].replace(".", "/")
    saved = Caption.from_json(browser.get(f"{page}/download/json").text)
    assert saved.model_dump(mode="json") == after["caption"]
    for format in ("text", "report"):
        text = browser.get(f"{page}/download/{format}").text
        assert "gray" in text
        assert format == "text" or "<b>gray" not in text


def test_every_file_can_be_saved(browser: Any, page: str, tmp_path: Path) -> None:
    for format, (_, end) in DOWNLOADS.items():
        answer = browser.get(f"{page}/download/{format}")
        assert answer.status_code == 200, answer.text
        name = f"a%20b%26%3Ci%3E.mp4{end}"
        given = answer.headers["content-disposition"]
        assert given == f"attachment; filename*=UTF-8''{name}"
        if format == "report":
            assert "data:image/webp" in answer.text
        elif format != "text":
            path = tmp_path / f"{format}.json"
            path.write_bytes(answer.content)
            read = Caption.read(path)
            if format == "json":
                made = read.leaves()
            elif format in ("labelstudio", "fiftyone"):
                assert read.leaves() == made, "they carry the whole caption along"
    assert {"labelstudio", "fiftyone"} < DOWNLOADS.keys()
    assert browser.get(f"{page}/download/exe").status_code == 404


def test_a_report_is_of_the_clip_and_of_no_other_file_of_its_name(
    browser: Any, page: str, make_video: MakeVideo, tmp_path: Path
) -> None:
    """An upload may be named like a file of this machine, and go before what came of it."""
    secret = make_video(tmp_path / "secret.mp4")
    sent = browser.post("/uploads", params={"name": str(secret)}, content=secret.read_bytes())
    id, folder = browser.services.workspace.new()
    made = browser.services.workspace.get(page.rsplit("/", 1)[1])
    for name in ("caption.json", "evidence.json"):
        shutil.copy(made / name, folder / name)
    said = Caption.read(folder / "caption.json")
    assert said.video is not None
    said.video.id = str(secret)
    said.write(folder / "caption.json")
    note = {"key": sent.json()["key"], "name": str(secret)}
    (folder / "result.json").write_text(json.dumps(note))
    browser.services.workspace.remove(note["key"].split("/")[1])
    answer = browser.get(f"/captions/{id}/download/report")
    assert answer.status_code == 422
    assert "the clip is gone" in answer.json()["error"]


def test_the_header_names_what_is_open(
    browser: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for source in (".", str(folder), "../" + folder.name):
        assert AppConfig(source=source).opened == folder.name
    assert AppConfig().opened == ""
    assert f">{folder.name}</p>" in browser.get("/").text


def test_what_fails_is_one_line(browser: Any) -> None:
    status, page = caption(browser, key="folder/damaged.mp4")
    assert status["state"] == "failed"
    assert status["error"].startswith("damaged.mp4: ")
    assert browser.get(page, headers={"accept": "text/html"}).status_code == 422
    for wrong in ({"path": "../x.mp4"}, {"key": "folder/nothing.mp4"}, {"key": "upload/x"}):
        assert browser.post("/captions", json=wrong).status_code == 422
    answer = browser.post("/captions", json={"key": "x", "mode": "magic"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("mode: ")


def test_a_model_is_asked_and_its_answers_are_counted(browser: Any) -> None:
    with serve() as url:
        status, page = caption(browser, path="a b&<i>.mp4", captioner="mllm", url=url, model=MODEL)
    assert status["state"] == "done", status
    assert [one for one in status["events"] if one["stage"].startswith(f"asking {MODEL}: ")]
    made = json.loads(browser.get(f"{page}/download/json").content)
    assert made["producer"]["captioner"] == "mllm"


def test_the_key_goes_to_the_app_s_own_servers_alone() -> None:
    own = Server(url=["http://own/v1"], model="own-model", key_env="OWN_KEY")
    config = AppConfig(server=own)
    assert server_for(ASKED, config).key_env == "OWN_KEY"
    assert server_for(CaptionerChoice(captioner="mllm"), config).model == "own-model"
    strange = ASKED.model_copy(update={"url": "http://strange/v1"})
    assert server_for(strange, config).key_env == NO_KEY
    shared = AppConfig(server=own, host="0.0.0.0", auth="ann:secret")
    assert server_for(ASKED, shared).urls == ("http://own/v1",)
    with pytest.raises(UsageError, match="that the app was started with"):
        server_for(strange, shared)
    with pytest.raises(UsageError, match="name a model server"):
        server_for(ASKED, AppConfig())


def test_without_a_folder_paths_are_refused_and_examples_are_offered(open_app: OpenApp) -> None:
    browser = open_app()
    assert "Path in the opened folder" not in browser.get("/").text
    answer = browser.post("/captions", json={"path": "/etc/passwd"})
    assert answer.status_code == 422
    assert "no folder is open" in answer.json()["error"]
    names = [one.name for one in browser.services.examples(3)]
    assert len(names) <= 3
    assert all(browser.services.source(f"sample/{name}").path.exists() for name in names)
