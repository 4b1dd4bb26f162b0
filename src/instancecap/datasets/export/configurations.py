"""Files that trainers want beside the rows: their own configuration, or the start of one."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

from instancecap.datasets.export import configured_loaders as configured
from instancecap.datasets.export.layouts import dump
from instancecap.datasets.export.rules import ClipCounts, Extras, MediaInfo, Plan


def _as_json(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _toml(*head: str, **values: Any) -> str:
    """Lines of TOML, whose values are written as those of JSON."""
    return "\n".join([*head, *(f"{name} = {dump(one)}" for name, one in values.items()), ""])


def musubi_group(info: MediaInfo, plan: Plan) -> str:
    """The loader is told one rate for all clips of a table, and none where it keeps all frames."""
    source_fps = configured.musubi_source_fps(info, plan)
    return f"{source_fps:g}fps" if source_fps else "every-frame"


def _musubi_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    """A dataset for each table, in their order."""
    groups: dict[str, ClipCounts] = {}
    for info, clips in counts.clips.items():
        groups.setdefault(musubi_group(info, plan), ClipCounts()).clips[info] = clips
    text = _toml(
        "[general]",
        resolution=counts.size(plan),
        batch_size=1,
        enable_bucket=True,
        bucket_no_upscale=True,
    )
    for number, (group, alike) in enumerate(groups.items()):
        mark = f"-{group}" if number else ""
        source_fps = configured.musubi_source_fps(next(iter(alike.clips)), plan)
        count = partial(configured.count_musubi, plan=plan, source_fps=source_fps)
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
    lengths = counts.lengths(plan, lambda info: configured.retime_diffusion_pipe(info, plan))
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
    return {"training.json": _as_json({"datasets": [dataset]})}


def _llama_factory_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    tags = {"role": "role", "content": "content", "user": "user", "assistant": "assistant"}
    about = {
        "file_name": "data.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "videos": "videos"},
        "tags": {f"{name}_tag": tag for name, tag in tags.items()},
    }
    return {"dataset_info.json": _as_json({"instancecap": about})}


def _shortest(plan: Plan, counts: ClipCounts) -> int:
    """Frames that all videos have, as the trainer counts them at their own rate."""
    return min(counts.lengths(plan, lambda info: info.frames), default=1)


def _simpletuner_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    """A dataset of videos, in buckets of every length of the rule, and one for the texts."""
    frames = {"num_frames": plan.frames} if plan.frames else {"frame_interval": plan.step}
    videos = {
        "id": "instancecap",
        "type": "local",
        "dataset_type": "video",
        "instance_data_dir": str(final),
        "caption_strategy": "textfile",
        "metadata_backend": "discovery",
        "resolution": min(counts.size(plan)),
        "resolution_type": "pixel",
        "crop": False,
        "cache_dir_vae": str(final / "cache" / "vae"),
        "video": {
            "bucket_strategy": "resolution_frames",
            "min_frames": _shortest(plan, counts),
            **frames,
        },
    }
    texts = {
        "id": "instancecap-texts",
        "type": "local",
        "dataset_type": "text_embeds",
        "default": True,
        "cache_dir": str(final / "cache" / "text"),
    }
    return {"multidatabackend.json": _as_json([videos, texts])}


def _onetrainer_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    concept = {
        "name": final.name,
        "path": str(final),
        "enabled": True,
        "include_subdirectories": False,
        "text": {"prompt_source": "sample"},
    }
    return {"concepts.json": _as_json([concept])}


def _fastvideo_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    """Its preprocessing, for as many frames as every clip has at the model's rate, and clips as
    long as the longest; JSON is YAML."""
    width, height = counts.size(plan)
    rate = plan.model_fps or 24.0
    lengths = counts.lengths(plan, lambda info: configured.retime_fastvideo(info, rate)) or [1]
    seconds = max((info.frames / info.fps for info in counts.videos), default=0.0)
    return {
        "preprocess.yaml": _as_json(
            {
                "pipeline": {"workload_type": "t2v"},
                "preprocess": {
                    "dataset_type": "merged",
                    "dataset_path": str(final),
                    "dataset_output_dir": str(final / "processed"),
                    "max_height": height,
                    "max_width": width,
                    "num_frames": lengths[0],
                    "train_fps": round(rate),
                    "video_length_tolerance_range": math.ceil(seconds * rate / lengths[0]) + 1,
                },
            }
        )
    }


EXTRAS: dict[str, Extras] = {
    "finetrainers": _finetrainers_files,
    "musubi-tuner": _musubi_files,
    "diffusion-pipe": _diffusion_pipe_files,
    "simpletuner": _simpletuner_files,
    "onetrainer": _onetrainer_files,
    "fastvideo": _fastvideo_files,
    "llama-factory": _llama_factory_files,
}
"""The trainers' own configuration."""
