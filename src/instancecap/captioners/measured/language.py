"""Languages that measured sentences are written in: a module that writes for each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from instancecap.captioners.measured import chinese, english
from instancecap.captioners.measured.content_selection import Conduct, Name, Size
from instancecap.captioners.measured.scene_selection import Light, Scene
from instancecap.errors import UsageError
from instancecap.schema.vocabulary import Primitive


class Language(Protocol):
    """What a language has words for; what is stated is decided in :mod:`.content_selection`.

    A phrase becomes part of a sentence. Each is empty where nothing is known.
    """

    def name_phrase(self, name: Name) -> str: ...
    def introduce(self, name: Name) -> str: ...
    def appearance_sentence(self, name: Name, size: Size) -> str: ...
    def action_phrase(self, did: Conduct, *, count: int) -> str: ...
    def action_sentence(self, did: Conduct, *, count: int) -> str: ...
    def located(self, name: Name, did: Conduct) -> str: ...
    def position_phrase(self, did: Conduct) -> str: ...
    def events_sentence(
        self, scene: Scene, acting: Sequence[tuple[str, str]], others: Sequence[str]
    ) -> str: ...
    def picture_sentence(self, introductions: Sequence[str]) -> str: ...
    def shots_sentence(self, count: int, introductions: Sequence[str]) -> str: ...
    def unnamed_sentence(
        self, scene: Scene, stages: Sequence[Sequence[Primitive]], *, static: bool
    ) -> str: ...
    def camera_sentence(
        self, stages: Sequence[Sequence[Primitive]], *, static: bool, speed: str
    ) -> str: ...
    def light_sentence(self, light: Light) -> str: ...
    def background_sentence(self, scene: Scene) -> str: ...


LANGUAGES: dict[str, Language] = {"en": english, "zh": chinese}
"""By the primary subtag of a BCP-47 tag; Chinese is in simplified characters."""


def speaks(tag: str) -> bool:
    """Whether measured sentences can be written in the language of a BCP-47 tag."""
    return _find(tag) is not None


def language_of(tag: str) -> Language:
    """The module that writes the language of a BCP-47 tag, whatever its script and region.

    Raises:
        UsageError: there is none; the message names the languages there are.
    """
    found = _find(tag)
    if found is None:
        raise UsageError(
            f"language {tag!r}: measured sentences are written in {' or '.join(LANGUAGES)} only; "
            "choose one of these, or let a model write (--captioner mllm)"
        )
    return found


def _find(tag: str) -> Language | None:
    return LANGUAGES.get(tag.partition("-")[0].lower())
