"""Every trainer that datasets are exported for: a table, and what is special about some.

A new trainer is one more row: a layout of ``layouts.py``, the model that captions are rendered
for, and the limits that its own documents state.
"""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from typing import Any

from instancecap.datasets.export import loaders
from instancecap.datasets.export.base import ClipCounts, Plan, Sample, Trainer
from instancecap.datasets.export.layouts import Lines, Pairs, Shards, Table, dump, facts_of
from instancecap.errors import UsageError
from instancecap.io.finder import IMAGE_SUFFIXES
from instancecap.render.targets import targets

QUESTION = (
    "Describe this video instance by instance. Answer with one JSON object that has the keys "
    '"Global Description", "Structural Description" (main instances with class, appearance, '
    "actions and motion, position), background detail and camera movement. Say only what is seen."
)
"""What a captioner is asked in fine-tuning; the answer is an InstanceVid object."""


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


def _musubi_row(sample: Sample, final: Path) -> dict[str, Any]:
    return {"video_path": str(final / sample.media[0]), "caption": sample.text}


def _musubi_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    width, height = counts.size(plan)
    rates = {round(info.fps, 3) for info in counts.videos}
    # One rate can be stated for all clips; frames are left out, and never repeated for a higher.
    source_fps = max(rates) if len(rates) == 1 and max(rates) > plan.fps > 0 else 0.0
    lengths = counts.lengths(plan, lambda info: len(loaders.retime_musubi(info, plan, source_fps)))
    if plan.frames:
        extraction = [f"target_frames = {lengths}", 'frame_extraction = "head"']
    else:  # a caption tells of the whole clip, so that the whole clip has to be trained on
        extraction = ['frame_extraction = "full"', f"max_frames = {max(lengths, default=1)}"]
    lines = [
        "[general]",
        f"resolution = [{width}, {height}]",
        "batch_size = 1",
        "enable_bucket = true",
        "bucket_no_upscale = true",
        "",
        "[[datasets]]",
        f"video_jsonl_file = {dump(str(final / 'metadata.jsonl'))}",
        f"cache_directory = {dump(str(final / 'cache'))}",
        *extraction,
    ]
    if source_fps:
        lines.append(f"source_fps = {source_fps}")
    return {"dataset.toml": "\n".join(lines) + "\n"}


def _diffusion_pipe_row(sample: Sample, final: Path) -> dict[str, Any]:
    return {Path(sample.media[0]).name: [sample.text]}


def _diffusion_pipe_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    ((name, captions),) = row.items()
    if not isinstance(captions, list) or len(captions) != 1:
        raise ValueError(f"a list of one caption was expected for {name}")
    return (f"videos/{name}",), captions[0]


def _diffusion_pipe_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    width, height = counts.size(plan)
    # A clip goes to the longest bucket that it fills; what it has beyond that is not trained on.
    lengths = counts.lengths(plan, lambda info: loaders.retime_diffusion_pipe(info, plan))
    lines = [
        f"resolutions = [[{width}, {height}]]",
        "enable_ar_bucket = true",
        "min_ar = 0.5",
        "max_ar = 2.0",
        "num_ar_buckets = 7",
        f"frame_buckets = {sorted({1, *lengths})}",
        "",
        "[[directory]]",
        f"path = {dump(str(final / 'videos'))}",
        "num_repeats = 1",
    ]
    return {"dataset.toml": "\n".join(lines) + "\n"}


def _videox_row(sample: Sample, final: Path) -> dict[str, Any]:
    kind = "image" if _is_image(sample) else "video"
    size = {"width": sample.info.width, "height": sample.info.height}
    return {"file_path": sample.media[0], "text": sample.text, "type": kind, **size}


def _open_sora_row(sample: Sample, final: Path) -> dict[str, Any]:
    facts = facts_of(sample.info)
    # Their own script has height over width here, and pixels as the resolution.
    shape = {
        "aspect_ratio": facts["height"] / facts["width"],
        "resolution": facts["height"] * facts["width"],
    }
    fps = facts.pop("fps")
    return {
        "path": str(final / sample.media[0]),
        "text": sample.text,
        **facts,
        **shape,
        "fps": fps,
    }


def _cosmos_row(sample: Sample, final: Path) -> dict[str, Any]:
    """The structured caption is trained on; its media fields say what the exported file is."""
    info = sample.info
    structured = json.loads(sample.text)
    shared = math.gcd(info.width, info.height)
    structured |= {
        "resolution": {"H": info.height, "W": info.width},
        "aspect_ratio": f"{info.width // shared},{info.height // shared}",
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


def _shard_row(sample: Sample, final: Path) -> dict[str, Any]:
    return {"name": sample.name, "caption": sample.text, **facts_of(sample.info)}


def _keys(path: str, text: str) -> Any:
    return lambda row: ((str(row[path]),), str(row[text]))


def _columns(path: str, text: str) -> Any:
    return lambda sample, final: {path: sample.media[0], text: sample.text}


def _chat_row(sample: Sample, final: Path, *, absolute: bool) -> dict[str, Any]:
    kind = "image" if _is_image(sample) else "video"
    paths = [str(final / path) if absolute else path for path in sample.media]
    question = sample.question or QUESTION
    return {
        "messages": [
            {"role": "user", "content": f"<{kind}>" * len(paths) + question},
            {"role": "assistant", "content": sample.text},
        ],
        f"{kind}s": paths,
    }


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
    return {
        "images_file_names": list(sample.media),
        "messages": [
            {"role": "user", "content": sample.question or QUESTION},
            {"role": "assistant", "content": sample.text},
        ],
    }


def _trl_parse(row: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    _, assistant = row["messages"]
    return tuple(row["images_file_names"]), assistant["content"]


def _llama_factory_files(final: Path, plan: Plan, counts: ClipCounts) -> dict[str, str]:
    about = {
        "file_name": "data.jsonl",
        "formatting": "sharegpt",
        "columns": {"messages": "messages", "videos": "videos"},
        "tags": {
            "role_tag": "role",
            "content_tag": "content",
            "user_tag": "user",
            "assistant_tag": "assistant",
        },
    }
    return {"dataset_info.json": json.dumps({"instancecap": about}, indent=2) + "\n"}


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


def _warn_of_videos_in_path(final: Path) -> str:
    if "videos" not in str(final) and ".mp4" not in str(final):
        return ""
    return (
        "CogVideo's SAT loader replaces 'videos' and '.mp4' wherever they stand in a path: "
        "give it a relative path, or choose an --out without them"
    )


_ALL = (
    Trainer(
        "finetrainers",
        Lines("prompt.txt", "videos.txt"),
        "huggingface/finetrainers docs/dataset/README.md",
        target="wan2.1",
        suffixes=frozenset({".mp4"}),
        extras=_finetrainers_files,
        loader=loaders.load_finetrainers,
    ),
    Trainer(
        "musubi-tuner",
        Table("metadata.jsonl", _musubi_row, _keys("video_path", "caption")),
        "kohya-ss/musubi-tuner docs/dataset_config.md",
        target="wan2.2",
        extras=_musubi_files,
        loader=loaders.load_musubi,
    ),
    Trainer(
        "diffusion-pipe",
        Table("videos/captions.json", _diffusion_pipe_row, _diffusion_pipe_parse, keyed=True),
        "tdrussell/diffusion-pipe utils/dataset.py, examples/dataset.toml",
        target="wan2.2",
        extras=_diffusion_pipe_files,
        loader=loaders.load_diffusion_pipe,
    ),
    Trainer(
        "videox-fun",
        Table("metadata.json", _videox_row, _keys("file_path", "text")),
        "aigc-apps/VideoX-Fun videox_fun/data/dataset_image_video.py",
        target="wan2.2",
    ),
    Trainer(
        "diffsynth",
        Table("metadata.jsonl", _columns("video", "prompt"), _keys("video", "prompt")),
        "modelscope/DiffSynth-Studio diffsynth/core/data/unified_dataset.py",
        target="wan2.2",
        suffixes=frozenset({".mp4", ".avi", ".mov", ".wmv", ".mkv", ".flv", ".webm", ".gif"}),
    ),
    Trainer(
        "open-sora-1.2",
        Table("metadata.csv", _open_sora_row, _keys("path", "text")),
        "hpcaitech/Open-Sora v1.2 docs/data_processing.md",
        target="open-sora-1.2",
        suffixes=frozenset({".mp4", ".avi", ".mov", ".mkv"}),
    ),
    Trainer(
        "open-sora-2",
        Table("metadata.csv", _open_sora_row, _keys("path", "text")),
        "hpcaitech/Open-Sora docs/train.md, scripts/cnv/meta.py",
        target="open-sora-2",
        suffixes=frozenset({".mp4", ".avi", ".mov", ".mkv"}),
    ),
    Trainer(
        "cogvideo",
        Lines("prompts.txt", "videos.txt"),
        "THUDM/CogVideo finetune/datasets/utils.py",
        target="cogvideox",
    ),
    Trainer(
        "cogvideo-sat",
        Pairs(media="videos", texts="labels"),
        "THUDM/CogVideo sat/data_video.py",
        target="cogvideox",
        suffixes=frozenset({".mp4"}),
        warns=_warn_of_videos_in_path,
    ),
    Trainer(
        "ai-toolkit",
        Pairs(),
        "ostris/ai-toolkit config/examples/train_lora_wan22_14b_24gb.yaml",
        target="wan2.2",
        suffixes=frozenset({".mp4", ".avi", ".mov", ".webm", ".mkv", ".wmv", ".m4v", ".flv"}),
        loader=loaders.load_ai_toolkit,
    ),
    Trainer(
        "ltx-2",
        Table("dataset.json", _columns("media_path", "caption"), _keys("media_path", "caption")),
        "Lightricks/LTX-2 packages/ltx-trainer/docs/dataset-preparation.md",
        target="ltx-2",
    ),
    Trainer(
        "cosmos3",
        Table("video_dataset_file.jsonl", _cosmos_row, _cosmos_parse),
        "NVIDIA/cosmos-framework docs/dataset_jsonl.md",
        target="cosmos3",
        min_frames=61,
        max_seconds=61.0,
        suffixes=frozenset({".mp4"}),
    ),
    Trainer(
        "mochi",
        Pairs(),
        "genmoai/mochi demos/fine_tuner/README.md",
        target="mochi",
        min_frames=25,
        suffixes=frozenset({".mp4", ".mov"}),
    ),
    Trainer(
        "videofolder",
        Table(
            "metadata.jsonl",
            _columns("file_name", "caption"),
            _keys("file_name", "caption"),
            # A name such as "test-1.mp4" would be taken for a split of the data.
            numbered=True,
        ),
        "huggingface/datasets docs/source/video_dataset.mdx",
        target="wan2.2",
        any_clip=True,
    ),
    Trainer(
        "webdataset",
        Shards(_shard_row),
        "webdataset/webdataset README.md",
        target="wan2.2",
        any_clip=True,
    ),
    Trainer(
        "llama-factory",
        Table("data.jsonl", partial(_chat_row, absolute=False), _chat_parse),
        "hiyouga/LLaMA-Factory data/README.md",
        extras=_llama_factory_files,
        loader=loaders.load_llama_factory,
    ),
    Trainer(
        "ms-swift",
        Table("train.jsonl", partial(_chat_row, absolute=True), _chat_parse),
        "modelscope/ms-swift docs/source_en/Customization/Custom-dataset.md",
    ),
    Trainer(
        "trl",
        Table("metadata.jsonl", _trl_row, _trl_parse, media="frames", numbered=True),
        "huggingface/trl trl/trainer/sft_trainer.py, trl/data_utils.py",
        stills=8,
    ),
)

TRAINERS = {trainer.name: trainer for trainer in _ALL}
"""Every trainer by its name."""
