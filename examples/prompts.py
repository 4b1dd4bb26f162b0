"""The prompts of three real clips for every target, written into ``docs/prompts.md``.

    python -m examples.prompts CLIPS_FOLDER

What stands above the mark in the document is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import instancecap as ic
from instancecap.render import Prompt, render, targets
from instancecap.schema import Caption

CLIPS = ("woman_dog.mp4", "person_bicycle_car.mp4", "two_cars.mp4")
DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "prompts.md"
MARK = "<!-- What follows is written by: python -m examples.prompts CLIPS_FOLDER -->\n"


def pages(captions: Sequence[Caption]) -> str:
    """The document's part that is made: a table of targets, and the prompts of each clip."""
    lines = [MARK, "## Targets", *_table()]
    for name, caption in zip(CLIPS, captions, strict=True):
        lines += ["", f"## {name}", *_prompts(caption)]
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
    for task in ("t2v", "i2v"):
        same: dict[str, list[Prompt]] = {}
        for name in targets():
            prompt = render(caption, target=name, task=task)  # type: ignore[arg-type]
            same.setdefault(prompt.text, []).append(prompt)
        for text, prompts in same.items():
            names = ", ".join(f"`{one.target}` ({one.tokens})" for one in prompts)
            dropped = ", ".join(f"`{one}`" for one in prompts[0].dropped)
            yield from ("", f"**{task}** {names}{f'; left out: {dropped}' if dropped else ''}")
            yield from ("", f"> {text}" if not text.startswith("{") else f"```json\n{text}\n```")


def main(folder: str) -> None:
    """Caption the clips and write their prompts into the document."""
    captions = [ic.caption(Path(folder) / name) for name in CLIPS]
    head = DOCUMENT.read_text(encoding="utf-8").partition(MARK)[0]
    DOCUMENT.write_text(head + pages(captions), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
