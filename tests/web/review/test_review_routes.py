from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from instancecap.evidence.choice import Cluster
from instancecap.mllm.server import Server
from instancecap.schema import Caption
from instancecap.web.app.config import AppConfig
from instancecap.web.review.store import ReviewSet
from tests.conftest import MakeVideo
from tests.mllm.server import MODEL, serve
from tests.web.conftest import Browser, OpenApp


def make_caption(name: str, *, squares: int = 1, **changes: Any) -> Caption:
    """The caption of a video that ``make_video`` makes."""
    track = [{"t": t / 8, "box": [0.1 + t / 16, 0.25, 0.3 + t / 16, 0.5], "score": 0.9}
             for t in range(8)]  # fmt: skip
    said = {
        "video": {"id": name, "path": name, "start": 0, "end": 1, "duration": 1, "fps": 8,
                  "width": 64, "height": 48, "frames": 8},
        "global_description": f"The square 0 moves right in {name}.",
        "instances": [
            {"id": id, "name": f"the square {id}", "class": "square", "track": track}
            for id in range(squares)
        ],
        "shots": [{"start": 0, "end": 1, "transition": "start"}],
        "provenance": {
            "/global_description": {"source": "model", "confidence": 0.6, "support": "unchecked",
                                    "frames": [0.25, 0.5]},
        },
    }  # fmt: skip
    return Caption.model_validate(said | changes)


def make_folder(folder: Path, make_video: MakeVideo, count: int, **how: Any) -> Path:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        name = f"clip-{number:02}.mp4"
        make_video(folder / name)
        make_caption(name, **how).write(folder / f"{name}.json")
    return folder


def finished(browser: Any, job: str) -> Any:
    """The result of a job."""
    for _ in range(600):
        status = browser.get(f"/jobs/{job}").json()
        if status["state"] in ("done", "failed"):
            break
        time.sleep(0.05)
    assert status["state"] == "done", status
    return status["result"]


def opened(browser: Any) -> Any:
    """The view with its index built, here and not by a worker, which takes a second to start."""
    ReviewSet.open(browser.services.config.source).refresh()
    return browser


def send(browser: Any, path: str, name: str, **body: Any) -> Any:
    return browser.post(f"/review/{path}", json={"name": name, "reviewer": "Ann", **body})


def test_the_view_edits_and_the_second_writer_gets_the_change(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 2)
    browser = open_app(source=str(folder))
    job = browser.get("/review").text.split('data-job="')[1].split('"')[0]
    assert finished(browser, job) == 2
    queue = browser.get("/review/queue", params={"counted": True}).json()
    assert (queue["count"], queue["items"][0]["name"]) == (2, "clip-00.mp4")
    data = browser.get("/review/caption", params={"name": "clip-00.mp4"}).json()
    assert data["clip"] and data["before"] == {}
    edit = {"kind": "set", "pointer": "/background", "value": "A ramp."}
    seen = {"version": data["version"], "edit": edit}
    assert send(browser, "check", "clip-00.mp4", **seen).json() == {"error": ""}
    saved = send(browser, "save", "clip-00.mp4", **seen).json()
    assert saved["caption"]["background"] == "A ramp."
    assert saved["before"] == {"/background": None}
    assert Caption.read(folder / "clip-00.mp4.json").background == "A ramp."
    answer = send(browser, "save", "clip-00.mp4", **seen | {"edit": edit | {"value": "Grass."}})
    assert "changed by Ann" in answer.json()["conflict"]
    assert answer.json()["now"]["caption"]["background"] == "A ramp."
    assert answer.json()["changes"][0]["reviewer"] == "Ann"
    undone = send(browser, "undo", "clip-00.mp4", version=saved["version"]).json()
    assert undone["version"] == data["version"]


def test_a_wrong_edit_is_told_in_one_line(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    browser = opened(open_app(source=str(make_folder(tmp_path / "set", make_video, 1))))
    name = "clip-00.mp4"
    version = browser.get("/review/version", params={"name": name}).json()["version"]
    edit = {"kind": "set", "pointer": "/place", "value": "garden"}
    told = send(browser, "check", name, version=version, edit=edit).json()["error"]
    assert "place" in told and "\n" not in told
    assert send(browser, "save", name, version=version, edit=edit).json() == {"error": told}
    assert send(browser, "save", name, version=version, edit={"kind": "x"}).status_code == 422
    for bad in ("../secret", "/etc/passwd", "gone", "\0"):
        assert browser.get("/review/caption", params={"name": bad}).status_code == 422
    for after in ("x", "[1]", '["a", 2, 3]', "{}"):
        assert browser.get("/review/queue", params={"after": after}).status_code == 422
    without_token = browser.post(
        "/review/judge",
        json={"name": name, "verdict": "accepted"},
        headers={"x-instancecap-token": ""},
    )
    assert without_token.status_code == 403


def test_a_box_is_followed_and_added(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp, without_weights: None
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1, squares=0)
    browser, name = opened(open_app(source=str(folder))), "clip-00.mp4"
    box = [0.0, 0.25, 0.25, 0.5]
    found = finished(browser, send(browser, "track", name, t=0.0, box=box).json()["job"])
    assert found["track"][0]["box"] == box
    assert 0 < len(found["track"]) <= 16
    version = browser.get("/review/version", params={"name": name}).json()["version"]
    edit = {"kind": "add", "class": "square", "name": "the square", "track": found["track"]}
    assert send(browser, "save", name, version=version, edit=edit).status_code == 200
    assert Caption.read(folder / f"{name}.json").instances[0].name == "the square"


def test_a_field_is_written_anew_by_the_captioner_at_hand(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp, without_weights: None
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    browser = opened(open_app(source=str(folder)))
    asked = send(browser, "recaption", "clip-00.mp4", pointer="/global_description")
    found = finished(browser, asked.json()["job"])
    assert found["value"] and found["by"]["source"] != "human"
    assert Caption.read(folder / "clip-00.mp4.json").global_description.startswith("The square 0")


def test_players_of_video_and_of_frames(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    browser = opened(open_app(source=str(folder)))
    asked = {"name": "clip-00.mp4", "version": "x"}
    video = browser.get("/review/player", params=asked)
    assert 'src="/media/folder/clip-00.mp4"' in video.text
    assert "the" not in video.headers["cache-control"] and "#0 square" in video.text
    frames = browser.get("/review/player", params=asked | {"frames": True}).text
    assert "data:image/webp" in frames and "<video" not in frames


def test_a_clip_outside_of_the_opened_folder_is_not_shown(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    outside = make_video(tmp_path / "outside" / "x.mp4")
    caption = make_caption("x.mp4")
    assert caption.video is not None
    caption.video.path = str(outside)
    caption.write(folder / "x.mp4.json")
    browser = opened(open_app(source=str(folder)))
    data = browser.get("/review/caption", params={"name": "x.mp4"}).json()
    assert not data["clip"] and "not in the opened folder" in data["trouble"]
    answer = browser.get("/review/player", params={"name": "x.mp4", "version": ""})
    assert answer.status_code == 422


def test_a_table_is_written_when_the_app_ends(tmp_path: Path, make_video: MakeVideo) -> None:

    make_video(tmp_path / "a.mp4")
    path = tmp_path / "captions.jsonl"
    path.write_text(make_caption("a.mp4").to_json(indent=None) + "\n", encoding="utf-8")
    with Browser(AppConfig(source=str(path))) as browser:
        opened(browser)
        data = browser.get("/review/caption", params={"name": "a.mp4"}).json()
        assert data["clip"]
        edit = {"kind": "set", "pointer": "/background", "value": "A ramp."}
        send(browser, "save", "a.mp4", version=data["version"], edit=edit)
    assert Caption.from_json(path.read_text(encoding="utf-8")).background == "A ramp."


def test_replacing_and_pairs_over_the_wire(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 3)
    browser = opened(open_app(source=str(folder)))
    wanted = {"find": "square", "replace": "block", "fields": ["global_description"]}
    seen = browser.post("/review/replace/preview", json=wanted).json()
    assert (seen["captions"], seen["fields"]) == (3, 3)
    started = browser.post("/review/replace", json=wanted | {"reviewer": "Ann"}).json()
    done = finished(browser, started["job"])
    assert (done["captions"], done["failed"]) == (3, {})
    send(browser, "critique", "clip-01.mp4", text="It is a block.")
    lines = browser.get("/review/pairs.jsonl").text.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"clip-0{n}.mp4" for n in range(3)]
    assert json.loads(lines[1])["critiques"] == ["It is a block."]
    back = browser.post("/review/replace/undo", json={"batch": done["batch"]}).json()
    assert back == {"undone": 3, "left": []}
    wrong = browser.post("/review/replace/preview", json={"find": "", "replace": "x"})
    assert wrong.status_code == 400
    progress = browser.get("/review/progress").json()
    assert (progress["captions"], progress["edited"]) == (3, 0)


@pytest.mark.parametrize("source", ["", "videos.txt"])
def test_without_captions_the_page_says_what_to_do(
    tmp_path: Path, open_app: OpenApp, source: str
) -> None:
    (tmp_path / "videos.txt").write_text("a.mp4\n", encoding="utf-8")
    browser = open_app(source=str(tmp_path / source) if source else "")
    page = browser.get("/review")
    assert page.status_code == 200
    assert "instancecap web FOLDER" in page.text or "a folder of captions" in page.text
    assert browser.get("/review/queue").status_code == 400


def test_a_real_clip_is_measured_anew_for_one_field(
    clips_dir: Path, with_weights: Path, tmp_path: Path
) -> None:
    from instancecap.video.clip import Clip
    from instancecap.web.app.jobs import Progress
    from instancecap.web.review.workers import recaption

    said = make_caption("worker.mp4", squares=0)
    clip = Clip.open(clips_dir / "everyday" / "worker.mp4")
    progress = Progress(str(tmp_path / "progress"))
    found = recaption(progress, clip, said.to_json(), "/global_description", Server())
    assert found["by"]["source"] and "square" not in found["value"]


def test_those_chosen_for_the_app_follow_and_measure(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp, without_weights: None
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    app = opened(open_app(source=str(folder), cluster=Cluster(detector="nobody")))
    box = [0.0, 0.25, 0.25, 0.5]
    for path, more in (
        ("track", {"t": 0.0, "box": box}),
        ("recaption", {"pointer": "/lighting"}),
    ):
        asked = send(app, path, "clip-00.mp4", **more)
        with pytest.raises(AssertionError, match="or a hub id such as PekingU"):
            finished(app, asked.json()["job"])


def test_a_model_is_asked_for_one_field_alone(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp, without_weights: None
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    with serve(lambda body: '{"lighting": "A bright studio light."}') as url:
        app = open_app(source=str(folder), server=Server(url=url, model=MODEL))
        asked = send(opened(app), "recaption", "clip-00.mp4", pointer="/lighting")
        found = finished(app, asked.json()["job"])
        assert found["value"] == "A bright studio light."
        assert found["by"]["source"] == MODEL
        asked = send(app, "recaption", "clip-00.mp4", pointer="/shots/0/motion").json()["job"]
        with pytest.raises(AssertionError, match="no field that a model is asked for"):
            finished(app, asked)


def test_what_cannot_be_asked_is_one_line(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    caption = make_caption("clip-00.mp4")
    assert caption.video is not None
    caption.video.path = "x" * 5000  # longer than a file's name can be
    caption.write(folder / "long.json")
    browser = opened(open_app(source=str(folder)))
    wanted = {"find": "square", "replace": "x", "query": {"order": "upside down"}}
    for path in ("replace", "replace/preview"):
        refused = browser.post(f"/review/{path}", json=wanted)
        assert refused.status_code == 422
        assert refused.json()["error"].startswith("query.order: ")
    data = browser.get("/review/caption", params={"name": "long"})
    assert data.status_code == 200


def test_who_writes_a_field_anew_is_named(
    tmp_path: Path, make_video: MakeVideo, open_app: OpenApp
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    measured = open_app(source=str(folder)).get("/review").text
    assert 'data-writer="the measured captioner"' in measured
    server = Server(url="http://127.0.0.1:9/v1", model='a "model"')
    asked = open_app(source=str(folder), server=server).get("/review").text
    assert 'data-writer="a &#34;model&#34;"' in asked
