"""Which clips of a set show nearly the same: all pairs of a small set, buckets of a large one.

A clip takes some 500 bytes here, however large the set is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from instancecap.datasets.curation.hashing import BITS, MIRRORED, MOMENTS, WAVES, Views

Pairs = NDArray[np.int64]
Distances = NDArray[np.float32]

MOST_EXACT = 5_000
"""Clips up to which every pair is compared, which then takes some seconds."""

BANDS, BAND_BITS = 32, 16
"""Two clips of a larger set are compared where all bits of a band agree. Of pairs with one bit in
eight different all but 2 % are, with one in twelve all but 1 in 10,000 (Leskovec et al., *Mining of
Massive Datasets*, 3.4).
"""

MOST_IN_BUCKET = 2_000
"""Of a bucket that a clip is compared with: it would take for ever where thousands are black."""

CHUNK = 100_000
"""Pairs that are compared at a time."""

_LOW = [row * WAVES + column for row in range(5) for column in range(5) if row or column]
"""Waves that a crop hardly changes."""


def near_pairs(views: Views, *, limit: float, mirror: bool = False) -> tuple[Pairs, Distances]:
    """Pairs (n, 2) of clips that look alike, first before second, and the share of bits by which
    the whole picture of one differs from the nearest view of the other.

    Args:
        views: (clips, views, words).
        limit: share of the bits that may differ, 0..1.
        mirror: clips that are mirror images count too.
    """
    find = _all_pairs if len(views) <= MOST_EXACT else _in_buckets
    whole = np.ascontiguousarray(views[:, 0])
    found = [find(whole, views, limit + 1e-6)]
    if mirror:
        found.append(find(whole ^ MIRRORED, views, limit + 1e-6))
    first, second, distance = (np.concatenate(some) for some in zip(*found, strict=True))
    pairs = np.sort(np.stack([first, second], axis=1), axis=1)
    order = np.lexsort((distance, pairs[:, 1], pairs[:, 0]))
    pairs, distance = pairs[order], distance[order]
    new = np.ones(len(pairs), bool)
    new[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    return pairs[new], distance[new].astype(np.float32)


Found = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]
"""First and second clips, and their distances."""


def _all_pairs(whole: Views, views: Views, limit: float) -> Found:
    """Each whole picture against each view of the other clips."""
    firsts, seconds, distances = [], [], []
    for clip, picture in enumerate(whole):
        away = np.bitwise_count(views ^ picture).sum(axis=2).min(axis=1) / BITS
        away[clip] = 1
        near = np.flatnonzero(away <= limit)
        firsts.append(np.full(len(near), clip))
        seconds.append(near)
        distances.append(away[near])
    return _joined(firsts, seconds, distances)


def _in_buckets(whole: Views, views: Views, limit: float) -> Found:
    """As :func:`_all_pairs`, but each against those only that share a bucket in some band."""
    flat = views.reshape(-1, views.shape[2])
    firsts, seconds, distances = [], [], []
    for bits in _bands():
        keys, wanted = _keys(flat, bits), _keys(whole, bits)
        order = np.argsort(keys, kind="stable")
        lows, highs = (np.searchsorted(keys[order], wanted, side) for side in ("left", "right"))
        counts = np.minimum(highs - lows, MOST_IN_BUCKET)
        for start, end in _chunks(counts):
            some = counts[start:end]
            first = np.repeat(np.arange(start, end), some)
            within = np.arange(len(first)) - np.repeat(np.cumsum(some) - some, some)
            row = order[lows[first] + within]
            away = np.bitwise_count(flat[row] ^ whole[first]).sum(axis=1) / BITS
            second = row // views.shape[1]
            near = (away <= limit) & (first != second)
            firsts.append(first[near])
            seconds.append(second[near])
            distances.append(away[near])
    return _joined(firsts, seconds, distances)


def _joined(
    firsts: list[NDArray[np.int64]],
    seconds: list[NDArray[np.int64]],
    distances: list[NDArray[np.float64]],
) -> Found:
    return (
        np.concatenate([np.zeros(0, np.int64), *firsts]),
        np.concatenate([np.zeros(0, np.int64), *seconds]),
        np.concatenate([np.zeros(0), *distances]),
    )


def _bands() -> Iterator[list[tuple[int, int]]]:
    """Moment and wave of each bit of each band.

    The waves differ: of a picture that rests each wave has the same bit at every moment.
    """
    lot = np.random.default_rng(20_260_101)
    for _ in range(BANDS):
        waves = lot.choice(_LOW, BAND_BITS, replace=False).tolist()
        yield list(zip(lot.integers(0, MOMENTS, BAND_BITS).tolist(), waves, strict=True))


def _keys(rows: Views, bits: Sequence[tuple[int, int]]) -> NDArray[np.int32]:
    """A band's bits of each view (n, words) as a number."""
    octets = np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)
    keys = np.zeros(len(rows), np.int32)
    for moment, wave in bits:
        octet = octets[:, moment * WAVES + wave // 8]
        keys = keys * 2 + ((octet >> (7 - wave % 8)) & 1)
    return keys


def _chunks(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of queries that together have about :data:`CHUNK` pairs."""
    part = np.cumsum(counts) // CHUNK
    edges = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(counts)]
    return pairwise(edges)


def keep_best(
    pairs: Pairs, distances: Distances, quality: NDArray[np.float64]
) -> dict[int, tuple[int, float]]:
    """Which clips are dropped, each with a clip that is kept and is near it, and how near.

    The best go first; one that is near a clip that was kept is dropped.

    Args:
        quality: of each clip, (clips, figures), more is better, the first figure first; of two
            that are as good the first clip is kept.
    """
    near: dict[int, list[tuple[float, int]]] = {}
    for (one, other), distance in zip(pairs.tolist(), distances.tolist(), strict=True):
        near.setdefault(one, []).append((distance, other))
        near.setdefault(other, []).append((distance, one))
    dropped: dict[int, tuple[int, float]] = {}
    for clip in sorted(near, key=lambda one: ((-quality[one]).tolist(), one)):
        if clip in dropped:
            continue
        for distance, other in near[clip]:
            known = dropped.get(other)
            if known is None or distance < known[1]:
                dropped[other] = clip, distance
    return dropped


def groups_of(count: int, pairs: Pairs) -> NDArray[np.int32]:
    """The number of each clip's group; a group holds what is linked by pairs."""
    ones = np.ones(len(pairs), bool)
    graph = coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int32)
