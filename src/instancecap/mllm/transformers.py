"""Any image-text-to-text model of transformers that takes several images, in this process."""

from __future__ import annotations

import asyncio
import io
import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from instancecap.errors import MissingDependency, ModelError, UsageError
from instancecap.mllm.base import Backend, Image, Message, Reply, Request
from instancecap.mllm.constrain import SchemaMask, bounded
from instancecap.mllm.wire import TOP_LOGPROBS, split_reasoning, timestamp

if TYPE_CHECKING:
    import torch

log = logging.getLogger(__name__)

Waiting = tuple[Request, "Future[Reply | ModelError]"]


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A model, its processor, and its tokenizer as llguidance wants it."""

    model: Any
    processor: Any
    tokenizer: Any
    ends: tuple[int, ...]


class TransformersBackend(Backend):
    """Ask a model that is loaded here; every answer fits the schema that was asked for.

    One thread does the work. Questions that wait at the same time, with the same settings, are
    answered together.
    """

    def __init__(self, *, model: str, device: str = "auto", batch: int = 8) -> None:
        """
        Arguments:
            model: folder, or name on the Hugging Face hub.
            device: such as ``cuda``, ``cuda:1``, ``mps`` or ``cpu``; ``auto`` for the best there.
            batch: questions answered together, at most; halved when memory does not suffice.
        """
        self.model = model
        self._device, self._batch = device, batch
        self._loaded: _Loaded | None = None
        self._waiting: deque[Waiting] = deque()
        self._lock = threading.Lock()
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="transformers")

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        """Answer every request, in order; one that failed for good is an error in its place.

        Raises:
            MissingDependency: a package of the extra ``models``, or the model, is not there.
            UsageError: a question has a clip by URL.
        """
        if any(request.has_video for request in requests):
            raise UsageError("a clip goes by URL to a server only: give one, or send images")
        waiting: list[Waiting] = [(request, Future()) for request in requests]
        with self._lock:
            self._waiting.extend(waiting)
        for _ in waiting:
            self._worker.submit(self._work)
        return list(await asyncio.gather(*(asyncio.wrap_future(one) for _, one in waiting)))

    async def close(self) -> None:
        await asyncio.to_thread(self._worker.shutdown, cancel_futures=True)
        self._loaded = None

    def _work(self) -> None:
        """Answer the questions that wait and have the settings of the first, as one batch."""
        group = self._next_group()
        if not group:
            return  # answered together with earlier ones
        try:
            replies = self._answer([request for request, _ in group])
        except ModelError as error:
            replies = [error] * len(group)
        except BaseException as error:
            for _, future in group:
                future.set_exception(error)
            return
        for (_, future), reply in zip(group, replies, strict=True):
            future.set_result(reply)

    def _next_group(self) -> list[Waiting]:
        group: list[Waiting] = []
        with self._lock:
            rest: deque[Waiting] = deque()
            for request, future in self._waiting:
                if group and (len(group) >= self._batch or _key(request) != _key(group[0][0])):
                    rest.append((request, future))
                elif future.set_running_or_notify_cancel():
                    group.append((request, future))
            self._waiting = rest
        return group

    def _answer(self, requests: list[Request]) -> list[Reply | ModelError]:
        """Answer a batch; half of it at a time where memory does not suffice."""
        self._load()
        import torch

        try:
            return list(self._generate(requests))
        except torch.OutOfMemoryError:
            torch.cuda.empty_cache()
        if len(requests) == 1:
            says = f"{self.model}: not enough memory for {requests[0].images} images"
            return [ModelError(f"{says}; ask for fewer or smaller frames")]
        self._batch = half = (len(requests) + 1) // 2
        log.debug("not enough memory for %d questions at once; %d from now on", 2 * half, half)
        return self._answer(requests[:half]) + self._answer(requests[half:])

    def _load(self) -> _Loaded:
        if self._loaded is not None:
            return self._loaded
        try:
            import llguidance.hf
            import torch
            import transformers
        except ImportError as error:
            raise MissingDependency(
                f"models in this process need {error.name}: pip install 'instancecap[models]'"
            ) from error
        device = self._device
        if device == "auto":
            there = bool(torch.accelerator.is_available())
            device = str(torch.accelerator.current_accelerator()) if there else "cpu"
        try:
            processor = transformers.AutoProcessor.from_pretrained(self.model)
            model = transformers.AutoModelForImageTextToText.from_pretrained(
                self.model, dtype="auto"
            )
        except (OSError, ValueError, ImportError) as error:
            raise MissingDependency(
                f"{self.model} cannot be loaded as a model that answers questions about images: "
                f"{' '.join(str(error).split())[:300]}"
            ) from error
        processor.tokenizer.padding_side = "left"
        ends = model.generation_config.eos_token_id
        ends = tuple(ends) if isinstance(ends, list) else (ends,)
        ends = tuple(one for one in ends if one is not None) or (processor.tokenizer.eos_token_id,)
        self._loaded = _Loaded(
            model=model.to(device).eval(),
            processor=processor,
            tokenizer=llguidance.hf.from_tokenizer(processor.tokenizer, eos_token=list(ends)),
            ends=ends,
        )
        return self._loaded

    def _generate(self, requests: list[Request]) -> list[Reply]:
        """One batch; all requests have the same settings."""
        import torch

        began = time.perf_counter()
        loaded, first = self._load(), requests[0]
        inputs = self._inputs(requests)
        options: dict[str, Any] = {"do_sample": False}
        if first.temperature > 0:
            torch.manual_seed(first.seed)
            options = {"do_sample": True, "temperature": first.temperature}
        if any(request.schema is not None for request in requests):
            schemas = [
                one.schema and bounded(one.schema, max_tokens=one.max_tokens) for one in requests
            ]
            options["logits_processor"] = [SchemaMask(loaded.tokenizer, schemas, ends=loaded.ends)]
        if first.logprobs:
            options |= {"return_dict_in_generate": True, "output_logits": True}
        pad = loaded.processor.tokenizer.pad_token_id
        with torch.inference_mode():
            rows = loaded.model.generate(
                **inputs,
                **options,
                max_new_tokens=first.max_tokens,
                repetition_penalty=first.penalty,
                eos_token_id=list(loaded.ends),
                pad_token_id=loaded.ends[0] if pad is None else pad,
            )
        logprobs: list[dict[str, float]] = [{} for _ in requests]
        if first.logprobs:
            logprobs, rows = self._likeliest(rows.logits[0]), rows.sequences
        seconds = time.perf_counter() - began
        asked = inputs["attention_mask"].sum(dim=1).tolist()
        answers = rows[:, inputs["input_ids"].shape[1] :].tolist()
        return [
            replace(self._reply(one, prompt_tokens=tokens, seconds=seconds), logprobs=likely)
            for one, tokens, likely in zip(answers, asked, logprobs, strict=True)
        ]

    def _likeliest(self, logits: torch.Tensor) -> list[dict[str, float]]:
        """Log-probabilities of the likeliest tokens; logits (rows, vocabulary)."""
        tokenizer = self._load().processor.tokenizer
        most = min(TOP_LOGPROBS, logits.shape[1])
        values, tokens = logits.float().log_softmax(dim=1).topk(most, dim=1)
        return [
            dict(zip(map(tokenizer.decode, row), value, strict=True))
            for row, value in zip(tokens.tolist(), values.tolist(), strict=True)
        ]

    def _inputs(self, requests: list[Request]) -> Any:
        """Token ids and pixels of a batch."""
        loaded = self._load()
        template = str(loaded.processor.chat_template)
        answers_at_once = {"enable_thinking": False} if "enable_thinking" in template else {}
        texts = [
            loaded.processor.apply_chat_template(
                [_message(message) for message in request.messages],
                tokenize=False,
                add_generation_prompt=True,
                **answers_at_once,
            )
            for request in requests
        ]
        images = [_pictures(request) for request in requests] if requests[0].images else None
        inputs = loaded.processor(text=texts, images=images, padding=True, return_tensors="pt")
        for name, value in inputs.items():
            if value.is_floating_point():
                inputs[name] = value.to(loaded.model.dtype)
        return inputs.to(loaded.model.device)

    def _reply(self, answer: list[int], *, prompt_tokens: int, seconds: float) -> Reply:
        loaded = self._load()
        end = next((at for at, token in enumerate(answer) if token in loaded.ends), None)
        text = loaded.processor.tokenizer.decode(answer[:end], skip_special_tokens=True)
        reasoning, text = split_reasoning(text)
        return Reply(
            text=text,
            reasoning=reasoning,
            finish="length" if end is None else "stop",
            model=self.model,
            prompt_tokens=prompt_tokens,
            completion_tokens=len(answer) if end is None else end + 1,
            seconds=seconds,
        )


def _key(request: Request) -> tuple[object, ...]:
    """What questions that are answered together have in common."""
    return (
        *(request.max_tokens, request.temperature, request.penalty, request.seed),
        *(request.images > 0, request.logprobs),
    )


def _message(message: Message) -> dict[str, Any]:
    """A message as chat templates take it; the images themselves go beside the text."""
    parts: list[dict[str, str]] = []
    for part in message.parts:
        if isinstance(part, Image):
            if part.t is not None:
                parts.append({"type": "text", "text": timestamp(part.t)})
            parts.append({"type": "image"})
        elif isinstance(part, str):
            parts.append({"type": "text", "text": part})
    return {"role": message.role, "content": parts}


def _pictures(request: Request) -> list[Any]:
    """The images in the order of the text."""
    from PIL import Image as Picture

    return [Picture.open(io.BytesIO(one.jpeg)).convert("RGB") for one in request.pictures]
