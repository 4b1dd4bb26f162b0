"""What holds for every view of the app, in a real browser, with hostile names and captions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from instancecap.schema.caption import Caption
from instancecap.web.app.application import VIEWS
from tests.conftest import MakeVideo
from tests.web.conftest import LiveApp, Watched, serious_findings

NASTY = "<script>parent.owned=1</script><img src=x onerror=owned=1> \"'` \u202erev\u202c שלום"
CLIP = "a \"'<img src=x onerror=owned=1>&#39;%2e.mp4"
LONG = "The dog runs on and on. " * 4500
"""About 100 kB."""

THEMES = [("light", 1280), ("dark", 390)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, make_video: MakeVideo) -> Path:
    root = tmp_path_factory.mktemp("opened") / "<b>folder & co"
    make_video(root / "clips" / CLIP, frames=16)
    make_video(root / "clips" / "plain.mp4", frames=16)
    for place, text in (("first", NASTY), ("second", LONG)):
        for name in (CLIP, "plain.mp4"):
            caption = Caption.model_validate(
                {"video": {"id": name, "path": f"clips/{name}", "start": 0, "end": 2,
                           "duration": 2, "fps": 8, "width": 64, "height": 48, "frames": 16},
                 "global_description": text, "background": NASTY, "lighting": NASTY,
                 "instances": [{"id": 0, "name": NASTY, "class": NASTY, "appearance": text,
                                "colors": [NASTY], "track": [
                                    {"t": 0, "box": [0, 0.2, 0.3, 0.5], "score": 0.5},
                                    {"t": 1, "box": [0.2, 0.2, 0.5, 0.5], "score": 0.5}]}],
                 "texts": [{"text": NASTY, "t": 0, "box": [0, 0, 1, 1]}],
                 "segments": [{"start": 0, "end": 1, "description": NASTY}],
                 "warnings": [NASTY], "producer": {"captioner": NASTY}}
            )  # fmt: skip
            path = root / place / f"{name}.json"
            path.parent.mkdir(exist_ok=True)
            caption.write(path)
    return root


@pytest.fixture(scope="module")
def app(live_app: Callable[..., LiveApp], folder: Path) -> LiveApp:
    return live_app(source=str(folder))


def caption(page: Any) -> None:
    page.locator("[data-key]", has_text="onerror").click()
    page.wait_for_url("**/captions/*", timeout=90_000)
    page.get_by_role("heading", name="onerror").first.wait_for()


def review(page: Any) -> None:
    page.locator("[data-part=items] button").first.wait_for()
    page.locator("[data-part=caption]:not([hidden])").wait_for()
    page.get_by_role("button", name="Next", exact=False).first.click()
    page.locator("[data-player]").first.wait_for()


def enhance(page: Any) -> None:
    page.fill("[name=prompt]", f"Three kids chase a kite on a beach {NASTY}")
    page.select_option("[name=target]", "wan2.2")
    page.click("main button.primary")
    page.wait_for_selector("[data-part=result]:not([hidden])")
    page.locator("summary", has_text="that say nothing").first.click()


def compare(page: Any) -> None:
    for name, value in (
        ("first", "first"), ("second", "second"),
        ("rater", f"{NASTY} {page.viewport_size['width']}"),
    ):  # fmt: skip
        page.fill(f"[name={name}]", value)
    page.click("main button.primary")
    page.wait_for_selector("[data-part=duel]:not([hidden])")
    page.keyboard.press("1")
    page.locator("[data-part=place]", has_text="1 voted").wait_for()
    page.locator("summary", has_text="Field by field").click()
    assert page.locator("[data-part=text0]").text_content().strip()


DRIVEN: dict[str, Callable[[Any], None]] = {
    "/": caption,
    "/review": review,
    "/enhance": enhance,
    "/compare": compare,
}
"""What is done on a page before it is looked at."""


@pytest.mark.browser
@pytest.mark.parametrize(("scheme", "width"), THEMES)
@pytest.mark.parametrize("path", [one.path for one in VIEWS])
def test_it_is_accessible_and_nothing_in_names_or_captions_runs(
    app: LiveApp, watch: Callable[..., Watched], path: str, scheme: str, width: int
) -> None:
    page = watch(app, color_scheme=scheme, viewport={"width": width, "height": 900}).page
    page.goto(app.url + path)
    if path in DRIVEN:
        DRIVEN[path](page)
    page.wait_for_load_state("networkidle")
    assert serious_findings(page) == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate("window.owned") is None
    assert page.evaluate("document.querySelectorAll('main script:not([type*=json])').length") == 0
    assert page.evaluate("document.querySelectorAll('main [onerror]').length") == 0
    page.locator(".skip").focus()
    seen = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        focused = page.evaluate(FOCUSED)
        if focused is None:
            break
        seen.add(focused["place"])
        assert focused["visible"], f"nobody sees that {focused['place']} has the focus"
    assert len(seen) > 3


FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const ringed = (one) => {
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  };
  const label = node.closest("label");
  const what = node.dataset.part ?? node.textContent.slice(0, 40);
  return {
    place: `${node.tagName} ${node.name ?? ""} ${what}`,
    visible: ringed(node) || (label && ringed(label)) || node.tagName === "VIDEO",
  };
}"""


def test_every_address_that_changes_something_wants_the_token(open_app: Any) -> None:
    browser = open_app()
    del browser.headers["x-instancecap-token"]
    changing = [
        (method, route.path)
        for route in _routes(browser.app)
        for method in getattr(route, "methods", None) or ()
        if method not in ("GET", "HEAD")
    ]
    assert len(changing) > 4
    for method, path in changing:
        refused = browser.request(method, path, json={})
        assert refused.status_code == 403, f"{method} {path}"


def _routes(app: Any) -> list[Any]:
    """All routes, those of included routers too."""
    found = []
    for route in app.routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        found += _routes(inner) if inner is not None else [route]
    return found
