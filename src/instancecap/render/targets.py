"""The models that prompts are rendered for, as data (``targets.toml``), and who counts tokens."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, ValidationError

from instancecap.errors import MissingDependency, UsageError
from instancecap.render.tokens import TokenizerKind, estimate_tokens
from instancecap.schema.base import StrictModel

JSON = "json"
"""The style of the one target whose prompt is no paragraph."""

MINIMAX = "minimax"
"""The style of the one target whose paragraph has marks and fields around it."""

_RULE = re.compile(r"([1-9]\d*)N(?:\+(\d+))?")


@cache
def styles() -> dict[str, tuple[str, ...]]:
    """The parts of a paragraph, first to last, by the name of the style: ``styles.toml``."""
    text = files("instancecap.render").joinpath("styles.toml").read_text(encoding="utf-8")
    return {name: tuple(one["order"]) for name, one in tomllib.loads(text).items()}


def _check_style(style: str) -> str:
    if style not in (*styles(), JSON):
        raise ValueError(f"allowed are {', '.join((*styles(), JSON))}")
    return style


def _check_rule(rule: str) -> str:
    if rule and not _RULE.fullmatch(rule):
        raise ValueError("write it like 4N+1")
    return rule


class Target(StrictModel):
    """A text-to-video model: how its prompts read, how long they may be, which clips it takes."""

    model_config = ConfigDict(frozen=True, strict=True)

    name: str = Field(description="as given to --for")
    style: Annotated[str, AfterValidator(_check_style)] = Field(
        description="an order of fields, or 'json' for Cosmos 3's JSON"
    )
    tokenizer: TokenizerKind = Field(description="decides how tokens are estimated")
    limit: int = Field(ge=1, description="tokens that a prompt may have, special ones included")
    soft: int = Field(
        0, ge=0, description="tokens from which quality falls, kept under; 0: not known"
    )
    special: int = Field(0, ge=0, description="tokens of the limit that the encoder takes itself")
    frames: Annotated[str, AfterValidator(_check_rule)] = Field(
        "", description="rule for the number of frames, such as 4N+1; empty for any number"
    )
    fps: float = Field(0.0, ge=0, description="of its training; 0 where a clip keeps its own")
    multiple: int = Field(1, ge=1, description="what width and height are multiples of")
    source: str = Field("", description="where the figures come from")

    @property
    def budget(self) -> int:
        """Tokens that a prompt is kept within: the soft limit where there is one."""
        return min(self.limit, self.soft or self.limit)

    @property
    def takes_prose(self) -> bool:
        """Whether its prompt is a plain paragraph, without fields."""
        return self.style not in (JSON, MINIMAX)

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
            table = {**origin.model_dump(), "source": where, **table}
            table.pop("name")
        found[name] = _target(name, table, where=f"{where}: [{name}]")
    return found


def _target(name: str, table: dict[str, Any], *, where: str) -> Target:
    try:
        return Target(**{"name": name, **table})
    except ValidationError as error:
        first, allowed = error.errors(include_url=False)[0], list(Target.model_fields)[1:]
        key, why = first["loc"][0], first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            why = "is missing; 'like' takes it from another"
        elif key not in allowed:
            why = f"not known; allowed are {', '.join(allowed)}"
        else:
            why = f"= {first['input']!r}: {why}"
        raise UsageError(f"{where}: {key} {why}") from error


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts the tokens of a prompt, special ones included.

    Attributes:
        name: ``estimate:KIND``, which is rather too high, or ``tokenizer:FOLDER/FILE``.
        count: the tokens of a text.
    """

    name: str
    count: Callable[[str], int]


def counter_for(target: Target, tokenizer: str | Path | None = None) -> Counter:
    """The counter of a target: an estimate, or its own tokenizer from files on this machine.

    Args:
        tokenizer: ``tokenizer.json``, a SentencePiece ``.model``, or a folder that holds one.

    Raises:
        UsageError: there is no such file, or it is no tokenizer.
        MissingDependency: the package that reads it is not installed.
    """
    if tokenizer is None:
        kind, special = target.tokenizer, target.special
        return Counter(f"estimate:{kind}", lambda text: special + estimate_tokens(text, kind))
    file = _tokenizer_file(Path(tokenizer))
    return Counter(f"tokenizer:{file.parent.name}/{file.name}", _load(file))


def _tokenizer_file(path: Path) -> Path:
    names = ("tokenizer.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
    if path.is_file():
        return path
    for folder in (path, path / "tokenizer"):
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise UsageError(f"--tokenizer {path}: no tokenizer there; it is one of {', '.join(names)}")


def _load(file: Path) -> Callable[[str], int]:
    package = "tokenizers" if file.suffix == ".json" else "sentencepiece"
    try:
        module = import_module(package)
    except ImportError as error:
        fix = f"pip install {package}"
        raise MissingDependency(f"{file.name} is read by {package}: {fix}") from error
    try:
        if package == "sentencepiece":
            pieces = module.SentencePieceProcessor(model_file=str(file))
            # The end mark, which the text encoders add, is not among the pieces.
            return lambda text: len(pieces.encode(text)) + 1
        tokenizer = module.Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises plain Exception
        raise UsageError(f"--tokenizer {file}: not a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)
