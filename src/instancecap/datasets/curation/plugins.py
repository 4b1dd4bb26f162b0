"""Figures that somebody else's function gives, such as a score for how good a clip looks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import entry_points

import numpy as np

from instancecap.errors import InputError, UsageError
from instancecap.video.decode import Picture
from instancecap.video.sampling import pick_evenly

GROUP = "instancecap.figures"
"""Of entry points."""

MOST_FRAMES = 16
"""Frames that a function is given, evenly spread over the clip."""

Score = Callable[[list[Picture]], float]
"""From frames, uint8 (height, width, 3), red first, to a number."""


def find_plugin(name: str, call: str) -> Score:
    """The function that ``module:function``, or the name of an entry point, stands for.

    Raises :class:`UsageError` where there is none.
    """
    module, colon, function = call.partition(":")
    try:
        if colon:
            found = getattr(import_module(module), function)
        else:
            points = entry_points(group=GROUP, name=call)
            if not points:
                raise ImportError("no package offers it")
            found = next(iter(points)).load()
    except (ImportError, AttributeError, ValueError) as error:
        raise UsageError(
            f"[plugins.{name}] call = {call!r}: {error or 'cannot be imported'}; write "
            f"module:function, or the name of an entry point in the group {GROUP}"
        ) from error
    return found  # type: ignore[no-any-return]


def score(
    calls: Mapping[str, str], frames: Sequence[tuple[float, Picture]], start: float, end: float
) -> dict[str, float]:
    """What each plug-in says of the frames of a span; frames are BGR with their times.

    Raises :class:`InputError` where one fails, or says no number.
    """
    inside = [picture for t, picture in frames if start <= t < end] or [frames[0][1]]
    shown = [
        np.ascontiguousarray(inside[index][..., ::-1])
        for index in pick_evenly(len(inside), MOST_FRAMES)
    ]
    found = {}
    for name, call in calls.items():
        try:
            found[name] = float(find_plugin(name, call)(shown))
        except UsageError:
            raise
        except Exception as error:  # whatever a stranger's function does costs this clip only
            raise InputError(
                f"the plug-in {name} failed: {type(error).__name__}: {error}"
            ) from error
    return found
