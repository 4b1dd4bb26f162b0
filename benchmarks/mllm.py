"""What our client costs beside the bare one: ``python -m benchmarks.mllm``.

Both ask a server that answers at once, in a process of its own, the same questions with the same
frames, many in flight; turns alternate, and medians are compared. One JSON line on stdout:
milliseconds per call of the bare ``AsyncOpenAI`` client (which gets its payloads ready-made), of
our backend, and of :func:`~instancecap.mllm.structured.ask` (schema, reading, checking), and the
ratio that has a target.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from multiprocessing.connection import Connection

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict

from instancecap.mllm.base import Image, Message, Reply, Request
from instancecap.mllm.dialect import Dialect
from instancecap.mllm.openai import OpenAIBackend
from instancecap.mllm.schemas import answer_schema
from instancecap.mllm.structured import ask
from instancecap.mllm.wire import payload

MODEL = "at-once"
TARGET = 1.5


class Answer(BaseModel):
    """What is asked."""

    model_config = ConfigDict(extra="forbid")

    appearance: str
    action: str
    background: str


TEXT = Answer(
    appearance="A woman in a red coat, with short dark hair and a leather bag over one shoulder.",
    action="She walks along the quay to the right, stops at a lamp post and looks at the water.",
    background="Brick houses with white windows; a bicycle leans on the rail beside the canal.",
).model_dump_json()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status: 1 where the target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=512, help="in each turn (512)")
    parser.add_argument("--turns", type=int, default=5, help="of each client (5)")
    parser.add_argument("--in-flight", type=int, default=64, help="calls at the same time (64)")
    parser.add_argument("--frames", type=int, default=8, help="with each call (8)")
    options = parser.parse_args(arguments)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    try:
        url = ours.recv()
        figures = asyncio.run(_measure(url, options))
    finally:
        server.terminate()
        server.join()
    print(json.dumps({"benchmark": "mllm", "target": TARGET, **figures}))
    return int(figures["ratio"] > TARGET)


async def _measure(url: str, options: argparse.Namespace) -> dict[str, float]:
    """Milliseconds per call of each client, and the ratios of the medians."""
    import openai

    requests = [_request(number, options.frames) for number in range(options.calls)]
    bodies = [payload(one, model=MODEL, dialect=Dialect()) for one in requests]
    bare = openai.AsyncOpenAI(base_url=url, api_key="none", max_retries=0)
    backend = OpenAIBackend(urls=[url], model=MODEL, concurrency=options.in_flight)
    slots = asyncio.Semaphore(options.in_flight)

    async def bare_call(body: dict[str, object]) -> None:
        async with slots:
            reply = await bare.chat.completions.create(**body)  # type: ignore[call-overload]
        assert reply.choices[0].message.content == TEXT

    async def bare_turn() -> None:
        await asyncio.gather(*(bare_call(body) for body in bodies))

    async def backend_turn() -> None:
        replies = await backend.complete(requests)
        assert all(isinstance(reply, Reply) and reply.text == TEXT for reply in replies)

    async def ask_turn() -> None:
        asked = await asyncio.gather(*(ask(backend, request, Answer) for request in requests))
        assert all(one.value is not None for one in asked)

    turns = {"bare": bare_turn, "backend": backend_turn, "ask": ask_turn}
    times: dict[str, list[float]] = {name: [] for name in turns}
    for turn in range(options.turns + 1):
        for name, run in turns.items():
            seconds = await _timed(run)
            if turn:  # the first warms up
                times[name].append(1000 * seconds / options.calls)
        print(f"turn {turn} of {options.turns}", file=sys.stderr)
    await bare.close()
    await backend.close()
    median = {name: statistics.median(one) for name, one in times.items()}
    return {
        **{f"{name}_ms": round(one, 3) for name, one in median.items()},
        "ratio": round(median["backend"] / median["bare"], 3),
        "ask_ratio": round(median["ask"] / median["bare"], 3),
        "calls": options.calls,
        "in_flight": options.in_flight,
        "frames": options.frames,
        "bytes_per_call": len(json.dumps(bodies[0])),
    }


async def _timed(run: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await run()
    return time.perf_counter() - began


def _request(number: int, frames: int) -> Request:
    """A question about frames of 480×270, about 40 kB each."""
    random = np.random.default_rng(number % 8)
    images = []
    for index in range(frames):
        noise = random.integers(0, 255, (17, 30, 3), np.uint8)
        frame = cv2.resize(noise, (480, 270), interpolation=cv2.INTER_CUBIC)
        _, jpeg = cv2.imencode(".jpg", frame)
        images.append(Image(jpeg.tobytes(), t=index / 2))
    return Request(
        messages=(Message("user", (*images, f"Describe what you see (question {number}).")),),
        schema=answer_schema(Answer),
    )


def _serve(pipe: Connection) -> None:
    """Answer every POST at once, on a free port that goes through ``pipe``."""
    reply = {
        "id": "0",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": TEXT},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
    body = json.dumps(reply).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    answer = f"{head}\r\n\r\n".encode() + body

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                asked = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = asked.partition(b"content-length:")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(talk, "127.0.0.1", 0, limit=1 << 24)
        pipe.send(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main())
