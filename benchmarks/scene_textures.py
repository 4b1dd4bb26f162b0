"""Painted surfaces: backgrounds with much to hold on to, and cut-out figures to move over them."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Field = NDArray[np.float32]
Rng = np.random.Generator
Color = tuple[int, int, int]


def noise(rng: Rng, height: int, width: int, *, octaves: int = 7, decay: float = 0.62) -> Field:
    """Cloudy noise in 0..1, shape (height, width): random grids of ever finer mesh, added up."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        cells = 3 * 2**octave
        grid = rng.random((min(cells, height), min(cells * width // height + 1, width)))
        fine = cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        total += decay**octave * fine
    low, high = np.percentile(total, (0.5, 99.5))
    return np.asarray(np.clip((total - low) / (high - low), 0, 1), np.float32)


def tint(field: Field, *colors: Color) -> Picture:
    """Paint a field in 0..1 with a ramp through ``colors`` (RGB, 0..255)."""
    stops = np.linspace(0, 1, len(colors))
    channels = [np.interp(field, stops, [color[i] for color in colors]) for i in range(3)]
    return np.stack(channels, axis=-1).astype(np.uint8)


def shade(picture: Picture, field: Field, *, depth: float = 0.6) -> Picture:
    """Darken by up to ``depth`` where ``field`` is low."""
    return (picture * (1 - depth + depth * field[..., None])).astype(np.uint8)


def hills(rng: Rng, height: int, width: int) -> Picture:
    """A sky with clouds over ridges and a meadow."""
    picture = tint(noise(rng, height, width, octaves=5), (90, 140, 210), (240, 244, 250))
    rows = np.arange(height)[:, None]
    for level, color in ((0.35, (88, 108, 132)), (0.45, (62, 98, 80)), (0.56, (96, 122, 52))):
        ridge = noise(rng, 64, width, octaves=5)[32]
        land = rows > (level + 0.14 * (ridge - 0.5)) * height
        dark: Color = (color[0] // 3, color[1] // 3, color[2] // 3)
        picture[land] = tint(noise(rng, height, width, decay=0.85), dark, color)[land]
    return picture


def bricks(rng: Rng, height: int, width: int) -> Picture:
    """A wall of bricks, each of its own shade."""
    tall, wide = max(8, height // 28), max(16, height // 11)
    row = np.arange(height) // tall
    column = (np.arange(width)[None] + (row % 2)[:, None] * wide // 2) // wide
    shades = rng.random((height // tall + 1, width // wide + 2)).astype(np.float32)
    picture = tint(shades[row[:, None], column], (110, 50, 38), (170, 84, 60), (206, 140, 108))
    mortar = (np.arange(height) % tall < 2)[:, None] | (
        (np.arange(width)[None] + (row % 2)[:, None] * wide // 2) % wide < 2
    )
    picture[mortar] = (196, 190, 180)
    return shade(picture, noise(rng, height, width, decay=0.8))


def foliage(rng: Rng, height: int, width: int) -> Picture:
    """Leaves over leaves."""
    picture = tint(noise(rng, height, width), (12, 28, 12), (40, 70, 30))
    for _ in range(height * width // 260):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        axes = (int(rng.integers(4, 14)), int(rng.integers(2, 6)))
        light = int(rng.integers(50, 220))
        color = (light * 2 // 3, light, light // 4)
        cv2.ellipse(picture, (x, y), axes, float(rng.integers(180)), 0, 360, color, -1)
    return picture


def cells(rng: Rng, height: int, width: int) -> Picture:
    """Paving of irregular stones."""
    seeds = np.ones((height, width), np.uint8)
    count = height * width // 900
    seeds[rng.integers(height, size=count), rng.integers(width, size=count)] = 0
    distance, labels = cv2.distanceTransformWithLabels(seeds, cv2.DIST_L2, 5)
    shades = rng.random(count + 2).astype(np.float32)
    picture = tint(shades[labels], (60, 62, 70), (150, 140, 120), (205, 196, 178))
    gaps = np.clip(1.4 - np.asarray(distance) / 18, 0.25, 1).astype(np.float32)
    return shade(shade(picture, gaps), noise(rng, height, width, decay=0.85), depth=0.45)


def facade(rng: Rng, height: int, width: int) -> Picture:
    """A house front with rows of windows."""
    picture = tint(noise(rng, height, width, decay=0.8), (150, 130, 104), (222, 208, 180))
    tall, wide = max(20, height // 7), max(16, height // 9)
    for top in range(tall // 4, height - tall // 2, tall):
        for left in range(wide // 4, width - wide // 2, wide):
            glass = int(rng.integers(20, 140))
            corner = (left + wide // 2, top + tall * 5 // 9)
            cv2.rectangle(picture, (left, top), corner, (glass // 2, glass * 2 // 3, glass), -1)
            cv2.rectangle(picture, (left, top), corner, (240, 238, 230), 1)
            middle = (left + corner[0]) // 2
            cv2.line(picture, (middle, top), (middle, corner[1]), (240, 238, 230), 1)
    return picture


def planks(rng: Rng, height: int, width: int) -> Picture:
    """A wooden floor."""
    wide = max(10, height // 16)
    board = np.arange(width) // wide
    shades = rng.random(width // wide + 1).astype(np.float32)
    grain = cv2.resize(noise(rng, max(8, height // 8), width, octaves=8), (width, height))
    field = 0.5 * shades[board][None] + 0.5 * grain
    picture = tint(field.astype(np.float32), (70, 42, 22), (140, 92, 52), (205, 160, 110))
    picture[:, np.arange(width) % wide < 2] = (48, 28, 14)
    for left in range(0, width, wide):
        for seam in rng.integers(height, size=4):
            picture[seam : seam + 2, left : left + wide] = (48, 28, 14)
    return picture


def gravel(rng: Rng, height: int, width: int) -> Picture:
    """Rough ground."""
    return tint(noise(rng, height, width, octaves=9, decay=0.95), (48, 44, 40), (190, 182, 168))


def sparse(rng: Rng, height: int, width: int) -> Picture:
    """A nearly empty surface with a few marks on it."""
    picture = tint(noise(rng, height, width, octaves=2), (176, 178, 182), (208, 208, 206))
    for _ in range(70):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        grey = int(rng.integers(60, 130))
        size = int(rng.integers(2, 7))
        cv2.rectangle(picture, (x, y), (x + size, y + size // 2 + 1), (grey, grey, grey), -1)
    return picture


SURFACES: dict[str, Callable[[Rng, int, int], Picture]] = {
    "hills": hills,
    "bricks": bricks,
    "foliage": foliage,
    "cells": cells,
    "facade": facade,
    "planks": planks,
    "gravel": gravel,
    "sparse": sparse,
}


def outline(rng: Rng, shape: str, size: int) -> Picture:
    """A filled shape, 255 inside, in a square of ``size`` pixels."""
    alpha = np.zeros((size, size), np.uint8)
    middle = (size // 2, size // 2)
    if shape == "ellipse":
        cv2.ellipse(alpha, middle, (size * 47 // 100, size * 34 // 100), 0, 0, 360, 255, -1)
    elif shape == "box":
        cv2.rectangle(alpha, (2, size // 6), (size - 3, size * 5 // 6), 255, -1)
    elif shape == "post":
        alpha[:] = 255
    elif shape == "figure":
        cv2.circle(alpha, (size // 2, size // 7), size // 8, 255, -1)
        cv2.ellipse(
            alpha, (size // 2, size * 42 // 100), (size // 5, size // 4), 0, 0, 360, 255, -1
        )
        for side in (-1, 1):
            hip, foot = size // 2 + side * size // 12, size // 2 + side * size // 7
            cv2.line(alpha, (hip, size // 2), (foot, size * 96 // 100), 255, size // 9)
    elif shape in ("blob", "star"):
        angle = np.linspace(0, 2 * np.pi, 72, endpoint=False)
        waves = (5,) if shape == "star" else (2, 3, 4)
        swing = sum(np.cos(k * angle + rng.random() * 6.3) / len(waves) for k in waves)
        radius = size * (0.36 + 0.12 * np.asarray(swing))
        points = np.stack([np.cos(angle), np.sin(angle)], 1) * radius[:, None] + size / 2
        cv2.fillPoly(alpha, [points.astype(np.int32)], 255)
    else:
        raise ValueError(f"no such shape: {shape}")
    return alpha


def sprite(rng: Rng, shape: str, *, size: int = 160) -> tuple[Picture, Picture]:
    """A figure to move: RGB (size, size, 3) in a bold colour, and its alpha (size, size)."""
    hue = np.array([[[int(rng.integers(180)), 210, 230]]], np.uint8)
    red, green, blue = (int(c) for c in cv2.cvtColor(hue, cv2.COLOR_HSV2RGB)[0, 0])
    bright: Color = (red, green, blue)
    dark: Color = (red // 4, green // 4, blue // 4)
    picture = tint(noise(rng, size, size, octaves=6, decay=0.9), dark, bright)
    for _ in range(7):
        x, y = (int(v) for v in rng.integers(size, size=2))
        cv2.circle(picture, (x, y), int(rng.integers(size // 24, size // 10)), (245, 240, 225), -1)
    return picture, outline(rng, shape, size)
