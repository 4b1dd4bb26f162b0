"""Who counts the tokens of a prompt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from instancecap.errors import MissingDependency, UsageError
from instancecap.render.targets import Target
from instancecap.render.tokens import estimate_tokens


@dataclass(frozen=True, slots=True)
class Counter:
    """Counts the tokens of a prompt, special ones included.

    Attributes:
        name: ``estimate:KIND``, which is rather too high, or ``tokenizer:FOLDER/FILE``.
        count: the tokens of a text.
    """

    name: str
    count: Callable[[str], int]


def counter_for(target: Target, tokenizer: str | Path | None = None) -> Counter:
    """The counter of a target: an estimate, or its own tokenizer from files on this machine.

    Args:
        tokenizer: ``tokenizer.json``, a SentencePiece ``.model``, or a folder that holds one.

    Raises:
        UsageError: there is no such file, or it is no tokenizer.
        MissingDependency: the package that reads it is not installed.
    """
    if tokenizer is None:
        kind, special = target.tokenizer, target.special
        return Counter(f"estimate:{kind}", lambda text: special + estimate_tokens(text, kind))
    file = _tokenizer_file(Path(tokenizer))
    return Counter(f"tokenizer:{file.parent.name}/{file.name}", _load(file))


def _tokenizer_file(path: Path) -> Path:
    names = ("tokenizer.json", "spiece.model", "tokenizer.model", "sentencepiece.bpe.model")
    if path.is_file():
        return path
    for folder in (path, path / "tokenizer"):
        for name in names:
            if (folder / name).is_file():
                return folder / name
    raise UsageError(f"--tokenizer {path}: no tokenizer there; it is one of {', '.join(names)}")


def _load(file: Path) -> Callable[[str], int]:
    package = "tokenizers" if file.suffix == ".json" else "sentencepiece"
    try:
        module = import_module(package)
    except ImportError as error:
        fix = f"pip install {package}"
        raise MissingDependency(f"{file.name} is read by {package}: {fix}") from error
    try:
        if package == "sentencepiece":
            pieces = module.SentencePieceProcessor(model_file=str(file))
            # The end mark, which the text encoders add, is not among the pieces.
            return lambda text: len(pieces.encode(text)) + 1
        tokenizer = module.Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises plain Exception
        raise UsageError(f"--tokenizer {file}: not a tokenizer: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)
