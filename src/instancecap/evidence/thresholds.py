"""The thresholds by which measured numbers become facts, in one place.

Those of instances were fitted to labelled clips, each judged by figures from the clips left out
(``python -m benchmarks.evidence --clips DIR`` prints what they give).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NamingThresholds:
    """From what the detector says of a track to a class and the probability that it is right.

    The probability is a logistic function of the log-odds of the mean score, the share of samples
    and the size, fitted by maximum likelihood to the tracks of labelled clips that were judged by
    eye; ``python -m benchmarks.naming`` prints the fit and how right it is of clips left out.

    Attributes:
        offset, score, best, density, size: weights of a constant, of the log-odds of the mean score
            and of the score in the best views, of the share of the shot's samples with a detection,
            and of the root of the box's area.
        look, best_look: weight of closer looks against first ones in both scores.
        human, animal, vehicle: added for these categories.
        any_animal, any_vehicle: added where any class of the category is right: COCO knows ten
            kinds of animals, and any other is taken for the one that it looks most like.
        single, single_lively: added where there is one sample only, as of an image: the first but
            for people, the second for people, animals and vehicles. That nothing speaks against a
            name then proves little, and there is no choice of best views (fitted to frames of
            labelled clips, ``python -m benchmarks.stills``).
        name: probability from which a track gets a name, and is an instance: evidence proposes,
            and whoever tells of it asks how probable it is.
        clear: probability from which an animal or a vehicle is called by its kind.
        steady, seen: share of the shot's samples, and mean score of the best class, from which
            what moves is an instance although its class is not known.
        mobile: probability of a name that only fits because the instance travels.
        carried: probability from which a household thing that travels keeps its name.
    """

    offset: float = -0.28
    score: float = 0.44
    best: float = 1.49
    density: float = 0.86
    size: float = -1.37
    look: float = 2.0
    best_look: float = 0.5
    human: float = 1.27
    animal: float = -0.51
    vehicle: float = 0.92
    any_animal: float = 1.34
    any_vehicle: float = 0.39
    single: float = -1.7
    single_lively: float = 0.6
    name: float = 0.25
    clear: float = 0.4
    steady: float = 0.6
    seen: float = 0.3
    mobile: float = 0.6
    carried: float = 0.5


NAMING = NamingThresholds()

NAMING_YOLOV3 = NamingThresholds(
    offset=-3.05, score=0.22, best=0.0, density=1.15, size=4.58, human=1.34, animal=0.62,
    vehicle=1.72, any_animal=1.9, any_vehicle=0.9,
)  # fmt: skip
"""For YOLOv3-tiny, whose scores tell little and which errs on what is small: fitted to 140 tracks
of 62 clips; leaving out one clip at a time, 90 % of those above 0.65 are right."""


@dataclass(frozen=True, slots=True)
class ReidentifyThresholds:
    """When instances of two shots are one.

    Attributes:
        likeness: cosine of the shares of their colors.
        size: area of the smaller one over that of the larger.
        only_person, only: likeness that is enough, at any size, where both shots have only one
            instance of the class: a person, or anything else.
    """

    likeness: float = 0.85
    size: float = 0.3
    only_person: float = 0.8
    only: float = 0.6


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
        subject: confidence from which an instance may be what a shot is framed for.
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
    subject: float = 0.3
    no_subject: float = 0.4


FRAMING = FramingThresholds()


@dataclass(frozen=True, slots=True)
class ColorThresholds:
    """Which colors of an instance are told.

    Attributes:
        share, paint: share of its pixels that a color must fill of a person, and of other things.
        doubtful, black: the same for those that skin, wood and shade have, and for black.
    """

    share: float = 0.42
    paint: float = 0.6
    doubtful: float = 0.7
    black: float = 0.6


COLOR = ColorThresholds()
