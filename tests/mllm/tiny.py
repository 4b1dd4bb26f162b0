"""A vision-language model of a few thousand random weights: it proves the plumbing, no quality."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for p in m['content'] %}"
    "{% if p['type'] == 'text' %}{{ p['text'] }}{% else %}<image>{% endif %}"
    "{% endfor %}{% endif %}<end_of_utterance>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def build(folder: Path, *, kind: str = "llava") -> Path:
    """Write a random model (``llava`` or ``idefics3``) and its processor to ``folder``."""
    import torch
    import transformers

    tokenizer = byte_tokenizer()
    processor, config = (_llava if kind == "llava" else _idefics3)(tokenizer)
    torch.manual_seed(0)
    model = transformers.AutoModelForImageTextToText.from_config(config)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def byte_tokenizer() -> Any:
    """A token for each printable letter of ASCII."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = [chr(code) for code in range(33, 127)] + ["\u0120", "\u010a"]  # space, line feed
    raw = Tokenizer(models.BPE(vocab={one: at for at, one in enumerate(letters)}, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    marks = ["<image>", "<fake_token_around_image>", "<global-img>", "<end_of_utterance>", "<pad>"]
    raw.add_special_tokens([AddedToken(one, special=True, normalized=False) for one in marks])
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<end_of_utterance>", pad_token="<pad>"
    )


def _text_config(tokenizer: Any) -> dict[str, Any]:
    return {
        "model_type": "llama",
        "vocab_size": len(tokenizer),
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 16384,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.eos_token_id,
    }


VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 8,
}


def _llava(tokenizer: Any) -> tuple[Any, Any]:
    from transformers import CLIPImageProcessorPil, LlavaConfig, LlavaProcessor

    side = {"height": 32, "width": 32}
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=side, crop_size=side),
        tokenizer=tokenizer,
        patch_size=VISION["patch_size"],
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )
    config = LlavaConfig(
        vision_config={"model_type": "clip_vision_model", "projection_dim": 16, **VISION},
        text_config=_text_config(tokenizer),
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    return processor, config


def _idefics3(tokenizer: Any) -> tuple[Any, Any]:
    """Without torchvision, transformers before 5.23 cannot load this one's image processor."""
    from transformers import Idefics3Config, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import (
        Idefics3ImageProcessorPil,
    )

    images = Idefics3ImageProcessorPil(
        size={"longest_edge": 32}, max_image_size={"longest_edge": 32}, do_image_splitting=False
    )
    processor = Idefics3Processor(images, tokenizer, image_seq_len=4, chat_template=TEMPLATE)
    config = Idefics3Config(
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_config=VISION,
        text_config=_text_config(tokenizer),
        scale_factor=2,
        pad_token_id=tokenizer.pad_token_id,
    )
    return processor, config


@contextmanager
def serving(model: Path, folder: Path) -> Iterator[str]:
    """The URL of ``transformers serve`` on a free port; it takes schemas and ignores them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "hub").mkdir()
    program = [Path(sys.executable).parent / "transformers", "serve", model]
    address = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    own = {"HF_HOME": str(folder), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*program, *address], env={**os.environ, **own}, stdout=log, stderr=log
        )
        try:
            while process.poll() is None:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.5)
            else:
                pytest.fail((folder / "log").read_text()[-2000:])
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait()
