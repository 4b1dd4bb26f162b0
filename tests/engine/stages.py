"""Second stages for the engine's tests."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from instancecap.io.inputs import Job

Function = Callable[[Job, Any], Coroutine[Any, Any, Any]]


class FunctionStage:
    """A stage that is one asynchronous function."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self.closed = False

    async def __call__(self, job: Job, prepared: Any) -> Any:
        return await self._function(job, prepared)

    async def close(self) -> None:
        self.closed = True

    def finish(self) -> tuple[list[str], int]:
        return [], 0
