"""How trainers load the clips of a dataset: retimed, put into buckets, cut, or passed over.

The arithmetic is written from the trainers' own code and documents; each function names its source.
Settings are read from the dataset's own configuration where it has one, so that an edited file is
followed too; where a trainer takes them on its command line, docs/trainers.md names them.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Sequence
from itertools import accumulate, repeat
from pathlib import Path
from typing import Any

from instancecap.datasets.export.rules import Load, Loaded, Loader, MediaInfo, Plan
from instancecap.io.finder import IMAGE_SUFFIXES

CAPTIONER_FPS = 2.0
"""Frames a second that a captioner is shown: LLaMA-Factory ``hparams/data_args.py``,
``video_fps``; ms-swift by qwen_vl_utils ``vision_process.py``, ``FPS``."""

LLAMA_FACTORY_FRAMES = 128
"""LLaMA-Factory ``hparams/data_args.py``, ``video_maxlen``."""

SWIFT_FRAMES = (4, 768)
"""The fewest and most of qwen_vl_utils, ``FPS_MIN_FRAMES`` and ``FPS_MAX_FRAMES``."""

DIFFSYNTH_FRAMES = 81
"""DiffSynth-Studio ``diffsynth/core/data/operators.py``, ``LoadVideo``: ``num_frames``."""

COGVIDEO_FRAMES = {8.0: 49, 16.0: 81}
"""By the model's rate: THUDM/CogVideo ``sat/configs/sft.yaml``; for CogVideoX 1.5 its README."""

COGVIDEO_SKIPPED = 3
"""Frames at either end that its SAT loader leaves out (``skip_frms_num``)."""

OPEN_SORA_LENGTHS = (51, 102, 204, 408)
"""Buckets for videos of hpcaitech/Open-Sora v1.2 ``configs/opensora-v1-2/train``."""

OPEN_SORA_2_LENGTHS = tuple(range(5, 130, 4))
"""Buckets for videos of hpcaitech/Open-Sora ``configs/diffusion/train/stage1.py``."""

MOCHI_FRAMES, MOCHI_SIZE = 37, (848, 480)
"""genmoai/mochi ``demos/fine_tuner``: of the README's command, and of ``preprocess.bash``."""

NO_VIDEO = Loaded(0, reason="a picture, and the trainer reads videos only")
"""What becomes of a still where the loader opens video files alone."""


def _always(load: Callable[[MediaInfo, Plan], Loaded]) -> Loader:
    """The loader of a trainer that has no settings in the dataset."""
    return lambda folder, plan: lambda info: load(info, plan)


def _too_short(reason: str, plan: Plan) -> Loaded:
    """A clip that is dropped for its length, which the user's ``--frames`` may have asked for."""
    return Loaded(0, reason=reason, remedy="a smaller --frames keeps it" if plan.frames else "")


def _first(frames: int, info: MediaInfo) -> Loaded:
    """The first ``frames`` at the clip's own rate."""
    return Loaded(frames, frames / info.fps if info.fps and frames > 1 else 0.0)


@_always
def load_all(info: MediaInfo, plan: Plan) -> Loaded:
    """Everything as it is: huggingface/datasets and webdataset store clips, and choose none."""
    return Loaded(info.frames, seconds=info.seconds)


@_always
def load_by_rules(info: MediaInfo, plan: Plan) -> Loaded:
    """The first frames that keep the rule, of all clips within the trainer's own limits.

    Source: Lightricks/LTX-2 ``packages/ltx-trainer/scripts/process_videos.py``
    (``_filter_valid_videos``); NVIDIA/cosmos-framework
    ``data/generator/local_datasets/sft_dataset.py`` (``resolve_sft_window_framing``).
    """
    reasons = []
    if info.frames < (fewest := max(plan.min_frames, plan.frames)):
        reasons.append(f"{info.frames} frames, and the trainer needs {fewest}")
    if plan.max_seconds and info.seconds > plan.max_seconds:
        most = f"the trainer takes {plan.max_seconds:g} s at most"
        reasons.append(f"{info.seconds:.1f} s, and {most}")
    if reasons:
        reason = "; ".join(reasons)
        fixed = info.frames < plan.min_frames or info.frames >= fewest
        return Loaded(0, reason=reason) if fixed else _too_short(reason, plan)
    return _first(plan.round_to_frame_rule(plan.frames or info.frames), info)


@_always
def load_videox_fun(info: MediaInfo, plan: Plan) -> Loaded:
    """The frames asked for, or all of a shorter clip, cut to the rule; nothing is dropped.

    Source: aigc-apps/VideoX-Fun ``videox_fun/data/dataset_image_video.py`` with
    ``--video_sample_stride 1``.
    """
    return _first(plan.round_to_frame_rule(min(info.frames, plan.frames or info.frames)), info)


@_always
def load_diffsynth(info: MediaInfo, plan: Plan) -> Loaded:
    """The first ``num_frames``, or of a shorter clip as many as keep the rule.

    Source: modelscope/DiffSynth-Studio ``diffsynth/core/data/operators.py``, ``LoadVideo``.
    """
    frames = min(info.frames, plan.frames or DIFFSYNTH_FRAMES)
    return _first(plan.round_to_frame_rule(frames), info)


@_always
def load_open_sora_1(info: MediaInfo, plan: Plan) -> Loaded:
    """The longest bucket that a clip is longer than, or by chance a shorter one.

    Source: hpcaitech/Open-Sora v1.2 ``opensora/datasets/bucket.py``, ``Bucket.get_bucket_id``.
    """
    return _in_bucket(info, info.frames - 1, plan, OPEN_SORA_LENGTHS, interval=1)


@_always
def load_open_sora_2(info: MediaInfo, plan: Plan) -> Loaded:
    """Of a clip faster than 24 frames a second every Nth frame; the longest bucket that they fill.

    Source: hpcaitech/Open-Sora ``opensora/datasets/bucket.py``, ``Bucket.get_bucket_id``.
    """
    interval = max(1, math.ceil(info.fps / plan.model_fps))
    return _in_bucket(info, info.frames // interval, plan, OPEN_SORA_2_LENGTHS, interval=interval)


def _in_bucket(
    info: MediaInfo, frames: int, plan: Plan, lengths: Sequence[int], *, interval: int
) -> Loaded:
    """The longest bucket within so many frames; stills have one of their own."""
    if info.frames == 1:
        return Loaded(1)
    buckets = (plan.frames,) if plan.frames else lengths
    if fits := [bucket for bucket in buckets if bucket <= frames]:
        return Loaded(max(fits), seconds=max(fits) * interval / info.fps)
    return _too_short(f"{info.frames} frames, and its shortest bucket has {min(buckets)}", plan)


@_always
def load_cogvideo(info: MediaInfo, plan: Plan) -> Loaded:
    """Every Nth frame, so that the frames asked for cover the clip; a shorter clip stops it.

    Source: THUDM/CogVideo ``finetune/datasets/utils.py``, ``preprocess_video_with_resize``.
    """
    if not info.fps:
        return NO_VIDEO
    frames = plan.frames or plan.round_to_frame_rule(info.frames)
    if info.frames < frames:
        return _too_short(f"{info.frames} frames, and the trainer needs {frames}", plan)
    return Loaded(frames, seconds=frames * (info.frames // frames) / info.fps)


@_always
def load_cogvideo_sat(info: MediaInfo, plan: Plan) -> Loaded:
    """Frames at the model's rate; fewer than that from a short clip, whose last one is repeated.

    Source: THUDM/CogVideo ``sat/data_video.py``, ``SFTDataset``.
    """
    if not info.fps:
        return NO_VIDEO
    most = plan.frames or COGVIDEO_FRAMES.get(plan.model_fps, 49)
    if info.frames / info.fps * plan.model_fps > most:
        return Loaded(most, seconds=most / plan.model_fps)
    inside = info.frames - 2 * COGVIDEO_SKIPPED
    if inside < 1:
        return Loaded(0, reason=f"{info.frames} frames, and {COGVIDEO_SKIPPED} at each end go")
    if info.frames <= most:
        return _first((inside - 1) // 4 * 4 + 1, info)
    step = max(inside // most, 1)
    frames = min(-(-inside // step), most)
    return Loaded(frames, seconds=min(frames * step, inside) / info.fps)


@_always
def load_mochi(info: MediaInfo, plan: Plan) -> Loaded:
    """Pieces of the frames asked for, at the model's rate; what is shorter or smaller is dropped.

    Source: genmoai/mochi ``demos/fine_tuner``, ``preprocess.bash``, ``trim_and_crop_videos.py``.
    """
    if not info.fps:
        return NO_VIDEO
    frames, size = plan.frames or MOCHI_FRAMES, plan.size or MOCHI_SIZE
    length = round(frames / plan.model_fps + 0.09, 1)  # as preprocess.bash has it
    if info.seconds < length:
        needs = f"{frames} frames are cut out of {length:g} s"
        return _too_short(f"{info.seconds:.2f} s, and {needs}", plan)
    if info.width < size[0] or info.height < size[1]:
        wanted = f"{size[0]}x{size[1]}"
        reason = f"{info.width}x{info.height} is smaller than its {wanted}"
        return Loaded(0, reason=reason, remedy=f"--transcode --size {wanted} enlarges it")
    pieces = int(info.seconds / length)
    return Loaded(frames * pieces, seconds=frames * pieces / plan.model_fps)


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
        return _too_short(f"{frames} frames at the model's rate, and {needs}", plan)

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
                return _too_short(f"{there} frames as loaded, and {needs}", plan)
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
        return _too_short(f"{info.frames} frames, and {needs}", plan)

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


@_always
def load_llama_factory(info: MediaInfo, plan: Plan) -> Loaded:
    """Two frames a second, evenly spread, 128 at most.

    Source: hiyouga/LLaMA-Factory ``data/mm_plugin.py``, ``_get_video_sample_indices``.
    """
    frames = max(1, int(info.seconds * CAPTIONER_FPS))
    return Loaded(min(info.frames, LLAMA_FACTORY_FRAMES, frames), seconds=info.seconds)


@_always
def load_ms_swift(info: MediaInfo, plan: Plan) -> Loaded:
    """Two frames a second, an even number from 4 to 768, as Qwen's models are shown videos.

    Source: qwen_vl_utils ``vision_process.py``, ``smart_nframes``, by which modelscope/ms-swift
    loads; templates of other models pick by rules of their own.
    """
    if not info.fps:
        return Loaded(1)
    fewest, most = SWIFT_FRAMES
    wanted = min(max(info.frames / info.fps * CAPTIONER_FPS, fewest), most, info.frames)
    if (frames := int(wanted) // 2 * 2) < 2:
        return Loaded(0, reason=f"{info.frames} frame, and a video needs 2")
    return Loaded(frames, seconds=info.seconds)


LOADERS: dict[str, Loader] = {
    "finetrainers": load_finetrainers,
    "musubi-tuner": load_musubi,
    "diffusion-pipe": load_diffusion_pipe,
    "videox-fun": load_videox_fun,
    "diffsynth": load_diffsynth,
    "open-sora-1.2": load_open_sora_1,
    "open-sora-2": load_open_sora_2,
    "cogvideo": load_cogvideo,
    "cogvideo-sat": load_cogvideo_sat,
    "ai-toolkit": load_ai_toolkit,
    "ltx-2": load_by_rules,
    "cosmos3": load_by_rules,
    "mochi": load_mochi,
    "videofolder": load_all,
    "webdataset": load_all,
    "llama-factory": load_llama_factory,
    "ms-swift": load_ms_swift,
    "trl": load_all,  # the pictures that were saved
}
