"""Hashes of videos, and which clips of a set look alike."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from instancecap.datasets.curation import duplicates
from instancecap.datasets.curation.duplicates import groups_of, keep_best, near_pairs
from instancecap.datasets.curation.hashing import BITS, MIRRORED, VIEWS, WORDS, hash_of, views_of
from instancecap.errors import FormatError

SECONDS, RATE = 4.0, 8


def film(seed: int, *, side: int = 160) -> list[np.ndarray]:
    """Gray pictures of soft blobs that drift, as different from others as two clips are."""
    lot = np.random.default_rng(seed)
    coarse = lot.normal(128, 90, (9, 14)).astype(np.float32)
    wide = cv2.resize(coarse, (side * 2, side), interpolation=cv2.INTER_CUBIC)
    steps = np.linspace(0, side // 2, int(SECONDS * RATE)).astype(int)
    return [wide[:, step : step + side].clip(0, 255) for step in steps]


def views(pictures: list[np.ndarray], *, seconds: float = SECONDS) -> np.ndarray:
    """The hash of pictures that last so long."""
    size = (32, 32)
    tiny = [
        cv2.resize(one, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for one in pictures
    ]
    times = np.linspace(0, seconds, len(tiny), endpoint=False)
    return views_of(hash_of(times, tiny, 0.0, seconds))


def nearest(one: np.ndarray, other: np.ndarray) -> float:
    """Distance as a pair of clips has it; 1 where they are further than half of the bits apart."""
    pairs, distances = near_pairs(np.stack([one, other]), limit=0.5)
    return float(distances[0]) if len(pairs) else 1.0


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), left=st.floats(0, 0.05), top=st.floats(0, 0.05))
def test_a_crop_wherever_it_lies_stays_near(seed: int, left: float, top: float) -> None:
    pictures = film(seed)
    side = len(pictures[0])
    x, y, kept = round(left * side), round(top * side), round(0.95 * side)
    cropped = [one[y : y + kept, x : x + kept] for one in pictures]
    assert nearest(views(pictures), views(cropped)) < 0.15


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_speed_and_noise_change_little(seed: int) -> None:
    pictures = film(seed)
    lot = np.random.default_rng(seed + 1)
    noisy = [
        (one + lot.normal(0, 6, one.shape)).clip(0, 255).astype(np.float32) for one in pictures
    ]
    assert nearest(views(pictures), views(noisy)) < 0.06
    assert nearest(views(pictures), views(pictures, seconds=SECONDS / 1.1)) < 0.03


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_a_mirror_image_is_known_by_its_bits(seed: int) -> None:
    pictures = film(seed)
    both = np.stack([views(pictures), views([one[:, ::-1].copy() for one in pictures])])
    assert not len(near_pairs(both, limit=0.1)[0])
    pairs, distances = near_pairs(both, limit=0.1, mirror=True)
    assert pairs.tolist() == [[0, 1]]
    assert distances[0] < 0.03


def test_different_films_are_far_apart() -> None:
    some = np.stack([views(film(seed)) for seed in range(60)])
    assert not len(near_pairs(some, limit=0.2, mirror=True)[0])


def test_a_film_that_shows_nothing_has_a_hash() -> None:
    black = [np.zeros((64, 64), np.float32)] * 3
    assert nearest(views(black), views(black)) == 0
    assert views(black[:1]).shape == (VIEWS, WORDS)


@pytest.mark.parametrize("text", ["", "abc", "!" * 512, "A" * 12])
def test_what_is_no_hash_is_refused(text: str) -> None:
    with pytest.raises(FormatError, match="not a video hash"):
        views_of(text)


def random_views(clips: int, *, seed: int = 0) -> np.ndarray:
    """Hashes of clips that have nothing in common; all views of a clip are alike."""
    lot = np.random.default_rng(seed)
    one = lot.integers(0, 2**64, (clips, 1, WORDS), np.uint64)
    return np.repeat(one, VIEWS, axis=1)


def flipped(view: np.ndarray, bits: int, *, seed: int) -> np.ndarray:
    """With so many other bits; none of those that are the same in all hashes."""
    lot = np.random.default_rng(seed)
    octets = np.unpackbits(view.copy().view(np.uint8), axis=-1).reshape(VIEWS, WORDS, 64)
    places = lot.choice(BITS, bits, replace=False)
    octets[:, places // 63, places % 63 + 1] ^= 1
    return np.packbits(octets.reshape(VIEWS, -1), axis=1).view(np.uint64)


def planted(clips: int, *, copies: int, bits: int) -> np.ndarray:
    """Hashes, the last of which are of copies of the first."""
    some = random_views(clips)
    more = [flipped(some[index], bits, seed=index) for index in range(copies)]
    return np.concatenate([some, np.stack(more)])


@pytest.mark.parametrize("mirror", [False, True])
def test_buckets_find_what_comparing_all_finds(
    mirror: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = planted(1500, copies=300, bits=40)
    if mirror:
        some[1500:] ^= MIRRORED
    exact = near_pairs(some, limit=0.15, mirror=mirror)
    assert len(exact[0]) == 300
    monkeypatch.setattr(duplicates, "MOST_EXACT", 10)
    monkeypatch.setattr(duplicates, "CHUNK", 1000)
    pairs, distances = near_pairs(some, limit=0.15, mirror=mirror)
    known = dict(zip(map(tuple, exact[0].tolist()), exact[1].tolist(), strict=True))
    found = dict(zip(map(tuple, pairs.tolist()), distances.tolist(), strict=True))
    assert found.items() <= known.items()
    assert len(found) >= 0.99 * len(known)


@pytest.mark.parametrize("clips", [0, 1])
def test_few_clips_have_no_pairs(clips: int) -> None:
    pairs, distances = near_pairs(random_views(clips), limit=0.5, mirror=True)
    assert pairs.shape == (0, 2)
    assert distances.shape == (0,)


@given(
    edges=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=30),
    seed=st.integers(0, 1000),
)
def test_every_copy_is_near_a_better_one_that_is_kept(
    edges: list[tuple[int, int]], seed: int
) -> None:
    pairs = np.array(sorted({(min(e), max(e)) for e in edges if e[0] != e[1]}), np.int64)
    pairs = pairs.reshape(-1, 2)
    quality = np.random.default_rng(seed).integers(0, 3, (12, 2)).astype(float)
    dropped = keep_best(pairs, np.full(len(pairs), 0.1, np.float32), quality)
    kept = set(range(12)) - set(dropped)
    near = {frozenset(pair) for pair in pairs.tolist()}
    for clip, (other, _) in dropped.items():
        assert other in kept
        assert frozenset((clip, other)) in near
        assert (*quality[other], -other) > (*quality[clip], -clip)
    assert not any(pair <= kept for pair in near)


def test_groups_hold_what_is_linked() -> None:
    groups = groups_of(5, np.array([[0, 2], [2, 4]]))
    assert groups[0] == groups[2] == groups[4]
    assert len(set(groups.tolist())) == 3
