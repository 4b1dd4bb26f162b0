"""The view Caption in a real browser: from an upload to a file, and what must not get through."""

from __future__ import annotations

import base64
import json
import re
import shutil
import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from examples.demo import find_clips
from instancecap.formats import Caption
from instancecap.mllm.server import Server
from instancecap.web.app.config import Limits
from tests.conftest import MakeVideo
from tests.web.conftest import REBOUND, LiveApp, Watched, serious_findings
from tests.web.test_report import NASTY, make_entry

pytestmark = pytest.mark.browser

Watch = Callable[..., Watched]


@pytest.fixture(scope="module")
def app(live_app: Callable[..., LiveApp], tmp_path_factory: pytest.TempPathFactory) -> LiveApp:
    root = tmp_path_factory.mktemp("opened")
    shutil.copy(find_clips()[0], root / "bikes.mp4")
    return live_app(source=str(root), limits=Limits(upload_bytes=2_000_000))


DROP = """
async ([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, { type: "video/mp4" }));
  const over = (kind) => document.querySelector("[data-part=drop]").dispatchEvent(
    new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
  return [over("dragover"), over("drop")];
}
"""


def test_a_clip_that_is_dropped_is_captioned(app: LiveApp, watch: Watch) -> None:
    page = watch(app).page
    page.goto(app.url)
    data = base64.b64encode(find_clips()[1].read_bytes()).decode()
    not_left_to_browser = page.evaluate(DROP, ["dropped.mp4", data])
    assert not_left_to_browser == [False, False], "it would leave the page for the file"
    page.wait_for_url("**/captions/*", timeout=120_000)
    assert page.locator(".clip h2").inner_text() == "dropped.mp4"


def test_a_real_clip_is_uploaded_captioned_and_saved(
    app: LiveApp, watch: Watch, tmp_path: Path
) -> None:
    clip = tmp_path / "carphone <b>.mp4"
    shutil.copy(find_clips()[1], clip)
    page = watch(app, viewport={"width": 1280, "height": 900}).page
    page.goto(app.url)
    assert serious_findings(page) == []
    page.locator("[data-part=file]").set_input_files(clip)
    page.wait_for_url("**/captions/*", timeout=120_000)
    assert page.locator(".clip h2").inner_text() == clip.name

    stage = page.locator(".frame")
    stage.locator("video:not([hidden])").wait_for(timeout=20_000)
    box = page.locator(".box:not(.other)").first
    box.wait_for()
    page.locator("[data-track]").first.uncheck()
    assert not box.is_visible()
    page.locator("[data-track]").first.check()
    clock = page.locator("[data-part=clock]")
    axis = page.locator(".timeline .row-body").first.bounding_box()
    page.mouse.click(axis["x"] + axis["width"] / 2, axis["y"] + 5)
    half = clock.inner_text()
    assert float(half.split(" /")[0]) == pytest.approx(float(half.split()[2]) / 2, abs=0.1)
    page.locator("[data-part=play]").click()
    page.locator("[data-part=play][aria-label=Pause]").wait_for()
    page.locator("[data-part=clock]", has_not_text=half).wait_for()
    page.locator("[data-part=play]").click()
    page.locator(".show").first.click()
    assert "frame 1 of" in page.locator("[data-part=said]").inner_text()

    page.locator("[data-part=edit]").click()
    background = page.locator("[data-pointer='/background']")
    count = page.locator("[data-pointer='/instances/0/count']")
    background.fill("A room with a wooden floor.")
    background.press("Enter")
    page.locator(".was:visible", has_text="before: empty").wait_for()
    count.fill("0")
    page.locator(".fault:visible").first.wait_for()
    page.locator("[data-download$=json]").first.click()
    page.locator("[data-part=toast].error", has_text="cannot be saved").wait_for()
    count.press("Escape")
    page.locator("[data-part=prompt-text]", has_text="wooden floor").wait_for()
    assert serious_findings(page) == []
    page.locator("[data-part=edit]").click()
    page.locator(".reading:not(.editor) dd", has_text="wooden floor").wait_for()

    page.locator("[name=target]").select_option("cosmos3")
    page.locator("[data-part=prompt-text]", has_text=re.compile(r"^\{")).wait_for()
    assert page.locator("[data-part=meter]").evaluate("meter => meter.value > 0")
    with page.expect_download() as saved:
        page.locator("[data-download$=json]").first.click()
    assert saved.value.suggested_filename == "carphone _b_.mp4.json"  # as browsers write it
    saved.value.save_as(tmp_path / "caption.json")
    caption = Caption.read(tmp_path / "caption.json")
    assert caption.instances
    assert caption.video is not None
    assert caption.video.path == clip.name
    assert caption.background == "A room with a wooden floor."
    assert caption.provenance["/background"].source == "human"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_a_hostile_caption_stays_text_and_everyone_can_read_it(
    app: LiveApp, watch: Watch, scheme: str, width: int
) -> None:
    id = keep_result(app, f"{NASTY} \u202eright to left\u202c", description="long " * 20_000)
    one = watch(app, color_scheme=scheme, viewport={"width": width, "height": 900})
    page = one.page
    for path in (f"/captions/{id}", "/nowhere"):
        page.goto(app.url + path)
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert serious_findings(page) == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator("script:not([src])").count() == 0
    page.goto(f"{app.url}/captions/{id}")
    assert NASTY.split()[0] in page.locator(".lede").inner_text()
    one.troubles[:] = [line for line in one.troubles if "404" not in line]  # /nowhere is not there


def keep_result(app: LiveApp, word: str, *, description: str) -> str:
    """A result whose every text is ``word``; that of its description goes on."""
    from instancecap.web.app.frames import write_frames

    entry = make_entry(word=word)
    entry.caption.claims[0].support = "contradicted"
    entry.caption.global_description = f"{word} {description}"
    id, folder = app.services.workspace.new()
    write_frames(entry.clip, str(folder))
    entry.caption.write(folder / "caption.json")
    entry.evidence.write(folder / "evidence.json")
    (folder / "result.json").write_text(json.dumps({"key": "folder/gone.mp4", "name": word}))
    return str(id)


def png_bomb(path: Path) -> None:
    """A picture of 16,000 by 16,000 pixels in a hundred bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", 16_000, 16_000, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


def video_bomb(path: Path) -> None:
    """A video whose header promises frames of 16,000 by 16,000 pixels."""
    path.write_bytes(b"YUV4MPEG2 W16000 H16000 F25:1 C420\nFRAME\n" + b"\x80" * 99_999)


def truncated(path: Path, make_video: MakeVideo) -> None:
    whole = make_video(path, frames=8).read_bytes()
    path.write_bytes(whole[: len(whole) // 3])


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("png", "frames of 16000 x 16000 pixels"),
        ("y4m", "frames of 16000 x 16000 pixels"),
        ("truncated", "not a video that can be read"),
        ("large", "too large: at most 2 MB are taken"),
        ("text", "not a video by its name"),
    ],
)
def test_what_is_no_good_is_refused_in_one_line(
    app: LiveApp, watch: Watch, tmp_path: Path, make_video: MakeVideo, kind: str, line: str
) -> None:
    make: dict[str, tuple[str, Callable[[Path], Any]]] = {
        "png": ("bomb.png", png_bomb),
        "y4m": ("bomb.y4m", video_bomb),
        "truncated": ("half.mp4", lambda path: truncated(path, make_video)),
        "large": ("large.mp4", lambda path: path.write_bytes(b"x" * 2_000_001)),
        "text": ("page.html", lambda path: path.write_text("x")),
    }
    made = tmp_path / make[kind][0]
    make[kind][1](made)
    one = watch(app)
    one.page.goto(app.url)
    one.page.locator("[data-part=file]").set_input_files(made)
    toast = one.page.locator("[data-part=toast].error")
    toast.wait_for()
    assert line in toast.inner_text()
    assert not one.page.locator("[data-part=progress]").is_visible()
    one.troubles[:] = [line for line in one.troubles if "status of 4" not in line]


def test_a_truncated_real_clip_says_what_is_missing(
    app: LiveApp, watch: Watch, clips_dir: Path
) -> None:
    page = watch(app).page
    page.goto(app.url)
    page.locator("[data-part=file]").set_input_files(
        clips_dir / "odd" / "derived_truncated_60pct.mp4"
    )
    page.wait_for_url("**/captions/*", timeout=120_000)
    assert page.locator(".warnings li").count() >= 1


def test_a_job_is_cancelled(app: LiveApp, watch: Watch) -> None:
    page = watch(app).page
    page.goto(app.url)
    page.locator("[data-key]").first.click()
    page.locator("[data-part=stage]", has_text="measuring").wait_for()
    page.locator("[data-part=cancel]").click()
    page.locator("[data-part=toast]", has_text="Cancelled: ").wait_for()
    assert not page.locator("[data-part=progress]").is_visible()


@pytest.fixture
def other_site() -> Iterator[str]:
    """A page of another origin on this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>elsewhere</title>")

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_another_page_can_neither_send_nor_read_nor_embed(
    app: LiveApp, chromium: Any, other_site: str
) -> None:
    page = chromium.new_page()
    page.goto(other_site)
    before = set(app.services.workspace.path.iterdir())
    found = page.evaluate(
        """async (app) => {
          const send = (how) => fetch(app + "/uploads?name=a.mp4", { method: "POST", ...how })
            .then((answer) => answer.type, () => "refused");
          const picture = new Promise((resolve) => {
            const image = new Image();
            image.onload = () => resolve("seen");
            image.onerror = () => resolve("refused");
            image.src = app + "/thumbnails/folder/bikes.mp4";
          });
          return [
            await send({ mode: "no-cors", body: "x" }),
            await send({ headers: { "x-instancecap-token": "x" }, body: "x" }),
            await fetch(app + "/").then(() => "read", () => "refused"),
            await picture,
          ];
        }""",
        app.url,
    )
    assert found[1:] == ["refused", "refused", "refused"]
    assert found[0] in ("opaque", "refused")  # sent, and answered with 403
    assert set(app.services.workspace.path.iterdir()) == before
    page.close()


def test_a_site_whose_name_was_rebound_gets_nothing(app: LiveApp, chromium: Any) -> None:
    page = chromium.new_page()
    answer = page.goto(app.url.replace("127.0.0.1", REBOUND))
    assert answer.status == 403
    assert "is not this app" in page.content()
    assert page.locator("meta[name=token]").count() == 0
    page.close()


def test_settings_are_remembered_and_the_key_stays_where_it_is(
    live_app: Callable[..., LiveApp], watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWN_KEY", "a-secret-key")
    server = Server(url=["http://127.0.0.1:9/v1"], model="own-model", key_env="OWN_KEY")
    app = live_app(server=server, auth="ann:password")
    credentials = {"username": "ann", "password": "password"}
    page = watch(app, http_credentials=credentials).page
    bodies: list[str] = []
    page.on("response", lambda one: bodies.append(one.text()))
    page.goto(app.url)
    asking = page.locator("[data-part=asking]")
    assert not asking.is_visible()
    page.locator("[name=captioner]").select_option("mllm")
    page.locator("[name=mode]").select_option("paper")
    page.locator("[name=model]").fill("another-model")
    page.reload()
    assert asking.is_visible()
    assert page.locator("[name=mode]").input_value() == "paper"
    assert page.locator("[name=model]").input_value() == "another-model"
    page.wait_for_load_state("networkidle")
    assert any("http://127.0.0.1:9/v1" in body for body in bodies)
    assert not any("a-secret-key" in body or "OWN_KEY" in body for body in bodies)
    page.locator("[data-action=theme]").click()
    theme = page.locator("html").get_attribute("data-theme")
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == theme == "dark"


def test_a_reload_shows_what_still_runs_and_a_large_file_is_not_sent(
    app: LiveApp, watch: Watch, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    page = watch(app).page
    page.goto(app.url)
    large = tmp_path / "large.mp4"
    large.write_bytes(bytes(2_000_001))
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    page.locator("[data-part=file]").set_input_files(large)
    toast = page.locator("[data-part=toast]")
    expect(toast).to_contain_text("large.mp4: too large: at most 2 MB are taken")
    assert not [url for url in sent if "/uploads" in url]
    page.locator("[name=path]").fill("bikes.mp4")
    page.keyboard.press("Enter")
    page.locator("[data-part=stage]", has_text=re.compile("measuring|looking|waiting")).wait_for()
    page.reload()
    expect(page.locator("[data-part=what]")).to_have_text("bikes.mp4")
    page.wait_for_url("**/captions/*", timeout=120_000)
