"""Made-up scenes whose truth is known exactly: the camera's path, every mask, every cut.

Directions are the camera's, as everywhere: ``pan_right`` makes the background move left, and
``roll_cw`` makes the picture's content turn counter-clockwise. All is drawn from seeds, so a
scene is the same on every run. The list of scenes stands in :mod:`benchmarks.suite`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from benchmarks.scene_effects import Frames
from benchmarks.scene_render import FIELD_OF_VIEW, CameraPath, Card, Move, Placement, Stage, fixed
from benchmarks.scene_textures import SURFACES, Picture, sprite
from benchmarks.truth import Case, ObjectTruth, Segment, Transition, Truth, object_from_masks
from instancecap.video import Clip

FPS = 24.0
SIZE = (320, 180)

MIN_SHIFT = 0.05
"""Frame diagonals that a thing must travel to have a direction."""

DIRECTIONS = ("right", "down_right", "down", "down_left", "left", "up_left", "up", "up_right")


@dataclass(frozen=True, slots=True)
class Actor:
    """A thing that moves through the frame of a camera at rest.

    Attributes:
        keys: (seconds, x, y, size): centre in 0..1 of the first view, size in frame heights.
            Between the keys it goes straight; outside of 0..1 it is out of sight.
        shape: see :func:`benchmarks.scene_textures.outline`.
        depth: distance from the camera in units.
        turn: degrees a second in its plane.
        prop: scenery that hides others (a post); it has no truth of its own.
        follow: it goes along with the camera's own path and so stays in the frame.
    """

    keys: Sequence[tuple[float, float, float, float]]
    shape: str = "blob"
    depth: float = 6.0
    turn: float = 0.0
    prop: bool = False
    follow: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames of one take and what is true of it."""

    frames: Frames
    path: CameraPath
    objects: tuple[ObjectTruth, ...] = ()


def view_size(depth: float, size: tuple[int, int] = SIZE) -> tuple[float, float]:
    """Width and height in units that the camera sees at ``depth`` when it starts."""
    width = 2 * depth * float(np.tan(np.radians(FIELD_OF_VIEW / 2)))
    return width, width * size[1] / size[0]


def seed_of(name: str) -> int:
    """A number that depends on the name alone."""
    return zlib.crc32(name.encode())


def backdrop(surface: str | Picture, rng: np.random.Generator) -> list[Card]:
    """One great wall far away: a world in which turning is all that the camera can show.

    A photograph has fewer pixels to spare than a painted surface, so it is hung up smaller.
    """
    if isinstance(surface, str):
        return [Card(SURFACES[surface](rng, 640, 1060), fixed((0, 0, 12), 30.0, 18.1))]
    height = 20.0 * surface.shape[0] / surface.shape[1]
    return [Card(surface, fixed((0, 0, 12), 20.0, height))]


def room(rng: np.random.Generator) -> list[Card]:
    """A room of 10 by 5 by 20 units around the camera."""
    floor, wall = SURFACES["planks"](rng, 640, 420), SURFACES["bricks"](rng, 240, 700)
    back, ceiling = SURFACES["facade"](rng, 300, 560), SURFACES["sparse"](rng, 400, 400)
    ahead, across, downwards = (0, 0, 1), (1, 0, 0), (0, 1, 0)
    return [
        Card(back, fixed((0, 0, 14), 10, 5)),
        Card(floor, fixed((0, 2.5, 4), 10, 20), right=across, down=ahead),
        Card(ceiling, fixed((0, -2.5, 4), 10, 20), right=across, down=ahead),
        Card(wall, fixed((-5, 0, 4), 20, 5), right=ahead, down=downwards),
        Card(wall[:, ::-1], fixed((5, 0, 4), 20, 5), right=ahead, down=downwards),
    ]


def street(rng: np.random.Generator) -> list[Card]:
    """Ground, house fronts on both sides and a far sky."""
    ground, sky = SURFACES["gravel"](rng, 900, 600), SURFACES["hills"](rng, 400, 800)
    front = SURFACES["facade"](rng, 240, 960)
    ahead = (0, 0, 1)
    return [
        Card(sky, fixed((0, -2, 40), 90, 40)),
        Card(ground, fixed((0, 1.6, 16), 40, 50), down=ahead),
        Card(front, fixed((-5, -1.4, 12), 26, 6), right=ahead),
        Card(front[:, ::-1], fixed((5, -1.4, 12), 26, 6), right=ahead),
    ]


def open_ground(rng: np.random.Generator) -> list[Card]:
    """A plain under the sky."""
    ground, sky = SURFACES["gravel"](rng, 900, 900), SURFACES["hills"](rng, 400, 1200)
    return [
        Card(sky, fixed((0, -3, 40), 120, 40)),
        Card(ground, fixed((0, 1.6, 16), 60, 50), down=(0, 0, 1)),
    ]


def stand_ins(rng: np.random.Generator, *, ground: float) -> list[Card]:
    """Things that stand about on the ground at many depths, for parallax."""
    cards = []
    for index, depth in enumerate(np.linspace(4, 12, 9)):
        shape = ("post", "box", "blob")[index % 3]
        texture, alpha = sprite(rng, shape)
        wide = 0.35 if shape == "post" else rng.uniform(0.9, 1.6)
        tall = 3.2 if shape == "post" else wide
        x = (-1) ** index * rng.uniform(0.8, 3.6)
        cards.append(Card(texture, fixed((x, ground - tall / 2, float(depth)), wide, tall), alpha))
    return cards


@dataclass(frozen=True, slots=True)
class World:
    """A place with depth: what it is built of, and how far its ground lies under the camera."""

    build: Callable[[np.random.Generator], list[Card]]
    ground: float


WORLDS = {"room": World(room, 2.5), "street": World(street, 1.6), "open": World(open_ground, 1.6)}


def film(
    name: str,
    world: str | Picture = "cells",
    *moves: Move,
    actors: Sequence[Actor] = (),
    seconds: float = 2.4,
    shake: float = 0.0,
    blur: float = 0.0,
    size: tuple[int, int] = SIZE,
    fps: float = FPS,
    pivot: float = 6.0,
) -> Shot:
    """Render one take.

    Args:
        name: seeds everything that is drawn.
        world: one of ``WORLDS``, a surface of :data:`SURFACES`, or a picture, as the background.
        shake: degrees, root mean square of the hand's trembling.
        blur: how long the shutter is open, as a share of the time between frames.
    """
    rng = np.random.default_rng(seed_of(name))
    path = CameraPath(moves, seconds, shake, seed_of(name), pivot)
    if isinstance(world, str) and world in WORLDS:
        scenery = WORLDS[world].build(rng)
        extras = stand_ins(rng, ground=WORLDS[world].ground)
    else:
        scenery, extras = backdrop(world, rng), []
    cards = [_actor_card(actor, index, rng, path, size) for index, actor in enumerate(actors)]
    stage = Stage(scenery, [*extras, *cards], size)
    times = np.arange(round(seconds * fps)) / fps
    exposures = np.linspace(-blur / 2, blur / 2, 5 if blur else 1) / fps
    names = [card.name for card in cards if card.name]
    height, width = size[1], size[0]
    masks = {name: np.zeros((len(times), height, width), np.bool_) for name in names}
    frames = np.zeros((len(times), height, width, 3), np.uint8)
    for index, t in enumerate(times):
        total = np.zeros((height, width, 3), np.float32)
        for exposure, shift in enumerate(exposures):
            moment = max(0.0, float(t + shift))
            picture, seen = stage.render(path.at(moment), moment)
            total += picture
            if exposure == len(exposures) // 2:
                for key, mask in seen.items():
                    masks[key][index] = mask
        frames[index] = np.clip(total / len(exposures) + 0.5, 0, 255)
    objects = tuple(
        object_from_masks(
            card.name,
            masks[card.name],
            times,
            mask=masks[card.name].__getitem__,
            direction=_direction(card, times, masks[card.name], size),
        )
        for card in cards
        if card.name
    )
    return Shot(frames, path, objects)


def _actor_card(
    actor: Actor, index: int, rng: np.random.Generator, path: CameraPath, size: tuple[int, int]
) -> Card:
    texture, alpha = sprite(rng, actor.shape)
    keys = np.array(actor.keys, float)
    wide, tall = view_size(actor.depth, size)

    def place(t: float) -> Placement:
        x, y, scale = (float(np.interp(t, keys[:, 0], keys[:, i])) for i in (1, 2, 3))
        center_x, center_y = (x - 0.5) * wide, (y - 0.5) * tall
        if actor.follow:
            pose = path.at(t)
            center_x += pose.x + actor.depth * float(np.tan(np.radians(pose.yaw)))
            center_y += pose.y - actor.depth * float(np.tan(np.radians(pose.pitch)))
        side = scale * tall
        narrow = 0.25 if actor.shape == "post" else 1.0
        center = (center_x, center_y, actor.depth)
        return Placement(center, narrow * side, side, actor.turn * t)

    return Card(texture, place, alpha, name="" if actor.prop else f"{actor.shape}-{index}")


def _direction(
    card: Card, times: NDArray[np.float64], masks: NDArray[np.bool_], size: tuple[int, int]
) -> str:
    """Where the card goes in the world while it is seen, in the axes of the first view."""
    seen = np.flatnonzero(masks.any(axis=(1, 2)))
    if not len(seen):
        return ""
    first, last = (np.array(card.place(float(times[i])).center) for i in (seen[0], seen[-1]))
    wide, tall = view_size(float(first[2]), size)
    dx, dy = (last - first)[:2] / np.hypot(wide, tall)
    if np.hypot(dx, dy) < MIN_SHIFT:
        return ""
    return DIRECTIONS[round(np.degrees(np.arctan2(dy, dx)) / 45) % 8]


def segments_of(path: CameraPath) -> tuple[Segment, ...]:
    """What the camera does between the times at which a move starts or ends."""
    ends = {float(np.clip(t, 0, path.duration)) for m in path.moves for t in (m.start, m.end)}
    edges = ends | {0.0, path.duration}
    segments = []
    for start, end in pairwise(sorted(edges)):
        active = {m.primitive for m in path.moves if m.start < end and m.end > start}
        segments.append(Segment(start, end, frozenset(active)))
    return tuple(segments)


def words_of(path: CameraPath) -> frozenset[str]:
    """The camera's primitives over the whole take."""
    words = {move.primitive for move in path.moves if move.end > 0}
    if path.shake:
        words.add("shaky")
    return frozenset(words or {"static"})


def take(name: str, shot: Shot, *effects: Callable[[Frames], Frames], fps: float = FPS) -> Case:
    """A clip of one take after some effects, with the truth of camera, objects and no cuts."""
    frames = shot.frames
    for effect in effects:
        frames = effect(frames)
    truth = Truth(
        camera=words_of(shot.path),
        segments=() if shot.path.shake else segments_of(shot.path),
        transitions=(),
        objects=shot.objects,
    )
    return Case(name, Clip.from_frames(frames, fps, id=name), truth)


def edited(
    name: str, frames: Frames, transitions: Sequence[Transition], *, fps: float = FPS
) -> Case:
    """A clip of several takes, with the truth of its changes only."""
    truth = Truth(transitions=tuple(transitions))
    return Case(name, Clip.from_frames(frames, fps, id=name), truth)
