"""The forms in which people really keep captions: beside the clip, by its name, in any table."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import instancecap as ic
from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.convert import convert
from instancecap.datasets.videos import find_video
from instancecap.errors import InputError
from instancecap.schema import Caption
from instancecap.schema.caption import Video

FORMS = json.loads(Path(__file__).with_name("forms.json").read_text(encoding="utf-8"))


def rows(*paths: Path) -> list[Row]:
    return list(read_captions([str(path) for path in paths]))


def texts(found: list[Row]) -> list[tuple[str, str, str]]:
    """Name, text and video of each."""
    assert [row.error for row in found] == [""] * len(found)
    captions = [row.caption for row in found if row.caption]
    return [
        (row.name, caption.global_description, caption.video.path if caption.video else "")
        for row, caption in zip(found, captions, strict=True)
    ]


def touch(folder: Path, **files: str | bytes) -> Path:
    """Files of a folder; ``__`` in a name is a dot."""
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


# Beside the clip ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("clip", "sidecar", "content", "encoding"), FORMS["sidecars"])
def test_a_text_belongs_to_the_clip_beside_it(
    tmp_path: Path, clip: str, sidecar: str, content: str, encoding: str
) -> None:
    touch(tmp_path, **{clip: b"", sidecar: content.encode(encoding)})
    ((name, text, video),) = texts(rows(tmp_path))
    assert (text, video) == ("A dog runs.", str(tmp_path / clip))
    assert name == ("a" if sidecar == "a.json" else clip)
    ((_, alone, of),) = texts(rows(tmp_path / sidecar))
    assert (alone, of) == ("A dog runs.", str(tmp_path / clip))


def test_texts_in_a_folder_without_their_clips(tmp_path: Path) -> None:
    touch(tmp_path / "deep", a__txt="A dog.\nIt runs.", b__mp4__txt="A cat.")
    found = rows(tmp_path)
    assert texts(found) == [
        ("deep/a", "A dog. It runs.", "a"),
        ("deep/b.mp4", "A cat.", "b.mp4"),
    ]
    videos = touch(tmp_path / "videos", a__webm=b"", b__mp4=b"")
    paths = [find_video(row.caption, video_root=str(videos)) for row in found if row.caption]
    assert paths == [str(videos / "a.webm"), str(videos / "b.mp4")]


def test_labels_belong_to_the_clips_of_the_folder_videos(tmp_path: Path) -> None:
    touch(tmp_path, **{"videos/1.mp4": b"", "labels/1.txt": "A dog."})
    assert texts(rows(tmp_path / "labels")) == [
        ("1.mp4", "A dog.", str(tmp_path / "videos" / "1.mp4"))
    ]


@pytest.mark.parametrize("name", ["prompts.txt", "prompt.txt", "captions.txt"])
def test_a_list_of_captions_and_its_list_of_clips(tmp_path: Path, name: str) -> None:
    touch(tmp_path, **{name: "A dog.\nA cat.\n", "videos.txt": "videos/1.mp4\nvideos/2.mp4\n"})
    expected = [("videos/1.mp4", "A dog."), ("videos/2.mp4", "A cat.")]
    for where in (tmp_path, tmp_path / name):
        assert [(name, text) for name, text, _ in texts(rows(where))] == expected
    touch(tmp_path, **{"videos.txt": "videos/1.mp4\n"})
    assert [video for _, _, video in texts(rows(tmp_path))] == ["", ""]


def test_texts_are_read_beside_other_files_and_notes_are_not(tmp_path: Path) -> None:
    touch(tmp_path, a__mp4=b"", a__json='{"caption": "A dog."}', b__mp4=b"", b__txt="A cat.")
    touch(tmp_path, a__txt="older", README__txt="About this.", notes__txt="Not a caption.")
    touch(tmp_path, dataset_info__json="{}", training__json="{}")
    assert [text for _, text, _ in texts(rows(tmp_path))] == ["A dog.", "A cat."]


def test_an_empty_or_unreadable_sidecar_is_one_row(tmp_path: Path) -> None:
    touch(tmp_path, a__mp4=b"", a__txt=" \n", b__txt=b"\xe9t\xe9", c__txt="A dog.")
    assert [(row.name, row.error) for row in rows(tmp_path)] == [
        ("a.mp4", "an empty caption"),
        ("b", "not UTF-8 text"),
        ("c", ""),
    ]


def test_a_video_is_looked_for_in_all_its_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, **{"set/a.mp4": b"", "set/a.json": "{}", "set/a.srt": ""})

    def find(path: str, **options: Any) -> str:
        return find_video(Caption(video=Video.named(path)), **options)

    there = str(tmp_path / "set" / "a.mp4")
    assert find("a.mp4", caption_file=str(tmp_path / "set" / "c.json")) == there
    assert find("else/a.mp4", video_root=str(tmp_path / "set")) == there
    assert find("a", video_root=str(tmp_path / "set")) == there
    assert find(there) == there
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"a\.mp4 is not in --video-root empty"):
        find("set/a.mp4", video_root="empty", caption_file="set/c.json")
    assert find("https://host/a.mp4?token=1") == "https://host/a.mp4?token=1"
    with pytest.raises(InputError, match=r"its video b\.mp4 is not there; --video-root DIR"):
        find("b.mp4")
    with pytest.raises(InputError, match="the caption names no video file"):
        find_video(Caption(video=None))


DOG = ('A "big" dog, runs.', "a.mp4")


# By the clip's name ------------------------------------------------------------------------------


@pytest.mark.parametrize(("value", "expected"), FORMS["names"])
def test_names_with_captions(tmp_path: Path, value: Any, expected: Any) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(value))
    assert texts(rows(path)) == list(map(tuple, expected))


def test_one_bad_name_is_one_row(tmp_path: Path) -> None:
    path = tmp_path / "captions.json"
    path.write_text(json.dumps({"a.mp4": "A dog.", "b.mp4": None, "c": {"tags": "cat"}}))
    found = rows(path)
    assert texts(found[:1]) == [("a.mp4", "A dog.", "a.mp4")]
    assert [row.error for row in found[1:]] == [
        "a caption is an object or a text, and found is nothing",
        "no caption in it; its fields: tags",
    ]


@pytest.mark.parametrize("value", [{"foo": "bar"}, {"foo": 1}, {"a.mp4": 3}, {"a.mp4": []}, {}])
def test_other_objects_are_no_names_with_captions(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(value))
    (row,) = rows(path)
    assert row.error.startswith("no caption in it; its fields: ")


# Tables ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "text"), FORMS["tables"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_a_table_in_any_dialect_and_encoding(
    tmp_path: Path, name: str, text: str, encoding: str
) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))
    for where in (tmp_path / name, tmp_path):
        assert texts(rows(where)) == [("a.mp4", "A dog.", "a.mp4")]


@pytest.mark.parametrize("out", ["t.csv", "t.tsv", "t.jsonl", "t.parquet", "t.json", "folder"])
def test_what_was_converted_is_read_back(tmp_path: Path, out: str) -> None:
    (tmp_path / "in.csv").write_text('path;caption\na.mp4;"A ""big"" dog,\truns."\n')
    convert([str(tmp_path / "in.csv")], to="instancevid", out=str(tmp_path / out))
    assert texts(rows(tmp_path / out)) == [("a.mp4" if out != "t.json" else "t", *DOG)]


# InstanceVid and metas ---------------------------------------------------------------------------

MAN = {
    "Class": "person",
    "Appearance": "A striped shirt.",
    "Actions and Motion": "Rides the wave.",
    "Position": "on the left",
}
PARTS = {"Background Detail": "A clear ocean.", "Camera Movement": "The camera zooms in."}


@pytest.mark.parametrize("structure", ["Structural Description", "Structured Description", ""])
@pytest.mark.parametrize(
    "instances",
    [
        {"Main Instance": {"No.0": MAN}},
        {"Main Instances": {"No. 0": MAN}},
        {"Main Objects": {"Object 1": MAN}},
        {"main_objects": [MAN]},
        {"Main Object": MAN},
        {"Main Instance": {"person": {k: v for k, v in MAN.items() if k != "Class"}}},
        {"Main Instance": {"the surfer": MAN}},
        {"Main Instance": json.dumps({"No.0": MAN})},
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("outside", [False, True])
def test_instancevid_in_every_form(
    tmp_path: Path, structure: str, instances: dict[str, Any], outside: bool
) -> None:
    value: dict[str, Any] = {"Video": "a.mp4", "Global Description": "A man surfs."}
    inside = instances if outside else instances | PARTS
    value |= ({structure: inside} if structure else inside) | (PARTS if outside else {})
    path = tmp_path / "caption.json"
    path.write_text(json.dumps(value))
    caption = ic.Caption.read(path)
    (one,) = caption.instances
    assert (one.class_, one.appearance, one.action) == ("person", *list(MAN.values())[1:3])
    assert one.position.text == "on the left"
    assert one.name == ("the surfer" if "the surfer" in str(instances) else "")
    assert (caption.background, caption.camera.description) == tuple(PARTS.values())
    assert caption.warnings == []


@pytest.mark.parametrize(
    "value",
    [
        {"Global Description": "A man surfs.", "Layout": {"Things": [MAN]}},
        {"Global Description": "A man surfs.", "Description of Structure": [1, 2]},
        {"short_caption": "A man surfs.", "objects": {"a": 1}},
    ],
)
def test_a_caption_that_loses_its_structure_is_a_failure(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "caption.json"
    path.write_text(json.dumps(value))
    (row,) = rows(path)
    assert row.caption is None
    assert row.error == f"nothing of its structure can be read: {list(value)[1]}"


def test_metas_of_cosmos_curate(tmp_path: Path) -> None:
    meta: dict[str, Any] = deepcopy(FORMS["cosmos-curate"])
    path = touch(tmp_path, **{"metas/v0/d2d0.json": json.dumps(meta)})
    (row,) = rows(path)
    caption = row.caption
    assert caption is not None and caption.video is not None
    assert [(one.start, one.end, one.description) for one in caption.segments] == [
        (0.0, 5.0, "A man walks."),
        (5.0, 10.0, "A tall man sits down."),
    ]
    assert caption.to("text") == "A man walks. A tall man sits down."
    video = caption.video
    assert (video.path, video.start, video.end, video.fps) == ("/out/clips/d2d0.mp4", 0, 10, 24)
    assert (video.width, video.height) == (1920, 1080)
    del meta["clip_location"], meta["windows"][1]
    (tmp_path / "one.json").write_text(json.dumps(meta))
    one = ic.Caption.read(tmp_path / "one.json")
    assert one.global_description == "A man walks."
    assert one.video is not None and (one.video.path, one.video.start) == ("/raw/long.mp4", 4.0)
    assert set(one.provenance) == {"/global_description"}
    (tmp_path / "none.json").write_text(json.dumps({**meta, "windows": []}))
    with pytest.raises(ic.FormatError, match="no window of this clip has a caption"):
        ic.Caption.read(tmp_path / "none.json")


@pytest.mark.parametrize(
    "name", ["good", "paper", "structured_main_instance", "structural_main_objects"]
)
def test_the_reported_instancevid(cases_dir: Path, name: str) -> None:
    caption = ic.Caption.read(cases_dir / "08-instancevid-paper-form" / f"{name}.json")
    assert [one.class_ for one in caption.instances] == ["person"]
    assert caption.background == "A clear, turquoise ocean."
    assert caption.camera.description == "The camera zooms in."


def test_the_reported_sidecar_and_names(cases_dir: Path) -> None:
    folder = cases_dir / "09-sidecar-txt"
    ((name, text, video),) = texts(rows(folder / "set"))
    assert (name, text) == ("clip.mp4", "A red square moves to the right.")
    assert video == str(folder / "set" / "clip.mp4")
    assert texts(rows(folder / "names.json")) == [("clip.mp4", text, "clip.mp4")]
