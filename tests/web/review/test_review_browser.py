"""The review in a real browser: by keyboard, by two people, with hostile captions."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instancecap.mllm.server import Server
from instancecap.schema import Caption
from tests.conftest import MakeVideo
from tests.mllm.server import MODEL, serve
from tests.web.conftest import serious_findings
from tests.web.review.test_review_routes import make_caption, make_folder

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)> \"q' \u202egnp.\u2069 سلام & {{7*7}}"
)


def open_review(app: Any, watch: Callable[..., Any], name: str = "Ann", **options: Any) -> Any:
    page = watch(app, **options).page
    page.goto(f"{app.url}/review")
    page.locator("[data-part=items] button").first.wait_for()
    page.locator("[data-part=reviewer]").fill(name)
    page.locator("[data-part=reviewer]").press("Tab")
    page.locator("body").click(position={"x": 2, "y": 2})
    return page


def stored(folder: Path, number: int) -> Caption:
    return Caption.read(folder / f"clip-{number:02}.mp4.json")


def wait_for(page: Any, true: Callable[[], bool]) -> None:
    for _ in range(100):
        if true():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen")


def test_twenty_captions_by_keyboard_alone(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 20, squares=2)
    page = open_review(live_app(source=str(folder)), watch)
    page.locator("[data-part=count]", has_text="20 captions").wait_for()
    name, keys = page.locator("[data-part=name]"), page.keyboard
    from playwright.sync_api import expect

    expect(name).to_have_text("clip-00.mp4")
    # A field: with a fault that is told as it is typed, then a right one.
    keys.press("e")
    for _ in range(8):
        if page.evaluate("document.activeElement.dataset.pointer") == "/background":
            break
        keys.press("Tab")
    keys.type("A gray ramp.")
    keys.press("Enter")
    wait_for(page, lambda: stored(folder, 0).background == "A gray ramp.")
    assert stored(folder, 0).provenance["/background"].source == "human"
    expect(page.locator(".was:visible", has_text="before: empty")).to_be_visible()
    keys.press("2")  # the second instance
    keys.press("Control+a")
    keys.type("the square 0")
    fault = page.locator(".fault", has_text="instance names must differ")
    expect(fault).to_be_visible()
    keys.press("Escape")
    expect(fault).to_have_count(0)
    # Merge, undo, remove.
    keys.press("m")
    keys.press("Enter")
    expect(page.locator("dialog li")).to_contain_text("The square 0 moves right")
    keys.press("Enter")  # the sentences stay, with the name that stays
    wait_for(page, lambda: len(stored(folder, 0).instances) == 1)
    keys.press("u")
    wait_for(page, lambda: len(stored(folder, 0).instances) == 2)
    # A critique, the verdicts.
    keys.press("c")
    keys.type("The ramp was missing.")
    keys.press("Enter")
    for number in range(20):
        expect(name).to_have_text(f"clip-{number:02}.mp4")
        keys.press("axs"[number % 3])
    expect(page.locator("[data-part=progress]")).to_contain_text("20 of 20 judged: 7 accepted")
    keys.press("u")  # the last verdict
    expect(page.locator("[data-part=progress]")).to_contain_text("19 of 20 judged")
    keys.press("p")
    expect(name).to_have_text("clip-18.mp4")
    keys.press("/")
    keys.type("clip-07")
    expect(name).to_have_text("clip-07.mp4")
    keys.press("Escape")
    expect(page.locator("[data-part=search]")).to_have_value("clip-07")
    expect(page.locator("[data-part=count]")).to_have_text("1 caption")
    keys.press("?")
    expect(page.locator("dialog dl")).to_contain_text("accept, reject, skip")
    keys.press("Escape")
    with page.expect_download() as download:
        page.get_by_text("Training pairs").click()
    (pair,) = [json.loads(line) for line in Path(download.value.path()).read_text().splitlines()]
    assert pair["critiques"] == ["The ramp was missing."]
    assert serious_findings(page) == []


SLOW = """
const plain = window.fetch, wait = (ms) => new Promise((done) => setTimeout(done, ms));
let queues = 0, told = false;
window.fetch = async (address, ...rest) => {
  const { pathname } = new URL(address, location);
  if (pathname === "/review/caption") await wait(600);
  if (pathname === "/review/queue" && queues++) await wait(1200);
  if (pathname.startsWith("/jobs/") && !told) {
    told = true;
    return Response.json({ events: [{ count: 1 }], seconds: 0, state: "running" });
  }
  return plain(address, ...rest);
};
"""
"""A page whose index is being built: the queue is read again before its first caption is there."""


def test_the_first_caption_is_opened_once_while_others_are_still_read(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    app = live_app(source=str(make_folder(tmp_path / "set", make_video, 3)))
    page = open_review(app, watch)  # builds the index
    page.locator("[data-part=count]", has_text="3 captions").wait_for()
    page.add_init_script(SLOW)
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.goto(f"{app.url}/review")
    page.locator(".timeline .lane").wait_for()
    page.wait_for_load_state("networkidle")
    assert page.locator(".items button").count() == 3
    opened = [url for url in asked if "/review/caption?name=clip-00" in url]
    assert len(opened) == 1, "opened again, it would lose what is being typed or drawn"


def test_an_instance_is_added_by_drawing_and_split_and_removed(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    page = open_review(live_app(source=str(folder)), watch)
    keys = page.keyboard
    page.locator(".timeline .lane").wait_for()
    keys.press("b")
    page.locator(".sheet").wait_for()
    # A browser that finds late that it cannot play the clip: another player, the same drawing.
    player = page.locator("[data-player]").element_handle()
    player.evaluate("one => one.dispatchEvent(new CustomEvent('unplayable'))")
    page.wait_for_function("one => !one.isConnected", arg=player)
    page.locator("[data-player] .sheet").wait_for()
    place = page.locator(".sheet").bounding_box()
    mouse = page.mouse
    mouse.move(place["x"] + 0.25 * place["width"], place["y"] + 0.25 * place["height"])
    mouse.down()
    mouse.move(place["x"] + 0.6 * place["width"], place["y"] + 0.55 * place["height"], steps=4)
    mouse.up()
    page.locator("dialog[open]").wait_for()
    keys.type("block")
    keys.press("Tab")
    keys.type("the bright block")
    keys.press("Enter")
    wait_for(page, lambda: len(stored(folder, 0).instances) == 2)
    added = stored(folder, 0).instances[1]
    assert (added.id, added.name, added.class_) == (1, "the bright block", "block")
    assert added.track
    page.locator("[data-part=toast]", has_text="seen at ").wait_for()
    # By keyboard alone, too: the box is moved by arrows.
    page.locator(".timeline .lane").nth(1).wait_for()
    keys.press("b")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Enter"):
        keys.press(key)
    keys.type("shade")
    keys.press("Enter")
    wait_for(page, lambda: len(stored(folder, 0).instances) == 3)
    page.locator(".timeline .lane").nth(2).wait_for()
    # One more box of what is there already: nothing is added.
    keys.press("b")
    for key in ("ArrowDown", "Alt+ArrowLeft", "Enter"):
        keys.press(key)
    dialog = page.locator("dialog[open]")
    dialog.locator("select").select_option("2")
    assert not dialog.locator("[name=class]").is_visible()
    dialog.get_by_role("button", name="Follow it").click()
    page.locator("[data-part=history] li", has_text="followed #2 from one more box").wait_for(
        state="attached"
    )
    assert len(stored(folder, 0).instances) == 3
    keys.press("1")
    keys.press("Escape")
    keys.press("ArrowRight")
    keys.press("ArrowRight")
    clock = page.locator("[data-part=clock]").inner_text()
    assert not clock.startswith("0.00")
    keys.press("t")
    page.locator("dialog[open] input[name=t]").fill("0.5")
    keys.press("Enter")
    wait_for(page, lambda: len(stored(folder, 0).instances) == 4)
    page.locator(".timeline .lane").nth(3).wait_for()
    page.wait_for_timeout(500)
    assert page.locator("[data-part=clock]").inner_text() == clock, "the player keeps its time"
    keys.press("1")
    keys.press("Escape")
    keys.press("d")
    page.locator("dialog[open]").wait_for()
    keys.press("Enter")  # the instance that was chosen
    page.get_by_role("button", name="Remove them too").click()
    wait_for(page, lambda: len(stored(folder, 0).instances) == 3)
    assert stored(folder, 0).global_description == ""


def test_two_people_on_one_folder(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 1)
    app = live_app(source=str(folder))
    ann, bob = open_review(app, watch, "Ann"), open_review(app, watch, "Bob")
    field = '[data-pointer="/background"]'
    ann.locator(field).focus()  # Ann begins to type, so that her page waits
    ann.keyboard.type("A ramp")
    bob.locator(field).fill("A wall.")
    bob.locator(field).press("Enter")
    wait_for(bob, lambda: stored(folder, 0).background == "A wall.")
    ann.keyboard.type(" of light.")
    ann.keyboard.press("Enter")
    dialog = ann.locator("dialog[open]")
    dialog.wait_for()
    assert "Bob: Background → A wall." in dialog.inner_text()
    assert stored(folder, 0).background == "A wall.", "not written over"
    ann.get_by_role("button", name="Leave it").click()
    assert ann.locator(field).input_value() == "A wall."
    # What somebody else does to the caption that lies open is seen without asking.
    bob.locator('[data-pointer="/lighting"]').fill("Bright.")
    bob.locator('[data-pointer="/lighting"]').press("Enter")
    wait_for(bob, lambda: stored(folder, 0).lighting == "Bright.")
    seen = ann.locator('[data-pointer="/lighting"]')
    wait_for(ann, lambda: seen.input_value() == "Bright.")
    for page, key in ((ann, "a"), (bob, "x")):
        page.locator("body").click(position={"x": 2, "y": 2})
        page.keyboard.press(key)
    ann.locator("[data-part=progress]", has_text="Agree on 0 of 1").wait_for()


def test_what_a_daily_user_sees_of_what_they_did(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    """Edits are counted, headings follow, the address leads back, a missed key runs nothing."""
    from playwright.sync_api import expect

    folder = make_folder(tmp_path / "set", make_video, 3)
    page = open_review(live_app(source=str(folder)), watch)
    expect(page.locator("[data-part=count]")).to_have_text("3 captions")
    keys = page.keyboard
    keys.press("2")  # there is one instance
    expect(page.locator("[data-part=toast]")).to_contain_text("there is no instance 2")
    keys.type("axt")
    expect(page.locator("[data-part=name]")).to_have_text("clip-00.mp4")
    expect(page.locator("dialog[open]")).to_have_count(0)
    keys.press("Escape")
    page.wait_for_timeout(1600)
    keys.press("n")
    expect(page.locator("[data-part=name]")).to_have_text("clip-01.mp4")
    page.locator('[data-pointer="/instances/0/name"]').fill("the block")
    page.locator('[data-pointer="/instances/0/name"]').press("Enter")
    expect(page.locator("[data-instance='0'] h3")).to_contain_text("the block")
    expect(page.locator("[data-part=progress]")).to_contain_text("1 edited")
    expect(page.locator(".items .mark.edited")).to_have_count(1)
    page.locator('[data-pointer="/camera/motion"]').select_option(["pan_left", "zoom_in"])
    # Two changes: the page knows, and asks nothing when it is left.
    expect(page.locator("[data-part=history] li")).to_have_count(2)
    assert stored(folder, 1).camera.motion == ["pan_left", "zoom_in"]
    page.reload()
    expect(page.locator("[data-part=name]")).to_have_text("clip-01.mp4")
    expect(page.locator(".items button")).to_have_count(3)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_hostile_caption_stays_text(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any, scheme: str
) -> None:
    folder = tmp_path / "set"
    name = "<img src=x onerror=alert(3)>.mp4"
    make_video(folder / name)
    claim = {"field": "/background", "says": HOSTILE, "support": "disputed", "confidence": 0.5,
             "frames": [0.2]}  # fmt: skip
    caption = make_caption(
        name, background=HOSTILE + "x" * 100_000, claims=[claim],
        instances=[{"id": 0, "name": HOSTILE, "class": HOSTILE}],
    )  # fmt: skip
    caption.write(folder / f"{name}.json")
    app = live_app(source=str(folder))
    page = open_review(app, watch, HOSTILE[:50], color_scheme=scheme,
                       viewport={"width": 390, "height": 844})  # fmt: skip
    page.locator("[data-player]").wait_for()
    assert page.locator('[data-pointer="/background"]').input_value().startswith(HOSTILE)
    assert page.locator(".doubts q").inner_text().startswith("<script>")
    page.locator(".doubts .show").click()
    page.locator("[data-part=said]", has_text="— 0.20 s").wait_for()
    page.locator('[data-pointer="/lighting"]').fill(HOSTILE)
    page.locator('[data-pointer="/lighting"]').press("Enter")
    wait_for(page, lambda: Caption.read(folder / f"{name}.json").lighting == HOSTILE)
    page.keyboard.press("x")
    page.locator(".mark.rejected").first.wait_for()
    page.locator(".history summary").click()
    assert page.locator("script").count() == 3, "none but the page's own"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert serious_findings(page) == []


def test_find_and_replace_with_a_preview(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    folder = make_folder(tmp_path / "set", make_video, 3)
    page = open_review(live_app(source=str(folder)), watch)
    page.locator("[data-part=count]", has_text="3 captions").wait_for()
    page.get_by_role("button", name="Find and replace").click()
    dialog = page.locator("dialog[open]")
    dialog.locator("[name=find]").fill("square 0")
    dialog.locator("[name=replace]").fill("block")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Replace in all of them").wait_for()
    assert "6 fields of 3 captions" in dialog.inner_text()
    assert stored(folder, 0).instances[0].name == "the square 0"
    page.get_by_role("button", name="Replace in all of them").click()
    page.get_by_role("button", name="Take it all back").wait_for()
    assert stored(folder, 2).instances[0].name == "the block"
    assert page.evaluate("document.activeElement.textContent") == "Leave it"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Find and replace").click()
    page.get_by_role("button", name="Take back the last one: 6 fields, by Ann").click()
    wait_for(page, lambda: stored(folder, 2).instances[0].name == "the square 0")


def test_a_question_ends_with_the_page_that_asked_it(
    tmp_path: Path, make_video: MakeVideo, live_app: Any, watch: Any
) -> None:
    done = threading.Event()

    def slow(body: Any) -> str:
        done.wait(60)
        return "{}"

    with serve(slow) as url:
        folder = make_folder(tmp_path / "set", make_video, 1)
        app = live_app(source=str(folder), server=Server(url=url, model=MODEL))
        page = open_review(app, watch)
        anew = page.locator("[data-recaption='/background']")
        assert anew.get_attribute("title") == f"by {MODEL}"
        with page.expect_response("**/review/recaption") as asked:
            anew.click()
        job = asked.value.json()["job"]
        page.goto(f"{app.url}/enhance")
        try:
            wait_for(page, lambda: app.services.jobs.status(job)["state"] == "cancelled")
        finally:
            done.set()
