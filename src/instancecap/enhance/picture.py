"""Pictures that a clip begins and ends with: what is in them is given, only motion is invented."""

from __future__ import annotations

from dataclasses import dataclass

from instancecap.enhance.words import stems, synonyms
from instancecap.mllm.base import Media
from instancecap.schema.caption import Caption, Instance, Provenance

_GIVEN = ("background", "place", "lighting", "time_of_day", "style")


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
        seen = set[int]()
        kept: list[Instance] = []
        for one in result.instances:
            match = next(
                (a for a in self.first.instances if a.id not in seen and _alike(one, a)), None
            )
            if match is not None:
                seen.add(match.id)
                self._take(result, one, match)
            quoted = result.provenance.get(f"/instances/{one.id}/class")
            if match is not None or (quoted is not None and quoted.source == "prompt"):
                kept.append(one)
        for other in self.first.instances:
            if other.id not in seen:
                id = max((one.id for one in (*kept, *result.instances)), default=-1) + 1
                kept.append(Instance(id=id, name=_free(other, kept), class_=other.class_))
                self._take(result, kept[-1], other)
        result.instances = kept
        self._take_scene(result)
        leaves = result.leaves()
        result.provenance = {name: one for name, one in result.provenance.items() if name in leaves}
        result.segments = [
            one.model_copy(
                update={"instances": [id for id in one.instances if id in {k.id for k in kept}]}
            )
            for one in result.segments
        ]
        return result

    def _take(self, result: Caption, one: Instance, given: Instance) -> None:
        """Looks and place of an instance; where it is in the last picture, too."""
        for name in ("appearance", "colors", "category", "count"):
            if value := getattr(given, name):
                setattr(one, name, value)
        one.position.start = given.position.start or one.position.start
        after = (
            next((a for a in self.last.instances if _alike(one, a)), None) if self.last else None
        )
        if after is not None:
            one.position.end = after.position.start or after.position.end
        for name in result.leaves():
            base = f"/instances/{one.id}/"
            if name.startswith(base):
                source = self.first.provenance.get(
                    f"/instances/{given.id}/{name.removeprefix(base)}"
                )
                if name not in result.provenance or source is not None:
                    result.provenance[name] = source or _by_picture(self.first)

    def _take_scene(self, result: Caption) -> None:
        camera, given = result.camera, self.first.camera
        for owner, source, names in (
            (result, self.first, _GIVEN),
            (camera, given, ("shot_type", "shot_angle", "shot_position")),
        ):
            for name in names:
                value = getattr(source, name)
                if value and value != "unknown":
                    setattr(owner, name, value)
                    pointer = f"/{name}" if owner is result else f"/camera/{name}"
                    known = self.first.provenance.get(pointer)
                    result.provenance[pointer] = known or _by_picture(self.first)


def _by_picture(caption: Caption) -> Provenance:
    source = next(iter(caption.producer.models.values()), caption.producer.captioner) or "picture"
    return Provenance(source=source, confidence=0.5, support="unchecked")


def _alike(one: Instance, other: Instance) -> bool:
    """Whether two instances may be one: by noun, by name, or by a word that stands for it."""
    mine = {*stems(one.class_), *stems(one.name)}
    theirs = {*stems(other.class_), *stems(other.name), *stems(other.subcategory)} - {"the"}
    if stems(one.class_)[-1:] == stems(other.class_)[-1:]:
        return True
    ways = {word for stem in stems(one.class_) for way in synonyms().get(stem, ()) for word in way}
    return bool(
        (mine - {"the"} | ways) & theirs & {*stems(other.class_), *stems(other.subcategory)}
    )


def _free(one: Instance, others: list[Instance]) -> str:
    """Its name, unless another one has it."""
    name = one.name or f"the {one.class_}"
    taken = {other.name.casefold() for other in others}
    return name if name.casefold() not in taken else f"the other {name.removeprefix('the ')}"
