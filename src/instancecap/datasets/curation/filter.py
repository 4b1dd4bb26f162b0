"""``dataset filter``: measure every clip, keep what the rules let through, show what they cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import model_validator

from instancecap.datasets.curation.manifest import write_tables
from instancecap.datasets.curation.measure import (
    ClipFigures,
    FiguresWork,
    Measured,
    find_measured,
    measure_clips,
)
from instancecap.datasets.curation.page import PAGE, Survey, write_page
from instancecap.datasets.curation.rules import Rules, Verdict, read_rules
from instancecap.datasets.curation.select import Funnel, Judged, Selection
from instancecap.engine.config import RunConfig
from instancecap.engine.events import Events
from instancecap.engine.results import Run
from instancecap.errors import UsageError
from instancecap.io.addresses import is_url
from instancecap.io.atomic import require_writable, write_whole
from instancecap.io.inputs import PRIVATE_FOLDER, find_jobs

FUNNEL = "funnel.json"

RULES = f"{PRIVATE_FOLDER}/rules.toml"
"""What of the rules was the user's when the folder was made, for :func:`explain_clip`."""


class FilterConfig(RunConfig):
    """How clips are filtered: :class:`RunConfig`, whose ``out`` is a folder, and more.

    Attributes:
        rules: a TOML file with limits in place of the shipped ones.
        split_shots: judge, and keep, each shot by itself.
        manifest: kind of the table of what is kept.
    """

    rules: str = ""
    split_shots: bool = False
    manifest: Literal["jsonl", "parquet"] = "jsonl"

    @model_validator(mode="after")
    def _check_folder(self) -> Self:
        if Path(self.out).suffix.lower() in (".jsonl", ".parquet"):
            raise UsageError(f"--out {self.out}: the manifest and what goes with it go to a folder")
        if is_url(self.out):
            raise UsageError(f"--out {self.out}: name a folder on a local disk")
        return self


@dataclass(frozen=True, slots=True)
class Filtered:
    """What came of it.

    Attributes:
        run: of measuring.
        funnel: None where there is no selection yet: the run was broken off, or it did one part
            of several and another is missing.
    """

    run: Run
    funnel: Funnel | None = None
    outputs: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For ``--json``."""
        funnel = self.funnel.as_dict() if self.funnel is not None else {}
        return {**self.run.as_dict(), **funnel, "outputs": self.outputs}


def filter_clips(
    inputs: Sequence[str], config: FilterConfig, *, events: Events | None = None
) -> Filtered:
    """Measure clips and write what is kept, what is not and why, and a page, into ``config.out``.

    Raises:
        UsageError: an option, a rule, or an output that cannot be written; nothing was done.
        MissingDependency: what would be the same for every clip.
    """
    rules, folder = read_rules(config.rules), Path(config.out)
    require_writable(folder)
    run, measured = measure_clips(inputs, folder, config, plugins=rules.plugins, events=events)
    if measured is None:
        return Filtered(run)
    kind, shots = config.manifest, config.split_shots
    funnel, outputs = select_clips(measured, rules, folder, manifest=kind, split_shots=shots)
    own = Path(config.rules).read_text(encoding="utf-8") if config.rules else ""
    write_whole(folder / RULES, own)
    return Filtered(run, funnel, outputs)


def select_clips(
    measured: Measured,
    rules: Rules,
    folder: Path,
    *,
    manifest: str = "jsonl",
    split_shots: bool = False,
) -> tuple[Funnel, list[str]]:
    """Judge what was measured, and write the tables, the funnel and the page; returns the paths."""
    selection = Selection(measured.rows, rules, split_shots=split_shots)
    funnel, survey = Funnel.of(rules), Survey(rules)
    clips = survey.watch(funnel.watch(selection.clips()))
    outputs = write_tables(clips, folder, f"manifest.{manifest}", plugins=rules.plugins)
    write_whole(folder / FUNNEL, json.dumps(funnel.as_dict(), indent=2) + "\n")
    write_page(survey, funnel, folder)
    return funnel, [*outputs, str(folder / FUNNEL), str(folder / PAGE)]


@dataclass(frozen=True, slots=True)
class Explained:
    """A clip, and what each rule says of it.

    Attributes:
        rules: by which it is judged, in words.
        compared: it was compared with the other clips of a set.
    """

    judged: Judged
    verdicts: list[Verdict]
    rules: str
    compared: bool = False

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "id": self.judged.id,
            "path": self.judged.path,
            "kept": not self.judged.reasons,
            "judged_by": self.rules,
            "rules": [{**one.as_dict(), "passes": one.passes} for one in self.verdicts],
        }


def explain_clip(clip: str, config: FilterConfig) -> list[Explained]:
    """What every rule says of a clip, or of each of its shots.

    The rules are those of ``config``, else those that ``config.out`` was made with, else the
    shipped ones.

    Args:
        clip: its name or path among those that were measured into ``config.out``; else a file,
            which is measured now and compared with no other.

    Raises:
        UsageError: there is no such clip.
        InputError: it cannot be measured.
    """
    rules, source = _rules_of(config)
    known = find_measured(Path(config.out)) if config.out else None
    if known is not None:
        selection = Selection(known.rows, rules, split_shots=config.split_shots)
        names = {clip, Path(clip).as_posix()}
        found = [one for one in selection.clips() if names & {one.id, one.stem, one.path}]
        if found:
            return [_explain(one, rules, source, compared=True) for one in found]
    jobs, rejected = find_jobs([clip])
    if rejected or len(jobs) != 1:
        why = rejected[0].reason if rejected else f"stands for {len(jobs)} clips"
        raise UsageError(f"--explain {clip}: {why}; name one clip, by its file or as in --out")
    documents = FiguresWork(plugins=rules.plugins)(jobs[0])
    row = ClipFigures.from_json(documents.evidence)
    selection = Selection(lambda: iter([row]), rules, split_shots=config.split_shots)
    return [_explain(one, rules, source, compared=False) for one in selection.clips()]


def _rules_of(config: FilterConfig) -> tuple[Rules, str]:
    """By which rules a clip is explained, and whose they are, in words."""
    kept = Path(config.out) / RULES
    if config.rules:
        return read_rules(config.rules), config.rules
    if config.out and kept.is_file() and kept.stat().st_size:
        return read_rules(str(kept)), f"the rules that {config.out} was made with"
    return read_rules(), "the shipped rules"


def _explain(judged: Judged, rules: Rules, source: str, *, compared: bool) -> Explained:
    found = rules.judge(judged.candidate.figures) if judged.candidate is not None else []
    known = {one.rule for one in found}
    return Explained(
        judged,
        [*(one for one in judged.reasons if one.rule not in known), *found],
        source,
        compared,
    )
