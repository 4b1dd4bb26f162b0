"""Which of several teachers won which field of a user's own captions, and what each cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from instancecap.datasets.captions import read_captions
from instancecap.evals.task import Figure, Sample, Score, Scorer, Task
from instancecap.io.finder import Rejected
from instancecap.schema.caption import Teacher
from instancecap.schema.pointer import instance_of, parse

COSTS = ("calls", "prompt_tokens", "completion_tokens", "seconds")

NOTE = (
    "Rows of fields: of the times that a teacher and another one said different things of a field, "
    "the share that the teacher's answer was kept. Answers are weighed by what the evidence says "
    "of them and by how much the other teachers say the same, so this is no accuracy: teachers "
    "that err alike support each other. Costs are means over the clips of which a teacher was "
    "asked; seconds are waited for its answers."
)


def field_of(pointer: str) -> str:
    """The row of a field: its pointer without the instance's number."""
    steps = parse(pointer)
    return " ".join(("instance", *steps[2:]) if instance_of(pointer) is not None else steps)


def wins_and_costs() -> Scorer:
    """By field and teacher how often it won and how often it could; by teacher what it cost."""

    def score(sample: Sample, answer: Sequence[Teacher]) -> Score:
        values: dict[str, float | list[float]] = {}
        disputed = {pointer for one in answer for pointer in one.lost}
        for one in answer:
            won = Counter(field_of(pointer) for pointer in one.won if pointer in disputed)
            lost = Counter(field_of(pointer) for pointer in one.lost)
            for name in won.keys() | lost.keys():
                values[f"{name} {one.name}"] = [float(won[name]), float(won[name] + lost[name])]
            if won or lost:
                total = [float(won.total()), float(won.total() + lost.total())]
                values[f"all {one.name}"] = total
            if one.calls:
                values |= {f"{unit} {one.name}": float(getattr(one, unit)) for unit in COSTS}
            values[f"missing {one.name}"] = float(bool(one.problem))
        detail = {one.name: one.model_dump(mode="json", exclude={"name"}) for one in answer}
        return Score(values, detail)

    return score


def teachers_task(captions: Sequence[str]) -> Task:
    """Captions that several teachers had a part in; others are named and not counted."""
    samples: list[Sample] = []
    rejected: list[Rejected] = []
    for row in read_captions(captions):
        if row.caption is None:
            rejected.append(Rejected(row.source, row.error))
        elif not row.caption.teachers:
            why = "one model wrote it, or none: caption with --captioner A,B --teachers FILE"
            rejected.append(Rejected(row.source, why))
        else:
            video = row.caption.video
            path = video.path if video is not None else ""
            samples.append(Sample(row.name, row.caption.teachers, video=path))
    told = [one for sample in samples for one in sample.input]
    names = list(dict.fromkeys(one.name for one in told))
    fields = sorted({field_of(pointer) for one in told for pointer in one.lost})
    figures = [
        Figure(row, "share", (f"{row} {name}",), column=name)
        for row in ("all", *fields)
        for name in names
    ]
    figures += [
        Figure(f"{unit.replace('_', ' ')} a clip", "mean", (f"{unit} {name}",), column=name,
               better="less")
        for unit in COSTS
        for name in names
    ]  # fmt: skip
    figures += [
        Figure("answer missing", "mean", (f"missing {name}",), column=name, better="less")
        for name in names
    ]
    return Task(
        name="teachers",
        samples=samples,
        scorer=wins_and_costs(),
        figures=figures,
        rejected=rejected,
        models={one.name: one.model for one in told},
        notes=[NOTE],
    )
