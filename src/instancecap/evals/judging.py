"""Samples that somebody judges, a model or people: the same texts and questions for both."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal

from markupsafe import Markup
from pydantic import Field

from instancecap.errors import InputError, UsageError
from instancecap.evals.asking import Asker
from instancecap.evals.ballot import Ballot, Question, say
from instancecap.evals.report import environment
from instancecap.evals.task import Sample, Solver, digest
from instancecap.io.atomic import require_writable, write_whole
from instancecap.io.finder import Rejected, reason_of
from instancecap.mllm.base import Image
from instancecap.schema.base import Document

PAGE = "judge.html"
CHOICES = ("the first", "the second", "equal")
"""Answers about two texts; kept with the texts in the order of the sample, as they were shown or
not."""

WARM = 0.7
"""Temperature of repeated questions: without any they would be one question."""

MOST_NAMED = 20
"""Clips without an answer that a note names."""

Show = Callable[[Sample], Sequence[Image]]
"""Gives the frames of a sample's video. Raises :class:`InputError`."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What is judged: the input of a sample; its answer has a list of options a question, one of
    each rater, ``""`` for none.

    Attributes:
        head: what it is about, by its name among the texts that are asked.
        texts: one, or two that are shown in an order drawn by lot; with whose they are.
        about: what else the frames show, for :data:`Show`.
        remarks: what raters wrote beside their answers.
    """

    head: str
    texts: tuple[tuple[str, str], ...]
    questions: Mapping[str, Question]
    about: Any = None
    remarks: tuple[str, ...] = ()

    def ballot(self, *, swapped: bool) -> Ballot:
        """As it is shown, without anybody's name."""
        texts = self.texts[::-1] if swapped else self.texts
        names = ("The first text", "The second text") if texts[1:] else ("Text",)
        pairs = [(name, text) for name, (_, text) in zip(names, texts, strict=False)]
        return Ballot(say(self.head), self.questions, pairs)


def is_swapped(sample: Sample, *, seed: int, repeat: int = 0) -> bool:
    """Whether the second of two texts is shown first: drawn by lot."""
    two = len(sample.input.texts) > 1
    return two and random.Random(f"{seed} {repeat} {sample.id}").random() < 0.5


def in_order(option: str, *, swapped: bool) -> str:
    """An answer about two texts as if they had been shown in the sample's order, or back."""
    if swapped and option in CHOICES[:2]:
        return CHOICES[1 - CHOICES.index(option)]
    return option


# A model ------------------------------------------------------------------------------------------


def by_model(show: Show, *, seed: int, repeats: int = 1) -> Solver:
    """A model is asked all questions about a sample at once, with other seeds if several times."""

    async def ask(asker: Asker, sample: Sample, pictures: Any) -> Any:
        given: dict[str, list[str]] = {name: [] for name in sample.input.questions}
        for repeat in range(repeats):
            swapped = is_swapped(sample, seed=seed, repeat=repeat)
            ballot = sample.input.ballot(swapped=swapped)
            # People need not be told so.
            guarded = replace(ballot, head=f"{ballot.head}\n\n{say('guard')}")
            answers = await guarded.ask(
                asker, pictures=pictures, seed=repeat, warm=WARM if repeats > 1 else 0.0
            )
            for name, option in answers.items():
                given[name].append(in_order(option, swapped=swapped))
        return given

    return Solver(compute=show, ask=ask)


# People -------------------------------------------------------------------------------------------


class Scores(Document):
    """What one person answered: the file that the page gives back."""

    kind: ClassVar[str] = "file of scores"

    schema_: Literal["instancecap.scores/1"] = Field(default="instancecap.scores/1", alias="schema")
    rater: str = ""
    scores: dict[str, dict[str, str]]
    remarks: dict[str, str] = {}


def key_of(sample: Sample, *, seed: int) -> str:
    """A name that tells a rater nothing, and that changes with what is judged."""
    return digest([seed, sample.id, sample.input])[:12]


def shuffled(samples: Sequence[Sample], *, seed: int) -> list[Sample]:
    """In the order of the page, which is drawn by lot."""
    return random.Random(seed).sample(samples, len(samples))


def write_page(
    folder: Path, samples: Sequence[Sample], *, title: str, show: Show, seed: int
) -> list[Rejected]:
    """One HTML file, :data:`PAGE`, that asks nothing of any network, and collects scores.

    Returns samples whose frames cannot be read; they are not on the page.
    """
    require_writable(folder)
    videos: dict[str, list[tuple[float | None, str]]] = {}
    items: list[Mapping[str, Any]] = []
    rejected = []
    for one in shuffled(samples, seed=seed):
        try:
            if one.video not in videos:
                videos[one.video] = [(frame.t, _url(frame)) for frame in show(one)]
        except InputError as error:
            rejected.append(Rejected(one.id, reason_of(error, one.video)))
            continue
        ballot = one.input.ballot(swapped=is_swapped(one, seed=seed))
        place = list(videos).index(one.video)
        items.append({"key": key_of(one, seed=seed), "ballot": ballot, "video": place})
    script = Markup(files("instancecap.evals").joinpath("people.js").read_text(encoding="utf-8"))
    page = environment().get_template("people.html").render(
        title=title,
        items=items,
        heads=list(dict.fromkeys(one["ballot"].head for one in items)),
        videos=list(videos.values()),
        page=digest([one["key"] for one in items]),
        script=script,
        script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
    )  # fmt: skip
    write_whole(folder / PAGE, page)
    return rejected


def _url(frame: Image) -> str:
    return "data:image/jpeg;base64," + b64encode(frame.jpeg).decode("ascii")


def with_scores(
    samples: Sequence[Sample], scores: Sequence[Scores], *, seed: int
) -> tuple[list[Sample], list[Rejected], list[str]]:
    """The samples with people's answers as theirs; their targets are what was judged.

    A rater counts on a sample where every question has an allowed answer; the rest is named. Notes
    say what else has no answer, and how many answers are to texts that have changed since.

    Raises :class:`UsageError` where no answer in a file of scores is to what is judged.
    """
    keys = {key_of(one, seed=seed): one for one in samples}
    notes = [note for some in scores if (note := _strangers(some, keys))]
    found, rejected, unjudged = [], [], []
    for key, one in keys.items():
        questions, swapped = one.input.questions, is_swapped(one, seed=seed)
        answers: list[dict[str, str]] = []
        for some in scores:
            given = some.scores.get(key, {})
            bad = [
                n for n, asked in one.input.questions.items() if given.get(n) not in asked.options
            ]
            if given and bad:
                why = f"{len(bad)} of {len(questions)} questions without an answer"
                rejected.append(Rejected(one.id, f"{why} of {some.rater or 'a rater'}"))
            answers.append({} if bad else given)
        if not any(answers):
            unjudged.append(one.id)
            continue
        columns = {
            name: [in_order(given.get(name, ""), swapped=swapped) for given in answers]
            for name in questions
        }
        told = tuple(some.remarks[key] for some in scores if some.remarks.get(key))
        judged = replace(one.input, remarks=told)
        found.append(Sample(one.id, columns, judged, clip=one.clip, video=one.video))
    if not found:
        rejected += [Rejected(one, "nobody judged it") for one in unjudged]
    elif unjudged:
        named = ", ".join(unjudged[:MOST_NAMED]) + (", …" if unjudged[MOST_NAMED:] else "")
        notes.append(f"{len(unjudged)} have no answer to the texts of now: {named}")
    return found, rejected, notes


def _strangers(some: Scores, keys: Mapping[str, Sample]) -> str:
    """How many answers are to nothing that is judged now; empty for none."""
    strange = some.scores.keys() - keys.keys()
    if not strange:
        return ""
    count = f"{len(strange)} of {len(some.scores)} answers of {some.rater or 'a rater'}"
    if len(strange) == len(some.scores):
        raise UsageError(
            f"{count} are to other questions: use the --seed, options and captions that the page "
            "was made with"
        )
    return f"{count} do not count: those captions have changed since"
