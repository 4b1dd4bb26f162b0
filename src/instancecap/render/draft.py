"""A paragraph in the making: its sentences, and what of a caption is wanted in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from instancecap.language import en
from instancecap.render import grammar
from instancecap.render.grammar import content, lexicon
from instancecap.render.options import RenderOptions
from instancecap.render.scene import measured_colors
from instancecap.render.subjects import Subject
from instancecap.render.wording import Wording
from instancecap.schema.caption import HUMAN, Caption

_PHRASES = " ".join(phrase for table in en.TABLES.values() for phrase in table.values())
_MEASURED_WORDS = content(
    " ".join((re.sub(r"\{\w+\}", " ", _PHRASES), *en.NUMBERS, *en.ANOTHER, *lexicon("measured")))
) - content("shots")  # how many there are is said in no other sentence


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the paragraph.

    Attributes:
        field: JSON pointer of the field that it says; the number is the instance's id.
        index: its place among the sentences of the field.
        rank: how soon it is left out where room is short; 0 last of all.
        part: the number from 1 of the part of the clip that it opens; 0 for none.
    """

    field: str
    index: int
    rank: float
    text: str
    part: int = 0


@dataclass
class Draft:
    """A paragraph in the making.

    Attributes:
        wording: the order of the parts, and which phrases they take.
        keep: how many sentences of a field are wanted, where not all are; 0 for none.
        gist: what is told of the global description.
        whole: the number of sentences of each field that has any, kept or not.
    """

    caption: Caption
    options: RenderOptions
    wording: Wording
    keep: Mapping[str, int]
    subjects: list[Subject] = field(default_factory=list)
    gist: str = ""
    whole: dict[str, int] = field(default_factory=dict)

    def wants(self, pointer: str) -> bool:
        return self.keep.get(pointer, 1) > 0

    @property
    def order(self) -> tuple[str, ...]:
        """The parts of the paragraph, first to last."""
        return self.wording.order

    @cached_property
    def by_shot(self) -> bool:
        """Whether the parts are the shots, so that these tell what is done in each."""
        shots, parts = self.caption.shots, self.caption.segments
        return (
            len(shots) == len(parts) > 1
            and self.wants("/segments")
            and all(part.description for part in parts)
            and all(abs(a.start - b.start) < 0.1 for a, b in zip(shots, parts, strict=True))
        )

    def is_ours(self, pointer: str, text: str = "") -> bool:
        """Whether a field was measured by this project, and ``text`` says no more than that.

        What says more was edited by someone, and is taken as they wrote it.
        """
        entry = self.caption.provenance.get(pointer)
        if entry is None or entry.support != "measured" or entry.source == HUMAN:
            return False
        return self.caption.producer.name == "instancecap" and content(text) <= self.facts

    @cached_property
    def facts(self) -> frozenset[str]:
        """The content of all that the structured fields of a measured caption say."""
        names = [
            " ".join((one.name, one.class_, en.plural(one.class_), *one.colors))
            for one in self.caption.instances
        ]
        paint = measured_colors(self.caption.background)
        return _MEASURED_WORDS | content(". ".join((*names, *paint)))

    def text(self, pointer: str, text: str) -> tuple[str, ...]:
        """The sentences of a field that are wanted."""
        if not text:
            return ()
        found = grammar.sentences(text)
        self.whole[pointer] = len(found)
        most = self.keep.get(pointer, len(found))
        return found[: min(most, 1) if self.options.length == "medium" else most]

    def fact(self, pointer: str, text: str) -> str:
        """A sentence that is put together of structured fields."""
        if not text:
            return ""
        self.whole[pointer] = 1
        return text if self.wants(pointer) else ""
