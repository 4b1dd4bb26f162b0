"""``dataset balance``: a part of a set that has the shares asked for, in splits without overlap.

Each clip gets a probability by iterative proportional fitting (Deming and Stephan 1940), at most 1,
so that the shares come out on average; a systematic sample through the clips, sorted by what they
are like, then has them nearly exactly. All lots are drawn by hashes of the seed and a clip's name,
so the same set gives the same answer in any order.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from instancecap.datasets.curation.duplicates import groups_of, near_pairs
from instancecap.datasets.curation.hashing import VIEWS, WORDS, views_of
from instancecap.datasets.curation.manifest import beside
from instancecap.datasets.curation.targets import Target, read_target
from instancecap.datasets.curation.traits import Item, read_items
from instancecap.errors import UsageError
from instancecap.io.atomic import part_of, require_free, write_whole
from instancecap.io.atomic import replace as replace_whole
from instancecap.io.finder import Rejected
from instancecap.io.table_writers import open_table

Array = NDArray[np.float64]

ROUNDS = 300
"""Of fitting; far more than it takes where the shares can be had."""

OFF = 0.01
"""By which a share may be off, of all clips, where as many clips as possible are taken."""

BALANCE = "balance.json"

OTHERS = "all other values"
"""Row of the shares for what a target leaves of 1."""


@dataclass(frozen=True, slots=True)
class Aspect:
    """One aspect of all clips.

    Attributes:
        names: of its values; the last one stands for all that no share names.
        of: the value of each clip, (clips,).
        shares: of each value, adding up to 1.
    """

    name: str
    names: tuple[str, ...]
    of: NDArray[np.int64]
    shares: Array


@dataclass(frozen=True, slots=True)
class Balanced:
    """What came of it.

    Attributes:
        clips: that were read.
        chosen: by split, how many.
        shares: by aspect and value: before, target (None: not asked for), after.
        failed: rows that could not be read.
        warnings: where the answer is not what was asked for, and why.
    """

    clips: int
    chosen: dict[str, int]
    shares: dict[str, dict[str, tuple[float, float | None, float]]]
    outputs: list[str] = field(default_factory=list)
    failed: list[Rejected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "clips": self.clips,
            "chosen": self.chosen,
            "shares": {
                name: {
                    value: {"before": before, "target": target, "after": after}
                    for value, (before, target, after) in found.items()
                }
                for name, found in self.shares.items()
            },
            "failed": [{"input": one.source, "reason": one.reason} for one in self.failed],
            "warnings": self.warnings,
        }


@dataclass(frozen=True, kw_only=True)
class BalanceOptions:
    """How a set is balanced.

    Attributes:
        out: folder for a table a split, and ``balance.json``.
        target: a TOML file with shares and splits.
        seed: of the lots.
        overwrite: replace an earlier balanced set in ``out``.
    """

    out: str
    target: str
    seed: int = 0
    overwrite: bool = False


def balance_set(inputs: Sequence[str], options: BalanceOptions) -> Balanced:
    """Choose clips and write a table for each split, ``SPLIT.jsonl``, one without clips too.

    The folder appears whole or not at all, so that no table of an earlier set is left beside these.

    Args:
        inputs: manifests of ``dataset filter``, or captions of any format.

    Raises:
        UsageError: a target that cannot be, or that no clip fits, or a folder in use; nothing is
            written.
    """
    target, folder = read_target(options.target), Path(options.out)
    _require_free(folder, overwrite=options.overwrite)
    failed: list[Rejected] = []
    held = [_Held.of(one, target) for one in read_items(inputs, on_failure=failed.append)]
    if not held:
        why = "".join(f"; {one.source}: {one.reason}" for one in failed)
        raise UsageError(f"dataset balance: there is no clip to choose from{why}")
    if len({one.id for one in held}) < len(held):
        twice = next(id for id, count in Counter(one.id for one in held).items() if count > 1)
        raise UsageError(f"dataset balance: two clips have the name {twice!r}; give each an id")
    lots = [_lot(options.seed, one.id) for one in held]
    chosen = choose([one.traits for one in held], target, lots=lots)
    groups = _groups([held[index] for index in chosen], target)
    splits = split([lots[index] for index in chosen], groups, target.splits)
    where = dict(zip(chosen, splits, strict=True))
    shares = _compare([one.traits for one in held], chosen, target)
    counts = Counter(splits)
    outputs = [str(folder / f"{name}.jsonl") for name in target.splits]
    amounts = {name: counts[name] for name in target.splits}
    found = Balanced(len(held), amounts, shares, outputs, failed)
    found.warnings.extend(_shortfalls([one.traits for one in held], len(chosen), target, shares))
    if empty := [name for name, count in amounts.items() if not count]:
        together = "those of one video, or that look alike, stay together"
        there = f"{len(chosen)} clips in {len(set(groups.tolist()))} groups; {together}"
        found.warnings.append(f"no clip is left for {', '.join(empty)}: {there}")
    _write(read_items(inputs), where, folder, found)
    return found


def _require_free(folder: Path, *, overwrite: bool) -> None:
    """Raise :class:`UsageError` where something lies in the folder that would be lost."""
    require_free(folder, mark=BALANCE, what="balanced set", overwrite=overwrite)
    for path in sorted(folder.glob("*")):
        if path.suffix != ".jsonl" and path.name != BALANCE:
            raise UsageError(f"--out {folder}: {path.name} lies there too; choose another folder")


def _shortfalls(
    traits: Sequence[Mapping[str, str]],
    chosen: int,
    target: Target,
    compared: Mapping[str, Mapping[str, tuple[float, float | None, float]]],
) -> list[str]:
    """What was not had as it was asked for: fewer clips, why, and what the shares became."""
    if chosen >= target.clips:
        return []
    lacking, off = [], []
    for name, shares in target.shares.items():
        aspect = _aspect(name, traits, shares)
        there = np.bincount(aspect.of, minlength=len(aspect.names)).tolist()
        for value, share, clips in zip(aspect.names, aspect.shares, there, strict=True):
            if clips < share * target.clips - 0.5:
                told = f"{share:.0%} of {target.clips} are wanted, and there is {clips}"
                lacking.append(f"{name} {value or OTHERS}: {told}")
        for value, (_, aim, after) in compared[name].items():
            if aim is not None and abs(after - aim) > OFF:
                off.append(f"{name} {value} {after:.0%} instead of {aim:.0%}")
    if len(traits) < target.clips:
        lacking.insert(0, f"there are {len(traits)}")
    why = "; ".join(lacking) or "the shares cannot all be had together"
    found = [f"{chosen} clips instead of {target.clips}: {why}"]
    if off:
        found.append(f"{'; '.join(off)}; without clips = the shares are kept")
    return found


@dataclass(frozen=True, slots=True)
class _Held:
    """What is remembered of a clip between the two readings."""

    id: str
    source: str
    traits: Mapping[str, str]
    hash: str

    @classmethod
    def of(cls, item: Item, target: Target) -> _Held:
        source = item.source
        if target.source and (match := re.search(target.source, source)):
            source = match.group(1) or source
        return cls(item.id, source, item.traits, item.hash)


def _lot(seed: int, id: str) -> bytes:
    return hashlib.sha256(f"{seed} {id}".encode()).digest()[:8]


def choose(
    traits: Sequence[Mapping[str, str]], target: Target, *, lots: Sequence[bytes]
) -> list[int]:
    """Places of the clips that are taken, rising.

    Raises :class:`UsageError` where a value that has a share has no clip.
    """
    aspects = [_aspect(name, traits, shares) for name, shares in target.shares.items()]
    count = target.clips or _most(len(traits), aspects)
    odds = _fit(min(count, len(traits)), len(traits), aspects)
    cells = [tuple(int(aspect.of[index]) for aspect in aspects) for index in range(len(traits))]
    order = sorted(range(len(traits)), key=lambda index: (cells[index], lots[index]))
    start = int.from_bytes(min(lots), "big") / 2**64
    edges = start + np.concatenate([[0.0], np.cumsum(odds[order])])
    taken = np.diff(np.floor(edges + 1e-9)) > 0
    return sorted(order[place] for place in np.flatnonzero(taken).tolist())


def _aspect(name: str, traits: Sequence[Mapping[str, str]], shares: Mapping[str, float]) -> Aspect:
    names = (*shares, "")
    places = {value: place for place, value in enumerate(names)}
    of = np.array([places.get(one[name], len(shares)) for one in traits], np.int64)
    wanted = np.array([*shares.values(), max(0.0, 1 - sum(shares.values()))])
    wanted[wanted < 1e-9] = 0
    there = np.bincount(of, minlength=len(names))
    for value, share, clips in zip(names, wanted, there, strict=True):
        if share > 0 and not clips:
            if value:
                known = ", ".join(sorted({one[name] for one in traits}))
                raise UsageError(f"no clip has {name} {value!r}; there are: {known}")
            raise UsageError(f"[{name}] leaves {share:g} to other values, and no clip has any")
    return Aspect(name, names, of, wanted)


def _fit(count: int, clips: int, aspects: Sequence[Aspect]) -> Array:
    """The probability of each clip, at most 1: ``count`` in sum, in each value its share of it."""
    odds = np.full(clips, count / clips)
    for _ in range(ROUNDS):
        before = odds
        for aspect in aspects:
            sums = np.bincount(aspect.of, odds, len(aspect.names))
            factors = np.divide(
                aspect.shares * count, sums, out=np.zeros_like(sums), where=sums > 0
            )
            odds = np.minimum(1, odds * factors[aspect.of])
        if np.abs(odds - before).max() < 1e-6:
            break
    return odds


def _most(clips: int, aspects: Sequence[Aspect]) -> int:
    """How many clips can be taken with every share within :data:`OFF`."""

    def fits(count: int) -> bool:
        odds = _fit(count, clips, aspects)
        return abs(odds.sum() - count) <= OFF * count + 0.5 and all(
            np.abs(np.bincount(one.of, odds, len(one.names)) - one.shares * count).max()
            <= OFF * count + 0.5
            for one in aspects
        )

    low, high = 1, clips
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle) else (low, middle - 1)
    return low


def _groups(chosen: Sequence[_Held], target: Target) -> NDArray[np.int32]:
    """The group of each clip: near-duplicates, and clips of one video, are in one."""
    first: dict[str, int] = {}
    pairs = [(first.setdefault(one.source, index), index) for index, one in enumerate(chosen)]
    hashed = [index for index, one in enumerate(chosen) if one.hash]
    if hashed:
        views = np.concatenate([views_of(chosen[index].hash) for index in hashed])
        views = views.reshape(-1, VIEWS, WORDS)
        near, _ = near_pairs(views, limit=target.duplicates, mirror=True)
        pairs += [(hashed[one], hashed[other]) for one, other in near.tolist()]
    return groups_of(len(chosen), np.array(pairs, np.int64).reshape(-1, 2))


def split(
    lots: Sequence[bytes], groups: NDArray[np.int32], shares: Mapping[str, float]
) -> list[str]:
    """The split of each clip: whole groups, the largest first, each to where most is missing."""
    members: dict[int, list[int]] = {}
    for index, group in enumerate(groups.tolist()):
        members.setdefault(group, []).append(index)
    missing = {name: share * len(lots) for name, share in shares.items()}
    found = [""] * len(lots)
    for group in sorted(
        members.values(), key=lambda some: (-len(some), min(lots[i] for i in some))
    ):
        name = max(missing, key=lambda one: missing[one])
        missing[name] -= len(group)
        for index in group:
            found[index] = name
    return found


def _compare(
    traits: Sequence[Mapping[str, str]], chosen: Sequence[int], target: Target
) -> dict[str, dict[str, tuple[float, float | None, float]]]:
    """Shares before and after, of each aspect that was asked for, the most frequent first."""
    found: dict[str, dict[str, tuple[float, float | None, float]]] = {}
    for name, shares in target.shares.items():
        before = Counter(one[name] for one in traits)
        after = Counter(traits[index][name] for index in chosen)
        found[name] = {
            value: (
                round(count / len(traits), 4),
                shares.get(value),
                round(after[value] / max(1, len(chosen)), 4),
            )
            for value, count in sorted(before.items(), key=lambda one: (-one[1], one[0]))
        }
        if others := before.keys() - shares.keys():
            ahead, behind = (
                round(sum(found[name][value][place] or 0 for value in others), 4)
                for place in (0, 2)
            )
            rest = round(max(0.0, 1 - sum(shares.values())), 4)
            found[name][OTHERS] = (ahead, rest, behind)
    return found


def _write(items: Iterator[Item], where: Mapping[int, str], folder: Path, found: Balanced) -> None:
    """A table for each split, in the order in which the clips were given, and what came of it."""
    part = part_of(folder)
    shutil.rmtree(part, ignore_errors=True)
    paths = {name: part / f"{name}.jsonl" for name in found.chosen}
    try:
        tables = {name: open_table(path) for name, path in paths.items()}
        for index, item in enumerate(items):
            if index in where:
                row = item.row
                if "path" in row:
                    row = {**row, "path": beside(row["path"], folder)}
                tables[where[index]].write(row)
        for name, table in tables.items():
            if not table.finish():
                write_whole(paths[name], "")
        write_whole(part / BALANCE, json.dumps(found.as_dict(), indent=2) + "\n")
        replace_whole(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
