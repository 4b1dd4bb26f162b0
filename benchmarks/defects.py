"""Which of the defects that are planted in clips the shipped rules of ``dataset filter`` reject.

    python -m benchmarks.defects DIR… [--seconds 3]

Every clip is measured as it is, and again with each defect. Prints one JSON line: of the clips that
a defect's rules let through as they are, how many they reject with it; and how many they reject as
they are, which is no error where a clip has the defect by itself.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable

import cv2
import numpy as np

from instancecap.datasets.curation.measure import ClipFigures, FiguresWork
from instancecap.datasets.curation.rules import read_rules
from instancecap.io.inputs import Job, find_jobs
from instancecap.video import Clip, ClipReader
from instancecap.video.sampling import fit_within

SIDE = 640
"""Longer side in pixels of the clips that are measured."""

LETTERING = ("text", "subtitles", "watermark")
"""Rules of which any may find writing."""

Frames = np.ndarray
"""RGB, (n, height, width, 3), uint8."""


def _blurred(frames: Frames, share: float) -> Frames:
    sigma = share * max(frames.shape[1:3])
    return np.stack([cv2.GaussianBlur(one, (0, 0), sigma) for one in frames])


def _scaled(frames: Frames, gain: float, offset: float) -> Frames:
    return (frames * gain + offset).clip(0, 255).astype(np.uint8)


def _barred(frames: Frames) -> Frames:
    frames = frames.copy()
    rows = round(0.12 * frames.shape[1])
    frames[:, :rows] = frames[:, -rows:] = 0
    return frames


def _frozen(frames: Frames) -> Frames:
    frames = frames.copy()
    half = len(frames) // 2
    frames[half:] = frames[half]
    return frames


def _stretched(frames: Frames) -> Frames:
    return frames[np.arange(len(frames)) // 3 * 3]


def _lettered(frames: Frames, text: str, at: tuple[float, float], size: float) -> Frames:
    """Half-transparent white letters with a dark border; ``at`` and ``size`` of the frame."""
    height, width = frames.shape[1:3]
    scale = size * height / 22  # the font's capitals are 22 pixels high
    place = (round(at[0] * width), round(at[1] * height))
    inks = []
    for thickness, gray in ((max(3, round(4 * scale)), 20), (max(1, round(2 * scale)), 245)):
        mask = np.zeros((height, width), np.uint8)
        cv2.putText(mask, text, place, cv2.FONT_HERSHEY_DUPLEX, scale, 255, thickness, cv2.LINE_AA)
        inks.append((0.8 * mask[..., None] / 255, gray))
    drawn = frames.astype(np.float32)
    for alpha, gray in inks:
        drawn = drawn * (1 - alpha) + gray * alpha
    return drawn.astype(np.uint8)


def _marked(frames: Frames) -> Frames:
    """A sign without letters in the upper right corner."""
    frames, side = frames.copy(), round(0.12 * frames.shape[1])
    for one in frames:
        middle = (one.shape[1] - side, side)
        cv2.circle(one, middle, side // 2, (250, 250, 250), max(2, side // 10), cv2.LINE_AA)
        cv2.drawMarker(one, middle, (250, 250, 250), cv2.MARKER_STAR, side // 2, max(2, side // 12))
    return frames


DEFECTS: dict[str, tuple[tuple[str, ...], Callable[[Frames], Frames]]] = {
    "blur of 0.5 % of the side": (("blur",), lambda one: _blurred(one, 0.005)),
    "blur of 1 %": (("blur",), lambda one: _blurred(one, 0.01)),
    "a twentieth of the light": (("dark",), lambda one: _scaled(one, 0.05, 0)),
    "burnt out": (("bright",), lambda one: _scaled(one, 3.0, 60)),
    "bars of 12 %": (("bars",), _barred),
    "half of it frozen": (("frozen", "repeated"), _frozen),
    "each frame three times": (("repeated",), _stretched),
    "title": (LETTERING, lambda one: _lettered(one, "The Old Harbor", (0.12, 0.3), 0.08)),
    "subtitle": (LETTERING, lambda one: _lettered(one, "I told you so.", (0.36, 0.92), 0.045)),
    "name in a corner": (LETTERING, lambda one: _lettered(one, "myhome.tv", (0.03, 0.09), 0.04)),
    "sign in a corner": (LETTERING, _marked),
}
"""By name, the rules that should reject it, and what makes it."""


def _frames(job: Job, seconds: float) -> tuple[Frames, float]:
    """The clip's beginning, and its frames a second."""
    with ClipReader(Clip.open(job.clip.path)) as reader:
        size = fit_within(reader.info.aspect, min(SIDE, max(reader.info.width, reader.info.height)))
        shown = []
        for frame in reader:
            if frame.t >= seconds:
                break
            shown.append(frame.bgr(size)[..., ::-1])
        return np.stack(shown), reader.info.fps


def _rejecting(frames: Frames, fps: float) -> set[str]:
    """The rules that a clip fails."""
    clip = Clip.from_frames(np.ascontiguousarray(frames), fps, id="made.mp4")
    found = ClipFigures.from_json(FiguresWork(threads=1)(Job(clip, "made.mp4")).evidence)
    assert found.whole is not None
    return {one.rule for one in read_rules().reject(found.whole.figures)}


def judge(job: Job, seconds: float) -> list[tuple[str, bool, bool]]:
    """By defect: whether its rules reject the clip as it is, and with the defect."""
    frames, fps = _frames(job, seconds)
    clean = _rejecting(frames, fps)
    return [
        (name, not clean.isdisjoint(rules), not _rejecting(make(frames), fps).isdisjoint(rules))
        for name, (rules, make) in DEFECTS.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=1)
    given = parser.parse_args()
    jobs, _ = find_jobs(given.folders)
    with multiprocessing.get_context("spawn").Pool(given.workers) as pool:
        rows = pool.starmap(judge, [(job, given.seconds) for job in jobs])
    told = {}
    for name in DEFECTS:
        found = [row[1:] for clip in rows for row in clip if row[0] == name]
        fit = [planted for clean, planted in found if not clean]
        told[name] = {"planted": len(fit), "rejected": sum(fit), "before": len(found) - len(fit)}
    print(json.dumps({"clips": len(jobs), "defects": told}))


if __name__ == "__main__":
    main()
