"""Fine-tune a text-to-video model of Wan's kind on rendered captions: LoRA.

    accelerate launch -m recipes.t2v --model Wan-AI/Wan2.1-T2V-1.3B-Diffusers --captions captions \
        --out wan-lora --frames 49 --size 480x832

Every clip is encoded once: its latents and its prompt's embeddings lie in OUT/cache, so that the
autoencoder and the text encoder are out of memory while the transformer learns. The loss is that of
flow matching. ``--resume`` goes on from the last checkpoint. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from instancecap.datasets.captions import read_captions
from instancecap.errors import DecodeError, FormatError, InputError
from instancecap.render import render
from instancecap.schema.caption import Caption
from recipes.rows import RowOptions, frames_of_caption

LINEAR = ["to_q", "to_k", "to_v", "to_out.0"]
"""Layers of the transformer that get adapters: attention to itself and to the prompt."""


def options_of(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Every flag; the defaults are for 1.3 billion weights on one GPU of 24 GB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="folder, or name on the hub")
    parser.add_argument("--captions", nargs="+", required=True, help="files, folders or tables")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--target", default="wan2.1", help="as render --for: the prompts' form")
    parser.add_argument("--frames", type=int, default=49, help="4N+1")
    parser.add_argument("--size", default="480x832", help="height x width, multiples of 16")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--accumulate", type=int, default=4)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--drop", type=float, default=0.1, help="share of steps without a prompt")
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints, samples")
    parser.add_argument("--sample-steps", type=int, default=30, help="denoising steps of a sample")
    parser.add_argument("--tokens", type=int, default=512, help="of a prompt, at most")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    options.height, options.width = map(int, options.size.split("x"))
    if options.frames % 4 != 1 or options.height % 16 or options.width % 16:
        parser.error("--frames has to be 4N+1, and both sides of --size multiples of 16")
    return options


def as_video(caption: Caption, options: argparse.Namespace) -> Any:
    """A clip's frames in -1..1, shape (1, 3, frames, height, width), cropped around the middle."""
    import torch

    side = max(options.height, options.width) * 2
    pictures = frames_of_caption(caption, RowOptions(frames=options.frames, side=side))
    if len(pictures) < options.frames:
        raise InputError(f"{len(pictures)} frames, {options.frames} are asked for")
    shown = [_fill(one, options.height, options.width) for one in pictures]
    video = torch.from_numpy(np.stack(shown)).float() / 127.5 - 1
    return video.permute(3, 0, 1, 2)[None]


def _fill(picture: np.ndarray, height: int, width: int) -> np.ndarray:
    scale = max(height / picture.shape[0], width / picture.shape[1])
    size = (
        max(width, round(picture.shape[1] * scale)),
        max(height, round(picture.shape[0] * scale)),
    )
    scaled = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
    return scaled[top : top + height, left : left + width]


def cache(pipe: Any, options: argparse.Namespace, device: Any) -> list[Path]:
    """Encode every clip that is not encoded yet; gives the files of those that can be used."""
    import torch
    from safetensors.torch import save_file

    folder = options.out / "cache"
    folder.mkdir(parents=True, exist_ok=True)
    pipe.vae.to(device)
    pipe.text_encoder.to(device)
    files = []
    with torch.inference_mode():
        for row in read_captions(options.captions):
            try:
                if row.caption is None:
                    raise InputError(row.error)
                prompt = render(row.caption, target=options.target).text
                told = [row.source, prompt, options.frames, options.size, options.model]
                name = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
                path = folder / f"{name}.safetensors"
                if not path.exists():
                    latents = encode_video(pipe.vae, as_video(row.caption, options).to(device))
                    found = {"latents": latents, "prompt": encode(pipe, prompt, options, device)}
                    part = path.with_suffix(".part")
                    save_file({key: one[0].cpu().contiguous() for key, one in found.items()}, part)
                    part.replace(path)  # so that a killed run leaves no half of a file
            except (InputError, DecodeError, FormatError) as error:
                print(f"left out: {row.source}: {error}")
                continue
            files.append(path)
    if not files:
        raise InputError(f"{', '.join(options.captions)}: no caption whose video can be used")
    return files


def encode(pipe: Any, prompt: str, options: argparse.Namespace, device: Any) -> Any:
    """Embeddings of a prompt, shape (1, tokens, features)."""
    embeds, _ = pipe.encode_prompt(
        prompt, do_classifier_free_guidance=False, max_sequence_length=options.tokens, device=device
    )
    return embeds


def encode_video(vae: Any, video: Any) -> Any:
    """Latents with mean 0 and variance 1, as the transformer takes them."""
    import torch

    raw = vae.encode(video.to(vae.dtype)).latent_dist.mode()
    mean, spread = (
        torch.tensor(one, dtype=raw.dtype, device=raw.device).view(1, -1, 1, 1, 1)
        for one in (vae.config.latents_mean, vae.config.latents_std)
    )
    return (raw - mean) / spread


def flow_loss(transformer: Any, latents: Any, prompt: Any, *, shift: float) -> Any:
    """The error in the direction from the clip to noise, at a random time between them.

    ``shift`` moves times toward noise, as the model's own scheduler does in use.
    """
    import torch

    noise = torch.randn_like(latents)
    at = torch.sigmoid(torch.randn(len(latents), device=latents.device))
    at = shift * at / (1 + (shift - 1) * at)
    share = at.view(-1, 1, 1, 1, 1).to(latents.dtype)
    told = transformer(
        hidden_states=(1 - share) * latents + share * noise,
        timestep=1000 * at,
        encoder_hidden_states=prompt,
        return_dict=False,
    )[0]
    return torch.nn.functional.mse_loss(told.float(), (noise - latents).float())


def sample(pipe: Any, prompt: Any, empty: Any, options: argparse.Namespace, step: int) -> None:
    """A video of the first clip's prompt by the model as it is now: OUT/samples/STEP.mp4."""
    import torch
    from diffusers.utils import export_to_video

    folder = options.out / "samples"
    folder.mkdir(exist_ok=True)
    with torch.inference_mode():
        (frames,) = pipe(
            prompt_embeds=prompt, negative_prompt_embeds=empty, height=options.height,
            width=options.width, num_frames=options.frames, max_sequence_length=options.tokens,
            num_inference_steps=options.sample_steps, guidance_scale=5.0,
            generator=torch.Generator("cpu").manual_seed(options.seed),
        ).frames  # fmt: skip
    export_to_video(list(frames), str(folder / f"{step:06d}.mp4"), fps=16)


def add_adapters(transformer: Any, rank: int) -> list[Any]:
    """Freeze the transformer and add adapters; gives their weights, in full precision."""
    from peft import LoraConfig

    transformer.requires_grad_(False)
    transformer.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=LINEAR))
    if transformer.device.type == "cuda":
        transformer.enable_gradient_checkpointing()
    learned = [one for one in transformer.parameters() if one.requires_grad]
    for one in learned:
        one.data = one.data.float()
    return learned


@dataclass(frozen=True, slots=True)
class Draw:
    """Which clip a step learns from, and whether without its prompt; the same on every run."""

    files: Sequence[Path]
    empty: Any
    drop: float

    def __call__(self, rng: np.random.Generator, device: str) -> tuple[Any, Any]:
        """Latents and embeddings, a batch of one."""
        from safetensors.torch import load_file

        picked, dropped = rng.random(2)
        clip = load_file(self.files[int(picked * len(self.files))], device=device)
        prompt = self.empty if dropped < self.drop else clip["prompt"][None].to(self.empty.dtype)
        return clip["latents"][None].to(self.empty.dtype), prompt


def main(words: Sequence[str] | None = None) -> None:
    """Encode, train, sample at intervals, save the adapter."""
    options = options_of(words)
    import torch
    from accelerate import Accelerator
    from accelerate.utils import ProjectConfiguration, set_seed
    from diffusers import WanPipeline
    from peft import get_peft_model_state_dict
    from safetensors.torch import load_file

    places = ProjectConfiguration(str(options.out), automatic_checkpoint_naming=True, total_limit=2)
    accelerator = Accelerator(gradient_accumulation_steps=options.accumulate, project_config=places)
    set_seed(options.seed)
    device, on_gpu = str(accelerator.device), accelerator.device.type == "cuda"
    pipe = WanPipeline.from_pretrained(
        options.model, torch_dtype=torch.bfloat16 if on_gpu else torch.float32
    )
    pipe.set_progress_bar_config(disable=True)
    with accelerator.main_process_first():
        files = cache(pipe, options, device)
        draw = Draw(files, encode(pipe, "", options, device), options.drop)
    pipe.text_encoder = None  # its memory is needed, and nothing asks it any more
    pipe.transformer.to(device)
    learned = add_adapters(pipe.transformer, options.rank)
    optimizer = torch.optim.AdamW(learned, lr=options.rate, weight_decay=1e-2)
    transformer, optimizer = accelerator.prepare(pipe.transformer.train(), optimizer)
    first = 0
    if options.resume:
        accelerator.load_state()
        first = json.loads((options.out / "step.json").read_text())
        places.iteration = first // options.every
    rng = np.random.default_rng((options.seed, accelerator.process_index))
    rng.random(2 * first * options.accumulate)  # where it was when it was stopped
    shift = pipe.scheduler.config.get("flow_shift") or pipe.scheduler.config.get("shift") or 1.0
    with (options.out / "log.jsonl").open("a" if first else "w") as log:
        for step in range(first + 1, options.steps + 1):
            losses = []
            for _ in range(options.accumulate):
                with accelerator.accumulate(transformer), accelerator.autocast():
                    loss = flow_loss(transformer, *draw(rng, device), shift=shift)
                    accelerator.backward(loss)
                    if accelerator.sync_gradients:
                        accelerator.clip_grad_norm_(learned, 1.0)
                    optimizer.step()
                    optimizer.zero_grad()
                losses.append(loss.item())
            log.write(json.dumps({"step": step, "loss": sum(losses) / len(losses)}) + "\n")
            log.flush()
            if step % options.every and step != options.steps:
                continue
            accelerator.save_state()
            if accelerator.is_main_process:
                (options.out / "step.json").write_text(json.dumps(step))
                told = load_file(files[0], device=device)["prompt"][None].to(draw.empty.dtype)
                sample(pipe, told, draw.empty, options, step)
    if accelerator.is_main_process:
        adapter = get_peft_model_state_dict(accelerator.unwrap_model(transformer))
        WanPipeline.save_lora_weights(options.out / "adapter", transformer_lora_layers=adapter)


if __name__ == "__main__":
    main()
