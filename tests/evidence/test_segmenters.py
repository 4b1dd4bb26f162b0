"""Segmenters and trackers that are chosen by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from instancecap.engine.work import evidence_key
from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence import cluster
from instancecap.evidence.choice import Cluster
from instancecap.evidence.segmenters import SEGMENTERS
from instancecap.evidence.trackers import TRACKERS
from instancecap.evidence.tracking.box_trackers import FlowTracker, NanoTracker, start_tracker

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
