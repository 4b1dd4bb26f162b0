"""What a track says by itself: where its instance is in the frame, and when it is in sight."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

from instancecap.schema.base import TrackPoint
from instancecap.schema.vocabulary import Cell

CELLS: tuple[Cell, ...] = get_args(Cell)
"""Row by row from the top left."""

LONGEST_GAP = 0.6
"""Seconds without a sighting after which an instance counts as out of sight."""


def cell_of(x: float, y: float) -> Cell:
    """The cell of the 3×3 grid of thirds that a point in 0..1 lies in."""
    row, column = min(2, int(y * 3)), min(2, int(x * 3))
    return CELLS[3 * max(0, row) + max(0, column)]


def visible_runs(track: Sequence[TrackPoint]) -> list[list[TrackPoint]]:
    """Cut a track where the instance is out of sight, so that nothing is drawn in between."""
    steps = sorted(b.t - a.t for a, b in pairwise(track))
    longest = max(LONGEST_GAP, 3 * steps[len(steps) // 2]) if steps else LONGEST_GAP
    runs: list[list[TrackPoint]] = []
    for point in track:
        if runs and point.t - runs[-1][-1].t <= longest:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs
