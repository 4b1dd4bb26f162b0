"""Experts of any kind by name: the package's own, what other packages offer, and files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from instancecap.errors import UsageError

GROUP = "instancecap.experts"
"""Of entry points: ``KIND.NAME`` is a function without arguments that makes an expert."""

Made = TypeVar("Made")


def offered() -> dict[str, str]:
    """Experts that installed packages offer, as ``KIND.NAME``, and the package of each."""
    points = sorted(entry_points(group=GROUP), key=lambda one: one.name)
    return {one.name: one.dist.name if one.dist is not None else one.value for one in points}


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[Made]):
    """One kind of expert, and who can be named.

    Attributes:
        name: of the kind, which is also its option: ``detector`` for ``--detector``.
        own: makers of those that come with the package.
        open_other: makes what a path, folder or hub id stands for; None for what is none of them.
        others: what a user can name besides, in words, for the message.
        needs: attributes and methods that an expert of this kind has.
    """

    name: str
    own: Mapping[str, Callable[[], Made]]
    open_other: Callable[[str], Made | None]
    others: str
    needs: tuple[str, ...]

    def open(self, name: str) -> Made:
        """The expert that ``name`` stands for.

        Raises:
            MissingDependency: its weights, or a package that it needs, are not there.
            UsageError: there is no such expert, or somebody else's cannot be made.
        """
        if name in self.own:
            return self.own[name]()
        for point in entry_points(group=GROUP, name=f"{self.name}.{name}"):
            try:
                made: Made = point.load()()
            except Exception as error:  # whatever a stranger's code raises, it is named
                raise UsageError(
                    f"--{self.name} {name}: the entry point {GROUP} {point.name} failed: "
                    f"{type(error).__name__}: {error}"
                ) from error
            if lacking := [one for one in self.needs if not hasattr(made, one)]:
                raise UsageError(
                    f"--{self.name} {name}: what the entry point {GROUP} {point.name} makes has "
                    f"no {', '.join(lacking)}; a {self.name} needs {', '.join(self.needs)}"
                )
            return made
        if (other := self.open_other(name)) is not None:
            return other
        start = f"{self.name}."
        theirs = (one.removeprefix(start) for one in offered() if one.startswith(start))
        choices = ", ".join([*self.own, *theirs, self.others])
        raise UsageError(f"--{self.name} {name}: choose {choices}")
