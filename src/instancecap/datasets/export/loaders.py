"""How trainers load the clips of a dataset: retimed, put into buckets, cut, or passed over.

The arithmetic is written from the trainers' own code; each function names its source. Settings are
read from the dataset's own configuration, so that an edited file is followed too.
"""

from __future__ import annotations

import json
import tomllib
from itertools import accumulate, repeat
from pathlib import Path

from instancecap.datasets.export.base import Load, Loaded, Plan, load_by_rules
from instancecap.datasets.export.media import MediaInfo
from instancecap.io.finder import IMAGE_SUFFIXES

LLAMA_FACTORY_FRAMES = 128
LLAMA_FACTORY_FPS = 2.0
"""Defaults of LLaMA-Factory, ``hparams/data_args.py``: ``video_maxlen`` and ``video_fps``."""


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
        return Loaded(0, reason=f"{frames} frames at the model's rate, and {needs}")

    return load


def retime_musubi(info: MediaInfo, plan: Plan, source_fps: float) -> list[int]:
    """Places in time of the frames that are kept; all are where ``source_fps`` is 0.

    Source: kohya-ss/musubi-tuner ``dataset/media_utils.py``, ``load_video``.
    """
    if not source_fps or not plan.model_fps:
        return list(range(info.frames))
    step = plan.model_fps / source_fps
    # Added up as the trainer does, with its rounding: a product gives one frame more or fewer.
    return sorted(set(map(int, accumulate(repeat(step, info.frames - 1), initial=0.0))))


def load_musubi(folder: Path, plan: Plan) -> Load:
    """``head`` trains on clips of ``target_frames`` or more, ``full`` on all that keeps 4N+1.

    Source: ``VideoDataset`` of ``dataset/image_video_dataset.py``.
    """
    path = folder / "dataset.toml"
    if not path.exists():
        return load_by_rules(folder, plan)
    settings = tomllib.loads(path.read_text(encoding="utf-8"))
    (dataset,) = settings["datasets"]
    source_fps = float(dataset.get("source_fps", 0.0))
    head = dataset["frame_extraction"] == "head"
    wanted = [(frames - 1) // 4 * 4 + 1 for frames in dataset["target_frames"]] if head else []
    most = max(wanted) if head else int(dataset.get("max_frames", 129))

    def load(info: MediaInfo) -> Loaded:
        kept = retime_musubi(info, plan, source_fps)
        rate = min(plan.model_fps, info.fps) if source_fps and plan.model_fps else info.fps
        if head:
            there = sum(place < most for place in kept)
            frames = max((one for one in wanted if one <= there), default=0)
        else:
            there = len(kept)
            frames = (min(there, most) - 1) // 4 * 4 + 1
        if not frames:
            return Loaded(0, reason=f"{there} frames as loaded, and target_frames is {min(wanted)}")
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
        return Loaded(0, reason=f"{info.frames} frames, and {needs}")

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


def load_llama_factory(folder: Path, plan: Plan) -> Load:
    """Two frames a second, evenly spread, 128 at most.

    Source: hiyouga/LLaMA-Factory ``data/mm_plugin.py``, ``_get_video_sample_indices``.
    """

    def load(info: MediaInfo) -> Loaded:
        frames = max(1, int(info.seconds * LLAMA_FACTORY_FPS))
        return Loaded(min(info.frames, LLAMA_FACTORY_FRAMES, frames), seconds=info.seconds)

    return load
