"""Cells of points, and stretches in which a track is in sight."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.schema.base import TrackPoint
from instancecap.schema.tracks import CELLS, cell_of, visible_runs

unit = st.floats(0, 1)


@pytest.mark.parametrize("index", range(9))
def test_the_middle_of_a_cell_lies_in_it(index: int) -> None:
    row, column = divmod(index, 3)
    assert cell_of((column + 0.5) / 3, (row + 0.5) / 3) == CELLS[index]


def test_corners_and_points_outside_belong_to_the_nearest_cell() -> None:
    assert cell_of(0, 0) == "top-left"
    assert cell_of(1, 1) == "bottom-right"
    assert cell_of(1.4, 0.5) == "center-right"
    assert cell_of(-0.4, -0.4) == "top-left"


@given(unit, unit)
def test_mirroring_a_point_mirrors_its_cell(x: float, y: float) -> None:
    if min(abs(x * 3 - i) for i in range(4)) < 1e-6:
        return  # on a line between cells
    mirrored = {"left": "right", "right": "left", "middle": "middle"}
    row, column = cell_of(x, y).split("-")
    assert cell_of(1 - x, y) == f"{row}-{mirrored[column]}"


def test_tracks_are_cut_where_the_instance_is_out_of_sight() -> None:
    times = [0.0, 0.125, 0.25, 2.0, 2.125]
    track = [TrackPoint(t=t, box=(0, 0, 1, 1), score=1) for t in times]
    assert [[point.t for point in run] for run in visible_runs(track)] == [times[:3], times[3:]]
    sparse = [TrackPoint(t=2.0 * i, box=(0, 0, 1, 1), score=1) for i in range(5)]
    assert len(visible_runs(sparse)) == 1
    assert visible_runs([]) == []
