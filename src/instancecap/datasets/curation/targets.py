"""What a balanced set is to be like: shares of each aspect, how many clips, which splits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from instancecap.datasets.curation.rules import read_toml
from instancecap.datasets.curation.traits import ASPECTS
from instancecap.errors import UsageError

SPLITS = "splits"


@dataclass(frozen=True, slots=True)
class Target:
    """What is aimed at.

    Attributes:
        shares: by aspect, the share of each value; what is left of 1 goes to all other values.
        clips: how many; 0 for as many as the shares allow.
        splits: share of each, of all that is chosen; one named ``all`` where none are asked for.
        source: a pattern whose first group, in a video's path, names what it was cut from.
        duplicates: share of a hash's bits that clips of one split may differ in and be the same.
    """

    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    clips: int = 0
    splits: Mapping[str, float] = field(default_factory=lambda: {"all": 1.0})
    source: str = ""
    duplicates: float = 0.15


def read_target(path: str) -> Target:
    """A target from a TOML file. Raises :class:`UsageError`."""
    tables = read_toml(path)
    allowed = ("clips", "source", "duplicates", SPLITS, *ASPECTS)
    for name in tables:
        if name not in allowed:
            raise UsageError(f"{path}: no {name!r}; there are: {', '.join(allowed)}")
    shares = {name: _shares(path, name, tables[name]) for name in ASPECTS if name in tables}
    splits = _shares(path, SPLITS, tables.get(SPLITS, {"all": 1.0}))
    if abs(sum(splits.values()) - 1) > 1e-6:
        raise UsageError(f"{path}: [{SPLITS}] must add up to 1, not {sum(splits.values()):g}")
    for name in splits:
        if not re.fullmatch(r"[\w-]+", name):
            raise UsageError(f"{path}: [{SPLITS}] {name!r}: a split names a file: use letters")
    clips, source = tables.get("clips", 0), tables.get("source", "")
    limit = tables.get("duplicates", Target.__dataclass_fields__["duplicates"].default)
    if not isinstance(clips, int) or isinstance(clips, bool) or clips < 0:
        raise UsageError(f"{path}: clips = {clips!r}: give a whole number, 0 for as many as may be")
    if not isinstance(limit, int | float) or not 0 <= limit <= 1:
        raise UsageError(f"{path}: duplicates = {limit!r}: give a share of bits, 0 to 1")
    try:
        groups = re.compile(source).groups if source else 1
    except (re.error, TypeError) as error:
        raise UsageError(f"{path}: source = {source!r}: not a pattern: {error}") from error
    if not groups:
        raise UsageError(f"{path}: source = {source!r}: put the part that names a video in (…)")
    return Target(shares, clips, splits, source, float(limit))


def _shares(path: str, name: str, table: Any) -> dict[str, float]:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {name} = {table!r}: write shares in [{name}]")
    for value, share in table.items():
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
            raise UsageError(f"{path}: [{name}] {value!r} = {share!r}: give a share, 0 to 1")
    if sum(table.values()) > 1 + 1e-6:
        raise UsageError(f"{path}: [{name}] adds up to {sum(table.values()):g}, more than 1")
    return {value: float(share) for value, share in table.items()}
