"""Who is who over time: are the same things called the same, from one part of a clip to the next?

The idea is CapRiCorn-1K's *Ref* (arXiv 2606.21949); what is computed here needs no judge: instances
are matched by tracks and names, and mentions are those of timed parts, by id or by name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from instancecap.errors import FormatError
from instancecap.evals.camera import Counts
from instancecap.evals.fields import match
from instancecap.evals.pairing import named_captions, pair_samples
from instancecap.evals.task import Figure, Sample, Score, Scorer, Task
from instancecap.schema.caption import Caption, Instance, Segment
from instancecap.verify.text import bare_name, head_of

NOTE = (
    "Instances are matched one to one by tracks and names. mentions: the caption names the matched "
    "instance in a part that overlaps the reference's part most; a mention of an instance that the "
    "reference does not mention there is false, one of no known instance too."
)


def mentions(caption: Caption) -> list[tuple[Segment, frozenset[int]]]:
    """Each part, and the ids of the instances that it mentions."""
    names = called(caption.instances)
    return [
        (one, frozenset(one.instances) | _named_in(one.description, names))
        for one in caption.segments
    ]


def called(instances: Sequence[Instance]) -> dict[int, list[str]]:
    """What each instance may be called: its name, and its noun where no other has that."""
    heads = {one.id: head_of(one.name or one.class_) for one in instances}
    found: dict[int, list[str]] = {}
    for one in instances:
        head = heads[one.id]
        alone = head and list(heads.values()).count(head) == 1
        words = [bare_name(one.name), head if alone else "", one.class_.lower() if alone else ""]
        found[one.id] = [word for word in dict.fromkeys(words) if word]
    return found


def _named_in(text: str, names: Mapping[int, Sequence[str]]) -> frozenset[int]:
    """Ids whose names stand in a text as whole words, longer names before shorter ones."""
    left, found = text.lower(), set()
    order = sorted(
        ((name, id) for id, some in names.items() for name in some), key=lambda p: -len(p[0])
    )
    for name, id in order:
        pattern = rf"\b{re.escape(name)}(?:s|es)?\b"
        if re.search(pattern, left):
            found.add(id)
            left = re.sub(pattern, " ", left)
    return frozenset(found)


def overlap(one: Segment, other: Segment) -> float:
    """Seconds that two parts share."""
    return max(0.0, min(one.end, other.end) - max(one.start, other.start))


def over_time() -> Scorer:
    """Mentions of the same instances in the same parts."""

    def score(sample: Sample, answer: Any) -> Score:
        said, reference = answer
        partners = match(reference.instances, said.instances)
        ids = {said.instances[j].id: reference.instances[i].id for i, j in partners.items()}
        counts, rows = Counts(), []
        told = mentions(said)
        for part, true in mentions(reference):
            here = max(told, key=lambda one: overlap(part, one[0]), default=None)
            named = here[1] if here is not None and overlap(part, here[0]) else frozenset()
            found = {ids.get(one, -1 - one) for one in named}  # below 0: of no known instance
            counts += Counts(len(true & found), len(found - true), len(true - found))
            rows.append({"part": part.description, "true": sorted(true), "said": sorted(found)})
        hits = len(partners)
        values: dict[str, float | list[float]] = {
            "mentions": [counts.hits, counts.false, counts.missed],
            "instances": [hits, len(said.instances) - hits, len(reference.instances) - hits],
        }
        return Score(values, {"parts": rows})

    return score


def reference_task(captions: Sequence[str], references: Sequence[str]) -> Task:
    """Captions against reference captions with instances and timed parts."""

    def make(said: Caption, reference: Caption) -> tuple[Any, Any]:
        if not reference.segments or not reference.instances:
            raise FormatError("its reference has no instances, or no timed parts (segments)")
        return (said, reference), None

    samples, rejected = pair_samples(captions, references, make, read=named_captions)
    return Task(
        name="reference",
        samples=samples,
        scorer=over_time(),
        figures=[
            Figure("mentions (F1)", "f1", ("mentions",)),
            Figure("instances (F1)", "f1", ("instances",)),
        ],
        rejected=rejected,
        notes=[NOTE],
    )
