"""The sentences in which the InstanceVid files tell of positions, both ways.

*person moves from bottom-left to center-middle and out of frame in the end.*, as the pipeline of
NJU-PCALab/InstanceCap writes them from the cells of the first and the last sampled frame. A cell
may read *out of frame* as a start, and *None* as an end where the instance is in no frame.
"""

from __future__ import annotations

import re
from typing import NamedTuple, cast, get_args

from instancecap.schema.caption import Position
from instancecap.schema.vocabulary import Cell

OUT, NEVER = "out of frame", "None"
LEAVES = " and out of frame in the end"

_PLACE = "|".join((*get_args(Cell), OUT, NEVER))
_SENTENCE = re.compile(
    rf"(?P<name>.+?) (?:stays at (?P<at>{_PLACE})|moves from (?P<start>{_PLACE}) to "
    rf"(?P<end>{_PLACE}))(?P<leaves>{re.escape(LEAVES)})?\.",
    re.DOTALL,
)


class CellSentence(NamedTuple):
    """What such a sentence says.

    Attributes:
        name: of the instance, its class in the published files.
        start, end: cells as they are printed; *out of frame* and *None* too.
    """

    name: str
    start: str
    end: str
    leaves: bool


def parse(text: str) -> CellSentence | None:
    """What a position says; None where it is no sentence of that form."""
    found = _SENTENCE.fullmatch(text.strip())
    if found is None:
        return None
    start, end = found["at"] or found["start"], found["at"] or found["end"]
    return CellSentence(found["name"], start, end, bool(found["leaves"]))


def read(text: str, name: str, warnings: list[str], where: str = "") -> Position:
    """The position that a text tells: cells where it is such a sentence about ``name``, else the
    text. What such a sentence cannot mean stays a text too, and is named in ``warnings``.
    """
    said = parse(text)
    if said is None:
        return Position(text=text)
    if said.name != name:
        warnings.append(f"{where}: the position tells of {said.name!r:.40}, not of {name!r:.40}")
    elif said.end not in get_args(Cell):
        warnings.append(f"{where}: in no frame is it seen, by its position")
    else:
        starts = said.start in get_args(Cell)
        position = Position(
            start=cast(Cell, said.start) if starts else "",
            end=cast(Cell, said.end),
            enters=not starts,
            leaves=said.leaves,
        )
        if write(position, name) == text:
            return position
    return Position(text=text)


def write(position: Position, name: str) -> str:
    """The sentence for a position's cells; empty where it has none that can be told so.

    Of an instance that enters the sentence has no first cell, so that cell is left out.
    """
    start = OUT if position.enters else position.start
    if not (name and start and position.end):
        return ""
    stays = start == position.end
    path = f"stays at {start}" if stays else f"moves from {start} to {position.end}"
    return f"{name} {path}{LEAVES if position.leaves else ''}."
