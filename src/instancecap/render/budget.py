"""Who counts the tokens of a prompt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from instancecap.errors import MissingDependency, UsageError
from instancecap.render.targets import Target
from instancecap.render.tokens import TokenizerKind, estimate_tokens


class Counter(Protocol):
    """Counts the tokens of a prompt, special ones included."""

    @property
    def name(self) -> str:
        """Which counter this is."""

    def count(self, text: str) -> int:
        """Tokens of ``text``."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Counts without any tokenizer, rather too many tokens than too few."""

    kind: TokenizerKind
    special: int = 0

    @property
    def name(self) -> str:
        """``estimate:t5``."""
        return f"estimate:{self.kind}"

    def count(self, text: str) -> int:
        """Tokens of ``text``, at most."""
        return self.special + estimate_tokens(text, self.kind)


class Tokenizer:
    """The target's own tokenizer, from files on this machine.

    Args:
        path: ``tokenizer.json``, a SentencePiece ``.model``, or a folder that holds one of them
            (``tokenizer.json``, ``spiece.model``, ``tokenizer.model``).

    Raises:
        UsageError: there is no such file, or it is no tokenizer.
        MissingDependency: the package that reads it is not installed.
    """

    def __init__(self, path: str | Path) -> None:
        file = _tokenizer_file(Path(path))
        self._name = f"tokenizer:{file.parent.name}/{file.name}"
        self._count = _load_json(file) if file.suffix == ".json" else _load_sentencepiece(file)

    @property
    def name(self) -> str:
        """``tokenizer:FOLDER/FILE``."""
        return self._name

    def count(self, text: str) -> int:
        """Tokens of ``text``."""
        return int(self._count(text))


def _tokenizer_file(path: Path) -> Path:
    names = ("tokenizer.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
    if path.is_file():
        return path
    for folder in (path, path / "tokenizer"):
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise UsageError(f"--tokenizer {path}: no tokenizer there; it is one of {', '.join(names)}")


def _load_json(file: Path) -> Any:
    try:
        import tokenizers
    except ImportError as error:
        raise MissingDependency(
            f"{file.name} is read by tokenizers: pip install 'instancecap[models]'"
        ) from error
    try:
        tokenizer = tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the package raises plain Exception
        raise UsageError(f"--tokenizer {file}: not a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)


def _load_sentencepiece(file: Path) -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise MissingDependency(
            f"{file.name} is read by sentencepiece: pip install sentencepiece"
        ) from error
    try:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(file))
    except (OSError, RuntimeError) as error:
        raise UsageError(f"--tokenizer {file}: not a tokenizer: {error}") from error
    # The end mark, which the text encoders add, is not among the pieces.
    return lambda text: len(processor.encode(text)) + 1


def counter_for(target: Target, tokenizer: str | Path | None = None) -> Counter:
    """The counter of a target: its tokenizer where one is given, else the estimate."""
    if tokenizer is not None:
        return Tokenizer(tokenizer)
    return Estimate(target.tokenizer, target.special)
