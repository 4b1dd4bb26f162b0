"""Several pictures at once on a GPU, fewer where they do not fit, and the CPU at last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from instancecap.models.detector import Detections
from instancecap.video.decode import Picture

Shown = TypeVar("Shown")
Answer = TypeVar("Answer")

AT_ONCE = 8
"""Pictures that a network on a GPU is shown at once."""


class Batches:
    """Asks a network in batches. Where memory does not suffice, batches are halved; where one
    picture is too much, the network moves to the CPU. No picture is left out.

    Attributes:
        size: pictures at once; 1 on the CPU, which is no faster with more.
    """

    def __init__(self, model: Any, *, out_of_memory: type[Exception], name: str) -> None:
        """
        Args:
            model: with ``device`` and ``to``, as of torch.
            out_of_memory: what is raised where the GPU's memory does not suffice.
            name: what is called so in the warning.
        """
        self.size = AT_ONCE if model.device.type == "cuda" else 1
        self._model, self._out_of_memory, self._name = model, out_of_memory, name
        self._warning = ""

    def ask(
        self, answer: Callable[[Sequence[Shown]], Sequence[Answer]], pictures: Sequence[Shown]
    ) -> list[Answer]:
        """The answers about ``pictures``, in their order; ``answer`` is asked about some of them
        at a time, and gives one answer each."""
        answers: list[Answer] = []
        while len(answers) < len(pictures):
            try:
                answers += answer(pictures[len(answers) : len(answers) + self.size])
            except self._out_of_memory as error:
                self._make_room(error)
        return answers

    def take_warning(self) -> list[str]:
        """What happened since it was asked for last: no line, or one."""
        warning, self._warning = self._warning, ""
        return [warning] if warning else []

    def _make_room(self, error: Exception) -> None:
        """Ask for less from now on. Raises ``error`` where nothing is left to try."""
        if self._model.device.type != "cuda":
            raise error
        if self.size > 1:
            self.size //= 2
            how = f"sees {self.size} picture{'s' if self.size > 1 else ''} at a time from here on"
        else:
            self._model.to("cpu").float()
            how = "goes on on the CPU, which is slow"
        self._warning = f"{self._name}: out of GPU memory; {how}"


class BatchedDetector(ABC):
    """What detectors share that are a network of the transformers library."""

    tight = True
    name: str
    _batches: Batches

    def detect(self, picture: Picture) -> Detections:
        """Boxes and scores in a BGR picture of any size, best first."""
        return self.detect_batch([picture])[0]

    @property
    def batch(self) -> int:
        """Pictures that it is best shown at once."""
        return self._batches.size

    def detect_batch(self, pictures: Sequence[Picture]) -> list[Detections]:
        """As :meth:`detect`, of several pictures in their order."""
        return self._batches.ask(self._detect, pictures)

    def take_warning(self) -> list[str]:
        """A line where memory did not suffice since it was asked for last."""
        return self._batches.take_warning()

    @abstractmethod
    def _detect(self, pictures: Sequence[Picture]) -> list[Detections]:
        """What the network finds in pictures that are few enough to be shown at once."""
