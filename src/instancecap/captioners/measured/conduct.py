"""What a measured caption states of what an instance does, and where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from instancecap.captioners.measured.content_selection import MOSTLY, OFF_CENTER, Gate, Side
from instancecap.evidence.experts.faces import FACE_RATE
from instancecap.evidence.view import within
from instancecap.schema.base import TrackPoint
from instancecap.schema.evidence import (
    CameraFacts,
    Direction,
    Evidence,
    Face,
    InstanceFacts,
)
from instancecap.schema.tracks import cell_of
from instancecap.schema.vocabulary import Cell, Primitive

Area = Literal[Cell, "left", "right", "top", "bottom", "whole", ""]
"""A cell, a side of the center within the center cell, or much of the frame."""

BEGINNING = 3  # points of a track whose mean box says where it starts or ends: one may be off
SPANS = 0.5  # share of the frame's width or height from which a box has no row or column of its own
TALL = 0.3  # share of the frame's height up to which a box in the center may be above or below it
# Spread of a box's center, in frame sizes, from which it has left the area where it started.
TRAVELS = 0.15
# Changes of area, the camera's zoom taken out, from which it comes closer or moves away.
CLOSER, FARTHER = 2.0, 0.5
NOT_SLOW = 0.04  # frame diagonals a second from which a direction across the frame is stated
# Frame sizes that it must shift for that, and the cosine between its ways in the world and in the
# frame.
SHIFTS, SAME_WAY = 0.05, 0.7
# Frame diagonals that it must travel by itself beyond what a moving camera may make of it: a share
# of the camera's own path, for what is nearer or farther than the background.
BEYOND_CAMERA, OF_CAMERA_PATH = 0.15, 0.5
WAYS: dict[Direction, tuple[int, int]] = {
    "left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "up_left": (-1, -1),
    "up_right": (1, -1), "down_left": (-1, 1), "down_right": (1, 1),
}  # fmt: skip
EDGE = 0.04  # distance from an edge of the frame, in frame sizes, within which a box touches it
# Of a face that looks into the camera: distance of the eyes in face widths at least, that of the
# nose from their middle in eye distances at most, and how many such faces are needed.
EYES_APART, NOSE_OFF, MIN_FACES = 0.36, 0.2, 3
NEARS: frozenset[Primitive] = frozenset(("zoom_in", "zoom_out", "move_in", "move_out"))
"""What makes a camera's picture of an instance larger or smaller."""

AT_REST = CameraFacts(motion=["static"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduct:
    """Where an instance is and what it does; what is empty or false is not stated.

    Attributes:
        start: where it is at first; ``end``: where it is at last.
        stays: it is there all the time.
        entry, exit: the side of the frame, where one alone is touched.
        faces_camera: a person looks into the camera most of the time.
    """

    start: Area = ""
    end: Area = ""
    stays: bool = True
    enters: bool = False
    entry: Side = ""
    direction: Direction | Literal[""] = ""
    depth: Literal["toward", "away", ""] = ""
    leaves: bool = False
    exit: Side = ""
    faces_camera: bool = False

    @property
    def acts(self) -> bool:
        """Whether it does anything that is stated."""
        return bool(self.enters or self.leaves or self.direction or self.depth or self.faces_camera)


def conduct_in_clip(item: InstanceFacts, evidence: Evidence, gate: Gate) -> Conduct:
    """What an instance does in the clip.

    Of a clip with several shots only the place is stated where it stays: *at first* would be of the
    clip. Of one in several shots nothing else is.
    """
    shots = [s for s in evidence.shots if any(s.start <= p.t < s.end for p in item.track)]
    if not item.track:
        return Conduct()
    if len(evidence.shots) > 1 and len(shots) == 1:
        seen = within(evidence, shots[0].start, shots[0].end).instances
        item = next((one for one in seen if one.id == item.id), item)
    did = conduct_of(item, gate, camera=evidence.camera)
    did = replace(did, faces_camera=faces_camera(item, evidence.faces))
    if len(evidence.shots) > 1 and not did.stays:
        did = replace(did, start="", end="")
    return Conduct(start=did.start, end=did.end) if len(shots) > 1 else did


def conduct_of(item: InstanceFacts, gate: Gate, *, camera: CameraFacts = AT_REST) -> Conduct:
    """What an instance with a track does while it is seen, within one shot.

    What a camera that zooms or travels may have made of its motion is not told.
    """
    sure, motion = item.confidence, item.motion
    first, last = item.track[0], item.track[-1]
    enters = item.enters and gate("enters", sure)
    leaves = item.leaves and gate("leaves", sure)
    moves = motion.moving and gate("moving", sure)
    depth: Literal["toward", "away", ""] = ""
    zooms = not NEARS.isdisjoint(camera.motion)
    if moves and not zooms and not FARTHER < motion.scale_change < CLOSER:
        depth = "toward" if motion.scale_change > 1 else "away"
    across = moves and not depth and gate("direction", sure)
    start, end, stays = _areas(item.track)
    if not stays and not gate("end_cell", sure):
        end = ""
    return Conduct(
        start=start if gate("start_cell", sure) else "",
        end=end if gate("start_cell", sure) else "",
        stays=stays,
        enters=enters,
        entry=_edge(first.box) if enters else "",
        direction=seen_direction(item, camera) if across else "",
        depth=depth,
        leaves=leaves,
        exit=_edge(last.box) if leaves else "",
    )


def _beyond_camera(item: InstanceFacts, camera: CameraFacts) -> bool:
    """Whether an instance travels by more than the camera's own path may make of it."""
    start, end = item.track[0].t, item.track[-1].t
    path = sum(math.hypot(step.dx, step.dy) for step in camera.path if start < step.t <= end)
    travels = item.motion.speed * (end - start)
    still = camera.motion in ([], ["static"])
    return still or travels - OF_CAMERA_PATH * path >= BEYOND_CAMERA


def seen_direction(item: InstanceFacts, camera: CameraFacts) -> Direction | Literal[""]:
    """The way an instance goes, where it goes that way in the frame as well.

    Before a moving camera its way in the world is told from a shift in the frame that may be the
    opposite one; then a viewer would argue about it.
    """
    motion = item.motion
    if not motion.direction or motion.speed < NOT_SLOW or not _beyond_camera(item, camera):
        return ""
    x, y = WAYS[motion.direction]
    shift = math.hypot(motion.frame_dx, motion.frame_dy)
    along = (x * motion.frame_dx + y * motion.frame_dy) / math.hypot(x, y)
    return motion.direction if shift >= SHIFTS and along >= SAME_WAY * shift else ""


def faces_camera(item: InstanceFacts, faces: Sequence[Face]) -> bool:
    """Whether a face of the instance is seen from the front at most times that are looked at.

    Of a face turned aside the nose is off the middle between the eyes, which come closer together.
    """
    if item.count > 1:
        return False
    own = [face for face in faces if face.instance == item.id and len(face.landmarks) == 5]
    looked = FACE_RATE * (item.track[-1].t - item.track[0].t)
    frontal = 0
    for face in own:
        (x0, _), (x1, _), (nose, _) = face.landmarks[:3]
        eyes, width = abs(x1 - x0), face.box[2] - face.box[0]
        off = abs(nose - (x0 + x1) / 2)
        frontal += eyes >= EYES_APART * width and off <= NOSE_OFF * eyes
    return frontal >= max(MIN_FACES, 0.5 * looked)


def _areas(track: Sequence[TrackPoint]) -> tuple[Area, Area, bool]:
    """Where a box starts and ends, and whether it stays: then both are where it is on average.

    What roams and comes back, or fills the frame for a part of its time, is nowhere.
    """
    xs = [(point.box[0] + point.box[2]) / 2 for point in track]
    ys = [(point.box[1] + point.box[3]) / 2 for point in track]
    spread = max(max(xs) - min(xs), max(ys) - min(ys))
    first, last = area_of(_mean_box(track[:BEGINNING])), area_of(_mean_box(track[-BEGINNING:]))
    # What fills the frame at one end alone has changed its size, not its place.
    if "whole" not in (first, last) and first != last and spread >= TRAVELS:
        return first, last, False
    there = area_of(_mean_box(track))
    covers = fmean(area_of(point.box) == "whole" for point in track)
    roams = spread >= 2 * TRAVELS or (there == "whole" and covers < MOSTLY)
    return ("", "", False) if roams else (there, there, True)


def _mean_box(track: Sequence[TrackPoint]) -> list[float]:
    return [fmean(values) for values in zip(*(point.box for point in track), strict=True)]


def area_of(box: Sequence[float]) -> Area:
    """Where a viewer would say that a box is."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    wide, high = box[2] - box[0] >= SPANS, box[3] - box[1] >= SPANS
    if wide and high:
        return "whole"
    cell = cell_of(0.5 if wide else x, 0.5 if high else y)
    if cell != "center-middle":
        return cell
    right = 0.0 if wide else x - 0.5
    below = y - 0.5 if box[3] - box[1] < TALL else 0.0
    if max(abs(right), abs(below)) < OFF_CENTER:
        return cell
    if abs(right) >= abs(below):
        return "right" if right > 0 else "left"
    return "bottom" if below > 0 else "top"


def _edge(box: Sequence[float]) -> Side:
    """The side of the frame that a box touches; "" where it touches none, or several."""
    gaps: dict[Side, float] = {
        "left": box[0], "top": box[1], "right": 1 - box[2], "bottom": 1 - box[3],
    }  # fmt: skip
    touched: list[Side] = [side for side, gap in gaps.items() if gap < EDGE]
    return touched[0] if len(touched) == 1 else ""
