"""Each trainer's layout against a reader written from that trainer's own documents and code.

Every reader below does what the file that its docstring names does, in as few lines. It gives
pairs of a path that can be opened and a text.
"""

from __future__ import annotations

import csv
import json
import os
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from instancecap.datasets.captions import Row
from instancecap.datasets.export.trainers import QUESTION
from instancecap.formats.cosmos3 import aspect_ratio
from instancecap.schema.caption import Caption
from instancecap.video import Clip, probe
from tests.datasets.export.made import everyday_rows, export_rows, row_of

Pairs = list[tuple[Path, str]]
NAMES = ["cat_walk", "flower_cc0", "football_juggle"]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, clips_dir: Path) -> Callable[..., Path]:
    """A dataset of three real clips for a trainer, written once."""
    base = tmp_path_factory.mktemp("sets")

    def make(trainer: str) -> Path:
        out = base / trainer
        if not out.exists():
            report = export_rows(everyday_rows(clips_dir), trainer, out)
            assert (report.done, report.failed) == (3, [])
        return out

    return make


def read_line_files(folder: Path, prompts: str) -> Pairs:
    """THUDM/CogVideo finetune/datasets/utils.py, load_prompts and load_videos: blank lines are
    passed over; huggingface/finetrainers docs/dataset/README.md, "Two file format"."""

    def lines(name: str) -> list[str]:
        with open(folder / name, encoding="utf-8") as file:
            return [line.strip() for line in file.readlines() if line.strip()]

    return [
        (folder / path, text)
        for path, text in zip(lines("videos.txt"), lines(prompts), strict=True)
    ]


def read_sat(folder: Path) -> Pairs:
    """THUDM/CogVideo sat/data_video.py, SFTDataset: a walk, and words replaced in paths."""
    pairs = []
    os.chdir(folder)
    for root, _, names in os.walk("."):
        for name in names:
            if name.endswith(".mp4"):
                path = os.path.join(root, name)
                label = path.replace(".mp4", ".txt").replace("videos", "labels")
                with open(label) as file:
                    pairs.append((Path(path).absolute(), file.read().splitlines()[0]))
    return sorted(pairs)


def read_text_beside(folder: Path) -> Pairs:
    """ostris/ai-toolkit config/examples/train_lora_wan22_14b_24gb.yaml (caption_ext: txt);
    genmoai/mochi demos/fine_tuner/README.md."""
    clips = sorted(path for path in folder.iterdir() if path.suffix == ".mp4")
    return [(path, path.with_suffix(".txt").read_text()) for path in clips]


def read_musubi(folder: Path) -> Pairs:
    """kohya-ss/musubi-tuner docs/dataset_config.md, "Sample for Video Dataset with Metadata
    JSONL File"; target_frames must be N*4+1."""
    config = tomllib.loads((folder / "dataset.toml").read_text())
    assert len({dataset["cache_directory"] for dataset in config["datasets"]}) == 3
    assert len(config["general"]["resolution"]) == 2
    rows = []
    for dataset in config["datasets"]:
        assert (dataset["frame_extraction"], dataset["max_frames"] % 4) == ("full", 1)
        with open(dataset["video_jsonl_file"]) as file:
            rows += [json.loads(line) for line in file]
    return sorted((Path(row["video_path"]), row["caption"]) for row in rows)


def read_diffusion_pipe(folder: Path) -> Pairs:
    """tdrussell/diffusion-pipe utils/dataset.py, DirectoryDataset: every file of the folder but
    .txt, .json and some more is media, and captions.json has a list for each name."""
    config = tomllib.loads((folder / "dataset.toml").read_text())
    (directory,) = config["directory"]
    path = Path(directory["path"])
    captions = json.loads((path / "captions.json").read_text())
    media = sorted(one for one in path.glob("*") if one.suffix not in (".txt", ".json"))
    assert all(isinstance(captions[one.name], list) for one in media)
    return [(one, captions[one.name][0]) for one in media]


def read_videox(folder: Path) -> Pairs:
    """aigc-apps/VideoX-Fun videox_fun/data/dataset_image_video.py, ImageVideoDataset."""
    rows = json.loads((folder / "metadata.json").read_text())
    assert all(row.get("type", "image") == "video" for row in rows)
    return [(folder / row["file_path"], row["text"]) for row in rows]


def read_diffsynth(folder: Path) -> Pairs:
    """modelscope/DiffSynth-Studio diffsynth/core/data/unified_dataset.py, load_metadata."""
    with open(folder / "metadata.jsonl") as file:
        rows = [json.loads(line.strip()) for line in file]
    return [(folder / row["video"], row["prompt"]) for row in rows]


def read_open_sora(folder: Path) -> Pairs:
    """hpcaitech/Open-Sora docs/train.md (columns) and scripts/cnv/meta.py (their meaning)."""
    with open(folder / "metadata.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = "path,text,num_frames,height,width,aspect_ratio,resolution,fps"
    for row in rows:
        assert ",".join(row) == columns
        height, width = int(row["height"]), int(row["width"])
        assert float(row["aspect_ratio"]) == pytest.approx(height / width)
        assert int(row["resolution"]) == height * width
        assert int(row["num_frames"]) == probe(Clip.open(row["path"])).frames
    return [(Path(row["path"]), row["text"]) for row in rows]


def read_ltx(folder: Path) -> Pairs:
    """Lightricks/LTX-2 packages/ltx-trainer/docs/dataset-preparation.md, "Dataset Format":
    media_path is the older name of the column video, and both are taken."""
    rows = json.loads((folder / "dataset.json").read_text())
    return [(folder / row["video"], row["caption"]) for row in rows]


def read_cosmos(folder: Path) -> Pairs:
    """NVIDIA/cosmos-framework docs/dataset_jsonl.md, "Format", and
    data/generator/local_datasets/sft_dataset.py, resolve_sft_window_framing: the window's last
    frame belongs to it."""
    pairs = []
    for line in (folder / "video_dataset_file.jsonl").read_text().splitlines():
        row = json.loads(line)
        assert row["uuid"]
        info = probe(Clip.open(folder / row["vision_path"]))
        (window,) = row["t2w_windows"]
        assert (window["start_frame"], window["end_frame"]) == (0, info.frames - 1)
        structured = window["caption_json"]
        assert structured["resolution"] == {"H": row["height"], "W": row["width"]}
        assert structured["aspect_ratio"] == aspect_ratio(row["width"], row["height"])
        assert structured["duration"] == f"{int(row['duration'])}s"
        pairs.append((folder / row["vision_path"], structured["temporal_caption"]))
    return pairs


def read_chat(folder: Path, file: str) -> Pairs:
    """hiyouga/LLaMA-Factory data/README.md, "OpenAI Format", and data/mm_plugin.py (marks are
    counted); modelscope/ms-swift docs/source_en/Customization/Custom-dataset.md, "Multimodal"."""
    pairs = []
    for line in (folder / file).read_text().splitlines():
        row = json.loads(line)
        user, assistant = row["messages"]
        assert (user["role"], assistant["role"]) == ("user", "assistant")
        whole = user["content"] + assistant["content"]
        assert whole.count("<video>") == len(row["videos"]) == 1
        assert user["content"] == "<video>" + QUESTION
        answer = json.loads(assistant["content"])
        assert "Video" not in answer
        pairs.append((folder / row["videos"][0], answer["Global Description"]))
    return pairs


def read_llama_factory(folder: Path) -> Pairs:
    """hiyouga/LLaMA-Factory data/README.md: dataset_info.json names file, columns and tags."""
    about = json.loads((folder / "dataset_info.json").read_text())["instancecap"]
    assert about["formatting"] == "sharegpt"
    assert about["columns"] == {"messages": "messages", "videos": "videos"}
    return read_chat(folder, about["file_name"])


def read_lines_beside(folder: Path) -> Pairs:
    """bghira/SimpleTuner simpletuner/helpers/prompts.py, prepare_instance_prompt_from_textfile, and
    Nerogar/mgds LoadMultipleTexts: each line that is not empty is a caption."""
    pairs = []
    for path in sorted(folder.glob("*.mp4")):
        lines = [line for line in path.with_suffix(".txt").read_text().split("\n") if line]
        pairs.append((path, lines[0]))
    return pairs


def read_fastvideo(folder: Path) -> Pairs:
    """hao-ai-lab/FastVideo fastvideo/workflow/preprocess/components.py, build_dataset: the names
    are joined with the folder videos; rows without rate, frames and size are left out."""
    rows = json.loads((folder / "videos2caption.json").read_text())
    for row in rows:
        info = probe(Clip.open(folder / "videos" / row["path"]))
        assert row["fps"] == pytest.approx(info.fps, abs=0.001)
        assert row["num_frames"] == info.frames
        assert row["resolution"] == {"height": info.height, "width": info.width}
    return [(folder / "videos" / row["path"], row["cap"][0]) for row in rows]


def read_unsloth(folder: Path) -> Pairs:
    """unslothai/unsloth-zoo unsloth_zoo/vision_utils.py, extract_vision_info: the file is a part of
    the message."""
    pairs = []
    for line in (folder / "train.jsonl").read_text().splitlines():
        user, assistant = json.loads(line)["messages"]
        video, question = user["content"]
        assert (video["type"], question) == ("video", {"type": "text", "text": QUESTION})
        answer = json.loads(assistant["content"][0]["text"])
        pairs.append((Path(video["video"]), answer["Global Description"]))
    return pairs


READERS: dict[str, Callable[[Path], Pairs]] = {
    "finetrainers": lambda folder: read_line_files(folder, "prompt.txt"),
    "cogvideo": lambda folder: read_line_files(folder, "prompts.txt"),
    "cogvideo-sat": read_sat,
    "ai-toolkit": read_text_beside,
    "mochi": read_text_beside,
    "musubi-tuner": read_musubi,
    "diffusion-pipe": read_diffusion_pipe,
    "videox-fun": read_videox,
    "diffsynth": read_diffsynth,
    "open-sora-1.2": read_open_sora,
    "open-sora-2": read_open_sora,
    "simpletuner": read_lines_beside,
    "onetrainer": read_lines_beside,
    "fastvideo": read_fastvideo,
    "unsloth": read_unsloth,
    "ltx-2": read_ltx,
    "cosmos3": read_cosmos,
    "llama-factory": read_llama_factory,
    "ms-swift": lambda folder: read_chat(folder, "train.jsonl"),
}


@pytest.mark.parametrize("trainer", READERS)
def test_the_trainer_reads_what_was_written(
    made: Callable[..., Path], trainer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")  # and back, whatever a reader does
    folder = made(trainer)
    notes = (folder / ".instancecap" / "clips.jsonl").read_text().splitlines()
    sources = [json.loads(note)["source"]["path"] for note in notes]
    pairs = READERS[trainer](folder)
    assert [path.stem for path, _ in pairs] == NAMES
    for (path, text), source in zip(pairs, sources, strict=True):
        assert path.samefile(source)
        assert text == " ".join(text.split()) != ""
    assert len({text for _, text in pairs}) == 3


def test_a_still_image_gets_an_image_mark(tmp_path: Path) -> None:
    import cv2
    import numpy as np

    cv2.imwrite(str(tmp_path / "a.png"), np.full((48, 64, 3), 90, np.uint8))
    out = tmp_path / "set"
    export_rows([row_of(tmp_path / "a.png")], "ms-swift", out)
    row = json.loads((out / "train.jsonl").read_text())
    assert row["messages"][0]["content"] == "<image>" + QUESTION
    assert [Path(path).name for path in row["images"]] == ["a.png"]
    assert "videos" not in row


@pytest.mark.parametrize(("trainer", "file"), [("ms-swift", "train"), ("trl", "metadata")])
def test_the_question_can_be_chosen(
    tmp_path: Path, make_video: Callable[..., Path], trainer: str, file: str
) -> None:
    row = row_of(make_video(tmp_path / "a.mp4"))
    out = tmp_path / "set"
    export_rows([row], trainer, out, question="What moves?")
    asked = json.loads((out / f"{file}.jsonl").read_text())["messages"][0]["content"]
    assert asked.removeprefix("<video>") == "What moves?"


def test_a_mark_in_a_caption_is_not_counted(tmp_path: Path, clips_dir: Path) -> None:
    row = row_of(clips_dir / "everyday" / "worker.mp4", text="A sign reads <video>.")
    out = tmp_path / "set"
    export_rows([row], "llama-factory", out)
    ((_, text),) = read_llama_factory(out)
    assert "<video>" in text


@pytest.mark.parametrize("trainer", ["llama-factory", "ms-swift", "trl"])
def test_a_caption_without_words_teaches_nothing(
    tmp_path: Path, clips_dir: Path, trainer: str
) -> None:
    row = row_of(clips_dir / "everyday" / "worker.mp4")
    assert row.caption is not None
    # InstanceVid has no field for either, so that its object would be empty.
    empty = Caption(video=row.caption.video, place="indoor", lighting="Dim.")
    little = Caption(video=row.caption.video, global_description="A man is here.")
    rows = [Row(row.name, empty, "row 1"), Row(row.name, little, "row 2")]
    report = export_rows(rows, trainer, tmp_path / "set")
    assert [source for source, _ in report.failed] == ["row 1", "row 2"] and report.done == 0
    assert "almost nothing: 0 words, and an answer to learn from" in report.failed[0][1]
    assert not (tmp_path / "set").exists()
