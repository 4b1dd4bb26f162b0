"""The statement audit: every statement of a caption with a number, beside frames with its tracks.

A judge who knows nothing else marks each one true, false (anything in it wrong), empty (tells
nothing of use) or unclear. The share of false ones is the figure.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from instancecap.errors import InputError
from instancecap.evals.ballot import Question, say, version
from instancecap.evals.boxes import boxes_at
from instancecap.evals.frames import count_frames, evenly, read_frames
from instancecap.evals.judging import Judged, Scores, by_model, key_of, with_scores, write_page
from instancecap.evals.pairing import named_captions, named_rows, video_of
from instancecap.evals.task import Figure, Sample, Score, Scorer, Task
from instancecap.io.atomic import require_writable
from instancecap.io.finder import Rejected, reason_of
from instancecap.io.table_writers import open_table
from instancecap.mllm.base import Image
from instancecap.schema.caption import Caption, Instance
from instancecap.video.clip import Clip
from instancecap.video.sampling import fit_within

VERDICTS = ("true", "false", "empty", "unclear")
FRAMES, COLUMNS, WIDTH, LINE = 12, 6, 320, 18
"""Of a sheet: frames, frames a row, pixels of a frame's width and of a line of text."""

LARGE = 640
"""Pixels of a frame's width on the page, where a click enlarges it."""

HUES = ((255, 255, 0), (0, 160, 255), (255, 0, 255), (0, 220, 0), (80, 80, 255), (200, 200, 200))
"""BGR, for instances in their order."""

Picture = NDArray[np.uint8]


def hue_of(number: int) -> tuple[int, int, int]:
    """BGR of an instance's box."""
    return HUES[number % len(HUES)]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a caption says: ``what`` it is about, and in which words."""

    what: str
    says: str

    @property
    def kind(self) -> str:
        """Without the instance's number."""
        words = self.what.split()
        return self.what if self.instance is None else " ".join(["instance", *words[2:]])

    @property
    def instance(self) -> int | None:
        """The number of the box that it is about."""
        words = self.what.split()
        return int(words[1]) if words[0] == "instance" else None

    @property
    def color(self) -> str:
        """That box's color in CSS; empty for none."""
        if self.instance is None:
            return ""
        blue, green, red = hue_of(self.instance)
        return f"rgb({red}, {green}, {blue})"


def statements(caption: Caption) -> Iterator[Statement]:
    """Everything that a caption says, one after the other."""
    if caption.global_description:
        yield Statement("global description", caption.global_description)
    for number, one in enumerate(caption.instances):
        yield from _of_instance(f"instance {number}", one)
    camera = caption.camera
    if camera.motion:
        told = f": {camera.description}" if camera.description else ""
        yield Statement("camera motion", _plain(", ".join(camera.motion)) + told)
    words = {
        "shot type": _plain(camera.shot_type), "shot angle": _plain(camera.shot_angle),
        "shot position": _plain(camera.shot_position), "place": caption.place,
        "time of day": caption.time_of_day, "style": caption.style,
    }  # fmt: skip
    texts = {"lighting": caption.lighting, "background": caption.background}
    for what, says in {**words, **texts}.items():
        if says and says not in ("other", "unknown"):
            yield Statement(what, says)
    yield Statement("number of shots", str(max(1, len(caption.shots))))


def _plain(word: str) -> str:
    """A word of a closed vocabulary as people write it."""
    return word.replace("_", " ")


def _of_instance(what: str, one: Instance) -> Iterator[Statement]:
    finer = f" ({one.subcategory})" if one.subcategory not in ("", one.class_) else ""
    yield Statement(f"{what} exists as one thing", f"{one.count} x {one.class_}{finer}")
    if one.colors:
        yield Statement(f"{what} colors", ", ".join(one.colors))
    for field in ("appearance", "action", "expression"):
        if text := getattr(one, field):
            yield Statement(f"{what} {field}", text)
    if one.position.text:
        yield Statement(f"{what} position", one.position.text)


# Sheets -------------------------------------------------------------------------------------------


def boxed_frames(
    video: str, instances: Sequence[Instance], *, wide: int = WIDTH
) -> list[tuple[float, Picture]]:
    """Times and BGR pictures, ``wide`` pixels, with the instances' boxes.

    Raises :class:`InputError`.
    """
    clip = Clip.open(video)
    total = count_frames(clip)
    read = read_frames(clip, sorted(set(evenly(total, min(FRAMES, total)))))
    times = np.array([t for t, _ in read])
    tracks = [boxes_at(one.track, times) for one in instances]
    found = []
    for index, (t, picture) in enumerate(read):
        height, width = picture.shape[:2]
        size = wide, fit_within(width / height, wide)[1] if width >= height else round(
            wide * height / width)  # fmt: skip
        small = np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        for number, boxes in enumerate(tracks):
            if not np.isnan(boxes[index]).any():
                _draw_box(small, boxes[index], number)
        _write(small, f"{t:.2f}", (4, size[1] - 6), (0, 255, 255))
        found.append((t, np.asarray(small, np.uint8)))
    return found


def _draw_box(picture: Any, box: NDArray[np.float64], number: int) -> None:
    height, width = picture.shape[:2]
    x0, y0, x1, y1 = (round(v) for v in box * (width, height, width, height))
    cv2.rectangle(picture, (x0, y0), (x1, y1), hue_of(number), 2)
    # Black on the box's color, inside the picture: a number on the clip itself is hard to read.
    left, top, text, size = max(x0, 0), max(y0, 0), str(number), max(1.0, width / WIDTH)
    right, low = left + round((9 * len(text) + 8) * size), top + round(17 * size)
    cv2.rectangle(picture, (left, top), (right, low), hue_of(number), -1)
    _write(picture, text, (left + round(4 * size), low - round(4 * size)), (0, 0, 0), size)


def _write(
    picture: Any, text: str, place: tuple[int, int], color: tuple[int, int, int], size: float = 1.0
) -> None:
    # OpenCV's letters are ASCII; what they lack stands in statements.jsonl.
    plain = text.encode("ascii", "replace").decode()
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, plain, place, font, 0.45 * size, color, round(size), cv2.LINE_AA)


def draw_sheet(name: str, frames: Sequence[Picture], told: Sequence[Statement]) -> Picture:
    """One picture: the frames, and below them every statement with its number."""
    height = frames[0].shape[0]
    rows = -(-len(frames) // COLUMNS)
    white = 255, 255, 255
    lines = [(name, white)]
    for number, one in enumerate(told):
        hue = white if one.instance is None else hue_of(one.instance)
        text = f"{number}. [{one.what}] {one.says}"
        lines += [(line, hue) for line in textwrap.wrap(text, 230)]
    sheet = np.full((rows * height + LINE * len(lines) + 10, WIDTH * COLUMNS, 3), 15, np.uint8)
    for index, picture in enumerate(frames):
        top, left = height * (index // COLUMNS), WIDTH * (index % COLUMNS)
        sheet[top : top + height, left : left + WIDTH] = picture
    for index, (line, hue) in enumerate(lines, 1):
        _write(sheet, line, (4, rows * height + LINE * index), hue)
    return sheet


def write_sheets(samples: Sequence[Sample], folder: Path) -> list[Rejected]:
    """``sheets/NAME.png`` for each sample, and ``statements.jsonl`` with all statements.

    Returns the samples whose frames cannot be read. Raises :class:`OutputError`.
    """
    rejected = []
    table = open_table(folder / "statements.jsonl")
    for one in samples:
        told, instances = one.input.about
        try:
            frames = [picture for _, picture in boxed_frames(one.video, instances)]
        except InputError as error:
            rejected.append(Rejected(one.id, reason_of(error, one.video)))
            continue
        path = folder / "sheets" / f"{one.id}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), draw_sheet(one.id, frames, told))
        for number, statement in enumerate(told):
            table.write(
                {"file": one.id, "n": number, "what": statement.what, "says": statement.says}
            )
    table.finish()
    return rejected


# Verdicts -----------------------------------------------------------------------------------------


def boxed_pictures(sample: Sample, *, wide: int = WIDTH) -> list[Image]:
    """The frames of a sample's sheet, as a model is shown them, or larger for people."""
    found = []
    for t, picture in boxed_frames(sample.video, sample.input.about[1], wide=wide):
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
        assert done, picture.shape
        found.append(Image(data.tobytes(), round(t, 3)))
    return found


def read_verdicts(
    path: str, samples: Sequence[Sample], *, seed: int
) -> tuple[Scores, list[Rejected]]:
    """What the page gave back, or a table with ``file``, ``n`` and ``verdict`` a row.

    Returns the rows that are no verdict too. Raises :class:`FormatError` for a broken file.
    """
    if path.endswith(".json"):
        return Scores.read(path), []
    read = named_rows(path, keys=("file",))
    known = {one.id: one for one in samples}
    rejected, scores = list(read.rejected), dict[str, dict[str, str]]()
    for name, rows in read.found.items():
        for row in rows:
            number, verdict = f"n{row.get('n', '')}", str(row.get("verdict", "")).lower()
            where = f"{path}: {name}, statement {number[1:] or '?'}"
            if name not in known or number not in known[name].input.questions:
                rejected.append(Rejected(where, "there is no such statement"))
            elif verdict not in VERDICTS:
                rejected.append(Rejected(where, f"{verdict!r}: allowed are {', '.join(VERDICTS)}"))
            else:
                scores.setdefault(key_of(known[name], seed=seed), {})[number] = verdict
    return Scores(rater=path, scores=scores), rejected


def audit() -> Scorer:
    """Verdicts by kind of statement, of all raters together."""

    def score(sample: Sample, answer: Any) -> Score:
        judged: Judged = sample.target or sample.input
        told: Sequence[Statement] = judged.about[0]
        raters = [one for one in zip(*answer.values(), strict=True) if all(one)]
        values: dict[str, float | list[float]] = {}
        for kind in ("all", *dict.fromkeys(one.kind for one in told)):
            some = [
                verdicts[i]
                for verdicts in raters
                for i, one in enumerate(told)
                if kind in ("all", one.kind)
            ]
            for name in VERDICTS:
                values[f"{kind}: {name}"] = [float(some.count(name)), float(len(some))]
        values["statements"] = float(len(told))
        values["true"] = sum(one.count("true") for one in raters) / len(raters)
        pairs = [
            one == other
            for first, second in combinations(raters, 2)
            for one, other in zip(first, second, strict=True)
        ]
        if pairs:
            values["agreeing pairs"] = [float(sum(pairs)), float(len(pairs))]
        rows = [
            {"what": one.what, "says": one.says, "verdict": list(some)}
            for one, some in zip(told, answer.values(), strict=True)
        ]
        remarks = {"remarks": list(judged.remarks)} if judged.remarks else {}
        return Score(values, {"statements": rows, **remarks})

    return score


def statement_samples(
    captions: Sequence[str], *, video_root: str | None = None
) -> tuple[list[Sample], list[Rejected]]:
    """A sample a caption: its statements, and its instances, which are drawn."""
    found = named_captions(captions)
    samples, rejected = [], list(found.rejected)
    for name, caption in found.found.items():
        try:
            video = video_of(caption, found.sources[name], video_root)
        except InputError as error:
            rejected.append(Rejected(name, reason_of(error, name)))
            continue
        told = list(statements(caption))
        questions = {
            f"n{number}": Question(
                say("statement", says=one.says, what=one.what), VERDICTS, one.color
            )
            for number, one in enumerate(told)
        }
        judged = Judged("statements", (), questions, (told, caption.instances))
        samples.append(Sample(name, judged, video=video))
    return samples, rejected


def write_audit_page(
    captions: Sequence[str], folder: Path, *, video_root: str | None = None, seed: int
) -> list[Rejected]:
    """Sheets, the list of statements, and the page for people; returns what is not on them."""
    require_writable(folder)
    samples, rejected = statement_samples(captions, video_root=video_root)
    rejected += write_sheets(samples, folder)
    left = {one.source for one in rejected}
    readable = [one for one in samples if one.id not in left]
    show = partial(boxed_pictures, wide=LARGE)
    return rejected + write_page(
        folder, readable, title="Statements to judge", show=show, seed=seed
    )


def statements_task(
    captions: Sequence[str],
    *,
    verdicts: Sequence[str] = (),
    video_root: str | None = None,
    seed: int = 0,
) -> Task:
    """The audit of captions, by files of verdicts, or by a model where there are none."""
    samples, rejected = statement_samples(captions, video_root=video_root)
    kinds = dict.fromkeys(one.kind for sample in samples for one in sample.input.about[0])
    notes: list[str] = []
    if verdicts:
        read = [read_verdicts(path, samples, seed=seed) for path in verdicts]
        rejected += [one for _, faults in read for one in faults]
        samples, left, notes = with_scores(samples, [some for some, _ in read], seed=seed)
        rejected += left
    better: dict[str, Literal["more", "less", ""]] = {"true": "more", "false": "less"}
    return Task(
        name="statements",
        samples=samples,
        solver=None if verdicts else by_model(boxed_pictures, seed=seed),
        scorer=audit(),
        figures=[
            *(
                Figure(kind, "share", (f"{kind}: {name}",), name, better.get(name, ""))
                for kind in ("all", *kinds)
                for name in VERDICTS
            ),
            Figure("all", "mean", ("statements",), "a clip", ""),
            Figure("all", "mean", ("true",), "true a clip"),
            Figure("all", "share", ("agreeing pairs",), "raters agree"),
        ],
        rejected=rejected,
        options={"frames": FRAMES},
        prompts=version("statements", "statement", "guard"),
        notes=notes,
    )
