"""Captions judged by rubrics: 1 to 5, or one text against another.

The rubrics for instance detail and hallucination follow InstanceCap (arXiv 2412.09283), in our own
words. Every captioner's captions are shown as one paragraph of plain text, without its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instancecap.errors import FormatError, InputError, UsageError
from instancecap.evals.agreement import NOT_RATED
from instancecap.evals.ballot import Question, say, version
from instancecap.evals.frames import SIDE, count_frames, evenly, shown_frames
from instancecap.evals.judging import CHOICES, Judged, Scores, by_model, with_scores, write_page
from instancecap.evals.pairing import Named, named_captions, pair, video_of
from instancecap.evals.task import Figure, Sample, Score, Scorer, Task
from instancecap.io.finder import Rejected, reason_of
from instancecap.schema.caption import Caption
from instancecap.video.clip import Clip

SCALE = ("1", "2", "3", "4", "5")
RUBRICS = ("detail", "hallucination", "who_is_who")
PREFER = "prefer"

NUMBERS = {**{one: float(one) for one in SCALE}, **dict(zip(CHOICES, (1.0, 0.0, 0.5), strict=True))}
"""Answers as numbers: scores, or how much the first of two is preferred."""

SIDE_ON_A_PAGE = 320
"""Pixels of the longer side of what people are shown."""


@dataclass(frozen=True, kw_only=True)
class JudgeOptions:
    """How captions are judged.

    Attributes:
        rubric: names of rubrics with commas between them; empty for all that apply.
        repeats: times that a model is asked about each, with other seeds.
        frames: of a video that are shown.
        video_root: folder that videos are in; None for where the captions say.
    """

    rubric: str = ""
    repeats: int = 1
    frames: int = 16
    video_root: str | None = None

    @property
    def rubrics(self) -> tuple[str, ...]:
        """The chosen ones. Raises :class:`UsageError` for one that there is not."""
        known = (*RUBRICS, PREFER)
        chosen = tuple(one.strip() for one in self.rubric.split(",") if one.strip()) or known
        for one in chosen:
            if one not in known:
                raise UsageError(f"--rubric {one}: allowed are {', '.join(known)}")
        return chosen


@dataclass(frozen=True, slots=True)
class Pictures:
    """The frames of a sample's video, evenly over its time."""

    count: int
    side: int = SIDE

    def __call__(self, sample: Sample) -> Any:
        """Raises :class:`InputError` where they cannot be read."""
        clip = Clip.open(sample.video)
        total = count_frames(clip)
        places = sorted(set(evenly(total, min(self.count, total))))
        return shown_frames(clip, places, side=self.side)


def named_samples(
    captions: Mapping[str, str], options: JudgeOptions, *, watched: bool = True
) -> tuple[list[Sample], list[Rejected]]:
    """What is judged: each caption, and each beside that of the first captioner.

    ``watched``: the videos are needed; where answers are only counted, one may be elsewhere.
    """
    captioners = {name: named_captions([path]) for name, path in captions.items()}

    def locate(caption: Caption, source: str) -> str:
        try:
            return video_of(caption, source, options.video_root)
        except InputError:
            if watched:
                raise
            return ""

    return samples_of(captioners, options, locate=locate)


def samples_of(
    captioners: Mapping[str, Named[Caption]],
    options: JudgeOptions,
    *,
    locate: Callable[[Caption, str], str],
) -> tuple[list[Sample], list[Rejected]]:
    """As :func:`named_samples`, of captions that were read already.

    ``locate`` gives the video of a caption out of a file; raises :class:`InputError` for none.
    """
    first, *others = captioners
    rejected = [*captioners[first].rejected]
    texts = {name: {first: plain(one)} for name, one in captioners[first].found.items()}
    for other in others:
        pairs = pair(
            captioners[first],
            captioners[other],
            kinds=(f"caption by {first}", f"caption by {other}"),
        )
        rejected += [one for one in pairs.rejected if one not in rejected]
        texts = {
            name: {**some, other: plain(pairs.found[name][1])}
            for name, some in texts.items()
            if name in pairs.found
        }
    samples: list[Sample] = []
    for name, some in texts.items():
        caption, source = captioners[first].found[name], captioners[first].sources[name]
        try:
            video = locate(caption, source)
        except InputError as error:
            rejected.append(Rejected(name, reason_of(error, name)))
            continue
        samples += [
            Sample(f"{name}/{what}", shown, clip=name, video=video)
            for what, shown in _questions(some, options)
        ]
    return samples, rejected


def _questions(texts: Mapping[str, str], options: JudgeOptions) -> Iterator[tuple[str, Judged]]:
    """What is asked about the texts of one clip, with a name for each."""
    rated = {one: Question(say(one), SCALE) for one in options.rubrics if one in RUBRICS}
    first, *others = texts.items()
    for one in (first, *others) if rated else ():
        yield one[0], Judged("judge", (one,), rated)
    for one in others if PREFER in options.rubrics else ():
        asked = {PREFER: Question(say(PREFER), CHOICES)}
        yield f"{first[0]} or {one[0]}", Judged("judge", (first, one), asked)


def names_of(captioners: Sequence[str]) -> dict[str, str]:
    """A name for each captioner: its folder's or file's, or the whole path where two share it.

    Raises :class:`UsageError` where one is named twice.
    """
    names = [Path(one).name or one for one in captioners]
    if len(set(captioners)) < len(captioners):
        raise UsageError("eval judge: a captioner is named twice")
    return {
        name if names.count(name) == 1 else one.strip("/").replace("/", "-"): one
        for name, one in zip(names, captioners, strict=True)
    }


def plain(caption: Caption) -> str:
    """Any caption as the same kind of text; that it says nothing is said."""
    try:
        return str(caption.to("text"))
    except FormatError:
        return "(nothing)"


def write_judge_page(
    captions: Mapping[str, str], options: JudgeOptions, folder: Path, *, seed: int
) -> list[Rejected]:
    """The page for people; returns what is not on it. Raises :class:`UsageError`."""
    samples, rejected = named_samples(captions, options)
    show = Pictures(options.frames, SIDE_ON_A_PAGE)
    title = "Captions to judge"
    return rejected + write_page(folder, samples, title=title, show=show, seed=seed)


def ratings(captioners: Sequence[str]) -> Scorer:
    """Mean ratings by rubric and captioner, what differences are made of, and all ratings."""
    first, *others = captioners

    def score(sample: Sample, answer: Any) -> Score:
        judged: Judged = sample.target or sample.input
        name = " over ".join(key for key, _ in judged.texts)
        values: dict[str, float | list[float]] = {}
        for rubric, options in answer.items():
            numbers = [NUMBERS.get(one, NOT_RATED) for one in options]
            given = [one for one in numbers if one >= 0]
            rating = values[f"{rubric} {name}"] = sum(given) / len(given)
            values[f"{rubric} ratings"] = numbers
            for other in others if name == first else {name} & {*others}:
                pair = [rating, 1.0, 0.0, 0.0] if name == first else [0.0, 0.0, rating, 1.0]
                values[f"{rubric} {first} - {other}"] = pair
        detail = {"texts": dict(judged.texts), "ratings": answer}
        return Score(values, detail | ({"remarks": list(judged.remarks)} if judged.remarks else {}))

    return score


def judge_task(
    captions: Mapping[str, str],
    options: JudgeOptions,
    *,
    scores: Sequence[Scores] | None = None,
    seed: int = 0,
) -> Task:
    """Captions of one or several captioners, by the names that they are called.

    ``scores``: people's; None for a model to be asked.
    """
    samples, rejected = named_samples(captions, options, watched=scores is None)
    models: dict[str, str] = {}
    notes = ["Of a hallucination score, 5 is none. Preferred: 1 always, 0.5 as often as not."]
    if scores is not None:
        samples, left, more = with_scores(samples, scores, seed=seed)
        rejected, notes = rejected + left, more + notes
        models = {f"rater {i}": one.rater for i, one in enumerate(scores, 1)}
    raters = options.repeats if scores is None else len(scores)
    return Task(
        name="judge",
        samples=samples,
        solver=by_model(Pictures(options.frames), seed=seed, repeats=options.repeats)
        if scores is None
        else None,
        scorer=ratings([*captions]),
        figures=list(_figures([*captions], options, raters)),
        rejected=rejected,
        models=models,
        options={"rubrics": list(options.rubrics), "repeats": options.repeats,
                 "frames": options.frames},
        prompts=version("guard", "judge", *options.rubrics),
        notes=notes,
    )  # fmt: skip


def _figures(captioners: Sequence[str], options: JudgeOptions, raters: int) -> Iterator[Figure]:
    first, *others = captioners
    rubrics = [one for one in options.rubrics if one in RUBRICS]
    for rubric in rubrics:
        for name in captioners:
            yield Figure(rubric, "mean", (f"{rubric} {name}",), name)
        for name in others:
            column = f"{first} - {name}"
            yield Figure(rubric, "mean_difference", (f"{rubric} {column}",), column, "")
    compared = others if PREFER in options.rubrics else []
    for name in compared:
        part = f"{PREFER} {first} over {name}"
        yield Figure(f"{first} preferred to {name}", "mean", (part,), first, "")
    for rubric in [*rubrics, *([PREFER] if compared else [])] if raters > 1 else []:
        yield Figure(rubric, "krippendorff", (f"{rubric} ratings",), "alpha", "")
        if raters == 2:
            yield Figure(rubric, "kappa", (f"{rubric} ratings",), "kappa", "")
