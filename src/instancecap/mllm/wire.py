"""What goes to an OpenAI-protocol server and what comes back, as JSON. Nothing is sent here.

Servers differ in what they take. A :class:`Dialect` holds what is known of one, and learns from
its refusals.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from instancecap.mllm.base import Message, Reply, Request, Video

SCHEMA_FORMS = ("json_schema", "unbounded", "json_object", "")
"""How a schema is asked for, the best first: ``json_schema`` (vLLM, SGLang, llama.cpp, Ollama,
hosted); the same without bounds of lengths and numbers, which some hosted services refuse;
``json_object`` with a schema beside it (llama-cpp-python); not at all."""

OPTIONAL = ("seed", "temperature", "repetition_penalty", "repeat_penalty")
"""Parameters that a question can do without where a server refuses them."""

_BOUNDS = {
    *("minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_THOUGHT = re.compile(r"^.*</think(?:ing)?>|^\s*<think(?:ing)?>.*", re.DOTALL)
_ABOUT_SCHEMA = re.compile(r"response_format|json.?schema|grammar|structured.output", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one server takes.

    Attributes:
        form: index into ``SCHEMA_FORMS``.
        refused: names of optional parameters that are left out.
        limit: the name of the bound of the answer's length.
    """

    form: int = 0
    refused: frozenset[str] = frozenset()
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"

    def after(self, refusal: str, sent: Mapping[str, Any]) -> Dialect | None:
        """What to try after ``sent`` was refused with these words; None when nothing is left."""
        if "max_completion_tokens" in refusal and self.limit == "max_tokens":
            return replace(self, limit="max_completion_tokens")
        for name in OPTIONAL:
            if name in sent and re.search(rf"\b{name}\b", refusal):
                return replace(self, refused=self.refused | {name})
        if "response_format" in sent and _ABOUT_SCHEMA.search(refusal):
            return replace(self, form=self.form + 1)
        return None


def payload(request: Request, *, model: str, dialect: Dialect) -> dict[str, Any]:
    """The body of ``POST /chat/completions``."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [_message(one) for one in request.messages],
        dialect.limit: request.max_tokens,
        "temperature": request.temperature,
        "seed": request.seed,
    }
    if request.penalty != 1.0:
        # The first is vLLM's and SGLang's name, the second llama.cpp's; the rest ignore both.
        body["repetition_penalty"] = body["repeat_penalty"] = request.penalty
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
    """The answer in a server's JSON, without the reasoning that some models write before it.

    Raises:
        ValueError: it is not a chat completion.
    """
    try:
        choice = body["choices"][0]  # type: ignore[index]
        content = choice["message"].get("content") or ""
        usage = body.get("usage") or {}  # type: ignore[attr-defined]
        if not isinstance(content, str):  # a list of parts
            content = "".join(part.get("text") or "" for part in content)
        return Reply(
            text=drop_reasoning(content).strip(),
            finish=str(choice.get("finish_reason") or "stop"),
            model=str(body.get("model") or ""),  # type: ignore[attr-defined]
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError("not a chat completion") from error


def drop_reasoning(text: str) -> str:
    """What follows ``</think>``; nothing where the reasoning never ends.

    The opening mark may be missing: some chat templates put it into the question.
    """
    return _THOUGHT.sub("", text, count=1)


def _without_bounds(schema: Any, *, names: bool = False) -> Any:
    """The schema without bounds; ``names``: the keys are the names of fields, not keywords."""
    if isinstance(schema, Mapping):
        return {
            key: _without_bounds(value, names=key == "properties" and not names)
            for key, value in schema.items()
            if names or key not in _BOUNDS
        }
    return [_without_bounds(one) for one in schema] if isinstance(schema, list) else schema
