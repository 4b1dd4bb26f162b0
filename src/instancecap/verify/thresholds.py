"""When evidence is sure enough to support or to contradict: every number of the checks.

Lengths are shares of the frame's width or height, times are seconds, unless noted.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What a check asks of the evidence, from confidence to distance."""

    # Confidence of an instance
    believed: float = 0.4  # it may support
    trusted: float = 0.5  # it may contradict
    sure: float = 0.6  # it may contradict a class, a count, an absence
    guessed: float = 0.5  # up to here its class may be a guess from its category
    # Its track
    shortest: float = 0.5  # seconds that it takes to contradict anything
    fewest: int = 4  # points that it takes to contradict anything
    same_track: float = 0.5  # mean overlap from which two tracks are one instance
    apart: float = 0.1  # mean overlap under which they are two
    # Place
    cell_margin: float = 0.06  # so far outside a cell of the schema a place is wrong
    spot_margin: float = 0.17  # ... outside a third: people's left reaches to the middle
    inside: float = 0.03  # so far outside a third still counts as in it
    large: float = 0.6  # size of a box from which its center tells little
    covered: float = 0.2  # share of a track that must lie in a place
    edge: float = 0.06  # distance within which a box is at the frame's edge
    # Movement
    rested: float = 0.02  # within this it has not moved: boxes tremble by less
    moved: float = 0.04  # from this it may be going one way
    far_moved: float = 0.12  # from this it has moved for sure
    nearer: float = 1.3  # factor of the area from which it comes closer
    farther: float = 0.77  # factor of the area from which it goes away
    stirs: float = 0.4  # activity from which something in it moves
    stirs_little: float = 0.15  # activity under which nothing in it moves
    # Time
    missing: float = 0.6  # seconds before the end: last seen earlier, at the edge, it has left
    until_end: float = 0.35  # seconds from an end of the clip within which it is there to that end
    # Colors
    color_share: float = 0.2  # share of its colors that supports a color word
    colors_known: float = 0.6  # share that must have names before one that is missing is wrong
    own_share: float = 0.3  # share of colors beyond what its surroundings have of them
    # Numbers
    at_once: int = 3  # samples in which so many must be seen at once
    clear_area: float = 0.005  # share of the frame's area that each one counted takes
    rival: float = 0.5  # salience, over the best match, from which another one may be meant
    # Camera, light and framing: confidence, unless noted
    camera_sure: float = 0.6
    camera_believed: float = 0.4
    camera_inliers: float = 0.4  # median share of points that agree
    picture_moved: float = 0.08  # for sure; for zoom and roll at a third from the center
    picture_rested: float = 0.02
    place_sure: float = 0.6
    time_sure: float = 0.55
    framing_sure: float = 0.5
    # Points for pairing an instance of a caption with a tracked one
    weight_same: float = 2.0  # of the same class
    weight_general: float = 1.8
    weight_category: float = 1.0
    weight_unknown: float = 0.4
    weight_place: float = 0.6  # a start or end cell that agrees; as much off where it disagrees
    weight_color: float = 0.42  # likewise
    weight_track: float = 10.0  # tracks that overlap decide
    least_weight: float = 1.0  # that makes a pair


LIMITS = Thresholds()
