"""Ask a captioner in training, and tell how well it answers: validity first, then its fields."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from instancecap.captioners.chain.single import FORMATS
from instancecap.errors import FormatError
from instancecap.evals.fields import by_words, compared
from instancecap.formats import answer_model, caption_from
from instancecap.mllm.constrain import SchemaMask, bounded
from instancecap.mllm.schemas import answer_schema
from instancecap.schema.caption import Caption
from recipes.rows import Row


def answer_rows(
    model: Any,
    processor: Any,
    rows: Sequence[Row],
    *,
    captioner: str,
    max_tokens: int = 1024,
    constrained: bool = False,
    batch: int = 8,
) -> list[str]:
    """What the model answers to each row, greedily; ``constrained`` to the answer's schema."""
    import torch

    was_training, side = model.training, processor.tokenizer.padding_side
    model.eval()
    processor.tokenizer.padding_side = "left"
    answers: list[str] = []
    for at in range(0, len(rows), batch):
        some = rows[at : at + batch]
        texts = [
            processor.apply_chat_template(_shown(row), add_generation_prompt=True, tokenize=False)
            for row in some
        ]
        inputs = processor(
            text=texts, images=[row["images"] for row in some], padding=True, return_tensors="pt"
        ).to(model.device)
        with torch.inference_mode():
            tokens = model.generate(
                **inputs, do_sample=False, max_new_tokens=max_tokens,
                **_mask(model, processor, len(some), captioner, max_tokens, constrained),
            )  # fmt: skip
        new = tokens[:, inputs["input_ids"].shape[1] :]
        answers += processor.tokenizer.batch_decode(new, skip_special_tokens=True)
    processor.tokenizer.padding_side = side
    model.train(was_training)
    return answers


def _shown(row: Row) -> list[dict[str, Any]]:
    (question,) = row["prompt"]
    parts = [*[{"type": "image"}] * len(row["images"])]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": question["content"]}]}]


def _mask(
    model: Any, processor: Any, count: int, captioner: str, max_tokens: int, constrained: bool
) -> dict[str, Any]:
    """Options of ``generate`` that hold it to the schema; none where it is free."""
    if not constrained:
        return {}
    import llguidance.hf

    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    tokenizer = llguidance.hf.from_tokenizer(processor.tokenizer, eos_token=ends)
    schema = bounded(answer_schema(answer_model(FORMATS[captioner])), max_tokens=max_tokens)
    return {"logits_processor": [SchemaMask(tokenizer, [schema] * count, ends=ends)]}


def is_valid(answer: str, captioner: str) -> bool:
    """Whether an answer is JSON that has every key of the schema, and no other."""
    import jsonschema

    try:
        jsonschema.validate(json.loads(answer), answer_schema(answer_model(FORMATS[captioner])))
    except (ValueError, jsonschema.ValidationError):
        return False
    return True


def score(answers: Sequence[str], truths: Sequence[Caption], captioner: str) -> dict[str, float]:
    """``valid``: share of valid answers; ``fields``: share of right fields, as ``eval fields``
    counts them without a judge, where an answer that cannot be read is wrong in all of them."""
    right: list[bool] = []
    for answer, truth in zip(answers, truths, strict=True):
        try:
            said = caption_from(answer, format=FORMATS[captioner])
        except FormatError:
            said = Caption(video=None)
        right += by_words(compared(truth, said))
    valid = [is_valid(answer, captioner) for answer in answers]
    return {"valid": sum(valid) / len(valid), "fields": sum(right) / max(1, len(right))}
