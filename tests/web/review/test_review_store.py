from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import instancecap as ic
from instancecap.errors import FormatError, InputError, UsageError
from instancecap.formats.table_rows import arrow_schema, flatten
from instancecap.io.table_writers import open_table
from instancecap.schema import Caption
from instancecap.web.review import index
from instancecap.web.review.edits import SetField
from instancecap.web.review.store import Conflict, ReviewSet
from tests.conftest import MakeVideo

KINDS = ("folder", "jsonl", "parquet")


def make_document(number: int, **changes: Any) -> Caption:
    numbers = dict.fromkeys(("start", "end", "duration", "fps", "width", "height", "frames"), 0)
    said = {
        "video": {"id": f"clip-{number}.mp4", "path": f"clip-{number}.mp4", **numbers},
        "global_description": f"A dog runs over field number {number} and barks at a cat.",
        "instances": [{"id": 0, "name": "the dog", "class": "dog", "is_main": True}],
        "background": "A field.",
        "provenance": {
            "/background": {"source": "model", "confidence": 0.9, "support": "unchecked"}
        },
    }
    return Caption.model_validate(said | changes)


def make_set(folder: Path, kind: str, captions: list[Caption]) -> Path:
    """A set of captions as ``instancecap caption`` leaves one."""
    if kind == "folder":
        for one in captions:
            assert one.video is not None
            one.write(folder / f"{one.video.id}.json")
        return folder
    path = folder / f"captions.{kind}"
    schema = arrow_schema() if kind == "parquet" else None
    table = open_table(path, schema=schema)
    for one in captions:
        table.write(flatten(one) if kind == "parquet" else one.model_dump(mode="json"))
    table.finish()
    return path


def stored(path: Path, number: int = 0) -> Caption:
    """A caption as another program reads it."""
    if path.suffix == ".parquet":
        rows = pq.read_table(path).to_pylist()
        assert rows[number]["background"] == json.loads(rows[number]["caption_json"])["background"]
        return Caption.from_json(rows[number]["caption_json"])
    if path.suffix == ".jsonl":
        return Caption.from_json(path.read_text(encoding="utf-8").splitlines()[number])
    return Caption.read(path / f"clip-{number}.mp4.json")


def opened_set(path: Path) -> ReviewSet:
    review = ReviewSet.open(path)
    review.refresh()
    return review


def set_field(value: Any, pointer: str = "/background") -> SetField:
    return SetField(pointer=pointer, value=value)


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_is_kept_at_once_and_stands_in_the_set(tmp_path: Path, kind: str) -> None:
    path = make_set(tmp_path, kind, [make_document(n) for n in range(3)])
    review = opened_set(path)
    before = review.read("clip-1.mp4")
    after = review.save("clip-1.mp4", set_field("A park."), version=before.version, reviewer="Ann")
    assert after.version != before.version
    again = ReviewSet.open(path)  # nothing was closed or written out: as after a kill
    again.refresh()
    assert again.read("clip-1.mp4").caption.background == "A park."
    assert review.flush() == (0 if kind == "folder" else 1)
    assert stored(path, 1).background == "A park."
    assert stored(path, 1).provenance["/background"].source == "human"
    assert stored(path, 0).background == stored(path, 2).background == "A field."
    assert opened_set(path).read("clip-1.mp4").version == after.version
    assert review.flush() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_undo_restores_to_the_letter_and_only_ones_own(tmp_path: Path, kind: str) -> None:
    review = opened_set(make_set(tmp_path, kind, [make_document(0)]))
    name, first = "clip-0.mp4", review.read("clip-0.mp4")
    second = review.save(name, set_field("A park."), version=first.version, reviewer="Ann")
    third = review.save(name, set_field("A lake."), version=second.version, reviewer="Bob")
    with pytest.raises(InputError, match="the last change is Bob's"):
        review.undo(name, version=third.version, reviewer="Ann")
    assert review.undo(name, version=third.version, reviewer="Bob").version == second.version
    assert review.undo(name, version=second.version, reviewer="Ann").version == first.version
    assert review.changes(name) == []
    with pytest.raises(InputError, match="nothing to undo"):
        review.undo(name, version=first.version, reviewer="Ann")


@pytest.mark.parametrize("kind", KINDS)
def test_two_people_never_overwrite_each_other(tmp_path: Path, kind: str) -> None:
    path = make_set(tmp_path, kind, [make_document(0)])
    ann, bob, name = opened_set(path), opened_set(path), "clip-0.mp4"
    seen = ann.read(name).version
    bob.save(name, set_field("A park."), version=seen, reviewer="Bob")
    with pytest.raises(Conflict, match="changed by Bob since") as caught:
        ann.save(name, set_field("Night.", "/lighting"), version=seen, reviewer="Ann")
    assert caught.value.opened.caption.background == "A park."
    assert [one.edit["value"] for one in caught.value.changes] == ["A park."]
    saved = ann.save(
        name, set_field("Night.", "/lighting"), version=caught.value.opened.version, reviewer="Ann"
    )
    assert (saved.caption.background, saved.caption.lighting) == ("A park.", "Night.")


def test_what_another_program_wrote_is_seen_too(tmp_path: Path) -> None:
    path = make_set(tmp_path, "folder", [make_document(0)])
    review = opened_set(path)
    seen = review.read("clip-0.mp4")
    make_document(0, background="A desert.").write(path / "clip-0.mp4.json")
    with pytest.raises(Conflict, match="changed by another program"):
        review.save("clip-0.mp4", set_field("A park."), version=seen.version, reviewer="Ann")
    assert stored(path).background == "A desert."


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["Ann", "Bob"]), st.booleans()), max_size=12))
def test_any_interleaving_of_writers_loses_nothing_acknowledged(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bool]]
) -> None:
    path = make_set(tmp_path_factory.mktemp("set"), "folder", [make_document(0)])
    sets = {who: opened_set(path) for who in ("Ann", "Bob")}
    seen = {who: sets[who].read("clip-0.mp4").version for who in sets}
    said, undone = [make_document(0).background], 0
    for number, (who, writes) in enumerate(steps):
        review = sets[who]
        try:
            if writes:
                value = f"{who} {number}"
                edit = set_field(value)
                after = review.save("clip-0.mp4", edit, version=seen[who], reviewer=who)
                said.append(value)
            else:
                after = review.undo("clip-0.mp4", version=seen[who], reviewer=who)
                assert said.pop().startswith(who)
                undone += 1
            seen[who] = after.version
        except Conflict as conflict:
            seen[who] = conflict.opened.version
        except InputError:
            assert not writes
        assert stored(path).background == said[-1]
    assert len(sets["Ann"].changes("clip-0.mp4")) == len(said) - 1


def test_a_kill_at_any_time_loses_nothing_acknowledged(tmp_path: Path) -> None:
    path = make_set(tmp_path, "folder", [make_document(0)])
    program = (
        "import sys; from instancecap.web.review.store import ReviewSet\n"
        "from instancecap.web.review.edits import SetField\n"
        "review = ReviewSet.open(sys.argv[1]); review.refresh(); now = review.read('clip-0.mp4')\n"
        "for n in range(10**6):\n"
        "    edit = SetField(pointer='/background', value=str(n))\n"
        "    now = review.save('clip-0.mp4', edit, version=now.version, reviewer='Ann')\n"
        "    print(n, flush=True)\n"
    )
    for wait in (3, 40):
        process = subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(wait)][-1]
        os.kill(process.pid, signal.SIGKILL)
        rest = process.stdout.read().split()
        process.wait()
        process.stdout.close()
        acknowledged = int(rest[-1]) if rest else acknowledged
        review = opened_set(path)
        # What was under way may have been done, but was not acknowledged.
        assert int(review.read("clip-0.mp4").caption.background) in (acknowledged, acknowledged + 1)
        assert len(review.changes("clip-0.mp4")) >= acknowledged + 1


@pytest.mark.parametrize("kind", KINDS)
def test_edits_survive_captioning_again(
    tmp_path: Path, kind: str, make_video: MakeVideo, without_weights: None
) -> None:
    for name in ("a.mp4", "b.mp4"):
        make_video(tmp_path / "clips" / name)
    out = tmp_path / ("out" if kind == "folder" else f"out.{kind}")
    ic.run(str(tmp_path / "clips"), out=str(out), captioner=ic.Measured())
    review = opened_set(out)
    seen = review.read("a.mp4")
    review.save("a.mp4", set_field("A gray wall."), version=seen.version, reviewer="Ann")
    review.flush()
    run = ic.run(str(tmp_path / "clips"), out=str(out), captioner=ic.Measured(language="zh"))
    assert len(run.kept) == 1
    fresh = opened_set(out).read("a.mp4").caption
    assert fresh.background == "A gray wall."
    assert fresh.provenance["/background"].source == "human"


def test_a_table_that_is_changed_elsewhere_keeps_unwritten_edits(tmp_path: Path) -> None:
    path = make_set(tmp_path, "jsonl", [make_document(0), make_document(1)])
    review = opened_set(path)
    seen = review.read("clip-0.mp4")
    review.save("clip-0.mp4", set_field("A park."), version=seen.version, reviewer="Ann")
    make_set(tmp_path, "jsonl", [make_document(0), make_document(1, background="A desert.")])
    with pytest.raises(InputError, match="changed by another program"):
        review.flush()
    review = opened_set(path)
    assert review.read("clip-1.mp4").caption.background == "A desert."
    assert review.flush() == 1
    assert [stored(path, n).background for n in (0, 1)] == ["A park.", "A desert."]


def test_other_columns_of_a_table_stay(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    rows = [{"id": "x", "mine": [1], "caption_json": make_document(0).to_json()}]
    path.write_text("\n" + "".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    review = opened_set(path)
    seen = review.read("x")
    review.save("x", set_field("A park."), version=seen.version, reviewer="Ann")
    review.flush()
    row = json.loads(path.read_text(encoding="utf-8"))
    assert (row["id"], row["mine"]) == ("x", [1])
    assert Caption.from_json(row["caption_json"]).background == "A park."


def test_the_index_filters_orders_and_pages(tmp_path: Path) -> None:
    claim = {"field": "/background", "says": "field", "support": "disputed", "confidence": 0.4}
    changes: list[dict[str, Any]] = [
        {},
        {"claims": [claim]},
        {"claims": [claim, claim], "camera": {"motion": ["pan_left"]}},
        {"instances": [{"id": 0, "class": "Straße"}]},
    ]
    captions = [make_document(n, **one) for n, one in enumerate(changes)]
    path = make_set(tmp_path, "folder", captions)
    (path / "broken.mp4.json").write_text("{", encoding="utf-8")
    review = opened_set(path)

    def names(**query: Any) -> list[str]:
        with review.reading() as db:
            found = index.find(db, index.Query(**query))
            assert index.count(db, index.Query(**query)) == len(found)
        return [item.name.removesuffix(".mp4") for item in found]

    assert names()[:2] == ["clip-2", "clip-1"]
    assert names(order="set") == ["broken", "clip-0", "clip-1", "clip-2", "clip-3"]
    assert names(disputed=True, order="set") == ["clip-1", "clip-2"]
    assert names(camera="pan_left") == ["clip-2"]
    assert names(class_="STRASSE") == ["clip-3"]
    assert names(text="FIELD NUMBER 3") == ["clip-3"]
    assert names(text="lip-3.MP4") == ["clip-3"], "by name, too"
    assert names(state="unreadable") == ["broken"]
    assert names(flag="exact copy") == []
    review.judge("clip-1.mp4", "accepted", reviewer="Ann")
    review.judge("clip-3.mp4", "skipped", reviewer="Bob")
    assert names(state="open", order="set") == ["clip-0", "clip-2"]
    assert names(state="open", reviewer="Bob", order="set") == ["clip-0", "clip-1", "clip-2"]
    assert names(state="accepted") == ["clip-1"]

    with review.reading() as db:
        offered = index.choices(db)
        assert offered["classes"] == ["dog", "strasse"]
        assert offered["camera"] == ["pan_left"]
        for flag in offered["flags"]:
            assert index.find(db, index.Query(flag=flag)) == []
        for order in ("doubt", "set"):
            query = index.Query(order=order)
            whole = index.find(db, query)
            walked = index.find(db, query, most=1)
            while more := index.find(db, query, after=walked[-1].place, most=1):
                walked += more
            assert walked == whole
            back = index.find(db, query, after=whole[-1].place, back=True)
            assert back[::-1] == whole[:-1]

    (path / "clip-0.mp4.json").unlink()
    make_document(2, background="A pond.").write(path / "clip-2.mp4.json")
    assert review.refresh() == 4
    assert names(text="pond") == ["clip-2"]
    assert names(state="open") == ["clip-2"]


def test_an_edit_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    path = make_set(tmp_path, "folder", [make_document(0)])
    review, before = opened_set(path), (path / "clip-0.mp4.json").read_bytes()
    seen = review.read("clip-0.mp4")
    with pytest.raises(FormatError, match="place"):
        review.save("clip-0.mp4", set_field("x", "/place"), version=seen.version, reviewer="Ann")
    assert (path / "clip-0.mp4.json").read_bytes() == before
    assert review.changes("clip-0.mp4") == []
    with pytest.raises(InputError, match="no caption of this set"):
        review.read("../secret")


def test_verdicts_critiques_pairs_and_agreement(tmp_path: Path) -> None:
    path = make_set(tmp_path, "folder", [make_document(n) for n in range(4)])
    review = opened_set(path)
    for number, (one, other) in enumerate([("accepted", "accepted"), ("accepted", "rejected"),
                                           ("rejected", "rejected")]):  # fmt: skip
        review.judge(f"clip-{number}.mp4", one, reviewer="Ann")  # type: ignore[arg-type]
        review.judge(f"clip-{number}.mp4", other, reviewer="Bob")  # type: ignore[arg-type]
    review.judge("clip-3.mp4", "skipped", reviewer="Ann")
    told = review.progress()
    assert (told["captions"], told["open"], told["skipped"]) == (4, 0, 1)
    assert told["reviewers"] == {"Ann": 4, "Bob": 3}
    assert (told["judged_twice"], told["same"]) == (3, 2)
    assert told["agreement"] == pytest.approx(0.444, abs=0.001)
    review.judge("clip-3.mp4", "open", reviewer="Ann")
    assert review.progress()["open"] == 1

    seen = review.read("clip-0.mp4")
    review.save("clip-0.mp4", set_field("A park."), version=seen.version, reviewer="Ann")
    review.criticize("clip-0.mp4", "  It is a park,\nno field. ", reviewer="Ann")
    review.criticize("clip-1.mp4", "Too long.", reviewer="Bob")
    review.criticize("clip-1.mp4", "", reviewer="Bob")
    (pair,) = review.pairs()
    assert pair["critiques"] == ["It is a park, no field."]
    assert pair["verdicts"] == ["accepted", "accepted"]
    assert (pair["before"]["background"], pair["after"]["background"]) == ("A field.", "A park.")
    with pytest.raises(FormatError, match="at most 2000"):
        review.criticize("clip-1.mp4", "x" * 2001, reviewer="Bob")


@pytest.mark.parametrize("make", [
    lambda path: path / "gone", lambda path: path / "x.csv",
])  # fmt: skip
def test_what_cannot_be_opened_is_said(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    with pytest.raises(UsageError, match=r"a folder of captions, a \.jsonl or a \.parquet"):
        ReviewSet.open(make(tmp_path))


def test_captions_of_other_formats_are_named_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps({"caption": "A dog runs over a field."}) + "\n", encoding="utf-8")
    review = opened_set(path)
    with review.reading() as db:
        (item,) = index.find(db, index.Query())
    assert "instancecap convert" in item.error
    with pytest.raises(InputError):
        review.read(item.name)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x.json").write_text('{"caption": "A dog."}', encoding="utf-8")
    make_document(0).write(folder / "broken.json")
    text = (folder / "broken.json").read_text(encoding="utf-8")
    (folder / "broken.json").write_text(text.replace('"A field."', "7"), encoding="utf-8")
    with opened_set(folder).reading() as db:
        broken, foreign = index.find(db, index.Query(order="set"))
    assert "/background: Input should be a valid string" in broken.error
    assert "instancecap convert" in foreign.error


def test_copies_are_flagged_until_one_is_edited(tmp_path: Path) -> None:
    said = "A dog runs over a field and barks at a cat."
    captions = [make_document(n, global_description=said) for n in range(2)]
    review = opened_set(make_set(tmp_path, "folder", [*captions, make_document(2)]))
    copies = index.Query(flag=index.COPY, order="set")
    with review.reading() as db:
        assert [one.name for one in index.find(db, copies)] == ["clip-0.mp4", "clip-1.mp4"]
        seen = review.read("clip-0.mp4")
        review.save("clip-0.mp4", set_field("A park."), version=seen.version, reviewer="Ann")
        assert index.find(db, copies) == []
