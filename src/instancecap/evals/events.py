"""Events told and events that happen: AutoDQ (arXiv 2407.00634), on DREAM-1K's files or captions.

A model lists the events of a caption, then decides which of them the reference entails (precision)
and which of the reference's events the caption entails (recall).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from instancecap.evals.asking import Asker
from instancecap.evals.ballot import Ballot, Question, say, version
from instancecap.evals.pairing import Named, named_captions, named_rows, pair_samples
from instancecap.evals.task import Figure, Method, Sample, Score, Scorer, Solver, Task
from instancecap.io.finder import Rejected
from instancecap.schema.caption import Caption

MOST_EVENTS = 10
RELATIONS = ("entailment", "neutral", "contradiction")

NOTES = {
    "correct": "A caption without any event has no precision; its recall counts.",
    "as-published": "A caption without any event has a precision of 1, as in the published code.",
}


class Events(BaseModel):
    """What a model answers."""

    events: list[str]


class Reference(BaseModel):
    """What happens in a clip.

    Attributes:
        source: the part of the benchmark; precision and recall are averaged over parts.
        events: none where they are to be listed by the model.
    """

    text: str
    events: list[str] = []
    source: str = ""


def named_references(paths: Sequence[str]) -> Named[Reference]:
    """Captions of any format, or rows of DREAM-1K: ``vid`` or ``video_file``, text, events."""
    found: dict[str, Reference] = {}
    rejected: list[Rejected] = []
    others = []
    for path in paths:
        rows = named_rows(path, keys=("vid", "video_file", "idx")) if path.endswith(
            ".jsonl") else None  # fmt: skip
        if rows is None or not any(map(_reference, (one[0] for one in rows.found.values()))):
            others.append(path)
            continue
        rejected += rows.rejected
        for name, some in rows.found.items():
            reference = _reference(some[0])
            if reference is None:
                rejected.append(Rejected(f"{path}: {name}", "no description"))
            elif len(some) > 1 or name in found:
                rejected.append(Rejected(f"{path}: {name}", "a second row of this name"))
            else:
                found[name.rpartition("/")[2]] = reference
    captions = named_captions(others)
    for name, caption in captions.found.items():
        found[name] = Reference(text=description(caption))
    return Named(found, rejected + captions.rejected)


def _reference(row: dict[str, Any]) -> Reference | None:
    """A row of the annotations as they are published, in either of their forms."""
    text, extra = row.get("text"), row.get("extra_info")
    told = row.get("description") or (text.get("response") if isinstance(text, dict) else text)
    events = row.get("events") or (extra.get("events") if isinstance(extra, dict) else None) or []
    source = row.get("dataset") or row.get("source") or ""
    if not isinstance(told, str) or not told.strip():
        return None
    return Reference(text=told, events=list(map(str, events)), source=str(source))


def description(caption: Caption) -> str:
    """What a caption tells of events: its summary, what its instances do, and its parts in time."""
    acts = [f"{one.name or one.class_}: {one.action}" for one in caption.instances if one.action]
    parts = [one.description for one in caption.segments]
    lines = [caption.global_description, *acts, *parts]
    return "\n".join(line for line in lines if line.strip())


def autodq() -> Solver:
    """Three questions a clip: the caption's events, and both directions of entailment."""

    async def ask(asker: Asker, sample: Sample, ready: Any) -> Any:
        said, reference = sample.input
        true = reference["events"] or await _listed(asker, reference["text"])
        told = await _listed(asker, said)
        return {
            "said": await _entailed(asker, told, reference["text"]),
            "true": await _entailed(asker, true, said),
        }

    return Solver(ask=ask)


async def _listed(asker: Asker, text: str) -> list[str]:
    """The events of a text; of an empty one none, without a question."""
    if not text.strip():
        return []
    question = f"{say('extract', most=MOST_EVENTS)}\n\n<<<\n{_plain(text)}\n>>>"
    asked = await asker(Events, question)
    events = (" ".join(one.split()) for one in asked.events)
    return list(dict.fromkeys(one for one in events if one))[:MOST_EVENTS]


async def _entailed(asker: Asker, events: Sequence[str], text: str) -> list[tuple[str, str]]:
    """Each event, and what a text says of it."""
    if not events:
        return []
    if not text.strip():
        return [(one, "neutral") for one in events]
    questions = {
        f"event_{number}": Question(say("entail_question", event=one), RELATIONS)
        for number, one in enumerate(events, 1)
    }
    ballot = Ballot(say("entail"), questions, [("Description", text)])
    said = await ballot.ask(asker)
    return list(zip(events, said.values(), strict=True))


def _plain(text: str) -> str:
    return text.replace("<<<", "«").replace(">>>", "»")


def entailment(method: Method, sources: Sequence[str]) -> Scorer:
    """Share of events that are entailed: of those told, and of those that happen."""

    def score(sample: Sample, answer: Any) -> Score:
        values: dict[str, float | list[float]] = {"source": float(sources.index(sample.target))}
        for name, events in (("precision", answer["said"]), ("recall", answer["true"])):
            entailed = [relation == "entailment" for _, relation in events]
            if entailed:
                values[name] = [sum(entailed) / len(entailed), 1.0]
            else:
                counts = float(method == "as-published")
                values[name] = [counts, counts]
        values["contradicted"] = float(
            sum(relation == "contradiction" for _, relation in answer["said"])
        )
        return Score(values, {"told": answer["said"], "happens": answer["true"]})

    return score


def events_task(
    captions: Sequence[str], references: Sequence[str], *, method: Method = "correct"
) -> Task:
    """Captions against what happens in their clips."""

    def make(said: Caption, reference: Reference) -> tuple[Any, Any]:
        given = reference.model_dump(include={"text", "events"})
        return (description(said), given), reference.source

    samples, rejected = pair_samples(captions, references, make, read=named_references)
    sources = sorted({one.target for one in samples})
    figures = [
        Figure("precision", "share_of_groups", ("precision", "source")),
        Figure("recall", "share_of_groups", ("recall", "source")),
        Figure("F1", "f1_of_groups", ("precision", "recall", "source")),
        Figure("contradicted events a caption", "mean", ("contradicted",), better="less"),
    ]
    return Task(
        name="events",
        samples=samples,
        solver=autodq(),
        scorer=entailment(method, sources),
        figures=figures,
        rejected=rejected,
        method=method,
        options={"sources": sources, "most events": MOST_EVENTS},
        prompts=version("extract", "entail", "entail_question"),
        notes=[
            "Precision and recall are averaged over sources, then F1 is taken of them.",
            NOTES[method],
        ],
    )
