"""What has been answered so far: values that are fit for their fields, and who said them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from instancecap.captioners.chain.answers import MAX_CHARACTERS, clean

NAME_LENGTH = 60

MAY_BE_BLANK = (
    *("/expression", "/category", "/is_main", "/count", "/colors", "/texts", "/enters", "/leaves"),
    *("/motion", "/place", "/time_of_day", "/style", "/shot_type", "/shot_angle", "/shot_position"),
)
"""Leaves for which an empty answer says: nothing of the kind is to be seen."""


@dataclass(frozen=True, slots=True)
class Said:
    """A value that is fit for its field, who said it, and the times of the pictures it rests on."""

    value: Any
    model: str
    times: tuple[float, ...]


@dataclass(slots=True)
class Draft:
    """What has been answered so far.

    Attributes:
        allowed: whether a leaf may be written.
        said: by leaf; a window's sentence under ``/segments/`` and its number.
        looks: what tells an instance from the others, by id.
        missing: what was asked on what, why it got nothing, and the leaves.
        models: names that servers gave in their replies.
    """

    allowed: Callable[[str], bool]
    said: dict[str, Said] = field(default_factory=dict)
    looks: dict[int, str] = field(default_factory=dict)
    missing: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    models: set[str] = field(default_factory=set)

    def take(
        self,
        values: Mapping[str, Any] | None,
        *,
        model: str,
        times: Sequence[float],
        about: str,
        expected: Sequence[str] = (),
        problem: str = "",
    ) -> None:
        """Keep what an answer says of the leaves that may be written.

        Args:
            values: by leaf; None where there is no answer.
            times: seconds, of the pictures that were shown.
            about: what was asked about, for warnings.
            expected: leaves that an answer should have.
            problem: why there is none, or not all of it.
        """
        if model:
            self.models.add(model)
        blank = [] if values is not None else list(expected)
        for pointer, value in (values or {}).items():
            if self.allowed(pointer):
                fit = fit_value(pointer, value)
                if fit is not None:
                    self.said[pointer] = Said(fit, model, tuple(times))
                elif not pointer.endswith(MAY_BE_BLANK):
                    blank.append(pointer)
        if values is not None:
            blank += [one for one in expected if one not in values and one not in self.said]
        if blank:
            self.missing.append((about, problem or "nothing was said", tuple(blank)))


def fit_value(pointer: str, value: Any) -> Any:
    """The value as its field takes it; None where nothing is left of it."""
    name = pointer.rsplit("/", 1)[1]
    if name == "motion":  # a set in which ``static`` stands alone
        moves = [word for word in dict.fromkeys(value) if word != "static"]
        return moves or (["static"] if value else None)
    if isinstance(value, str):
        limit = NAME_LENGTH if name == "name" else MAX_CHARACTERS
        text = clean(value, limit=limit)
        return (text.strip(" .…") if name == "name" else text) or None
    if pointer.startswith("/segments/"):
        return value if value[0] else None
    return None if value in ([], None) else value
