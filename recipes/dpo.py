"""Teach a captioner to prefer what was measured: DPO on preference pairs, with adapters (LoRA).

    python -m recipes.dpo --model captioner/merged --pairs pairs.jsonl --out preferring

A line of the pairs is ``{"prompt": [...], "chosen": [...], "rejected": [...], "videos": [path],
"start": 0, "end": 2.5}``: conversations as TRL reads them, and the clip that they are about; or
``images``, paths of pictures, in place of ``videos``. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from instancecap.errors import DecodeError, InputError
from recipes.captioner import finish, load, lora, trainer_settings
from recipes.rows import RowOptions, as_sent, frames_of


def options_of(words: Sequence[str] | None = None) -> argparse.Namespace:
    """Every flag; the defaults are for a model of seven billion weights on one GPU of 80 GB."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="folder, or name on the hub")
    parser.add_argument("--pairs", type=Path, required=True, help="JSONL file of pairs")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--side", type=int, default=448, help="longer side of a picture")
    parser.add_argument("--steps", type=int, default=-1, help="instead of epochs")
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--accumulate", type=int, default=16)
    parser.add_argument("--rate", type=float, default=5e-6)
    parser.add_argument("--beta", type=float, default=0.1, help="how near to stay to the model")
    parser.add_argument("--rank", type=int, default=32)
    parser.add_argument("--every", type=int, default=200, help="steps between checkpoints")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--cpu", action="store_true")
    return parser.parse_args(words)


def read_pairs(path: Path, options: RowOptions) -> Iterator[dict[str, Any]]:
    """Every pair whose pictures can be read; the others are named on the terminal."""
    count = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            pair = json.loads(line)
            row = {name: pair[name] for name in ("prompt", "chosen", "rejected")}
            row["images"] = [as_sent(one) for one in _pictures(pair, path.parent, options)]
        except (ValueError, KeyError, InputError, DecodeError) as error:
            print(f"left out: {path}: line {number}: {error}")
            continue
        count += 1
        yield row
    if not count:
        raise InputError(f"{path}: no pair whose pictures can be read")


def _pictures(pair: dict[str, Any], home: Path, options: RowOptions) -> list[Any]:
    start, end = pair.get("start", 0.0), pair.get("end", 0.0)
    shown: list[Any] = []
    for name in pair.get("videos", ()):
        shown += frames_of(str(home / name), options, start=start, end=end)
    for name in pair.get("images", ()):
        shown += frames_of(str(home / name), options)
    if not shown:
        raise InputError("it names no videos and no images")
    return shown


def main(words: Sequence[str] | None = None) -> None:
    """Train and merge."""
    options = options_of(words)
    from datasets import Dataset
    from trl import DPOConfig, DPOTrainer

    model, processor = load(options.model, cpu=options.cpu)
    shown = RowOptions(frames=options.frames, side=options.side)
    rows = Dataset.from_generator(
        lambda: read_pairs(options.pairs, shown), cache_dir=str(options.out / "rows")
    )
    trainer = DPOTrainer(
        model=model,
        args=DPOConfig(**trainer_settings(options), beta=options.beta),
        train_dataset=rows,
        processing_class=processor,
        peft_config=lora(options.rank),
    )
    trainer.train(resume_from_checkpoint=options.resume or None)
    print(f"merged model: {finish(trainer, processor, options.out)}")


if __name__ == "__main__":
    main()
