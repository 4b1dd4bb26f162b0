"""Scenes so simple that a captioner of a million weights can learn to describe them from scratch.

One shape of one clear color goes over the picture, or stays, before a painted wall whose color
changes from place to place, so that it shows what the camera does. All is drawn from a seed; the
caption is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.scene_render import CameraPath, Card, Move, Placement, Stage, fixed
from benchmarks.scenes import view_size
from instancecap.language import en
from instancecap.schema.caption import Camera, Caption, Instance, Position, Video

SIDE, FPS, FRAMES = 96, 8, 13
"""Pixels a side, frames a second, frames a clip."""

SHAPES = ("box", "pole", "plank", "ring")
"""A square, an upright and a lying bar, and a circle with a hole."""

COLORS = {
    "red": (205, 40, 40), "green": (40, 165, 60), "blue": (45, 70, 210),
    "yellow": (235, 215, 50), "purple": (140, 50, 170), "white": (250, 250, 250),
}  # fmt: skip
WAYS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1), "": (0, 0)}
"""Steps right and down over the picture; "" stays."""

CAMERAS = {
    "static": 0.0, "pan_left": 24.0, "pan_right": 24.0, "tilt_up": 24.0, "tilt_down": 24.0,
    "zoom_in": 0.9, "zoom_out": 0.9,
}  # fmt: skip
"""How far the camera goes at most: degrees, or the log of the zoom factor."""

DEPTH, WALL = 6.0, 12.0
"""Distances of the thing and of the wall behind it, in units."""

Frames = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class SimpleScene:
    """What is drawn of one scene."""

    shape: str
    color: str
    way: str
    camera: str
    start: tuple[float, float]
    end: tuple[float, float]

    @classmethod
    def of(cls, seed: int) -> SimpleScene:
        """The scene of a seed; every class, color, way and camera is as likely as any other."""
        rng = np.random.default_rng(seed)
        shape, color = str(rng.choice(list(SHAPES))), str(rng.choice(list(COLORS)))
        way, camera = str(rng.choice(list(WAYS))), str(rng.choice(list(CAMERAS)))
        step = np.array(WAYS[way]) * rng.uniform(0.35, 0.55)
        middle = rng.uniform(0.3, 0.7, 2)
        middle = np.where(step != 0, 0.5 + rng.uniform(-0.08, 0.08, 2), middle)
        start, end = middle - step / 2, middle + step / 2
        return cls(shape, color, way, camera, tuple(start.tolist()), tuple(end.tolist()))

    def caption(self, id: str) -> Caption:
        """The truth, in the words of a caption."""
        name = f"the {self.color} {self.shape}"
        action = f"{name} moves {self.way}." if self.way else f"{name} stays in place."
        camera = Camera(motion=[self.camera], shot_type="long_shot", shot_angle="eye_level")
        camera.description = en.camera_sentence(camera)
        position = Position(start=_cell(*self.start), end=_cell(*self.end))
        position.text = en.position(position)
        thing = Instance(
            id=0, name=name, class_=self.shape, category="other", is_main=True,
            appearance=f"{en.article(self.color + ' ' + self.shape)}.".capitalize(),
            action=action.capitalize(), colors=[self.color], position=position,
        )  # fmt: skip
        video = Video.named(id).model_copy(
            update={"end": FRAMES / FPS, "duration": FRAMES / FPS, "fps": FPS, "frames": FRAMES,
                    "width": SIDE, "height": SIDE}
        )  # fmt: skip
        return Caption(
            video=video, global_description=action.capitalize(), instances=[thing],
            background="A painted wall.", place="indoor", style="animation",
            camera=camera,
        )  # fmt: skip


def _cell(x: float, y: float) -> str:
    row, column = ("top", "center", "bottom")[int(y * 3)], ("left", "middle", "right")[int(x * 3)]
    return f"{row}-{column}"


def film(seed: int, *, every: int = 1) -> Frames:
    """Frames of the scene of a seed, RGB, shape (frames, SIDE, SIDE, 3); each ``every``-th."""
    scene, rng = SimpleScene.of(seed), np.random.default_rng((seed, 1))
    amount = CAMERAS[scene.camera] * rng.uniform(0.7, 1.0)
    duration = (FRAMES - 1) / FPS
    moves = () if scene.camera == "static" else (Move(scene.camera, amount),)
    path = CameraPath(moves, duration)
    stage = Stage([_wall(rng)], [_card(scene, rng, path)], (SIDE, SIDE))
    times = np.arange(0, FRAMES, every) / FPS
    shown = [stage.render(path.at(float(t)), float(t))[0] for t in times]
    noise = rng.normal(0, 3, (len(shown), SIDE, SIDE, 1))
    return np.clip(np.stack(shown) + noise + 0.5, 0, 255).astype(np.uint8)


def _wall(rng: np.random.Generator) -> Card:
    """A wall that gets redder to the right, bluer to the left, and greener to the bottom.

    Its middle, where the camera starts, has another color in every scene.
    """
    across, down = np.meshgrid(np.linspace(-1, 1, 400), np.linspace(-1, 1, 400))
    x, y = across + rng.uniform(-0.15, 0.15), down + rng.uniform(-0.15, 0.15)
    picture = 120 + 110 * np.stack([x, y, -x], axis=-1)
    wide, _ = view_size(WALL, (SIDE, SIDE))
    size = 3.0 * wide
    return Card(np.clip(picture, 0, 255).astype(np.uint8), fixed((0, 0, WALL), size, size))


def _card(scene: SimpleScene, rng: np.random.Generator, path: CameraPath) -> Card:
    """The thing; it keeps its way over the picture whatever the camera does."""
    texture = np.full((96, 96, 3), COLORS[scene.color], np.uint8)
    alpha = _outline(scene.shape, 96)
    side = float(rng.uniform(0.36, 0.42))
    wide, _ = view_size(DEPTH, (SIDE, SIDE))

    def place(t: float) -> Placement:
        done = min(1.0, t / path.duration)
        x, y = ((1 - done) * a + done * b for a, b in zip(scene.start, scene.end, strict=True))
        pose = path.at(t)
        scale = float(np.exp(-pose.log_zoom))
        ray = np.array([(x - 0.5) * wide * scale, (y - 0.5) * wide * scale, DEPTH])
        center = ray @ pose.axes()
        return Placement(tuple(center.tolist()), side * wide * scale, side * wide * scale)

    return Card(texture, place, alpha, name=scene.shape)


def _outline(shape: str, size: int) -> Frames:
    """255 inside, shape (size, size)."""
    alpha, third = np.zeros((size, size), np.uint8), size // 3
    if shape == "ring":
        cv2.circle(alpha, (size // 2, size // 2), size * 3 // 8, 255, size // 5)
    else:
        left, top = third * (shape == "pole"), third * (shape == "plank")
        alpha[top : size - top, left : size - left] = 255
    return alpha


def write_clips(folder: Path, seeds: range) -> list[Caption]:
    """A video file for each seed; gives the true captions."""
    folder.mkdir(parents=True, exist_ok=True)
    captions = []
    for seed in seeds:
        path = folder / f"{seed:06d}.mp4"
        write_video(path, film(seed))
        captions.append(SimpleScene.of(seed).caption(str(path)))
    return captions


def write_video(path: Path, frames: Frames) -> None:
    """H.264, nearly without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuv420p"
        stream.options = {"qp": "12", "preset": "ultrafast"}
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
