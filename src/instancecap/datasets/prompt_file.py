"""Rendered prompts in a file: a line or a row each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from instancecap.errors import UsageError
from instancecap.io.table_writers import open_table
from instancecap.render.batch import Rendered, text_line


class PromptFile:
    """Prompts written to a ``.txt``, ``.jsonl`` or ``.csv`` file, which is there once all are."""

    def __init__(self, path: str, lengths: Sequence[str]) -> None:
        """
        Raises:
            UsageError: another suffix.
            OutputError: the file cannot be written.
        """
        self._suffix = Path(path).suffix.lower()
        if self._suffix not in (".txt", ".jsonl", ".csv"):
            raise UsageError(f"--out {path}: name a .txt, .jsonl or .csv file")
        self._texts, self._tokens = (
            [name] if len(lengths) == 1 else [f"{name}_{one}" for one in lengths]
            for name in ("prompt", "tokens")
        )
        self._table = open_table(
            Path(path), columns=["name", "source", "error", *self._texts, *self._tokens]
        )

    def __enter__(self) -> PromptFile:
        return self

    def write(self, one: Rendered) -> None:
        """Append a result. Raises :class:`OutputError`."""
        if self._suffix == ".txt":
            self._table.write(text_line(one))
        elif self._suffix == ".jsonl":
            self._table.write(one.to_dict())
        else:
            texts = [prompt.text for prompt in one.prompts] or [""] * len(self._texts)
            tokens = [str(prompt.tokens) for prompt in one.prompts] or [""] * len(self._texts)
            cells = {"name": one.name, "source": one.source, "error": one.error}
            cells |= zip(self._texts, texts, strict=True)
            self._table.write(cells | dict(zip(self._tokens, tokens, strict=True)))

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._table.finish()
        else:
            self._table.drop()
