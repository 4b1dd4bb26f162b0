"""The thresholds by which measured numbers become facts, in one place.

Those of instances were fitted to labelled clips, each judged by figures from the clips left out
(``python -m benchmarks.evidence --clips DIR`` prints what they give).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamingThresholds:
    """From what the detector says of a track to a class and the probability that it is right.

    The probability is a logistic function of five features, fitted by maximum likelihood to 213
    labelled tracks; leaving out one clip at a time, 96 % of those above 0.8 are right, and 9 %
    of those below 0.2.

    Attributes:
        offset, look, share, density, lively, full: weights of a constant, the mean score of the
            closer looks, the class's share of the votes, the share of the shot's samples with a
            detection, of people, animals and vehicles, and of boxes that fill the frame.
        no_look: what stands for the closer looks' score where none was taken.
        fills: share of the frame from which a box fills it.
        name: probability from which a track gets a name, and is an instance: evidence proposes,
            and whoever tells of it asks how probable it is.
        clear: probability from which a vehicle is called by its kind.
        species: probability from which an animal is called by its kind: COCO knows ten kinds, and
            any other is taken for the one that it looks most like.
        steady, seen: share of the shot's samples, and mean score of the best class, from which
            what moves is an instance although its class is not known.
        mobile: probability of a name that only fits because the instance travels.
        carried: mean score from which a household thing that travels keeps its name.
    """

    offset: float = -7.6
    look: float = 4.2
    share: float = 2.0
    density: float = 3.3
    lively: float = 3.1
    full: float = -0.3
    no_look: float = 0.05
    fills: float = 0.85
    name: float = 0.3
    clear: float = 0.5
    species: float = 0.65
    steady: float = 0.6
    seen: float = 0.3
    mobile: float = 0.6
    carried: float = 0.75


NAMING = NamingThresholds()


@dataclass(frozen=True, slots=True)
class ReidentifyThresholds:
    """When instances of two shots are one.

    Attributes:
        likeness: cosine of the shares of their colors.
        size: area of the smaller one over that of the larger.
    """

    likeness: float = 0.85
    size: float = 0.3


REIDENTIFY = ReidentifyThresholds()


@dataclass(frozen=True, slots=True)
class FramingThresholds:
    """From how large the subject is seen to the shot type.

    Attributes:
        face_extreme, face_close, face_medium: height of the face, in frame heights: a body has
            about seven and a half of it.
        hands: height over width under which a person without a face, cut off by the frame, is a
            pair of hands at work.
        standing: the same from which somebody cut off by the frame is seen with the legs.
        long: height, in frame heights, under which the subject is far away.
        fills: both sides of what is seen in part only.
        cut_off: longer side, in frame sizes, of what is too large for the frame.
        no_subject: confidence where nothing was detected; it may still be there.
    """

    face_extreme: float = 0.85
    face_close: float = 0.45
    face_medium: float = 0.16
    hands: float = 1.3
    standing: float = 1.7
    long: float = 0.34
    fills: float = 0.9
    cut_off: float = 0.8
    no_subject: float = 0.4


FRAMING = FramingThresholds()


@dataclass(frozen=True, slots=True)
class ColorThresholds:
    """Which colors of an instance are told.

    Attributes:
        share: share of its pixels that a color must fill.
        doubtful: the same for those that skin, wood and shade have.
    """

    share: float = 0.42
    doubtful: float = 0.7


COLOR = ColorThresholds()
