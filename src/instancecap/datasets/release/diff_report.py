"""A difference of two versions for people: a table, JSON, and a page with every word marked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from difflib import SequenceMatcher
from pathlib import Path

from markupsafe import Markup, escape

from instancecap.datasets.release.diff import Diff, Difference, diff
from instancecap.io.atomic import require_writable, write_whole
from instancecap.io.table_writers import open_table
from instancecap.web.templates import templates_of

DIFF, CHANGES, TABLE, PAGE = "diff.json", "changes.jsonl", "table.md", "index.html"

_WORD = re.compile(r"\s+|[^\s\w]|\w+")


def write_diff(first: Sequence[str], second: Sequence[str], folder: Path, **told: object) -> Diff:
    """Compare two versions and write what was found; see :func:`diff`, whose ``on_failure`` may be
    given too.

    Raises:
        OutputError: a file cannot be written.
        UsageError: nothing can be written to ``folder``, or a version has no caption.
    """
    require_writable(folder)
    with suppress(FileNotFoundError):  # of an earlier comparison, where nothing differs now
        (folder / CHANGES).unlink()
    table = open_table(folder / CHANGES)
    try:
        found = diff(
            first,
            second,
            on_difference=lambda one: table.write(one.model_dump(mode="json")),
            **told,  # type: ignore[arg-type]
        )
        table.finish()
    except BaseException:
        table.drop()
        raise
    found.write(folder / DIFF)
    write_whole(folder / TABLE, f"# Difference\n\n{as_table(found)}\n")
    write_whole(folder / PAGE, page(found))
    return found


def as_table(found: Diff) -> str:
    """Counts as Markdown."""
    lines = [
        "| | captions |",
        "| --- | ---: |",
        f"| {found.first} | {found.captions[0]:,} |",
        f"| {found.second} | {found.captions[1]:,} |",
        *(f"| {kind} | {getattr(found, kind):,} |" for kind in ("same", *_KINDS)),
    ]
    if found.fields:
        lines += ["", "| field | added | removed | changed |", "| --- | ---: | ---: | ---: |"]
        for name, count in found.fields.items():
            lines.append(f"| {name} | {count.added:,} | {count.removed:,} | {count.changed:,} |")
    return "\n".join(lines)


_KINDS = ("added", "removed", "changed")


def page(found: Diff) -> str:
    """One HTML file."""
    by_kind: dict[str, list[Difference]] = {kind: [] for kind in _KINDS}
    for one in found.told:
        by_kind[one.kind].append(one)
    return templates_of(__package__).get_template("diff.html").render(
        found=found, told=by_kind, marked=marked
    )  # fmt: skip


def marked(before: str, after: str) -> Markup:
    """Both texts in one: what went as ``del``, what came as ``ins``, by whole words."""
    return Markup("").join(_marked(_WORD.findall(before), _WORD.findall(after)))


def _marked(before: list[str], after: list[str]) -> Iterator[Markup]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        gone, come = escape("".join(before[start:end])), escape("".join(after[new_start:new_end]))
        if kind == "equal":
            yield gone
            continue
        if gone:
            yield Markup("<del>{}</del>").format(gone)
        if come:
            yield Markup("<ins>{}</ins>").format(come)
