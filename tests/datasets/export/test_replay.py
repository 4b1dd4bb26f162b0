"""The trainers' loaders replayed on twelve clips of mixed rate and length, with stills.

Nothing here uses ``loaders.py``: frames are counted by PyAV, and each replay is written from the
trainer's code anew. What ``check`` predicts must be what the replay loads.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from instancecap.datasets.export import TRAINERS, check
from tests.datasets.export.made import export_rows, make_clips, read_clip, row_of

Frames = dict[str, int]
"""Frames that are trained on by the name of the file; 0 for a clip that is passed over."""

Rule = Callable[[int, float, float, int], int]
"""Frames that are loaded of a video: by its own, its rate, the model's, and those asked for."""

CLIPS = [(7, 8), (33, 8), (49, 16), (50, 16), (17, 24), (121, 24), (33, 30), (45, 30), (90, 30),
         (100, 60)]  # fmt: skip
"""Frames and rate of each video; two stills make it twelve clips."""


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return make_clips(tmp_path_factory.mktemp("mixed"), CLIPS, stills=2)


def is_video(path: Path) -> bool:
    return path.suffix == ".mp4"


def replay_diffusion_pipe(folder: Path, model_fps: float) -> Frames:
    config = tomllib.loads((folder / "dataset.toml").read_text())
    buckets = np.array(sorted({1, *config["frame_buckets"]}))
    loaded = {}
    for path in Path(config["directory"][0]["path"]).glob("*.[mp][pn][4g]"):
        frames, fps = read_clip(path)
        if is_video(path):
            frames = int(frames * model_fps / fps)
        fits = buckets[buckets <= frames]
        bucket = int(fits[-1]) if len(fits) else 0
        loaded[path.name] = 0 if bucket == 1 and frames > 1 else bucket
    return loaded


def replay_musubi(folder: Path, model_fps: float) -> Frames:
    loaded = {}
    for dataset in tomllib.loads((folder / "dataset.toml").read_text())["datasets"]:
        head = dataset["frame_extraction"] == "head"
        rows = map(json.loads, Path(dataset["video_jsonl_file"]).read_text().splitlines())
        for path in (Path(row["video_path"]) for row in rows):
            step = model_fps / dataset["source_fps"] if "source_fps" in dataset else 1.0
            time, before, kept = 0.0, -1, 0
            for _ in range(read_clip(path)[0]):
                place, time = int(time), time + step
                if place == before:
                    continue
                before = place
                if head and place >= max(dataset["target_frames"]):
                    break
                kept += 1
            if head:
                fits = [frames for frames in dataset["target_frames"] if frames <= kept]
                loaded[path.name] = max(fits, default=0)
            else:
                loaded[path.name] = (min(kept, dataset["max_frames"]) - 1) // 4 * 4 + 1
    return loaded


def replay_finetrainers(folder: Path, model_fps: float) -> Frames:
    (dataset,) = json.loads((folder / "training.json").read_text())["datasets"]
    loaded = {}
    for line in (folder / "videos.txt").read_text().splitlines():
        frames, _ = read_clip(folder / line)
        buckets = [one[0] for one in dataset["video_resolution_buckets"]]
        fits = [bucket for bucket in buckets if bucket <= frames]
        wanted = max(fits) if fits else min(buckets, key=lambda one: abs(one - frames))
        only_first = frames < wanted  # of a video that is a loss, of a still it is all there is
        loaded[Path(line).name] = int(frames == 1) if only_first else wanted
    return loaded


def replay_ai_toolkit(folder: Path, model_fps: float) -> Frames:
    """The settings that docs/trainers.md names: num_frames with --frames, else auto_frame_count."""
    (record,) = folder.glob(".instancecap/export.json")
    wanted = json.loads(record.read_text())["frames"]
    loaded = {}
    for path in folder.glob("*.[mp][pn][4g]"):
        frames, fps = read_clip(path)
        auto = int(frames / fps * model_fps) // 4 * 4 + 1 if is_video(path) else 0
        loaded[path.name] = (wanted or auto) if is_video(path) else 0
    return loaded


def replay_llama_factory(folder: Path, model_fps: float = 0.0) -> Frames:
    loaded = {}
    for line in (folder / "data.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name in row.get("images", []):
            loaded[Path(name).name] = 1
        for name in row.get("videos", []):
            with av.open(str(folder / name)) as container:
                stream = container.streams.video[0]
                assert stream.duration is not None and stream.time_base is not None
                sampled = max(1, math.floor(float(stream.duration * stream.time_base) * 2.0))
                loaded[Path(name).name] = min(stream.frames, 128, sampled)
    return loaded


def replay_simpletuner(folder: Path, model_fps: float) -> Frames:
    """Both models' rule is 4N+1; the loader trims to it and compares with min_frames."""
    (video,) = [
        one["video"]
        for one in json.loads((folder / "multidatabackend.json").read_text())
        if one["dataset_type"] == "video"
    ]
    loaded = {}
    for path in folder.glob("*.[mp][pn][4g]"):
        frames = read_clip(path)[0] if is_video(path) else 0
        lawful = [count for count in range(1, frames + 1) if count % 4 == 1]
        wanted = video.get("num_frames", lawful[-1] if lawful else 0)
        enough = bool(lawful) and lawful[-1] >= max(video["min_frames"], wanted)
        loaded[path.name] = wanted if enough else 0
    return loaded


def replay_fastvideo(folder: Path, model_fps: float) -> Frames:
    """PreprocessingDataValidator, then VideoTransformStage, on the rows' own figures."""
    how = json.loads((folder / "preprocess.yaml").read_text())["preprocess"]
    loaded = {}
    for row in json.loads((folder / "videos2caption.json").read_text()):
        if not row["fps"]:
            loaded[row["path"]] = 0
            continue
        longest = how["video_length_tolerance_range"] * how["num_frames"] / how["train_fps"]
        indices = np.arange(0, row["num_frames"], row["fps"] / how["train_fps"]).astype(int)
        fits = row["num_frames"] / row["fps"] <= longest and len(indices) >= how["num_frames"]
        loaded[row["path"]] = len(indices[: how["num_frames"]]) if fits else 0
    return loaded


REPLAYS: dict[str, Callable[[Path, float], Frames]] = {
    "diffusion-pipe": replay_diffusion_pipe,
    "musubi-tuner": replay_musubi,
    "finetrainers": replay_finetrainers,
    "ai-toolkit": replay_ai_toolkit,
    "simpletuner": replay_simpletuner,
    "fastvideo": replay_fastvideo,
}
VIDEOS_ONLY = ("ai-toolkit", "simpletuner", "fastvideo")


def write(trainer: str, clips: list[Path], out: Path, target: str = "", **options: Any) -> Path:
    report = export_rows(map(row_of, clips), trainer, out, target=target, **options)
    assert (report.done, report.failed) == (len(clips), [])
    return out


def predicted(out: Path) -> Frames:
    """What the check says of every clip, and that it counts and fails what is dropped."""
    frames: Frames = {}
    report = check(str(out), on_load=lambda path, one: frames.update({Path(path).name: one.frames}))
    places = [row if why.startswith("not ") else why.split(": ")[0] for row, why in report.failed]
    dropped = {Path(place).name for place in places}
    assert dropped == {name for name, count in frames.items() if not count}
    assert len(report.dropped) == len(report.failed) == len(dropped)
    assert report.trained == len(frames) - len(dropped)
    return frames


@pytest.mark.parametrize(
    "options", [{}, {"frames": 33}, {"transcode": True}], ids=["as it is", "33", "transcoded"]
)
@pytest.mark.parametrize(
    ("trainer", "target"),
    [
        (one, model)
        for one in REPLAYS
        for model in ("wan2.1", "hunyuanvideo")
        if model in TRAINERS[one].models
    ],
)
def test_what_the_check_predicts_is_what_is_loaded(
    mixed: list[Path], tmp_path: Path, trainer: str, options: dict[str, Any], target: str
) -> None:
    out = write(trainer, mixed, tmp_path / "set", target, **options)
    loaded = REPLAYS[trainer](out, 16 if target == "wan2.1" else 24)
    assert predicted(out) == loaded and len(loaded) == 12
    if not options.get("frames"):  # every lawful length that occurs has a bucket: none is lost
        lost = {Path(name).stem for name, frames in loaded.items() if not frames}
        assert not lost or (trainer in VIDEOS_ONLY and lost == {"still0", "still1"})


def videox_fun(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """get_batch with a stride of 1; train.py cuts to its VAE's 4N+1."""
    return (min(wanted or frames, frames // 1) - 1) // 4 * 4 + 1


def diffsynth(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """LoadVideo.get_num_frames: 81 unless told otherwise."""
    most = min(wanted or 81, frames)
    while most > 1 and most % 4 != 1:
        most -= 1
    return most


def open_sora_1(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """get_bucket_id of v1.2: T > t_id, from the longest; a still goes to the bucket of stills."""
    return next((one for one in ([wanted] if wanted else [408, 204, 102, 51]) if frames > one), 0)


def open_sora_2(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """get_bucket_id: T >= t_id, after map_target_fps with a most of 24."""
    interval = 1 if fps < 24 else math.ceil(fps / 24)
    buckets = [wanted] if wanted else range(129, 4, -4)
    return next((one for one in buckets if frames // interval >= one), 0)


def cogvideo(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """preprocess_video_with_resize; without a number the clip's own that keeps 8N+1."""
    most = wanted or (frames - 1) // 8 * 8 + 1
    return 0 if frames < most else len(range(0, frames, frames // most)[:most])


def cogvideo_sat(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """SFTDataset.__getitem__: frames that are shown before the last one is repeated."""
    most, skipped = wanted or 49, 3
    if frames / fps * model_fps > most:
        return most
    if frames > most:
        step = max((frames - 2 * skipped) // most, 1)
        return len(np.arange(skipped, frames - skipped, step)[:most])
    inside = frames - 2 * skipped
    return max(0, inside - 3 if inside % 4 == 0 else inside - inside % 4 + 1)


def mochi(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """preprocess.bash, trim_and_crop_videos.py: as many pieces as fit, 30 frames a second."""
    return (wanted or 37) * int(frames / fps / float(f"{(wanted or 37) / 30 + 0.09:.1f}"))


def onetrainer(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """LoadVideo.get_item: it decodes from the last frame that the lot can fall on."""
    if frames == 1:
        return 1
    most = wanted or (frames - 1) // 4 * 4 + 1
    start = max(0, int(((frames - 1) / fps - (most - 1) / 24) * fps))
    decoded = range(frames)[start:][:most]
    return most if len(decoded) == most else 0


def ltx(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """_filter_valid_videos with a bucket of so many frames, or of the clip's own 8N+1."""
    most = wanted or (frames - 1) // 8 * 8 + 1
    return most if frames >= most else 0


def ms_swift(frames: int, fps: float, model_fps: float, wanted: int) -> int:
    """smart_nframes of qwen_vl_utils."""
    found = min(max(frames / fps * 2.0, 4), min(768, frames) // 2 * 2, frames)
    return math.floor(found / 2) * 2


RULES: dict[str, tuple[Rule, int, int]] = {
    "videox-fun": (videox_fun, 33, 1),
    "diffsynth": (diffsynth, 33, 1),
    "open-sora-1.2": (open_sora_1, 51, 1),
    "open-sora-2": (open_sora_2, 33, 1),
    "cogvideo": (cogvideo, 33, 0),
    "cogvideo-sat": (cogvideo_sat, 33, 0),
    "mochi": (mochi, 31, 0),
    "ltx-2": (ltx, 0, 1),
    "ms-swift": (ms_swift, 0, 1),
    "unsloth": (ms_swift, 0, 1),
    "onetrainer": (onetrainer, 33, 1),
    "videofolder": (lambda frames, *_: frames, 33, 1),
    "webdataset": (lambda frames, *_: frames, 33, 1),
}
"""What a loader makes of a video, a number of frames that can be asked for, and what of a still."""


@pytest.mark.parametrize("asked", [False, True], ids=["as it is", "frames"])
@pytest.mark.parametrize("trainer", RULES)
def test_loaders_without_settings_of_their_own(
    mixed: list[Path], tmp_path: Path, trainer: str, asked: bool
) -> None:
    rule, frames, of_still = RULES[trainer]
    wanted = frames if asked else 0
    size = (96, 64) if trainer == "mochi" else None
    out = write(trainer, mixed, tmp_path / "set", frames=wanted, size=size)
    model_fps = {"cogvideo-sat": 8.0, "mochi": 30.0}.get(trainer, 0.0)
    expected = {
        path.stem: rule(*read_clip(path), model_fps, wanted) if is_video(path) else of_still
        for path in mixed
    }
    names = [path.stem for path in mixed] if trainer == "videofolder" else None
    found = predicted(out)
    told = zip(names or (Path(one).stem for one in found), found.values(), strict=True)
    assert dict(told) == expected


def test_a_small_picture_is_dropped_by_mochi(tmp_path: Path) -> None:
    out = write("mochi", make_clips(tmp_path / "in", [(90, 30)]), tmp_path / "set")
    ((_, reason),) = check(str(out)).failed
    assert reason == (
        "not trained on: 96x64 is smaller than its 848x480; --transcode --size 848x480 enlarges it"
    )


@pytest.mark.parametrize("transcode", [False, True])
def test_a_captioner_is_shown_two_frames_a_second(
    mixed: list[Path], tmp_path: Path, transcode: bool
) -> None:
    out = write("llama-factory", mixed, tmp_path / "set", transcode=transcode)
    loaded = replay_llama_factory(out)
    assert predicted(out) == loaded and len(loaded) == 12


def test_musubi_retimes_clips_of_every_rate(tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "in", [(60, 30), (48, 24), (32, 16), (16, 8)], stills=1)
    out = write("musubi-tuner", clips, tmp_path / "set")
    datasets = tomllib.loads((out / "dataset.toml").read_text())["datasets"]
    assert sorted(one.get("source_fps", 0) for one in datasets) == [0, 24.0, 30.0]
    assert len({one["cache_directory"] for one in datasets}) == 3
    loaded = {"still0.png": 1, "f60_at30.mp4": 29, "f48_at24.mp4": 29, "f32_at16.mp4": 29,
              "f16_at8.mp4": 13}  # fmt: skip
    assert predicted(out) == replay_musubi(out, 16) == loaded
    told = [text for _, text in check(str(out)).warnings if "a second" in text]
    assert told == ["8 frames a second instead of 16; --transcode brings it to the rule"]


@pytest.mark.parametrize("trainer", ["diffusion-pipe", "mochi"])
def test_a_loader_that_retimes_is_not_warned_about(tmp_path: Path, trainer: str) -> None:
    clips = make_clips(tmp_path / "in", [(60, 24), (16, 8)])
    report = export_rows(map(row_of, clips), trainer, tmp_path / "set", size=(96, 64))
    told = [*report.warnings, *check(str(tmp_path / "set")).warnings]
    assert not [text for _, text in told if "a second" in text]


def test_a_rate_above_the_models_is_retimed_before_buckets_are_chosen(tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "in", [(33, 30)])
    out = write("diffusion-pipe", clips, tmp_path / "set")
    assert "frame_buckets = [1, 17]" in (out / "dataset.toml").read_text()
    assert predicted(out) == replay_diffusion_pipe(out, 16) == {"f33_at30.mp4": 17}


@pytest.mark.parametrize("trainer", ["diffusion-pipe", "finetrainers"])
def test_a_still_beside_clips_takes_nothing_from_them(tmp_path: Path, trainer: str) -> None:
    clips = make_clips(tmp_path / "in", [(24, 24), (49, 24), (60, 24)], stills=1)
    out = write(trainer, clips, tmp_path / "set", "hunyuanvideo", transcode=True)
    assert sorted(REPLAYS[trainer](out, 24).values()) == [1, 21, 49, 57]
    assert sorted(predicted(out).values()) == [1, 21, 49, 57]


def test_musubi_counts_frames_after_retiming(tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "in", [(45, 30), (90, 30)])
    report = export_rows(map(row_of, clips), "musubi-tuner", tmp_path / "set", frames=33)
    told = [text for _, text in report.warnings]
    why = "24 frames as loaded, and target_frames is 33; a smaller --frames keeps it"
    assert f"not trained on: {why}" in told
    checked = check(str(tmp_path / "set"))
    assert checked.failed == [
        ("metadata.jsonl: line 1: videos/f45_at30.mp4", f"not trained on: {why}")
    ]
    assert (checked.trained, round(checked.seconds, 2)) == (1, round(33 / 16, 2))
    assert replay_musubi(tmp_path / "set", 16) == {"f45_at30.mp4": 0, "f90_at30.mp4": 33}


def test_an_edited_configuration_is_what_is_checked(tmp_path: Path) -> None:
    out = write("diffusion-pipe", make_clips(tmp_path / "in", [(33, 16)]), tmp_path / "set")
    assert check(str(out)).failed == []
    path = out / "dataset.toml"
    path.write_text(path.read_text().replace("[1, 33]", "[49]"))
    ((_, reason),) = check(str(out)).failed
    assert "33 frames at the model's rate, and a bucket for videos has 49 or more" in reason
    path.write_text("frame_buckets = 9\n")
    assert "the trainer's configuration" in dict(check(str(out)).failed)


def test_the_size_that_is_asked_for_is_trained_in(tmp_path: Path) -> None:
    clips = make_clips(tmp_path / "in", [(33, 16)])
    out = write("diffusion-pipe", clips, tmp_path / "set", size=(64, 32))
    assert "resolutions = [[64, 32]]" in (out / "dataset.toml").read_text()
