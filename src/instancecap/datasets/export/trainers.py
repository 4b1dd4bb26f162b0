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
from instancecap.datasets.export.layouts import (
    Layout,
    Lines,
    Pairs,
    Parse,
    Row,
    Shards,
    Table,
    dump,
    one_group,
)
from instancecap.datasets.export.rules import ClipCounts, Extras, MediaInfo, Plan, Sample
from instancecap.errors import UsageError
from instancecap.formats.cosmos3 import aspect_ratio
from instancecap.io.finder import IMAGE_SUFFIXES
from instancecap.render.targets import JSON, targets

QUESTION = (
    "Describe this video instance by instance. Answer with one JSON object that has the keys "
    '"Global Description", "Structural Description" (main instances with class, appearance, '
    "actions and motion, position), background detail and camera movement. Say only what is seen."
)
"""What a captioner is asked in fine-tuning; the answer is an InstanceVid object."""

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


def _flat(path: str, text: str, *facts: str, absolute: bool = False) -> tuple[Row, Parse]:
    """Rows of a path, a text, and some of :data:`FACTS`."""

    def row(sample: Sample, final: Path) -> dict[str, Any]:
        place = str(final / sample.media[0]) if absolute else sample.media[0]
        return {path: place, text: sample.text, **{name: FACTS[name](sample) for name in facts}}

    return row, lambda row: ((str(row[path]),), str(row[text]))


def _shard_row(sample: Sample, final: Path) -> dict[str, Any]:
    facts = {name: FACTS[name](sample) for name in ("num_frames", "height", "width", "fps")}
    return {"name": sample.name, "caption": sample.text, **facts}


def _diffusion_pipe_row(sample: Sample, final: Path) -> dict[str, Any]:
    return {Path(sample.media[0]).name: [sample.text]}


def _diffusion_pipe_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    ((name, captions),) = row.items()
    if not isinstance(captions, list) or len(captions) != 1:
        raise ValueError(f"a list of one caption was expected for {name}")
    return (f"videos/{name}",), captions[0]


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


def _cosmos_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    (window,) = row["t2w_windows"]
    if window["end_frame"] < window["start_frame"]:
        raise ValueError("the window has no frames")
    text = json.dumps(window["caption_json"], ensure_ascii=False) if window["caption_json"] else ""
    return (row["vision_path"],), text


def _messages(sample: Sample, marks: str = "") -> list[dict[str, str]]:
    return [
        {"role": "user", "content": marks + (sample.question or QUESTION)},
        {"role": "assistant", "content": sample.text},
    ]


def _chat_row(sample: Sample, final: Path, *, absolute: bool) -> dict[str, Any]:
    kind = "image" if _is_image(sample) else "video"
    paths = [str(final / path) if absolute else path for path in sample.media]
    return {"messages": _messages(sample, f"<{kind}>" * len(paths)), f"{kind}s": paths}


def _chat_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    user, assistant = row["messages"]
    whole = user["content"] + assistant["content"]
    media: list[str] = []
    for kind in ("video", "image"):
        paths = row.get(f"{kind}s") or []
        if (marks := whole.count(f"<{kind}>")) != len(paths):
            raise ValueError(f"{marks} <{kind}> marks for {len(paths)} {kind}s")
        media += paths
    return tuple(media), assistant["content"]


def _trl_row(sample: Sample, final: Path) -> dict[str, Any]:
    """TRL puts the images in front of the question itself; Hugging Face opens the files."""
    return {"images_file_names": list(sample.media), "messages": _messages(sample)}


def _trl_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    _, assistant = row["messages"]
    return tuple(row["images_file_names"]), assistant["content"]


ROWS: dict[str, tuple[Row, Parse]] = {
    "diffusion-pipe": (_diffusion_pipe_row, _diffusion_pipe_parse),
    "cosmos3": (_cosmos_row, _cosmos_parse),
    "llama-factory": (partial(_chat_row, absolute=False), _chat_parse),
    "ms-swift": (partial(_chat_row, absolute=True), _chat_parse),
    "trl": (_trl_row, _trl_parse),
}
"""Rows that are not flat, both ways."""


def _toml(*head: str, **values: Any) -> str:
    """Lines of TOML, whose values are written as those of JSON."""
    return "\n".join([*head, *(f"{name} = {dump(one)}" for name, one in values.items()), ""])


def _musubi_group(info: MediaInfo, plan: Plan) -> str:
    """The loader is told one rate for all clips of a table, and none where it keeps all frames."""
    source_fps = loaders.musubi_source_fps(info, plan)
    return f"{source_fps:g}fps" if source_fps else "every-frame"


def _musubi_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    """A dataset for each table, in their order."""
    groups: dict[str, ClipCounts] = {}
    for info, clips in counts.clips.items():
        groups.setdefault(_musubi_group(info, plan), ClipCounts()).clips[info] = clips
    text = _toml(
        "[general]",
        resolution=counts.size(plan),
        batch_size=1,
        enable_bucket=True,
        bucket_no_upscale=True,
    )
    for number, (group, alike) in enumerate(groups.items()):
        mark = f"-{group}" if number else ""
        source_fps = loaders.musubi_source_fps(next(iter(alike.clips)), plan)
        count = partial(loaders.count_musubi, plan=plan, source_fps=source_fps)
        lengths = alike.lengths(plan, count)
        if plan.frames:
            extraction: dict[str, Any] = {"target_frames": lengths, "frame_extraction": "head"}
        else:  # a caption tells of the whole clip, so that the whole clip has to be trained on
            extraction = {"frame_extraction": "full", "max_frames": max(lengths, default=1)}
        text += _toml(
            "",
            "[[datasets]]",
            video_jsonl_file=str(final / f"metadata{mark}.jsonl"),
            cache_directory=str(final / f"cache{mark}"),
            **extraction,
            **({"source_fps": source_fps} if source_fps else {}),
        )
    return {"dataset.toml": text}


def _diffusion_pipe_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    # A clip goes to the longest bucket that it fills; what it has beyond that is not trained on.
    lengths = counts.lengths(plan, lambda info: loaders.retime_diffusion_pipe(info, plan))
    text = _toml(
        resolutions=[counts.size(plan)],
        enable_ar_bucket=True,
        min_ar=0.5,
        max_ar=2.0,
        num_ar_buckets=7,
        frame_buckets=sorted({1, *lengths}),
    )
    folder = _toml("", "[[directory]]", path=str(final / "videos"), num_repeats=1)
    return {"dataset.toml": text + folder}


def _finetrainers_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    width, height = counts.size(plan)
    lengths = counts.lengths(plan, lambda info: info.frames) or [1]
    dataset = {
        "data_root": str(final),
        "dataset_type": "video",
        "video_resolution_buckets": [[frames, height, width] for frames in lengths],
        "reshape_mode": "bicubic",
    }
    return {"training.json": json.dumps({"datasets": [dataset]}, indent=2) + "\n"}


def _llama_factory_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    tags = {"role": "role", "content": "content", "user": "user", "assistant": "assistant"}
    about = {
        "file_name": "data.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "videos": "videos"},
        "tags": {f"{name}_tag": tag for name, tag in tags.items()},
    }
    return {"dataset_info.json": json.dumps({"instancecap": about}, indent=2) + "\n"}


EXTRAS: dict[str, Extras] = {
    "finetrainers": _finetrainers_files,
    "musubi-tuner": _musubi_files,
    "diffusion-pipe": _diffusion_pipe_files,
    "llama-factory": _llama_factory_files,
}
"""The trainers' own configuration."""


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
    columns, absolute = given.pop("columns", ()), given.pop("absolute", False)
    row, parse = ROWS[name] if name in ROWS else _flat(*columns, absolute=absolute)
    group = _musubi_group if name == "musubi-tuner" else one_group
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
