"""Captions in the formats of other systems, both ways.

plain = to_format(caption, "instancevid")
caption = caption_from(plain)                  # the format is seen from the content
lost(caption, "instancevid")                   # JSON pointers of what did not go along
answer_model("instancevid")                    # what a language model is asked to answer with
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Protocol, cast

from instancecap.errors import FormatError, UsageError
from instancecap.formats import (
    cosmos3,
    curate,
    fiftyone,
    instancecap,
    instancevid,
    instancevid_published,
    labelstudio,
    miradata,
    skycaptioner,
    spatialvid,
)
from instancecap.formats import text as plain_text
from instancecap.formats.salvage import SALVAGED, decode_text, salvage
from instancecap.formats.shape import ANSWER, Shape, clean, loosely
from instancecap.formats.table_rows import video_of
from instancecap.schema import codec
from instancecap.schema.caption import Caption, Producer, Provenance

__all__ = ["FORMATS", "Caption", "Codec", "answer_model", "answer_text", "caption_from",
           "check_format", "detect", "lost", "questions", "read_file", "to_format"]  # fmt: skip


class Codec(Protocol):
    """A caption format, both ways; a module of this package each."""

    def write(self, caption: Caption, /) -> dict[str, Any] | str:
        """The caption as a plain object or a line of text."""

    def read(self, value: Any, warnings: list[str], /) -> Caption:
        """A caption; what is put right or left out is added to ``warnings``."""


FORMATS: dict[str, Codec] = {
    "instancecap": instancecap,
    "instancevid": instancevid,
    "instancevid-published": instancevid_published,
    "skycaptioner": skycaptioner,
    "cosmos3": cosmos3,
    "miradata": miradata,
    "text": plain_text,
    "labelstudio": labelstudio,
    "fiftyone": fiftyone,
}
"""Every format by its name; the first is our own."""

KEEPS_PROVENANCE = frozenset({"instancecap", "labelstudio", "fiftyone"})
"""Formats that say who wrote which field."""

_READERS = {name: codec.read for name, codec in FORMATS.items()} | {
    "cosmos-curate": curate.read,
    "spatialvid": spatialvid.read,
}

_SAME = {"instancevid-published": "instancevid"}
"""Formats that differ in what is written only, and are read as another."""

_SIGNS = {
    "instancevid": {*map(loosely, instancevid.STRUCTURE[:2]), "backgrounddetail"}
    | {one for one in instancevid.PARTS if one.startswith("main")},
    "cosmos-curate": {"spanuuid", "durationspan"},
    "spatialvid": {"optcammotion", "scenesummary", "shotimmersion"},
    "cosmos3": {"backgroundsetting", "temporalcaption", "cinematography"}
    | {"comprehensivet2icaption"},
    "skycaptioner": {"subjects", "shotposition", "environment"},
    "miradata": {loosely(column) for column in miradata.COLUMNS},
}
"""Keys that only one format has, written loosely; the first format with one of them it is."""


def check_format(name: str, *, option: str = "format") -> None:
    """Raise :class:`UsageError` unless ``name`` is a format."""
    if name not in FORMATS:
        raise UsageError(f"{option} {name}: choose one of {', '.join(FORMATS)}")


def detect(value: Any) -> str:
    """The format of a plain object; empty where it is none that is known."""
    if not isinstance(value, dict):
        return ""
    if str(value.get("schema", "")).startswith("instancecap.caption/"):
        return "instancecap"
    keys = {loosely(key) for key in value}
    if "Global Description" in value:
        return "instancevid"
    if labelstudio.is_task(value):
        return "labelstudio"
    if fiftyone.is_sample(value):
        return "fiftyone"
    if "instances" in value and "global_description" in value:
        return "instancecap"
    return next((name for name, signs in _SIGNS.items() if signs & keys), "")


def to_format(caption: Caption, name: str) -> dict[str, Any] | str:
    """The caption as a plain object of a format, or as a line of text.

    Raises:
        UsageError: there is no format of that name.
        FormatError: the format cannot say it: a text of nothing.
    """
    check_format(name)
    return FORMATS[name].write(caption)


def answer_model(name: str) -> type[Shape]:
    """The pydantic model of a format's JSON, for a question to a language model.

    Of our own format it is the part that a model can see: no ids, times and bookkeeping.

    Its JSON Schema is what is asked for, it reads answers generously, and
    ``caption_from(answer.model_dump(), format=name)`` makes a caption of one.

    Raises :class:`UsageError` for a name that is no format, or a format that is not asked for.
    """
    check_format(name)
    model = getattr(FORMATS[name], "Answer", None)
    if model is None:
        raise UsageError(f"format {name}: no language model is asked for it")
    return cast(type[Shape], model)


def answer_text(caption: Caption, name: str) -> str:
    """What a captioner is taught to answer: JSON on one line that fits :func:`answer_model`.

    Without spaces between its tokens, as decoding that is held to a schema gives it; without the
    video's path, which nobody sees. Raises :class:`UsageError` as :func:`answer_model` does.
    """
    model, codec = answer_model(name), FORMATS[name]
    plain = getattr(codec, "answer", codec.write)(caption.model_copy(update={"video": None}))
    told = model.model_validate(plain).model_dump(context=ANSWER)
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def questions() -> dict[str, str]:
    """What captioners are asked that were trained to answer in one format, by their names.

    Training and use say the same words, so that a captioner is asked what it has learned.
    """
    return {
        file.name.removesuffix(".md"): file.read_text(encoding="utf-8").strip()
        for file in (files(__package__) / "questions").iterdir()
    }


def caption_from(
    value: Any,
    *,
    format: str = "",
    fields: dict[str, Any] | None = None,
    problems: list[str] | None = None,
) -> Caption:
    """A caption from a plain object or a text of any format.

    Args:
        value: what :mod:`json` gives, or text: JSON, perhaps broken, or a caption in prose.
        format: seen from the content where it is empty.
        fields: what stands beside it in a table; gives the video where the caption has none.
        problems: what was put right or left out is added to it, and all to the ``warnings``.

    Raises:
        UsageError: there is no format of that name.
        FormatError: it is no caption, or not one of that format.
    """
    if format:
        check_format(format)
    warnings = problems if problems is not None else []
    if isinstance(value, str) and format != "text":
        value = _parse(value, warnings, structured=bool(format))
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    name = format or ("text" if isinstance(value, str) else detect(value))
    if name == "text":
        if not isinstance(value, str):
            raise FormatError(f"a caption in text was expected, and found is {_kind(value)}")
        caption = plain_text.read(value, warnings)
    elif not isinstance(value, dict):
        raise FormatError(f"a caption is an object or a text, and found is {_kind(value)}")
    elif not name:
        raise FormatError(_unknown(value))
    elif name in KEEPS_PROVENANCE:
        caption = FORMATS[name].read(value, warnings)
    else:
        caption = _read_foreign(value, name, warnings)
    row = video_of(fields) if fields else None
    if caption.video is None:
        caption.video = row
    elif row is not None and not caption.video.path:
        caption.video.path, caption.video.id = row.path, row.id
    caption.warnings += [warning for warning in warnings if warning not in caption.warnings]
    return caption


def _parse(text: str, warnings: list[str], *, structured: bool) -> Any:
    """The object in a text; the text itself where it is prose."""
    looks_like_json = text.lstrip("\ufeff \t\r\n").startswith(("{", "[", "```"))
    if not (structured or looks_like_json or "{" in text):
        return text
    try:
        value, problems = salvage(text)
        if isinstance(value, str):  # JSON within JSON
            value, problems = salvage(value)
    except FormatError:
        if structured or looks_like_json:
            raise
        return text
    if not looks_like_json and not structured and not detect(value):
        return text
    warnings += [f"{SALVAGED}{problem}" for problem in problems]
    return value


def _read_foreign(value: dict[str, Any], name: str, warnings: list[str]) -> Caption:
    """A caption of another system, with a word on who says all this."""
    if (found := detect(value)) and found != _SAME.get(name, name):
        raise FormatError(f"this is {found}, not {name}")
    cleaned = {clean(str(key)): one for key, one in value.items()}
    caption: Caption = _READERS[name](cleaned, warnings)
    leaves = caption.leaves()
    if not found and not leaves:
        raise FormatError(_unknown(value))
    if set(leaves) <= {"/global_description"}:
        unread = {f"unknown field left out: /{name}" for name, one in value.items() if _nested(one)}
        if missing := [one.rpartition("/")[2] for one in warnings if one in unread]:
            raise FormatError(f"nothing of its structure can be read: {', '.join(missing)}")
    caption.producer = Producer(name=name)
    caption.provenance = {
        pointer: Provenance(source=name, confidence=0.0, support="unchecked")
        for pointer in caption.leaves()
    }
    return caption


def _nested(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)


def _unknown(value: dict[str, Any]) -> str:
    if str(value.get("schema", "")).startswith("instancecap.evidence/"):
        return "this is evidence, not a caption"
    keys = ", ".join(f"{key!s:.40}" for key in list(value)[:6]) or "none"
    return f"no caption in it; its fields: {keys}"


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing"}
    return names.get(type(value), f"{value!r:.40}")


def lost(caption: Caption, name: str) -> list[str]:
    """JSON pointers of what a format does not hold: found by going there and back.

    After ``/instances/`` stands the instance's id. A thing that is lost as a whole is named once.
    Raises as :func:`to_format` does.
    """
    if name == "instancecap":
        return []  # our own: it holds everything
    written = to_format(caption, name)
    return _differences(caption, FORMATS[name].read(written, []))


WHOLE = {"/producer", "/provenance", "/claims", "/warnings", "/teachers"}
"""Bookkeeping that is named as a whole."""

ENDS = ".!?。！？…"
"""What closes a sentence."""


def _differences(caption: Caption, other: Caption) -> list[str]:
    """JSON pointers of what ``caption`` knows and ``other`` does not say in the same way.

    Instances are compared in their order; after ``/instances/`` stands the instance's id. Times
    are the same within a millisecond; a text is there also where another sentence follows it.
    """
    ours, theirs = caption.model_dump(mode="json"), other.model_dump(mode="json")
    found: list[str] = []
    for name, value in ours.items():
        if name != "schema":
            found += _compare(f"/{name}", value, theirs.get(name))
    return found


def _compare(pointer: str, ours: Any, theirs: Any) -> Iterator[str]:
    if ours == theirs or _says_nothing(ours) or _alike(ours, theirs):
        return
    if pointer in WHOLE or pointer.endswith("/track") or type(ours) is not type(theirs):
        yield pointer
    elif isinstance(ours, dict):
        for key, value in ours.items():
            if not (pointer.startswith("/instances/") and key == "id"):
                yield from _compare(f"{pointer}/{key}", value, theirs.get(key))
    elif isinstance(ours, list) and ours and isinstance(ours[0], dict):
        for index, value in enumerate(ours):
            place = f"{pointer}/{value['id'] if pointer == '/instances' else index}"
            if theirs:
                yield from _compare(place, value, theirs[index] if index < len(theirs) else None)
        if not theirs:
            yield pointer
    else:
        yield pointer


def _says_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_says_nothing(one) for one in value.values())
    if isinstance(value, str):
        return value.strip() in ("", "unknown")
    return value in ([], None, False, 0)


def _alike(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-3)
    if isinstance(ours, str) and isinstance(theirs, str):
        text, other = ours.strip().rstrip(ENDS), theirs.strip()
        return other.startswith(text) and other[len(text) : len(text) + 1] in ("", *ENDS)
    return False


def read_file(path: str | os.PathLike[str]) -> Caption:
    """The one caption in a file. Raises :class:`FormatError` that names the file."""
    try:
        text = decode_text(Path(path).read_bytes())
        if text is None:
            raise FormatError("not a valid caption: not UTF-8 text")
        return caption_from(text, format="text" if str(path).endswith(".txt") else "")
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from error
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


codec.register(sys.modules[__name__])
