"""The JSON of a foreign caption as a pydantic model: written exactly, read generously.

One model a format serves three ends: what is written is its dump, what a language model is asked
for is its JSON Schema, and what anybody wrote is read by :meth:`Shape.take`, which knows keys in
any spelling, null, lists and numbers where text should be, JSON inside a text, and names what it
leaves out.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any, ClassVar, Self, cast, get_args, get_origin

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, create_model, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from instancecap.errors import FormatError
from instancecap.formats.salvage import SALVAGED, salvage

_FALSE = {"false", "no", "0", "", "none", "null"}
_NUMBERINGS = {"", "no", "number", "id", "instance", "object", "subject", "entity", "item"} | {
    f"main{name}" for name in ("instance", "object", "subject")
}
_NOTHING: tuple[Any, ...] = (None, "", [], {})

ANSWER = "answer"
"""Context of a dump that has to fit the JSON Schema: a word that is not known is ``unknown``."""


@lru_cache(maxsize=4096)  # every field of every object asks for the same few keys
def loosely(key: Hashable) -> str:
    """A key without case, spaces, underscores and hyphens: ``Camera Movement`` is
    ``camera_movement``."""
    return re.sub(r"[\s_\-]+", "", str(key)).casefold()


def clean(text: str) -> str:
    """``text`` without lone surrogates, which no UTF-8 file can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def find_word(text: str, known: Iterable[str], synonyms: Mapping[str, str]) -> str:
    """The word of a vocabulary that ``text`` is, however it is spelt; empty for none."""
    words = re.sub(r"[\W_]+", "_", text.casefold()).strip("_")
    vocabulary = set(known)
    for candidate in (words, words.removesuffix("_shot"), f"{words}_shot", f"{words}_view"):
        found = synonyms.get(candidate, candidate)
        if found in vocabulary:
            return found
    return ""


@cache
def synonyms(field: str) -> Mapping[str, str]:
    """The word of a vocabulary by its other names, written with underscores: ``synonyms.csv``."""
    with (files(__package__) / "synonyms.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["field"] == field]
    return {name: row["word"] for row in rows for name in row["names"].split()}


@dataclass(frozen=True)
class Word:
    """Marks a text that is a word of a vocabulary: ``Annotated[str, Word(get_args(ShotType))]``."""

    known: tuple[str, ...]
    synonyms: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(
            lambda word, info: word or ("unknown" if info.context == ANSWER else ""), info_arg=True
        )
        return cast(CoreSchema, {**handler(source), "serialization": written})

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "enum": list(dict.fromkeys([*self.known, "unknown"]))}


def key(name: str, *others: str, default: Any = "") -> Any:
    """A field that is written as ``name`` and also read under the ``others``."""
    return Field(
        default=default, serialization_alias=name, validation_alias=AliasChoices(name, *others)
    )


def _keys(name: str, info: FieldInfo) -> list[str]:
    """The keys under which a field is read, the one that is written first."""
    alias = info.validation_alias
    choices = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
    return [*(str(one) for one in choices), name]


class Shape(BaseModel):
    """An object of a foreign format. Every field has a default; nothing raises but no object."""

    model_config = ConfigDict(extra="ignore", validate_by_name=True, serialize_by_alias=True)
    label: ClassVar[str] = ""
    """The field that holds the key where objects are keyed by what they are."""
    prose: ClassVar[str] = ""
    """The field that a bare text is taken for where an object should be."""

    @model_validator(mode="before")
    @classmethod
    def _generously(cls, value: Any) -> Any:
        return cls._fitted(value, [], "") if isinstance(value, dict) else value

    @classmethod
    def take(cls, value: dict[str, Any], warnings: list[str], where: str = "") -> Self:
        """The object, however it is spelt. What is put right or left out is added to warnings."""
        fitted = cls._fitted(value, warnings, where)
        return cast(Self, cls.model_construct(set(fitted), **fitted))

    @classmethod
    def arrange(cls, value: dict[str, Any]) -> dict[str, Any]:
        """The object with its keys where the fields are; for forms that nest otherwise."""
        return value

    @classmethod
    def _fitted(cls, value: dict[str, Any], warnings: list[str], where: str) -> dict[str, Any]:
        """Values by the names of the fields, of those that are given."""
        reader = _Reader(warnings, where)
        given = {loosely(name): (str(name), one) for name, one in cls.arrange(value).items()}
        fitted: dict[str, Any] = {}
        for name, info in cls.model_fields.items():
            found = next((one for one in map(loosely, _keys(name, info)) if one in given), None)
            if found is not None:
                label, one = given.pop(found)
                fitted[name] = reader.fit(info.annotation, info.metadata, one, label)
        for label, one in given.values():
            if not any(one is nothing or one == nothing for nothing in _NOTHING):
                reader.warn(f"unknown field left out: {where}/{clean(label)}")
        return fitted

    @classmethod
    def loose_keys(cls) -> frozenset[str]:
        """All keys under which its fields are read, written loosely."""
        fields = cls.model_fields.items()
        return frozenset(loosely(one) for name, info in fields for one in _keys(name, info))


def of_texts(name: str, texts: str, *, prose: str = "", **others: Any) -> type[Shape]:
    """A shape of text fields, and of ``others`` as pydantic's ``create_model`` takes them."""
    fields: dict[str, Any] = dict.fromkeys(texts.split(), (str, "")) | others
    shape = create_model(name, __base__=Shape, **fields)
    shape.prose = prose
    return shape


class _Reader:
    """Fits values to the fields of one object."""

    def __init__(self, warnings: list[str], where: str) -> None:
        self._warnings = warnings
        self._where = where

    def warn(self, problem: str) -> None:
        """Add a warning once."""
        if problem not in self._warnings:
            self._warnings.append(problem)

    def fit(self, kind: Any, marks: list[Any], value: Any, label: str) -> Any:
        """``value`` as a field of type ``kind`` holds it."""
        where = f"{self._where}/{clean(label)}"
        inner = get_args(kind)[-1] if get_origin(kind) in (list, dict) else None
        if isinstance(inner, type) and issubclass(inner, Shape):
            pairs = list(self._entries(inner, value, where))
            return dict(pairs) if get_origin(kind) is dict else [one for _, one in pairs]
        if isinstance(kind, type) and issubclass(kind, Shape):
            return self._object(kind, value, where)
        if kind is bool:
            return _flag(value)
        if kind in (int, float):
            return kind(number(value))
        if kind is not str:
            return value
        text = self._text(value, where)
        word = next((mark for mark in marks if isinstance(mark, Word)), None)
        return text if word is None else self._word(text, word, where)

    def _text(self, value: Any, where: str) -> str:
        """Text; a list's parts with commas; null, a flag and no number as the empty string."""
        if value is None or isinstance(value, bool):
            return ""
        if isinstance(value, str):
            return clean(value)
        if isinstance(value, int | float):
            return "" if math.isnan(value) else str(value)
        if isinstance(value, dict):
            self.warn(f"{where}: text was expected, its parts were joined")
            value = list(value.values())
        return ", ".join(part for one in value if (part := self._text(one, where)))

    def _word(self, text: str, word: Word, where: str) -> str:
        found = find_word(text, word.known, word.synonyms)
        if text.strip() and not found and text.strip().casefold() != "unknown":
            self.warn(f"{where}: {text!r:.60} is no word that is known here")
        return found

    def _object(self, kind: type[Shape], value: Any, where: str) -> Shape:
        value = parsed(value, self._warnings)
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if isinstance(value, kind):
            return value
        if isinstance(value, str) and value.strip() and kind.prose:
            value = {kind.prose: value}
        if not isinstance(value, dict):
            if value not in _NOTHING:
                self.warn(f"{where}: an object was expected, found {value!r:.40}")
            value = {}
        return kind.take(value, self._warnings, where)

    def _entries(self, kind: Any, value: Any, where: str) -> Iterator[tuple[str, Any]]:
        """The objects of a list, each with its key: a list, one object, or objects by key."""
        value = parsed(value, self._warnings)
        if isinstance(value, dict):
            single = any(loosely(one) in kind.loose_keys() for one in value)
            value = [value] if single else value
        if isinstance(value, str) and value.strip() and kind.prose:
            value = [value]
        if not isinstance(value, list | dict):
            if value not in _NOTHING:
                self.warn(f"{where}: a list was expected, found {value!r:.40}")
            return
        pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
        strange = 0
        for label, one in pairs:
            place = f"{where}/{clean(str(label))}"
            if isinstance(one, str) and one.strip() and kind.prose:
                self.warn(f"{place}: an object was expected, its text was kept")
                one = {kind.prose: one}
            if not isinstance(one, dict | kind):
                strange += 1
                continue
            taken = one if isinstance(one, kind) else kind.take(one, self._warnings, place)
            if kind.label and not getattr(taken, kind.label):
                setattr(taken, kind.label, entry_name(label))
            yield str(label), taken
        if strange:
            self.warn(f"{where}: {strange} of {len(pairs)} are not objects")


def parsed(value: Any, warnings: list[str]) -> Any:
    """The JSON in a text; the value itself where it is none."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[")):
        return value
    try:
        value, problems = salvage(value)
    except FormatError:
        return value
    warnings += [f"{SALVAGED}{problem}" for problem in problems]
    return value


def entry_name(label: Any) -> str:
    """What an entry is called by its key: ``dog`` of ``dog_2``, nothing of ``No.2`` or ``2``."""
    name = re.sub(r"[\s_.#\-]*\d+$", "", clean(str(label))).strip()
    return "" if loosely(name).rstrip(".:#") in _NUMBERINGS else name


def _flag(value: Any) -> bool:
    """True or false, also as a word."""
    return value.strip().casefold() not in _FALSE if isinstance(value, str) else bool(value)


def number(value: Any) -> float:
    """A number that is not negative, also out of text such as ``5s``; 0 where there is none."""
    if isinstance(value, str):
        match = re.search(r"\d+(?:\.\d+)?", value)
        value = float(match.group()) if match else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return float(value) if 0 <= value < 1e12 else 0.0


def sentences(parts: Iterable[str]) -> str:
    """Texts one after the other, each closed by a full stop unless there is one text only."""
    given = list(parts)
    some = [part for part in given if part.strip()]
    if len(some) < 2:
        return some[0] if some else "".join(given)
    ended = (part.strip() for part in some)
    return " ".join(part if part[-1] in ".!?。！？…" else f"{part}." for part in ended)
