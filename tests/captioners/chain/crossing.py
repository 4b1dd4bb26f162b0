"""A made scene that is known exactly: a red, grainy ellipse crosses a noisy ground."""

from __future__ import annotations

import numpy as np

from instancecap.captioners.visual_prompts import VisualPrompt
from instancecap.evidence.experts.masks import encode_mask
from instancecap.schema.evidence import Evidence, InstanceFacts, Video
from tests.made import thing

FPS = 10.0
SIZE = (180, 320)


def box_of(index: int, count: int) -> tuple[float, float, float, float]:
    """The box of the made thing: it goes from left to right."""
    left = 0.1 + 0.5 * index / max(count - 1, 1)
    return left, 0.3, left + 0.25, 0.7


def shape_of(index: int, count: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The made thing's exact mask: an ellipse that fills its box; bool (height, width)."""
    height, width = size
    x0, y0, x1, y1 = box_of(index, count)
    ys, xs = np.mgrid[:height, :width]
    across = ((xs + 0.5) / width - (x0 + x1) / 2) / ((x1 - x0) / 2)
    down = ((ys + 0.5) / height - (y0 + y1) / 2) / ((y1 - y0) / 2)
    return np.asarray(across**2 + down**2 <= 1)


def scene(count: int = 20, size: tuple[int, int] = SIZE, *, seed: int = 1) -> np.ndarray:
    """Frames of a red, grainy ellipse that crosses a noisy ground, greener to the right."""
    rng = np.random.default_rng(seed)
    height, width = size
    ground = np.empty((height, width, 3))
    ground[...] = (70, 110, 120)
    ground[..., 1] += np.linspace(0, 80, width)
    frames = []
    for index in range(count):
        frame = np.where(shape_of(index, count, size)[..., None], (190.0, 40.0, 40.0), ground)
        frames.append(frame + rng.normal(0, 25, frame.shape))
    return np.clip(np.stack(frames), 0, 255).astype(np.uint8)


def followed(
    count: int = 20, size: tuple[int, int] = SIZE, *, masks: bool = True, id: int = 0
) -> InstanceFacts:
    """The made thing as it is measured: a point, and if asked for a mask, each frame."""
    item = thing("dog", box_of(0, 2), box_of(1, 2), id=id, times=(0, (count - 1) / FPS),
                 points=count)  # fmt: skip
    if masks:
        item.masks = [
            encode_mask(shape_of(index, count, size), t=index / FPS, size=size)
            for index in range(count)
        ]
    return item


def measured_as(*items: InstanceFacts, size: tuple[int, int] = SIZE) -> Evidence:
    height, width = size
    video = Video(id="made", path="", start=0, end=2, duration=2, fps=FPS, width=width,
                  height=height, frames=20)  # fmt: skip
    return Evidence(video=video, instances=list(items))


def only(prompts: list[VisualPrompt]) -> VisualPrompt:
    (prompt,) = prompts
    return prompt
