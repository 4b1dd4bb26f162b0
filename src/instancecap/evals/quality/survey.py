"""``eval quality``: flags, copies, templates, languages and support over a set of captions."""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import blake2b, sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.near_duplicates import NEAR, NearDuplicates
from instancecap.errors import UsageError
from instancecap.evals.quality.flags import FLAGS, flags_of, language_of, scripts_of, words_of
from instancecap.evals.result import (
    Failed,
    FigureResult,
    MadeBy,
    Result,
    SampleResult,
    as_numbers,
)
from instancecap.evals.statistics import STATISTICS, binned_interval
from instancecap.formats.text import paragraph
from instancecap.io.table_writers import open_table
from instancecap.schema.caption import Caption

COPY, NEARLY = "exact copy", "nearly the same"
MEANINGS = {
    **FLAGS,
    COPY: "another caption has the same words",
    NEARLY: f"another one, not word for word the same, shares {NEAR:.0%} of its runs of 3 words",
}

MOST_SAMPLES = 20_000
"""Captions that stand in the result; of a larger set none does, but in ``flags.jsonl``."""

MOST_SHOWN = 20
"""Groups of copies, openings and languages that are told."""

OPENING = 4
"""Words by which the beginnings of sentences are compared."""

_OPENING = re.compile(rf"(?:^|[.!?。！？]\s*)((?:\w[\w'’-]* ){{{OPENING - 1}}}\w[\w'’-]*)")

FREQUENT = 0.05
"""Share of captions from which a beginning counts as a template."""

MOST_OPENINGS = 200_000
"""Beginnings that are counted at a time; then the rarest are dropped."""

LONGEST_SHOWN = 300
"""Letters of a caption that are told."""

_PLACE = re.compile(r"/\d+")


Counts = NDArray[np.int64]


class Survey:
    """Takes captions one by one, in memory that grows by a few numbers a caption; to be closed."""

    def __init__(self) -> None:
        self.failed: list[Failed] = []
        self.words: Counter[int] = Counter()
        self.flags: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.support: dict[str, Counter[tuple[int, int]]] = {}
        self.openings: Counter[str] = Counter()
        self._rare = 0
        self._near = NearDuplicates()
        self._texts = array("Q")
        self._inputs = sha256()
        self._before: frozenset[str] = frozenset()
        self._rows: IO[bytes] = TemporaryFile()  # noqa: SIM115 (until close)

    def close(self) -> None:
        """Delete the files that it keeps captions in."""
        self._rows.close()
        self._near.close()

    @property
    def count(self) -> int:
        """Captions so far."""
        return len(self._texts)

    def add(self, row: Row) -> None:
        """The next caption, or what cannot be read of one."""
        if row.caption is None:
            self.failed.append(Failed(input=row.source, reason=row.error))
            return
        text = paragraph(row.caption)
        words, scripts = words_of(text), scripts_of(text)
        flags = flags_of(words, self._before, scripts)
        self._before = frozenset(words)
        joined = " ".join(words).encode()
        self._texts.append(int.from_bytes(blake2b(joined, digest_size=8).digest()))
        self._inputs.update(joined + b"\0")
        self._near.add(words)
        self.words[len(words)] += 1
        self.flags.update(flags)
        self.languages[language_of(words, scripts) or "no letters"] += 1
        self._count_openings(text)
        self._count_support(row.caption)
        told = {"id": row.name, "source": row.source, "words": len(words), "flags": flags}
        told["text"] = text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
        self._rows.write(json.dumps(told).encode() + b"\n")

    def _count_openings(self, text: str) -> None:
        self.openings.update({one.lower() for one in _OPENING.findall(text)})
        while len(self.openings) > MOST_OPENINGS:
            # What comes in one of twenty captions has been seen more often by then.
            self._rare += 1
            kept = {one: n for one, n in self.openings.items() if n > self._rare}
            self.openings = Counter(kept)

    def _count_support(self, caption: Caption) -> None:
        found: dict[str, list[bool]] = {}
        for claim in caption.claims:
            if claim.support in ("supported", "contradicted", "disputed"):
                field = _PLACE.sub("", claim.field).strip("/").replace("/", " ")
                found.setdefault(field, []).append(claim.support == "supported")
        for field, right in found.items():
            self.support.setdefault(field, Counter())[sum(right), len(right)] += 1

    # What comes of it -----------------------------------------------------------------------------

    def result(self, *, seed: int = 0) -> tuple[Result, Iterator[dict[str, Any]]]:
        """The result, and a row for each caption with a flag."""
        same, near = _sizes(self._texts), _sizes(self._near.groups())
        counts = {
            **{name: self.flags[name] for name in FLAGS},
            COPY: int((same > 1).sum()),
            NEARLY: int((near > same).sum()),
        }
        lengths = {(float(words),): times for words, times in self.words.items()}
        figures = [_figure("words", lengths, seed, better="")]
        for name, count in counts.items():
            bins = {(1.0,): count, (0.0,): self.count - count}
            figures.append(_figure(name, bins, seed, better="less"))
        for field, pairs in sorted(self.support.items()):
            figures.append(_figure(f"supported: {field}", pairs, seed, statistic="share"))
        rows = list(self._told(same, near)) if self.count <= MOST_SAMPLES else []
        result = Result(
            task="quality",
            figures=figures,
            samples=[_sample(one) for one in rows],
            failed=self.failed,
            notes=self._notes(),
            made_by=MadeBy(seed=seed, inputs=self._inputs.hexdigest()[:16], options={"near": NEAR}),
        )
        return result, (one for one in self._told(same, near) if one["flags"])

    def _told(self, same: Counts, near: Counts) -> Iterator[dict[str, Any]]:
        """Every caption with its flags, and how often it occurs."""
        self._rows.seek(0)
        for line, copies, likes in zip(self._rows, same, near, strict=True):
            row = json.loads(line)
            row["flags"] += [COPY] if copies > 1 else []
            row["flags"] += [NEARLY] if likes > copies else []
            yield row | {"times": int(copies), "group": int(likes)}

    def _notes(self) -> list[str]:
        notes = [f"{self.count:,} captions; a share of them where nothing else is said."]
        notes += [f"{name}: {meaning}." for name, meaning in MEANINGS.items()]
        if repeated := self._most_repeated():
            notes.append("The same caption again and again: " + "; ".join(repeated) + ".")
        told = self.languages.most_common(MOST_SHOWN)
        shares = (f"{name} {n / max(self.count, 1):.1%}" for name, n in told)
        notes.append(f"Languages: {', '.join(shares)}.")
        frequent = [
            f"“{opening} …” in {n / self.count:.1%}"
            for opening, n in self.openings.most_common(MOST_SHOWN)
            if n >= FREQUENT * self.count and n > 1
        ]
        if frequent:
            notes.append(f"Sentences begin alike: {', '.join(frequent)}.")
        if not self.support:
            notes.append("No claims: 'instancecap verify --out' writes them, and they are counted.")
        return notes

    def _most_repeated(self) -> list[str]:
        """The captions that occur most often, with their first place."""
        values, times = np.unique(np.asarray(self._texts), return_counts=True)
        most = [at for at in np.argsort(-times)[:MOST_SHOWN] if times[at] > 1]
        wanted = {int(values[at]): int(times[at]) for at in most}
        found: dict[int, str] = {}
        self._rows.seek(0)
        for line, value in zip(self._rows, self._texts, strict=True):
            if value in wanted and value not in found:
                row = json.loads(line)
                found[value] = f"{wanted[value]} times as {row['id']} has it"
            if len(found) == len(wanted):
                break
        return [found[value] for value in wanted]


def survey_captions(
    paths: Sequence[str], *, out: str = "", seed: int = 0
) -> tuple[Result, list[str]]:
    """Look at every caption in files, folders and tables.

    Args:
        out: folder for ``flags.jsonl``, a row for each caption with a flag; empty for none.
        seed: of the bootstrap.

    Returns:
        The result, and the path of that table.

    Raises:
        OutputError: the table cannot be written.
        UsageError: there is no caption at all.
    """
    with closing(Survey()) as survey:
        for row in read_captions(paths):
            survey.add(row)
        if not survey.count:
            first = "; ".join(f"{one.input}: {one.reason}" for one in survey.failed[:3])
            raise UsageError(f"eval quality: no caption can be read ({first})")
        result, flagged = survey.result(seed=seed)
        return result, _write(Path(out, "flags.jsonl"), flagged) if out else []


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> list[str]:
    table = open_table(path)
    try:
        for one in rows:
            table.write(one)
        return table.finish()
    except BaseException:
        table.drop()
        raise


def _sizes(values: Any) -> Counts:
    """For each value how often it occurs."""
    _, place, times = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    return np.asarray(times[place], np.int64)


def _figure(
    name: str,
    bins: Mapping[Any, int],
    seed: int,
    *,
    better: Literal["more", "less", ""] = "more",
    statistic: str = "mean",
) -> FigureResult:
    """A figure of values and how often each occurs."""
    values = np.array(list(bins), np.float64)
    found = binned_interval(STATISTICS[statistic], values, list(bins.values()), seed=seed)
    parts = [name] if statistic == "mean" else [f"{name} {part}" for part in ("right", "checked")]
    return FigureResult(
        row=name, statistic=statistic, parts=parts, better=better, **as_numbers(found)
    )


def _sample(row: Mapping[str, Any]) -> SampleResult:
    flags = {name: float(name in row["flags"]) for name in MEANINGS}
    shown = ("source", "text", "times", "group")
    return SampleResult(
        id=row["id"],
        clip=row["id"],
        values={"words": float(row["words"]), **flags},
        detail={name: row[name] for name in shown},
    )
