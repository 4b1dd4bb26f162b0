"""Many prompts on the engine: each is a job that has its text with it, and becomes captions."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from instancecap.datasets.captions import read_captions
from instancecap.engine.asking import ALL_INSTANCES, AskingWork
from instancecap.engine.config import RunConfig
from instancecap.engine.work import Documents, fingerprint
from instancecap.enhance import Enhanced, EnhanceOptions, Like, Picture, ask_model, structured
from instancecap.enhance.estimate import Estimate, estimate
from instancecap.enhance.questions import version
from instancecap.errors import FormatError, UsageError
from instancecap.io.finder import Rejected
from instancecap.io.inputs import Job
from instancecap.io.table_writers import open_table
from instancecap.io.tables import TABLE_SUFFIXES, read_rows
from instancecap.mllm.base import Backend, Usage
from instancecap.schema.caption import Caption
from instancecap.video.clip import Clip

if TYPE_CHECKING:
    from instancecap.engine.results import Run

COLUMNS = ("prompt", "text", "caption")
"""Of a table; the first that is there holds the prompts."""


def find_prompts(inputs: Sequence[str]) -> tuple[list[Job], list[Rejected]]:
    """Prompts, and tables of prompts, as jobs with a name each; and rows that hold none."""
    jobs: list[Job] = []
    rejected: list[Rejected] = []
    for number, given in enumerate(inputs, 1):
        if not given.lower().endswith(TABLE_SUFFIXES) or (
            " " in given and not os.path.exists(given)
        ):
            jobs.append(_job(f"prompt {number}", f"prompt-{number}", given))
            continue
        try:
            rows = list(_rows(given))
        except FormatError as error:
            rows = [Rejected(given, str(error).removeprefix(f"{given}: "))]
        jobs += [one for one in rows if isinstance(one, Job)]
        rejected += [one for one in rows if isinstance(one, Rejected)]
    return jobs, rejected


def foretell(
    inputs: Sequence[str], options: EnhanceOptions, *, like: Like | None = None
) -> Estimate:
    """What asking about prompts and tables of prompts would take."""
    jobs, rejected = find_prompts(inputs)
    found = estimate((job.hint for job in jobs), options_like(options, like), like=like)
    return found + Estimate(unusable=len(rejected))


def options_like(options: EnhanceOptions, like: Like | None) -> EnhanceOptions:
    """No paragraph is asked for where the training set has none: its prompts are made of fields."""
    plain = like is not None and "dense_description" not in like.lengths
    return replace(options, prose="fields") if plain else options


def made_earlier(inputs: Sequence[str]) -> list[Caption]:
    """The captions in folders and files of them; none where the inputs are prompts.

    Raises:
        UsageError: some are captions, and others are not.
    """
    which = [one for one in inputs if _holds_captions(one)]
    if which and len(which) < len(inputs):
        raise UsageError(f"{which[0]} has captions and {min(set(inputs) - set(which))!r} is a "
                         "prompt: give the one or the other")  # fmt: skip
    return [row.caption for row in read_captions(which) if row.caption] if which else []


def _holds_captions(path: str) -> bool:
    if os.path.isdir(path) or (path.endswith(".json") and os.path.exists(path)):
        return True
    if not path.endswith(TABLE_SUFFIXES) or not os.path.exists(path):
        return False
    row = next(iter(read_rows(path)), None)
    value = row.value if row is not None and isinstance(row.value, dict) else {}
    return bool({"instances", "caption_json"} & value.keys())


def _rows(path: str) -> Iterator[Job | Rejected]:
    stem = os.path.splitext(os.path.basename(path))[0]
    for row in read_rows(path):
        number, where = row.where.rpartition(" ")[2], f"{os.path.basename(path)}: {row.where}"
        value = row.value if isinstance(row.value, dict) else {"prompt": row.value}
        text = next((value[name] for name in COLUMNS if isinstance(value.get(name), str)), None)
        if row.error or text is None:
            wanted = f"no text; a table needs a column named {' or '.join(COLUMNS)}"
            yield Rejected(where, row.error or wanted)
        elif text.strip() or not path.lower().endswith(".txt"):
            name = str(value.get("id") or f"{stem}-{number}").replace("/", "-").strip(". ")
            yield _job(where, name or f"{stem}-{number}", text)


def _job(where: str, name: str, text: str) -> Job:
    return Job(Clip(path=where, id=name), name, hint=text)


@dataclass(frozen=True, kw_only=True)
class EnhanceWork(AskingWork):
    """Structure a prompt; where there is somebody to ask, that is done beside the workers."""

    measures = False

    options: EnhanceOptions
    picture: Picture | None = None
    like: Like | None = None

    def find(self, inputs: Sequence[str], config: RunConfig) -> tuple[list[Job], list[Rejected]]:
        return find_prompts(inputs)

    def cached_in(self, folder: str) -> EnhanceWork:
        return self

    def __call__(self, job: Job) -> Any:
        if self.has_stage:
            return job.hint
        return _documents([structured(job.hint, self.options, picture=self.picture)], 0.0)

    def config(self) -> str:
        return fingerprint(
            options=asdict(self.options),
            prompts=version(),
            model=self.model,
            picture=repr(self.picture),
            like=repr(self.like),
        )

    async def ask(self, job: Job, ready: str, backend: Backend) -> Documents:
        """The captions of a prompt, one a variant."""
        began = time.perf_counter()
        done = await ask_model(
            ready, backend, options=self.options, picture=self.picture, like=self.like
        )
        return _documents(done, time.perf_counter() - began)


def _documents(done: Sequence[Enhanced], seconds: float) -> Documents:
    """Captions by what follows the job's name; those without a model's words are unfinished."""
    names = [f"#{number}" for number in range(1, len(done) + 1)] if len(done) > 1 else [""]
    pairs = list(zip(names, done, strict=True))
    costs = [one.cost for one in done]
    return Documents(
        {name: one.caption.to_json() for name, one in pairs},
        seconds={"questions": seconds} if seconds else {},
        cost={unit: sum(cost[unit] for cost in costs) for unit in costs[0]},
        missing={name: (ALL_INSTANCES,) for name, one in pairs if one.problem},
        reasons=tuple(dict.fromkeys(one.problem for one in done if one.problem)),
    )


def results_of(run: Run, options: EnhanceOptions, *, out: str = "") -> list[Enhanced]:
    """What came of the prompts of a run, and of earlier ones into the same output."""
    if out:
        rows = read_captions([out])
        kept = ((row.name, row.caption) for row in rows if row.caption is not None)
        return [Enhanced.of(caption, options, id=name) for name, caption in kept]
    found = []
    for _, one in sorted(run.results.items()):
        known: dict[str, Any] = {name: one.cost[name] for name in Usage.__dataclass_fields__}
        usage = Usage(**known | {name: int(known[name]) for name in known if name != "seconds"})
        captions = (Caption.from_json(text) for text in one.captions.values())
        found += [Enhanced.of(caption, options, usage=usage) for caption in captions]
    return found


def write_prompts(out: str, results: Sequence[Enhanced]) -> str:
    """The prompts as a table in the folder, or beside the table, of the captions; its path."""
    folder = not out.endswith((".jsonl", ".parquet"))
    path = Path(out, "prompts.jsonl") if folder else Path(out).with_suffix(".prompts.jsonl")
    table = open_table(path)
    for one in results:
        row = one.to_dict()
        kept = ("prompt", "prose", "negative_prompt", "missing")
        table.write(
            {
                "id": one.id,
                "given": one.caption.producer.prompt,
                **{name: row[name] for name in kept},
            }
        )
    table.finish()
    return str(path)
