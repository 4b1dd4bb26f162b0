"""Camera networks: stand-ins of the same signature take the place of the packages that hold them.

CoTracker3 is loaded as its users have it: by the real ``torch.hub`` from a folder with a
``hubconf.py``, or from a package and a checkpoint. They prove how pictures and points go in and
come out; never what trained weights see.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import instancecap as ic
from benchmarks.scene_render import Move
from benchmarks.scenes import film
from instancecap.errors import MissingDependency
from instancecap.evidence import cluster
from instancecap.evidence.camera_model import Window
from instancecap.evidence.choice import Cluster
from instancecap.evidence.experts.neural.cotracker import CoTracker, start_points
from instancecap.evidence.experts.neural.depth_anything import SIDE, DepthAnything
from instancecap.video import Clip

pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]

PREDICTOR = '''
import cv2
import numpy as np
import torch


class CoTrackerPredictor(torch.nn.Module):
    """Follows queries by optical flow, in the signature of the real one."""

    def __init__(self, checkpoint=None, offline=True, v2=False, window_len=60):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.checkpoint = checkpoint

    @torch.no_grad()
    def forward(self, video, queries=None, segm_mask=None, grid_size=0, grid_query_frame=0,
                backward_tracking=False):
        assert video.shape[0] == 1 and video.shape[2] == 3 and video.dtype == torch.float32
        assert queries.shape[0] == 1 and queries.shape[2] == 3 and backward_tracking
        gray = [cv2.cvtColor(one, cv2.COLOR_RGB2GRAY)
                for one in video[0].permute(0, 2, 3, 1).byte().numpy()]
        count, many = len(gray), queries.shape[1]
        tracks, visible = np.zeros((count, many, 2), np.float32), np.zeros((count, many), bool)
        for begin in queries[0, :, 0].unique().int().tolist():
            chosen = (queries[0, :, 0] == begin).numpy()
            start = queries[0, chosen, 1:].numpy()
            for order in (range(begin, count), range(begin, -1, -1)):
                points, seen = start, np.ones(len(start), bool)
                before = begin
                for index in order:
                    if index != before:
                        points, ok, _ = cv2.calcOpticalFlowPyrLK(
                            gray[before], gray[index], points, None)
                        seen = seen & (ok.ravel() == 1)
                    tracks[index, chosen], visible[index, chosen], before = points, seen, index
        return torch.from_numpy(tracks)[None], torch.from_numpy(visible)[None]
'''

HUBCONF = """
dependencies = ["torch"]


def cotracker3_offline(*, pretrained=True, **kwargs):
    from stand_in_predictor import CoTrackerPredictor

    return CoTrackerPredictor()
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone of the repository, as torch.hub takes it."""
    folder = tmp_path / "co-tracker"
    folder.mkdir()
    (folder / "hubconf.py").write_text(HUBCONF)
    (folder / "stand_in_predictor.py").write_text(PREDICTOR)
    return folder


def filmed(move: str, amount: float) -> Clip:
    """A street, seen by a camera of one movement."""
    shot = film(f"network-{move}", "street", Move(move, amount), seconds=2.0, fps=8.0)
    return Clip.from_frames(np.stack(list(shot.frames)), 8.0)


@pytest.mark.parametrize(("move", "amount"), [("move_right", 1.9), ("pan_right", 16.0)])
def test_a_clip_is_measured_with_a_folder_of_cotracker(
    repository: Path, monkeypatch: pytest.MonkeyPatch, move: str, amount: float
) -> None:
    monkeypatch.delenv("INSTANCECAP_OFFLINE", raising=False)
    cluster.forget_models()
    chosen = Cluster(camera=str(repository), accept_license="CC-BY-NC-4.0")
    evidence = ic.measure(filmed(move, amount), cluster=chosen)
    assert evidence.warnings == []
    assert evidence.models["camera"] == "cotracker3"
    assert evidence.camera.motion == [move]
    assert evidence.camera.scores[move] > 0.7
    again = ic.measure(filmed(move, amount), cluster=chosen)
    assert again.camera == evidence.camera
    cluster.forget_models()


def test_the_package_is_used_with_a_checkpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module = ModuleType("cotracker.predictor")
    exec(PREDICTOR, module.__dict__)
    monkeypatch.setitem(sys.modules, "cotracker", ModuleType("cotracker"))
    monkeypatch.setitem(sys.modules, "cotracker.predictor", module)
    weights = tmp_path / "scaled_offline.pth"
    with pytest.raises(MissingDependency, match="there are no weights"):
        CoTracker(str(weights))
    weights.touch()
    model = CoTracker(str(weights))
    assert model._predictor.checkpoint == str(weights)
    background = np.ones((5, 48, 64), bool)
    background[:, :, :32] = False
    found = model.look(Window(np.arange(5) / 8, np.zeros((5, 48, 64, 3), np.uint8), background))
    assert found.points.shape == (*found.visible.shape, 2)
    assert (found.points[..., 0] >= 32).all()
    nowhere = model.look(
        Window(np.arange(5) / 8, np.zeros((5, 48, 64, 3), np.uint8), np.zeros_like(background))
    )
    assert nowhere.points.shape == (5, 0, 2)


def test_points_start_on_the_background_of_three_pictures() -> None:
    background = np.ones((7, 90, 160), bool)
    background[3, :45] = False
    queries = start_points(background)
    assert set(queries[:, 0]) == {0, 3, 6}
    assert (queries[queries[:, 0] == 3][:, 2] >= 45).all()
    assert len(queries) == 180 + 90 + 180


def test_nothing_is_fetched_offline(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    monkeypatch.setenv("TORCH_HOME", str(repository / "empty"))
    with pytest.raises(MissingDependency, match="INSTANCECAP_OFFLINE forbids"):
        CoTracker(str(repository))


class StandIn:
    """Depth Anything 3 with a camera that goes forward through pictures of a wall."""

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name
        self.shown: list[np.ndarray] = []

    @classmethod
    def from_pretrained(cls, name: str, *, local_files_only: bool = False) -> StandIn:
        if not Path(name).is_dir():
            raise OSError(f"no {name}")
        assert local_files_only
        print("Loading weights from local directory")
        return cls(json.loads(Path(name, "config.json").read_text())["model_name"])

    def to(self, device: str) -> StandIn:
        assert device in ("cpu", "cuda")
        return self

    def eval(self) -> StandIn:
        return self

    def inference(
        self, image: list[np.ndarray], extrinsics: Any = None, intrinsics: Any = None,
        align_to_input_ext_scale: bool = True, infer_gs: bool = False, use_ray_pose: bool = False,
        ref_view_strategy: str = "saddle_balanced", render_exts: Any = None,
        render_ixts: Any = None, render_hw: Any = None, process_res: int = 504,
    ) -> Any:  # fmt: skip
        assert process_res == SIDE
        assert all(one.dtype == np.uint8 and one.shape[2] == 3 for one in image)
        self.shown += image
        count = len(image)
        poses = np.tile(np.eye(4, dtype=np.float32), (count, 1, 1))
        poses[:, 2, 3] = -0.08 * np.arange(count)  # where the world's origin is: ever further back
        lens = np.tile(np.array([[60, 0, 32], [0, 60, 18], [0, 0, 1]], np.float32), (count, 1, 1))
        depth = np.full((count, 36, 64), 4.0, np.float32)
        sky = np.zeros((count, 36, 64), bool)
        sky[:, :9] = True
        return SimpleNamespace(depth=depth, sky=sky, extrinsics=poses, intrinsics=lens, is_metric=0)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("depth_anything_3.api")
    module.DepthAnything3 = StandIn  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "depth_anything_3", ModuleType("depth_anything_3"))
    monkeypatch.setitem(sys.modules, "depth_anything_3.api", module)
    cluster.forget_models()


def folder_of(path: Path, size: str) -> str:
    path.mkdir()
    (path / "config.json").write_text(json.dumps({"model_name": size}))
    return str(path)


def test_a_clip_is_measured_with_depth_anything(
    package: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = Cluster(camera=folder_of(tmp_path / "DA3-SMALL", "da3-small"))
    frames = np.random.default_rng(0).integers(0, 255, (16, 36, 64, 3), dtype=np.uint8)
    evidence = ic.measure(Clip.from_frames(frames, 8.0), cluster=chosen)
    assert evidence.warnings == []
    assert evidence.models["camera"] == "da3-small"
    assert capsys.readouterr().out == ""  # standard output is for JSON
    assert evidence.camera.motion == ["move_in"]
    assert evidence.camera.scores["move_in"] > 0.7 > 0.2 > evidence.camera.scores["zoom_in"]
    cluster.forget_models()


def test_a_size_without_poses_is_refused(package: None, tmp_path: Path) -> None:
    with pytest.raises(MissingDependency, match="da3mono-large estimates depth only, no poses"):
        DepthAnything(folder_of(tmp_path / "mono", "da3mono-large"))


def test_what_cannot_be_loaded_is_one_line(package: None) -> None:
    with pytest.raises(MissingDependency, match="a folder with a model's config") as refused:
        DepthAnything("depth-anything/DA3-SMALL")
    assert "\n" not in str(refused.value)
