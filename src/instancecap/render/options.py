"""How a caption is rendered: the options, stated once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from instancecap.errors import UsageError
from instancecap.render.suffix import check_suffix
from instancecap.render.targets import JSON, Target

Task = Literal["t2v", "i2v"]
Length = Literal["dense", "medium", "short", "tags"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderOptions:
    """How a caption becomes a prompt.

    Attributes:
        target: the model that the prompt is for.
        task: ``i2v`` says only what moves, and the camera.
        length: ``dense`` says all, ``medium`` the first sentence of each field, ``short`` one
            sentence, ``tags`` words between commas.
        prefix: trigger words, put in front as they are.
        suffix: put behind; may name figures of the caption, as in ``motion score: {motion}.``
        drop_fields: probability 0..1 with which each field is left out, for caption dropout.
        seed: of the dropout; the same seed and clip give the same choice.

    Raises:
        UsageError: a value that no caption can be rendered with; the message says what is allowed.
    """

    target: Target
    task: Task = "t2v"
    length: Length = "dense"
    prefix: str = ""
    suffix: str = ""
    drop_fields: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name, kinds in (("task", Task), ("length", Length)):
            if (value := getattr(self, name)) not in (allowed := get_args(kinds)):
                raise UsageError(f"{name} {value!r}: allowed are {', '.join(allowed)}")
        if not 0 <= self.drop_fields <= 1:
            raise UsageError(f"drop_fields {self.drop_fields}: give a probability from 0 to 1")
        check_suffix(self.suffix)
        if self.is_json and (self.prefix or self.suffix):
            raise UsageError(
                f"target {self.target.name}: its prompt is JSON, without prefix or suffix"
            )

    @property
    def is_json(self) -> bool:
        """Whether the prompt is JSON; short ones and tags are text for every target."""
        return self.target.style == JSON and self.length in ("dense", "medium")
