"""A caption in words: every field with who says so, how surely, and where to see it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from instancecap.schema import Caption
from instancecap.schema.caption import Instance, Provenance

LABELS = {
    "/position/text": "Path",
    "/position/start": "Starts at",
    "/position/end": "Ends at",
    "/camera/shot_type": "Shot size",
    "/camera/shot_angle": "Angle",
    "/camera/shot_position": "Seen from",
    "/shot_type": "Shot size",
    "/background": "Background",
    "/place": "Place",
    "/time_of_day": "Time of day",
}
"""Where a field's own name is not what a reader would call it; matched at the pointer's end."""

CODED = re.compile(r"/(motion|shot_type|shot_angle|shot_position|time_of_day|category)$")
"""Fields whose words come from a vocabulary and are written with underscores."""


SWATCHES = {
    "black": "#111", "gray": "#808080", "white": "#fff", "red": "#d22", "orange": "#f58a1f",
    "brown": "#7b4a21", "beige": "#e3d3ae", "yellow": "#f5d90a", "green": "#2e9b3f",
    "teal": "#17908f", "blue": "#2563c9", "purple": "#7d3fa8", "pink": "#f39abf",
}  # fmt: skip
"""What a color by its name looks like; others are shown by their name alone."""


def label_of(pointer: str) -> str:
    """A short name for a field, without the thing that it belongs to."""
    for ending, label in LABELS.items():
        if pointer.endswith(ending):
            return label
    return pointer.rsplit("/", 1)[-1].replace("_", " ").capitalize()


def value_of(pointer: str, value: Any) -> str:
    """A leaf's value as a reader would write it."""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return text.replace("_", " ") if CODED.search(pointer) else text


@dataclass(frozen=True, slots=True)
class Field:
    """A leaf of a caption as a page shows it.

    Attributes:
        full_label: what it is called where its surroundings do not say what it belongs to.
        known: who says so, if that is recorded.
        frames: times to see it at, seconds.
        instance: the id of the instance that it is about.
        swatches: colors to show beside the names, for a field of colors.
    """

    pointer: str
    label: str
    full_label: str
    value: str
    known: Provenance | None
    frames: list[float]
    instance: int | None
    swatches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """An instance: its class, and everything else that is said of it."""

    instance: Instance
    tags: list[str]
    head: Field
    fields: list[Field]


Groups = list[tuple[str, list[Field]]]
"""Fields below headings; one without is empty."""


@dataclass(frozen=True, slots=True)
class CaptionText:
    """A caption in the order of reading; every leaf is in one place."""

    lede: Field | None
    cards: list[Card]
    sections: list[tuple[str, Groups]]


@dataclass(slots=True)
class _Leaves:
    """The leaves of a caption that have no place yet."""

    caption: Caption
    left: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.caption.leaves()

    def take(
        self,
        pointer: str,
        *,
        label: str = "",
        of: str = "",
        instance: int | None = None,
        frames: Iterable[float] = (),
    ) -> Field:
        label = label or label_of(pointer)
        known = self.caption.provenance.get(pointer) if pointer in self.left else None
        times = known.frames if known is not None else []
        value = self.left.pop(pointer, "")
        colors = value if pointer.endswith("/colors") else ()
        return Field(
            pointer,
            label,
            f"{label} of {of}" if of else label,
            value_of(pointer, value),
            known,
            times or list(frames),
            instance,
            tuple(SWATCHES[color] for color in colors if color in SWATCHES),
        )

    def below(self, prefix: str, **how: Any) -> list[Field]:
        found = [pointer for pointer in self.left if pointer.startswith(prefix)]
        return [self.take(pointer, **how) for pointer in found]


def read_caption(caption: Caption) -> CaptionText:
    """Put every field of a caption in its place on the page."""
    leaves, lede = _Leaves(caption), None
    if "/global_description" in leaves.left:
        lede = leaves.take("/global_description", label="Description")
    cards = [_card(leaves, one) for one in caption.instances]
    moments = [(f"{s.start:.1f}\N{EN DASH}{s.end:.1f} s", s.start) for s in caption.segments]
    texts = [(f"At {one.t:.2f} s", one.t) for one in caption.texts]
    said = [
        (f"{one.start:.1f}\N{EN DASH}{one.end:.1f} s", one.start) for one in caption.audio.speech
    ]
    shots = [
        (
            f"Shot {number} · {shot.start:.2f}\N{EN DASH}{shot.end:.2f} s",
            leaves.below(f"/shots/{number - 1}/", of=f"shot {number}"),
        )
        for number, shot in enumerate(caption.shots, 1)
    ]
    sections: list[tuple[str, Groups]] = [
        ("What happens when", [("", _numbered(leaves, "/segments", moments))]),
        ("Sound", [("", [*_numbered(leaves, "/audio/speech", said), *leaves.below("/audio/")])]),
        ("Camera", [("", leaves.below("/camera/"))]),
        ("Shots", shots),
        ("Writing in the picture", [("", _numbered(leaves, "/texts", texts))]),
        # What comes last takes whatever a later version of the schema may add.
        ("Scene", [("", leaves.below("/"))]),
    ]
    shown = [(head, groups) for head, groups in sections if any(some for _, some in groups)]
    return CaptionText(lede, cards, shown)


def _card(leaves: _Leaves, instance: Instance) -> Card:
    tags = {
        "main": instance.is_main,
        f"group of {instance.count}": instance.count > 1,
        "enters later": instance.position.enters,
        "leaves": instance.position.leaves,
    }
    name, own = f"#{instance.id} {instance.class_}", f"/instances/{instance.id}/"
    head = leaves.take(f"{own}class", label=f"Class of {name}", instance=instance.id)
    fields = [*leaves.below(own, of=name, instance=instance.id), *_face(leaves.caption, instance)]
    return Card(instance, [tag for tag, on in tags.items() if on], head, fields)


def _face(caption: Caption, instance: Instance) -> list[Field]:
    """When its face showed what, where a model saw it from near."""
    if not (spans := instance.expression_spans):
        return []
    told = [
        f"{one.shows}{f' ({one.intensity})' if one.intensity else ''}, "
        + span_of(sorted({one.start, one.end}))
        for one in spans
    ]
    pointer = f"/instances/{instance.id}/expression"
    label = f"Face of #{instance.id} {instance.class_}"
    known, frames = caption.provenance.get(pointer), [one.start for one in spans]
    return [Field(pointer, "Face", label, "; ".join(told), known, frames, instance.id)]


def _numbered(leaves: _Leaves, prefix: str, heads: Iterable[tuple[str, float]]) -> list[Field]:
    """Fields of a list's items, each under its time."""
    return [
        one
        for index, (label, t) in enumerate(heads)
        for one in leaves.below(f"{prefix}/{index}/", label=label, frames=[t])
    ]


def span_of(frames: list[float]) -> str:
    """From the first to the last of some times, in words."""
    if len(frames) == 1:
        return f"{frames[0]:.1f} s"
    return f"{min(frames):.1f}\N{EN DASH}{max(frames):.1f} s"
