"""Prompts and class hints: files, ours or a user's, with one version over all of them."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template

from instancecap.errors import UsageError
from instancecap.formats import questions

_HOME = files(__package__)
_SECTION = re.compile(r"^## (\w+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Prompts:
    """Texts by file name, then by section; a file without sections has the one ``""``.

    Attributes:
        version: the first 12 digits of the SHA-256 over all prompts and hints.
        hints: what to look at in a thing, by class or category.
    """

    texts: Mapping[str, Mapping[str, str]]
    version: str
    hints: Mapping[str, str]

    def say(self, name: str, section: str = "", /, **values: object) -> str:
        """A prompt with its ``$placeholders`` filled. Raises :class:`UsageError`."""
        try:
            return Template(self.texts[name][section]).substitute(values)
        except (KeyError, ValueError) as error:
            allowed = ", ".join(f"${key}" for key in values) or "none"
            where = f"{name}.md" + (f", section {section!r}" if section else "")
            raise UsageError(
                f"prompt {where}: {error} cannot be filled in; placeholders there: {allowed} "
                "(write a dollar sign as $$)"
            ) from error

    def hint(self, class_: str, category: str) -> str:
        """What to look at in a thing of this class; that of its category for other classes."""
        return self.hints.get(class_) or self.hints.get(category) or self.hints["other"]


@cache
def load_prompts(folder: str = "", hints_file: str = "") -> Prompts:
    """Our prompts and hints, with those of the user's files in their place.

    Raises:
        UsageError: a file that cannot be read, has another name than ours, or lacks a section.
    """
    home = _HOME / "prompts"
    texts = {
        file.name.removesuffix(".md"): _sections(file.read_text(encoding="utf-8"))
        for file in home.iterdir()
        if file.name.endswith(".md")
    }
    texts |= {name: {"": text} for name, text in questions().items()}
    if folder and not Path(folder).is_dir():
        raise UsageError(f"{folder}: no such folder of prompts")
    for path in sorted(Path(folder).glob("*.md")) if folder else ():
        if path.stem not in texts:
            raise UsageError(f"{path}: no prompt of this name; {', '.join(texts)}")
        sections = _sections(_read(path))
        if missing := sorted(texts[path.stem].keys() - sections.keys()):
            raise UsageError(f"{path}: lacks the section {missing[0]!r}")
        texts[path.stem] = sections
    hints = _hints((_HOME / "hints.csv").read_text(encoding="utf-8"), "hints.csv")
    if hints_file:
        hints |= _hints(_read(Path(hints_file)), hints_file)
    everything = repr(([(name, sorted(texts[name].items())) for name in sorted(texts)], hints))
    version = hashlib.sha256(everything.encode()).hexdigest()[:12]
    return Prompts(texts, version, hints)


def _sections(text: str) -> dict[str, str]:
    parts = _SECTION.split(text)
    if len(parts) == 1:
        return {"": text.strip()}
    return {name: body.strip() for name, body in zip(parts[1::2], parts[2::2], strict=True)}


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error


def _hints(text: str, source: str) -> dict[str, str]:
    rows = csv.DictReader(text.splitlines())
    if not {"name", "hint"} <= set(rows.fieldnames or ()):
        raise UsageError(f"{source}: a table of hints has the columns name,hint")
    return {row["name"].strip(): row["hint"].strip() for row in rows if row["name"] and row["hint"]}
