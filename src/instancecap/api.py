"""The Python interface: one call for evidence, one for a caption."""

from __future__ import annotations

import os
from typing import Protocol

from instancecap.captioning.measured import MAX_INSTANCES, describe
from instancecap.evidence.build import measure as _measure
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip

Source = str | os.PathLike[str] | Clip


class Captioner(Protocol):
    """Writes a caption from a clip and what was measured about it."""

    def describe(self, clip: Clip, evidence: Evidence, *, max_instances: int) -> Caption:
        """The caption of ``clip``."""


class Measured:
    """The embedded default: no language model; says what Evidence proves."""

    def describe(self, clip: Clip, evidence: Evidence, *, max_instances: int) -> Caption:
        """The caption of ``clip``."""
        return describe(evidence, max_instances=max_instances)


def measure(source: Source, *, threads: int = 0, masks: bool = False) -> Evidence:
    """Measure a video, an image, or a :class:`Clip`.

    Args:
        source: a path, or a clip (a span, or frames from memory).
        threads: cores to use, 0 for all.
        masks: add a mask per instance for every sampled frame.

    Raises:
        InputError: the source cannot be opened or decoded.
    """
    return _measure(_as_clip(source), threads=threads, masks=masks)


def caption(
    source: Source,
    *,
    captioner: Captioner | None = None,
    max_instances: int = MAX_INSTANCES,
    threads: int = 0,
) -> Caption:
    """Caption a video, an image, or a :class:`Clip`.

    Args:
        source: a path, or a clip (a span, or frames from memory).
        captioner: who writes; :class:`Measured` unless told otherwise.
        max_instances: the most salient things to describe.
        threads: cores to use, 0 for all.

    Raises:
        InputError: the source cannot be opened or decoded.
    """
    clip = _as_clip(source)
    evidence = _measure(clip, threads=threads)
    writer = captioner if captioner is not None else Measured()
    return writer.describe(clip, evidence, max_instances=max_instances)


def _as_clip(source: Source) -> Clip:
    return source if isinstance(source, Clip) else Clip.open(source)
