"""Enhance and Compare as people use them: typed, edited, voted by keyboard, counted."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instancecap.schema.caption import Caption
from tests.conftest import MakeVideo
from tests.program import Run, run  # noqa: F401
from tests.web.conftest import LiveApp, Watched

pytestmark = pytest.mark.browser


def test_a_prompt_is_enhanced_edited_and_saved(
    live_app: Callable[..., LiveApp], watch: Callable[..., Watched], tmp_path: Path
) -> None:
    app = live_app()
    page = watch(app).page
    page.goto(f"{app.url}/enhance")
    page.fill("[name=prompt]", "Three kids chase a red paper kite along a windy beach")
    page.select_option("[name=target]", "wan2.2")
    page.keyboard.press("Tab")
    page.click("main button.primary")
    said, asked = page.locator("[data-part=said]"), page.locator("[data-part=asked]")
    asked.locator("mark.kept").first.wait_for()
    assert asked.locator("mark.missing").count() == 0
    told = page.locator("label", has_text="global description").locator("textarea")
    told.fill("Two kids fly a red kite.")
    told.press("Tab")
    asked.locator("mark.missing").first.wait_for()
    assert said.text_content().startswith("Two kids fly a red kite")
    assert page.locator("[data-part=missing] li").count() > 0
    assert page.locator('[data-origin="/global_description"]').text_content() == "human"
    page.select_option("[name=target]", "cosmos3")
    page.locator("[data-part=said]", has_text='"subjects"').wait_for()
    with page.expect_download() as waiting:
        page.click("[data-part=save]")
    waiting.value.save_as(tmp_path / "caption.json")
    caption = Caption.read(tmp_path / "caption.json")
    assert caption.provenance["/global_description"].source == "human"
    assert caption.instances[0].count == 3


def test_votes_by_keyboard_are_counted_by_eval_judge(
    live_app: Callable[..., LiveApp],
    watch: Callable[..., Watched],
    make_video: MakeVideo,
    tmp_path: Path,
    run: Run,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(5):
        name = f"{number}.mp4"
        make_video(tmp_path / "clips" / name)
        for captioner, words in (("ours", "A bright square moves."), ("theirs", "A thing.")):
            plain: dict[str, Any] = {"id": name, "path": f"clips/{name}", "start": 0, "end": 1,
                                     "duration": 1, "fps": 8, "width": 64, "height": 48,
                                     "frames": 8}  # fmt: skip
            path = tmp_path / captioner / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            caption = {"video": plain, "global_description": words}
            Caption.model_validate(caption).write(path)
    app = live_app(source=str(tmp_path))
    page = watch(app).page
    page.goto(f"{app.url}/compare")
    for field, value in (("first", "ours"), ("second", "theirs"), ("rater", "Ann")):
        page.fill(f"[name={field}]", value)
    page.keyboard.press("Enter")
    place = page.locator("[data-part=place]")
    for number in range(5):
        place.get_by_text(f"Clip {number + 1} of 5, {number} voted").wait_for()
        first = page.locator("[data-part=text0]").text_content()
        page.keyboard.press("1" if "bright" in first else "3")
    place.get_by_text("5 voted").wait_for()
    command = page.locator("[data-part=command]").text_content()
    page.reload()
    page.keyboard.press("Tab")
    page.click("main button.primary")
    place.get_by_text("Clip 1 of 5, 5 voted").wait_for()
    assert page.locator("[data-choice][aria-pressed=true]").count() == 1
    monkeypatch.chdir(tmp_path)
    done = run(*shlex.split(command)[1:], "--json")
    assert done.status == 0, done.err
    figures = {one["row"]: one["value"] for one in json.loads(done.out)["figures"]}
    assert figures["ours preferred to theirs"] == 1.0
