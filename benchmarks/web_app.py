"""How fast the browser app is, measured in the browser, and how much memory its server takes.

    python -m benchmarks.web_app [--captions 100000] [--steps 500] [--clip FILE] [--folder DIR]

A folder of captions of one clip is made (or the one that ``--folder`` names is used again), the app
serves it, and a headless Chromium captions the clip, opens the review and goes from caption to
caption with the key ``n``. Told are the times to the first paint of the view Caption and of a
result; of the first opening of the review (nothing is known of the folder yet) and of the second,
the time to the first paint, to the first caption, and to a whole index; of the steps the time from
the key to the next caption on the screen; and the resident memory of the server's process before
and after.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import instancecap as ic
from benchmarks.copies import caption as sentences
from instancecap.schema import Caption

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

STEP = """
() => new Promise((resolve) => {
  const name = document.querySelector("[data-part=name]");
  const began = performance.now();
  new MutationObserver((_, observer) => {
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
  }).observe(name, { childList: true, characterData: true, subtree: true });
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "n", bubbles: true }));
})
"""
"""Presses the key, and gives the milliseconds until the next caption was painted."""

PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def make_folder(folder: Path, clip: Path, count: int) -> None:
    """Captions of one clip that differ in their sentences, a thousand a folder."""
    shutil.copy(clip, folder / "clip.mp4")
    said, lot = json.loads(ic.caption(str(clip)).to_json()), random.Random(0)
    for number in range(count):
        name = f"{number // 1000:03d}/{number:06d}.mp4"
        said["video"] |= {"id": name, "path": "clip.mp4"}
        said["global_description"] = sentences(lot)
        disputed = {"field": "/background", "says": "a road", "support": "disputed",
                    "confidence": round(lot.random(), 2)}  # fmt: skip
        said["claims"] = [disputed] * (lot.random() < 0.2)
        path = folder / f"{name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(Caption.model_validate(said).to_json() + "\n", encoding="utf-8")


class App:
    """The app as a process of its own; ends with the context."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "instancecap", "web", str(folder), "--port", "0"]
        self._process = subprocess.Popen(
            [*command, "--no-browser"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    @property
    def memory(self) -> float:
        """Resident memory of the server's own process, MB."""
        told = subprocess.check_output(["ps", "-o", "rss=", "-p", str(self._process.pid)])
        return int(told) / 1000

    def __enter__(self) -> App:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


def measure_opening(browser: Any, app: App) -> tuple[Any, dict[str, float]]:
    """The page of the review, and milliseconds until there was something to see."""
    page, began = browser.new_page(), time.perf_counter()
    page.goto(f"{app.url}review")
    page.locator("[data-part=items] button").first.wait_for(timeout=600_000)
    page.locator("[data-part=name]:not(:empty)").wait_for(timeout=600_000)
    caption = time.perf_counter() - began
    page.locator('[data-part=review][data-job=""]').wait_for(timeout=1_800_000)
    figures = {
        "first_paint_ms": float(page.evaluate(PAINT) or 0),
        "first_caption_ms": 1000 * caption,
        "whole_index_s": time.perf_counter() - began,
    }
    return page, figures


def measure_captioning(browser: Any, app: App) -> dict[str, float]:
    """To the first paint of the view Caption, to a caption, and to the first paint of it."""
    page = browser.new_page()
    page.goto(app.url, wait_until="networkidle")
    figures = {"first_paint_ms": float(page.evaluate(PAINT))}
    began = time.perf_counter()
    page.locator("[data-key]").first.click()
    page.wait_for_url("**/captions/*", wait_until="networkidle", timeout=600_000)
    figures["captioned_s"] = time.perf_counter() - began
    figures["result_first_paint_ms"] = float(page.evaluate(PAINT))
    page.close()
    return figures


def measure_steps(page: Any, app: App, steps: int) -> dict[str, float]:
    """From key to caption over many steps, and what the server's memory does."""
    before, taken = app.memory, []
    for step in range(steps):
        taken.append(float(page.evaluate(STEP)))
        if step == steps // 10:
            before = app.memory
    taken.sort()
    return {
        "next_median_ms": taken[len(taken) // 2],
        "next_p95_ms": taken[int(0.95 * len(taken))],
        "next_worst_ms": taken[-1],
        "memory_after_a_tenth_mb": before,
        "memory_after_all_mb": app.memory,
    }


def main() -> None:
    """Print the figures as JSON."""
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--captions", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--clip", type=Path, default=Path("../shared/clips/everyday/woman_dog.mp4"))
    parser.add_argument("--folder", type=Path, help="made before; it is kept")
    options = parser.parse_args()
    figures: dict[str, Any] = {"captions": options.captions, "load": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        folder = options.folder or Path(scratch)
        if not (folder / "clip.mp4").exists():
            folder.mkdir(exist_ok=True)
            make_folder(folder, options.clip, options.captions)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for opening in ("first", "second"):
            with App(folder) as app:
                figures[f"{opening}_caption"] = measure_captioning(browser, app)
                page, figures[opening] = measure_opening(browser, app)
                if opening == "second":
                    figures["steps"] = measure_steps(page, app, options.steps)
                page.close()
        browser.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
