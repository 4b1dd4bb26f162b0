"""Token budgets: who counts, and what goes first where a prompt is too long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from instancecap.errors import MissingDependency, UsageError
from instancecap.render.english import sentences
from instancecap.render.targets import Target
from instancecap.render.words import TokenizerKind, estimate_tokens
from instancecap.schema.caption import Caption


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


MINOR = ("/texts", "/time_of_day", "/place", "/style")
FRAMING = ("/camera/shot_position", "/camera/shot_angle")
_FIELDS = (
    "global_description", "background", "lighting", "time_of_day", "place", "style", "texts",
    "segments",
)  # fmt: skip
_CAMERA = ("description", "shot_type", "shot_angle", "shot_position")
_INSTANCE = ("appearance", "action", "expression", "colors")
_LONG = ("/lighting", "/background", "/global_description", "/description", "/action",
         "/appearance")  # fmt: skip


def drop_order(caption: Caption) -> Iterator[str]:
    """What goes where a prompt is too long, first to go first, as JSON pointers.

    1. writing, time of day, place, style; view and angle of the shot;
    2. what follows the first sentence: of the lighting, the background, then of each instance's
       action and appearance, least salient instance first;
    3. whole fields: lighting; expressions and positions, least salient instance first;
    4. all of each instance but the main one, least salient first;
    5. background, what follows the camera's first sentence, the events of the parts, the global
       description, size of the shot;
    6. the main instance's appearance (its class and colours stay), then its action, then the
       camera.
    """
    yield from (*MINOR, *FRAMING)
    rising = [f"/instances/{one.id}" for one in reversed(caption.instances)]
    yield from ("/lighting+", "/background+", "/global_description+")
    for name in ("action+", "appearance+"):
        yield from (f"{base}/{name}" for base in rising)
    yield "/lighting"
    for name in ("expression", "position"):
        yield from (f"{base}/{name}" for base in rising)
    yield from rising[:-1]
    yield from ("/background", "/camera/description+", "/segments", "/global_description")
    yield "/camera/shot_type"
    for base in rising[-1:]:
        yield from (f"{base}/appearance", f"{base}/action")
    yield "/camera/motion"


def filled(caption: Caption) -> set[str]:
    """What the caption has, as pointers of :func:`drop_order` and of caption dropout."""
    camera = caption.camera
    held: dict[str, Any] = {f"/{name}": getattr(caption, name) for name in _FIELDS}
    held |= {f"/camera/{name}": getattr(camera, name) for name in _CAMERA}
    held["/camera/motion"] = camera.motion or camera.description or camera.stability
    for one in caption.instances:
        base, where = f"/instances/{one.id}", one.position
        held[base] = one
        held |= {f"{base}/{name}": getattr(one, name) for name in _INSTANCE}
        held[f"{base}/position"] = where.text or where.start or where.end
    found = set()
    for name, value in held.items():
        if value and value != "unknown":
            found.add(name)
            if name.endswith(_LONG) and len(sentences(value)) > 1:
                found.add(f"{name}+")
    return found


def tellable(caption: Caption, length: str = "dense") -> set[str]:
    """Those of :func:`filled` that a paragraph of that length may tell."""
    left = filled(caption)
    if length != "tags" and caption.background:
        left.discard("/place")
    if caption.style != "animation":
        left.discard("/style")
    if len(caption.segments) < 2:
        left.discard("/segments")
    if length == "dense":
        return left
    return {name for name in left if not name.endswith("+")}
