"""Which clips are kept: limits of figures, read from a TOML file, and what they say of a clip."""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

from instancecap.datasets.curation.figures import Figures
from instancecap.errors import UsageError
from instancecap.schema import vocabulary as v


@dataclass(frozen=True, slots=True)
class Kind:
    """What a rule is about.

    Attributes:
        figure: field of :class:`Figures`.
        words: how its value is told; ``{}`` stands for it.
        allowed: of words, those that there are; empty for any.
    """

    figure: str
    words: str
    allowed: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether the figure is a number, not words."""
        return Figures.model_fields[self.figure].annotation in (int, float)


KINDS = {
    "duration": Kind("duration", "lasts {} s"),
    "size": Kind("side", "the shorter side has {} pixels"),
    "fps": Kind("fps", "{} frames a second"),
    "transitions": Kind("transitions", "{} cuts, dissolves or fades"),
    "motion": Kind("motion", "the liveliest instance moves {} diagonals a second"),
    "instances": Kind("instances", "{} instances"),
    "largest": Kind("largest", "the largest instance fills {} of the frame"),
    "camera": Kind("camera", "the camera: {}", get_args(v.Primitive)),
    "camera_speed": Kind("camera_speed", "the camera moves {} diagonals a second"),
    "stability": Kind("stability", "the camera is {}", get_args(v.Stability)),
    "damage": Kind("damage", "{} of the frames are damaged or missing"),
    "repeated": Kind("repeated", "{} of the frames repeat the one before"),
    "frozen": Kind("frozen", "the picture rests for {} s"),
    "blur": Kind("blur", "blur is {}"),
    "dark": Kind("dark", "{} of the picture is too dark"),
    "bright": Kind("bright", "{} of the picture is too bright"),
    "brightness": Kind("brightness", "brightness is {}"),
    "bars": Kind("bars", "black bars fill {} of the picture"),
    "text": Kind("text", "writing is laid over {} of the picture"),
    "subtitles": Kind("subtitles", "there are subtitles for {} of the time"),
    "watermark": Kind("watermark", "a mark that never moves fills {} of the picture"),
    "people": Kind("people", "{} people"),
    "faces": Kind("faces", "{} faces at one time"),
    "face": Kind("face", "the largest face has {} of the frame's height"),
    "classes": Kind("classes", "instances: {}"),
    "place": Kind("place", "the place is {}", get_args(v.Place)),
    "style": Kind("style", "the style is {}", get_args(v.Style)),
}
"""By rule, in the order in which a file that names all of them has them."""

DUPLICATES, PLUGINS = "duplicates", "plugins"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a clip.

    Attributes:
        figure: a number, a word, or words.
        limit: in words: ``at least 2``.
        words: a sentence without its full stop.
    """

    rule: str
    figure: Any
    limit: str
    passes: bool
    words: str

    def as_dict(self) -> dict[str, Any]:
        """A reason as JSON."""
        return {name: getattr(self, name) for name in ("rule", "figure", "limit", "words")}


@dataclass(frozen=True, slots=True)
class Rule:
    """Limits of one figure; None where there is none.

    Attributes:
        is_plugin: the figure is one of :attr:`Figures.extra`.
    """

    name: str
    kind: Kind
    min: float | None = None
    max: float | None = None
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()
    is_plugin: bool = False

    def limits(self) -> list[str]:
        """In words."""
        found = [f"at least {self.min:g}"] if self.min is not None else []
        found += [f"at most {self.max:g}"] if self.max is not None else []
        found += [f"only {', '.join(self.only)}"] if self.only is not None else []
        return found + ([f"never {', '.join(self.never)}"] if self.never else [])

    def value(self, figures: Figures) -> Any:
        """The figure that the rule is about."""
        return figures.extra[self.name] if self.is_plugin else getattr(figures, self.kind.figure)

    def passes(self, value: Any) -> bool:
        """Whether a figure is within the limits."""
        if isinstance(value, int | float):
            return (self.min is None or value >= self.min) and (
                self.max is None or value <= self.max
            )
        words = {value} if isinstance(value, str) else set(value)
        return words.isdisjoint(self.never) and (self.only is None or words <= set(self.only))

    def judge(self, value: Any) -> Verdict:
        """What the rule says of a figure."""
        if isinstance(value, int | float):
            told = f"{value:.4g}"
        else:
            words = [value] if isinstance(value, str) else value
            told = ", ".join(filter(None, words)) or "not known"
        passes, limit = self.passes(value), ", ".join(self.limits())
        text = self.kind.words.format(told)
        return Verdict(self.name, value, limit, passes, text if passes else f"{text}; {limit}")


@dataclass(frozen=True, slots=True)
class Rules:
    """All rules of a run.

    Attributes:
        duplicates: share of a hash's bits in which clips may differ and count as the same; None
            to keep them.
        mirror: mirror images count as the same.
        plugins: by name of the figure, ``module:function`` or the name of an entry point.
    """

    rules: tuple[Rule, ...] = ()
    duplicates: float | None = None
    mirror: bool = False
    plugins: Mapping[str, str] = field(default_factory=dict)

    def judge(self, figures: Figures) -> list[Verdict]:
        """What every rule says of a clip."""
        return [rule.judge(rule.value(figures)) for rule in self.rules]

    def reject(self, figures: Figures) -> tuple[Verdict, ...]:
        """What speaks against a clip."""
        values = ((rule, rule.value(figures)) for rule in self.rules)
        return tuple(rule.judge(value) for rule, value in values if not rule.passes(value))

    @property
    def steps(self) -> list[tuple[str, str]]:
        """Name and limit of each rule, in order."""
        steps = [(rule.name, ", ".join(rule.limits())) for rule in self.rules]
        if self.duplicates is not None:
            steps.append((DUPLICATES, f"more than {self.duplicates:g} of the bits differ"))
        return steps


def read_rules(path: str = "") -> Rules:
    """The shipped rules, with those of a file in their place. Raises :class:`UsageError`."""
    shipped = files("instancecap.datasets.curation").joinpath("rules.toml")
    tables = tomllib.loads(shipped.read_text(encoding="utf-8"))
    if path:
        own = read_toml(path)
        for name in own:
            if name not in {*KINDS, DUPLICATES, PLUGINS}:
                known = ", ".join([*KINDS, DUPLICATES, PLUGINS])
                raise UsageError(f"{path}: no rule {name!r}; there are: {known}")
        tables |= own
    tables = {name: table for name, table in tables.items() if table is not False}
    found = [
        _rule(path, name, kind, tables[name]) for name, kind in KINDS.items() if name in tables
    ]
    calls: dict[str, str] = {}
    for name, table in _table(path, PLUGINS, tables.get(PLUGINS, {})).items():
        limits = dict(_table(path, f"{PLUGINS}.{name}", table))
        if name in KINDS:
            raise UsageError(
                f"{path}: [plugins.{name}]: there is a rule of that name; choose another"
            )
        calls[name] = str(limits.pop("call", name))
        found.append(_rule(path, name, Kind("blur", f"{name} is {{}}"), limits, extra=("call",)))
    same = _table(path, DUPLICATES, tables.get(DUPLICATES, {}))
    _refuse_others(path, DUPLICATES, same, ("max", "mirror"))
    limit = _number(path, DUPLICATES, "max", same.get("max"))
    return Rules(tuple(found), limit, bool(same.get("mirror", False)), calls)


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A TOML file. Raises :class:`UsageError`."""
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error


def _rule(path: str, name: str, kind: Kind, table: Any, *, extra: Sequence[str] = ()) -> Rule:
    limits = _table(path, name, table)
    keys = ("min", "max") if kind.is_number else ("only", "never")
    _refuse_others(path, name, limits, (*extra, *keys))
    if kind.is_number:
        low, high = (_number(path, name, key, limits.get(key)) for key in keys)
        if low is not None and high is not None and low > high:
            raise UsageError(f"{path}: {name}: min {low:g} is more than max {high:g}")
        return Rule(name, kind, low, high, is_plugin=bool(extra))
    only, never = (_words(path, name, kind, key, limits.get(key)) for key in keys)
    return Rule(name, kind, only=only, never=never or ())


def _table(path: str, name: str, table: Any) -> Mapping[str, Any]:
    if not isinstance(table, dict):
        raise UsageError(f"{path}: {name} = {table!r}: write limits in [{name}], or {name} = false")
    return table


def _refuse_others(path: str, name: str, given: Mapping[str, Any], allowed: Sequence[str]) -> None:
    for key in given:
        if key not in allowed:
            raise UsageError(f"{path}: [{name}] takes {', '.join(allowed)}, not {key!r}")


def _number(path: str, name: str, key: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value):
        return value
    raise UsageError(f"{path}: [{name}] {key} = {value!r}: give a number")


def _words(path: str, name: str, kind: Kind, key: str, value: Any) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f'{path}: [{name}] {key} = {value!r}: give a list of words, ["…"]')
    for one in value:
        if kind.allowed and one not in kind.allowed:
            known = ", ".join(kind.allowed)
            raise UsageError(f"{path}: [{name}] {key}: no {one!r}; there are: {known}")
    return tuple(value)
