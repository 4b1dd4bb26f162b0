"""Loaders of trainers that read their settings from the dataset's own configuration.

So an edited file is followed too. As in ``loaders.py``, each function names its source.
"""

from __future__ import annotations

import json
import math
import tomllib
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any

from instancecap.datasets.export.rules import Load, Loaded, MediaInfo, Plan
from instancecap.datasets.export.simple_loaders import NO_VIDEO, load_by_rules, too_short
from instancecap.io.finder import IMAGE_SUFFIXES


def retime_diffusion_pipe(info: MediaInfo, plan: Plan) -> int:
    """Frames of a clip at the model's rate (tdrussell/diffusion-pipe ``utils/dataset.py``)."""
    if info.frames == 1 and not info.fps:
        return 1
    if not plan.model_fps or not info.fps:
        return info.frames
    return int(info.frames * plan.model_fps / info.fps)


def load_diffusion_pipe(folder: Path, plan: Plan) -> Load:
    """A video goes to the longest bucket that it fills at the model's rate, and never to bucket 1.

    Source: ``_metadata_map_fn`` and ``_find_closest_ar_bucket`` of ``utils/dataset.py``.
    """
    path = folder / "dataset.toml"
    if not path.exists():
        return load_by_rules(folder, plan)
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    (directory,) = settings["directory"]
    buckets = {1, *directory.get("frame_buckets", settings.get("frame_buckets", [1]))}

    def load(info: MediaInfo) -> Loaded:
        frames = retime_diffusion_pipe(info, plan)
        if frames == 1:
            return Loaded(1)
        if fits := [bucket for bucket in buckets if 1 < bucket <= frames]:
            return Loaded(max(fits), seconds=max(fits) / (plan.model_fps or info.fps))
        shortest = min(buckets - {1}, default=2)
        needs = f"a bucket for videos has {shortest} or more"
        return too_short(f"{frames} frames at the model's rate, and {needs}", plan)

    return load


def musubi_source_fps(info: MediaInfo, plan: Plan) -> float:
    """The rate to state for a clip: frames are left out, and never repeated for a higher one."""
    return round(info.fps, 3) if info.frames > 1 and info.fps > plan.model_fps > 0 else 0.0


def count_musubi(info: MediaInfo, plan: Plan, source_fps: float, most: int | None = None) -> int:
    """Frames that are kept of a clip, or of its first ``most``; all where ``source_fps`` is 0.

    Source: kohya-ss/musubi-tuner ``dataset/media_utils.py``, ``load_video``.
    """
    if not source_fps or not plan.model_fps:
        return min(info.frames, most or info.frames)
    step = plan.model_fps / source_fps
    # Added up as the trainer does, with its rounding: a product gives one frame more or fewer.
    places = set(map(int, accumulate(repeat(step, info.frames - 1), initial=0.0)))
    return sum(place < (most or info.frames) for place in places)


def load_musubi(folder: Path, plan: Plan) -> Load:
    """``head`` trains on clips of ``target_frames`` or more, ``full`` on all that keeps 4N+1.

    Of several datasets a clip belongs to that of its rate, else to one without.
    Source: ``VideoDataset`` of ``dataset/image_video_dataset.py``.
    """
    path = folder / "dataset.toml"
    if not path.exists():
        return load_by_rules(folder, plan)
    datasets = tomllib.loads(path.read_text(encoding="utf-8"))["datasets"]
    rates: dict[float, dict[str, Any]] = {}
    for one in datasets:
        rates.setdefault(float(one.get("source_fps", 0.0)), one)

    def load(info: MediaInfo) -> Loaded:
        dataset = rates.get(round(info.fps, 3)) or rates.get(0.0) or datasets[0]
        source_fps = float(dataset.get("source_fps", 0.0))
        rate = min(plan.model_fps, info.fps) if source_fps and plan.model_fps else info.fps
        if dataset["frame_extraction"] == "head":
            wanted = [(frames - 1) // 4 * 4 + 1 for frames in dataset["target_frames"]]
            there = count_musubi(info, plan, source_fps, max(wanted))
            frames = max((one for one in wanted if one <= there), default=0)
            if not frames:
                needs = f"target_frames is {min(wanted)}"
                return too_short(f"{there} frames as loaded, and {needs}", plan)
        else:
            kept = count_musubi(info, plan, source_fps)
            frames = (min(kept, int(dataset.get("max_frames", 129))) - 1) // 4 * 4 + 1
        return Loaded(frames, seconds=frames / rate if rate and frames > 1 else 0.0)

    return load


def load_finetrainers(folder: Path, plan: Plan) -> Load:
    """Frames are picked evenly to the longest bucket that a clip fills, whatever its rate.

    Of a clip that fills none, the first frame alone is trained on: that is a drop.
    Source: huggingface/finetrainers ``functional``, ``resize_to_nearest_bucket_video``.
    """
    path = folder / "training.json"
    if not path.exists():
        return load_by_rules(folder, plan)
    (dataset,) = json.loads(path.read_text(encoding="utf-8"))["datasets"]
    buckets = [int(frames) for frames, _, _ in dataset["video_resolution_buckets"]]

    def load(info: MediaInfo) -> Loaded:
        if info.frames == 1:
            return Loaded(1)
        if fits := [bucket for bucket in buckets if bucket <= info.frames]:
            return Loaded(max(fits), seconds=info.seconds)
        needs = f"its shortest bucket has {min(buckets)}: only the first would be trained on"
        return too_short(f"{info.frames} frames, and {needs}", plan)

    return load


def load_ai_toolkit(folder: Path, plan: Plan) -> Load:
    """Frames are spread over the whole clip: ``num_frames``, or ``auto_frame_count`` at ``fps``.

    Pictures are not listed beside videos. Source: ostris/ai-toolkit ``toolkit/data_loader.py`` and
    ``load_and_process_video`` of ``toolkit/dataloader_mixins.py``.
    """
    media = [path for path in folder.iterdir() if path.suffix not in ("", ".txt")]
    videos = any(path.suffix.lower() not in IMAGE_SUFFIXES for path in media)

    def load(info: MediaInfo) -> Loaded:
        if not info.fps:
            reason = "a picture, and beside videos it lists videos alone" if videos else ""
            return Loaded(int(not videos), reason=reason)
        auto = int(info.frames / info.fps * (plan.fps or info.fps)) // plan.step * plan.step + 1
        return Loaded(plan.frames or auto, seconds=info.seconds)

    return load


def load_simpletuner(folder: Path, plan: Plan) -> Load:
    """The first frames, ``num_frames`` or as many as keep the model's rule, at the clip's own rate.

    A clip of fewer than ``min_frames`` after that is passed over; pictures belong into a dataset
    of their own. Source: bghira/SimpleTuner ``documentation/DATALOADER.md``, "Video dataset" and
    "Automatic Frame Count Adjustment".
    """
    path = folder / "multidatabackend.json"
    if not path.exists():
        return load_by_rules(folder, plan)
    datasets = json.loads(path.read_text(encoding="utf-8"))
    (video,) = [one["video"] for one in datasets if one["dataset_type"] == "video"]
    wanted = int(video.get("num_frames", 0))
    fewest = int(video.get("min_frames", wanted))

    def load(info: MediaInfo) -> Loaded:
        if not info.fps:
            return NO_VIDEO
        there = plan.round_to_frame_rule(info.frames)
        if there < max(fewest, wanted):
            needs = f"min_frames is {max(fewest, wanted)}"
            return too_short(f"{info.frames} frames, and {needs}", plan)
        frames = wanted or there
        return Loaded(frames, frames / info.fps)

    return load


def retime_fastvideo(info: MediaInfo, rate: float) -> int:
    """Frames of a clip at a rate: every place that a step of the rates' ratio reaches."""
    return math.ceil(info.frames * rate / info.fps) if info.fps else info.frames


def load_fastvideo(folder: Path, plan: Plan) -> Load:
    """``num_frames`` at ``train_fps``; what has fewer, or lasts too long, is passed over.

    Source: hao-ai-lab/FastVideo ``fastvideo/workflow/preprocess/components.py``
    (``PreprocessingDataValidator``) and ``pipelines/preprocess/preprocess_stages.py``.
    """
    path = folder / "preprocess.yaml"
    if not path.exists():
        return load_by_rules(folder, plan)
    settings = json.loads(path.read_text(encoding="utf-8"))["preprocess"]
    frames, rate = int(settings["num_frames"]), float(settings["train_fps"])
    longest = float(settings.get("video_length_tolerance_range", 2.0)) * frames / rate

    def load(info: MediaInfo) -> Loaded:
        if not info.fps:
            return NO_VIDEO
        if info.frames / info.fps > longest:
            most = f"the trainer takes {longest:.1f} s at most"
            return Loaded(0, reason=f"{info.frames / info.fps:.1f} s, and {most}")
        if (there := retime_fastvideo(info, rate)) < frames:
            needs = f"num_frames is {frames}"
            return too_short(f"{there} frames at {rate:g} a second, and {needs}", plan)
        return Loaded(frames, frames / rate)

    return load
