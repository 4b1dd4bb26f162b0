"""Languages that measured sentences are written in: a module of words for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instancecap.captioners.measured import chinese, english
from instancecap.errors import UsageError
from instancecap.schema.evidence import (
    CameraFacts,
    ContactKind,
    InstanceFacts,
    LightFacts,
    PlaceFacts,
)
from instancecap.schema.vocabulary import Cell


class Language(Protocol):
    """What a language has words for. What is told is decided in :mod:`.telling`.

    A phrase becomes part of a sentence, or is one with :meth:`sentence`. Each is empty where
    nothing is known.
    """

    def sentence(self, text: str) -> str:
        """A phrase as a sentence."""

    def introduce(self, items: Sequence[InstanceFacts]) -> list[str]:
        """A phrase for every thing, told of for the first time."""

    def refer(self, item: InstanceFacts, shown: Sequence[InstanceFacts]) -> str:
        """How one of the things ``shown`` is called again."""

    def subject_phrase(self, item: InstanceFacts) -> str:
        """A thing that the camera has an eye on."""

    def appearance_sentence(self, item: InstanceFacts, *, area: float | None) -> str:
        """Looks and size; ``area`` is that of the mean box, 0..1 of the frame."""

    def action_phrase(
        self,
        item: InstanceFacts,
        *,
        enters: bool,
        leaves: bool,
        camera_rests: bool,
        encounter: str = "",
    ) -> str:
        """What a thing does; ``encounter`` is said with it."""

    def encounter_phrase(
        self, kind: ContactKind, item: InstanceFacts, other: InstanceFacts, *, called: str
    ) -> str:
        """What a thing does with another that is ``called`` so."""

    def position_phrase(
        self, start: Cell, end: Cell, *, enters: bool, leaves: bool, passes: Sequence[Cell]
    ) -> str:
        """Where a thing is from first to last."""

    def cell_phrase(self, cell: Cell) -> str:
        """Where a thing is in a still picture."""

    def presence_phrase(self, item: InstanceFacts, cell: Cell) -> str:
        """That a thing is somewhere, in place of what it does."""

    def events_sentence(self, things: Sequence[tuple[str, str]]) -> str:
        """What happens: of each thing (one at least) its introduction, and what it does."""

    def picture_sentence(self, things: Sequence[str]) -> str:
        """What a still picture shows."""

    def shots_sentence(self, count: int, things: Sequence[str]) -> str:
        """How many shots a clip has, and what it shows."""

    def camera_sentence(self, camera: CameraFacts, *, follows: str = "") -> str:
        """How the camera moves; ``follows`` names the thing it keeps in the frame."""

    def light_sentence(self, light: LightFacts) -> str:
        """The light."""

    def background_sentence(self, place: PlaceFacts) -> str:
        """What is around the things."""


LANGUAGES: dict[str, Language] = {"en": english, "zh": chinese}
"""By the primary subtag of a BCP-47 tag; Chinese is in simplified characters."""


def primary_subtag(tag: str) -> str:
    """``zh`` of ``zh-Hans-CN``."""
    return tag.partition("-")[0].lower()


def speaks(tag: str) -> bool:
    """Whether measured sentences can be written in the language of a BCP-47 tag."""
    return primary_subtag(tag) in LANGUAGES


def language_of(tag: str) -> Language:
    """The words of the language of a BCP-47 tag, whatever its script and region.

    Raises:
        UsageError: there are none; the message names the languages there are.
    """
    if not speaks(tag):
        raise UsageError(
            f"language {tag!r}: measured sentences are written in {' or '.join(LANGUAGES)} only; "
            "choose one of these, or let a model write (--captioner mllm)"
        )
    return LANGUAGES[primary_subtag(tag)]
