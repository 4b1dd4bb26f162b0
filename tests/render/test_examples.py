"""The document of prompts shows what is rendered now."""

from __future__ import annotations

from examples.prompts import CAPTIONS, DOCUMENT, MARK, page
from instancecap.render import targets


def test_the_documents_prompts_are_current() -> None:
    shown = DOCUMENT.read_text(encoding="utf-8")
    assert MARK + shown.partition(MARK)[2] == page(), "run python -m examples.prompts"
    for name in targets():
        assert shown.partition(MARK)[2].count(f"`{name}` (") == 2 * len(CAPTIONS), name
