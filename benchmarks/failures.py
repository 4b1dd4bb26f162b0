"""Pictures of what went wrong: a contact sheet per clip, and a page with all of them."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.results import Result
from benchmarks.truth import Case
from instancecap.errors import InstanceCapError
from instancecap.evals.boxes import boxes_at
from instancecap.schema.evidence import Evidence
from instancecap.video import ClipReader
from instancecap.video.sampling import pick_evenly

Picture = NDArray[np.uint8]

TILES, TILE_WIDTH = 6, 360
TRUTH_COLOR = (60, 220, 60)
FOUND_COLORS = ((70, 90, 255), (255, 170, 40), (230, 60, 230), (40, 220, 255), (255, 255, 90))


def write_sheet(case: Case, evidence: Evidence, result: Result, folder: Path) -> str:
    """Write the contact sheet of a clip with misses; returns the picture's file name."""
    tiles = []
    wanted = set(pick_evenly(evidence.video.frames_read, TILES))
    with ClipReader(case.clip) as reader:
        for frame in reader:
            if frame.index in wanted:
                tall = round(TILE_WIDTH * reader.info.height / reader.info.width)
                tile = frame.bgr((TILE_WIDTH, max(tall, 2))).copy()
                _draw_truth(tile, case, frame.t)
                _draw_found(tile, evidence, frame.t)
                _write(tile, f"{frame.t:.2f} s", (6, tile.shape[0] - 8), (255, 255, 255))
                tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 3)
    rows = [np.hstack(tiles[i : i + 3]) for i in range(0, len(tiles), 3)]
    lines = [f"{result.name}", *result.misses]
    caption = np.zeros((10 + 20 * len(lines), rows[0].shape[1], 3), np.uint8)
    for index, line in enumerate(lines):
        _write(caption, line[:150], (6, 20 + 20 * index), (255, 255, 255))
    name = f"{result.name.replace('/', '_')}.jpg"
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / name), np.vstack([caption, *rows]))
    return name


def write_index(results: list[Result], sheets: dict[str, str], folder: Path) -> None:
    """Write ``index.html``: every clip with misses, those that failed altogether first."""
    folder.mkdir(parents=True, exist_ok=True)
    wrong = sorted((r for r in results if r.misses or r.error), key=lambda r: not r.error)
    body = "\n".join(line for result in wrong for line in _section(result, sheets))
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>What went wrong</title>'
        "<style>body{font:15px/1.5 sans-serif;max-width:1120px;margin:2em auto;padding:0 1em}"
        "img{max-width:100%}:root{color-scheme:light dark}</style>"
        f"<h1>{len(wrong)} of {len(results)} clips have misses</h1>"
        "<p>Green: the truth. Other colours: what was found.</p>"
        f"{body}</html>\n"
    )
    (folder / "index.html").write_text(page, encoding="utf-8")


def _section(result: Result, sheets: dict[str, str]) -> Iterator[str]:
    yield f"<h2>{html.escape(result.name)}</h2><ul>"
    for line in [result.error] if result.error else result.misses:
        yield f"<li>{html.escape(line)}</li>"
    yield "</ul>"
    if result.name in sheets:
        source = html.escape(sheets[result.name], quote=True)
        yield f'<img loading="lazy" src="{source}" alt="six frames of {html.escape(result.name)}">'


def _draw_truth(tile: Picture, case: Case, t: float) -> None:
    for thing in case.truth.objects:
        index = int(np.abs(thing.times - t).argmin())
        if not thing.visible[index]:
            continue
        height, width = tile.shape[:2]
        mask = thing.mask(index).astype(np.uint8)
        mask = np.asarray(cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST))
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(tile, contours, -1, TRUTH_COLOR, 1)
        _box(tile, thing.boxes[index], thing.name, TRUTH_COLOR)


def _draw_found(tile: Picture, evidence: Evidence, t: float) -> None:
    for index, instance in enumerate(evidence.instances):
        box = boxes_at(instance.track, np.array([t]))[0]
        if not np.isnan(box).any():
            name = f"{instance.id} {instance.class_}"
            _box(tile, box, name, FOUND_COLORS[index % len(FOUND_COLORS)])


def _box(tile: Picture, box: NDArray[np.float64], name: str, color: tuple[int, int, int]) -> None:
    scale = np.tile((tile.shape[1], tile.shape[0]), 2)
    x0, y0, x1, y1 = (int(value) for value in box * scale)
    cv2.rectangle(tile, (x0, y0), (x1, y1), color, 1)
    _write(tile, name, (x0 + 2, max(y0 + 12, 12)), color)


def _write(tile: Picture, text: str, at: tuple[int, int], color: tuple[int, int, int]) -> None:
    for shade, thick in (((0, 0, 0), 3), (color, 1)):
        cv2.putText(tile, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, shade, thick, cv2.LINE_AA)


def try_sheet(
    case: Case, evidence: Evidence, result: Result, folder: Path, sheets: dict[str, str]
) -> None:
    """Write a sheet where there is something to show; a picture that fails costs nothing else."""
    if not result.misses:
        return
    try:
        sheets[result.name] = write_sheet(case, evidence, result, folder)
    except (InstanceCapError, cv2.error) as error:
        result.misses.append(f"no picture: {error}")
