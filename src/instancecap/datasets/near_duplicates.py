"""Captions that say nearly the same: MinHash and banding, in memory that hardly grows with the set.

What captions are compared by lies in files; of each a few numbers are held.
"""

from __future__ import annotations

import mmap
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

RUN = 3
"""Words of a run; captions are alike as far as they share their runs (Jaccard)."""

NEAR = 0.8
"""Jaccard similarity from which two captions are nearly the same."""

BANDS, ROWS = 24, 5
"""Numbers of a signature: two captions are compared where all rows of a band agree. Of pairs with
a similarity of 0.8, all but 1 in 10,000 are (Leskovec et al., *Mining of Massive Datasets*, 3.4).
"""

DOUBT = 0.15
"""By which the similarity of two signatures may fall short of that of the captions: more than four
standard deviations."""

CHUNK = 20_000
"""Captions or pairs whose signatures are in memory at a time."""

_WORDS = 200_000
"""Words whose hashes are remembered."""

_random = np.random.default_rng(20_260_101)
_FACTORS = _random.integers(1, 2**31, BANDS * ROWS, np.uint32) * np.uint32(2) + np.uint32(1)
_PLACES = np.array([0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D], np.uint32)
_MIX = np.uint64(0xFF51AFD7ED558CCD)

Signature = NDArray[np.uint16]


@lru_cache(maxsize=_WORDS)
def _hash(word: str) -> int:
    return crc32(word.encode())


def runs_of(words: Sequence[str]) -> NDArray[np.uint32]:
    """Hashes of the different runs of words, rising; of a shorter text, one of all its words."""
    hashes = np.fromiter(map(_hash, words), np.uint32, len(words))
    count = max(1, len(words) - RUN + 1)
    runs = np.zeros(count, np.uint32)
    for place, factor in enumerate(_PLACES):
        part = hashes[place : place + count]
        runs[: len(part)] += (part ^ (part >> np.uint32(15))) * factor
    return np.unique(runs ^ (runs >> np.uint32(13)))


def signature_of(runs: NDArray[np.uint32]) -> Signature:
    """Bits of the least values of the runs under many hashes; shape (BANDS * ROWS,)."""
    found = (runs * _FACTORS[:, None]).min(axis=1)
    return np.asarray(found >> np.uint32(8), np.uint16)


def similarity(first: NDArray[np.uint32], second: NDArray[np.uint32]) -> float:
    """Jaccard similarity of two sets of runs."""
    shared = len(np.intersect1d(first, second, assume_unique=True))
    return shared / (len(first) + len(second) - shared)


class NearDuplicates:
    """Takes captions one by one, then tells which belong together; to be closed."""

    def __init__(self) -> None:
        self._signatures = tempfile.TemporaryFile()  # noqa: SIM115 (until close)
        self._runs = tempfile.TemporaryFile()  # noqa: SIM115 (until close)
        self._ends = array("Q", [0])

    def close(self) -> None:
        """Delete the files."""
        self._signatures.close()
        self._runs.close()

    @property
    def count(self) -> int:
        """Captions so far."""
        return len(self._ends) - 1

    def add(self, words: Sequence[str]) -> None:
        """The next caption, as its words."""
        runs = runs_of(words)
        self._signatures.write(signature_of(runs).tobytes())
        self._runs.write(runs.tobytes())
        self._ends.append(self._ends[-1] + len(runs))

    def groups(self) -> NDArray[np.int32]:
        """For each caption the number of its group; one that is like no other is alone in its own.

        A group holds what is linked by pairs that are :data:`NEAR`.
        """
        labels = np.arange(self.count, dtype=np.int32)
        if self.count < 2:
            return labels
        self._signatures.flush()
        self._runs.flush()
        for band in range(BANDS):
            pairs = [
                (labels[one], labels[other])
                for one, other in self._candidates(band, labels)
                if similarity(self._read_runs(one), self._read_runs(other)) >= NEAR
            ]
            if pairs:
                first, second = np.array(pairs).T
                shape = (self.count, self.count)
                graph = coo_matrix((np.ones(len(first), bool), (first, second)), shape=shape)
                joined = connected_components(graph, directed=False)[1]
                labels = np.asarray(joined[labels], np.int32)
        return labels

    def _read_runs(self, caption: int) -> NDArray[np.uint32]:
        start, end = self._ends[caption], self._ends[caption + 1]
        self._runs.seek(4 * start)
        return np.frombuffer(self._runs.read(4 * (end - start)), np.uint32)

    def _keys(self, band: int) -> NDArray[np.uint64]:
        """A number for each caption's rows of a band."""
        found = []
        self._signatures.seek(0)
        while len(part := np.fromfile(self._signatures, np.uint16, CHUNK * BANDS * ROWS)):
            keys = np.zeros(len(part) // (BANDS * ROWS), np.uint64)
            for row in part.reshape(len(keys), -1)[:, band * ROWS : (band + 1) * ROWS].T:
                keys = (keys + row) * _MIX
                keys ^= keys >> np.uint64(29)
            found.append(keys)
        return np.concatenate(found)

    def _candidates(self, band: int, labels: NDArray[np.int32]) -> Iterator[tuple[int, int]]:
        """Captions of different groups that agree in a band and, roughly, in their signatures."""
        keys = self._keys(band)
        order = np.argsort(keys, kind="stable")
        same = np.flatnonzero(keys[order][1:] == keys[order][:-1])
        # Each is compared with the one before it of its bucket, and with the bucket's first.
        starts = np.flatnonzero(np.diff(same, prepend=-2) != 1)
        firsts = np.repeat(same[starts], np.diff(np.append(starts, len(same))))
        mapped = mmap.mmap(self._signatures.fileno(), 0, access=mmap.ACCESS_READ)
        signatures = np.frombuffer(mapped, np.uint16).reshape(self.count, -1)
        for before in (same, firsts):
            ones, others = order[before], order[same + 1]
            apart = labels[ones] != labels[others]
            ones, others = ones[apart], others[apart]
            for start in range(0, len(ones), CHUNK):
                a, b = ones[start : start + CHUNK], others[start : start + CHUNK]
                alike = (signatures[a] == signatures[b]).mean(axis=1) >= NEAR - DOUBT
                yield from zip(a[alike].tolist(), b[alike].tolist(), strict=True)
                if hasattr(mapped, "madvise"):
                    mapped.madvise(mmap.MADV_DONTNEED)  # what was looked at need not stay
