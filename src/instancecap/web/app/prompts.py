"""A caption rendered for one model, with what a token meter needs."""

from __future__ import annotations

from typing import Any

from instancecap.render.options import Length, Task
from instancecap.render.render import render
from instancecap.render.targets import find_target, targets
from instancecap.schema import Caption


def target_names() -> list[str]:
    """Models that prompts can be made for."""
    return list(targets())


def prompt_facts(caption: Caption, *, target: str, task: Task, length: Length) -> dict[str, Any]:
    """``text``, ``tokens``, ``budget`` (kept within), ``limit`` (the model's), ``counter``,
    ``dropped`` and ``warnings``; :class:`UsageError` and :class:`FormatError` as of rendering."""
    goal = find_target(target)
    prompt = render(caption, target=goal, task=task, length=length)
    return {
        "text": prompt.text,
        "tokens": prompt.tokens,
        "budget": prompt.limit,
        "limit": goal.limit,
        "counter": prompt.counter,
        "dropped": prompt.dropped,
        "warnings": prompt.warnings,
    }
