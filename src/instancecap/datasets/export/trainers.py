"""The trainers of ``trainers.toml``, with the rows and files that are special to some."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from instancecap.datasets.export import loaders
from instancecap.datasets.export.base import Trainer
from instancecap.datasets.export.configurations import EXTRAS, musubi_group
from instancecap.datasets.export.layouts import (
    Layout,
    Lines,
    Pairs,
    Parse,
    Row,
    Shards,
    Table,
    one_group,
)
from instancecap.datasets.export.rules import Sample
from instancecap.errors import UsageError
from instancecap.formats import questions
from instancecap.formats.cosmos3 import aspect_ratio
from instancecap.io.finder import IMAGE_SUFFIXES
from instancecap.render.targets import JSON, targets

QUESTION = questions()["instancecap_captioner"]
"""What a captioner is asked in fine-tuning, and in use by ``--single-format``; the answer is an
InstanceVid object."""

FACTS: dict[str, Callable[[Sample], Any]] = {
    "type": lambda one: "image" if _is_image(one) else "video",
    "width": lambda one: one.info.width,
    "height": lambda one: one.info.height,
    "num_frames": lambda one: one.info.frames,
    "fps": lambda one: round(one.info.fps, 3),
    # Open-Sora's own script has height over width here, and pixels as the resolution.
    "aspect_ratio": lambda one: one.info.height / one.info.width,
    "resolution": lambda one: one.info.height * one.info.width,
}
"""Columns beside path and text, under the names that most trainers use."""


def find_trainer(name: str) -> Trainer:
    """The trainer of that name. Raises :class:`UsageError` that lists the names."""
    if name not in TRAINERS:
        hint = f"; {name} is a model: name it with --target {name}" if name in targets() else ""
        raise UsageError(
            f"--for {name}: not a known trainer{hint}; allowed are {', '.join(TRAINERS)}"
        )
    return TRAINERS[name]


def _is_image(sample: Sample) -> bool:
    return Path(sample.media[0]).suffix.lower() in IMAGE_SUFFIXES


def _flat(
    path: str, text: str, *facts: str, absolute: bool = False, legacy: str = ""
) -> tuple[Row, Parse]:
    """Rows of a path, a text, and some of :data:`FACTS`; of several texts in a column more.

    ``legacy``: an older name of the path's column, which is read too.
    """

    def row(sample: Sample, final: Path) -> dict[str, Any]:
        place = str(final / sample.media[0]) if absolute else sample.media[0]
        several = {f"{text}s": list(sample.texts)} if sample.texts[1:] else {}
        known = {name: FACTS[name](sample) for name in facts}
        return {path: place, text: sample.text, **several, **known}

    def parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        place = row[legacy] if legacy in row else row[path]
        return (str(place),), tuple(row.get(f"{text}s") or (str(row[text]),))

    return row, parse


def _shard_row(sample: Sample, final: Path) -> dict[str, Any]:
    facts = {name: FACTS[name](sample) for name in ("num_frames", "height", "width", "fps")}
    several = {"captions": list(sample.texts)} if sample.texts[1:] else {}
    return {"name": sample.name, "caption": sample.text, **several, **facts}


def _diffusion_pipe_row(sample: Sample, final: Path) -> dict[str, Any]:
    return {Path(sample.media[0]).name: list(sample.texts)}


def _diffusion_pipe_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    ((name, captions),) = row.items()
    if not isinstance(captions, list) or not captions:
        raise ValueError(f"a list of captions was expected for {name}")
    return (f"videos/{name}",), tuple(captions)


def _fastvideo_row(sample: Sample, final: Path) -> dict[str, Any]:
    info = sample.info
    return {
        "path": Path(sample.media[0]).name,
        "cap": list(sample.texts),
        "fps": round(info.fps, 3),
        "num_frames": info.frames,
        "duration": round(info.seconds, 3),
        "resolution": {"width": info.width, "height": info.height},
    }


def _fastvideo_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if lacking := {"fps", "num_frames", "resolution"} - row.keys():
        raise ValueError(f"the trainer passes over rows without {', '.join(sorted(lacking))}")
    texts = row["cap"] if isinstance(row["cap"], list) else [row["cap"]]
    return (f"videos/{row['path']}",), tuple(texts)


def _cosmos_row(sample: Sample, final: Path) -> dict[str, Any]:
    """The structured caption is trained on; its media fields say what the exported file is."""
    info = sample.info
    structured = json.loads(sample.text)
    structured |= {
        "resolution": {"H": info.height, "W": info.width},
        "aspect_ratio": aspect_ratio(info.width, info.height),
        "duration": f"{int(info.seconds)}s",
        "fps": round(info.fps),
    }
    dense = structured.get("temporal_caption") or sample.caption.global_description
    window = {
        "start_frame": 0,
        "end_frame": info.frames - 1,
        "temporal_interval": 1,
        "caption_json": structured,
        **({"caption": dense} if dense else {}),
    }
    return {
        "uuid": sample.stem,
        "duration": round(info.seconds, 3),
        "width": info.width,
        "height": info.height,
        "vision_path": sample.media[0],
        "t2w_windows": [window],
    }


def _cosmos_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    (window,) = row["t2w_windows"]
    if window["end_frame"] < window["start_frame"]:
        raise ValueError("the window has no frames")
    text = json.dumps(window["caption_json"], ensure_ascii=False) if window["caption_json"] else ""
    return (row["vision_path"],), (text,)


def _messages(sample: Sample, marks: str = "") -> list[dict[str, str]]:
    return [
        {"role": "user", "content": marks + (sample.question or QUESTION)},
        {"role": "assistant", "content": sample.text},
    ]


def _chat_row(sample: Sample, final: Path, *, absolute: bool) -> dict[str, Any]:
    kind = "image" if _is_image(sample) else "video"
    paths = [str(final / path) if absolute else path for path in sample.media]
    return {"messages": _messages(sample, f"<{kind}>" * len(paths)), f"{kind}s": paths}


def _chat_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    user, assistant = row["messages"]
    whole = user["content"] + assistant["content"]
    media: list[str] = []
    for kind in ("video", "image"):
        paths = row.get(f"{kind}s") or []
        if (marks := whole.count(f"<{kind}>")) != len(paths):
            raise ValueError(f"{marks} <{kind}> marks for {len(paths)} {kind}s")
        media += paths
    return tuple(media), (assistant["content"],)


def _trl_row(sample: Sample, final: Path) -> dict[str, Any]:
    """TRL puts the images in front of the question itself; Hugging Face opens the files."""
    return {"images_file_names": list(sample.media), "messages": _messages(sample)}


def _trl_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    _, assistant = row["messages"]
    return tuple(row["images_file_names"]), (assistant["content"],)


def _unsloth_row(sample: Sample, final: Path) -> dict[str, Any]:
    """Messages of parts: the file is one of them, by its path."""
    kind = "image" if _is_image(sample) else "video"
    user, assistant = _messages(sample)
    file = {"type": kind, kind: str(final / sample.media[0])}
    return {
        "messages": [
            {"role": "user", "content": [file, {"type": "text", "text": user["content"]}]},
            {"role": "assistant", "content": [{"type": "text", "text": assistant["content"]}]},
        ]
    }


def _unsloth_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    user, assistant = row["messages"]
    files = [part[part["type"]] for part in user["content"] if part["type"] in ("image", "video")]
    (answer,) = assistant["content"]
    return tuple(files), (answer["text"],)


ROWS: dict[str, tuple[Row, Parse]] = {
    "diffusion-pipe": (_diffusion_pipe_row, _diffusion_pipe_parse),
    "fastvideo": (_fastvideo_row, _fastvideo_parse),
    "cosmos3": (_cosmos_row, _cosmos_parse),
    "llama-factory": (partial(_chat_row, absolute=False), _chat_parse),
    "ms-swift": (partial(_chat_row, absolute=True), _chat_parse),
    "unsloth": (_unsloth_row, _unsloth_parse),
    "trl": (_trl_row, _trl_parse),
}
"""Rows that are not flat, both ways."""


def _warn_of_videos_in_path(final: Path) -> str:
    if "videos" not in str(final) and ".mp4" not in str(final):
        return ""
    return (
        "CogVideo's SAT loader replaces 'videos' and '.mp4' wherever they stand in a path: "
        "give it a relative path, or choose an --out without them"
    )


def _layout(name: str, kind: str, about: dict[str, Any], given: dict[str, Any]) -> Layout:
    if kind == "lines":
        return Lines(**about)
    if kind == "pairs":
        return Pairs(**about)
    if kind == "shards":
        return Shards(row=_shard_row, **about)
    columns = given.pop("columns", ())
    how = {key: given.pop(key) for key in ("absolute", "legacy") if key in given}
    row, parse = ROWS[name] if name in ROWS else _flat(*columns, **how)
    group = musubi_group if name == "musubi-tuner" else one_group
    return Table(row=row, parse=parse, group=group, **about)


def _trainer(name: str, given: dict[str, Any]) -> Trainer:
    """A trainer from its table in ``trainers.toml``."""
    ((kind, about),) = given.pop("layout").items()
    every = tuple(one for one, target in targets().items() if target.style != JSON)
    models = tuple(given.pop("models", ()))
    return Trainer(
        name=name,
        layout=_layout(name, kind, about, given),
        models=every if models == ("*",) else models,
        loader=loaders.LOADERS[name],
        suffixes=frozenset(given.pop("suffixes", ())),
        extras=EXTRAS.get(name),
        warns=_warn_of_videos_in_path if name == "cogvideo-sat" else None,
        **given,
    )


_TABLES = files("instancecap.datasets.export").joinpath("trainers.toml")

TRAINERS = {
    name: _trainer(name, given)
    for name, given in tomllib.loads(_TABLES.read_text(encoding="utf-8")).items()
}
"""Every trainer by its name."""
