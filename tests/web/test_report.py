from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from instancecap.errors import OutputError
from instancecap.schema import Caption, Evidence
from instancecap.schema.caption import Provenance
from instancecap.video import Clip
from instancecap.web.fields import value_of
from instancecap.web.pictures import sample_pictures
from instancecap.web.report import ReportEntry, write_report

NASTY = "<script>alert(1)</script><img src=x onerror=alert(2)> \"quoted' </ScRiPt\u2028 & {0} $x"


class Page(HTMLParser):
    """The parts of a page that the tests ask for."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.headings: list[int] = []
        self.text = ""
        self.data: list[Any] = []
        self._script: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("script", "style"):
            self._script = attributes.get("type") or tag

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._script = None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            self.text += data
        elif self._script == "application/json":
            self.data.append(json.loads(data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


ENTRY = json.loads(Path(__file__).with_name("entry.json").read_text())
"""What is said of every clip, and of every instance."""


def with_word(value: Any, mark: str, word: str) -> Any:
    """The value with a word in place of a mark, wherever it stands."""
    if isinstance(value, dict):
        return {key: with_word(one, mark, word) for key, one in value.items()}
    if isinstance(value, list):
        return [with_word(one, mark, word) for one in value]
    return value.replace(mark, word) if isinstance(value, str) else value


def make_entry(
    *,
    frames: int = 16,
    size: tuple[int, int] = (64, 48),
    instances: int = 2,
    word: str = "dog",
    cut: float | None = None,
) -> ReportEntry:
    """A clip of moving noise and a caption in which every field is filled."""
    width, height = size
    pictures = np.random.default_rng(0).integers(0, 255, (frames, height, width, 3), np.uint8)
    end, ends = frames / 8, [] if cut is None else [cut]
    video = {
        "id": word, "path": word, "start": 0, "end": end, "duration": end, "fps": 8,
        "width": width, "height": height, "frames": frames,
    }  # fmt: skip
    shots: list[dict[str, Any]] = [
        {"start": start, "end": stop, "transition": "cut" if start else "start"}
        for start, stop in pairwise([0.0, *ends, end])
    ]
    track = [
        {"t": i / 8, "box": [i / frames / 3, 0.2, 0.5, 0.9], "score": 0.9} for i in range(frames)
    ]
    said = with_word(ENTRY["caption"], "WORD", word) | {
        "video": video,
        "instances": [
            {**with_word(with_word(ENTRY["instance"], "{k}", str(k)), "WORD", word),
             "id": 2 * k, "track": track[:4]}
            for k in range(instances)
        ],
        "shots": [{**shot, "motion": ["tilt_up"], "shot_type": "close_up"} for shot in shots],
        "segments": [{"start": 0, "end": end, "description": f"moment {word}"}],
    }  # fmt: skip
    known = {"source": f"expert {word}", "confidence": 0.625, "support": "measured",
             "frames": [0.0, (frames - 1) / 8]}  # fmt: skip
    caption = Caption.model_validate(said)
    caption.provenance = {one: Provenance.model_validate(known) for one in caption.leaves()}
    path = [
        {"t": i / 8, "dx": -0.02, "dy": 0.0, "zoom": 1.01, "roll": 0, "inliers": 1}
        for i in range(1, frames)
    ]
    seen = {"class": word, "confidence": 0.9, "salience": 0.5, "track": track}
    evidence = Evidence.model_validate(
        {
            "video": {**video, "codec": word},
            "shots": shots,
            "camera": {"path": path},
            "instances": [{"id": 2 * k, **seen} for k in range(instances + 1)],
        }
    )
    clip = Clip.from_frames(pictures, 8.0, id=word)
    return ReportEntry(clip, caption, evidence)


def write(tmp_path: Path, *entries: ReportEntry, **options: Any) -> tuple[str, Page]:
    path = tmp_path / "report.html"
    write_report(path, entries, **options)
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_every_field_is_shown_with_its_provenance(tmp_path: Path) -> None:
    entry = make_entry()
    _, page = write(tmp_path, entry)
    leaves = entry.caption.leaves()
    for pointer, value in leaves.items():
        assert value_of(pointer, value) in page.text, pointer
    shown = [attributes["title"] for _, attributes in page.tags if "title" in attributes]
    assert [pointer for pointer in leaves if shown.count(pointer) != 1] == []
    assert page.text.count("expert dog") >= len(leaves)
    assert "63%" in page.text or "62%" in page.text
    for word in (
        "careful dog",
        "claims dog",
        "contradicted",
        "31%",
        "9.8.7",
        "64 \N{MULTIPLICATION SIGN} 48",
    ):
        assert word in page.text


def test_what_is_not_known_shows_no_confidence(tmp_path: Path) -> None:
    entry = make_entry(instances=1)
    entry.caption.style = entry.caption.place = "unknown"
    entry.caption.background = entry.caption.instances[0].class_ = ""
    known = entry.caption.provenance["/place"].model_copy(update={"source": "nobody"})
    for pointer in ("/style", "/place", "/background", "/instances/0/class"):
        entry.caption.provenance[pointer] = known
    text = write(tmp_path, entry)[1].text
    assert text.count("nobody") == text.count('"source": "nobody"') == 4  # in the JSON alone


def test_fields_link_to_frames_that_the_page_holds(tmp_path: Path) -> None:
    _, page = write(tmp_path, make_entry(frames=16))
    held = {frame["t"] for frame in page.data[0]["frames"]}
    buttons = [button for button in page.of("button") if button.get("class") == "show"]
    assert len(buttons) > 20
    for button in buttons:
        assert button["aria-label"]
        assert set(json.loads(button["data-frames"] or "")) <= held


def test_text_of_a_caption_is_never_markup(tmp_path: Path) -> None:
    text, page = write(tmp_path, make_entry(word=NASTY), make_entry(word=NASTY), title=NASTY)
    plain_text, plain = write(tmp_path, make_entry(), make_entry())
    assert [tag for tag, _ in page.tags] == [tag for tag, _ in plain.tags]
    assert [list(a) for _, a in page.tags] == [list(a) for _, a in plain.tags]
    assert text.lower().count("</script") == plain_text.lower().count("</script")
    assert "onerror=alert(2)>" in page.text
    assert page.data[0]["tracks"][0]["name"] == f"#0 {NASTY}"


def test_asks_nothing_of_the_network(tmp_path: Path) -> None:
    text, page = write(tmp_path, make_entry(), make_entry())
    assert not re.search(r"(https?|wss?|ftp):", text)
    assert "@import" not in text
    for _, attributes in page.tags:
        for name in ("src", "href", "action", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), value
    assert all(match == "data:" for match in re.findall(r"url\(['\"]?(\w+:)", text))
    policy = next(m["content"] for m in page.of("meta") if m.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "script-src 'sha256-" in policy


def test_headings_go_down_one_level_at_a_time(tmp_path: Path) -> None:
    _, page = write(tmp_path, make_entry(cut=1.0), make_entry())
    assert page.headings[0] == 1
    assert page.headings.count(1) == 1
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)


def test_ids_are_unique_and_references_hold(tmp_path: Path) -> None:
    _, page = write(tmp_path, make_entry(), make_entry())
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        assert attributes.get("aria-labelledby") in {None, *ids}
    for link in page.of("a"):
        assert (link["href"] or "").removeprefix("#") in ids
    assert all("alt" in image for image in page.of("img"))
    assert all(header.get("scope") == "col" for header in page.of("th"))


def test_same_instance_has_the_same_colour_everywhere(tmp_path: Path) -> None:
    _, page = write(tmp_path, make_entry(instances=2))
    tracks = {track["id"]: track["hue"] for track in page.data[0]["tracks"]}
    assert tracks == {0: 0, 2: 2, 4: None}, "by id: one that goes leaves the others theirs"
    styles = [attributes.get("style") or "" for _, attributes in page.tags]
    assert sum("--hue-0" in style for style in styles) == 5  # card, lane, their chips, toggle's
    assert sum("--hue-2" in style for style in styles) == 5


def test_camera_curve_speaks_of_the_camera_and_starts_again_at_a_cut(tmp_path: Path) -> None:
    # The picture moves left by 2 % a frame, so the camera pans right.
    _, page = write(tmp_path, make_entry(frames=16))
    labels = [str(svg.get("aria-label")) for svg in page.of("svg")]
    assert any(label.startswith("Pan") and "right 30%" in label for label in labels)
    assert any(label.startswith("Tilt") and label.endswith("none") for label in labels)
    _, page = write(tmp_path, make_entry(frames=16, cut=1.0))
    labels = [str(svg.get("aria-label")) for svg in page.of("svg")]
    assert any(label.startswith("Pan") and "right 14%" in label for label in labels)
    assert "since the last cut" in page.text


def test_one_frame_is_a_still(tmp_path: Path) -> None:
    _, page = write(tmp_path, make_entry(frames=1))
    assert len(page.data[0]["frames"]) == 1
    assert any(attributes.get("data-kind") == "still" for attributes in page.of("div"))
    assert not any(attributes.get("data-part") == "timeline" for attributes in page.of("div"))


def test_no_instances_and_an_empty_caption_are_said_in_words(tmp_path: Path) -> None:
    entry = make_entry(instances=0)
    empty = Caption(video=entry.caption.video)
    _, page = write(tmp_path, ReportEntry(entry.clip, empty, entry.evidence))
    assert "No instance was found." in page.text
    assert "No description was written." in page.text


@pytest.mark.parametrize("size", [(2, 300), (300, 2), (1, 1), (35, 17), (1280, 720)])
def test_any_size(tmp_path: Path, size: tuple[int, int]) -> None:
    _, page = write(tmp_path, make_entry(frames=4, size=size))
    canvas = page.of("canvas")[0]
    assert 2 <= int(canvas["width"] or 0) <= 360
    assert 2 <= int(canvas["height"] or 0) <= 360
    assert len(page.data[0]["frames"]) == 4


def test_several_entries_have_an_index_and_a_section_each(tmp_path: Path) -> None:
    _, page = write(tmp_path, *(make_entry(word=word) for word in ("dog", "cat", "cow")))
    assert [a["id"] for a in page.of("article") if "id" in a] == ["clip-1", "clip-2", "clip-3"]
    assert [a["href"] for a in page.of("a")] == ["#clips", "#clip-1", "#clip-2", "#clip-3"]
    assert len(page.data) == 3
    _, page = write(tmp_path, make_entry())
    assert page.of("nav") == []
    _, page = write(tmp_path)
    assert "0 clips" in page.text


def test_long_clips_are_sampled_more_sparsely_and_keep_the_frames_referred_to() -> None:
    clip = Clip.from_frames(np.zeros((2000, 8, 8, 3), np.uint8), 8.0)
    pictures = sample_pictures(clip, duration=250.0, wanted=[100.125, 100.25], limit=40)
    times = [frame.t for frame in pictures.frames]
    assert 100.125 in times
    assert 100.25 in times
    assert 30 <= len(times) <= 50
    # A container that promises one second and holds 250 must not fill the page.
    assert len(sample_pictures(clip, duration=1.0, limit=40).frames) <= 80


def test_size_of_the_page_is_bounded(tmp_path: Path) -> None:
    # Noise is the worst that can be met: of real footage a page has ten times as many frames.
    text, page = write(tmp_path, make_entry(frames=40, size=(640, 360)))
    frames = page.data[0]["frames"]
    assert 4 <= len(frames) < 40
    assert {0.0, 4.875} <= {one["t"] for one in frames}, "those that the caption refers to"
    assert len(text) < 310_000


def test_a_clip_that_cannot_be_read_any_more_is_reported_in_its_place(tmp_path: Path) -> None:
    entry = make_entry()
    gone = ReportEntry(Clip.open(tmp_path / "gone.mp4"), entry.caption, entry.evidence)
    _, page = write(tmp_path, gone, entry)
    assert "gone.mp4: cannot be opened" in page.text
    assert len(page.data) == 1
    assert page.text.count("A dog runs.") >= 2


def test_an_output_that_cannot_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OutputError, match=r"report\.html: cannot be written"):
        write_report(tmp_path / "report.html", [make_entry(frames=1)])


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_keys_buttons_and_narrow_screens(tmp_path: Path, scheme: str) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    write(tmp_path, make_entry(word="dog" * 20, frames=40), make_entry(word=NASTY))
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(
            color_scheme=scheme, viewport={"width": 360, "height": 740}, reduced_motion="reduce"
        )
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        page.goto((tmp_path / "report.html").as_uri())

        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        first = page.locator("#clip-1")
        assert first.locator(".box").count() == 3
        seek = first.locator("[data-part=seek]")
        stage = first.locator("[data-part=stage]")
        stage.focus()
        api.expect(seek).to_have_value("20")
        page.keyboard.press("ArrowRight")
        api.expect(seek).to_have_value("21")
        seek.focus()
        page.keyboard.press("ArrowLeft")
        api.expect(seek).to_have_value("20")
        stage.focus()
        play = first.locator("[data-part=play]")
        page.keyboard.press("Space")
        api.expect(play).to_have_attribute("aria-label", "Pause")
        api.expect(seek).not_to_have_value("20")
        page.keyboard.press("Space")
        api.expect(play).to_have_attribute("aria-label", "Play")

        show = first.locator(".show").nth(5)
        show.click()
        api.expect(seek).to_have_value("0")
        assert "frame 1 of 2" in first.locator("[role=status]").first.inner_text()
        first.locator("[data-part=next]").click()
        api.expect(seek).to_have_value("39")
        first.locator("[data-part=back]").click()
        assert show.evaluate("button => button === document.activeElement")

        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        assert [url for url in requests if not url.startswith(("data:", "file:"))] == []
        assert troubles == []
        browser.close()
