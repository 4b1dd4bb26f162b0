"""The program, and a model whose answers a test writes."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from instancecap.errors import ModelError
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.schema.caption import Caption
from tests.program import run as run

Says = Callable[[str, Request], dict[str, Any] | str]


class Judge(Backend):
    """Answers by a function of the question's text; anything but a mapping is no whole answer."""

    model = "judge"

    def __init__(self, says: Says) -> None:
        self.says = says
        self.asked: list[str] = []

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        return [self._reply(one) for one in requests]

    def _reply(self, request: Request) -> Reply:
        text = "\n".join(part for part in request.messages[-1].parts if isinstance(part, str))
        if "colour" in (request.schema or {}).get("properties", {}):  # are schemas kept?
            return Reply('{"colour": "vermilion-47"}')
        self.asked.append(text)
        said = self.says(text, request)
        return Reply(said if isinstance(said, str) else json.dumps(said))


def write_captions(folder: Path, captions: dict[str, Caption]) -> str:
    """A file for each; returns the folder."""
    for name, one in captions.items():
        folder.mkdir(parents=True, exist_ok=True)
        one.write(folder / f"{name}.json")
    return str(folder)
