"""Camera movements against labels: primitives as sets, and each one by its graded score.

Conventions, where the schema leaves room:

* Folded, ``move_*`` counts as the turn that looks alike; ``tracking`` and ``shaky`` are not scored.
* An arc is a sideways travel and a turn against it. Which of the two shows depends on how far the
  background is, so in a scene whose truth has an arc, ``pan_*`` and ``arc_*`` are not scored.
* A truth that is empty after folding (shake alone) leaves ``static`` unscored too: a trembling hand
  that goes nowhere may be called either way, but any direction is a false word.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from instancecap.errors import InputError
from instancecap.evals.pairing import Named, named_captions, named_rows, pair
from instancecap.evals.statistics import f1
from instancecap.evals.task import Figure, Sample, Score, Scorer, Task
from instancecap.evidence.experts.camera_scores import score_primitives
from instancecap.evidence.view import shots_of
from instancecap.io.finder import Rejected, reason_of
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence

FOLD = {
    "move_in": "zoom_in",
    "move_out": "zoom_out",
    "move_left": "pan_left",
    "move_right": "pan_right",
    "move_up": "tilt_up",
    "move_down": "tilt_down",
}
UNSCORED = {"tracking", "shaky"}
OPPOSITE = {
    a: b
    for pair in (
        ("pan_left", "pan_right"),
        ("tilt_up", "tilt_down"),
        ("zoom_in", "zoom_out"),
        ("roll_cw", "roll_ccw"),
    )
    for a, b in (pair, pair[::-1])
}

PRIMITIVES = {
    "static": "fixed_camera",
    "pan_left": "has_pan_left",
    "pan_right": "has_pan_right",
    "tilt_up": "has_tilt_up",
    "tilt_down": "has_tilt_down",
    "roll_cw": "has_roll_clockwise",
    "roll_ccw": "has_roll_counterclockwise",
    "zoom_in": "has_zoom_in",
    "zoom_out": "has_zoom_out",
    "move_in": "has_forward_wrt_camera",
    "move_out": "has_backward_wrt_camera",
    "move_left": "has_leftward",
    "move_right": "has_rightward",
    "move_up": "has_upward_wrt_camera",
    "move_down": "has_downward_wrt_camera",
}
"""Ours, and the last part of CameraBench's ``label_name``: a pan is no truck, a zoom no dolly."""

YES = {"yes": 1.0, "true": 1.0, "1": 1.0, "no": 0.0, "false": 0.0, "0": 0.0}

NOTE = (
    "Pan is scored apart from truck (move_left, move_right) and zoom apart from dolly (move_in, "
    "move_out): nothing is folded. Graded scores rank the clips for AP and ROC-AUC; F1 and the "
    "counts are of what was said."
)


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives, false negatives."""

    hits: int = 0
    false: int = 0
    missed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.hits + other.hits, self.false + other.false, self.missed + other.missed)

    @property
    def f1(self) -> float | None:
        """The F1 score; None where there was nothing to find and nothing was found."""
        found = f1(np.array([[self.hits, self.false, self.missed]], dtype=float), np.ones(1))
        return None if math.isnan(found) else found


def fold(words: Iterable[str]) -> frozenset[str]:
    """Primitives with travels as turns, hints left out."""
    return frozenset(FOLD.get(word, word) for word in words) - UNSCORED


def score_camera(truth: Collection[str], found: Collection[str]) -> Counts:
    """Agreement of two sets of primitives after folding."""
    true, said = fold(truth), fold(found)
    if any(word.startswith("arc") for word in true):
        drop = {"arc_cw", "arc_ccw", "pan_left", "pan_right"}
        true, said = true - drop, said - drop
        if not true:
            # The arc itself is not scored, but to call it static is wrong.
            return Counts(0, len(said), 0)
    elif not true:
        said -= {"static"}
    said = frozenset(word for word in said if not word.startswith("arc"))
    return Counts(len(true & said), len(said - true), len(true - said))


def count_flipped(truth: Collection[str], found: Collection[str]) -> int:
    """How many true directions were reported as their opposite."""
    true, said = fold(truth), fold(found)
    return sum(OPPOSITE.get(w) in said and OPPOSITE.get(w) not in true for w in true)


def judge_static(truth: Collection[str], found: Collection[str]) -> bool | None:
    """Whether static was told from moving; None where shake alone leaves it open."""
    true = fold(truth)
    if not true:
        return None
    return ("static" in true) == ("static" in found or not fold(found))


# Graded scores ------------------------------------------------------------------------------------


def graded(evidence: Evidence) -> dict[str, float]:
    """A score 0..1 for every primitive: the camera model's where one was chosen, else by how far
    the camera went along each axis and what is said of it."""
    video, camera = evidence.video, evidence.camera
    scores = camera.scores or score_primitives(
        camera, shots_of(evidence), aspect=video.width / video.height
    )
    return dict[str, float](scores.items())


def said_scores(caption: Caption) -> dict[str, float]:
    """1 for a primitive that a caption says, 0 for the others."""
    return {name: float(name in caption.camera.motion) for name in PRIMITIVES}


# The metric ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a camera, and how each primitive is ranked."""

    said: frozenset[str]
    scores: Mapping[str, float]


def named_cameras(paths: Sequence[str]) -> Named[Told]:
    """What captions, evidence files, or tables of graded scores say.

    A table has a row a clip and label: ``image`` or ``video``, ``label_name``, ``score``; a score
    of 0.5 or more says it.
    """
    tables = [one for one in paths if one.endswith((".jsonl", ".csv")) and _has_scores(one)]
    found: dict[str, Told] = {}
    rejected: list[Rejected] = []
    for table in tables:
        rows = named_rows(table, keys=("video", "image", "id"))
        rejected += rows.rejected
        for name, some in rows.found.items():
            scores = {p: x for row in some if (p := primitive_of(row))
                      and (x := _score_of(row)) is not None}  # fmt: skip
            found[name] = Told(frozenset(p for p, x in scores.items() if x >= 0.5), scores)
            rejected += [
                Rejected(table, f"{name}, {row.get('label_name')}: no number {row.get('score')!r}")
                for row in some
                if _score_of(row) is None
            ]
        all_rows = (row for some in rows.found.values() for row in some)
        rejected += _unknown(table, (row for row in all_rows if not primitive_of(row)))
    others = [one for one in paths if one not in tables]
    evidence = [one for one in others if _is_evidence(one)]
    for path in evidence:
        for file in sorted(Path(path).rglob("*.json")):
            if ".instancecap" in file.parts:
                continue
            try:
                facts = Evidence.read(file)
            except InputError as error:
                rejected.append(Rejected(str(file), reason_of(error, str(file))))
                continue
            name = file.relative_to(path).with_suffix("").as_posix()
            found[name] = Told(frozenset(facts.camera.motion), graded(facts))
    captions = named_captions([one for one in others if one not in evidence])
    for name, caption in captions.found.items():
        found[name] = Told(frozenset(caption.camera.motion), said_scores(caption))
    return Named(found, rejected + captions.rejected)


def _score_of(row: Mapping[str, Any]) -> float | None:
    try:
        score = float(str(row.get("score", "")))
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def _has_scores(path: str) -> bool:
    found = named_rows(path, keys=("video", "image", "id")).found
    return any("score" in row and "label_name" in row for rows in found.values() for row in rows)


def _is_evidence(path: str) -> bool:
    """Whether the first document of a folder is evidence."""
    files = (one for one in sorted(Path(path).rglob("*.json")) if ".instancecap" not in one.parts)
    first = next(files, None) if Path(path).is_dir() else None
    return first is not None and '"instancecap.evidence/1"' in first.read_text("utf-8")[:200]


def primitive_of(row: Mapping[str, Any]) -> str:
    """Our word for a label: CameraBench's dotted name, or ours; empty for another label."""
    name = str(row.get("label_name", "")).rpartition(".")[2].replace("-", "_").replace(" ", "_")
    known = {label: word for word, label in PRIMITIVES.items()}
    return known.get(name) or (name if name in PRIMITIVES else "")


def camera_task(captions: Sequence[str], labels: str) -> Task:
    """What was said of cameras against labels in CameraBench's form, a row a clip and label.

    Rows have ``image`` or ``video``, ``label_name`` and ``label`` (Yes or No); ``question`` and
    ``task`` are not needed. Other dotted labels of CameraBench are named in a note; any other name
    is rejected.
    """
    rows = named_rows(labels, keys=("video", "image", "id"))
    pairs = pair(named_cameras(captions), rows, kinds=("caption", "label"))
    strange = [row for some in rows.found.values() for row in some if not primitive_of(row)]
    rejected, samples = [*pairs.rejected, *_unknown(labels, strange)], []
    for name, (told, some) in pairs.found.items():
        for row in some:
            word, label = primitive_of(row), YES.get(str(row.get("label", "")).lower())
            if word and label is None:
                reason = f"{name}, {word}: a label is Yes or No, not {row.get('label')!r}"
                rejected.append(Rejected(labels, reason))
            elif word and word not in told.scores:
                rejected.append(Rejected(labels, f"{name}, {word}: there is no score for it"))
            elif word:
                given = (told.scores[word], word in told.said)
                samples.append(Sample(f"{name}/{word}", given, label, clip=name))
    unique = {one.id: one for one in samples}
    return Task(
        name="camera",
        samples=list(unique.values()),
        scorer=primitives(),
        figures=list(_figures({one.id.rpartition("/")[2] for one in samples})),
        rejected=rejected,
        notes=[NOTE, *_of_other_tasks(strange)],
    )


def _unknown(table: str, rows: Iterable[Mapping[str, Any]]) -> list[Rejected]:
    """Each label name that is nobody's, once."""
    counts = Counter(str(row.get("label_name", "")) for row in rows)
    allowed = f"allowed are {', '.join(PRIMITIVES)}, and CameraBench's names of these"
    return [
        Rejected(table, f"label_name {name!r} ({count} of the rows): {allowed}")
        for name, count in counts.items()
        if "." not in name
    ]


def _of_other_tasks(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """A note of dotted names, which CameraBench has for much else."""
    names = dict.fromkeys(str(row.get("label_name", "")) for row in rows)
    dotted = [name for name in names if "." in name]
    return [f"Labels that are none of these movements: {', '.join(dotted)}."] if dotted else []


def _figures(words: Collection[str]) -> Iterable[Figure]:
    for word in (one for one in PRIMITIVES if one in words):
        yield Figure(word, "average_precision", (f"{word}.score", f"{word}.label"), "AP")
        yield Figure(word, "roc_auc", (f"{word}.score", f"{word}.label"), "ROC-AUC")
        yield Figure(word, "f1", (f"{word}.counts",), "F1")
        for name in ("TP", "FP", "FN", "TN"):
            yield Figure(word, "total", (f"{word}.{name}",), name, "")
    yield Figure("mean", "mean_average_precision", ("score", "label", "primitive"), "AP")
    yield Figure("mean", "mean_roc_auc", ("score", "label", "primitive"), "ROC-AUC")
    yield Figure("mean", "f1", ("counts",), "F1")


def primitives() -> Scorer:
    """Each primitive's score and label, and the confusion of what was said."""
    order = list(PRIMITIVES)

    def score(sample: Sample, answer: Any) -> Score:
        (graded_score, said), label = answer, sample.target
        word = sample.id.rpartition("/")[2]
        hit, false = float(said and label), float(said and not label)
        missed, rest = float(not said and label), float(not said and not label)
        counts = [hit, false, missed]
        return Score(
            {
                "score": graded_score, "label": label, "primitive": float(order.index(word)),
                "counts": counts,
                f"{word}.score": graded_score, f"{word}.label": label, f"{word}.counts": counts,
                f"{word}.TP": hit, f"{word}.FP": false, f"{word}.FN": missed, f"{word}.TN": rest,
            },
            {"said": bool(said), "label": bool(label)},
        )  # fmt: skip

    return score
