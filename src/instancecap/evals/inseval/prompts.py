"""The file that videos are generated from: each prompt for the target, and what is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from instancecap.errors import UsageError
from instancecap.evals.inseval.chain import questions_of
from instancecap.evals.inseval.suite import Prompt, our_suite, read_prompts
from instancecap.io.table_writers import open_table
from instancecap.render.targets import Target, counter_for


def prompts_of(path: str) -> list[Prompt]:
    """Those of a file or of the published folder; of our own suite where ``path`` is empty.

    Raises :class:`UsageError` for a row that cannot be read: a suite is whole or none.
    """
    if not path:
        return our_suite()
    named = read_prompts(path)
    if named.rejected:
        first = named.rejected[0]
        raise UsageError(f"{first.source}: {first.reason}")
    return list(named.found.values())


def write_prompts(
    out: str,
    prompts: Sequence[Prompt],
    *,
    target: Target | None = None,
    enhanced: Sequence[tuple[str, str]] = (),
) -> int:
    """Write what to generate from, a row a prompt; returns the number of rows.

    A row has ``id``, ``prompt`` (what to generate from), ``negative_prompt`` for an enhanced one,
    ``fps`` and ``frames`` (a rule such as ``4N+1``) where the target has them, ``source`` (the
    short prompt), ``video`` (the name that its video has to have), ``instances``, ``questions``.

    Args:
        enhanced: of each prompt, what it was enhanced to and what the video must not show; empty
            to generate from the short ones.

    Raises:
        UsageError: ``out`` is no ``.jsonl``; or a prompt does not fit the target's encoder.
    """
    if Path(out).suffix.lower() != ".jsonl":
        raise UsageError(f"--out {out}: the prompts go to a .jsonl file")
    pairs = enhanced or [(one.text, "") for one in prompts]
    table = open_table(Path(out))
    try:
        for one, (text, negative) in zip(prompts, pairs, strict=True):
            given = {"prompt": text} | ({"negative_prompt": negative} if enhanced else {})
            table.write(_row(one, given | _clip_of(one, text, target)))
        table.finish()
    except BaseException:
        table.drop()
        raise
    return len(prompts)


def _row(prompt: Prompt, given: dict[str, Any]) -> dict[str, Any]:
    return {
        **prompt.to_dict(),
        "source": prompt.text,
        **given,
        "video": prompt.video,
        "questions": [asdict(one) for one in questions_of(prompt)],
    }


def _clip_of(prompt: Prompt, text: str, target: Target | None) -> dict[str, Any]:
    """What the target says of the clip; it has to take the text whole."""
    if target is None:
        return {}
    if (tokens := counter_for(target).count(text)) > target.budget:
        raise UsageError(f"{prompt.id}: {tokens} tokens, {target.name} takes {target.budget}")
    known = {"fps": target.fps, "frames": target.frames}
    return {name: value for name, value in known.items() if value}
