"""Cells of InstanceVid files: measured anew where the video is there, else as far as it is known
what they should read.

The published files were written by code that tests the rows of the grid in the wrong order
(NJU-PCALab/InstanceCap, ``video2ins.py``): what lies in the top third is called *center*, what lies
below it *bottom*, and nothing *top*. Columns, and whether an instance leaves the frame, are right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from scipy.optimize import linear_sum_assignment

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.convert import Conversion, convert
from instancecap.datasets.export.media import find_clip
from instancecap.datasets.videos import find_evidence
from instancecap.errors import InputError, UsageError
from instancecap.formats.cell_sentences import write as sentence_of
from instancecap.io.table_writers import open_table
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import HUMAN, Caption, Instance, Position, Provenance
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.pointer import instance_pointer
from instancecap.schema.tracks import cell_of
from instancecap.schema.vocabulary import Cell
from instancecap.verify.naming import ClassMatch, held_match, noun_of

How = Literal["measured", "mapped", "column only", "kept"]
"""What became of a position: measured anew; certain by the known defect; its row is open; as it
was, for it is a text, by a person, measured before, or of a set that names the top row, which the
defect never does.
"""

ROW_OPEN = "the row of the position is not known: the file says {!r}"

_COLUMNS = {"left": "on the left", "middle": "in the middle", "right": "on the right"}
_TO_COLUMNS = {"left": "the left", "middle": "the middle", "right": "the right"}


@dataclass(frozen=True, slots=True)
class Fixed:
    """One position.

    Attributes:
        before, after: as sentences of the published form, or a text.
        problem: why it could not be measured; empty where it was.
    """

    name: str
    instance: int
    how: How
    before: str
    after: str
    problem: str = ""

    def as_row(self) -> dict[str, Any]:
        """For a table."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True, kw_only=True)
class FixOptions:
    """Where captions go and what they are held against.

    Attributes:
        out: a folder or a table, as :func:`~instancecap.datasets.convert.convert` takes it.
        to: format of what is written.
        video_root: folder that the captions' video paths are relative to.
        evidence: folder of evidence files, as ``instancecap evidence`` writes them; a clip that has
            one there is not measured again.
        defects: a ``.jsonl`` or ``.csv`` with a row for each position; empty for none.
    """

    out: str
    to: str = "instancevid-published"
    video_root: str | None = None
    evidence: str = ""
    defects: str = ""

    def __post_init__(self) -> None:
        for option, folder in (("--video-root", self.video_root), ("--evidence", self.evidence)):
            if folder and not Path(folder).is_dir():
                raise UsageError(f"{option} {folder}: not a folder")
        if self.defects and Path(self.defects).suffix not in (".jsonl", ".csv"):
            raise UsageError(f"--defects {self.defects}: name a .jsonl or .csv file")


@dataclass(slots=True)
class Account:
    """A run over many captions.

    Attributes:
        names_top: whether a position of the set names the top row: then it has not the known
            defect, and rows are not mapped.
    """

    conversion: Conversion
    names_top: bool
    counts: Counter[str] = field(default_factory=Counter)


def fix_positions(
    captions: Sequence[str],
    options: FixOptions,
    *,
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Account:
    """Put the positions of captions right and write the captions.

    Args:
        on_failure: told the file and row of each caption that fails, and why.

    Raises:
        UsageError: an output cannot be written, or would write over the captions.
        OutputError: the output cannot be completed.
    """
    names_top = any(map(_names_top, read_captions(captions)))
    counts: Counter[str] = Counter()
    table = open_table(Path(options.defects)) if options.defects else None

    def change(name: str, caption: Caption) -> Caption:
        for one in fix_caption(name, caption, options, keep_rows=names_top):
            counts[one.how] += 1
            if table is not None:
                table.write(one.as_row())
        return caption

    try:
        done = convert(
            captions, to=options.to, out=options.out, on_failure=on_failure, change=change
        )
        if table is not None:
            table.finish()
    except BaseException:
        if table is not None:
            table.drop()
        raise
    return Account(done, names_top, counts)


def _names_top(row: Row) -> bool:
    instances = row.caption.instances if row.caption else []
    return any(
        cell.startswith("top-") for one in instances for cell in _cells(one) if _is_printed(one)
    )


def _cells(one: Instance) -> tuple[str, str]:
    return one.position.start, one.position.end


def _is_printed(one: Instance) -> bool:
    """Whether its position was a sentence of the published form."""
    return not one.position.text and bool(one.position.end)


def fix_caption(
    name: str, caption: Caption, options: FixOptions, *, keep_rows: bool = False
) -> list[Fixed]:
    """Put the positions of one caption right, in place.

    Args:
        keep_rows: rows are taken as they are printed where nothing was measured.
    """
    printed = {
        one.id for one in caption.instances if _is_printed(one) and not _is_vouched(caption, one)
    }
    seen: dict[int, InstanceFacts] = {}
    problem = "nothing that was tracked fits its class and columns"
    if printed:
        try:
            evidence = _evidence_of(name, caption, options)
            seen = _match([one for one in caption.instances if one.id in printed], evidence)
        except InputError as error:
            problem = str(error)
    done = []
    for one in caption.instances:
        if not (before := _told(one)):
            continue
        how: How = "kept"
        if one.id in printed:
            how = _fix(caption, one, seen.get(one.id), keep_rows=keep_rows)
        reason = problem if one.id in printed and how != "measured" else ""
        done.append(Fixed(name, one.id, how, before, _told(one), reason))
    return done


def _told(one: Instance) -> str:
    return one.position.text or sentence_of(one.position, one.class_)


def _is_vouched(caption: Caption, one: Instance) -> bool:
    """Whether a person or a measurement stands for it."""
    entry = caption.provenance.get(instance_pointer(one.id, "position/end"))
    return entry is not None and (entry.source == HUMAN or entry.support == "measured")


def _evidence_of(name: str, caption: Caption, options: FixOptions) -> Evidence:
    from instancecap.evidence.build import measure

    if options.evidence and (path := find_evidence(name, caption, options.evidence)):
        return Evidence.read(path)
    return measure(find_clip(caption, video_root=options.video_root or ""))


# Which of the tracked is meant --------------------------------------------------------------------


def _match(printed: Sequence[Instance], evidence: Evidence) -> dict[int, InstanceFacts]:
    """By the id of an instance, the tracked one of a class that fits, in the printed columns."""
    tracked = [item for item in evidence.instances if item.track]
    if not tracked:
        return {}
    scores = np.array([[_score(one, item) for item in tracked] for one in printed])
    pairs = zip(*linear_sum_assignment(-scores), strict=True)
    return {printed[row].id: tracked[column] for row, column in pairs if scores[row, column] > 0}


def _score(one: Instance, item: InstanceFacts) -> float:
    """0 for another thing: of another class, or in another column at the start or the end."""
    fits = held_match(noun_of(one.class_), item)
    if fits is ClassMatch.APART:
        return 0.0
    ends = zip(_cells(one), (item.track[0], item.track[-1]), strict=True)
    agree = [cell.split("-")[1] == _cell(point).split("-")[1] for cell, point in ends if cell]
    return float(int(fits) + 1 + item.salience) if all(agree) else 0.0


def _cell(point: TrackPoint) -> Cell:
    x0, y0, x1, y1 = point.box
    return cell_of((x0 + x1) / 2, (y0 + y1) / 2)


# What its position is then ------------------------------------------------------------------------


def _fix(caption: Caption, one: Instance, item: InstanceFacts | None, *, keep_rows: bool) -> How:
    if item is not None:
        start, end = _cell(item.track[0]), _cell(item.track[-1])
        one.position = Position(start=start, end=end, enters=item.enters, leaves=item.leaves)
        frames = sorted({item.track[0].t, item.track[-1].t})
        _vouch(caption, one, item.source, "measured", confidence=item.confidence, frames=frames)
        return "measured"
    if keep_rows:
        return "kept"
    before = _told(one)
    cells = {name: _mapped(getattr(one.position, name)) for name in ("start", "end")}
    is_certain = all(cells[name] or not getattr(one.position, name) for name in cells)
    text = "" if is_certain else _in_words(one.position)
    one.position = one.position.model_copy(update={**cells, "text": text})
    if not is_certain:
        caption.warnings.append(f"/instances/{one.id}/position: {ROW_OPEN.format(before)}")
    _vouch(caption, one, caption.producer.name, "unchecked")
    return "mapped" if is_certain else "column only"


def _mapped(cell: str) -> Cell | Literal[""]:
    """The cell that a printed one stands for; empty where it may be either of two."""
    row, _, column = cell.partition("-")
    return cast(Cell, f"top-{column}") if row == "center" else ""


def _in_words(printed: Position) -> str:
    """What is known of a position of which a row is open."""
    start, end = printed.start, printed.end
    leaves = ", then leaves" if printed.leaves else ""
    if printed.enters:
        return f"comes into view, ends {_place(end, _COLUMNS)}{leaves}"
    if start == end:
        return f"first and last {_place(end, _COLUMNS)}{leaves}"
    return f"from {_place(start, _TO_COLUMNS)} to {_place(end, _TO_COLUMNS)}{leaves}"


def _place(cell: str, columns: dict[str, str]) -> str:
    row, _, column = cell.partition("-")
    where = "in its top third" if row == "center" else "below its top third"
    return f"{columns[column]} of the frame, {where}"


def _vouch(
    caption: Caption,
    one: Instance,
    source: str,
    support: Literal["measured", "unchecked"],
    *,
    confidence: float = 0.0,
    frames: Sequence[float] = (),
) -> None:
    """Say who stands for the new position, and drop what was said of the old one."""
    place = instance_pointer(one.id, "position")
    caption.claims = [claim for claim in caption.claims if not claim.field.startswith(place)]
    caption.provenance = {
        pointer: entry
        for pointer, entry in caption.provenance.items()
        if not pointer.startswith(place)
    }
    for pointer in caption.leaves():
        if pointer.startswith(f"{place}/"):
            caption.provenance[pointer] = Provenance(
                source=source, confidence=confidence, support=support, frames=list(frames)
            )
