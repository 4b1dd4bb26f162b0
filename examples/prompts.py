"""The prompts of two captions for every target, written into ``docs/prompts.md``.

    python -m examples.prompts

What stands above the mark in the document is written by hand. ``captions/street.json`` is a caption
of measured facts, ``captions/park.json`` one in a language model's words.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from instancecap import Caption
from instancecap.render import Prompt, render, targets
from instancecap.render.options import Task

CAPTIONS = ("street.json", "park.json")
FOLDER = Path(__file__).resolve().parent / "captions"
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "prompts.md"
MARK = "<!-- What follows is written by: python -m examples.prompts -->\n"


def page() -> str:
    """The document's part that is made: a table of targets, and the prompts of each caption."""
    lines = [MARK, "## Targets", *_table()]
    for name in CAPTIONS:
        lines += ["", f"## examples/captions/{name}", *_prompts(Caption.read(FOLDER / name))]
    return "\n".join(lines) + "\n"


def _table() -> Iterator[str]:
    yield "| target | tokens | kept under | tokenizer | frames | fps | sizes | figures from |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for one in targets().values():
        fps = f"{one.fps:g}" if one.fps else "its own"
        yield (
            f"| `{one.name}` | {one.limit} | {one.budget} | {one.tokenizer} | {one.frames} "
            f"| {fps} | ×{one.multiple} | {one.source} |"
        )


def _prompts(caption: Caption) -> Iterator[str]:
    """Every target's prompt; targets with the same words together."""
    for task in get_args(Task):
        same: dict[str, list[Prompt]] = {}
        for name in targets():
            prompt = render(caption, target=name, task=task)
            same.setdefault(prompt.text, []).append(prompt)
        for text, prompts in same.items():
            names = ", ".join(f"`{one.target}` ({one.tokens})" for one in prompts)
            notes = "".join(f"; {note}" for note in prompts[0].warnings)
            yield from ("", f"**{task}** {names}{notes}")
            yield from ("", f"> {text}" if not text.startswith("{") else f"```json\n{text}\n```")


def main() -> None:
    """Write the prompts into the document."""
    head = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0]
    DOCUMENT.write_text(head + page(), encoding="utf-8")


if __name__ == "__main__":
    main()
