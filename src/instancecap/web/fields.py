"""A caption in words on a page: every field with who says so, how surely, and where to see it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from instancecap.schema import Caption
from instancecap.schema.caption import Instance
from instancecap.web.markup import Html, join, markup
from instancecap.web.timeline import chip

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


class FieldWriter:
    """Writes the fields of one caption; every leaf is written once, by one of its methods."""

    def __init__(self, caption: Caption, *, colors: dict[int, int]) -> None:
        """``colors`` maps an instance's id to the number of its colour."""
        self._caption = caption
        self._colors = colors
        self._left = caption.leaves()

    def lede(self) -> Html:
        """The global description, large."""
        pointer = "/global_description"
        text = self._left.pop(pointer, None)
        if text is None:
            return markup('<p class="lede empty">No description was written.</p>')
        return markup(
            '<p class="lede" dir="auto">{text}</p>{origin}',
            text=text,
            origin=self._origin(pointer, "Description", tag="p"),
        )

    def instances(self) -> Html:
        """One card an instance."""
        if not self._caption.instances:
            return markup('<p class="empty">No instance was found.</p>')
        return join(self._card(instance) for instance in self._caption.instances)

    def _card(self, instance: Instance) -> Html:
        tags = [
            ("main", instance.is_main),
            (f"group of {instance.count}", instance.count > 1),
            ("enters later", instance.position.enters),
            ("leaves", instance.position.leaves),
        ]
        color = self._colors[instance.id]
        name = f"#{instance.id} {instance.class_}"
        pointer = f"/instances/{instance.id}/class"
        self._left.pop(pointer, None)
        return markup(
            '<article class="card" style="--hue:var(--hue-{color})"><h4>{chip}'
            '<span class="number">#{id}</span> <span dir="auto">{name}</span>{tags}</h4>'
            "{origin}{fields}</article>",
            color=color,
            chip=chip(color),
            id=instance.id,
            name=instance.class_,
            tags=join(markup(' <span class="tag">{t}</span>', t=tag) for tag, on in tags if on),
            origin=self._origin(pointer, f"Class of {name}", tag="p", instance=instance.id),
            fields=self.section(f"/instances/{instance.id}/", of=name, instance=instance.id),
        )

    def shots(self) -> Html:
        """What the caption says of each shot."""
        parts = []
        for index, shot in enumerate(self._caption.shots):
            rows = self.section(f"/shots/{index}/", of=f"shot {index + 1}")
            head = f"Shot {index + 1} · {shot.start:.2f}\N{EN DASH}{shot.end:.2f} s"
            parts.append(markup("<h4>{head}</h4>{rows}", head=head, rows=rows))
        return join(parts)

    def texts(self) -> Html:
        """Writing in the picture, each with the time when it was seen."""
        return self._numbered(
            "/texts", [(f"At {text.t:.2f} s", [text.t]) for text in self._caption.texts]
        )

    def segments(self) -> Html:
        """What happens during the parts of the clip."""
        return self._numbered(
            "/segments",
            [(f"{s.start:.1f}\N{EN DASH}{s.end:.1f} s", [s.start]) for s in self._caption.segments],
        )

    def _numbered(self, prefix: str, heads: Iterable[tuple[str, list[float]]]) -> Html:
        rows: list[Html] = []
        for index, (head, frames) in enumerate(heads):
            found = [p for p in self._left if p.startswith(f"{prefix}/{index}/")]
            rows += [self._row(pointer, label=head, frames=frames) for pointer in found]
        return _list(rows)

    def section(self, *prefixes: str, of: str = "", instance: int | None = None) -> Html:
        """All fields not yet written under any of ``prefixes``, as a list; may be empty."""
        found = [pointer for pointer in self._left if pointer.startswith(prefixes)]
        return _list([self._row(pointer, of=of, instance=instance) for pointer in found])

    def _row(
        self,
        pointer: str,
        *,
        label: str = "",
        of: str = "",
        instance: int | None = None,
        frames: list[float] | None = None,
    ) -> Html:
        label = label or label_of(pointer)
        full = f"{label} of {of}" if of else label
        return markup(
            '<div class="field"><dt>{label}</dt><dd dir="auto">{value}</dd>{origin}</div>',
            label=label,
            value=value_of(pointer, self._left.pop(pointer)),
            origin=self._origin(pointer, full, tag="dd", instance=instance, frames=frames),
        )

    def _origin(
        self,
        pointer: str,
        label: str,
        *,
        tag: str,
        instance: int | None = None,
        frames: list[float] | None = None,
    ) -> Html:
        """Source, confidence, support, and the button that shows the frames."""
        known = self._caption.provenance.get(pointer)
        if known is None:
            words = Html('<span class="support unchecked">no source recorded</span>')
        else:
            words = markup(
                '{support} <span class="source" dir="auto">{source}</span> {confidence}',
                support=support(known.support),
                source=known.source,
                confidence=confidence(known.confidence),
            )
            frames = known.frames or frames
        return markup(
            '<{tag} class="origin" title="{pointer}">{words} {button}</{tag}>',
            tag=Html(tag),
            pointer=pointer,
            words=words,
            button=show_button(frames or [], label, instance=instance),
        )


def _list(rows: list[Html]) -> Html:
    return markup('<dl class="fields">{rows}</dl>', rows=join(rows)) if rows else Html("")


def support(word: str) -> Html:
    """How a field stands to the evidence, by a sign, a colour and the word itself."""
    return markup('<span class="support {word}">{word}</span>', word=word)


def confidence(value: float) -> Html:
    """A number from 0 to 1 as a short bar and a percentage."""
    return markup(
        '<span class="confidence"><span class="sr">confidence </span>'
        '<i class="bar" style="--share:{value:.2f}" aria-hidden="true"></i>{value:.0%}</span>',
        value=value,
    )


def show_button(frames: list[float], label: str, *, instance: int | None = None) -> Html:
    """A button that moves the player to the first of ``frames``; nothing where there are none."""
    if not frames:
        return Html("")
    times = f"{frames[0]:.1f} s"
    if len(frames) > 1:
        times = f"{min(frames):.1f}\N{EN DASH}{max(frames):.1f} s"
    return markup(
        '<button type="button" class="show" data-frames="{frames}" data-label="{label}"'
        '{instance} aria-label="Show {label} in the player: {count}, {times}">{times}</button>',
        frames=json.dumps([round(t, 3) for t in frames]),
        label=label,
        instance="" if instance is None else markup(' data-instance="{i}"', i=instance),
        count="1 frame" if len(frames) == 1 else f"{len(frames)} frames",
        times=times,
    )
