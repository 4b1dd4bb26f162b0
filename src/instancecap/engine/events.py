"""What a run tells those who watch it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from instancecap.engine.resume import Plan
    from instancecap.engine.work import Documents
    from instancecap.io.finder import Rejected
    from instancecap.io.inputs import Job


@dataclass(frozen=True, slots=True)
class Ended:
    """A clip of a run has ended.

    Attributes:
        state: ``done``, ``partial``, ``failed``, or ``waiting`` for answers from a batch service.
        reason: why it failed, or what of it is missing; empty for the others.
        documents: what came of it; None where it failed.
    """

    job: Job
    state: str
    reason: str = ""
    documents: Documents | None = None


class Events:
    """Hands on to other watchers; override what is of interest. All calls come from one thread."""

    def __init__(self, watchers: Sequence[Events] = ()) -> None:
        self._watchers = watchers

    def _tell(self, event: str, *about: object) -> None:
        for watcher in self._watchers:
            getattr(watcher, event)(*about)

    def rejected(self, one: Rejected) -> None:
        """An input that cannot be used, or an output that cannot be read, before clips are done."""
        self._tell("rejected", one)

    def planned(self, plan: Plan) -> None:
        """The run is about to begin."""
        self._tell("planned", plan)

    def ended(self, one: Ended) -> None:
        """A clip has ended."""
        self._tell("ended", one)

    def warned(self, line: str) -> None:
        """The captions' quality has left its band."""
        self._tell("warned", line)

    def noted(self, line: str) -> None:
        """Something that the user should know."""
        self._tell("noted", line)

    def stopping(self) -> None:
        """The first Ctrl-C: what is begun is finished, no more is taken."""
        self._tell("stopping")
