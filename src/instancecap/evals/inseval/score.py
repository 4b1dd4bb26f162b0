"""Videos of a generator scored against the prompts that they were generated from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from instancecap.errors import InputError
from instancecap.evals.asking import Asker
from instancecap.evals.frames import count_frames, evenly, shown_frames
from instancecap.evals.inseval.chain import FRAMES, ask_chain, questions_of, wordings
from instancecap.evals.inseval.ground import disagreements, ground
from instancecap.evals.inseval.suite import DIMENSIONS, SUBSETS, Prompt, read_prompts
from instancecap.evals.pairing import Named, named_videos, pair
from instancecap.evals.task import Figure, Method, Sample, Score, Scorer, Solver, Task, digest
from instancecap.evidence.build import measure
from instancecap.io.finder import reason_of
from instancecap.mllm.base import Image
from instancecap.video.clip import Clip

NOTES = {
    "correct": (
        "A video passes where the model finds every instance and says that it matches. Videos "
        "that are missing or cannot be read count in no figure.",
        "Agreement: of what was measured for sure of presence, number, color and motion, the share "
        "that the model's answers agree with.",
    ),
    "as-published": (
        "As the published code computes: videos of the single subset belong to the prompts in "
        "the order of their names, answers are searched for YES, and missing or unreadable "
        "videos count as failed.",
    ),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a video shows: its frames, and what the evidence has on the prompt.

    Attributes:
        problem: why it cannot be read; then there is nothing else.
    """

    frames: tuple[Image, ...] = ()
    grounded: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


def inseval(videos: Sequence[str], prompts: str, *, method: Method = "correct") -> Task:
    """The task of scoring videos.

    Args:
        videos: the folder with ``single/action/0000.mp4`` and so on; or videos with these names.
        prompts: a ``.jsonl`` as ``inseval prompts`` writes it, or the published folder.

    Raises:
        UsageError: no prompts can be read there.
    """
    named = read_prompts(prompts)
    files = named_videos(videos)
    by_id = {prompt.video: prompt for prompt in named.found.values()}
    pairs = pair(Named(by_id, named.rejected), files, kinds=("prompt", "video"))
    matched = {prompt.id: path for prompt, path in pairs.found.values()}
    rejected = list(pairs.rejected)
    if method == "as-published":
        matched = _by_position(by_id, files.found)
        rejected = named.rejected
    samples = [
        Sample(id=one.id, input=one, target=one, video=matched.get(one.id, ""))
        for one in named.found.values()
        if one.id in matched or method == "as-published"
    ]
    return Task(
        name="inseval",
        samples=samples,
        solver=Solver(
            partial(show, method=method),
            partial(ask_about, method=method),
            measures=method == "correct",
        ),
        scorer=passes(method),
        figures=figures([one.input for one in samples], method),
        rejected=rejected,
        method=method,
        options={"frames": FRAMES},
        prompts=digest(wordings()[method]),
        notes=(f"{len(matched)} of {len(named.found)} prompts have a video.", *NOTES[method]),
    )


def _by_position(prompts: dict[str, Prompt], files: dict[str, str]) -> dict[str, str]:
    """The video of each prompt as the published code finds it: one missing shifts the others."""
    found = {one.id: files[name] for name, one in prompts.items() if name in files}
    for dimension in DIMENSIONS:
        cell = f"single/{dimension}/"
        ids = [one.id for one in prompts.values() if one.id.startswith(cell)]
        paths = [path for name, path in sorted(files.items()) if name.startswith(cell)]
        found = {id: path for id, path in found.items() if id not in ids}
        found |= dict(zip(ids, paths, strict=False))
    return found


def show(sample: Sample, method: Method) -> Shown:
    """What a sample's video shows."""
    clip = Clip(path=sample.video, id=sample.id)
    if method == "correct":
        evidence = measure(clip, threads=1)
        count, grounded = evidence.video.frames_read, ground(sample.input, evidence)
        return Shown(shown_frames(clip, evenly(count, FRAMES)), grounded)
    if not sample.video:
        return Shown(problem="no video")
    try:
        return Shown(shown_frames(clip, evenly(count_frames(clip), FRAMES)))
    except InputError as error:
        return Shown(problem=reason_of(error, sample.video))


async def ask_about(asker: Asker, sample: Sample, shown: Shown, method: Method) -> dict[str, Any]:
    """The answers of the chain, what was measured, and why there is neither, if so."""
    answers: dict[str, Any] = {"description": "", "instances": []}
    if not shown.problem:
        answers = await ask_chain(asker, sample.input, shown.frames, method=method)
    return {**answers, "grounded": shown.grounded, "problem": shown.problem}


def passes(method: Method) -> Scorer:
    """Whether every instance is there and matches; and how far the evidence agrees."""

    def score(sample: Sample, answer: Any) -> Score:
        prompt: Prompt = sample.target
        instances, grounded = answer["instances"], answer["grounded"]
        passed = bool(instances) and all(one["matches"] for one in instances)
        apart = disagreements(grounded, instances) if instances else []
        # What is disputed is listed, but the measurement is not sure enough to judge the model by.
        sure, wrong = ([one for one in rows if one["support"] != "disputed"]
                       for rows in (grounded, apart))  # fmt: skip
        values: dict[str, float | list[float]] = {
            "pass": float(passed),
            f"{prompt.subset} {prompt.dimension}": float(passed),
            f"{prompt.subset} place": [float(passed), float(DIMENSIONS.index(prompt.dimension))],
            "agreeing": float(len(sure) - len(wrong)),
            "measured": float(len(sure)),
        }
        detail: dict[str, Any] = {"prompt": prompt.text, "passes": "yes" if passed else "no"}
        if answer["problem"]:
            detail["problem"] = answer["problem"]
        if instances:
            detail["questions"] = dict(_answered(prompt, answer, method))
        for name, rows in (("evidence", grounded), ("disagreements", apart)):
            if rows:
                detail[name] = {one["claim"]: _measured(one) for one in rows}
        return Score(values, detail)

    return score


def _answered(prompt: Prompt, answer: Any, method: Method) -> Iterator[tuple[str, str]]:
    """Questions and their answers, as far as they were asked."""
    describe, *rest = questions_of(prompt, method=method)
    yield describe.text, answer["description"]
    for place, one in enumerate(answer["instances"]):
        present, asked, match = (question.text for question in rest[3 * place : 3 * place + 3])
        if one["present"] is not None:
            yield present, _word(one["present"])
        if one["present"]:
            yield asked, one["said"]
            yield match, _word(one["matches"])


def _word(decided: bool) -> str:
    return "YES" if decided else "NO"


def _measured(row: Mapping[str, Any]) -> str:
    """``disputed: there are two cars (0.96, 1.92 s); the model: not asked``."""
    at = f" ({', '.join(f'{t:g}' for t in row['frames'])} s)" if row["frames"] else ""
    model = f"; the model: {row['model']}" if "model" in row else ""
    return f"{row['support']}: {row['measured']}{at}{model}"


def figures(prompts: Sequence[Prompt], method: Method) -> list[Figure]:
    """The paper's table: a line a dimension, a column a subset, and their averages."""
    cells = {(one.subset, one.dimension) for one in prompts}
    found = []
    for dimension in DIMENSIONS:
        for subset in SUBSETS:
            if (subset, dimension) in cells:
                parts = (f"{subset} {dimension}",)
                found.append(Figure(dimension, "mean", parts, subset.capitalize()))
    for subset in SUBSETS:
        if any(one.subset == subset for one in prompts):
            parts = (f"{subset} place",)
            found.append(Figure("average", "mean_of_groups", parts, subset.capitalize()))
    if method == "correct":
        found.append(Figure("agreement with evidence", "share", ("agreeing", "measured")))
    return found
