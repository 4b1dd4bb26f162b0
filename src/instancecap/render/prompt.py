"""A caption rendered for one model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prompt:
    """A caption rendered for one model.

    Attributes:
        text: the prompt, one line, never empty.
        target: name of the model it is for.
        length: ``dense``, ``medium``, ``short`` or ``tags``.
        tokens: its length by ``counter``, special tokens included.
        counter: ``estimate:KIND``, which is rather too high, or the name of the real tokenizer.
        limit: tokens it was kept within; the target's soft limit where it has one.
        dropped: what was left out for the budget, as JSON pointers (the number after
            ``/instances/`` is the instance's id): whole fields, instances as ``/instances/ID``,
            and with ``+`` behind it what follows the first sentences of a field.
        omitted: fields that caption dropout left out, as JSON pointers.
        warnings: one line each, for the user: what had to be left out, and why.
        fused: ``model`` where a language model's wording was kept; else why it was not, or
            empty where none was asked.
    """

    text: str
    target: str
    length: str
    tokens: int
    counter: str
    limit: int
    dropped: tuple[str, ...] = ()
    omitted: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    fused: str = ""
