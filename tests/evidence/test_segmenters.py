"""Segmenters and trackers that are chosen by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from instancecap.engine.work import evidence_key
from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence import cluster
from instancecap.evidence.cameras import SIZES
from instancecap.evidence.choice import PRESETS, Cluster
from instancecap.evidence.presets import check_preset
from instancecap.evidence.segmenters import SEGMENTERS
from instancecap.evidence.trackers import TRACKERS
from instancecap.evidence.tracking.box_trackers import FlowTracker, NanoTracker, start_tracker
from instancecap.models import hub
from instancecap.models.hub import KNOWN

PICTURE = np.full((20, 40, 3), 90, np.uint8)


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    cluster.forget_models()
    yield
    cluster.forget_models()


def test_a_box_is_filled() -> None:
    segmenter = SEGMENTERS.open("box")
    boxes = np.array([[0.25, 0.5, 0.5, 1.0], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0]])
    part, whole, edge = segmenter.segment(PICTURE, boxes)
    assert (np.flatnonzero(part.any(axis=0)) == range(10, 20)).all()
    assert (np.flatnonzero(part.any(axis=1)) == range(10, 20)).all()
    assert whole.all() and edge.sum() == 1


def test_the_default_is_the_network_where_it_is_at_hand(with_weights: Path) -> None:
    assert cluster.load_segmenter().name == "u2netp"
    assert cluster.load_segmenter() is cluster.load_segmenter()
    assert cluster.load_models().tracking.start is start_tracker
    assert cluster.load_models(Cluster(tracker="nanotrack")).tracking.start is NanoTracker


def test_without_weights_what_was_chosen_is_missed_and_nothing_takes_its_place(
    without_weights: None,
) -> None:
    assert cluster.load_segmenter().name == "grabcut"
    for chosen in (Cluster(segmenter="u2netp"), Cluster(tracker="nanotrack")):
        with pytest.raises(MissingDependency, match=r"u2netp|nanotrack") as error:
            cluster.load_models(chosen)
        assert "\n" not in str(error.value)
    flow = cluster.load_models(Cluster(tracker="flow"))
    assert flow.tracking.start is FlowTracker and flow.names["tracker"] == "flow"


def test_an_unknown_name_is_told_what_there_is(without_weights: None) -> None:
    with pytest.raises(
        UsageError, match=r"^--segmenter sam: choose box, u2netp, grabcut, the path"
    ):
        cluster.load_models(Cluster(segmenter="sam"))
    with pytest.raises(UsageError, match=r"^--tracker sort: choose nanotrack, flow, the path"):
        TRACKERS.open("sort")


def test_kept_evidence_is_that_of_the_experts_chosen(without_weights: None) -> None:
    usual = evidence_key(masks=False)
    assert usual == evidence_key(Cluster(), masks=False)
    keys = [
        evidence_key(one, masks=False)
        for one in (Cluster(segmenter="box"), Cluster(segmenter="grabcut"), Cluster(tracker="flow"))
    ]
    assert len({usual, *keys}) == 4


# Presets -----------------------------------------------------------------------------------------


def test_a_preset_names_experts_and_what_is_named_beside_it_stays() -> None:
    paper = Cluster(preset="paper")
    assert "grounding-dino" in paper.detector and "sam2" in paper.segmenter == paper.tracker
    assert paper.camera == "cotracker3" and not paper.phrases
    mine = Cluster(preset="paper", detector="mine.onnx", tracker="flow")
    assert (mine.detector, mine.tracker) == ("mine.onnx", "flow")
    assert (mine.segmenter, mine.camera) == (paper.segmenter, paper.camera)
    with pytest.raises(UsageError, match=r"^--cluster great: choose fast, paper, best$"):
        Cluster(preset="great")


def test_fast_is_what_there_is_anyway(
    without_weights: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fast = Cluster(preset="fast")
    (tmp_path / "fast").mkdir()  # is no expert's folder
    monkeypatch.chdir(tmp_path)
    assert evidence_key(fast, masks=False) == evidence_key(masks=False)
    assert cluster.load_models(fast) == cluster.load_models()


@pytest.mark.parametrize("kind", ["detector", "segmenter", "tracker", "camera"])
def test_every_preset_names_experts_that_are_known_and_its_licenses_are_as_said(kind: str) -> None:
    for preset, chosen in PRESETS.items():
        name = chosen.get(kind, "")
        known = KNOWN.get(SIZES.get(name, name)) or KNOWN.get(f"facebook/{name}")
        assert not name or known is not None, name
        if preset == "best":
            assert known is not None and known.commercial and not known.gated


def test_a_preset_that_cannot_be_had_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INSTANCECAP_OFFLINE", "1")
    monkeypatch.setattr(hub, "cached", dict)
    with pytest.raises(MissingDependency, match=r"^--cluster best lacks iSEE-Lab") as e:
        cluster.load_models(Cluster(preset="best"))
    told = str(e.value)
    assert "\n" not in told and "models pull ID" in told
    assert "facebook/sam2.1-hiera-large (segmenter and tracker, Apache-2.0, 224.4 M para" in told
    assert "depth-anything/DA3-BASE (camera, " in told and "depth_anything_3 (see docs" in told

    mine = Cluster(preset="paper", detector="opencv-hog")
    with pytest.raises(MissingDependency, match=r"^--cluster paper lacks facebook/sam2") as e:
        cluster.load_models(mine)
    assert "consent to the license of facebook/cotracker3 (--accept-license CC-BY-NC-4.0)" in str(
        e.value
    )
    with pytest.raises(MissingDependency) as e:
        cluster.load_models(replace(mine, accept_license="CC-BY-NC-4.0"))
    assert "consent" not in str(e.value)


def test_a_preset_of_which_nothing_is_missing_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "cached", lambda: dict.fromkeys(hub.KNOWN, Path()))
    monkeypatch.setattr(hub, "why_closed", lambda: "INSTANCECAP_OFFLINE is set")
    monkeypatch.setattr(hub, "is_installed", lambda package: True)
    check_preset.cache_clear()
    check_preset(Cluster(preset="best"))
    check_preset.cache_clear()
