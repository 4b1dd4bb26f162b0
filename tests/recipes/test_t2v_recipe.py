"""The text-to-video recipe end to end on a tiny random model of Wan's kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.simple_scenes import write_clips

# What other packages warn of is theirs.
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("default")]


def build(folder: Path) -> None:
    """A pipeline of a few thousand random weights."""
    import torch
    from diffusers import (
        AutoencoderKLWan,
        FlowMatchEulerDiscreteScheduler,
        WanPipeline,
        WanTransformer3DModel,
    )
    from transformers import UMT5Config, UMT5EncoderModel

    from tests.mllm.tiny import byte_tokenizer

    torch.manual_seed(0)
    torch.set_num_threads(1)
    tokenizer = byte_tokenizer()
    text = UMT5Config(
        vocab_size=len(tokenizer), d_model=16, d_ff=32, d_kv=8, num_heads=2, num_layers=1
    )
    WanPipeline(
        tokenizer=tokenizer,
        text_encoder=UMT5EncoderModel(text).eval(),
        vae=AutoencoderKLWan(
            base_dim=3, z_dim=16, dim_mult=[1, 1, 1, 1], num_res_blocks=1,
            temperal_downsample=[False, True, True],
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        transformer=WanTransformer3DModel(
            num_attention_heads=2, attention_head_dim=12, text_dim=16, freq_dim=32, ffn_dim=32,
            num_layers=2, rope_max_seq_len=32,
        ),
    ).save_pretrained(folder)  # fmt: skip


def test_the_recipe_from_captions_to_a_sample(tmp_path: Path) -> None:
    import torch
    from diffusers import WanPipeline

    from recipes import t2v

    build(tmp_path / "model")
    (tmp_path / "captions").mkdir()
    for caption in write_clips(tmp_path / "clips", range(2)):
        assert caption.video is not None
        name = f"{Path(caption.video.path).name}.json"
        (tmp_path / "captions" / name).write_text(caption.to_json(), encoding="utf-8")
    flags = {
        "model": tmp_path / "model", "captions": tmp_path / "captions", "out": tmp_path / "run",
        "frames": 9, "size": "32x32", "accumulate": 2, "rate": 0.02, "rank": 4, "every": 10,
        "sample-steps": 2, "tokens": 32, "drop": 0.0,
    }  # fmt: skip
    words = [word for name, value in flags.items() for word in (f"--{name}", str(value))]
    t2v.main([*words, "--steps", "10"])
    encoded = {path: path.stat().st_mtime_ns for path in (tmp_path / "run/cache").iterdir()}
    assert len(encoded) == 2
    t2v.main([*words, "--steps", "30", "--resume"])
    assert encoded == {path: path.stat().st_mtime_ns for path in (tmp_path / "run/cache").iterdir()}
    log = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == list(range(1, 31))
    losses = [line["loss"] for line in log]
    assert sum(losses[-10:]) < 0.97 * sum(losses[:10])
    assert {path.name for path in (tmp_path / "run" / "samples").iterdir()} == {
        "000010.mp4", "000020.mp4", "000030.mp4"
    }  # fmt: skip
    pipe = WanPipeline.from_pretrained(tmp_path / "model")
    before = pipe.transformer.blocks[0].attn1.to_q.weight.clone()
    pipe.load_lora_weights(tmp_path / "run" / "adapter")
    pipe.fuse_lora()
    after = pipe.transformer.blocks[0].attn1.to_q
    after = getattr(after, "base_layer", after).weight
    assert not torch.equal(before, after)
