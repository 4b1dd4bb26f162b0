"""Loaders of trainers that have no settings in the dataset.

The arithmetic is written from the trainers' own code and documents; each function names its source.
Where a trainer takes settings on its command line, docs/trainers.md names them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from instancecap.datasets.export.rules import Loaded, Loader, MediaInfo, Plan

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

ONETRAINER_FPS = 24.0
"""Frames a second that OneTrainer takes clips to have."""

MOCHI_FRAMES, MOCHI_SIZE = 37, (848, 480)
"""genmoai/mochi ``demos/fine_tuner``: of the README's command, and of ``preprocess.bash``."""

NO_VIDEO = Loaded(0, reason="a picture, and the trainer reads videos only")
"""What becomes of a still where the loader opens video files alone."""


def _always(load: Callable[[MediaInfo, Plan], Loaded]) -> Loader:
    """The loader of a trainer that has no settings in the dataset."""
    return lambda folder, plan: lambda info: load(info, plan)


def too_short(reason: str, plan: Plan) -> Loaded:
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
        return Loaded(0, reason=reason) if fixed else too_short(reason, plan)
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
    return too_short(f"{info.frames} frames, and its shortest bucket has {min(buckets)}", plan)


@_always
def load_cogvideo(info: MediaInfo, plan: Plan) -> Loaded:
    """Every Nth frame, so that the frames asked for cover the clip; a shorter clip stops it.

    Source: THUDM/CogVideo ``finetune/datasets/utils.py``, ``preprocess_video_with_resize``.
    """
    if not info.fps:
        return NO_VIDEO
    frames = plan.frames or plan.round_to_frame_rule(info.frames)
    if info.frames < frames:
        return too_short(f"{info.frames} frames, and the trainer needs {frames}", plan)
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
        return too_short(f"{info.seconds:.2f} s, and {needs}", plan)
    if info.width < size[0] or info.height < size[1]:
        wanted = f"{size[0]}x{size[1]}"
        reason = f"{info.width}x{info.height} is smaller than its {wanted}"
        return Loaded(0, reason=reason, remedy=f"--transcode --size {wanted} enlarges it")
    pieces = int(info.seconds / length)
    return Loaded(frames * pieces, seconds=frames * pieces / plan.model_fps)


@_always
def load_onetrainer(info: MediaInfo, plan: Plan) -> Loaded:
    """Frames in a row from a place that is drawn by lot: it stops at a clip that ends before.

    The last place counts on 24 frames a second, so that a slower clip may end too soon. Without
    ``--frames`` the training is thought to ask for as many as the clip has.
    Source: Nerogar/mgds ``src/mgds/pipelineModules/LoadVideo.py`` with the rate that
    Nerogar/OneTrainer ``DataLoaderText2ImageMixin`` gives it.
    """
    if not info.fps:
        return Loaded(1)
    frames = plan.frames or plan.round_to_frame_rule(info.frames)
    spare = (info.frames - 1) / info.fps - (frames - 1) / ONETRAINER_FPS
    last = int(max(0.0, spare) * info.fps)
    if info.frames < frames:
        return too_short(f"{info.frames} frames, and the trainer needs {frames}", plan)
    if last + frames > info.frames:
        reason = f"it may begin at frame {last}, and needs {frames} of {info.frames} from there"
        return Loaded(0, reason=reason, remedy="--transcode brings it to 24 frames a second")
    return _first(frames, info)


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
