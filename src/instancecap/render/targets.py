"""The text-to-video models that prompts are rendered for, as data: ``targets.toml``."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from instancecap.errors import UsageError
from instancecap.render.styles import style_names
from instancecap.render.tokens import TokenizerKind

_RULE = re.compile(r"(\d+)N(?:\+(\d+))?")


@dataclass(frozen=True, slots=True)
class Target:
    """A text-to-video model: how its prompts read, how long they may be, which clips it takes.

    Attributes:
        name: as given to ``--for``.
        style: name of an order of fields, or ``json`` for Cosmos 3's JSON.
        tokenizer: kind of tokenizer, which decides how tokens are estimated.
        limit: tokens that a prompt may have, special ones included.
        soft: tokens that prompts are kept under although the model takes more, as quality falls
            beyond; 0 for none.
        special: tokens of the limit that the encoder takes for itself.
        frames: rule for the number of frames, such as ``4N+1``; empty for any number.
        fps: frames per second it was trained with; 0 where a clip keeps its own.
        multiple: what width and height are multiples of; 1 for any size.
        source: where the figures come from.
    """

    name: str
    style: str
    tokenizer: TokenizerKind
    limit: int
    soft: int = 0
    special: int = 0
    frames: str = ""
    fps: float = 0.0
    multiple: int = 1
    source: str = ""

    @property
    def budget(self) -> int:
        """Tokens that a prompt is kept within: the soft limit where there is one."""
        return min(self.limit, self.soft or self.limit)

    @property
    def frame_step(self) -> int:
        """``4`` of ``4N+1``; 1 where any number of frames will do."""
        return self._rule[0]

    @property
    def frame_rest(self) -> int:
        """``1`` of ``4N+1``; 0 where any number of frames will do."""
        return self._rule[1]

    @property
    def _rule(self) -> tuple[int, int]:
        found = _RULE.fullmatch(self.frames)
        return (int(found[1]), int(found[2] or 0)) if found else (1, 0)

    def allows_frames(self, frames: int) -> bool:
        """Whether a clip of so many frames keeps the rule."""
        step, rest = self._rule
        return frames >= max(1, rest) and (frames - rest) % step == 0

    def largest_frames(self, available: int) -> int:
        """The most frames within ``available`` that keep the rule; 0 where too few are there."""
        step, rest = self._rule
        most = rest + max(0, available - rest) // step * step
        return most if 1 <= most <= available else 0


@cache
def targets() -> dict[str, Target]:
    """The targets that come with the package, by name."""
    text = files("instancecap.render").joinpath("targets.toml").read_text(encoding="utf-8")
    return _parse(tomllib.loads(text), where="targets.toml")


def read_targets(path: str | Path) -> dict[str, Target]:
    """Targets of the user's own TOML file, a table each; see :class:`Target` for its keys.

    A table may name another target as ``like``, and change some of its values.

    Raises:
        UsageError: the file cannot be read, or a table does not make a target.
    """
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--targets {path}: cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--targets {path}: not valid TOML: {error}") from error
    return _parse(tables, where=f"--targets {path}")


def find_target(name: str, extra: dict[str, Target] | None = None) -> Target:
    """The target of that name, among the user's own first.

    Raises:
        UsageError: there is none; the message lists the names that are allowed.
    """
    known = {**targets(), **(extra or {})}
    if name not in known:
        raise UsageError(f"target {name!r}: not known; allowed are {', '.join(known)}")
    return known[name]


def _parse(tables: dict[str, Any], *, where: str) -> dict[str, Target]:
    found: dict[str, Target] = {}
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise UsageError(f"{where}: {name} is not a table; write [{name}] and its values below")
        base = table.pop("like", None)
        if base is not None:
            origin = find_target(base, found)
            table = {**dataclasses.asdict(origin), "source": where, **table}
            table.pop("name")
        found[name] = _target(name, table, where=f"{where}: [{name}]")
    return found


def _target(name: str, table: dict[str, Any], *, where: str) -> Target:
    fields = {field.name: field for field in dataclasses.fields(Target) if field.name != "name"}
    if unknown := sorted(set(table) - set(fields)):
        raise UsageError(
            f"{where}: {', '.join(unknown)} not known; allowed are {', '.join(fields)}"
        )
    if missing := [key for key in ("style", "tokenizer", "limit") if key not in table]:
        raise UsageError(f"{where}: {', '.join(missing)} missing; 'like' takes it from another")
    text = ("style", "tokenizer", "frames", "source")
    for key, value in table.items():
        kinds = (str,) if key in text else (int, float) if key == "fps" else (int,)
        least = {"limit": 1, "multiple": 1}.get(key, 0)
        if not isinstance(value, kinds) or isinstance(value, bool):
            raise UsageError(f"{where}: {key} = {value!r}; it is {kinds[0].__name__}")
        if not isinstance(value, str) and value < least:
            raise UsageError(f"{where}: {key} = {value}; it is {least} or more")
    allowed = {"style": style_names(), "tokenizer": get_args(TokenizerKind)}
    for key, names in allowed.items():
        if table[key] not in names:
            raise UsageError(f"{where}: {key} = {table[key]!r}; allowed are {', '.join(names)}")
    if table.get("frames") and not _valid_rule(table["frames"]):
        raise UsageError(f"{where}: frames = {table['frames']!r}; write it like 4N+1")
    return Target(name=name, **table)


def _valid_rule(rule: str) -> bool:
    found = _RULE.fullmatch(rule)
    return found is not None and int(found[1]) > 0
