"""The view Enhance: prompts become captions that can be edited; answers come as they are given."""

from __future__ import annotations

import time
from typing import Any

import pytest

from instancecap.schema.caption import Caption
from instancecap.web.app.enhancing import edited
from tests.enhance.writer import answer
from tests.mllm.server import MODEL, serve

KITE = "Three kids chase a red paper kite along a windy beach"


def finished(app: Any, job: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        status: dict[str, Any] = app.get(f"/jobs/{job}").json()
        if status["state"] not in ("waiting", "running"):
            return status
        time.sleep(0.05)
    raise AssertionError("the job does not end")


def enhance(app: Any, **wanted: Any) -> dict[str, Any]:
    return finished(app, app.post("/enhance", json={"prompt": KITE, **wanted}).json()["job"])


@pytest.fixture(scope="module")
def app(module_app: Any) -> Any:
    return module_app()


@pytest.fixture(scope="module")
def facts(app: Any) -> dict[str, Any]:
    status = enhance(app, target="wan2.2")
    assert status["state"] == "done", status["error"]
    return dict(status["result"])


def fields(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["pointer"]: one for group in facts["groups"] for one in group["fields"]}


def test_without_a_model_all_is_kept_and_nothing_invented(facts: dict[str, Any]) -> None:
    assert "".join(text for text, _ in facts["asked"]) == KITE
    assert "".join(text for text, _ in facts["said"]) == facts["prompt"]
    kept = " ".join(text for text, state in facts["said"] if state == "kept")
    assert "kids" in kept and "kite" in kept and "a" not in kept.split()
    assert not facts["missing"] and facts["calls"] == 0
    assert facts["negative_prompt"] and 0 < facts["meter"]["tokens"] < facts["meter"]["limit"]
    told = fields(facts)
    assert told["/instances/0/count"]["value"] == 3
    assert {one["source"] for one in told.values() if one["value"] and one["source"]} == {"prompt"}


def test_what_nobody_will_hear_is_kept_and_noted_not_missing(app: Any) -> None:
    said = 'A man at a desk says "we made it".'
    facts = enhance(app, prompt=said, target="wan2.2")["result"]
    assert facts["missing"] == []
    assert facts["notes"] == ['speech "we made it": wan2.2 makes no sound']
    assert any("made" in text for text, state in facts["asked"] if state == "kept")


def test_a_prompt_in_a_language_that_is_not_read_says_so(app: Any) -> None:
    facts = enhance(app, prompt="Drei Kinder laufen mit einem roten Drachen am Strand entlang")
    (note,) = facts["result"]["notes"]
    assert "not English" in note


def test_an_edited_field_is_a_persons_and_the_prompt_follows(
    app: Any, facts: dict[str, Any]
) -> None:
    change = {"pointer": "/global_description", "value": "Two kids fly a kite."}
    wanted = {"caption": facts["caption"], "target": "wan2.2", **change}
    after = app.post("/enhance/revision", json=wanted).json()
    assert after["prompt"].startswith("Two kids fly a kite")
    assert fields(after)["/global_description"]["source"] == "human"
    assert after["missing"]
    assert any(state == "missing" for _, state in after["asked"])
    other = app.post("/enhance/revision", json={"caption": after["caption"], "target": "cosmos3"})
    assert other.json()["prompt"].startswith("{")


@pytest.mark.parametrize(
    ("pointer", "value", "line"),
    [
        ("/place", "the moon", "/place: Input should be 'indoor'"),
        ("/instances/0/count", 0, "greater than or equal to 1"),
        ("/instances/0/name", "the red paper kite", "instance names must differ"),
        ("/video", "x", "/video: no field that can be edited here"),
        ("/instances/9/name", "x", "no field that can be edited here"),
    ],
)
def test_what_cannot_be_is_one_line(
    app: Any, facts: dict[str, Any], pointer: str, value: Any, line: str
) -> None:
    wanted = {"caption": facts["caption"], "pointer": pointer, "value": value}
    refused = app.post("/enhance/revision", json=wanted)
    assert refused.status_code == 422
    assert line in refused.json()["error"]
    assert "\n" not in refused.json()["error"]


def test_a_caption_that_is_none_is_refused(app: Any) -> None:
    refused = app.post("/enhance/revision", json={"caption": {"schema": "x"}})
    assert refused.status_code == 422
    assert "the caption: not a valid caption" in refused.json()["error"]
    assert app.post("/enhance", json={"prompt": "x" * 20_001}).status_code == 422
    assert enhance(app, prompt="  ")["state"] == "failed"
    nobody = app.post("/enhance", json={"prompt": KITE, "asks": True})
    assert "name a model server" in nobody.json()["error"]


def test_editing_changes_nothing_else() -> None:
    caption = Caption.model_validate(
        {"video": None, "instances": [{"id": 4, "class": "dog"}], "background": "A yard."}
    )
    after = edited(caption, "/instances/4/colors", ["brown", "white"])
    assert after.instances[0].colors == ["brown", "white"]
    assert after.provenance.keys() == {"/instances/4/colors"}
    assert after.model_copy(update={"provenance": {}, "instances": caption.instances}) == caption
    assert caption.instances[0].colors == []


def test_answers_of_a_model_come_one_by_one(open_app: Any) -> None:
    with serve(answer) as url:
        app = open_app()
        status = enhance(app, asks=True, url=url, model=MODEL, mode="staged", target="wan2.2")
    assert status["state"] == "done", status["error"]
    about = [one["about"] for one in status["events"] if "about" in one]
    assert about[:2] == ["the story", "what is in it"] and "the camera" in about
    assert all(one["text"] for one in status["events"] if one.get("about") == "looks")
    assert status["result"]["calls"] >= len(about), "some are asked twice"
    sources = {one["source"] for one in fields(status["result"]).values()}
    assert f"enhancer:{MODEL}" in sources


def test_a_first_frame_is_looked_at(app: Any) -> None:
    import cv2
    import numpy as np

    picture = np.full((120, 160, 3), 200, np.uint8)
    data = cv2.imencode(".png", picture)[1].tobytes()
    key = app.post("/uploads?name=first.png", content=data).json()["key"]
    status = enhance(app, picture=key, has_picture=True)
    assert status["state"] == "done", status["error"]
    assert status["events"][0]["stage"] == "looking at the picture"
    gone = app.post("/enhance", json={"prompt": KITE, "picture": "upload/nothing"})
    assert "that is gone" in gone.json()["error"]


def test_a_server_that_is_not_there_is_one_line(app: Any) -> None:
    status = enhance(app, asks=True, url="http://127.0.0.1:9/v1", model="m")
    assert status["state"] == "failed"
    assert "http://127.0.0.1:9/v1" in status["error"] and "\n" not in status["error"]
