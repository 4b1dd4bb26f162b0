"""Pictures that a clip begins and ends with: what is in them is given, only motion is invented."""

from __future__ import annotations

from dataclasses import dataclass

from instancecap.enhance.parse import category_of
from instancecap.enhance.words import stems, synonyms
from instancecap.mllm.base import Media
from instancecap.schema.caption import Caption, Instance, Provenance
from instancecap.schema.pointer import assign, resolve

_SCENE = ("/background", "/place", "/lighting", "/time_of_day", "/style", "/camera/shot_type",
          "/camera/shot_angle", "/camera/shot_position")  # fmt: skip
_LOOKS = ("appearance", "colors", "category", "position/start")


@dataclass(frozen=True, slots=True)
class Picture:
    """The first picture of a clip, and perhaps the last one.

    Attributes:
        first, last: their captions, by any captioner.
        images: to be shown to a model.
    """

    first: Caption
    last: Caption | None = None
    images: tuple[Media, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The instances of the first picture by name."""
        return tuple(one.name or f"the {one.class_}" for one in self.first.instances)

    def put_into(self, caption: Caption) -> Caption:
        """The caption with the looks, places and surroundings of the pictures.

        What neither the prompt nor a picture has goes; what only a picture has is added.
        """
        result = caption.model_copy(deep=True)
        pairs: list[tuple[Instance, Instance | None]] = []
        left, given = list(self.first.instances), {*stems(caption.producer.prompt)}
        for one in result.instances:
            match = next((other for other in left if _alike(one, other)), None)
            if match is not None:
                left.remove(match)
            if match is not None or _nouns(one.class_) & given:
                pairs.append((one, match))
        free = max((one.id for one in result.instances), default=-1) + 1
        for id, other in enumerate(left, free):
            name = other.name or f"the {other.class_}"
            pairs.append(
                (Instance(id=id, name=name, class_=other.class_, count=other.count), other)
            )
        result.instances = [one for one, _ in pairs]
        for one, match in pairs:
            for name in _LOOKS if match is not None else ():
                self._take(result, f"/instances/{one.id}/{name}", f"/instances/{match.id}/{name}")  # type: ignore[union-attr]
            after = self.last.instances if self.last else ()
            one.position.end = next(
                (it.position.start for it in after if _alike(one, it)), one.position.end
            )
        for pointer in _SCENE:
            self._take(result, pointer, pointer)
        told = result.leaves()
        for pointer in told.keys() - result.provenance.keys():
            result.provenance[pointer] = _BY_PICTURE.model_copy()
        result.provenance = {name: one for name, one in result.provenance.items() if name in told}
        ids = {one.id for one in result.instances}
        for part in result.segments:
            part.instances = [id for id in part.instances if id in ids]
        return result

    def _take(self, result: Caption, pointer: str, source: str) -> None:
        """A field of the first picture's caption, with who says so."""
        if (value := resolve(self.first, source)) not in ("", [], "unknown"):
            assign(result, pointer, value)
            result.provenance[pointer] = self.first.provenance.get(source, _BY_PICTURE).model_copy()


_BY_PICTURE = Provenance(source="picture", confidence=0.5, support="unchecked")


def _alike(one: Instance, other: Instance) -> bool:
    """Whether two instances may be one: by noun, or by a word that stands for it."""
    theirs = {*stems(other.class_), *stems(other.subcategory)}
    if other.class_ in _KINDS and category_of(one.class_) == _KINDS[other.class_]:
        return True
    return bool({*_nouns(one.class_), *stems(one.name)[-1:]} & theirs)


_KINDS = {"person": "human", "animal": "animal", "vehicle": "vehicle"}
"""Classes of measured captions that stand for any of a kind."""


def _nouns(name: str) -> set[str]:
    """The stem of a noun, and of those that may stand for it."""
    mine = stems(name)[-1:]
    return {*mine, *(word for noun in mine for way in synonyms().get(noun, ()) for word in way)}
