"""A small OpenAI-protocol server that fails on demand.

::

    with serve(answer, faults={"429": 0.1, "loop": 0.05}, seed=1) as url:
        backend = OpenAIBackend(urls=[url], model=MODEL)

``answer`` gets the body of a request and returns the text that the model says. A server that
enforces schemas (``enforce=True``) sends it only where it fits the schema that was asked for, and
the smallest text that fits otherwise, as constrained decoding would; without ``answer`` it always
does. Faults are either a list, one for each call in order (``""`` for none), or the share of the
calls that each fault befalls. Shares are drawn from the seed and the body, so that the same
questions fail in the same way in whatever order they arrive; a question that is asked again
draws again.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jsonschema

MODEL = "test-model"
SURE = {"logprob": math.log(0.9), "top_logprobs": [{"token": "Maybe", "logprob": math.log(0.1)}]}
"""Of an answer of one token, where it is asked for."""
Answer = Callable[[dict[str, Any]], str]
Refusal = Callable[[dict[str, Any], int], tuple[int, Any] | None]

FAULTS = (
    "429",  # too many requests, with Retry-After
    "500",
    "stall",  # no answer within ``stall`` seconds
    "disconnect",  # the connection ends in the middle of the body
    "garbled",  # HTTP 200 whose body is not JSON
    "truncated",  # the answer is cut off, finish_reason "length"
    "malformed",  # the answer's JSON lacks its end, finish_reason "stop"
    "ignored",  # prose, whatever the schema says
    "loop",  # a sentence over and over
    "wrong_fields",  # JSON with other fields than those asked for
    "empty",
)


@dataclass(slots=True)
class Server:
    """What a server does. The options of :func:`serve`."""

    answer: Answer | None = None
    faults: Sequence[str] | Mapping[str, float] = ()
    seed: int = 0
    enforce: bool = True
    models: Sequence[str] = (MODEL,)
    key: str = ""
    images: bool = True
    no_videos: str = ""
    refuses: Sequence[str] = ()
    refusal: Refusal | None = None
    thinks: int = 0
    stall: float = 30.0
    retry_after: str = "0.01"
    heard: Mapping[str, Any] = field(default_factory=dict)
    deaf: Callable[[bytes], tuple[int, Any] | None] | None = None
    sounds: list[bytes] = field(default_factory=list)
    seen: list[dict[str, Any]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    def reply(self, method: str, path: str, key: str, body: bytes) -> tuple[int, Any, str]:
        """Status, JSON and fault of a request."""
        if self.key and key != f"Bearer {self.key}":
            return 401, error_body(f"Incorrect API key provided: {key}."), ""
        if (method, path) == ("GET", "/v1/models"):
            return 200, {"object": "list", "data": [{"id": one} for one in self.models]}, ""
        if (method, path) == ("POST", "/v1/audio/transcriptions"):
            self.sounds.append(body)
            status, content = (self.deaf and self.deaf(body)) or (200, self.heard)
            return status, content, ""
        if (method, path) != ("POST", "/v1/chat/completions"):
            return 404, {"detail": "Not Found"}, ""
        asked = json.loads(body)
        self.seen.append(asked)
        if asked["model"] not in self.models:
            return 404, error_body(f"The model `{asked['model']}` does not exist."), ""
        if not self.images and b'"image_url"' in body:
            return 400, error_body(f"{asked['model']} is not a multimodal model"), ""
        if self.no_videos and b'"video_url"' in body:
            return 400, error_body(self.no_videos), ""
        for name in self.refuses:
            if name in asked:
                hint = " Use 'max_completion_tokens' instead." if name == "max_tokens" else ""
                return 400, error_body(f"Unsupported parameter: '{name}'.{hint}", param=name), ""
        if self.refusal and (refused := self.refusal(asked, len(body))):
            return *refused, ""
        fault = self._fault(body)
        if fault:
            self.failed[fault] += 1
        if fault in ("429", "500"):
            return int(fault), error_body("try again later"), ""
        if self.thinks and asked["max_tokens"] <= self.thinks and "reasoning_effort" not in asked:
            return 200, _completion(asked, "<think>Let me think. ", "length"), fault
        text, finish = _spoil(fault, self._text(asked))
        return 200, _completion(asked, text, finish), fault

    def _fault(self, body: bytes) -> str:
        """The fault that befalls this call."""
        if not isinstance(self.faults, Mapping):
            index = self.asked["calls"]
            self.asked["calls"] += 1
            return self.faults[index] if index < len(self.faults) else ""
        digest = hashlib.sha256(body).hexdigest()
        self.asked[digest] += 1
        drawn = random.Random(f"{self.seed} {digest} {self.asked[digest]}").random()
        for fault, share in self.faults.items():
            drawn -= share
            if drawn < 0:
                return fault
        return ""

    def _text(self, asked: dict[str, Any]) -> str:
        """What the model says."""
        asked_format = asked.get("response_format") or {}
        schema = asked_format.get("schema") or asked_format.get("json_schema", {}).get("schema")
        text = self.answer(asked) if self.answer else "A clear answer in plain words."
        if schema is None or not self.enforce:
            return text
        try:
            fits = jsonschema.Draft202012Validator(schema).is_valid(json.loads(text))
        except ValueError:
            fits = False
        return text if fits else json.dumps(smallest(schema))


def smallest(schema: Mapping[str, Any]) -> Any:
    """A small value that fits a JSON Schema without references."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", next(iter(schema.get("enum", [])), None))
    if options := schema.get("anyOf"):
        return smallest(options[0])
    match schema.get("type"):
        case "object":
            return {name: smallest(one) for name, one in schema.get("properties", {}).items()}
        case "array":
            return [smallest(schema["items"])] * schema.get("minItems", 0)
        case "integer" | "number":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "null":
            return None
    return "some words"[: schema.get("maxLength", 10)].ljust(schema.get("minLength", 0), ".")


@contextmanager
def serve(
    answer: Answer | None = None,
    faults: Sequence[str] | Mapping[str, float] = (),
    seed: int = 0,
    port: int = 0,
    **options: Any,
) -> Iterator[str]:
    """Serve on ``port`` of this machine, or on a free one; gives the URL, such as ``http://127.0.0.1:8123/v1``.

    Options (see :class:`Server`): ``enforce``, ``models`` (the names served), ``key`` (the one
    that is accepted), ``images`` (False for a text-only model), ``no_videos`` (the words that
    clips by URL are refused with), ``refuses`` (names of parameters that are errors),
    ``refusal`` (gives status and body for a request that is refused, from its JSON and its
    bytes), ``thinks`` (tokens that go into thinking, unless the model is told not to), ``stall``
    and ``retry_after`` in seconds, ``seen`` (a list that is filled with the bodies of all calls),
    ``heard`` (the answer to whoever sends sound), ``deaf`` (as ``refusal``, from the bytes alone),
    ``sounds`` (as ``seen``, of calls with sound).
    """
    server = Server(answer=answer, faults=faults, seed=seed, **options)
    handler = type("Handler", (_Handler,), {"server_": server})
    with _Listener(("127.0.0.1", port), handler) as listener:
        threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}/v1"
        finally:
            listener.shutdown()


class _Listener(ThreadingHTTPServer):
    daemon_threads, block_on_close, request_queue_size = True, False, 256

    def handle_error(self, *_: Any) -> None:
        """The other side has gone."""


class _Handler(BaseHTTPRequestHandler):
    server_: Server
    lock = threading.Lock()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        server, key = self.server_, self.headers.get("authorization", "")
        asked = self.rfile.read(int(self.headers.get("content-length", 0)))
        path = self.path.partition("?")[0]
        with self.lock:
            status, content, fault = server.reply(self.command, path, key, asked)
        if fault == "stall":
            time.sleep(server.stall)
        body = b'{"choices": [{"mess' if fault == "garbled" else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", server.retry_after)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if fault == "disconnect" else body)
        self.close_connection = fault == "disconnect"

    def log_message(self, *_: Any) -> None:
        """Nothing is said."""


def _spoil(fault: str, text: str) -> tuple[str, str]:
    """What arrives of ``text``, and the finish reason."""
    match fault:
        case "truncated":
            return text[: max(1, len(text) * 2 // 3)], "length"
        case "malformed":
            return text.rstrip("}") + ' "more": tru', "stop"
        case "ignored":
            return "Here is what I see: people, and some things beside them.", "stop"
        case "loop":
            return text[: len(text) // 2] + " and then the man walks on," * 80, "length"
        case "wrong_fields":
            return json.dumps({"answer": "something else", "other_field": 3}), "stop"
        case "empty":
            return "", "stop"
    return text, "stop"


def _completion(asked: dict[str, Any], text: str, finish: str) -> dict[str, Any]:
    words = sum(len(str(one["content"]).split()) for one in asked["messages"])
    return {
        "id": "chatcmpl-0",
        "object": "chat.completion",
        "created": 0,
        "model": asked["model"],
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": text},
                "finish_reason": finish,
                "logprobs": {"content": [SURE | {"token": text}]} if "logprobs" in asked else None,
            }
        ],
        "usage": {
            "prompt_tokens": words,
            "completion_tokens": len(text.split()),
            "total_tokens": words + len(text.split()),
        },
    }


def error_body(message: str, *, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param}}
