"""3DVAE, SenBySen and VQAScore through the real loading code, with tiny random models."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from instancecap.errors import MissingDependency
from instancecap.evals.reconstruction.distortions import distortions
from instancecap.evals.reconstruction.metric import MetricOptions
from instancecap.evals.reconstruction.neural import SenBySen, VaeDistance
from instancecap.evals.reconstruction.pairs import reconstruct
from instancecap.evals.run import evaluate
from instancecap.evals.task import Method
from instancecap.mllm.transformers import TransformersBackend
from instancecap.schema.caption import Caption
from instancecap.video.clip import Clip
from tests.conftest import MakeVideo
from tests.evals.conftest import write_captions
from tests.mllm.tiny import VISION, build, byte_tokenizer

# What other packages warn of is theirs.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]
METHODS: tuple[Method, ...] = ("correct", "as-published")
TEXT = "A square moves. It goes to the right."


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``vae``, ``clip`` and ``vlm``, a few thousand random weights each."""
    import torch
    from diffusers import AutoencoderKLCogVideoX
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    blocks = 2
    AutoencoderKLCogVideoX(
        down_block_types=("CogVideoXDownBlock3D",) * blocks,
        up_block_types=("CogVideoXUpBlock3D",) * blocks,
        block_out_channels=(8,) * blocks,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=32,
        sample_width=32,
    ).save_pretrained(folder / "vae" / "vae")
    tokenizer = byte_tokenizer()
    text = {"vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 32,
            "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 77,
            "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id,
            "bos_token_id": tokenizer.eos_token_id}  # fmt: skip
    vision = VISION | {"image_size": 224, "patch_size": 32}
    CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)).save_pretrained(
        folder / "clip"
    )
    tokenizer.save_pretrained(folder / "clip")
    CLIPImageProcessorPil().save_pretrained(folder / "clip")
    build(folder / "vlm")
    return folder


def options(models: Path, method: Method, seed: int = 0) -> MetricOptions:
    return MetricOptions(
        method=method, seed=seed, vae=str(models / "vae"), clip=str(models / "clip")
    )


@pytest.fixture
def clips(tmp_path: Path, make_video: MakeVideo) -> tuple[Clip, Clip]:
    """A film, and another one."""
    return (
        Clip.open(make_video(tmp_path / "a.mp4", frames=9)),
        Clip.open(make_video(tmp_path / "b.mp4", frames=12, size=(96, 64))),
    )


@pytest.mark.parametrize("method", METHODS)
def test_3dvae_is_the_distance_of_latents(
    models: Path, clips: tuple[Clip, Clip], method: Method
) -> None:
    metric = VaeDistance(options(models, method))
    first, second = (metric.look(one, "") for one in clips)
    assert first.shape[:2] == (1, 4)
    found = metric.compare(first, second)["3dvae"]
    assert found == pytest.approx(float(((first - second) ** 2).sum().sqrt()), rel=1e-4)
    assert found > 0 and metric.compare(first, metric.look(clips[0], "")) == {"3dvae": 0.0}


def test_a_sampled_posterior_depends_on_the_seed_alone(
    models: Path, clips: tuple[Clip, Clip]
) -> None:
    seen = [
        VaeDistance(options(models, "as-published", seed)).look(clips[0], "") for seed in (0, 1)
    ]
    assert bool((seen[0] != seen[1]).any())


@pytest.mark.parametrize("method", METHODS)
def test_senbysen_is_the_mean_over_sentences(
    models: Path, clips: tuple[Clip, Clip], method: Method
) -> None:
    metric = SenBySen(options(models, method))
    whole = metric.look(clips[0], TEXT)
    parts = [metric.look(clips[0], one) for one in ("A square moves.", "It goes to the right.")]
    slack = 1e-5 if method == "correct" else 0.2  # as published, padding takes part
    assert whole == pytest.approx(sum(parts) / 2, abs=slack)
    assert -1 <= whole <= 1


def test_the_two_methods_differ(models: Path, clips: tuple[Clip, Clip]) -> None:
    found = {m: SenBySen(options(models, m)).look(clips[0], TEXT) for m in METHODS}
    assert found["correct"] != pytest.approx(found["as-published"], abs=1e-6)


def test_what_is_no_model_is_named(models: Path, clips: tuple[Clip, Clip]) -> None:
    wrong = MetricOptions(vae=str(models / "clip"), clip=str(models / "vae"))
    with pytest.raises(MissingDependency, match="no CogVideoX VAE can be loaded"):
        VaeDistance(wrong).look(clips[0], "")
    with pytest.raises(MissingDependency, match="no CLIP model can be loaded"):
        SenBySen(wrong).look(clips[0], TEXT)


def test_all_metrics_of_a_pair(models: Path, clips: tuple[Clip, Clip], tmp_path: Path) -> None:
    for name, clip in zip(("originals", "generated"), clips, strict=True):
        (tmp_path / name).mkdir()
        Path(clip.path).rename(tmp_path / name / "film.mp4")
    told = {"film.mp4": Caption(video=None, global_description=TEXT)}
    task = reconstruct(
        [str(tmp_path / "originals")], [str(tmp_path / "generated")],
        metrics=("3dvae", "senbysen", "vqascore"),
        captions=[write_captions(tmp_path / "captions", told)],
        options=options(models, "correct"),
    )  # fmt: skip
    result, _ = evaluate(task, backend=TransformersBackend(model=str(models / "vlm")))
    assert not result.failed
    (sample,) = result.samples
    assert set(sample.values) == {"3dvae", "senbysen", "vqascore"}
    assert 0 <= float(str(sample.values["vqascore"])) <= 1
    assert result.made_by.models["clip"] == str(models / "clip")


def test_a_model_gives_log_probabilities(models: Path) -> None:
    import asyncio

    from instancecap.mllm.base import Message, Request

    async def ask() -> Any:
        backend = TransformersBackend(model=str(models / "vlm"))
        asked = Request((Message("user", ("Yes or no?",)),), max_tokens=4, logprobs=True)
        (reply,) = await backend.complete([asked])
        await backend.close()
        return reply

    found = asyncio.run(ask()).logprobs
    assert len(found) == 20 and 0 < sum(map(math.exp, found.values())) <= 1 + 1e-6


def test_distortions_of_a_neural_metric(
    models: Path, tmp_path: Path, make_video: MakeVideo
) -> None:
    make_video(tmp_path / "clips" / "a.mp4")
    task = distortions([str(tmp_path / "clips")], "3dvae", options=options(models, "correct"))
    result, _ = evaluate(task)
    found = {one.name: one.value for one in result.figures}
    assert found["blur none"] == 0 and (found["masking strong"] or 0) > 0
