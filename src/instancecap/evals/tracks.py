"""Who is where over time: HOTA and IDF1 of tracks against MOT files and folders of masks.

HOTA is Luiten et al. (IJCV 2021, arXiv 2009.07736), IDF1 Ristani et al. (arXiv 1609.01775), counted
as the reference implementation ``trackeval`` counts them. That package is not a dependency because
it brings a second distribution of OpenCV; a test compares the numbers.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from instancecap.errors import FormatError
from instancecap.evals.boxes import Mask, box_of, boxes_at, mask_at
from instancecap.evals.pairing import Named, pair
from instancecap.evals.statistics import HOTA_THRESHOLDS
from instancecap.evals.task import Figure, Sample, Score, Scorer, Solver, Task, digest
from instancecap.io.finder import Rejected
from instancecap.io.identity import Identity
from instancecap.schema.evidence import Evidence

Array = NDArray[np.float64]

MATCHED = 0.5
"""Overlap from which IDF1 counts a box as that of an identity."""

FEW_COLORS = 64
"""Colors of a mask's picture up to which each is an instance; more are shades of one."""

NOTE = (
    "Everything that is tracked counts: where labels name only the main instance, others are false "
    "ones. DetRe and AssA leave those aside."
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where the tracks of one sequence are.

    Attributes:
        kind: ``mot``, ``masks`` or ``evidence``.
        holds: hash of what is in the file, or of its files' names and sizes.
    """

    kind: str
    path: str = field(repr=False)
    holds: str

    @classmethod
    def of(cls, kind: str, path: Path) -> Source:
        """As it is now."""
        if path.is_dir():
            names = [(one.name, one.stat().st_size) for one in sorted(path.glob("*.png"))]
            return cls(kind, str(path), digest(names))
        return cls(kind, str(path), Identity.of(str(path), content=True).content)


@dataclass(frozen=True, slots=True)
class Frame:
    """What is seen in one frame.

    Attributes:
        ids: shape (n,).
        boxes: [x0, y0, x1, y1], shape (n, 4), pixels, or 0..1 where the size is not known.
        masks: of the same instances; empty where there are none.
    """

    ids: Sequence[int]
    boxes: Array
    masks: Sequence[Mask] = ()


Frames = dict[int, Frame]
"""By the number of the frame, from 0."""


def find_sequences(paths: Sequence[str]) -> Named[Source]:
    """MOT files (``NAME.txt``, ``NAME/gt/gt.txt``), folders of masks, evidence files, by name."""
    found: dict[str, Source] = {}
    rejected = []
    for given in paths:
        root = Path(given)
        if root.is_file():
            root, files = root.parent, [root]
        else:
            files = [one for one in sorted(root.rglob("*")) if ".instancecap" not in one.parts]
        before = len(found)
        for file in files:
            name, kind = _named(file, root), {".json": "evidence", ".txt": "mot"}.get(file.suffix)
            if file.is_dir() and any(file.glob("*.png")):
                kind = "masks"
            if kind and name not in found:
                found[name] = Source.of(kind, file)
        if len(found) == before:
            rejected.append(Rejected(given, "no MOT file, folder of masks, or evidence there"))
    return Named(found, rejected)


def _named(file: Path, root: Path) -> str:
    if file.parts[-2:] == ("gt", "gt.txt"):
        file = file.parent.parent.with_suffix("")
    elif file.is_file():
        file = file.with_suffix("")
    return file.relative_to(root).as_posix() if file != root else root.name


# Reading ------------------------------------------------------------------------------------------


def read_frames(source: Source, like: Frames | None = None) -> Frames:
    """The frames of a sequence; of evidence, at the frames of ``like``.

    Raises :class:`FormatError` where the source cannot be read.
    """
    if source.kind == "mot":
        return _read_mot(source.path)
    if source.kind == "masks":
        return _read_masks(source.path)
    return _read_evidence(source.path, like or {})


def _read_mot(path: str) -> Frames:
    """``frame, id, left, top, width, height, considered or confidence, …``; frames count from 1."""
    rows: dict[int, list[tuple[int, list[float]]]] = {}
    with open(path, newline="", encoding="utf-8") as file:
        for number, cells in enumerate(csv.reader(file), 1):
            try:
                frame, id = int(float(cells[0])) - 1, int(float(cells[1]))
                x, y, width, height = map(float, cells[2:6])
                considered = float(cells[6]) if len(cells) > 6 else 1.0
            except (ValueError, IndexError) as error:
                raise FormatError(f"{path}: line {number} is no row of a MOT file") from error
            if considered:
                rows.setdefault(frame, []).append((id, [x, y, x + width, y + height]))
    return {
        frame: Frame([id for id, _ in some], np.array([box for _, box in some]))
        for frame, some in sorted(rows.items())
    }


def _read_masks(folder: str) -> Frames:
    """A picture a frame; every color but black is an instance, of shades all but the dark ones."""
    frames = {}
    for number, path in enumerate(sorted(Path(folder).glob("*.png"))):
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise FormatError(f"{path}: not a picture")
        code = picture.astype(np.int64) @ (1, 256, 65536)
        colors = np.unique(code)
        if len(colors) > FEW_COLORS:
            code = (picture.max(axis=2) > 127).astype(np.int64)
            colors = np.unique(code)
        masks = {int(one): code == one for one in colors if one}
        boxes = [box_of(mask) for mask in masks.values()]
        frames[number] = Frame(list(masks), np.array(boxes).reshape(-1, 4), list(masks.values()))
    return frames


def _read_evidence(path: str, like: Frames) -> Frames:
    """What evidence has at the frames of the labels, in their units and shapes."""
    evidence = Evidence.read(path)
    video = evidence.video
    numbers = sorted(like)
    times = np.array(numbers) / video.fps if video.fps else np.zeros(len(numbers))
    shapes = [one.masks[0].shape for one in like.values() if one.masks]
    pixels = not any(one.masks for one in like.values())  # a MOT file
    scale = np.array([video.width, video.height] * 2) if pixels else np.ones(4)
    tracks = {one.id: boxes_at(one.track, times) * scale for one in evidence.instances}
    segmented = bool(shapes) and any(one.masks for one in evidence.instances)
    frames = {}
    for index, number in enumerate(numbers):
        boxes, masks = {}, {}
        for one in evidence.instances:
            mask = mask_at(one.masks, float(times[index]), shapes[0]) if segmented else None
            if segmented and mask is not None and mask.any():
                masks[one.id], boxes[one.id] = mask, np.array(box_of(mask))
            elif not segmented and not np.isnan(tracks[one.id][index]).any():
                boxes[one.id] = tracks[one.id][index]
        frames[number] = Frame(
            list(boxes), np.array([*boxes.values()]).reshape(-1, 4), list(masks.values())
        )
    return frames


# Counting -----------------------------------------------------------------------------------------


def similarity(truth: Frame, found: Frame) -> Array:
    """Overlap of every pair, shape (true, found): of masks where both have them, else of boxes."""
    if truth.masks and found.masks:
        one, other = (np.array([m.ravel() for m in some.masks], float) for some in (truth, found))
        shared = one @ other.T
        union = one.sum(axis=1)[:, None] + other.sum(axis=1)[None] - shared
    else:
        first, second = truth.boxes[:, None], found.boxes[None]
        low = np.maximum(first[..., :2], second[..., :2])
        high = np.minimum(first[..., 2:], second[..., 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=-1)
        areas = [np.prod(one[..., 2:] - one[..., :2], axis=-1) for one in (first, second)]
        union = areas[0] + areas[1] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))


@dataclass(frozen=True, slots=True)
class _Moment:
    """One frame: places of the identities that are seen, and their overlaps."""

    true: NDArray[np.int64]
    found: NDArray[np.int64]
    overlap: Array


def count(truth: Frames, found: Frames) -> dict[str, list[float]]:
    """What HOTA and IDF1 are made of.

    Returns:
        ``hota``: TP, FN, FP, sum of the association scores of the matches, and sum of their
        overlaps, each at the 19 thresholds, one after the other; ``identity``: IDTP, IDFP, IDFN.
    """
    true_ids, found_ids = (
        {id: i for i, id in enumerate(sorted({id for one in some.values() for id in one.ids}))}
        for some in (truth, found)
    )
    nothing = Frame([], np.empty((0, 4)))
    moments = []
    for number in sorted(truth.keys() | found.keys()):
        one, other = truth.get(number, nothing), found.get(number, nothing)
        moments.append(
            _Moment(
                np.array([true_ids[id] for id in one.ids], dtype=np.int64),
                np.array([found_ids[id] for id in other.ids], dtype=np.int64),
                similarity(one, other),
            )
        )
    shape = len(true_ids), len(found_ids)
    return {"hota": _count_hota(moments, shape), "identity": _count_identities(moments, shape)}


def _lengths(moments: Sequence[_Moment], shape: tuple[int, int]) -> tuple[Array, Array]:
    """Frames in which each identity is seen."""
    true, found = np.zeros(shape[0]), np.zeros(shape[1])
    for one in moments:
        true[one.true] += 1
        found[one.found] += 1
    return true, found


def _count_hota(moments: Sequence[_Moment], shape: tuple[int, int]) -> list[float]:
    true, found = _lengths(moments, shape)
    aligned = np.zeros(shape)
    for one in moments:
        total = one.overlap.sum(0)[None] + one.overlap.sum(1)[:, None] - one.overlap
        part = np.divide(one.overlap, total, out=np.zeros_like(total), where=total > 0)
        aligned[np.ix_(one.true, one.found)] += part
    alignment = aligned / (true[:, None] + found[None] - aligned)
    thresholds = HOTA_THRESHOLDS
    hits, overlaps = np.zeros(len(thresholds)), np.zeros(len(thresholds))
    matches = np.zeros((len(thresholds), *shape))
    for one in moments:
        rows, columns = linear_sum_assignment(-alignment[np.ix_(one.true, one.found)] * one.overlap)
        overlap = one.overlap[rows, columns]
        for k, threshold in enumerate(thresholds):
            good = overlap >= threshold - np.finfo(float).eps
            hits[k] += good.sum()
            overlaps[k] += overlap[good].sum()
            matches[k, one.true[rows[good]], one.found[columns[good]]] += 1
    association = matches / np.maximum(1, true[:, None] + found[None] - matches)
    associated = (matches * association).sum(axis=(1, 2))
    missed, false = true.sum() - hits, found.sum() - hits
    return [float(x) for x in np.concatenate([hits, missed, false, associated, overlaps])]


def _count_identities(moments: Sequence[_Moment], shape: tuple[int, int]) -> list[float]:
    """One identity for each, over the whole sequence, so that most frames agree."""
    true, found = _lengths(moments, shape)
    matches = np.zeros(shape)
    for one in moments:
        matches[np.ix_(one.true, one.found)] += one.overlap >= MATCHED
    rows, columns = linear_sum_assignment(-matches)
    hits = matches[rows, columns].sum()
    return [float(hits), float(found.sum() - hits), float(true.sum() - hits)]


# The metric ---------------------------------------------------------------------------------------


def counted() -> Solver:
    """Counts a sequence, in a worker process."""
    return Solver(compute=_counted)


def _counted(sample: Sample) -> Any:
    found, reference = sample.input
    truth = read_frames(reference)
    return {**count(truth, read_frames(found, truth)), "frames": len(truth)}


def tracking() -> Scorer:
    """What a sequence adds to HOTA and IDF1."""

    def score(sample: Sample, answer: Any) -> Score:
        values = {name: answer[name] for name in ("hota", "identity")}
        return Score(values, {"frames": answer["frames"]})

    return score


def tracks_task(found: Sequence[str], references: Sequence[str]) -> Task:
    """Tracks against labeled ones of the same names."""
    pairs = pair(
        find_sequences(found), find_sequences(references), kinds=("sequence of tracks", "label")
    )
    samples, rejected = [], list(pairs.rejected)
    for name, (mine, theirs) in pairs.found.items():
        if theirs.kind == "evidence":
            rejected.append(Rejected(theirs.path, "labels are MOT files or folders of masks"))
            continue
        samples.append(Sample(name, (mine, theirs)))
    parts = {"HOTA": "hota", "DetA": "deta", "AssA": "assa", "DetRe": "detre", "DetPr": "detpr",
             "LocA": "loca"}  # fmt: skip
    return Task(
        name="tracks",
        samples=samples,
        solver=counted(),
        scorer=tracking(),
        figures=[
            *(Figure(row, statistic, ("hota",)) for row, statistic in parts.items()),
            Figure("IDF1", "f1", ("identity",)),
        ],
        rejected=rejected,
        notes=[NOTE],
    )
