"""A set made ready to be published, read back by the libraries of those who take it."""

from __future__ import annotations

import hashlib
import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from instancecap.datasets.curation.balance import BalanceOptions, balance_set
from instancecap.datasets.release import card as cards
from instancecap.datasets.release.card import CardOptions, write_card
from instancecap.errors import OutputError, UsageError
from instancecap.schema.caption import Caption
from tests.conftest import MakeVideo
from tests.datasets.export.made import caption_of
from tests.program import Run


@pytest.fixture
def captions(tmp_path: Path, make_video: MakeVideo) -> Path:
    """Three captions of real files, one of them in a folder."""
    folder = tmp_path / "captions"
    for name, text in (("a.mp4", "A dog runs."), ("b.mp4", "A | cat."), ("deep/c.mp4", "A cow.")):
        clip = make_video(tmp_path / "in" / name)
        found = caption_of(clip, text)
        assert found.video is not None
        found.video.id = name
        found.write(folder / f"{name}.json")
    return folder


def made(captions: Path, out: Path, **options: Any) -> cards.Card:
    return write_card([str(captions)], str(out), CardOptions(**options))


def test_hugging_face_loads_it(captions: Path, tmp_path: Path, datasets: Any) -> None:
    made(captions, tmp_path / "set", license="cc-by-4.0", clips=True)
    rows = datasets.load_dataset(str(tmp_path / "set"), split="train")
    assert rows["id"] == ["a.mp4", "b.mp4", "deep/c.mp4"]
    back = Caption.from_json(rows[1]["caption_json"])
    assert (back.global_description, rows[1]["main_class"]) == ("A | cat.", "dog")
    files = str(tmp_path / "set" / "clips" / "*.tar")
    clips = datasets.load_dataset("webdataset", data_files=files, split="train", streaming=True)
    clips = clips.cast_column("mp4", datasets.Video(decode=False))
    found = list(clips)
    assert [one["json"]["id"] for one in found] == ["a.mp4", "b.mp4", "deep/c.mp4"]
    first = (tmp_path / "in" / "a.mp4").read_bytes()
    assert found[0]["mp4"]["bytes"] == first


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # it leaves the shard open
def test_webdataset_reads_the_shards(captions: Path, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset", reason="the dev extra has it")
    card = made(captions, tmp_path / "set", clips=True)
    shards = sorted(map(str, (tmp_path / "set" / "clips").glob("*.tar")))
    with webdataset.WebDataset(shards, shardshuffle=False) as samples:
        found = [(json.loads(one["json"]), one["txt"].decode(), one["mp4"]) for one in samples]
    assert card.clips == len(found) == 3
    for row, text, clip in found:
        assert row["text"] == text
        assert Caption.from_json(row["caption_json"]).video is not None
        assert clip == (tmp_path / "in" / row["id"]).read_bytes()


def test_checksums_hold_for_every_file(captions: Path, tmp_path: Path) -> None:
    made(captions, tmp_path / "set", clips=True)
    lines = (tmp_path / "set" / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    files = {
        path.relative_to(tmp_path / "set").as_posix(): path
        for path in (tmp_path / "set").rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert sums == {
        name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()
    }
    assert {"README.md", "index.html", "data/train-00000.parquet", "statistics/stats.json"} <= set(
        files
    )


def test_no_path_on_this_machine_is_given_away(captions: Path, tmp_path: Path) -> None:
    made(captions, tmp_path / "set", clips=True)
    for path in (tmp_path / "set").rglob("*"):
        if path.is_file() and path.suffix != ".parquet":
            assert str(tmp_path).encode() not in path.read_bytes(), path
    rows = pq.read_table(tmp_path / "set" / "data").to_pylist()
    assert [row["path"] for row in rows] == ["a.mp4", "b.mp4", "deep/c.mp4"]
    assert all(str(tmp_path) not in json.dumps(row) for row in rows)


def test_what_the_card_says(captions: Path, tmp_path: Path) -> None:
    (captions / "bad.json").write_text("no json")
    card = made(captions, tmp_path / "set", name='Dogs: "<b>"', clips_license="see each source")
    text = (tmp_path / "set" / "README.md").read_text()
    assert text.startswith("---\nlicense: unknown\npretty_name: ")
    assert "Until there is one, nobody may use them." in text
    assert "Clips: see each source." in text
    assert "| dog | 3 | 100.0 % |" in text
    assert "3 captions of video clips, 0.00 hours" in text and "clips/*.tar" not in text
    assert [reason for _, reason in card.failed] == ["not valid JSON: there is no JSON in it"]
    page = (tmp_path / "set" / "index.html").read_text()
    assert "<b>" not in page and "see each source" in page
    assert not (tmp_path / "set" / "clips").exists()


def test_a_folder_appears_whole_or_not_at_all(
    captions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "set"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not empty; choose another"):
        made(captions, out)
    (out / "mine.txt").unlink()
    made(captions, out)
    with pytest.raises(UsageError, match="--overwrite replaces it"):
        made(captions, out)
    before = (out / "SHA256SUMS").read_text()

    def fail(*_: Any) -> Any:
        raise OutputError("disk full")

    monkeypatch.setattr(cards, "write_statistics", fail)
    with pytest.raises(OutputError, match="disk full"):
        made(captions, out, overwrite=True, license="cc0-1.0")
    assert (out / "SHA256SUMS").read_text() == before
    assert [path.name for path in tmp_path.glob(".*")] == []
    monkeypatch.undo()
    made(captions, out, overwrite=True, license="cc0-1.0")
    assert "license: cc0-1.0" in (out / "README.md").read_text()


def test_a_license_is_one_that_a_card_may_name() -> None:
    assert CardOptions(license="odc-by").license == "odc-by"
    for wrong, near in (("CC BY 4.0", "cc-by-4.0"), ("wtfx", "wtfpl"), ("other", "other:NAME")):
        with pytest.raises(UsageError, match=f"--license {wrong}: write an .* {near}"):
            CardOptions(license=wrong)


def test_a_license_of_ones_own_has_a_name(captions: Path, tmp_path: Path) -> None:
    made(captions, tmp_path / "set", license="other:our-terms")
    text = (tmp_path / "set" / "README.md").read_text()
    assert text.startswith("---\nlicense: other\nlicense_name: our-terms\npretty_name: ")


def names_in(shard: Path) -> list[str]:
    with tarfile.open(shard) as archive:
        return archive.getnames()


def test_splits_of_a_balanced_set_stay_apart(captions: Path, tmp_path: Path, datasets: Any) -> None:
    target = tmp_path / "target.toml"
    target.write_text("[splits]\ntrain = 0.6\nhold-out = 0.4\n")
    balanced = str(tmp_path / "balanced")
    balance_set([str(captions)], BalanceOptions(out=balanced, target=str(target)))
    card = write_card([balanced], str(tmp_path / "set"), CardOptions(clips=True))
    assert card.splits == ["train", "hold_out"]
    assert card.clips == 3
    found = datasets.load_dataset(str(tmp_path / "set"))
    names = {split: set(rows["id"]) for split, rows in found.items()}
    assert set(names) == {"hold_out", "train"}
    assert not names["train"] & names["hold_out"]
    assert len(names["train"] | names["hold_out"]) == 3
    for split, ids in names.items():
        shards = list((tmp_path / "set" / "clips" / split).glob("*.tar"))
        packed = [name for shard in shards for name in names_in(shard)]
        assert len([name for name in packed if name.endswith(".mp4")]) == len(ids)


def test_the_verb_and_a_clip_that_is_gone(captions: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "in" / "b.mp4").unlink()
    options = ["--clips", "--license", "mit", "--json"]
    status, out, err = run("dataset", "card", captions, "--out", tmp_path / "set", *options)
    assert status == 1
    assert "b.mp4 is not beside the caption" in err and "--video-root DIR says where" in err
    told = json.loads(out)
    assert (told["captions"], told["clips"], len(told["failed"])) == (3, 2, 1)
