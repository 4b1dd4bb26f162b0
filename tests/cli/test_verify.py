"""``instancecap verify`` as a user meets it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from instancecap.captioners.measured.describe import describe
from instancecap.errors import ModelError
from instancecap.mllm.scripted import RecordingBackend
from instancecap.schema import Caption, Evidence
from instancecap.verify.fields import read_claims
from tests.conftest import MakeVideo
from tests.made import evidence, thing
from tests.program import Run
from tests.verify.test_verify_reading import Answering

SCENE = evidence(
    thing("dog", (0.1, 0.4, 0.3, 0.6), (0.7, 0.4, 0.9, 0.6), moving=True, direction="right",
          speed=0.13, colors=[("brown", 0.9)])
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``captions/`` with a true and a lying caption, ``evidence/`` of both clips."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("true.mp4", "lie.mp4"):
        caption = describe(SCENE, all_facts=True)
        assert caption.video is not None
        caption.video.id, caption.video.path = name, name
        if name == "lie.mp4":
            caption.global_description = "The dog leaves the frame. The camera stays still."
        caption.write(tmp_path / "captions" / f"{name}.json")
        SCENE.write(tmp_path / "evidence" / f"{name}.json")
    return tmp_path


def test_contradictions_are_shown_and_counted(folder: Path, run: Run) -> None:
    status, out, err = run("verify", "captions", "--evidence", "evidence")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    (at,) = [i for i, line in enumerate(lines) if "The dog leaves the frame." in line]
    assert "/global_description" in lines[at]
    assert "the dog is still there at the end (leaves" in lines[at + 1]
    assert "0 contradicted" in next(line for line in lines if line.startswith("true.mp4"))
    assert "captions with a contradiction: 1 of 2, with a disputed claim: 0" in out
    assert lines[-1].startswith("2 of the 2 captions are by the captioner measured: ")
    assert next(line for line in lines if line.startswith("leaves")).split()[1:4]


def test_a_report_of_captions_that_are_there(folder: Path, run: Run, make_video: MakeVideo) -> None:
    make_video(folder / "captions" / "true.mp4")
    ran = run("verify", "captions", "--evidence", "evidence", "--report", "page.html", "--quiet")
    assert (ran.status, ran.err) == (0, "")
    page = (folder / "page.html").read_text()
    assert page.count("data:image/webp") > 8 and "true.mp4" in page
    assert "The dog leaves the frame." in page and "No pictures: captions/lie.mp4.json" in page
    assert "not a folder" in run("verify", "captions", "--report", "captions").err


def test_what_is_disputed_counts_against_a_caption(folder: Path, run: Run) -> None:
    path = folder / "captions" / "lie.mp4.json"
    caption = Caption.read(path)
    unread = "It has soft fur."
    caption.global_description = f"The camera pans left. {unread} The dog runs to the left."
    caption.write(path)
    _, out, _ = run("verify", "captions", "--evidence", "evidence")
    assert "100.0%" not in out
    assert "captions with a contradiction: 0 of 2, with a disputed claim: 1" in out
    found = json.loads(run("verify", "captions", "--evidence", "evidence", "--json")[1])
    scores = {one["name"]: one["score"] for one in found["captions"]}
    assert scores["lie.mp4"] < scores["true.mp4"] == 1
    assert (found["contradicted"], found["disputed"]) == (0, 1)
    assert f"no claim was found: {found['unread']}" in out
    assert [unread in one["unread"] for one in found["captions"]].count(True) == 1


def test_json_is_one_object(folder: Path, run: Run) -> None:
    _, out, _ = run("verify", "captions", "--evidence", "evidence", "--json")
    found: dict[str, Any] = json.loads(out)
    assert (found["done"], found["failed"], found["contradicted"]) == (2, [], 1)
    assert found["kinds"]["leaves"]["contradicted"] == 1
    assert 0.9 < found["score"] < 1
    claims = {one["name"]: one["claims"] for one in found["captions"]}
    (wrong,) = [one for one in claims["lie.mp4"] if one["support"] == "contradicted"]
    assert wrong["measured"] == "the dog is still there at the end"
    assert found["own"] == 2
    assert wrong["frames"]


@pytest.mark.parametrize(
    ("how", "text", "support"),
    [
        ("mark", "The dog leaves the frame. The camera stays still.", "contradicted"),
        ("remove", "The camera stays still.", "supported"),
        ("keep", "The dog leaves the frame. The camera stays still.", "measured"),
    ],
)
def test_captions_are_written(folder: Path, run: Run, how: str, text: str, support: str) -> None:
    arguments = ["--evidence", "evidence", "--out", "out", "--on-contradiction", how, "--quiet"]
    assert run("verify", "captions", *arguments)[0] == 0
    written = Caption.read(folder / "out" / "lie.mp4.json")
    assert written.global_description == text
    assert written.claims
    if how != "remove":
        assert written.provenance["/global_description"].support == support


def test_what_cannot_be_checked_is_named_and_the_rest_goes_on(folder: Path, run: Run) -> None:
    (folder / "captions" / "odd.json").write_text("{]")
    Caption(video=None, global_description="A dog.").write(folder / "captions" / "free.json")
    (folder / "evidence" / "true.mp4.json").unlink()
    status, out, err = run("verify", "captions", "--evidence", "evidence")
    assert status == 1
    failures = [line for line in err.splitlines() if line.startswith("failed: ")]
    assert len(failures) == 3
    assert "names no video file" in err
    assert "--video-root DIR says where videos are" in err
    assert "lie.mp4" in out


def test_the_video_is_measured_where_no_evidence_is_local_copy(
    tmp_path: Path,
    make_video: MakeVideo,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    without_weights: None,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_video(tmp_path / "videos" / "square.mp4")
    caption = Caption.model_validate(
        {
            "video": {"id": "square.mp4", "path": "square.mp4", "start": 0, "end": 0,
                      "duration": 0, "fps": 0, "width": 0, "height": 0, "frames": 0},
            "global_description": "The camera pans left.",
        }
    )  # fmt: skip
    caption.write(tmp_path / "captions" / "square.json")
    arguments = ["verify", "captions/square.json", "--video-root", "videos", "--json"]
    status, out, _ = run(*arguments)
    assert status == 0
    (one,) = json.loads(out)["captions"]
    assert [claim["kind"] for claim in one["claims"]] == ["camera"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--evidence", "nowhere"], "--evidence nowhere: not a folder"),
        (["--video-root", "nowhere"], "--video-root nowhere: not a folder"),
        (["--out", "captions/true.mp4.json"], "captions go to a folder"),
        (["--on-contradiction", "shout"], "shout"),
        (["--extract", "mllm"], "--extract mllm needs --mllm-model"),
    ],
)
def test_wrong_usage_is_one_line(
    folder: Path, run: Run, arguments: list[str], message: str
) -> None:
    status, out, err = run("verify", "captions", *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_folder_of_evidence_that_does_not_fit_is_one_line(folder: Path, run: Run) -> None:
    (folder / "evidence" / "lie.mp4.json").write_text("{}")
    status, _, err = run("verify", "captions", "--evidence", "evidence")
    assert status == 1
    assert err.count("\n") == 1
    assert "evidence" in err
    assert Evidence.read(folder / "evidence" / "true.mp4.json") == SCENE


def test_a_model_may_read_the_sentences(folder: Path, run: Run) -> None:
    """Where it gives no answer, the rules read them, and the caption has a warning."""

    async def record(name: str, answer: object) -> None:
        backend = RecordingBackend(Answering(answer), folder / "answers.jsonl")
        caption = Caption.read(folder / "captions" / name)
        await read_claims(caption, backend)
        await backend.close()

    asyncio.run(record("true.mp4.json", {"claims": []}))
    asyncio.run(record("lie.mp4.json", ModelError("out of memory")))
    arguments = ["--evidence", "evidence", "--extract", "mllm", "--replay", "answers.jsonl"]
    status, _, err = run("verify", "captions", *arguments, "--out", "out", "--quiet")
    assert (status, err) == (0, "")
    read, failed = (Caption.read(folder / "out" / f"{n}.mp4.json") for n in ("true", "lie"))
    assert "/global_description" not in {claim.field for claim in read.claims}
    assert failed.provenance["/global_description"].support == "contradicted"
    assert any("read by rules" in one for one in failed.warnings)


@pytest.mark.parametrize("ids", [("", ""), ("first", "second")])
def test_several_captions_of_one_clip_in_a_table_need_ids(
    folder: Path, run: Run, ids: tuple[str, str]
) -> None:
    rows = [
        {"path": "true.mp4", "caption": f"A dog runs to the {way}."} | ({"id": one} if one else {})
        for way, one in zip(("right", "left"), ids, strict=True)
    ]
    (folder / "table.jsonl").write_text("\n".join(map(json.dumps, rows)))
    status, out, err = run("verify", "table.jsonl", "--evidence", "evidence")
    assert (status, "column id" in err) == ((0, False) if ids[0] else (1, True))
    assert all(f"{one}  " in out for one in ids if one)
