"""The document of prompts shows what is rendered now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from examples.prompts import CLIPS, DOCUMENT, MARK, pages
from instancecap.captioners.measured.describe import describe
from instancecap.render import targets


def test_the_documents_prompts_are_current(measured: Callable[..., Any]) -> None:
    captions = [describe(measured(f"everyday/{name}")) for name in CLIPS]
    shown = DOCUMENT.read_text(encoding="utf-8")
    made = MARK + shown.partition(MARK)[2]
    assert made == pages(captions), "run python -m examples.prompts CLIPS_FOLDER"


def test_every_target_is_shown() -> None:
    shown = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[2]
    for name in targets():
        assert shown.count(f"`{name}` (") == 2 * len(CLIPS), name
