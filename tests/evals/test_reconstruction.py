"""Videos against videos: pixels, evidence distance, distortions, VQAScore; pairs by name."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from instancecap.errors import UsageError
from instancecap.evals.frames import count_frames, evenly, read_frames
from instancecap.evals.reconstruction.distortions import (
    COLUMNS,
    DISTORTIONS,
    distortions,
    film_of,
)
from instancecap.evals.reconstruction.evidence import distances
from instancecap.evals.reconstruction.metric import MetricOptions
from instancecap.evals.reconstruction.pairs import reconstruct
from instancecap.evals.reconstruction.pixels import Psnr, ssim
from instancecap.evals.reconstruction.vqascore import yes_probability
from instancecap.evals.run import EvalOptions, evaluate
from instancecap.mllm.base import Reply, Request
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip
from tests.conftest import MakeVideo, Measured
from tests.evals.conftest import Judge, write_captions
from tests.mllm.server import MODEL, serve
from tests.program import Run

Picture = NDArray[np.uint8]


def gray(value: int) -> Picture:
    return np.full((32, 40), value, np.uint8)


def test_ssim_of_flat_pictures_is_that_of_their_means() -> None:
    """Without variance the formula is (2ab + C1) / (a² + b² + C1), C1 = (0.01 · 255)²."""
    near = (0.01 * 255) ** 2
    expected = (2 * 100 * 150 + near) / (100**2 + 150**2 + near)
    assert ssim(gray(100), gray(150)) == pytest.approx(expected)
    assert ssim(gray(100), gray(100)) == pytest.approx(1.0)


def test_ssim_of_a_picture_and_its_negative_is_below_zero() -> None:
    checks = (np.indices((32, 40)).sum(axis=0) % 2 * 200).astype(np.uint8)
    assert ssim(checks, 200 - checks) < -0.9


def test_psnr_of_a_constant_difference() -> None:
    film = np.full((4, 16, 16, 3), 100, np.uint8)
    seen = [Psnr(MetricOptions()).look(Clip.from_frames(film + add, 8), "") for add in (0, 5)]
    found = Psnr(MetricOptions()).compare(*seen)["psnr"]
    assert found == pytest.approx(10 * math.log10(255**2 / 25))
    assert Psnr(MetricOptions()).compare(seen[0], seen[0]) == {"psnr": 100.0}


@given(st.integers(1, 500), st.integers(1, 16))
def test_frames_lie_evenly(count: int, wanted: int) -> None:
    places = evenly(count, wanted)
    assert len(places) == wanted and places == sorted(places)
    assert places[0] == 0 and places[-1] == (count - 1 if wanted > 1 else 0)


def test_frames_are_read_by_their_places(tmp_path: Path, make_video: MakeVideo) -> None:
    clip = Clip.open(make_video(tmp_path / "a.mp4", frames=8))
    assert count_frames(clip) == 8
    found = read_frames(clip, [0, 3, 3, 7], size=(20, 10))
    assert [round(t, 3) for t, _ in found] == [0.0, 0.375, 0.375, 0.875]
    assert {one.shape for _, one in found} == {(10, 20, 3)}


# Evidence distance --------------------------------------------------------------------------------


def evidence(*instances: dict[str, Any], cuts: tuple[float, ...] = (), dx: float = 0.0) -> Evidence:
    """Two seconds; the camera moves the picture by ``dx`` of its width in all."""
    times = [t / 8 for t in range(17)]
    bounds = [0.0, *cuts, 2.0]
    return Evidence.model_validate(
        {
            "video": {"id": "v", "path": "v", "start": 0, "end": 2, "duration": 2, "fps": 8,
                      "width": 64, "height": 48, "frames": 16},
            "shots": [{"start": a, "end": b, "transition": "cut" if a else "start"}
                      for a, b in pairwise(bounds)],
            "camera": {"motion": ["pan_left"] if dx else ["static"],
                       "path": [{"t": t, "dx": dx / 16, "dy": 0, "zoom": 1, "roll": 0, "inliers": 1}
                                for t in times[1:]]},
            "instances": [
                {"id": n, "confidence": 1.0, "salience": 1.0, "colors": [("red", 1.0)],
                 "track": [{"t": t, "box": [one.get("x", 0), 0, one.get("x", 0) + 0.2, 0.5],
                            "score": 1} for t in times],
                 **{name: value for name, value in one.items() if name != "x"}}
                for n, one in enumerate(instances)
            ],
        }
    )  # fmt: skip


CAR = {"class": "car"}


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (evidence(CAR), {}),
        (evidence(), {"instances": 1.0, "paths": 1.0}),
        (evidence(CAR, {"class": "dog", "x": 0.7}), {"instances": 0.5, "paths": 0.5}),
        (evidence({"class": "car", "x": 0.1}), {"paths": 1 - 0.1 / 0.3}),
        (evidence({"class": "bus"}), {"instances": 0.5}),
        (evidence({"class": "dog"}), {"instances": 1.0}),
        (evidence({"class": "car", "confidence": 0.5}), {"instances": 0.5}),
        (evidence({"class": "car", "colors": [("red", 0.25), ("blue", 0.75)]}), {"colors": 0.375}),
        (evidence(CAR, dx=0.5), {"camera": 1.0}),
        (evidence(CAR, cuts=(1.0,)), {"shots": 1.0}),
    ],
    ids=["same", "gone", "one more", "shifted", "category", "class", "doubt", "color", "camera",
         "cut"],
)  # fmt: skip
def test_each_part_of_evidence_distance(other: Evidence, expected: dict[str, float]) -> None:
    same = dict.fromkeys(("instances", "paths", "colors", "camera"), 0.0)
    for pair in ((evidence(CAR), other), (other, evidence(CAR))):
        assert distances(*pair) == pytest.approx(same | expected, abs=1e-6)


def test_two_cuts_at_the_same_place_agree_at_any_length() -> None:
    short, long = evidence(CAR, cuts=(0.5,)), evidence(CAR, cuts=(0.5, 1.5))
    assert distances(short, long)["shots"] == pytest.approx(1 - 2 / 3)


def test_a_real_clip_is_nearest_to_itself(measured: Measured) -> None:
    names = ("everyday/woman_dog.mp4", "everyday/two_cars.mp4", "everyday/cat_walk.mp4")
    found = [[sum(distances(measured(a), measured(b)).values()) for b in names] for a in names]
    assert np.diag(found) == pytest.approx([0, 0, 0], abs=1e-6)
    assert np.sort(np.array(found), axis=1)[:, 1].min() > 1


# Distortions --------------------------------------------------------------------------------------


def test_every_distortion_grows_with_its_strength() -> None:
    rows, columns = np.indices((144, 192))
    waves = 128 + 80 * np.sin(rows / 40) + 40 * np.sin(columns / 2)
    film = np.repeat(waves.astype(np.uint8)[None, ..., None], 3, axis=-1).repeat(2, axis=0)
    for one in DISTORTIONS.values():
        spoiled = [one.apply(film, s, np.random.default_rng(0)) for s in one.strengths]
        assert all(each.shape == film.shape and each.dtype == np.uint8 for each in spoiled)
        apart = [float(np.abs(each.astype(int) - film).mean()) for each in spoiled]
        assert apart[0] > 0 and apart[-1] > apart[0]


def test_pixels_get_worse_in_order(tmp_path: Path, make_video: MakeVideo) -> None:
    make_video(tmp_path / "clips" / "a.mp4", size=(320, 240))
    result, _ = evaluate(distortions([str(tmp_path / "clips")], "psnr"))
    found = {one.name: one.value for one in result.figures}
    assert [found[f"{kind} in order"] for kind in DISTORTIONS] == [1.0] * 6
    assert found["noise none"] == 100


def test_a_real_clip_gets_worse_in_order(clips_dir: Path) -> None:
    result, _ = evaluate(distortions([str(clips_dir / "everyday" / "two_cars.mp4")], "ssim"))
    values = [{one.column: one.value or 0.0 for one in result.figures if one.row == kind}
              for kind in DISTORTIONS]  # fmt: skip
    assert all(one["none"] == pytest.approx(1) for one in values)
    assert all(one["weak"] > one["strong"] for one in values)


def test_a_film_is_bounded(tmp_path: Path, make_video: MakeVideo) -> None:
    films, fps = film_of(Clip.open(make_video(tmp_path / "a.mp4", frames=200, fps=50)))
    assert (films.shape, fps) == ((150, 48, 64, 3), 50)


# Pairs --------------------------------------------------------------------------------------------


@pytest.fixture
def folders(tmp_path: Path, make_video: MakeVideo) -> tuple[str, str]:
    """Originals a, b, c; generated b (another film), c (not readable), d."""
    for name in "abc":
        make_video(tmp_path / "originals" / f"{name}.mp4")
    make_video(tmp_path / "generated" / "b.mp4", size=(96, 64), frames=20)
    make_video(tmp_path / "generated" / "d.mp4")
    (tmp_path / "generated" / "c.mp4").write_bytes(b"no video")
    return str(tmp_path / "originals"), str(tmp_path / "generated")


def test_pairs_are_never_shifted(folders: tuple[str, str]) -> None:
    result, _ = evaluate(reconstruct([folders[0]], [folders[1]], metrics=("ssim", "psnr")))
    assert [one.id for one in result.samples] == ["b.mp4"]
    assert 0.5 < float(str(result.samples[0].values["ssim"])) < 1
    assert {one.input: one.reason.split(" (")[0].split(": ")[-1] for one in result.failed} == {
        "a.mp4": "no generated video of this name",
        "d.mp4": "no original of this name",
        "c.mp4": "not a video that can be read",
    }


def test_evidence_needs_no_weights(folders: tuple[str, str], without_weights: None) -> None:
    result, _ = evaluate(reconstruct([folders[0]], [folders[0]], metrics=("evidence",)))
    found = {one.row: one.value for one in result.figures}
    assert found["evidence"] == 0 and found["evidence camera"] == 0
    assert "evidence shots" not in result.samples[0].values


def test_metrics_that_need_more_say_so(folders: tuple[str, str]) -> None:
    with pytest.raises(UsageError, match="not known; choose among ssim"):
        reconstruct([folders[0]], [folders[1]], metrics=("lpips",))
    with pytest.raises(UsageError, match="compares with captions: give --captions"):
        reconstruct([folders[0]], [folders[1]], metrics=("senbysen",))


# VQAScore -----------------------------------------------------------------------------------------


class Likely(Judge):
    """Gives log-probabilities."""

    def __init__(self, logprobs: dict[str, float]) -> None:
        super().__init__(lambda text, request: {})
        self.logprobs = logprobs

    def _reply(self, request: Request) -> Reply:
        assert request.logprobs and request.schema is None
        self.asked.append(f"{request.images}: {request.messages[-1].parts[-1]}")
        return Reply("Yes", logprobs=self.logprobs)


LOGPROBS = {"Yes": math.log(0.5), " yes": math.log(0.2), "No": math.log(0.3)}


def test_yes_in_any_form_counts_or_only_the_one() -> None:
    assert yes_probability(LOGPROBS) == pytest.approx(0.7)
    assert yes_probability(LOGPROBS, exact=True) == pytest.approx(0.5)
    assert yes_probability({"No": 0.0}) == 0


@pytest.mark.parametrize(
    ("method", "score", "asked"),
    [("correct", 0.7, ["8: "]), ("as-published", 0.5, ["1: "] * 6)],
)
def test_vqascore_is_the_probability_of_yes(
    folders: tuple[str, str], tmp_path: Path, method: Any, score: float, asked: list[str]
) -> None:
    texts = write_captions(
        tmp_path / "captions", {"b.mp4": Caption(video=None, global_description="A cat runs.")}
    )
    task = reconstruct(
        [folders[0]], [folders[1]], metrics=("psnr", "vqascore"), captions=[texts],
        options=MetricOptions(method=method),
    )  # fmt: skip
    judge = Likely(LOGPROBS)
    result, _ = evaluate(task, EvalOptions(out=str(tmp_path / "out")), backend=judge)
    (sample,) = result.samples
    assert sample.values["vqascore"] == pytest.approx(score)
    assert "psnr" in sample.values and sample.detail["caption"] == "A cat runs."
    assert [one[:3] for one in judge.asked] == asked
    assert "“A cat" in judge.asked[0] or '"A cat runs."' in judge.asked[0]
    assert "c.mp4" in {one.input for one in result.failed}  # has no caption, and cannot be read


def test_a_server_without_log_probabilities_is_named(
    folders: tuple[str, str], tmp_path: Path
) -> None:
    texts = write_captions(
        tmp_path / "captions", {"b.mp4": Caption(video=None, global_description="A cat runs.")}
    )
    task = reconstruct([folders[0]], [folders[1]], metrics=("vqascore",), captions=[texts])
    result, _ = evaluate(task, backend=Likely({}))
    assert any("no log-probabilities" in one.reason for one in result.failed)


def test_a_server_gives_the_probabilities(
    run: Run, folders: tuple[str, str], tmp_path: Path
) -> None:
    texts = tmp_path / "captions.jsonl"
    texts.write_text('{"id": "b.mp4", "caption": "A cat runs."}\n')
    with serve(lambda body: "Yes") as url:
        done = run(
            *("eval", "reconstruct", *folders, "--metric", "vqascore", "--captions", texts),
            *("--mllm-url", url, "--mllm-model", MODEL, "--json"),
        )
    (figure,) = json.loads(done.out)["figures"]
    assert (figure["row"], figure["value"]) == ("vqascore", pytest.approx(0.9))
    assert done.status == 1 and "no caption of this name" in done.err


def test_the_program_compares_and_distorts(
    run: Run, folders: tuple[str, str], tmp_path: Path
) -> None:
    done = run("eval", "reconstruct", *folders, "--metric", "ssim", "--out", tmp_path / "r")
    assert done.status == 1 and "| ssim |" in done.out
    assert "no generated video of this name" in done.err
    assert json.loads((tmp_path / "r" / "result.json").read_text())["task"] == "reconstruct"
    done = run("eval", "distortions", f"{folders[0]}/a.mp4", "--metric", "ssim", "--json")
    columns = {one["column"] for one in json.loads(done.out)["figures"]}
    assert columns == {*COLUMNS, "in order"}
    done = run("eval", "distortions", folders[0], "--metric", "ssim", "--metric", "psnr")
    assert done.status == 2 and "name one, and run it again" in done.err
    done = run("eval", "distortions", folders[0], "--metric", "vqascore", "--captions", tmp_path)
    assert done.status == 2 and "--metric vqascore: a model has to judge" in done.err
