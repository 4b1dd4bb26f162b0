"""A caption beside its frames, as one picture.

    python -m examples.picture CLIP START END OUT.jpg

Draws the picture of the README. Needs a Chromium browser and the ``dev`` extra.
"""

from __future__ import annotations

import shutil
import sys

from markupsafe import Markup

from instancecap.captioners.measured.describe import describe
from instancecap.evidence.build import measure
from instancecap.evidence.tracking.instances import box_at
from instancecap.schema import Caption, Evidence
from instancecap.video import Clip
from instancecap.web.pictures import Pictures, sample_pictures

COLORS = ("#e4572e", "#17a398", "#f0a202")
SHARES = (0.08, 0.3, 0.8)
"""Moments of the clip that are shown."""

PAGE = Markup("""<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; padding: 16px; width: 928px; font: 16px/1.5 sans-serif; color: #1c2430; }}
.strip {{ display: flex; gap: 8px; }} figure {{ margin: 0; position: relative; }}
img {{ width: 304px; display: block; }}
i {{ position: absolute; border: 3px solid; border-radius: 4px; box-sizing: border-box; }}
p {{ margin: 12px 0 8px; font-size: 19px; }} div div {{ margin: 4px 0; }}
b {{ color: #fff; background: #5b6675; border-radius: 4px; padding: 1px 8px; margin-right: 6px; }}
</style><div class="strip">{frames}</div><p>{text}</p><div>{lines}</div>""")
FRAME = Markup('<figure><img src="{url}">{boxes}</figure>')
BOX = Markup(
    '<i style="color: {color}; left: {left:.1%}; top: {top:.1%}; '
    'width: {width:.1%}; height: {height:.1%}"></i>'
)
LINE = Markup('<div><b style="background: {color}">{label}</b>{text}</div>')


def draw_page(caption: Caption, evidence: Evidence, pictures: Pictures) -> str:
    """The HTML of the picture."""
    items = {item.id: item for item in evidence.instances}
    shown = [items[one.id] for one in caption.instances[: len(COLORS)]]
    frames = []
    for share in SHARES:
        picture = pictures.frames[pictures.nearest(share * evidence.video.duration)]
        boxes = [
            BOX.format(color=color, left=x0, top=y0, width=x1 - x0, height=y1 - y0)
            for color, item in zip(COLORS, shown, strict=False)
            if (box := box_at(item, picture.t)) is not None
            for x0, y0, x1, y1 in [box.tolist()]
        ]
        frames.append(FRAME.format(url=picture.url, boxes=Markup("").join(boxes)))
    lines = [
        LINE.format(color=color, label=one.class_, text=f"{one.appearance} {one.action}")
        for color, one in zip(COLORS, caption.instances, strict=False)
    ]
    about = {"camera": caption.camera.description, "light": caption.lighting}
    lines += [
        LINE.format(color="#5b6675", label=label, text=text)
        for label, text in about.items()
        if text
    ]
    text = caption.global_description
    return PAGE.format(frames=Markup("").join(frames), text=text, lines=Markup("").join(lines))


def main() -> None:
    """Measure, describe, draw."""
    from playwright.sync_api import sync_playwright

    path, start, end, out = sys.argv[1:]
    clip = Clip.open(path, start=float(start), end=float(end))
    evidence = measure(clip)
    pictures = sample_pictures(clip, duration=evidence.video.duration)
    page_text = draw_page(describe(evidence, max_instances=len(COLORS)), evidence, pictures)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 960, "height": 200})
        page.set_content(page_text)
        page.screenshot(path=out, type="jpeg", quality=82, full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
