"""Planted lies: ``python -m benchmarks.lies --clips ../shared/clips``, or ``--synthetic 40``.

True statements come from labels (``labels.json`` of the clips, their masks, and
``benchmarks/labels``), never from the evidence; each has a lie beside it, the opposite or another
value. Both are written in many ways, checked against the evidence of the clip, and counted:

* ``confident``: share of the statements that come out supported, contradicted or disputed,
* ``flagged``: share of the lies among them that are contradicted or disputed,
* ``wronged``: share of the true ones among them that are contradicted in any part,
* ``disputed``: share of the true ones among them that are disputed in any part.

Prints a table and every miss on stderr, one JSON line on stdout.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.suite import recipes, spread
from benchmarks.truth import LABELS, Case, load_clips
from instancecap.evidence.build import measure
from instancecap.language import en
from instancecap.schema import caption as c
from instancecap.schema.evidence import Evidence
from instancecap.schema.tracks import cell_of
from instancecap.verify.check import verify
from instancecap.verify.checks_scene import FOLDED, OPPOSITE
from instancecap.verify.report import Report

TARGETS = {"flagged": 0.95, "wronged": 0.02, "confident": 0.6}
SPOTS = {
    "left": "on the left side", "right": "on the right side", "center": "in the center",
    "top": "at the top", "bottom": "at the bottom",
}  # fmt: skip
OTHER_SPOTS = {
    "left": ["right"], "right": ["left"], "center": ["top left", "bottom right"],
    "top": ["bottom"], "bottom": ["top"],
}  # fmt: skip
OTHER_WAYS = {
    "left": "right", "right": "left", "up": "down", "down": "up", "toward": "away",
    "away": "toward",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statement:
    """Something said of a clip, true or not.

    Attributes:
        kind: as in :class:`instancecap.verify.report.Finding`; the kind that is counted.
        caption: that says it.
        said: in words, for messages.
    """

    clip: str
    kind: str
    true: bool
    caption: c.Caption
    said: str


class Writer:
    """Writes statements in varied phrasing, in turn and so the same in every run."""

    def __init__(self, phrases: dict[str, Any]) -> None:
        self._phrases, self._turn = phrases, 0

    def texts(self, kind: str, value: str, **words: str) -> Iterator[str]:
        """Every way to say it, each between another opening and closing."""
        for phrase in self._phrases[kind][value]:
            self._turn += 1
            first = self._phrases["opening"][self._turn % 3]
            last = self._phrases["closing"][(self._turn // 3) % 3]
            yield first + phrase.format(**words) + last


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, help="folder with labels.json")
    parser.add_argument("--synthetic", type=int, default=0, help="so many scenes of our own")
    parser.add_argument("--evidence", type=Path, help="keep evidence here between runs")
    parser.add_argument("--only", default="", help="clips whose name contains this")
    options = parser.parse_args(arguments)
    _print(count_outcomes(_cases(options), options.evidence))


def count_outcomes(cases: Iterable[Case], evidence: Path | None = None) -> dict[str, Counter[str]]:
    """By kind, how many statements came out how: ``False-contradicted`` for a lie that was caught.

    Misses are printed on stderr; edited clips, which have no one direction or place, are left out.
    """
    labels = json.loads((LABELS / "statements.json").read_text())
    writer = Writer(tomllib.loads((LABELS / "phrases.toml").read_text()))
    counts: dict[str, Counter[str]] = {}
    for case in cases:
        if case.truth.transitions:
            continue
        facts = _evidence(case, evidence)
        for one in statements(case, labels.get(case.name, {}), writer, facts.video):
            report = verify(one.caption, facts)
            outcome = judge(one, report)
            counts.setdefault(one.kind, Counter())[f"{one.true}-{outcome}"] += 1
            if (one.true and outcome in ("contradicted", "disputed")) or (
                not one.true and outcome == "supported"
            ):
                _tell(one, report)
    return counts


def _cases(options: argparse.Namespace) -> Iterator[Case]:
    if options.clips is not None:
        yield from load_clips(options.clips, only=options.only)
    if options.synthetic:
        for recipe in spread(recipes(only=options.only), options.synthetic):
            yield recipe.build()


def _evidence(case: Case, folder: Path | None) -> Evidence:
    path = folder / f"{case.name.replace('/', '__')}.json" if folder else None
    if path is not None and path.exists():
        return Evidence.read(path)
    evidence = measure(case.clip)
    if path is not None:
        evidence.write(path)
    return evidence


def judge(one: Statement, report: Report) -> str:
    """The worst outcome of a true statement; else that of the kind that is lied about."""
    found = [f.claim.support for f in report.findings if one.true or f.kind == one.kind]
    for support in ("contradicted", "disputed", "supported"):
        if support in found:
            if support == "supported" and one.kind not in {
                f.kind for f in report.findings if f.claim.support == "supported"
            }:
                continue  # that a dog is there does not support where it is
            return support
    return "unchecked"


def statements(
    case: Case, label: dict[str, Any], writer: Writer, video: Any
) -> Iterator[Statement]:
    """All that is known of a clip, in every way that there is to say it, and the lies beside it."""
    about = c.Video(**video.model_dump(include=set(c.Video.model_fields)))

    def told(kind: str, true: bool, text: str) -> Statement:
        caption = c.Caption(video=about, global_description=text)
        return Statement(case.name, kind, true, caption, text)

    def value(kind: str, true: bool, said: str, **fields: Any) -> Statement:
        return Statement(case.name, kind, true, c.Caption(video=about, **fields), said)

    for true, word in camera_words(case):
        for text in writer.texts("camera", word):
            yield told("camera", true, text)
        camera = c.Camera(motion=[word])
        yield value("camera", true, f"camera.motion {word}", camera=camera)
    for kind, words in (("time_of_day", ("day", "night")), ("place", ("indoor", "outdoor"))):
        known = [getattr(f, kind) for f in case.truth.framing if f.t is None]
        for word in words if known and known[0] in words else ():
            for text in writer.texts(kind, word):
                yield told(kind, word == known[0], text)
            yield value(kind, word == known[0], f"{kind} {word}", **{kind: word})
    for noun, number in label.get("counts", {}).items():
        for said in {number, number + 1, number + 2, max(1, number - 1)}:
            spoken = {
                "noun": noun,
                "nouns": en.plural(noun),
                "number": en.count_word(said),
            }
            for text in writer.texts("count", "one" if said == 1 else "text", **spoken):
                yield told("count", said == number, text)
    for thing in label.get("things", _drawn(case)):
        for kind, true, text, fields in of_thing(case, thing, writer):
            if text:
                yield told(kind, true, text)
            else:
                instance = c.Instance(id=0, class_=thing["noun"], **fields)
                yield value(kind, true, f"{thing['noun']} {fields}", instances=[instance])


def _drawn(case: Case) -> list[dict[str, Any]]:
    """The one thing of a scene that was made, as a label."""
    if len(case.truth.objects) != 1 or case.truth.classes:
        return []
    way = case.truth.objects[0].direction
    named = {"noun": "object", "called": "object", "colors": [], "not_colors": []}
    return [{**named, **({"direction": way} if way in OTHER_WAYS else {})}]


def camera_words(case: Case) -> Iterator[tuple[bool, str]]:
    """The labelled movements, and what is not true: their opposites, or rest, or movement."""
    truth = (case.truth.camera or frozenset()) - {"shaky", "tracking"}
    folded = {FOLDED.get(word, word) for word in truth}
    if not truth:
        return
    yield from ((True, word) for word in sorted(truth))
    if folded == {"static"}:
        yield from ((False, word) for word in ("pan_left", "zoom_in", "tilt_up"))
        return
    yield False, "static"
    for word in sorted(folded):
        if OPPOSITE[word] not in folded:
            yield False, OPPOSITE[word]


Said = tuple[str, bool, str, dict[str, Any]]


def of_thing(case: Case, thing: dict[str, Any], writer: Writer) -> Iterator[Said]:
    """Kind, truth, and a text or else the structured fields, of what is known of one thing."""
    it = {"it": f"the {thing['called']}", "It": f"The {thing['called']}"}
    if way := thing.get("direction"):
        for said in (way, OTHER_WAYS[way]):
            for text in writer.texts("direction", said, **it):
                yield "direction", said == way, text, {}
    for when, spot in spots_of(case, thing).items():
        for true, said in [(True, spot), *((False, other) for other in others(spot))]:
            for text in writer.texts(when, "text", spot=spot_phrase(said), **it):
                yield "position", true, text, {}
    for kind in ("enters", "leaves"):
        known = thing.get(kind, mask_ends(case).get(kind))
        for said in (True, False) if known is not None else ():
            for text in writer.texts(kind, "yes" if said else "no", **it):
                yield kind, said == known, text, {}
    alone = len(case.truth.classes) <= 1 or "counts" not in thing
    for true, colors in ((True, thing["colors"]), (False, thing["not_colors"])):
        manner = "person" if thing["noun"] == "person" else "text"
        for color in colors:
            noun = thing["called"].split()[-1] if alone else thing["noun"]
            for text in writer.texts("color", manner, color=color, noun=noun, **it):
                yield "color", true, text, {}
            yield "color", true, "", {"colors": [color.split()[-1]]}
    cells = mask_cells(case) if thing is not None else {}
    for when, cell in cells.items():
        row, column = cell.split("-")
        opposite = {"left": "right", "right": "left", "middle": "middle"}[column]
        upside = {"top": "bottom", "bottom": "top", "center": "center"}[row]
        if opposite == column:
            opposite = "left"
        for true, said in ((True, cell), (False, f"{upside}-{opposite}")):
            yield "position", true, "", {"position": c.Position(**{when: said})}


def spots_of(case: Case, thing: dict[str, Any]) -> dict[str, str]:
    """Where the thing is at the start and at the end, by a person's eye or by its mask."""
    found: dict[str, str] = {when: thing[when] for when in ("start", "end") if when in thing}
    for when, cell in mask_cells(case).items():
        _row, column = cell.split("-")
        found.setdefault(when, "center" if column == "middle" else column)
    return found


def mask_cells(case: Case) -> dict[str, str]:
    """The cell of the masked thing in its first and last visible frame."""
    if not case.truth.objects:
        return {}
    thing = case.truth.objects[0]
    shown = np.flatnonzero(thing.visible)
    cells: dict[str, str] = {}
    for when, index in (("start", shown[0]), ("end", shown[-1])):
        box = thing.boxes[index]
        cells[when] = cell_of((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
    return cells


def mask_ends(case: Case) -> dict[str, bool]:
    """Whether the masked thing enters and leaves."""
    if not case.truth.objects:
        return {}
    return {"enters": case.truth.objects[0].enters, "leaves": case.truth.objects[0].leaves}


def others(spot: str) -> list[str]:
    """Places that are not ``spot``, on the other side of the frame."""
    words = spot.split()
    if len(words) == 2:
        return [f"{OTHER_SPOTS[words[0]][0]} {OTHER_SPOTS[words[1]][0]}"]
    return OTHER_SPOTS[spot]


def spot_phrase(spot: str) -> str:
    """``top left`` as *in the top left*."""
    return SPOTS.get(spot, f"in the {spot}")


def _tell(one: Statement, report: Report) -> None:
    what = "true, but flagged" if one.true else "a lie, but supported"
    said = [
        f"{f.claim.says} -> {f.claim.support} ({f.measured})"
        for f in report.findings
        if f.kind == one.kind or f.claim.support == "contradicted"
    ]
    print(f"{what}: {one.clip}: {one.kind}: {one.said!r}: {'; '.join(said)}", file=sys.stderr)


def figures(count: Counter[str]) -> dict[str, float | None]:
    """Shares of one kind; None where there is nothing to take a share of."""

    def number(*names: str) -> int:
        return sum(count[name] for name in names)

    caught = number("False-contradicted", "False-disputed")
    lies = caught + number("False-supported")
    right = number("True-supported", "True-contradicted", "True-disputed")
    total = sum(count.values())
    return {
        "flagged": round(caught / lies, 4) if lies else None,
        "wronged": round(count["True-contradicted"] / right, 4) if right else None,
        "disputed": round(count["True-disputed"] / right, 4) if right else None,
        "confident": round((lies + right) / total, 4) if total else None,
        "lies": sum(n for key, n in count.items() if key.startswith("False")),
        "true": sum(n for key, n in count.items() if key.startswith("True")),
    }


def _print(counts: dict[str, Counter[str]]) -> None:
    every: Counter[str] = Counter()
    for count in counts.values():
        every.update(count)
    rows = {**{kind: figures(counts[kind]) for kind in sorted(counts)}, "all": figures(every)}
    columns = ("flagged", "wronged", "disputed", "confident")
    head = "".join(f"{name:>11}" for name in columns)
    print(f"{'kind':<12}{'lies':>6}{'true':>6}{head}", file=sys.stderr)
    for kind, row in rows.items():
        shown = "".join(f"{'-' if row[k] is None else format(row[k], '.3f'):>11}" for k in columns)
        print(f"{kind:<12}{row['lies']:>6}{row['true']:>6}{shown}", file=sys.stderr)
    print(json.dumps({"benchmark": "lies", "targets": TARGETS, **rows["all"], "kinds": rows}))


if __name__ == "__main__":
    main()
