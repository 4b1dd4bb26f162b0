"""When evidence is sure enough to support or to contradict: every number of the checks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Lengths are shares of the frame's width or height, times are seconds, unless noted."""

    trusted: float = 0.5
    """Confidence of an instance from which it may contradict."""
    believed: float = 0.4
    """Confidence of an instance from which it may support."""
    sure: float = 0.6
    """Confidence from which a class, a count, or an absence is contradicted."""
    shortest: float = 0.5
    """Seconds for which an instance must be tracked to contradict anything."""
    fewest: int = 4
    """Points of a track that it takes to contradict anything."""

    cell_margin: float = 0.06
    """How far outside a cell of the schema a place is wrong."""
    spot_margin: float = 0.17
    """How far outside a third *on the left* is wrong: people's left reaches to the middle."""
    inside: float = 0.03
    """How far outside a third still counts as in it."""
    large: float = 0.6
    """Size of a box from which its center tells little about where the instance is."""
    covered: float = 0.2
    """Share of a track that must lie in a place for *on the left* at some time."""
    edge: float = 0.06
    """Distance from the frame's edge within which a box counts as at it."""

    rested: float = 0.02
    """Within this an instance has not moved: boxes tremble by less."""
    moved: float = 0.04
    """From this an instance may be said to go one way."""
    far_moved: float = 0.12
    """From this an instance has moved for sure."""
    nearer: float = 1.3
    """Factor of the area from which an instance comes closer."""
    farther: float = 0.77
    """Factor of the area from which an instance goes away."""
    stirs: float = 0.4
    """Activity from which something in an instance moves."""
    stirs_little: float = 0.15
    """Activity under which nothing in an instance moves."""

    missing: float = 0.6
    """Seconds before the end; an instance last seen earlier, at the frame's edge, has left."""
    until_end: float = 0.35
    """Seconds from either end of the clip within which an instance is there to that end."""
    events_apart: float = 0.3
    """Seconds by which one event must come before the other."""

    color_share: float = 0.2
    """Share of an instance's colors that supports a color word."""
    colors_known: float = 0.6
    """Share of an instance that must be of named colors before one that is missing is wrong."""
    own_share: float = 0.3
    """Share that must be of colors beyond what its surroundings have of them."""

    at_once: int = 3
    """Samples in which so many must be seen at once."""
    clear_area: float = 0.005
    """Share of the frame's area that each one counted must take."""
    rival: float = 0.5
    """Salience, over that of the best match, from which another instance may be meant."""
    guessed: float = 0.5
    """Confidence up to which a class may be a guess from its category."""
    same_track: float = 0.5
    """Mean overlap of two tracks from which they are one instance."""

    camera_sure: float = 0.6
    """Confidence of the camera's path from which it contradicts a movement."""
    camera_believed: float = 0.4
    """Confidence of the camera's path from which it supports a movement."""
    camera_inliers: float = 0.4
    """Median share of agreeing points from which the path contradicts a movement."""
    picture_moved: float = 0.08
    """How far the picture has moved for sure; for zoom and roll at a third from the center."""
    picture_rested: float = 0.02
    """Within this the picture has not moved that way."""
    place_sure: float = 0.6
    """Confidence of indoors or outdoors from which it contradicts."""
    time_sure: float = 0.55
    """Confidence of day or night from which it contradicts."""
    framing_sure: float = 0.5
    """Confidence of shot size and angle from which they contradict."""


@dataclass(frozen=True, slots=True)
class MatchWeights:
    """Points for pairing an instance of a caption with a tracked one; ``least`` makes a pair."""

    same: float = 2.0
    general: float = 1.8
    category: float = 1.0
    unknown: float = 0.4
    place: float = 0.6
    """A start or end cell that agrees; the same off where it disagrees."""
    color: float = 0.42
    track: float = 10.0
    """Tracks that overlap decide."""
    apart: float = 0.1
    """Mean overlap of two tracks under which they are two instances."""
    least: float = 1.0


LIMITS = Thresholds()
WEIGHTS = MatchWeights()
