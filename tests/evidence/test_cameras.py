"""Camera models that are chosen by name: what they change in the evidence, and what is said where
they cannot be had."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import instancecap as ic
from benchmarks.scene_render import CameraPath, Move
from instancecap.engine.work import evidence_key
from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence import cluster, registry
from instancecap.evidence.camera_model import CameraModel, PointTracks, Window
from instancecap.evidence.cameras import license_of
from instancecap.evidence.choice import Cluster
from instancecap.evidence.experts.camera_pass import add_camera
from instancecap.evidence.tracking.masklets import encode_mask
from instancecap.models.hub import KNOWN
from instancecap.models.licenses import ACCEPTED, TERMS, check_license
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import Evidence, InstanceFacts, Shot
from instancecap.verify.check import verify
from instancecap.video import Clip
from tests.evidence.clouds import CloudModel

TRUCK = CameraPath((Move("move_right", 1.5),), duration=3.0)


class Point:
    """An entry point of an installed package, as :mod:`importlib.metadata` hands it out."""

    def __init__(self, name: str, model: CameraModel) -> None:
        self.name, self._model = name, model

    def load(self) -> Callable[[], CameraModel]:
        return lambda: self._model


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[CameraModel], Cluster]]:
    """Let an installed package offer a camera model."""

    def add(model: CameraModel) -> Cluster:
        point = Point(f"camera.{model.name}", model)

        def entry_points(*, group: str, name: str | None = None) -> list[Point]:
            return [point] if group == registry.GROUP and name in (None, point.name) else []

        monkeypatch.setattr(registry, "entry_points", entry_points)
        return Cluster(camera=model.name)

    cluster.forget_models()
    yield add
    cluster.forget_models()


@pytest.fixture
def clip(make_video: Callable[..., Path], tmp_path: Path) -> Path:
    """Three seconds whose background has nothing that optical flow could follow."""
    return make_video(tmp_path / "square.mp4", frames=24, size=(320, 240))


class Watcher:
    """Follows nothing, and keeps what it is shown."""

    name, rate, most = "watcher", 8.0, 6

    def __init__(self, error: Exception | None = None) -> None:
        self.windows: list[Window] = []
        self._error = error

    def look(self, window: Window) -> PointTracks:
        self.windows.append(window)
        if self._error is not None:
            raise self._error
        count = len(window.times)
        return PointTracks(np.zeros((count, 9, 2)), np.zeros((count, 9), bool))


@pytest.mark.parametrize("poses", [False, True], ids=["points", "poses"])
def test_a_chosen_model_takes_the_place_of_optical_flow(
    without_weights: None, offer: Callable[[CameraModel], Cluster], clip: Path, poses: bool
) -> None:
    chosen = offer(CloudModel(TRUCK, poses=poses))
    plain, evidence = ic.measure(clip), ic.measure(clip, cluster=chosen)
    assert (plain.camera.motion, evidence.camera.motion) == ([], ["move_right"])
    assert evidence.camera.segments[0].motion == ["move_right"]
    assert evidence.camera.scores["move_right"] > 0.9 > 0.2 > evidence.camera.scores["pan_right"]
    assert evidence.models["camera"] == "cloud"
    assert evidence.warnings == plain.warnings
    assert Evidence.from_json(evidence.to_json()) == evidence
    caption = ic.caption(clip, cluster=chosen)
    assert caption.camera.motion == ["move_right"]
    assert caption.provenance["/camera/motion"].source == "cloud"
    assert caption.producer.models["camera"] == "cloud"


def test_what_optical_flow_said_stands_beside_it(without_weights: None, clip: Path) -> None:
    evidence = ic.measure(clip)
    evidence.camera.motion, evidence.camera.confidence = ["pan_left", "shaky"], 0.9
    add_camera(Clip.open(clip), evidence, [CloudModel(TRUCK, poses=True)])
    assert [(one.kind, one.value, one.expert, one.holds) for one in evidence.opinions] == [
        ("camera.pan", "pan_left", "measured", False),
        ("camera.pan", "move_right", "cloud", True),
    ]
    claimed = ic.Caption(video=None, global_description="The camera pans to the left.")
    disputed = {one.claim.support for one in verify(claimed, evidence).findings}
    assert "contradicted" not in disputed
    evidence.opinions = []
    evidence.models["camera"] = "measured"
    assert {one.claim.support for one in verify(claimed, evidence).findings} == {"contradicted"}


def test_several_named_together_are_merged(without_weights: None, clip: Path) -> None:
    evidence = ic.measure(clip)
    assert evidence.camera.motion == [], "flow sees nothing to follow"
    cloud, other = CloudModel(TRUCK, poses=True), CloudModel(TRUCK, poses=True, name="other")
    alone = evidence.model_copy(deep=True)
    add_camera(Clip.open(clip), alone, [cloud])
    watcher = Watcher()
    add_camera(Clip.open(clip), evidence, [cloud, watcher, other], flow_too=True)
    assert evidence.models["camera"] == "flow,cloud,other"
    assert evidence.camera.motion == ["move_right"]
    assert evidence.camera == alone.camera, "two strangers are no surer than the surer one"
    assert [(one.value, one.expert, one.holds) for one in evidence.opinions] == [
        ("move_right", "cloud", True), ("move_right", "other", True),
    ]  # fmt: skip
    assert any(line.endswith("the camera is told by others") for line in evidence.warnings)
    assert Evidence.from_json(evidence.to_json()) == evidence


def test_flow_holds_against_a_model_that_nobody_measured_where_both_are_named(
    without_weights: None, clip: Path, offer: Callable[[CameraModel], Cluster]
) -> None:
    evidence = ic.measure(clip)
    evidence.camera.motion, evidence.camera.confidence = ["pan_left"], 0.9
    add_camera(Clip.open(clip), evidence, [CloudModel(TRUCK, poses=True)], flow_too=True)
    assert evidence.camera.motion == ["pan_left"]
    assert [(one.value, one.expert, one.holds) for one in evidence.opinions] == [
        ("pan_left", "measured", True), ("move_right", "cloud", False),
    ]  # fmt: skip
    chosen = Cluster(camera=f"flow, {offer(Watcher()).camera}")
    models = cluster.load_models(chosen)
    assert models.flow_too and [one.name for one in models.cameras] == ["watcher"]
    assert not cluster.load_models(Cluster(camera="flow")).cameras
    with pytest.raises(UsageError, match="--camera flow,: write each name once"):
        cluster.load_models(Cluster(camera="flow,"))


def test_without_one_nothing_new_is_written(without_weights: None, clip: Path) -> None:
    evidence = ic.measure(clip)
    assert "camera" not in evidence.models
    assert '"scores"' not in evidence.to_json() and '"opinions"' not in evidence.to_json()


def test_windows_follow_each_other_and_stop_at_cuts(without_weights: None, clip: Path) -> None:
    evidence = ic.measure(clip)
    track = [TrackPoint(t=t, box=(0.25, 0.5, 0.5, 1.0), score=0.9) for t in (0.0, 2.0)]
    evidence.instances = [
        InstanceFacts(id=0, class_="dog", confidence=0.9, salience=0.5, track=track)
    ]
    evidence.shots = [
        Shot(start=0.0, end=1.0, transition="start"), Shot(start=1.0, end=3.0, transition="cut")
    ]  # fmt: skip
    watcher = Watcher()
    add_camera(Clip.open(clip), evidence, [watcher])
    spans = [(window.times[0], window.times[-1]) for window in watcher.windows]
    cut = [(0, 0.625), (0.625, 0.875), (1.0, 1.625), (1.625, 2.25), (2.25, 2.875)]
    assert np.array(spans) == pytest.approx(np.array(cut))
    first = watcher.windows[0]
    assert first.pictures.shape == (*first.background.shape, 3)
    assert max(len(one.times) for one in watcher.windows) <= watcher.most
    height, width = first.background.shape[1:]
    assert not first.background[:, int(0.5 * height) :, int(0.25 * width) : int(0.5 * width)].any()
    assert first.background.mean() == pytest.approx(1 - 0.5 * 0.25)
    assert watcher.windows[-1].background.all()  # it is not seen any more


def test_masks_leave_more_of_the_background_than_boxes(without_weights: None, clip: Path) -> None:
    evidence = ic.measure(clip)
    track = [TrackPoint(t=t, box=(0.0, 0.0, 1.0, 1.0), score=0.9) for t in (0.0, 2.9)]
    shown = np.zeros((240, 320), bool)
    shown[120:] = True
    masks = [encode_mask(shown, t=0.0, size=(240, 320))]
    lively = InstanceFacts(
        id=0, class_="person", confidence=0.9, salience=0.5, track=track, masks=masks
    )
    evidence.instances = [lively, lively.model_copy(update={"id": 1, "class_": "chair"})]
    watcher = Watcher()
    add_camera(Clip.open(clip), evidence, [watcher])
    first, second = watcher.windows[0].background[:2]
    assert first.mean() == pytest.approx(0.5, abs=0.02), "by its mask, and a little around it"
    assert not second.any(), "by its box, which is the whole picture"
    lively.class_ = "chair"
    add_camera(Clip.open(clip), evidence, [watcher])
    assert watcher.windows[-1].background.all(), "a chair that rests is background"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("CUDA out of memory"), "RuntimeError: CUDA out of memory"),
        (IndexError("too few"), "IndexError: too few"),
        (None, "nothing in the background could be followed"),
    ],
)
def test_a_model_that_fails_on_a_clip_leaves_the_evidence_as_it_was(
    without_weights: None, clip: Path, error: Exception | None, reason: str
) -> None:
    evidence = ic.measure(clip)
    before = evidence.model_copy(deep=True)
    add_camera(Clip.open(clip), evidence, [Watcher(error)])
    assert evidence.camera == before.camera
    assert "camera" not in evidence.models
    (line,) = set(evidence.warnings) - set(before.warnings)
    assert line == f"camera watcher: {reason}; the camera is told by optical flow"


def test_a_still_picture_is_not_shown(without_weights: None) -> None:
    clip = Clip.from_frames(np.zeros((1, 48, 64, 3), np.uint8), 24.0)
    watcher = Watcher()
    add_camera(clip, ic.measure(clip), [watcher])
    assert watcher.windows == []


def test_the_cache_knows_who_followed_the_camera(
    without_weights: None, offer: Callable[[CameraModel], Cluster]
) -> None:
    assert evidence_key(offer(Watcher()), masks=False) != evidence_key(masks=False)


# Licenses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "license"),
    [
        ("cotracker3", "CC-BY-NC-4.0"), ("weights/scaled_offline.pth", "CC-BY-NC-4.0"),
        ("da3-small", "Apache-2.0"), ("da3-base", "Apache-2.0"), ("da3-large", "CC-BY-NC-4.0"),
        ("depth-anything/DA3NESTED-GIANT-LARGE", "CC-BY-NC-4.0"), ("theirs", ""),
    ],
)  # fmt: skip
def test_licenses_are_known_by_name(name: str, license: str) -> None:
    assert license_of(name) == license


def test_licenses_are_those_that_the_list_of_models_has() -> None:
    listed = [model for model in KNOWN.values() if model.kind == "camera"]
    assert len(listed) == 5
    for model in listed:
        name = "cotracker3" if "cotracker" in model.id else model.id
        assert license_of(name) == model.licence
        assert (model.licence in TERMS) == (model.commercial is False)


@pytest.mark.parametrize(
    ("config", "license"),
    [('{"model_name": "da3-giant"}', "CC-BY-NC-4.0"), ('{"model_name": "da3-small"}', "Apache-2.0"),
     ("[]", ""), ("no JSON", "")],
)  # fmt: skip
def test_the_license_of_a_folder_is_that_of_its_size(
    tmp_path: Path, config: str, license: str
) -> None:
    (tmp_path / "config.json").write_text(config)
    assert license_of(str(tmp_path)) == license


def test_weights_for_non_commercial_use_are_asked_for_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"--accept-license CC-BY-NC-4\.0, or set") as refused:
        cluster.load_models(Cluster(camera="cotracker3"))
    assert "\n" not in str(refused.value)
    assert "no commercial use" in str(refused.value)


def test_a_license_is_accepted_by_option_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    check_license("CC-BY-NC-4.0", accepted="MIT, cc-by-nc-4.0", option="--camera x")
    check_license("Apache-2.0", accepted="", option="--camera x")
    monkeypatch.setenv(ACCEPTED, "CC-BY-NC-4.0")
    check_license("CC-BY-NC-4.0", accepted="", option="--camera x")


def test_nobody_of_this_name(without_weights: None) -> None:
    with pytest.raises(UsageError, match="--camera nobody: choose cotracker3, da3-small"):
        cluster.load_models(Cluster(camera="nobody"))


@pytest.mark.parametrize("name", ["da3-small", "some/model"])
def test_a_missing_package_is_named(
    without_weights: None, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingDependency, match="pip install 'instancecap"):
        cluster.load_models(Cluster(camera=name))
