"""Second stages for the engine's tests: a function, or what a list says."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from instancecap.engine.work import Documents
from instancecap.errors import ServerError
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


def answering(*results: str) -> FunctionStage:
    """A stage that answers, or is gone, as the list has it; gone after its end."""
    left = list(results)

    async def finish(job: Job, prepared: Any) -> Documents:
        result = left.pop(0) if left else "gone"
        if result == "gone":
            raise ServerError("no connection")
        return Documents(evidence=result)

    return FunctionStage(finish)
