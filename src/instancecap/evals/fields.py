"""Accuracy field by field against reference captions, as SkyCaptioner-V1 tables it (2504.13074)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from instancecap.errors import FormatError
from instancecap.evals.asking import Asker
from instancecap.evals.ballot import Ballot, Question, say, version
from instancecap.evals.boxes import track_iou
from instancecap.evals.camera import fold
from instancecap.evals.equivalence import EQUIVALENCE, is_same, shared_words
from instancecap.evals.pairing import named_captions, pair_samples
from instancecap.evals.task import Figure, Sample, Score, Scorer, Solver, Task
from instancecap.schema.caption import Caption, Instance

SCENE = ("shot_type", "shot_angle", "shot_position", "camera_motion", "environment", "lighting")
SUBJECT = (
    "expression", "TYPES_type", "TYPES_sub_type", "appearance", "action", "position",
    "is_main_subject",
)  # fmt: skip
ROWS = (*SCENE[:4], *SUBJECT, *SCENE[4:])
"""Rows of the table, by the names that SkyCaptioner's JSON has."""

NOTE = (
    "Accuracy of each field over the clips and subjects whose reference has it; a subject that was "
    "not found is wrong in every field. 'Says nothing' is the share that the caption leaves empty: "
    "it counts as wrong, and the rest of what is not right is said wrongly. Closed vocabularies "
    "are compared exactly, camera movements as sets after folding (move_in counts as zoom_in)."
)

NOTHING_SAID = "says nothing"

SAME_INSTANCE = 0.3
"""Likeness from which two instances are taken for the same."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A field of one thing: what is right and what was said; ``right`` is None for free text."""

    field: str
    reference: str
    said: str
    right: bool | None

    @property
    def empty(self) -> bool:
        """Whether nothing was said."""
        return not self.said.strip()


def likeness(one: Instance, other: Instance) -> float:
    """How surely two instances are the same thing, 0..1.

    What they are counts .6 (the same class 1, the same category .5), what they are called and look
    like .4; where both have tracks, half of it is the tracks' mean overlap.
    """
    kind = shared_words(one.class_, other.class_)
    if one.class_ == other.class_:
        kind = 1.0
    elif one.category and one.category == other.category:
        kind = max(kind, 0.5)
    looks = [" ".join((some.name, some.appearance, *some.colors)) for some in (one, other)]
    words = 0.6 * kind + 0.4 * shared_words(*looks)
    if one.track and other.track:
        return (words + track_iou(one.track, other.track)) / 2
    return words


def match(
    reference: Sequence[Instance], said: Sequence[Instance], *, least: float = SAME_INSTANCE
) -> dict[int, int]:
    """Places of the references to places of what was said, one to one, most alike in sum."""
    if not reference or not said:
        return {}
    alike = np.array([[likeness(one, other) for other in said] for one in reference])
    rows, columns = linear_sum_assignment(-alike)
    return {int(i): int(j) for i, j in zip(rows, columns, strict=True) if alike[i, j] >= least}


def compared(reference: Caption, said: Caption) -> list[Compared]:
    """Every field that the reference has; what it leaves open is not scored."""
    found = [*_scene(reference, said)]
    partners = match(reference.instances, said.instances)
    for index, one in enumerate(reference.instances):
        other = said.instances[partners[index]] if index in partners else None
        found += _subject(one, other)
    return found


def _scene(reference: Caption, said: Caption) -> list[Compared]:
    camera, other = reference.camera, said.camera
    found = [
        Compared(name, getattr(camera, name), getattr(other, name),
                 getattr(camera, name) == getattr(other, name))
        for name in SCENE[:3]
        if getattr(camera, name)
    ]  # fmt: skip
    if camera.motion:
        right = fold(camera.motion) == fold(other.motion)
        found.append(
            Compared("camera_motion", " ".join(camera.motion), " ".join(other.motion), right)
        )
    texts = {"environment": (reference.background, said.background),
             "lighting": (reference.lighting, said.lighting)}  # fmt: skip
    return found + [_text(name, *pair) for name, pair in texts.items() if pair[0]]


def _text(field: str, reference: str, said: str) -> Compared:
    """Of free text: equal is right, nothing is wrong, the rest is to be judged."""
    same = " ".join(reference.lower().split()) == " ".join(said.lower().split())
    return Compared(field, reference, said, True if same else None if said.strip() else False)


def _subject(one: Instance, other: Instance | None) -> list[Compared]:
    """A subject that was not found is wrong in every field that it has."""
    none = other is None
    other = other or Instance(id=0, class_="")
    found = [
        Compared("is_main_subject", str(one.is_main), "" if none else str(other.is_main),
                 not none and one.is_main == other.is_main)
    ]  # fmt: skip
    if one.category:
        right = one.category == other.category
        found.append(Compared("TYPES_type", one.category, other.category, right))
    cells = (one.position.start, one.position.end), (other.position.start, other.position.end)
    if all(cells[0]) and all(cells[1]):
        first, second = (" to ".join(some) for some in cells)
        found.append(Compared("position", first, second, cells[0] == cells[1]))
    elif one.position.text:
        found.append(_text("position", one.position.text, other.position.text))
    texts = {
        "TYPES_sub_type": (one.subcategory or one.class_, other.subcategory or other.class_),
        "appearance": (one.appearance, other.appearance),
        "action": (one.action, other.action),
        "expression": (one.expression, other.expression),
    }
    return found + [_text(name, *pair) for name, pair in texts.items() if pair[0]]


def judged() -> Solver:
    """A model decides which free texts say the same, all of a clip in one question."""

    async def ask(asker: Asker, sample: Sample, ready: Any) -> Any:
        fields: Sequence[Compared] = sample.input
        open_ = [i for i, one in enumerate(fields) if one.right is None]
        if not open_:
            return [one.right for one in fields]
        ballot = Ballot(
            say("same"),
            {f"pair_{i}": Question(say("same_question", number=i), ("yes", "no")) for i in open_},
            [
                (f"Pair {i}, {fields[i].field}", f"1: {fields[i].reference}\n2: {fields[i].said}")
                for i in open_
            ],
        )
        said = await ballot.ask(asker)
        return [
            said[f"pair_{i}"] == "yes" if one.right is None else one.right
            for i, one in enumerate(fields)
        ]

    return Solver(ask=ask)


def by_words(fields: Sequence[Compared]) -> list[bool]:
    """Which fields are right, free texts by their words."""
    return [is_same(one.reference, one.said) if one.right is None else one.right for one in fields]


def field_accuracy() -> Scorer:
    """Right fields, and fields, by row; what is wrong is in the detail."""

    def score(sample: Sample, answer: Any) -> Score:
        fields, (hits, said, known) = sample.target
        told = list(zip(fields, answer, strict=True))
        values: dict[str, float | list[float]] = {}
        everything: list[float] = []
        nothing: list[float] = []
        for name in ROWS:
            right = [bool(verdict) for one, verdict in told if one.field == name]
            empty = [one.empty for one, _ in told if one.field == name]
            pair, left = ([float(sum(some)), float(len(some))] for some in (right, empty))
            everything += pair
            nothing += left
            if right:
                values |= {name: pair, f"{name} empty": left}
        values |= {"all": everything, "all empty": nothing}
        values |= {"instances": [hits, said - hits, known - hits]}
        wrong = [
            {"field": one.field, "reference": one.reference, "said": one.said}
            for one, verdict in told
            if not verdict and not one.empty
        ]
        missing = [{"field": one.field, "reference": one.reference} for one in fields if one.empty]
        return Score(values, {"wrong": wrong, "says nothing": missing})

    return score


def fields_task(captions: Sequence[str], references: Sequence[str], *, judge: bool) -> Task:
    """Captions against reference captions of the same names."""

    def make(said: Caption, reference: Caption) -> tuple[Any, Any]:
        fields = compared(reference, said)
        if not fields:
            raise FormatError("its reference has none of the table's fields")
        hits = len(match(reference.instances, said.instances))
        counts = (hits, len(said.instances), len(reference.instances))
        return fields if judge else by_words(fields), (fields, counts)

    samples, rejected = pair_samples(captions, references, make, read=named_captions)
    return Task(
        name="fields",
        samples=samples,
        solver=judged() if judge else None,
        scorer=field_accuracy(),
        figures=[
            Figure("average", "mean_share", ("all",)),
            Figure("average", "mean_share", ("all empty",), NOTHING_SAID, "less"),
            *(
                one
                for name in ROWS
                for one in (
                    Figure(name, "share", (name,)),
                    Figure(name, "share", (f"{name} empty",), NOTHING_SAID, "less"),
                )
            ),
            Figure("subjects found (F1)", "f1", ("instances",)),
        ],
        rejected=rejected,
        options={"texts": "judge" if judge else "words"},
        prompts=version("same", "same_question") if judge else "",
        notes=[NOTE, *([] if judge else [EQUIVALENCE]), *_bare(samples)],
    )


def _bare(samples: Sequence[Sample]) -> list[str]:
    """A warning of captions that have no field at all, as those in plain text."""
    names = [one.id for one in samples if all(field.empty for field in one.target[0])]
    if not names:
        return []
    shown = ", ".join(names[:5]) + (", …" if names[5:] else "")
    return [
        f"Warning: {len(names)} of {len(samples)} captions have none of these fields ({shown}). "
        "Plain text has none: it counts as wrong throughout, whatever it says. Compare it by `eval "
        "events` or `eval judge`."
    ]
