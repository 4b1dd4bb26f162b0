"""Captions judged by rubrics, by a model or by people: 1 to 5, or one text against another.

The rubrics for instance detail and hallucination follow InstanceCap (arXiv 2412.09283), in our own
words. Every captioner's captions are shown as one paragraph of plain text, without its name.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instancecap.errors import FormatError, InputError, UsageError
from instancecap.evals.agreement import NOT_RATED
from instancecap.evals.asking import Asker
from instancecap.evals.ballot import Ballot, Question, say, version
from instancecap.evals.frames import SIDE, count_frames, evenly, shown_frames
from instancecap.evals.pairing import named_captions, pair, video_of
from instancecap.evals.people import Item, Scores, key_of, write_page
from instancecap.evals.task import Figure, Sample, Score, Scorer, Solver, Task
from instancecap.io.atomic import require_writable
from instancecap.io.finder import Rejected, reason_of
from instancecap.schema.caption import Caption
from instancecap.video.clip import Clip

SCALE = ("1", "2", "3", "4", "5")
RUBRICS = ("detail", "hallucination", "who_is_who")
PREFER = "prefer"
CHOICES = ("the first", "the second", "equal")

FRAMES = 16
SIDE_ON_A_PAGE = 320
"""Pixels of the longer side of what people are shown."""

WARM = 0.7
"""Temperature of repeated questions: without any they would be one question."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What one question is about.

    Attributes:
        texts: one to be rated, or two to choose among, by captioner.
        rubrics: that are asked.
    """

    video: str
    texts: tuple[tuple[str, str], ...]
    rubrics: tuple[str, ...]


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
    frames: int = FRAMES
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


def named_samples(
    captions: Mapping[str, str], options: JudgeOptions
) -> tuple[list[Sample], list[Rejected]]:
    """What is judged: each caption, and each beside that of the first captioner."""
    captioners = {name: named_captions([path]) for name, path in captions.items()}
    first, *others = captioners
    shared, rejected = dict.fromkeys(captioners[first].found), [*captioners[first].rejected]
    texts: dict[str, dict[str, Caption]] = {
        name: {first: one} for name, one in captioners[first].found.items()
    }
    for other in others:
        pairs = pair(captioners[first], captioners[other], kinds=(first, other))
        rejected += [one for one in pairs.rejected if one not in rejected]
        for name in list(shared):
            if name in pairs.found:
                texts[name][other] = pairs.found[name][1]
            else:
                del shared[name]
    rated = tuple(one for one in options.rubrics if one in RUBRICS)
    samples = []
    for name in shared:
        try:
            source = captioners[first].sources.get(name, "")
            video = video_of(texts[name][first], source, options.video_root)
        except InputError as error:
            rejected.append(Rejected(name, reason_of(error, name)))
            continue
        told = {key: plain(one) for key, one in texts[name].items()}
        for key in told if rated else ():
            shown = Shown(video, ((key, told[key]),), rated)
            samples.append(Sample(f"{name}/{key}", shown, clip=name, video=video))
        for key in others if PREFER in options.rubrics else ():
            shown = Shown(video, ((first, told[first]), (key, told[key])), (PREFER,))
            samples.append(Sample(f"{name}/{first} or {key}", shown, clip=name, video=video))
    return samples, rejected


def plain(caption: Caption) -> str:
    """Any caption as the same kind of text; that it says nothing is said."""
    try:
        return str(caption.to("text"))
    except FormatError:
        return "(nothing)"


def is_swapped(sample: Sample, *, seed: int, repeat: int = 0) -> bool:
    """Whether the second of two texts is shown first: drawn by lot."""
    return random.Random(f"{seed} {repeat} {sample.id}").random() < 0.5


def ballot(sample: Sample, *, swapped: bool, head: str = "pictures") -> Ballot:
    """The questions about a sample."""
    shown: Shown = sample.input
    if len(shown.texts) == 1:
        questions = {one: Question(say(one), SCALE) for one in shown.rubrics}
        return Ballot(say(head), questions, [("Text", shown.texts[0][1])])
    order = shown.texts[::-1] if swapped else shown.texts
    names = ("The first text", "The second text")
    texts = [(name, text) for name, (_, text) in zip(names, order, strict=True)]
    return Ballot(say(head), {PREFER: Question(say(PREFER), CHOICES)}, texts)


def number_of(rubric: str, option: str, *, swapped: bool) -> float:
    """An answer as a number: a score; or 1 for the first captioner, 0 for the second, 0.5."""
    if rubric != PREFER:
        return float(option)
    if option == CHOICES[2]:
        return 0.5
    return float((option == CHOICES[0]) != swapped)


def by_model(options: JudgeOptions, *, seed: int) -> Solver:
    """A model is asked, once or several times."""

    async def ask(asker: Asker, sample: Sample, pictures: Any) -> Any:
        ratings: dict[str, list[float]] = {one: [] for one in sample.input.rubrics}
        for repeat in range(options.repeats):
            swapped = is_swapped(sample, seed=seed, repeat=repeat)
            answers = await ballot(sample, swapped=swapped).ask(
                asker, pictures=pictures, seed=repeat, warm=WARM if options.repeats > 1 else 0.0
            )
            for name, option in answers.items():
                ratings[name].append(number_of(name, option, swapped=swapped))
        return ratings

    return Solver(compute=Pictures(options.frames), ask=ask)


@dataclass(frozen=True, slots=True)
class Pictures:
    """The frames of a sample's video, evenly over its time, as a model is shown them."""

    count: int
    side: int = SIDE

    def __call__(self, sample: Sample) -> Any:
        """Raises :class:`InputError` where they cannot be read."""
        clip = Clip.open(sample.video)
        total = count_frames(clip)
        places = sorted(set(evenly(total, min(self.count, total))))
        return shown_frames(clip, places, side=self.side)


def items(samples: Iterable[Sample], *, seed: int) -> list[Item]:
    """What people are shown, in an order that is drawn by lot."""
    found = [
        Item.of(one, ballot(one, swapped=is_swapped(one, seed=seed), head="people"), seed=seed)
        for one in samples
    ]
    random.Random(seed).shuffle(found)
    return found


def write_judge_page(
    captions: Mapping[str, str], options: JudgeOptions, folder: Path, *, seed: int
) -> list[Rejected]:
    """The page for people; returns what is not on it. Raises :class:`UsageError`."""
    require_writable(folder)
    samples, rejected = named_samples(captions, options)
    found = items(samples, seed=seed)
    shown = Pictures(options.frames, SIDE_ON_A_PAGE)
    return rejected + write_page(folder, found, title="Captions to judge", pictures=shown)


def with_scores(
    samples: Sequence[Sample], scores: Sequence[Scores], *, seed: int
) -> tuple[list[Sample], list[Rejected]]:
    """The samples with people's ratings as their answers, and those that nobody rated.

    Raises :class:`UsageError` where a file of scores is of another page.
    """
    for some in scores:
        known = {key_of(one, seed=seed) for one in samples}
        if strange := some.scores.keys() - known:
            raise UsageError(
                f"--scores: {len(strange)} of {len(some.scores)} answers of "
                f"{some.rater or 'a rater'} are to other questions: use the --seed, options and "
                "the captions that the page was made with"
            )
    found, rejected = [], []
    for one in samples:
        swapped = is_swapped(one, seed=seed)
        ratings = {
            rubric: [
                number_of(rubric, option, swapped=swapped) if option else NOT_RATED
                for option in (some.of(one, rubric, seed=seed) for some in scores)
            ]
            for rubric in one.input.rubrics
        }
        if any(max(some) >= 0 for some in ratings.values()):
            found.append(Sample(one.id, ratings, one.input, clip=one.clip, video=one.video))
        else:
            rejected.append(Rejected(one.id, "nobody rated it"))
    return found, rejected


def ratings() -> Scorer:
    """Mean ratings by rubric and captioner, and all of them, for their agreement."""

    def score(sample: Sample, answer: Any) -> Score:
        shown: Shown = sample.target or sample.input
        values: dict[str, float | list[float]] = {}
        for rubric, some in answer.items():
            given = [one for one in some if one >= 0]
            if given:
                name = " over ".join(key for key, _ in shown.texts)
                values[f"{rubric} {name}"] = sum(given) / len(given)
            values[f"{rubric} ratings"] = some
        return Score(values, {"texts": dict(shown.texts), "ratings": answer})

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
    samples, rejected = named_samples(captions, options)
    if scores is not None:
        samples, unrated = with_scores(samples, scores, seed=seed)
        rejected += unrated
    first, *others = captions
    rubrics = [one for one in options.rubrics if one in RUBRICS]
    figures = [
        Figure(rubric, "mean", (f"{rubric} {name}",), name)
        for rubric in rubrics
        for name in captions
    ]
    if PREFER in options.rubrics:
        figures += [
            Figure(f"{first} preferred to {name}", "mean", (f"{PREFER} {first} over {name}",),
                   first, "")
            for name in others
        ]  # fmt: skip
    raters = options.repeats if scores is None else len(scores)
    asked = [*rubrics, *([PREFER] if PREFER in options.rubrics and others else [])]
    for rubric in asked if raters > 1 else ():
        parts = (f"{rubric} ratings",)
        figures.append(Figure(rubric, "krippendorff", parts, "alpha", ""))
        if raters == 2:
            figures.append(Figure(rubric, "kappa", parts, "kappa", ""))
    return Task(
        name="judge",
        samples=samples,
        solver=by_model(options, seed=seed) if scores is None else None,
        scorer=ratings(),
        figures=figures,
        rejected=rejected,
        models={} if scores is None else {f"rater {i}": one.rater for i, one in
                                          enumerate(scores, 1)},
        options={"rubrics": list(options.rubrics), "repeats": options.repeats,
                 "frames": options.frames},
        prompts=version("pictures", *options.rubrics),
        notes=["Of a hallucination score, 5 is none. Preferred: 1 always, 0.5 as often as not."],
    )  # fmt: skip
