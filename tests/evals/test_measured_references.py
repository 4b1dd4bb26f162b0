"""Cameras and tracks against labels: by hand, and on real clips."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from instancecap.evals import statistics
from instancecap.evals.camera import camera_task, graded, primitive_of
from instancecap.evals.run import evaluate
from instancecap.evals.statistics import STATISTICS
from instancecap.evals.tracks import Frame, Frames, count, find_sequences, tracks_task
from instancecap.schema.caption import Camera, Caption
from instancecap.schema.evidence import CameraFacts
from tests import made
from tests.evals.conftest import write_captions
from tests.program import Run

DOTTED = "cam_motion.camera_centric_movement"


def test_labels_are_camerabench_s_or_ours() -> None:
    def word(name: str) -> str:
        return primitive_of({"label_name": name})

    assert word(f"{DOTTED}.leftward.has_leftward") == "move_left"
    assert word(f"{DOTTED}.pan_left.has_pan_left") == "pan_left"
    assert word(f"{DOTTED}.forward.has_forward_wrt_camera") == "move_in"
    assert word("zoom-in") == "zoom_in"
    assert word(f"{DOTTED}.pan_left.only_pan_left") == ""


def camera_rows(labels: dict[str, dict[str, str]]) -> str:
    rows = [
        {"image": f"{clip}.mp4", "label_name": name, "label": yes, "question": "?", "task": "x"}
        for clip, some in labels.items()
        for name, yes in some.items()
    ]
    return "".join(json.dumps(one) + "\n" for one in rows)


def test_a_pan_is_no_truck_and_confusion_is_counted(tmp_path: Path, run: Run) -> None:
    said = {"a.mp4": ["pan_left"], "b.mp4": ["move_left"], "c.mp4": ["pan_left"], "d.mp4": []}
    folder = write_captions(
        tmp_path / "said",
        {name: Caption(video=None, camera=Camera(motion=m)) for name, m in said.items()},  # type: ignore[arg-type]
    )
    name = f"{DOTTED}.pan_left.has_pan_left"
    labels = tmp_path / "labels.jsonl"
    truth = {"a": "Yes", "b": "Yes", "c": "No", "d": "No", "e": "No"}
    labels.write_text(camera_rows({clip: {name: yes} for clip, yes in truth.items()}) + "{broken\n")
    done = run("eval", "camera", folder, labels, "--json")
    told = json.loads(done.out)
    found = {one["column"]: one["value"] for one in told["figures"] if one["row"] == "pan_left"}
    # Two score 1 (one true), two 0 (one true): AP 1/2 · 1/2 + 1/2 · 2/4.
    assert found == {
        "AP": 0.5, "ROC-AUC": 0.5, "F1": 0.5, "TP": 1.0, "FP": 1.0, "FN": 1.0, "TN": 1.0,
    }  # fmt: skip
    assert done.status == 1
    assert {one["reason"] for one in told["failed"]} == {
        "not valid JSON", "no caption of this name",
    }  # fmt: skip


def test_unknown_labels_are_named(tmp_path: Path) -> None:
    folder = write_captions(
        tmp_path / "said", {"a.mp4": Caption(video=None, camera=Camera(motion=["pan_right"]))}
    )
    labels = tmp_path / "labels.csv"
    names = ["pan right", "nonsense", "nonsense", "", f"{DOTTED}.pan_left.only_pan_left"]
    rows = [f"a.mp4,{name},Yes" for name in names]
    labels.write_text("\n".join(["video,label_name,label", *rows]))
    task = camera_task([folder], str(labels))
    assert [one.id for one in task.samples] == ["a.mp4/pan_right"]
    reasons = [one.reason for one in task.rejected]
    assert [reason.split(":")[0] for reason in reasons] == [
        "label_name 'nonsense' (2 of the rows)", "label_name '' (1 of the rows)",
    ]  # fmt: skip
    assert all("allowed are static, pan_left" in reason for reason in reasons)
    assert any("only_pan_left" in note for note in task.notes)

    scores = tmp_path / "scores.csv"
    scores.write_text("video,label_name,score\na.mp4,pan_right,much\na.mp4,spin,0.5\n")
    task = camera_task([str(scores)], str(labels))
    reasons = [one.reason for one in task.rejected]
    assert "a.mp4, pan_right: no number 'much'" in reasons
    assert "a.mp4, pan_right: there is no score for it" in reasons
    assert any("label_name 'spin'" in reason for reason in reasons)


def test_graded_scores_rank_by_motion(tmp_path: Path) -> None:
    rows = [
        {"video": f"{n}.mp4", "label_name": "zoom_in", "score": score}
        for n, score in enumerate([0.9, 0.8, 0.3, 0.1])
    ]
    scores = tmp_path / "scores.jsonl"
    scores.write_text("".join(json.dumps(one) + "\n" for one in rows))
    labels = tmp_path / "labels.jsonl"
    truth = ["Yes", "No", "Yes", "No"]
    labels.write_text(camera_rows({str(n): {"zoom_in": one} for n, one in enumerate(truth)}))
    result, _ = evaluate(camera_task([str(scores)], str(labels)))
    found = {one.column: one.value for one in result.figures if one.row == "mean"}
    assert found["AP"] == pytest.approx(0.5 + 0.5 * 2 / 3)
    assert found["ROC-AUC"] == 0.75


def test_a_real_camera_goes_the_way_it_is_labeled(measured: Any) -> None:
    scores = graded(measured("camera/pan_left_car_turn.mp4"))
    assert scores["pan_left"] > 0.9
    assert max(scores["pan_right"], scores["static"]) < 0.1
    assert all(0 <= one <= 1 for one in scores.values())


def test_a_camera_models_own_scores_are_taken(tmp_path: Path) -> None:
    evidence = made.evidence(camera=CameraFacts(motion=["static"], scores={"move_in": 0.8}))
    (tmp_path / "a.mp4.json").write_text(evidence.to_json())
    labels = tmp_path / "labels.csv"
    labels.write_text("video,label_name,label\na.mp4,move_in,Yes\na.mp4,zoom_in,No\n")
    task = camera_task([str(tmp_path)], str(labels))
    assert [(one.id, one.input) for one in task.samples] == [("a.mp4/move_in", (0.8, False))]
    assert any("zoom_in: there is no score" in one.reason for one in task.rejected)


# Tracks -------------------------------------------------------------------------------------------


def moving(seed: int) -> tuple[Frames, Frames]:
    """Four boxes that drift; seen badly, one under two identities, with false ones now and then."""
    dice = np.random.default_rng(seed)
    truth, found = {}, {}
    for number in range(40):
        ids = [one for one in range(4) if dice.random() < 0.9]
        boxes = [[20 * i + number, 10 * i, 20 * i + number + 15, 10 * i + 12] for i in ids]
        truth[number] = Frame(ids, np.array(boxes, float).reshape(-1, 4))
        kept = [place for place, _ in enumerate(ids) if dice.random() < 0.85]
        seen = truth[number].boxes[kept] + dice.normal(0, 1.5, (len(kept), 4))
        names = [ids[k] + (10 if number > 20 and ids[k] == 2 else 0) for k in kept]
        if dice.random() < 0.3:
            seen = np.vstack([seen, [[200, 200, 210, 210]]])
            names.append(99)
        found[number] = Frame(names, seen)
    return truth, found


def test_hota_and_idf1_are_those_of_the_reference_implementation() -> None:
    # trackeval 1.3.0, HOTA and Identity with combine_sequences, over the same three sequences.
    expected = {
        "hota": 0.5116793410611294, "deta": 0.5292721305471826, "assa": 0.49511285919828724,
        "detre": 0.594528278738805, "detpr": 0.6607581128988274, "loca": 0.7642437271806152,
    }  # fmt: skip
    counts = [count(*moving(seed)) for seed in range(3)]
    rows = np.array([one["hota"] for one in counts])
    for name, value in expected.items():
        assert STATISTICS[name](rows, np.ones(3)) == pytest.approx(value, abs=1e-12)
    identities = np.array([one["identity"] for one in counts])
    assert statistics.f1(identities, np.ones(3)) == pytest.approx(0.743558282208589, abs=1e-12)


def test_no_tracks_at_all_are_all_missed() -> None:
    truth, _ = moving(0)
    seen = sum(len(one.ids) for one in truth.values())
    counts = count(truth, {})
    assert counts["identity"] == [0.0, 0.0, seen]
    assert STATISTICS["hota"](np.array([counts["hota"]]), np.ones(1)) == 0.0


def write_mot(path: Path, frames: Frames) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [
        f"{number + 1},{id},{x0},{y0},{x1 - x0},{y1 - y0},1,-1,-1,-1"
        for number, one in frames.items()
        for id, (x0, y0, x1, y1) in zip(one.ids, one.boxes, strict=True)
    ]
    path.write_text("\n".join(rows))


def test_mot_files_are_read_by_name(tmp_path: Path, run: Run) -> None:
    truth, found = moving(1)
    write_mot(tmp_path / "true" / "street" / "gt" / "gt.txt", truth)
    write_mot(tmp_path / "true" / "park" / "gt" / "gt.txt", truth)
    write_mot(tmp_path / "said" / "street.txt", truth)
    write_mot(tmp_path / "said" / "park.txt", found)
    write_mot(tmp_path / "said" / "alone.txt", found)
    (tmp_path / "said" / "broken.txt").write_text("1,2,three")
    write_mot(tmp_path / "true" / "broken.txt", truth)
    done = run("eval", "tracks", tmp_path / "said", tmp_path / "true", "--json")
    told = json.loads(done.out)
    assert {one["input"]: one["reason"] for one in told["failed"]} == {
        "alone": "no label of this name",
        "broken": f"{tmp_path}/said/broken.txt: line 1 is no row of a MOT file",
    }
    assert done.status == 1
    one = {s["id"]: s["values"]["identity"] for s in told["samples"]}
    assert one["street"][1:] == [0.0, 0.0]
    assert one["park"][0] < one["street"][0]


def test_masks_are_compared_with_masks(tmp_path: Path) -> None:
    for name, shift in (("true", 0), ("said", 4)):
        for number in range(3):
            picture = np.zeros((20, 40, 3), np.uint8)
            picture[5:15, 10 + shift : 20 + shift] = (0, 0, 128)
            picture[5:15, 30:40] = (0, 128, 0)
            path = tmp_path / name / "clip" / f"{number:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), picture)
    (source,) = find_sequences([str(tmp_path / "true")]).found.values()
    assert source.kind == "masks"
    result, _ = evaluate(tracks_task([str(tmp_path / "said")], [str(tmp_path / "true")]))
    found = {one.row: one.value for one in result.figures}
    # Overlaps 1 and 6/14: 8 of the 19 thresholds lie below the second, 11 above it.
    assert found["DetA"] == pytest.approx((8 * 1 + 11 * 1 / 3) / 19)
    assert found["IDF1"] == 0.5


def test_evidence_follows_what_the_masks_of_real_clips_show(
    measured: Any, clips_dir: Path, tmp_path: Path
) -> None:
    measured("masks/blackswan.mp4").write(tmp_path / "blackswan.mp4.json")
    result, _ = evaluate(tracks_task([str(tmp_path)], [str(clips_dir / "masks")]))
    found = {one.row: one.value for one in result.figures}
    assert found["DetRe"] is not None
    assert found["DetRe"] > 0.6
    assert len(result.failed) == 11  # the other folders of masks have no evidence
