"""What goes to an OpenAI-protocol server and what comes back, as JSON. Nothing is sent here."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import Any

from instancecap.mllm.base import Message, Reply, Request, Video
from instancecap.mllm.dialect import SCHEMA_FORMS, Dialect

_BOUNDS = {
    *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
TOP_LOGPROBS = 20
"""First tokens whose probabilities are asked for: the most that OpenAI and vLLM allow."""

_OPENS = re.compile(r"\s*(?:<(?:\w+:)?think(?:ing)?>|\[THINK\]|◁think▷)")
_CLOSES = re.compile(r"</(?:\w+:)?think(?:ing)?>|\[/THINK\]|◁/think▷")


def payload(
    request: Request, *, model: str, dialect: Dialect, max_tokens: int = 0
) -> dict[str, Any]:
    """The body of ``POST /chat/completions``.

    Args:
        request: with the images that are sent (:func:`~instancecap.mllm.dialect.fit`).
        max_tokens: the least bound of an answer's length.
    """
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(one) for one in request.messages],
        dialect.limit: dialect.bound(max(request.max_tokens, max_tokens)),
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if not dialect.think:
        # The first is vLLM's, SGLang's and llama.cpp's, the second Ollama's and hosted services'.
        body["chat_template_kwargs"] = {"enable_thinking": False, "thinking": False}
        body["reasoning_effort"] = dialect.effort
    if request.penalty != 1.0:
        # The first is vLLM's and SGLang's name, the second llama.cpp's; the rest ignore both.
        body["repetition_penalty"] = body["repeat_penalty"] = request.penalty
    if request.logprobs:
        body |= {"logprobs": True, "top_logprobs": TOP_LOGPROBS}
    if request.schema is not None:
        form = SCHEMA_FORMS[dialect.form]
        if form == "json_object":
            body["response_format"] = {"type": form, "schema": request.schema}
        elif form:
            schema = request.schema if form == "json_schema" else _without_bounds(request.schema)
            asked = {"name": "answer", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": asked}
    return {name: value for name, value in body.items() if name not in dialect.refused}


def _message(message: Message) -> dict[str, Any]:
    if all(isinstance(part, str) for part in message.parts):
        # Plain text is the one form that every chat template takes for system and assistant.
        return {"role": message.role, "content": "\n".join(map(str, message.parts))}
    parts: list[dict[str, Any]] = []
    for part in message.parts:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
            continue
        if isinstance(part, Video):
            parts.append({"type": "video_url", "video_url": {"url": part.url}})
            continue
        if part.t is not None:
            parts.append({"type": "text", "text": timestamp(part.t)})
        url = "data:image/jpeg;base64," + base64.b64encode(part.jpeg).decode("ascii")
        parts.append({"type": "image_url", "image_url": {"url": url}})
    return {"role": message.role, "content": parts}


def timestamp(t: float) -> str:
    """The text before an image. Qwen3-VL is trained on this form; others read it as it stands."""
    return f"<{t:.1f} seconds>"


def parse_reply(body: object) -> Reply:
    """The answer in a server's JSON, apart from the reasoning that some models write before it.

    Raises:
        ValueError: it is not a chat completion; with the error that is in its place.
    """
    try:
        choice = body["choices"][0]  # type: ignore[index]
        message = choice["message"]
        content = message.get("content") or ""
        usage = body.get("usage") or {}  # type: ignore[attr-defined]
        if not isinstance(content, str):  # a list of parts
            content = "".join(part.get("text") or "" for part in content)
        reasoning, text = split_reasoning(content)
        apart = message.get("reasoning") or message.get("reasoning_content")
        refusal = message.get("refusal")
        return Reply(
            text=text or (refusal if isinstance(refusal, str) else ""),
            finish="content_filter" if refusal else str(choice.get("finish_reason") or "stop"),
            model=str(body.get("model") or ""),  # type: ignore[attr-defined]
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
            reasoning=apart if isinstance(apart, str) else reasoning,
            logprobs=_first_logprobs(choice.get("logprobs")),
        )
    except (LookupError, TypeError, AttributeError) as error:
        said = body.get("error") if isinstance(body, dict) else None
        raise ValueError(f"not a chat completion{f': {said}' if said else ''}"[:300]) from error


def _first_logprobs(logprobs: Any) -> dict[str, float]:
    """Of the first token and its rivals."""
    first = next(iter((logprobs or {}).get("content") or ()), None)
    rivals = [first, *first.get("top_logprobs", ())] if first else []
    return {str(one["token"]): float(one["logprob"]) for one in rivals}


def split_reasoning(text: str) -> tuple[str, str]:
    """What comes before the end of the reasoning, and the answer after it.

    The opening mark may be missing: some chat templates put it into the question. Reasoning that
    never ends leaves no answer.
    """
    *_, last = (None, *_CLOSES.finditer(text))
    if last is not None:
        return text[: last.start()].strip(), text[last.end() :].strip()
    opening = _OPENS.match(text)
    return (text[opening.end() :].strip(), "") if opening else ("", text.strip())


def _without_bounds(schema: Any, *, names: bool = False) -> Any:
    """The schema without bounds; ``names``: the keys are the names of fields, not keywords."""
    if isinstance(schema, Mapping):
        return {
            key: _without_bounds(value, names=key == "properties" and not names)
            for key, value in schema.items()
            if names or key not in _BOUNDS
        }
    return [_without_bounds(one) for one in schema] if isinstance(schema, list) else schema
