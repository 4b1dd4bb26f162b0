"""A clip in pieces: windows that no cut runs through, one clip a shot, and which frames to show."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from instancecap.evidence.view import EDGE, shots_of, within
from instancecap.schema import caption as c
from instancecap.schema import evidence as e
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from instancecap.video.sampling import pick_evenly

GRADUAL = ("dissolve", "fade")
BLENDED = 0.5
"""Seconds around the middle of a gradual transition in which a picture may blend two views."""

MIN_PLAIN = 3
"""Unblended pictures that are enough to go without the others."""

SLIVER = 1.0
"""Seconds; a shorter shot next to a gradual transition is part of it, and no window."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of a clip without a cut; seconds from the clip's start."""

    start: float
    end: float


def cut_windows(evidence: Evidence, *, seconds: float) -> list[Window]:
    """Every shot in the fewest equal parts that are no longer than ``seconds``, in order."""
    windows: list[Window] = []
    start = 0.0
    shots = shots_of(evidence)
    for shot, after in zip(shots, [*shots[1:], None], strict=True):
        length = max(0.0, shot.end - start)
        is_gradual = shot.transition in GRADUAL or (after and after.transition in GRADUAL)
        if after and is_gradual and length < SLIVER:
            continue  # its time goes to the next one
        parts = max(1, math.ceil(length / seconds - EDGE))
        edges = [round(start + length * i / parts, 3) for i in range(parts)] + [shot.end]
        windows += [Window(a, b) for a, b in itertools.pairwise(edges)]
        start = shot.end
    return windows


def split_shots(shots: Sequence[c.Shot | e.Shot], jumps: Sequence[float]) -> list[Any]:
    """The shots, of their own kind, with a cut more at each of some times, in seconds."""
    pieces: list[c.Shot | e.Shot] = []
    for shot in shots:
        edges = [shot.start, *(t for t in jumps if shot.start < t < shot.end), shot.end]
        for a, b in itertools.pairwise(edges):
            kind = shot.transition if a == shot.start else "cut"
            pieces.append(shot.model_copy(update={"start": a, "end": b, "transition": kind}))
    return pieces


def frame_times(evidence: Evidence, window: Window, *, frames: int) -> list[float]:
    """At most ``frames`` times within a window, evenly spread, at each of which a frame lies.

    The window's first and last moments are among them: what happens at the very end is the
    easiest to lose. Pictures that may blend two views are left out where there are others. The
    times are those at which something was measured, so what a question will cost is known before
    the clip is read again.
    """
    last = max(window.end - EDGE, window.start + EDGE)
    known = {0.0, *(shot.start for shot in evidence.shots)}
    known |= {sample.t for sample in evidence.camera.path}
    known |= {point.t for item in evidence.instances for point in item.track}
    inside = _apart(sorted(t for t in known if window.start - EDGE <= t < last))
    blends = [shot.start for shot in evidence.shots if shot.transition in GRADUAL]
    plain = [t for t in inside if all(abs(t - blend) > BLENDED for blend in blends)]
    inside = plain if len(plain) >= min(frames, MIN_PLAIN) else inside
    if inside:
        return [inside[index] for index in pick_evenly(len(inside), frames)]
    if evidence.video.frames < 2:
        return []
    # Nothing was measured here; there are frames all the same.
    step = (window.end - window.start) / frames
    return _apart([round(window.start + (slot + 0.5) * step, 3) for slot in range(frames)])


def _apart(times: Sequence[float]) -> list[float]:
    """Rising times without those that name the same frame twice."""
    kept: list[float] = []
    for t in times:
        if not kept or t - kept[-1] > 2 * EDGE:
            kept.append(t)
    return kept


def split(clip: Clip, evidence: Evidence) -> list[tuple[Clip, Evidence]]:
    """One clip a shot, each with its part of the evidence.

    Times count from the shot's start; instances keep their ids; ids of clips get ``#1``, ``#2``,
    … behind them. A clip of one shot is returned as it is.
    """
    shots = shots_of(evidence)
    if len(shots) == 1:
        return [(clip, evidence)]
    pieces = []
    for index, shot in enumerate(shots):
        id = f"{clip.id}#{index + 1}"
        # The last shot ends where the clip does, which may be the end of the file.
        end = clip.end if index == len(shots) - 1 else round(clip.start + shot.end, 6)
        part = replace(clip, start=clip.start + shot.start, end=end, id=id)
        facts = within(evidence, shot.start, shot.end, rebase=True)
        video = facts.video.model_copy(update={"id": id})
        pieces.append((part, facts.model_copy(update={"video": video})))
    return pieces
