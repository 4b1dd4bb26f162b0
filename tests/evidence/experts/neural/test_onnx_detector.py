"""Detectors in ONNX files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence.experts.neural import onnx_detector
from instancecap.evidence.experts.neural.onnx_detector import OnnxDetr, open_onnx
from instancecap.models import weights
from instancecap.models import yolox as yolox_network
from instancecap.models.coco import CLASSES
from instancecap.models.yolox import YoloxDetector
from instancecap.video import Clip
from instancecap.video.decode import ClipReader

BUS = CLASSES.index("bus")


@pytest.fixture
def yolox(with_weights: Path, tmp_path: Path) -> Path:
    """A copy of a YOLOX file."""
    return Path(shutil.copy(weights.find("yolox-nano"), tmp_path / "mine.onnx"))


def test_a_yolox_file_answers_as_the_network_that_it_is(yolox: Path, clips_dir: Path) -> None:
    with ClipReader(Clip.open(clips_dir / "everyday" / "worker.mp4")) as reader:
        picture = next(iter(reader)).bgr()
    detector = open_onnx(yolox)
    found, expected = detector.detect(picture), YoloxDetector(yolox).detect(picture)
    assert detector.name == "mine"
    assert len(found.boxes)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    np.testing.assert_array_equal(found.scores, expected.scores)

    names = ["sofa", *CLASSES[1:]]  # what the file calls its first class
    yolox.with_suffix(".txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    renamed = open_onnx(yolox).detect(picture)
    person, couch = CLASSES.index("person"), CLASSES.index("couch")
    np.testing.assert_array_equal(
        renamed.scores[:, couch], expected.scores[:, [person, couch]].max(axis=1)
    )


def test_a_class_list_of_ones_own_names_what_is_found(yolox: Path, clips_dir: Path) -> None:
    """As a user has it who trained YOLOX on a yard: here the network is COCO's, under other
    names."""
    names = ["worker", *[f"part {number}" for number in range(1, 80)]]
    yolox.with_suffix(".txt").write_text("\n".join(names), encoding="utf-8")
    with ClipReader(Clip.open(clips_dir / "everyday" / "football_juggle.mp4")) as reader:
        picture = next(iter(reader)).bgr()
    found = open_onnx(yolox).detect(picture)
    assert found.own == tuple(names[1:])
    assert found.scores.shape == (len(found.boxes), 80 + 79)
    assert "worker" in found.phrases
    assert found.scores[found.phrases.index("worker")].argmax() == CLASSES.index("person")

    yolox.with_suffix(".txt").write_text("worker\nforklift\n", encoding="utf-8")
    with pytest.raises(
        MissingDependency, match=r"tells 80 classes apart .* has 2: write mine\.txt"
    ):
        open_onnx(yolox)


class FixedModel:
    """Answers the same whatever it is shown, and keeps what that was."""

    outputs: tuple[str, ...] = ("pred_boxes", "logits")
    input_shape = None

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.shown = np.zeros(0, np.float32)

    def run(self, blob: np.ndarray) -> list[np.ndarray]:
        self.shown = blob
        logits = np.array([[[-9, 1.0, -9], [-9, -9, 3.0]]], np.float32)
        return [np.array([[[0.5, 0.5, 0.5, 0.5], [0.2, 0.2, 0.2, 0.2]]], np.float32), logits]


def write_about(folder: Path, **processor: object) -> Path:
    labels = {str(index): name for index, name in enumerate(["person", "bus", "zeppelin"])}
    (folder / "config.json").write_text(json.dumps({"id2label": labels}), encoding="utf-8")
    about = json.dumps({"size": {"height": 32, "width": 64}, **processor})
    (folder / "preprocessor_config.json").write_text(about, encoding="utf-8")
    return folder / "model.onnx"


def test_logits_and_boxes_are_told_apart_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_detector, "OnnxModel", FixedModel)
    half = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.25, 0.5]}
    detector = OnnxDetr(write_about(tmp_path, **half))
    picture = np.full((90, 120, 3), (255, 0, 0), np.uint8)  # blue
    found = detector.detect(picture)
    assert found.own == ("zeppelin",)
    assert found.boxes[1].tolist() == [0.25, 0.25, 0.75, 0.75]
    assert found.scores.argmax(axis=1).tolist() == [80, BUS], "the surest first"
    shown = detector._model.shown  # type: ignore[attr-defined]
    assert shown.shape == (1, 3, 32, 64)
    assert shown[0, :, 5, 5].tolist() == [-1.0, -2.0, 1.0], "red first, normalized"

    plain = OnnxDetr(write_about(tmp_path, do_normalize=False))
    plain.detect(picture)
    assert plain._model.shown[0, :, 5, 5].tolist() == [0.0, 0.0, 1.0]  # type: ignore[attr-defined]


def test_what_is_missing_beside_the_file_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_detector, "OnnxModel", FixedModel)
    with pytest.raises(MissingDependency, match=r"config\.json cannot be read .* beside its ONNX"):
        OnnxDetr(tmp_path / "model.onnx")
    monkeypatch.setattr(FixedModel, "outputs", ("one", "two", "three"))
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(MissingDependency, match="has 3 outputs; a detector has one"):
        open_onnx(tmp_path / "model.onnx")


def test_a_file_that_is_no_network_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"not a network")
    with pytest.raises(MissingDependency, match=r"broken\.onnx: not a usable ONNX model") as e:
        open_onnx(tmp_path / "broken.onnx")
    assert "\n" not in str(e.value)


def test_a_name_that_stands_twice_in_a_class_list_is_one_class(yolox: Path) -> None:
    names = ["pallet", "Pallet", *[f"part {number}" for number in range(78)]]
    yolox.with_suffix(".txt").write_text("\n".join(names), encoding="utf-8")
    found = open_onnx(yolox).detect(np.zeros((64, 64, 3), np.uint8))
    assert found.own == ("pallet", *names[2:])


def test_a_class_list_that_is_no_text_is_one_line(yolox: Path) -> None:
    yolox.with_suffix(".txt").write_bytes("Gabelstapler\nTür\n".encode("latin-1"))
    with pytest.raises(UsageError, match=r"mine\.txt cannot be read \(UnicodeDecodeError\); write"):
        open_onnx(yolox)


@pytest.mark.parametrize("name", ["u2netp", "yunet"])
def test_another_network_is_refused_when_it_is_opened(with_weights: Path, name: str) -> None:
    with pytest.raises(
        (UsageError, MissingDependency), match=r"a detector|is no detector"
    ) as error:
        open_onnx(weights.find(name))
    assert "\n" not in str(error.value)


class FixedYolox(FixedModel):
    """Another network with one output."""

    outputs = ("mask",)

    def __call__(self, blob: np.ndarray) -> np.ndarray:
        return np.zeros((1, 1, 416, 416), np.float32)


def test_one_output_that_is_no_yolox_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_detector, "OnnxModel", FixedYolox)
    monkeypatch.setattr(yolox_network, "OnnxModel", FixedYolox)
    (tmp_path / "mask.onnx").touch()
    with pytest.raises(
        UsageError, match=r"^--detector .*mask\.onnx is no detector .*\(1, 1, 416, 416\), not \(1, "
    ):
        open_onnx(tmp_path / "mask.onnx")
