"""Captions and clips for the tests of exports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from instancecap.datasets.captions import Row
from instancecap.datasets.export import TRAINERS, Options, Report, export, render_options
from instancecap.render import RenderOptions
from instancecap.schema.caption import Camera, Caption, Instance, Position, Video
from instancecap.video import Clip, probe

PROMPT_OPTIONS = {one.name for one in fields(RenderOptions)}


def caption_of(
    path: Path, text: str = "A dog runs.", *, start: float = 0.0, end: float | None = None
) -> Caption:
    """A caption of a real file; an empty ``text`` makes a caption that says nothing."""
    info = probe(Clip.open(path))
    stop = info.duration if end is None else end
    video = Video(
        id=path.name,
        path=str(path),
        start=start,
        end=stop,
        duration=stop - start,
        fps=info.fps,
        width=info.width,
        height=info.height,
        frames=info.frames,
    )
    if not text:
        return Caption(video=video)
    dog = Instance(
        id=0,
        class_="dog",
        category="animal",
        is_main=True,
        appearance="A brown dog.",
        action="Runs to the right.",
        position=Position(text="from the left to the right", start="center-left"),
    )
    camera = Camera(motion=["static"], description="The camera stays still.")
    return Caption(video=video, global_description=text, instances=[dog], camera=camera)


def options_for(trainer: str, **how: Any) -> Options:
    """Options of an export and of its prompts; for the trainer's first model if none is named."""
    one = TRAINERS[trainer]
    prompts = {name: how.pop(name) for name in list(how) if name in PROMPT_OPTIONS}
    if one.models and not prompts.get("target"):
        prompts["target"] = one.models[0]
    return Options(render=render_options(one, **prompts), **how)


def export_rows(rows: Iterable[Row], trainer: str, out: Path, **how: Any) -> Report:
    """Export with the options of :func:`options_for`."""
    return export(rows, TRAINERS[trainer], str(out), options=options_for(trainer, **how))


def row_of(path: Path, name: str = "", **how: object) -> Row:
    """A row as captions are read."""
    caption = caption_of(path, **how)  # type: ignore[arg-type]
    return Row(name or path.name, caption, f"captions/{name or path.name}.json")


def everyday_rows(clips_dir: Path, count: int = 3) -> Iterator[Row]:
    """Captions of real clips, with what a person saw in them."""
    labels = json.loads((clips_dir / "labels.json").read_text(encoding="utf-8"))
    described = {one["file"]: one.get("description", "") for one in labels}
    for path in sorted((clips_dir / "everyday").glob("*.mp4"))[:count]:
        text = described.get(f"everyday/{path.name}", "")
        yield row_of(path, text=text or "A scene.")


def make_colours(
    path: Path, *, frames: int = 24, fps: int = 8, gop: int = 8, size: tuple[int, int] = (96, 64)
) -> Path:
    """A video whose frames all differ, with a key frame every ``gop`` frames and no B-frames."""
    path.parent.mkdir(parents=True, exist_ok=True)
    width, height = size
    with av.open(str(path), "w") as container:
        options = {"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0", "bf": "0"}
        stream = container.add_stream("libx264", rate=Fraction(fps), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            picture = np.full((height, width, 3), 16 + 8 * index % 220, np.uint8)
            picture[:, : width // 2, 0] = 200
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def count_frames(path: Path) -> int:
    """Frames that a plain decoder gives, without any of our own code."""
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def make_clips(folder: Path, clips: list[tuple[int, int]], stills: int = 0) -> list[Path]:
    """Videos of so many frames at such a rate each, and stills."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number in range(stills):
        paths.append(folder / f"still{number}.png")
        cv2.imwrite(str(paths[-1]), np.full((64, 96, 3), 60 + 40 * number, np.uint8))
    for frames, fps in clips:
        path = folder / f"f{frames}_at{fps}.mp4"
        paths.append(make_colours(path, frames=frames, fps=fps))
    return paths


def read_clip(path: Path) -> tuple[int, float]:
    """Frames and mean rate as PyAV has them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return sum(1 for _ in container.decode(stream)), float(stream.average_rate or 0)
