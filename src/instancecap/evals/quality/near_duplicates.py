"""Captions that say nearly the same: MinHash and banding, in memory that hardly grows with the set.

Signatures lie in a file; of each caption a few numbers are held.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

SHINGLE = 3
"""Words of a piece; captions are alike as far as they share their pieces (Jaccard)."""

NEAR = 0.8
"""Jaccard similarity from which two captions are nearly the same."""

BANDS, ROWS = 16, 4
"""Numbers of a signature: two captions are compared where all rows of a band agree. Of pairs with
a similarity of 0.8, 9,998 in 10,000 are (Leskovec et al., *Mining of Massive Datasets*, 3.4)."""

CHUNK = 100_000
"""Pairs, or captions, whose signatures are in memory at a time."""

_WORDS = 200_000
"""Words whose hashes are remembered."""

Numbers = NDArray[np.uint64]

_random = np.random.default_rng(20_260_101)
_FACTORS = _random.integers(1, 2**63, BANDS * ROWS, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_TERMS = _random.integers(0, 2**63, BANDS * ROWS, dtype=np.uint64)
_PLACES = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
_MIX = np.uint64(0xFF51AFD7ED558CCD)


@lru_cache(maxsize=_WORDS)
def _hash(word: str) -> int:
    return crc32(word.encode())


def signature(words: Sequence[str]) -> NDArray[np.uint32]:
    """The MinHash signature of a text's shingles; shape (BANDS * ROWS,). Of a short one: of its
    words together."""
    hashes = np.fromiter(map(_hash, words), np.uint64, len(words))
    count = max(1, len(words) - SHINGLE + 1)
    pieces = np.zeros(count, np.uint64)
    for place, factor in enumerate(_PLACES):
        part = hashes[place : place + count]
        pieces[: len(part)] += (part + np.uint64(1)) * factor
    pieces ^= pieces >> np.uint64(33)
    pieces *= _MIX
    found = (_FACTORS[:, None] * pieces + _TERMS[:, None]) >> np.uint64(32)
    return np.asarray(found.min(axis=1), np.uint32)


class NearDuplicates:
    """Takes captions one by one, then tells which belong together."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 (until the end)
        self.count = 0

    def add(self, words: Sequence[str]) -> None:
        """The next caption, as its words."""
        self._file.write(signature(words).tobytes())
        self.count += 1

    def groups(self) -> NDArray[np.int32]:
        """For each caption the number of its group; one that is like no other is alone in its own.

        A group holds what is linked by pairs that are :data:`NEAR`.
        """
        labels = np.arange(self.count, dtype=np.int32)
        if self.count < 2:
            return labels
        self._file.flush()
        shape = (self.count, BANDS * ROWS)
        signatures = np.memmap(self._file, np.uint32, "r", shape=shape)
        for band in range(BANDS):
            edges = [pairs for pairs in self._pairs(signatures, band, labels) if len(pairs)]
            if edges:
                first, second = np.concatenate(edges).T
                graph = coo_matrix(
                    (np.ones(len(first), bool), (first, second)), shape=(self.count, self.count)
                )
                joined = connected_components(graph, directed=False)[1]
                labels = np.asarray(joined[labels], np.int32)
        return labels

    def _pairs(
        self, signatures: NDArray[np.uint32], band: int, labels: NDArray[np.int32]
    ) -> Iterator[NDArray[np.int32]]:
        """Groups that a band finds to belong together; shape (pairs, 2)."""
        keys = np.zeros(self.count, np.uint64)
        for start in range(0, self.count, CHUNK):
            part = signatures[start : start + CHUNK, band * ROWS : (band + 1) * ROWS]
            for row in part.T.astype(np.uint64):
                keys[start : start + CHUNK] = (keys[start : start + CHUNK] + row) * _MIX
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        # Each is compared with the one before it of its bucket, and with the bucket's first.
        starts = np.flatnonzero(np.append(True, np.diff(same) != 1)) if len(same) else same
        firsts = (
            np.repeat(same[starts], np.diff(np.append(starts, len(same)))) if len(same) else same
        )
        for before in (same, firsts):
            ones, others = order[before], order[same + 1]
            apart = labels[ones] != labels[others]
            ones, others = ones[apart], others[apart]
            for start in range(0, len(ones), CHUNK):
                a, b = ones[start : start + CHUNK], others[start : start + CHUNK]
                alike = (signatures[a] == signatures[b]).mean(axis=1) >= NEAR
                yield np.stack([labels[a[alike]], labels[b[alike]]], axis=1)
