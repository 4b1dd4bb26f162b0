"""Several models as one captioner: each field from the one that is supported best."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from instancecap.api import Mllm
from instancecap.captioners.chain import ChainOptions, Written, prepare, write
from instancecap.captioners.teachers import Answer, combine
from instancecap.engine.asking import AskWork, PredictWork, cost_of
from instancecap.engine.config import CaptionConfig
from instancecap.engine.teachers import TeachersWork, teacher_of
from instancecap.errors import ServerError, UsageError
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.formats import Caption
from instancecap.mllm.server import Server
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip

SHARED = {"fields", "max_instances"}
"""Options of the question chain that are the same for all teachers."""


@dataclass(frozen=True, kw_only=True)
class Teachers:
    """Several models are asked; the evidence and the others decide whose answer is kept.

    ::

        captioner = Teachers(teachers={"qwen": ic.Mllm(url=…, model=…), "intern": ic.Mllm(…)})
        run = ic.run("clips", out="captions", captioner=captioner)

    Attributes:
        teachers: by name; the first one wins a tie.
    """

    teachers: Mapping[str, Mllm]

    def __post_init__(self) -> None:
        if not self.teachers:
            raise UsageError("name at least one teacher")
        for name, one in self.teachers.items():
            if one.options.fields is not None:
                raise UsageError(f"{name}: --fields rewrites captions with one model, not several")

    def describe(
        self, clip: Clip, evidence: Evidence, *, max_instances: int | None, by: Cluster = DEFAULT
    ) -> Caption:
        """The caption of ``clip``; a teacher that is down is left out.

        Raises:
            InputError: the clip cannot be opened or decoded.
            UsageError: there is nobody to ask.
            ServerError: no teacher can be asked.
        """
        asked = {
            name: _ask(one, clip, evidence, max_instances, by)
            for name, one in self.teachers.items()
        }
        answers, down = [], []
        for name, written in asked.items():
            one = self.teachers[name]
            model = one.backend.model if one.backend else one.model
            if isinstance(written, ServerError):
                down.append(written)
                teacher = teacher_of(name, model, one.options.mode, {}, str(written))
                answers.append(Answer(teacher))
                continue
            problem, cost = "; ".join(written.reasons), cost_of(written.usage)
            teacher = teacher_of(name, model, one.options.mode, cost, problem)
            answers.append(Answer(teacher, written.caption))
        if len(down) == len(answers):
            raise down[0]
        most = max(
            one.with_instances(max_instances).max_instances for one in self.teachers.values()
        )
        return combine(answers, evidence, max_instances=most)

    def work(self, config: CaptionConfig) -> TeachersWork | PredictWork:
        """What is done to each of many clips; in a dry run, what asking all would cost."""
        works = {name: one.work(config) for name, one in self.teachers.items()}
        asking = {name: one for name, one in works.items() if isinstance(one, AskWork)}
        if len(asking) < len(works):
            options = tuple(
                one.with_instances(config.max_instances) for one in self.teachers.values()
            )
            return PredictWork(options=options, split_shots=config.split_shots)
        return TeachersWork(
            teachers=asking,
            max_instances=max(one.options.max_instances for one in asking.values()),
            resume=config.resume,
            split_shots=config.split_shots,
            sound=config.sound,
            keep_evidence=bool(config.report),
        )


def _ask(
    teacher: Mllm, clip: Clip, evidence: Evidence, max_instances: int | None, by: Cluster
) -> Written | ServerError:
    """What one of them wrote, or why it can't be asked."""
    options = teacher.with_instances(max_instances)
    prepared = prepare(clip, evidence, options=options, cluster=by)
    try:
        written: Written = teacher.ask(lambda backend: write(prepared, backend, options=options))
    except ServerError as error:
        return error
    return written


def read_teachers(
    path: str, names: Sequence[str], *, options: ChainOptions, server: Server
) -> Teachers:
    """Teachers out of a TOML file, a table each: url, model, and what differs from ``options``.

    ::

        [qwen]
        url = "http://127.0.0.1:8000/v1"
        model = "Qwen/Qwen3-VL-8B-Instruct"

        [sky]
        url = "http://127.0.0.1:8001/v1"
        model = "SkyCaptioner-V1"
        mode = "single"

    Args:
        server: as other options have it: who is asked stands in the file alone.

    Raises:
        UsageError: no such file or table, or a key or value that cannot be.
    """
    if not path:
        raise UsageError(
            f"--captioner {','.join(names)}: choose measured or mllm, or name tables of "
            "--teachers FILE"
        )
    if server != Server():
        raise UsageError(
            "--teachers FILE says who is asked: put url, model, key_env, record, … there, and "
            "leave --mllm-url, --mllm-model and the like out"
        )
    try:
        tables = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"--teachers {path}: cannot be read as TOML: {error}") from error
    for name in names:
        if not isinstance(tables.get(name), dict):
            known = ", ".join(tables) or "nothing"
            raise UsageError(f"--captioner {name}: {path} has no table [{name}]; it has {known}")
    if len(set(names)) < len(names):
        raise UsageError(f"--captioner {','.join(names)}: name each teacher once")
    return Teachers(
        teachers={name: _teacher(f"{path} [{name}]", tables[name], options) for name in names}
    )


def _teacher(where: str, table: dict[str, Any], options: ChainOptions) -> Mllm:
    server, chain = ({one.name for one in fields(kind)} for kind in (Server, ChainOptions))
    known = sorted(server | chain - SHARED)
    for key in table:
        if key not in known:
            raise UsageError(f"{where}: no key {key!r}; choose among {', '.join(known)}")
    asked = {key: value for key, value in table.items() if key in server}
    chosen = asdict(options) | {key: value for key, value in table.items() if key in chain}
    try:
        who = TypeAdapter(Server).validate_python(asked)
        how = TypeAdapter(ChainOptions).validate_python(chosen)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{where}: {first['loc'][-1]}: {first['msg'].lower()}") from error
    return Mllm(**vars(who), options=how)
