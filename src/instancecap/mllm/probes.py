"""Questions that find out how a backend behaves: asked once, and remembered."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.usage import Usage

T = TypeVar("T")


class Probe(Generic[T]):
    """One question per backend, that is, per servers and model."""

    def __init__(self, request: Request, read: Callable[[Reply | ModelError], T]) -> None:
        """``read``: what the answer, or its failure, tells."""
        self._request, self._read = request, read
        self._known: WeakKeyDictionary[Backend, T] = WeakKeyDictionary()
        self._locks: WeakKeyDictionary[AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

    async def of(self, backend: Backend) -> tuple[T, Usage]:
        """What is known of the backend, and what finding it out has cost this time.

        Raises:
            ServerError: nothing can be asked at all.
        """
        if backend in self._known:
            return self._known[backend], Usage()
        async with self._locks.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
            if backend in self._known:  # found out meanwhile
                return self._known[backend], Usage()
            (reply,) = await backend.complete([self._request])
            self._known[backend] = found = self._read(reply)
            return found, Usage() if isinstance(reply, ModelError) else Usage.of(
                self._request, reply
            )
