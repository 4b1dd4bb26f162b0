"""A tiny captioner, trained from scratch on simple scenes and asked about others.

    python -m benchmarks.tiny_captioner --out tiny

It proves that data, question, loss, constrained decoding and evaluation fit together: the model is
loaded by ``instancecap caption --captioner mllm`` like any other. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.simple_scenes import CAMERAS, COLORS, SHAPES, WAYS, SimpleScene, film, write_clips
from instancecap.evals.fields import match
from instancecap.formats import read_file
from instancecap.schema.caption import Caption, Instance
from recipes.answering import answer_rows, is_valid
from recipes.rows import RowOptions, make_row

UNSEEN = 1_000_000
"""Seeds of the clips that are asked about start here; those that are learned from, at 0."""

PICTURES, SIDE, PATCH, WIDTH = 4, 64, 16, 128
"""Pictures a clip, pixels a side, pixels a patch, and numbers that stand for a token."""

OPTIONS = RowOptions(frames=PICTURES)

TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}"
    "{% for p in m['content'] %}"
    "{% if p['type'] == 'text' %}{{ p['text'] }}{% else %}<image>{% endif %}"
    "{% endfor %}{% endif %}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
MARKS = ("<image>", "<pad>", "<|end|>", "<|user|>", "<|assistant|>")
VOCABULARY = 700


def make_rows(seeds: range) -> list[dict[str, Any]]:
    """A row for each seed, as the recipes make them of captions and videos."""
    every = 12 // (PICTURES - 1)
    return [
        make_row(list(film(seed, every=every)), SimpleScene.of(seed).caption(""), OPTIONS)
        for seed in seeds
    ]


def make_processor(rows: list[dict[str, Any]]) -> Any:
    """A byte-level tokenizer learned from the answers, and CLIP's way to scale pictures."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import CLIPImageProcessorPil, LlavaProcessor, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    texts = [row[part][0]["content"] for row in rows[:500] for part in ("prompt", "completion")]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    marks = [AddedToken(one, special=True, normalized=False) for one in MARKS]
    learning = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=marks, initial_alphabet=alphabet, show_progress=False
    )
    raw.train_from_iterator(texts, learning)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|end|>", pad_token="<pad>", extra_special_tokens={}
    )
    side = {"height": SIDE, "width": SIDE}
    return LlavaProcessor(
        image_processor=CLIPImageProcessorPil(size=side, crop_size=side),
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE,
    )


def make_model(tokenizer: Any) -> Any:
    """A LLaVA of 1.4 million random weights."""
    import torch
    from transformers import LlavaConfig, LlavaForConditionalGeneration

    marks = {name: getattr(tokenizer, name) for name in ("eos_token_id", "pad_token_id")}
    text = {
        "model_type": "llama", "vocab_size": len(tokenizer), "hidden_size": WIDTH,
        "intermediate_size": 3 * WIDTH, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 4, "max_position_embeddings": 2048, "initializer_range": 0.06,
        "bos_token_id": tokenizer.eos_token_id, **marks,
    }  # fmt: skip
    vision = {
        "model_type": "clip_vision_model", "projection_dim": 16, "hidden_size": WIDTH,
        "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 4,
        "image_size": SIDE, "patch_size": PATCH, "initializer_range": 0.05,
    }  # fmt: skip
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision, text_config=text, vision_feature_layer=-1,
            image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        )
    )  # fmt: skip
    for name, id in marks.items():
        setattr(model.generation_config, name, id)
    return model


def collate(rows: list[dict[str, Any]], processor: Any) -> dict[str, Any]:
    """All rows as tensors, with labels for the answers alone, by TRL's own collator."""
    import torch
    from trl.trainer.sft_trainer import DataCollatorForVisionLanguageModeling

    to_batch = DataCollatorForVisionLanguageModeling(processor, completion_only_loss=True)
    parts = [to_batch(rows[at : at + 100]) for at in range(0, len(rows), 100)]
    blank = {"input_ids": processor.tokenizer.pad_token_id, "attention_mask": 0, "labels": -100}
    longest = max(part["input_ids"].shape[1] for part in parts)
    padded = {
        name: torch.cat(
            [
                torch.nn.functional.pad(one[name], (0, longest - one[name].shape[1]), value=value)
                for one in parts
            ]
        )
        for name, value in blank.items()
    }
    pixels = torch.cat([part["pixel_values"].to(torch.bfloat16) for part in parts])
    return padded | {"pixel_values": pixels.unflatten(0, (-1, PICTURES))}


def train(model: Any, data: dict[str, Any], *, minutes: float, batch: int, rate: float) -> int:
    """Train for ``minutes`` of this process's time; gives the number of steps."""
    import torch

    plain = [one for one in model.parameters() if one.ndim < 2]
    decayed = [one for one in model.parameters() if one.ndim > 1]
    groups = [{"params": decayed, "weight_decay": 0.05}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98))
    order = np.random.default_rng(0)
    began, step, told = time.process_time(), 0, 0.0
    model.train()
    while (done := (time.process_time() - began) / (60 * minutes)) < 1:
        for group in optimizer.param_groups:
            cosine = 0.5 * (1 + math.cos(math.pi * done))
            group["lr"] = rate * min(1, (step + 1) / 50) * (0.05 + 0.95 * cosine)
        picked = torch.from_numpy(order.integers(0, len(data["labels"]), batch))
        inputs = {name: value[picked] for name, value in data.items()}
        inputs["pixel_values"] = inputs["pixel_values"].flatten(0, 1).float()
        with torch.autocast("cpu", torch.bfloat16):
            loss = model(**inputs).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        step += 1
        if done >= told:
            print(f"{done:4.0%} step {step:5d} loss {loss.item():.3f}", flush=True)
            told += 0.05
    return step


def valid_share(model: Any, processor: Any, rows: list[dict[str, Any]]) -> float:
    """Share of answers that are valid with nothing to hold the model to the schema."""
    answers = answer_rows(model, processor, rows, captioner="instancecap", max_tokens=300)
    return sum(is_valid(one, "instancecap") for one in answers) / len(rows)


def caption_clips(clips: Path, model: Path, out: Path) -> None:
    """What a user would type."""
    command = [
        *(sys.executable, "-m", "instancecap", "caption", str(clips), "--out", str(out)),
        *("--captioner", "mllm", "--mllm-model", str(model), "--mode", "single"),
        *("--single-format", "instancecap", "--frames", str(PICTURES), "--workers", "1"),
    ]
    subprocess.run([*command, "--quiet"], check=True)


FIELDS = {
    "class": lambda one, said: said.subcategory or said.class_,
    "color": lambda one, said: " ".join(said.colors),
    "direction": lambda one, said: said.action.rstrip(".").split(" ")[-1],
    "appearance": lambda one, said: said.appearance,
    "position": lambda one, said: said.position.text,
}
CHANCE = {
    "class": len(SHAPES),
    "color": len(COLORS),
    "direction": len(WAYS),
    "camera": len(CAMERAS),
}


def accuracy(captions: list[Caption], out: Path) -> dict[str, float]:
    """Share of the clips of which a field is right, in the captions that were written."""
    right = dict.fromkeys(("answered", *FIELDS, "camera"), 0)
    for truth in captions:
        assert truth.video is not None
        said = read_file(out / f"{Path(truth.video.path).name}.json")
        (one,), pairs = truth.instances, match(truth.instances, said.instances, least=-1.0)
        other = said.instances[pairs[0]] if pairs else Instance(id=0, class_="")
        right["answered"] += not any("no whole answer" in line for line in said.warnings)
        right["camera"] += said.camera.motion == truth.camera.motion
        for name, read in FIELDS.items():
            right[name] += read(one, other) == read(one, one)
    return {name: count / len(captions) for name, count in right.items()}


def main(words: Sequence[str] | None = None) -> dict[str, float]:
    """Train, caption, compare, and print the table; gives it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="new folder for all that is made")
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=4.0, help="of processor time to train")
    parser.add_argument("--clips", type=int, default=100, help="unseen clips to caption")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-3)
    options = parser.parse_args(words)
    import torch

    torch.set_num_threads(1)
    began = time.process_time()
    rows = make_rows(range(options.scenes))
    processor = make_processor(rows)
    model = make_model(processor.tokenizer)
    data = collate(rows, processor)
    print(f"{len(rows)} scenes drawn in {time.process_time() - began:.0f} s", flush=True)
    steps = train(model, data, minutes=options.minutes, batch=options.batch, rate=options.rate)
    folder, unseen = options.out / "model", range(UNSEEN, UNSEEN + options.clips)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    print(
        f"{steps} steps; {time.process_time() - began:.0f} s of processor time in all", flush=True
    )
    found = {"valid, free": valid_share(model, processor, make_rows(unseen))}
    truths = write_clips(options.out / "clips", unseen)
    caption_clips(options.out / "clips", folder, options.out / "captions")
    found |= accuracy(truths, options.out / "captions")
    for name, share in found.items():
        chance = f"  (chance {1 / CHANCE[name]:.0%})" if name in CHANCE else ""
        print(f"{name:12s} {share:6.1%}{chance}")
    return found


if __name__ == "__main__":
    main()
