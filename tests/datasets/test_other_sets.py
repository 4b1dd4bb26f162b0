"""Folders and tables of other data sets, through the verbs that take captions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from instancecap.datasets.captions import read_captions
from instancecap.datasets.videos import find_video
from instancecap.schema.caption import Caption
from tests.formats.test_published import SPATIALVID, TEXTS, published
from tests.program import Run


def spatialvid(root: Path, *clips: str) -> Path:
    """Annotations as SpatialVID lays them out, and empty videos."""
    for clip in clips:
        folder = root / "annotations" / "group_0001" / clip
        folder.mkdir(parents=True)
        (folder / "caption.json").write_text(json.dumps(SPATIALVID))
        (folder / "instructions.json").write_text('{"0->1": ["Stay"]}')
        video = root / "videos" / "group_0001" / f"{clip}.mp4"
        video.parent.mkdir(parents=True, exist_ok=True)
        video.touch()
    return root


def test_a_caption_of_its_folder(tmp_path: Path) -> None:
    root = spatialvid(tmp_path, "0a00", "0a7b")
    found = list(read_captions([str(root / "annotations")]))
    assert [(row.name, row.error) for row in found] == [
        ("group_0001/0a00", ""),
        ("group_0001/0a7b", ""),
    ]
    for row in found:
        assert row.caption is not None and row.caption.video is not None
        video = Path(find_video(row.caption))
        assert video.name == f"{Path(row.name).name}.mp4"
    (alone,) = read_captions([str(root / "annotations/group_0001/0a00/caption.json")])
    assert alone.name == "0a00"


def test_paragraphs_beside_a_clip_are_one_caption(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "a.txt").write_text("A dog runs.\n\nThe camera follows it.\n\n\nA park.\n")
    (row,) = read_captions([str(tmp_path / "a.txt")])
    assert row.caption is not None
    assert row.caption.global_description == "A dog runs. The camera follows it. A park."


@pytest.mark.parametrize("verb", ["convert", "render", "stats"])
def test_every_verb_takes_them(tmp_path: Path, run: Run, verb: str) -> None:
    spatialvid(tmp_path, "0a00")
    mira = {"video_id": "AJp", "fps": 30, **TEXTS}
    rows = [
        {"index": f"7_AJp-{n}", "start_frame": 30 * n, "end_frame": 30 * n + 30, **mira}
        for n in (1, 2)
    ]
    (tmp_path / "mira.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    (tmp_path / "vid.jsonl").write_text(json.dumps(published()) + "\n")
    captions = [tmp_path / name for name in ("annotations", "mira.jsonl", "vid.jsonl")]
    options = {
        "convert": ["convert", "--to", "instancecap", "--out", tmp_path / "out.jsonl"],
        "render": ["render", "--for", "wan2.2", "--out", tmp_path / "out.jsonl"],
        "stats": ["dataset", "stats", "--out", tmp_path / "out"],
    }[verb]
    status, _, err = run(*options, *captions)
    assert status == 0, err
    if verb == "stats":
        assert json.loads((tmp_path / "out/stats.json").read_text())["captions"] == 4
        return
    lines = (tmp_path / "out.jsonl").read_text().splitlines()
    assert len(lines) == 4
    if verb == "convert":
        spans = [Caption.from_json(line).video for line in lines[1:3]]
        assert [(one.id, one.start, one.end) for one in spans if one] == [
            ("7_AJp-1", 1.0, 2.0),
            ("7_AJp-2", 2.0, 3.0),
        ]
        back = tmp_path / "back.json"
        run("convert", tmp_path / "vid.jsonl", "--to", "instancevid-published", "--out", back)
        assert json.loads(back.read_text()) == published()
