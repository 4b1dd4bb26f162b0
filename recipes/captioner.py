"""Fine-tune a vision-language model (Qwen2.5-VL, Qwen3-VL and the like) on captions: LoRA.

    python -m recipes.captioner --model Qwen/Qwen2.5-VL-7B-Instruct --captions captions \
        --held-out held_out --out captioner

The loss is on the answer alone. While it trains, it is asked about held-out clips, and the share of
valid JSON and of right fields is logged. What comes out is asked by
``instancecap caption CLIPS --captioner mllm --mllm-model captioner/merged --mode single
--single-format instancecap``. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recipes.answering import answer_rows, score
from recipes.rows import RowOptions, read_rows

MOST_HELD_OUT = 64
"""Held-out clips that are asked about at a time; more of them make training wait."""


def options_of(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Every flag; the defaults are for a model of seven billion weights on one GPU of 80 GB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="folder, or name on the hub")
    parser.add_argument("--captions", nargs="+", required=True, help="files, folders or tables")
    parser.add_argument("--held-out", nargs="*", default=[], help="captions to evaluate on")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--captioner", default="instancecap", help="as --single-format")
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--side", type=int, default=448, help="longer side of a picture")
    parser.add_argument("--steps", type=int, default=-1, help="instead of epochs")
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--accumulate", type=int, default=16)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--max-tokens", type=int, default=2048, help="of an answer in evaluation")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--cpu", action="store_true")
    return parser.parse_args(words)


def trainer_settings(options: argparse.Namespace) -> dict[str, Any]:
    """What the trainers of TRL are told alike."""
    return {
        "output_dir": str(options.out / "checkpoints"),
        "max_steps": options.steps,
        "num_train_epochs": options.epochs,
        "per_device_train_batch_size": options.batch,
        "gradient_accumulation_steps": options.accumulate,
        "learning_rate": options.rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": 0.03,
        "logging_steps": min(10, options.every),
        "save_steps": options.every,
        "save_total_limit": 2,
        "bf16": not options.cpu,
        "use_cpu": options.cpu,
        "gradient_checkpointing": not options.cpu,
        "max_length": None,  # an answer or a picture cut off in the middle teaches nonsense
        "report_to": "none",
        "dataloader_pin_memory": not options.cpu,
    }


def lora(rank: int) -> Any:
    """Adapters at every linear layer of the language model; the vision tower stays as it is."""
    from peft import LoraConfig

    return LoraConfig(
        r=rank, lora_alpha=2 * rank, lora_dropout=0.05, task_type="CAUSAL_LM",
        target_modules=r".*(language_model|text_model).*\.(q|k|v|o|gate|up|down)_proj",
    )  # fmt: skip


def load(name: str, *, cpu: bool) -> tuple[Any, Any]:
    """A model and its processor."""
    import torch
    from transformers import AutoModelForImageTextToText, AutoProcessor

    kind = torch.float32 if cpu else torch.bfloat16
    model = AutoModelForImageTextToText.from_pretrained(name, dtype=kind)
    return model, AutoProcessor.from_pretrained(name)


def held_out(options: argparse.Namespace, processor: Any) -> list[Any]:
    """A callback that asks about held-out clips at every checkpoint; none without such clips."""
    from transformers import TrainerCallback

    if not options.held_out:
        return []
    shown = RowOptions(captioner=options.captioner, frames=options.frames, side=options.side)
    pairs = list(read_rows(options.held_out, shown))[:MOST_HELD_OUT]
    rows, truths = [row for row, _ in pairs], [truth for _, truth in pairs]

    class HeldOut(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **known: Any) -> None:
            if not control.should_save:  # so that the checkpoint has the figures in its log
                return
            answers = answer_rows(
                known["model"], processor, rows,
                captioner=options.captioner, max_tokens=options.max_tokens,
            )  # fmt: skip
            found = score(answers, truths, options.captioner)
            state.log_history.append({"step": state.global_step, **found})
            print(
                f"step {state.global_step}: " + ", ".join(f"{k} {v:.1%}" for k, v in found.items())
            )

    return [HeldOut()]


def finish(trainer: Any, processor: Any, out: Path) -> Path:
    """Save the adapter, and the model with the adapter in it; gives the latter's folder."""
    trainer.save_model(str(out / "adapter"))
    trainer.state.save_to_json(str(out / "log.json"))
    merged = trainer.model.merge_and_unload()
    merged.save_pretrained(out / "merged")
    processor.save_pretrained(out / "merged")
    return out / "merged"


def main(words: Sequence[str] | None = None) -> None:
    """Train, evaluate at intervals, merge."""
    options = options_of(words)
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model, processor = load(options.model, cpu=options.cpu)
    shown = RowOptions(captioner=options.captioner, frames=options.frames, side=options.side)
    rows = Dataset.from_generator(
        lambda: (row for row, _ in read_rows(options.captions, shown)),
        cache_dir=str(options.out / "rows"),
    )
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(**trainer_settings(options), completion_only_loss=True),
        train_dataset=rows,
        processing_class=processor,
        peft_config=lora(options.rank),
        callbacks=held_out(options, processor),
    )
    trainer.train(resume_from_checkpoint=options.resume or None)
    print(f"merged model: {finish(trainer, processor, options.out)}")


if __name__ == "__main__":
    main()
