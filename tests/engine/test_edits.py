"""What a person changed in an output is seen, marked and kept; what is left behind is named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from instancecap.datasets.captions import read_captions
from instancecap.datasets.convert import convert
from instancecap.datasets.edits import mark_edits
from instancecap.engine.results import Run
from instancecap.engine.work import Documents, EvidenceCache, Work
from instancecap.errors import UsageError
from instancecap.io.inputs import Job
from instancecap.schema import Caption, Evidence
from instancecap.schema.caption import Claim, Instance, Provenance, Video
from tests.engine.outputs import OUTS, do, edit, read

MEASURED = Provenance(source="yolox-nano", confidence=0.9, support="measured", frames=[0.1])

EVIDENCE = Evidence.model_validate({"video": {"id": "", "path": "", "start": 0, "end": 1,
    "duration": 1, "fps": 8, "width": 8, "height": 8, "frames": 8}})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Noted(Work):
    """A caption with a measured worker."""

    version: str = "one"
    edits_stay: bool = False

    def __call__(self, job: Job) -> Documents:
        video = Video.named(job.clip.path)
        video.id = job.name
        worker = Instance(id=4, class_="person", appearance="A person in a yellow vest.")
        pointer = "/instances/4/appearance"
        caption = Caption(
            video=video,
            global_description=f"A person walks ({self.version}).",
            background="A wall.",
            instances=[worker],
            claims=[Claim(field=pointer, says="yellow", support="supported", confidence=0.9)],
            provenance={pointer: MEASURED, "/background": MEASURED},
        )
        return Documents({"": caption.to_json()})

    def config(self) -> str:
        return self.version

    @property
    def rewrites(self) -> bool:
        return self.edits_stay


@pytest.fixture(autouse=True)
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "clips").mkdir()
    for name in "ab":
        (tmp_path / "clips" / f"{name}.mp4").write_bytes(name.encode() * 10)
    return tmp_path / "clips"


def run(out: str, version: str = "one", *, edits_stay: bool = False, **options: Any) -> Run:
    return do("clips", out, Noted(version=version, edits_stay=edits_stay), **options)


def by_hand(document: dict[str, Any]) -> None:
    document["global_description"] = "HANDMADE a construction worker walks."
    document["instances"][0]["appearance"] = "A worker in an orange vest."


@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize(
    ("version", "options"), [("one", {}), ("two", {}), ("one", {"resume": False})]
)
def test_edits_are_kept_and_named(out: str, version: str, options: dict[str, bool]) -> None:
    run(out)
    edit(out, by_hand)
    for _ in range(2):  # the second of these runs finds nothing new, and keeps it too
        again = run(out, version, **options)
        assert read(out)["a.mp4"]["global_description"].startswith("HANDMADE")
    assert again.complete
    if version == "one":
        assert run(out).kept == [], "told once, unless the rest is written anew"
    first = run(out, "three")
    assert [one.reason for one in first.kept] == ["changed by hand"]
    assert "a.mp4" in first.kept[0].source
    assert read(out)["a.mp4"]["instances"][0]["appearance"] == "A worker in an orange vest."
    assert read(out)["b.mp4"]["global_description"] == "A person walks (three)."


@pytest.mark.parametrize("out", OUTS)
def test_edited_fields_are_by_a_person_and_their_claims_go(out: str) -> None:
    run(out)
    edit(out, by_hand)
    run(out)
    caption = read(out)["a.mp4"]
    sources = {pointer: one["source"] for pointer, one in caption["provenance"].items()}
    assert sources == {
        "/background": "yolox-nano",
        "/global_description": "human",
        "/instances/4/appearance": "human",
    }
    assert caption["claims"] == []
    assert sorted({one["source"] for one in read(out)["b.mp4"]["provenance"].values()}) == [
        "yolox-nano"
    ]


@pytest.mark.parametrize("out", OUTS)
@pytest.mark.parametrize(("version", "written"), [("one", 1), ("two", 2)])
@pytest.mark.parametrize("marked", [False, True])
@pytest.mark.parametrize("name", ["a.mp4", "z.mp4"])
def test_overwrite_human_writes_anew(
    out: str, version: str, written: int, marked: bool, name: str, clips: Path
) -> None:
    run(out)
    edit(out, by_hand)
    if marked:
        run(out)
    (clips / "a.mp4").rename(clips / name)
    done = run(out, version, overwrite_human=True)
    assert (done.done, done.kept) == (written, [])
    assert read(out)[name]["global_description"] == f"A person walks ({version})."
    assert run(out, version, overwrite_human=True).done == 0


@pytest.mark.parametrize("out", OUTS)
def test_an_edit_goes_along_when_its_clip_is_renamed(out: str, clips: Path) -> None:
    run(out)
    edit(out, by_hand)
    (clips / "a.mp4").rename(clips / "z.mp4")
    assert run(out).done == 0
    assert read(out)["z.mp4"]["global_description"].startswith("HANDMADE")
    assert run(out, "two").done == 1
    assert read(out)["z.mp4"]["global_description"].startswith("HANDMADE")


@pytest.mark.parametrize("out", OUTS)
def test_an_edit_is_seen_by_whoever_reads_the_captions(out: str) -> None:
    run(out)
    edit(out, by_hand)
    captions = {row.name: row.caption for row in read_captions([out])}
    edited, untouched = captions["a.mp4"], captions["b.mp4"]
    assert edited is not None and untouched is not None
    assert edited.provenance["/instances/4/appearance"].source == "human"
    assert edited.claims == []
    assert {one.source for one in untouched.provenance.values()} == {"yolox-nano"}


@pytest.mark.parametrize("made", ["out/t.csv", "out/t.jsonl", "out/sky"])
def test_what_is_made_of_an_output_is_no_edit_of_it(made: str) -> None:
    run("out")
    convert(["out"], to="skycaptioner" if made == "out/sky" else "text", out=made)
    for row in read_captions([made]):
        assert row.caption is not None
        assert "human" not in {one.source for one in row.caption.provenance.values()}


def edit_text(out: str, suffix: str) -> None:
    """Change one word of the first clip's caption with an editor."""
    path = Path(out) / f"a.mp4{suffix}" if Path(out).is_dir() else Path(out)
    first, *others = path.read_text().splitlines(keepends=True)
    if Path(out).is_dir():
        first, others = "".join([first, *others]), []
    assert "wall" in first
    path.write_text("".join([first.replace("wall", "HANDMADE hedge"), *others]))


def texts_of(out: str, suffix: str) -> list[str]:
    """What stands in an output, clip by clip."""
    if Path(out).is_dir():
        return [path.read_text() for path in sorted(Path(out).glob(f"*{suffix}"))]
    return Path(out).read_text().splitlines()


@pytest.mark.parametrize("out", ["out", "out.jsonl"])
@pytest.mark.parametrize("format", ["instancevid", "skycaptioner", "cosmos3", "miradata", "text"])
def test_edits_in_another_format_are_kept(out: str, format: str) -> None:
    suffix = ".txt" if format == "text" else ".json"
    run(out, format=format)
    edit_text(out, suffix)
    edited = texts_of(out, suffix)[0]
    for version, again in (("one", {}), ("two", {}), ("two", {"resume": False}),
                           ("three", {"edits_stay": True})):  # fmt: skip
        done = run(out, version, format=format, **again)
        first, second = texts_of(out, suffix)
        assert first == edited and "HANDMADE" not in second
        if version != "one":
            assert [one.reason.partition(";")[0] for one in done.kept] == ["changed by hand"]
            assert "a.mp4" in done.kept[0].source
    if format != "skycaptioner":  # which has no text about the whole
        assert f"({version})" in second
    captions = [row.caption for row in read_captions([out])]
    marked = [
        sorted(pointer for pointer, one in caption.provenance.items() if one.source == "human")
        for caption in captions
        if caption is not None
    ]
    assert marked == [["/global_description" if format == "text" else "/background"], []]
    assert run(out, "two", format=format, overwrite_human=True).kept == []
    assert "HANDMADE" not in "".join(texts_of(out, suffix))


def test_a_work_that_rewrites_fields_gets_the_edits_marked() -> None:
    run("out")
    edit("out", by_hand)
    done = run("out", "two", edits_stay=True)
    assert (done.done, done.kept) == (2, [])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{", "not valid JSON"),
        ('{"schema": "instancecap.caption/1", "instances": 3}', "not a valid caption"),
        (None, "unknown keys left out: /camera/mood, /note"),
    ],
)
def test_what_cannot_be_read_is_named_and_left(text: str | None, fault: str) -> None:
    run("out")
    path = Path("out/a.mp4.json")
    if text is None:
        document = json.loads(path.read_text())
        text = json.dumps({**document, "note": "mine", "camera": {"mood": "calm"}})
    path.write_text(text)
    done = run("out", "two")
    assert len(done.kept) == 1 and fault in done.kept[0].reason
    assert path.read_text() == text


@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"note": "mine"}, "unknown keys left out: /note"),
        ({"camera": {"shot_type": "portrait"}}, "not a valid caption: /camera/shot_type"),
    ],
)
def test_a_row_that_is_not_understood_stays_as_it_is(
    out: str, change: dict[str, Any], fault: str
) -> None:
    run(out)
    edit(out, lambda document: document.update(change, background="HANDMADE"))
    edited = read(out)["a.mp4"]
    for version in ("one", "one", "two"):
        done = run(out, version)
        assert [fault in one.reason for one in done.kept] == [True]
        assert read(out)["a.mp4"] == edited
    run(out, overwrite_human=True)
    assert read(out)["a.mp4"]["background"] == "A wall."


def test_a_line_that_is_no_json_any_more_stops_the_run() -> None:
    run("out.jsonl")
    text = Path("out.jsonl").read_text()[:-5]
    Path("out.jsonl").write_text(text)
    with pytest.raises(UsageError, match=r"out\.jsonl: line 2: not valid JSON; mend the table, or"):
        run("out.jsonl")
    assert Path("out.jsonl").read_text() == text


@pytest.mark.parametrize("text", ["{", '{"schema": "instancecap.caption/1", "instances": 3}'])
def test_what_cannot_be_read_is_left_out_of_what_is_kept_at_hand(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EvidenceCache, "get", lambda *_, **__: EVIDENCE)
    run("out")
    Path("out/a.mp4.json").write_text(text)
    done = run("out", keep=True)
    assert list(done.results) == [1] and not done.complete
    (failed,) = done.failed
    assert failed.source == "out/a.mp4.json" and "not a valid caption" in failed.reason
    assert Path("out/a.mp4.json").read_text() == text


def test_an_edit_whose_evidence_is_gone_stays() -> None:
    run("out")
    edit("out", by_hand)
    done = run("out", keep=True)
    assert [one.source for one in done.failed] == ["out/a.mp4.json"] and done.done == 1
    assert read("out")["a.mp4"]["global_description"].startswith("HANDMADE")


def test_a_row_that_a_person_added_stays() -> None:
    run("out.jsonl")
    line = Caption(video=Video.named("mine.mp4"), background="Mine.").to_json(indent=None)
    with open("out.jsonl", "a", encoding="utf-8") as file:
        file.write(line + "\n")
    for version in ("one", "two"):
        run("out.jsonl", version)
        assert read("out.jsonl")["mine.mp4"]["background"] == "Mine."
        assert len(Path("out.jsonl").read_text().splitlines()) == 3


def test_a_changed_column_of_a_table_counts() -> None:
    run("out.parquet")
    (shard,) = Path("out.parquet").glob("*.parquet")
    table = pq.read_table(shard)
    rows = table.to_pylist()
    rows[0]["background"] = "A hedge."
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), shard)
    run("out.parquet", "two")
    caption = read("out.parquet")["a.mp4"]
    assert caption["background"] == "A hedge."
    assert caption["provenance"]["/background"]["source"] == "human"


def test_the_caption_of_a_clip_that_is_gone_is_stale(clips: Path) -> None:
    run("out")
    (clips / "a.mp4").rename(clips / "c.mp4")
    (clips / "b.mp4").unlink()
    for _ in range(2):
        done = run("out")
        assert [(one.source, one.reason) for one in done.stale] == [
            ("out/a.mp4.json", "its clip clips/a.mp4 is gone"),
            ("out/b.mp4.json", "its clip clips/b.mp4 is gone"),
        ]
        assert done.complete
    assert read("out")["b.mp4"]["warnings"] == [
        "stale: its video clips/b.mp4 is gone; delete this caption, or put the video back"
    ]
    assert read("out")["c.mp4"]["warnings"] == []
    Path("out/a.mp4.json").unlink()
    Path("out/b.mp4.json").unlink()
    assert run("out").stale == []


def test_untouched_outputs_are_never_taken_for_edits(clips: Path) -> None:
    for out in OUTS:
        run(out)
    for out in OUTS:
        Path(out).touch()
        assert (run(out).kept, run(out, "two").done) == ([], 2)


def test_marks_are_set_where_a_leaf_was_emptied_and_nowhere_twice() -> None:
    caption = Caption(video=None, background="A wall.", lighting="Dim.")
    written = {"/background": "other", "/lighting": "other", "/style": "real"}
    caption.provenance["/lighting"] = Provenance(
        source="human", confidence=1.0, support="unchecked"
    )
    assert mark_edits(caption, written)
    assert sorted(caption.provenance) == ["/background", "/lighting", "/style"]
    assert not mark_edits(caption, written)
