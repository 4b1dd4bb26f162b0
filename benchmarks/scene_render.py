"""A small pinhole camera that looks at textured cards standing in space.

Axes: x right, y down, z forward; the camera starts at the origin and looks along z. Lengths are
in units of which a room is about ten across; angles are in degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scene_textures import Picture

Vector = NDArray[np.float64]

FIELD_OF_VIEW = 50.0
"""Horizontal, degrees, at zoom 1."""

NEAR = 0.2

EFFECTS: dict[str, tuple[str, float]] = {
    "pan_right": ("yaw", 1),
    "pan_left": ("yaw", -1),
    "tilt_up": ("pitch", 1),
    "tilt_down": ("pitch", -1),
    "roll_cw": ("roll", 1),
    "roll_ccw": ("roll", -1),
    "zoom_in": ("log_zoom", 1),
    "zoom_out": ("log_zoom", -1),
    "move_right": ("x", 1),
    "move_left": ("x", -1),
    "move_down": ("y", 1),
    "move_up": ("y", -1),
    "move_in": ("z", 1),
    "move_out": ("z", -1),
}
"""What a primitive does to the pose: which number grows, and its sign."""


@dataclass(slots=True)
class Pose:
    """Where the camera is and looks; ``roll`` grows as the camera turns clockwise."""

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    log_zoom: float = 0.0

    def axes(self) -> Vector:
        """Rows: the camera's right, down and forward in the world, shape (3, 3)."""
        yaw, pitch, roll = np.radians([self.yaw, self.pitch, self.roll])
        forward = np.array(
            [np.sin(yaw) * np.cos(pitch), -np.sin(pitch), np.cos(yaw) * np.cos(pitch)]
        )
        right = np.array([np.cos(yaw), 0.0, -np.sin(yaw)])
        down = np.cross(forward, right)
        return np.stack(
            [
                np.cos(roll) * right + np.sin(roll) * down,
                np.cos(roll) * down - np.sin(roll) * right,
                forward,
            ]
        )


@dataclass(frozen=True, slots=True)
class Move:
    """One primitive at an even pace: ``amount`` degrees, units, or log of the zoom factor."""

    primitive: str
    amount: float
    start: float = 0.0
    end: float = float("inf")


@dataclass(frozen=True, slots=True)
class CameraPath:
    """The sum of some moves, and of a hand's trembling.

    Attributes:
        shake: degrees, root mean square of the trembling.
        pivot: distance to the point around which an arc goes.
    """

    moves: tuple[Move, ...] = ()
    duration: float = 2.4
    shake: float = 0.0
    seed: int = 0
    pivot: float = 6.0

    def at(self, t: float) -> Pose:
        """The pose at ``t`` seconds."""
        pose = Pose()
        for move in self.moves:
            end = min(move.end, self.duration)
            done = move.amount * float(np.clip((t - move.start) / (end - move.start), 0, 1))
            if move.primitive.startswith("arc"):
                # Clockwise as seen from above: the camera goes left and turns right.
                angle = np.radians(done if move.primitive == "arc_cw" else -done)
                pose.x -= self.pivot * np.sin(angle)
                pose.z += self.pivot * (1 - np.cos(angle))
                pose.yaw += np.degrees(angle)
            else:
                name, sign = EFFECTS[move.primitive]
                setattr(pose, name, getattr(pose, name) + sign * done)
        if self.shake:
            pose.yaw += self._tremble(t, 0)
            pose.pitch += self._tremble(t, 1)
            pose.roll += 0.5 * self._tremble(t, 2)
        return pose

    def _tremble(self, t: float, axis: int) -> float:
        rng = np.random.default_rng((self.seed, axis))
        rates, phases = rng.uniform(1.6, 7.0, 6), rng.uniform(0, 2 * np.pi, 6)
        return float(self.shake * np.sin(2 * np.pi * rates * t + phases).sum() / np.sqrt(3))


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a card is: its centre, its width and height in units, its turn in its plane."""

    center: tuple[float, float, float]
    width: float
    height: float
    turn: float = 0.0


@dataclass(slots=True)
class Card:
    """A textured rectangle.

    Attributes:
        texture: RGB, uint8 (height, width, 3).
        place: its placement at a time in seconds.
        alpha: uint8 (height, width); None for a full rectangle.
        right, down: directions of the texture's columns and rows in the world.
        name: of an instance whose mask is wanted; "" for scenery.
    """

    texture: Picture
    place: Callable[[float], Placement]
    alpha: Picture | None = None
    right: tuple[float, float, float] = (1, 0, 0)
    down: tuple[float, float, float] = (0, 1, 0)
    name: str = ""
    levels: list[NDArray[np.float32]] = field(default_factory=list)

    def __post_init__(self) -> None:
        alpha = self.alpha if self.alpha is not None else np.full(self.texture.shape[:2], 255)
        level = np.dstack([self.texture, alpha]).astype(np.float32)
        # Halved copies, so that far surfaces do not flicker.
        while len(self.levels) < 5 and min(level.shape[:2]) >= 4:
            self.levels.append(level)
            level = np.asarray(cv2.pyrDown(level), np.float32)


def fixed(
    center: tuple[float, float, float], width: float, height: float
) -> Callable[[float], Placement]:
    """A placement that never changes."""
    placement = Placement(center, width, height)
    return lambda t: placement


@dataclass(slots=True)
class Stage:
    """Cards, drawn in the order given within ``scenery`` and far to near within ``actors``."""

    scenery: Sequence[Card]
    actors: Sequence[Card]
    size: tuple[int, int] = (320, 180)

    def render(
        self, pose: Pose, t: float
    ) -> tuple[NDArray[np.float32], dict[str, NDArray[np.bool_]]]:
        """The picture, float RGB (height, width, 3), and the visible pixels of named cards."""
        width, height = self.size
        picture = np.zeros((height, width, 3), np.float32)
        masks: dict[str, NDArray[np.bool_]] = {}
        forward, here = pose.axes()[2], np.array([pose.x, pose.y, pose.z])
        actors = sorted(
            self.actors, key=lambda card: -float(forward @ (card.place(t).center - here))
        )
        for card in (*self.scenery, *actors):
            drawn = self._draw(card, pose, t)
            if drawn is None:
                continue
            layer, window = drawn
            alpha = layer[..., 3:] / 255
            picture[window] += alpha * (layer[..., :3] - picture[window])
            solid = np.zeros((height, width), np.bool_)
            solid[window] = alpha[..., 0] > 0.5
            for other in masks:
                masks[other] &= ~solid
            if card.name:
                masks[card.name] = solid
        return picture, masks

    def _draw(
        self, card: Card, pose: Pose, t: float
    ) -> tuple[NDArray[np.float32], tuple[slice, slice]] | None:
        """The card as seen, float RGBA, and the window that it fills; None if out of sight."""
        place = card.place(t)
        to_card = self._pixels_to_card(card, place, pose)
        window = self._window(to_card)
        rows, columns = window
        ys, xs = np.mgrid[window].astype(np.float64)
        shape = ys.shape
        u, v, inverse_depth = (
            row[0] * (xs + 0.5) + row[1] * (ys + 0.5) + row[2] for row in to_card
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            depth = 1 / inverse_depth
            u, v = u * depth, v * depth
        inside = (inverse_depth > 0) & (depth > NEAR) & (u > 0) & (u < 1) & (v > 0) & (v < 1)
        if not inside.any():
            return None
        texels = depth * (card.texture.shape[1] / place.width / self._focal(pose))
        level = np.log2(np.clip(np.where(inside, texels, 1.0), 1.0, 2.0 ** (len(card.levels) - 1)))
        layer = np.zeros((*shape, 4), np.float32)
        for index, texture in enumerate(card.levels):
            weight = np.where(inside, np.clip(1 - np.abs(level - index), 0, 1), 0)
            if not weight.any():
                continue
            tall, wide = texture.shape[:2]
            map_x = np.where(inside, u * wide - 0.5, 0).astype(np.float32)
            map_y = np.where(inside, v * tall - 0.5, 0).astype(np.float32)
            sample = cv2.remap(
                texture, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
            )
            layer += weight[..., None].astype(np.float32) * sample
        return layer, (rows, columns)

    def _window(self, to_card: Vector) -> tuple[slice, slice]:
        """Rows and columns of the picture that the card may touch."""
        width, height = self.size
        corners = np.array([[0, 0, 1], [1, 0, 1], [0, 1, 1], [1, 1, 1]], float).T
        x, y, depth = np.linalg.inv(to_card) @ corners
        if (depth <= NEAR).any():
            return slice(0, height), slice(0, width)
        x, y = np.clip(x / depth, 0, width), np.clip(y / depth, 0, height)
        return (
            slice(int(y.min()), int(np.ceil(y.max()))),
            slice(int(x.min()), int(np.ceil(x.max()))),
        )

    def _focal(self, pose: Pose) -> float:
        """Focal length in pixels."""
        half = np.tan(np.radians(FIELD_OF_VIEW / 2))
        return float(self.size[0] / 2 / half * np.exp(pose.log_zoom))

    def _pixels_to_card(self, card: Card, place: Placement, pose: Pose) -> Vector:
        """A (3, 3) matrix from pixels (x, y, 1) to (u/depth, v/depth, 1/depth), u and v in 0..1."""
        focal = self._focal(pose)
        center_x, center_y = self.size[0] / 2, self.size[1] / 2
        lens = np.array(
            [[1 / focal, 0, -center_x / focal], [0, 1 / focal, -center_y / focal], [0, 0, 1]]
        )
        rays = pose.axes().T @ lens
        turn = np.radians(place.turn)
        right, down = np.array(card.right, float), np.array(card.down, float)
        right, down = (
            np.cos(turn) * right + np.sin(turn) * down,
            np.cos(turn) * down - np.sin(turn) * right,
        )
        normal = np.cross(right, down)
        offset = np.array(place.center) - (pose.x, pose.y, pose.z)
        inverse_depth = (normal @ rays) / (normal @ offset)
        u = (right @ rays - (right @ offset) * inverse_depth) / place.width + 0.5 * inverse_depth
        v = (down @ rays - (down @ offset) * inverse_depth) / place.height + 0.5 * inverse_depth
        return np.stack([u, v, inverse_depth])
