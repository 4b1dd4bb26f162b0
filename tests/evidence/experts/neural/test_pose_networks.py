"""Networks for joints: what they are shown lies where their answers are put back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence import cluster
from instancecap.evidence.choice import Cluster
from instancecap.evidence.experts.neural import pose
from instancecap.evidence.experts.neural.pose import OnnxPose
from instancecap.evidence.pose_model import cut_people, place_joints, read_heatmaps, read_simcc
from instancecap.evidence.poses import POSES

Maps = NDArray[np.float32]
BOXES = np.array([[0.2, 0.1, 0.5, 0.8], [0.6, 0.3, 0.9, 0.5]])
SIZE = (192, 256)


def brightness(cut: Maps) -> Maps:
    """A network that sees every joint where it is brightest: heatmaps (n, 17, 64, 48)."""
    gray = cut.mean(axis=1)
    gray = (gray - gray.min()) / max(float(np.ptp(gray)), 1e-6)
    small = gray.reshape(len(cut), 64, 4, 48, 4).mean(axis=(2, 4))
    return np.repeat(small[:, None], 17, axis=1).astype(np.float32)


def dotted(*places: tuple[float, float]) -> NDArray[np.uint8]:
    picture = np.zeros((360, 640, 3), np.uint8)
    for x, y in places:
        cv2.circle(picture, (round(640 * x), round(360 * y)), 6, (255, 255, 255), -1)
    return picture


def session(
    run: Callable[[Maps], list[Maps]], shape: tuple[Any, ...] = (1, 3, 256, 192)
) -> SimpleNamespace:
    """Answers as an ONNX session does."""
    return SimpleNamespace(
        get_inputs=lambda: [SimpleNamespace(name="input", shape=shape)],
        run=lambda names, fed: run(fed["input"]),
    )


def simcc(cut: Maps) -> list[Maps]:
    """The same network with two outputs, as RTMPose has them, of half a pixel a cell."""
    maps = brightness(cut)
    across, down = maps.max(axis=2), maps.max(axis=3)
    return [np.repeat(across, 8, axis=2), np.repeat(down, 8, axis=2)]


def opened(folder: Path, monkeypatch: pytest.MonkeyPatch, made: SimpleNamespace) -> OnnxPose:
    monkeypatch.setattr(pose, "open_session", lambda path: made)
    file = folder / "rtmpose-m.onnx"
    file.touch()
    found = POSES.open(str(file))
    assert isinstance(found, OnnxPose)
    return found


@pytest.mark.parametrize("run", [lambda cut: [brightness(cut)], simcc])
def test_joints_lie_where_they_are_seen(
    run: Callable[[Maps], list[Maps]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = opened(tmp_path, monkeypatch, session(run))
    dots = np.array([(0.31, 0.62), (0.8, 0.42)])
    found = model.find(dotted(*map(tuple, dots)), BOXES)
    assert model.name == "rtmpose-m"
    assert found.shape == (2, 17, 3)
    assert found[:, :, :2] == pytest.approx(np.repeat(dots[:, None], 17, axis=1), abs=0.012)
    assert found[:, :, 2].min() > 0.8


@given(
    x=st.floats(0.02, 0.98), y=st.floats(0.02, 0.98), cx=st.floats(0.1, 0.9),
    cy=st.floats(0.1, 0.9), width=st.floats(0.05, 0.5), height=st.floats(0.05, 0.9),
)  # fmt: skip
def test_a_place_in_the_cut_is_that_of_the_picture(
    x: float, y: float, cx: float, cy: float, width: float, height: float
) -> None:
    picture = np.zeros((90, 160, 3), np.uint8)
    half = np.array([width, height]) / 2
    box = np.array([cx, cy, cx, cy]) + np.concatenate([-half, half])
    cut, places = cut_people(picture, box[None], SIZE)
    assert cut.shape == (1, 3, 256, 192)
    joints = np.tile([x, y, 1.0], (1, 17, 1))
    placed = place_joints(joints, places, picture)[0, 0, :2]
    center, shown = np.array([cx, cy]), places[0, 2:] / np.array([160, 90])
    assert placed == pytest.approx(center + (np.array([x, y]) - 0.5) * shown)
    assert (shown >= 1.25 * np.array([width, height]) - 1e-9).all()  # all of the body is shown


def test_a_peak_is_read_between_cells() -> None:
    maps = np.zeros((1, 17, 8, 6), np.float32)
    maps[..., 4, 2], maps[..., 4, 3], maps[..., 3, 2] = 0.9, 0.5, 0.4
    x, y, score = read_heatmaps(maps)[0, 0]
    assert (x, y, score) == pytest.approx((2.25 / 5, 3.75 / 7, 0.9))
    flat = read_simcc([np.zeros((1, 17, 10), np.float32), np.ones((1, 17, 10), np.float32)])
    assert flat[0, 0, 2] == 0  # of the less sure axis


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (session(lambda cut: [np.zeros((1, 133, 64, 48), np.float32)]), "133 joints"),
        (session(lambda cut: [np.zeros((1, 5), np.float32)]), "its outputs are"),
        (session(lambda cut: [], (1, 3, "height", "width")), "not people of one size"),
        (session(lambda cut: [cut["second"]]), r"^--pose .*asked for joints \(IndexError: "),
    ],
)
def test_another_network_is_refused_in_one_line(
    made: SimpleNamespace, told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(MissingDependency, match=told):
        opened(tmp_path, monkeypatch, made)


def test_who_cannot_be_had_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--pose nobody: choose the path of .*vitpose"):
        POSES.open("nobody")
    with pytest.raises(MissingDependency, match=r"^--pose missing\.onnx: there is no such file$"):
        POSES.open("missing.onnx")
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"nothing")
    with pytest.raises(MissingDependency, match=r"bad\.onnx"):
        cluster.load_models(Cluster(pose=str(bad)))


def test_nobody_finds_joints_unless_told() -> None:
    assert cluster.load_models().pose is None


@pytest.mark.models
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("experts", [1, 6])
def test_vitpose_is_loaded_from_a_folder_and_asked(tmp_path: Path, experts: int) -> None:
    """The real classes, tiny, with random weights: shapes and places, never what is found."""
    import transformers

    backbone = transformers.VitPoseBackboneConfig(
        image_size=[64, 48], patch_size=[16, 16], hidden_size=16, num_hidden_layers=1,
        num_attention_heads=2, mlp_ratio=2, num_experts=experts, part_features=4,
    )  # fmt: skip
    config = transformers.VitPoseConfig(backbone_config=backbone, num_labels=17)
    transformers.VitPoseForPoseEstimation(config).save_pretrained(tmp_path / "tiny")
    model = POSES.open(str(tmp_path / "tiny"))
    found = model.find(dotted((0.3, 0.5)), BOXES)
    assert model.name == "tiny"
    assert found.shape == (2, 17, 3)
    assert np.isfinite(found).all() and (found[..., 2] >= 0).all()
    assert model.find(dotted((0.3, 0.5)), BOXES) == pytest.approx(found)
