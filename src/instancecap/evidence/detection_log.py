"""What was found, sample by sample, kept small however long the film is."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from instancecap.evidence.tracking.tracks import FrameDetections

BLOCK = 256
"""Samples that are packed together; a clip of up to 20 seconds is never packed."""


@dataclass(frozen=True, slots=True)
class _Block:
    first: float
    last: float
    packed: bytes


class DetectionLog:
    """Detections in order of time; all but the newest are packed.

    Kept as they are, their many small arrays would fill an hour's film with holes between the
    frames that are freed, which the allocator can't give back.
    """

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._open: list[FrameDetections] = []
        self._unpacked: tuple[int, list[FrameDetections]] = (-1, [])

    def append(self, detections: FrameDetections) -> None:
        """Keep the detections of the next sample."""
        self._open.append(detections)
        if len(self._open) == BLOCK:
            packed = zlib.compress(pickle.dumps(self._open, protocol=5), 1)
            self._blocks.append(_Block(self._open[0].t, self._open[-1].t, packed))
            self._open = []

    def __iter__(self) -> Iterator[FrameDetections]:
        """All detections in order."""
        for index in range(len(self._blocks)):
            yield from self._unpack(index)
        yield from self._open

    def within(self, start: float, end: float) -> list[FrameDetections]:
        """Detections at ``start`` or later and before ``end``, seconds."""
        found: list[FrameDetections] = []
        for index, block in enumerate(self._blocks):
            if block.first < end and block.last >= start:
                found += self._unpack(index)
        return [detections for detections in [*found, *self._open] if start <= detections.t < end]

    def _unpack(self, index: int) -> list[FrameDetections]:
        if self._unpacked[0] != index:  # shots come in order: the last block is asked for again
            self._unpacked = index, pickle.loads(zlib.decompress(self._blocks[index].packed))
        return self._unpacked[1]
