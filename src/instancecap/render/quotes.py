"""A caption that was made from a prompt quotes it in several fields; a prompt says it once."""

from __future__ import annotations

from collections.abc import Iterable

from instancecap.schema.caption import Caption
from instancecap.schema.pointer import assign, instance_of, resolve

_TELLING = ("/global_description", "/camera/description", "/lighting", "/segments/")
"""Fields that quote whole stretches of the prompt."""

_NAMING = ("/name", "/class", "/category")


def said_once(caption: Caption) -> Caption:
    """The caption without what it quotes from its prompt a second time.

    Fields are compared by their places in the prompt (:attr:`Provenance.spans`). An instance of
    which nothing else is known goes too. Captions of clips stay as they are.
    """
    if not caption.producer.prompt:
        return caption
    spans = {name: one.spans for name, one in caption.provenance.items() if one.spans}
    told = _joined(
        place
        for name, places in spans.items()
        if name.startswith(_TELLING) and resolve(caption, name)
        for place in places
    )
    left = set(caption.leaves())
    quoted = {
        name
        for name, places in spans.items()
        if name in left
        and not name.startswith(_TELLING)
        and all(any(a <= x and y <= b for a, b in told) for x, y in places)
    }
    result = caption.model_copy(deep=True)
    for name in quoted:
        if not name.endswith(_NAMING):
            assign(result, name, type(resolve(result, name))())
    known = {instance_of(name) for name in left - quoted}
    result.instances = [one for one in result.instances if one.id in known]
    return result


def _joined(places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places as stretches: those that follow one another, a space apart, are one."""
    stretches: list[tuple[int, int]] = []
    for first, last in sorted(places):
        if stretches and first <= stretches[-1][1] + 1:
            start, end = stretches.pop()
            first, last = start, max(last, end)
        stretches.append((first, last))
    return stretches
