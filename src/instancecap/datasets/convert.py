"""Captions from one format to another, file by file or table by table."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from instancecap.datasets.captions import Row, read_captions
from instancecap.errors import InputError, UsageError
from instancecap.formats import check_format, lost, to_format
from instancecap.io.tables import Writer, open_writer


@dataclass(frozen=True, slots=True)
class Converted:
    """One caption that was written.

    Attributes:
        lost: JSON pointers of what the format does not hold.
        problems: what had to be put right or left out to read it.
    """

    name: str
    source: str
    lost: list[str]
    problems: list[str]


@dataclass(slots=True)
class Conversion:
    """What came of a run."""

    captions: list[Converted] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)

    def lost_by_kind(self) -> Counter[str]:
        """Captions by what they lost, instances and list entries taken together."""
        return Counter(kind for one in self.captions for kind in _kinds(one.lost))

    def problems_by_kind(self) -> Counter[str]:
        """Captions by what had to be put right in them."""
        return Counter(problem for one in self.captions for problem in set(one.problems))


def _kinds(pointers: Sequence[str]) -> dict[str, None]:
    """Pointers with ``*`` for every number, each once, in their order."""
    return dict.fromkeys(re.sub(r"/\d+(?=/|$)", "/*", pointer) for pointer in pointers)


def convert(
    paths: Sequence[str],
    *,
    to: str,
    out: str,
    from_: str = "",
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Conversion:
    """Read captions of any format and write them in another.

    Args:
        paths: as :func:`~instancecap.datasets.captions.read_captions` takes them.
        to: the format to write.
        out: a file, a table or a folder, as :mod:`instancecap.io.tables` lists them.
        from_: the format that is read; seen from each caption where it is empty.
        on_failure: told the file and row of every caption that fails, and why.

    Raises:
        UsageError: no such format, or ``out`` cannot be written or holds the captions themselves.
        OutputError: the output cannot be completed; nothing of a single file is left.
    """
    check_format(to, option="--to")
    if from_:
        check_format(from_, option="--from")
    _refuse_own_inputs(paths, out)
    writer = open_writer(out, format=to)
    done = Conversion()
    seen: dict[str, str] = {}
    try:
        for row in read_captions(paths, format=from_):
            reason = row.error or _write(row, to, writer, seen, done)
            if reason:
                done.failed.append((row.source, reason))
                on_failure(row.source, reason)
        done.outputs = writer.finish()
    except BaseException:
        writer.drop()
        raise
    return done


def _write(row: Row, to: str, writer: Writer, seen: dict[str, str], done: Conversion) -> str:
    """Write one caption. Returns why it cannot be written, or an empty string."""
    assert row.caption is not None
    if writer.by_name and row.name in seen:
        return f"its output {row.name} is that of {seen[row.name]} too"
    try:
        writer.put(row, to_format(row.caption, to))
        missing = lost(row.caption, to)
    except InputError as error:
        return str(error)
    seen[row.name] = row.source
    done.captions.append(Converted(row.name, row.source, missing, list(row.problems)))
    return ""


def _refuse_own_inputs(paths: Sequence[str], out: str) -> None:
    """Captions may not be written over while they are read."""
    target = os.path.realpath(out)
    for path in paths:
        for one in [path] if os.path.lexists(path) else glob.glob(path, recursive=True):
            place = os.path.realpath(one)
            own_file = place.endswith((".json", ".txt")) and os.path.dirname(place) == target
            if place == target or own_file:
                raise UsageError(f"--out {out}: it would write over {one}; choose another place")
