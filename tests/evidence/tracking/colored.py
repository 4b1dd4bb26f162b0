"""A tracker whose answers are known: a thing is what has the color that its box has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from instancecap.evidence.tracking.masklets import Segment
from instancecap.schema.evidence import Shot

WIDTH, HEIGHT, SIZE, FPS = 160, 96, 24, 8
RED, GREEN, BLUE = (0, 0, 200), (0, 200, 0), (190, 90, 20)
COLORS = {"red": RED, "green": GREEN, "blue": BLUE}

Box = tuple[float, float, float, float]


def picture(**places: tuple[int, int] | None) -> np.ndarray:
    """A gray BGR picture with a square of each color named, its top left corner at a place."""
    shown = np.full((HEIGHT, WIDTH, 3), 120, np.uint8)
    for name, place in places.items():
        if place is not None:
            x, y = place
            shown[y : y + SIZE, x : x + SIZE] = COLORS[name]
    return shown


def box(x: int, y: int) -> Box:
    return x / WIDTH, y / HEIGHT, (x + SIZE) / WIDTH, (y + SIZE) / HEIGHT


def timed(pictures: Sequence[np.ndarray]) -> list[tuple[float, np.ndarray]]:
    return [(index / FPS, one) for index, one in enumerate(pictures)]


def shot(start: float, end: float) -> Shot:
    return Shot(start=start, end=end, transition="cut" if start else "start")


def where(picture: np.ndarray, color: np.ndarray) -> np.ndarray:
    return np.asarray((np.abs(picture.astype(int) - color) < 40).all(axis=2))


@dataclass
class ColorTracker:
    """Follows colors. ``asked`` keeps how many pictures, and from which of them, each time."""

    name: str = "colors"
    side: int = WIDTH
    asked: list[tuple[int, list[list[int]]]] = field(default_factory=list)

    def track(
        self, pictures: Sequence[np.ndarray], prompts: Sequence[Mapping[int, np.ndarray]]
    ) -> Iterator[dict[int, Segment]]:
        self.asked.append((len(pictures), [sorted(one) for one in prompts]))
        for prompt in prompts:
            at, seed = next(iter(prompt.items()))
            height, width = pictures[at].shape[:2]
            x, y = (seed[:2] + seed[2:]) / 2 * (width, height)
            yield self.seen(pictures, pictures[at][int(y), int(x)])

    @staticmethod
    def seen(pictures: Sequence[np.ndarray], color: np.ndarray) -> dict[int, Segment]:
        masks = {index: where(one, color) for index, one in enumerate(pictures)}
        return {index: Segment(mask, 0.9) for index, mask in masks.items() if mask.any()}


class ColorFinder(ColorTracker):
    """Finds by the names of colors, in another order each time."""

    def find(
        self, pictures: Sequence[np.ndarray], phrases: Sequence[str]
    ) -> list[tuple[str, dict[int, Segment]]]:
        colors = {"warm": [RED, GREEN], "cold": [BLUE], "red kettle": [RED], "forklift": [BLUE]}
        found = [
            (phrase, self.seen(pictures, np.array(color)))
            for phrase in phrases
            for color in colors[phrase]
        ]
        self.asked.append((len(pictures), []))
        return found if len(self.asked) % 2 else found[::-1]
