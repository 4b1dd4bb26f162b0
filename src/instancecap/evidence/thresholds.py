"""The thresholds by which measured numbers become facts, in one place.

Judged by clips left out: the probability of a class (:data:`NAMING`; ``python -m
benchmarks.naming``), that of the camera's movement and the limits of place and day
(:data:`CAMERA`, :data:`PLACE`; ``python -m benchmarks.limits``). All others were chosen once on the
labelled clips as a whole; ``python -m benchmarks.evidence --clips DIR`` prints what they give.
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
        face, faceless: added for a person whose face a closer look has seen, or none has: figures,
            hands and machines that are taken for people have none. Fitted, with ``human``, while
            the other weights were held.
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
    face: float = 1.63
    faceless: float = -0.35
    human: float = 1.41
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
    offset=-3.05, score=0.22, best=0.0, density=1.15, size=4.58, face=0.0, faceless=0.0,
    human=1.34, animal=0.62, vehicle=1.72, any_animal=1.9, any_vehicle=0.9,
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
        filmed, faces: median height of faces, in frame heights, and how many of them, from which
            the clip was filmed: games show none so large.
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
    filmed: float = 0.2
    faces: int = 3
    subject: float = 0.35
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


@dataclass(frozen=True, slots=True)
class CameraThresholds:
    """From the camera's path to its words; travels are in frame sizes, a shift, a zoom and a roll
    each measured as the mean shift of a point.

    Attributes:
        min_proven: share of the time looked at over which parallax must prove a movement to
            be a travel; a single stretch must cover this share of the movement.
        min_axis: cosine between the direction of travel and the direction that the word
            says.
        min_lead, min_against: correlation from which near things lead a sideways motion, as
            they do for a travel, and from which they move against it, as they do when the
            camera circles something.
        smoothing: width (standard deviation, seconds) of the filter that parts intended
            motion from trembling.
        min_rate: frame sizes a second under which a component rests.
        min_net: frame sizes a component must travel in one stretch to be a movement.
        min_of_main: a turn that travels less than this share of what the strongest component
            travels in the same time is a side effect of it.
        min_of_opposite: share of the opposite movement in the same shot that a movement
            must travel: who walks sways, and means none of it.
        min_of_all: share of the strongest movement of the shot that any other must travel,
            a zoom too: hands tilt a pan by accident, but they hardly ever zoom it.
        min_of_zoom: the same share for a turn beside a zoom: where the camera goes forward
            off the picture's middle, or a lens zooms off it, the picture shifts too.
        min_lasts: share of the shot that a movement must last: what moves before a resting
            camera for a moment can pass for the background.
        most_of_jump: share of its travel that the two largest steps of a movement may make
            up.
        sure_move, sure_rest, least_drift: log-odds that a movement, and that rest, is
            right: a constant, weight of the logarithm of how far it goes over ``min_net``,
            and for a zoom; of rest by how far it drifts, plus ``least_drift``. Fitted to
            labelled clips; ``python -m benchmarks.limits`` prints the fit and what it gives
            of clips left out.
        slow, fast: frame sizes a second under and from which a movement is so.
        steady, shaky: trembling (RMS, frame sizes) up to which a picture is stable, from
            which on it is shaky.
    """

    min_proven: float = 0.5
    min_axis: float = 0.6
    min_lead: float = 0.2
    min_against: float = 0.5
    smoothing: float = 0.35
    min_rate: float = 0.007
    min_net: float = 0.04
    min_of_main: float = 0.5
    min_of_opposite: float = 0.8
    min_of_all: float = 0.18
    min_of_zoom: float = 1.0
    min_lasts: float = 0.2
    most_of_jump: float = 0.85
    sure_move: tuple[float, float, float] = (-1.9, 1.93, 1.8)
    sure_rest: tuple[float, float] = (1.0, -1.3)
    least_drift: float = 0.005
    slow: float = 0.09
    fast: float = 0.35
    steady: float = 0.0018
    shaky: float = 0.02


CAMERA = CameraThresholds()


@dataclass(frozen=True, slots=True)
class ParallaxThresholds:
    """When near and far points move so differently that the camera travels.

    Attributes:
        reach: mean motion in longer sides of the picture after which a stretch is long
            enough.
        least_reach: … and under which it shows nothing, however long it takes.
        max_seconds: length of a stretch.
        spacing: seconds between the starts of two stretches: in a fast pan they are short,
            and a few will do.
        min_points: points that a stretch needs.
        max_round_trip: pixels by which a point followed there and back may miss where it
            started.
        min_pixels, min_share: median of what turning leaves over, in pixels and as a share
            of the mean motion: lenses bend lines, and points are followed with an error, by
            less.
        max_across: share of it that may lie across the lines of the best direction of
            travel; motion without any order leaves 0.3 to 0.6, because the best of all
            directions is taken.
        noise: pixels to which a point is followed.
        travel_lens: focal length in longer sides by which forward travel is weighed against
            sideways travel.
        widest_lens: shortest focal length, in longer sides, that a camera is believed to
            have.
        min_zoom, min_zoomed: zoom of a step, and followed points, that its expansion can be
            measured from.
        off_pixels: pixels that a point must leave the fitted motion by to follow another
            one; more is an error.
        min_expansions, expands: steps, and share of the points that leave the zoom times
            how well they keep to its rays, from which a zoom is a travel: 0.12 to 0.4 for
            travels, at most 0.08 for zooms, on the labelled clips.
    """

    reach: float = 0.06
    least_reach: float = 0.025
    max_seconds: float = 1.5
    spacing: float = 0.6
    min_points: int = 50
    max_round_trip: float = 0.7
    min_pixels: float = 1.2
    min_share: float = 0.04
    max_across: float = 0.25
    noise: float = 0.25
    travel_lens: float = 2.0
    widest_lens: float = 0.6
    min_zoom: float = 0.002
    min_zoomed: int = 20
    off_pixels: tuple[float, float] = (0.6, 20.0)
    min_expansions: int = 8
    expands: float = 0.12


PARALLAX = ParallaxThresholds()


@dataclass(frozen=True, slots=True)
class ShotThresholds:
    """When one picture gives way to another; changes are mean absolute differences, 0..1.

    Attributes:
        flash_frames: a change that is undone within so many frames is a flash.
        same: mean absolute difference (0..1) of two thumbnails of the same view.
        cut_step, stands_out, around: change at a cut, and that over the second largest
            change within ``around`` frames: fast hands and shaken cameras change the
            picture again and again.
        changed, most_changed, alike: change of a thumbnail's pixel from which it is
            another one, share of the pixels that a cut changes at least, and correlation of
            luma under which fewer will do: titles and hands change a part of the picture,
            and in the dark all changes are small.
        empty_spread, empty_luma: a picture is empty, black or white, when its luma hardly
            varies and lies outside these.
        jump: change of a thumbnail (mean absolute difference, 0..1) from one frame to the
            next that is a cut to or from an empty picture; what takes longer is a fade.
        min_step: change from frame to frame above which something is going on in a fade.
        dissolve_seconds: lengths of dissolves that are looked for.
        min_dissolve_frames, min_dissolve_change: length and change of a dissolve.
        largest_step: largest change from frame to frame in a dissolve, over the change from
            its first to its last.
        straight: change from end to end over the sum of all changes: what moves goes back
            and forth.
        max_off_line: distance of a dissolve's pictures from the line between its ends, over
            the ends' distance.
        faster, not_slower: mean change in a dissolve over that just before it or just
            after, and over the larger of both.
        dissolved: share of the pixels that a dissolve changes at least, changes of light
            apart.
        same_scene: correlation of luma from which the ends of a change of light are one
            scene: a lamp, the sun.
        min_shot: seconds under which a stretch is part of a transition, not a shot.
        leftover, long_enough: seconds at a clip's ends within which a cut leaves frames of
            a neighboring shot; of clips that last so long.
    """

    flash_frames: int = 4
    same: float = 0.06
    cut_step: float = 0.03
    stands_out: float = 2.5
    around: int = 6
    changed: float = 0.08
    most_changed: float = 0.55
    alike: float = 0.7
    empty_spread: float = 0.03
    empty_luma: tuple[float, float] = (0.08, 0.94)
    jump: float = 0.06
    min_step: float = 0.003
    dissolve_seconds: tuple[float, ...] = (0.25, 0.4, 0.6, 0.9, 1.3, 1.8, 2.5)
    min_dissolve_frames: int = 4
    min_dissolve_change: float = 0.1
    largest_step: float = 0.3
    straight: float = 0.8
    max_off_line: float = 0.1
    faster: float = 2.0
    not_slower: float = 0.5
    dissolved: float = 0.3
    same_scene: float = 0.85
    min_shot: float = 0.12
    leftover: float = 0.3
    long_enough: float = 1.0


SHOTS = ShotThresholds()


@dataclass(frozen=True, slots=True)
class MotionThresholds:
    """What moves by itself, in pixels of the flow picture and shares of the frame.

    Attributes:
        min_motion: pixels (of the flow picture) over the baseline under which nothing moves
            by itself.
        min_change: gray levels that a moving pixel changes by at least.
        noise_factor: own motion must exceed the noise of flow and camera model, the lower
            quartile of what is left over the whole picture, so many times.
        edge_speed: share of a patch's speed at which it ends: flow falls off over several
            pixels at an edge, and has fallen to half of it where the edge is.
        min_area, max_area: shares of the frame between which a moving patch may be a thing.
        most_patches: patches that are kept, the largest.
        min_inliers: share of agreeing corners below which the camera's own motion is too
            uncertain to subtract.
    """

    min_motion: float = 0.45
    min_change: float = 7.0
    noise_factor: float = 4.0
    edge_speed: float = 0.5
    min_area: float = 0.0015
    max_area: float = 0.6
    most_patches: int = 12
    min_inliers: float = 0.35


MOTION = MotionThresholds()


@dataclass(frozen=True, slots=True)
class PlaceThresholds:
    """From how much speaks for a place, and for the day, to telling it.

    Attributes:
        outdoor, indoor: what must speak for it, less half of what speaks against it.
        open: what must speak for outdoors for a time of day; day: what must speak for the day.
    """

    outdoor: float = 0.4
    indoor: float = 0.5
    open: float = 0.4
    day: float = 0.6


PLACE = PlaceThresholds()
