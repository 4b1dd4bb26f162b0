"""True sentences, and how many of them verification contradicts.

``python -m benchmarks.sentences --clips ../shared/clips --reader ../shared/reader``

The sentences are those of a careful reader (``answers.jsonl`` of ``--reader``), the captions and
descriptions that came with the clips, and sentences that were written by looking at the frames
(``tests/verify/sentences.json``). A clip belongs to one of two halves, by its name: rules were
developed on the sentences of the first, and the figure that counts is that of the second
(``--half held-out``).

Prints every contradicted or disputed sentence of the half on stderr, one JSON line on stdout.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from instancecap.evidence.build import measure
from instancecap.language.sentences import split_sentences
from instancecap.schema import caption as c
from instancecap.schema.evidence import Evidence
from instancecap.verify.check import verify
from instancecap.verify.fields import texts_of
from instancecap.verify.report import Report
from instancecap.video import Clip

TARGET = 0.01
OWN = Path(__file__).parent.parent / "tests" / "verify" / "sentences.json"
WRONG_CLIP = {3: "it is of another clip than the one that it is filed under"}
"""Questions of the reader that are left out, and why."""


@dataclass(frozen=True, slots=True)
class TrueCaption:
    """A caption whose sentences are true of a clip, and where it comes from."""

    clip: str
    source: str
    caption: c.Caption


def half_of(clip: str) -> str:
    """``developed`` or ``held-out``; all sentences of a clip are in one half."""
    return ("developed", "held-out")[hashlib.sha256(clip.encode()).digest()[0] % 2]


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, required=True, help="folder with labels.json")
    parser.add_argument("--reader", type=Path, help="folder with the reader's answers.jsonl")
    parser.add_argument("--half", choices=["developed", "held-out", "both"], default="held-out")
    parser.add_argument("--evidence", type=Path, help="keep evidence here between runs")
    options = parser.parse_args(arguments)
    counts = count_sentences(
        options.clips, options.reader, half=options.half, evidence=options.evidence
    )
    total = max(1, counts["sentences"])
    shares = {name: round(counts[name] / total, 4) for name in ("contradicted", "disputed")}
    print(json.dumps({"benchmark": "true_sentences", "half": options.half, "target": TARGET,
                      **counts, "shares": shares}))  # fmt: skip


def count_sentences(
    clips: Path, reader: Path | None, *, half: str = "both", evidence: Path | None = None,
    only: str = "",
) -> Counter[str]:  # fmt: skip
    """Sentences and claims by what came of them, of the clips whose name contains ``only``."""
    counts: Counter[str] = Counter()
    known: dict[str, Evidence] = {}
    for one in true_captions(clips, reader):
        if half not in ("both", half_of(one.clip)) or only not in one.clip:
            continue
        if one.clip not in known:
            known[one.clip] = evidence_of(clips, one.clip, evidence)
        counts += _count(one, verify(one.caption, known[one.clip]))
    return counts


def evidence_of(clips: Path, clip: str, folder: Path | None) -> Evidence:
    """Measured, or read from ``folder`` where it was kept."""
    path = folder / f"{clip.replace('/', '__')}.json" if folder else None
    if path is not None and path.exists():
        return Evidence.read(path)
    evidence = measure(Clip.open(clips / clip))
    if path is not None:
        evidence.write(path)
    return evidence


def _count(one: TrueCaption, report: Report) -> Counter[str]:
    """Sentences, and those in which any claim is contradicted, or disputed."""
    counts: Counter[str] = Counter()
    counts["sentences"] = sum(len(split_sentences(text.text)) for text in texts_of(one.caption))
    worst: dict[tuple[str, str], str] = {}
    for finding in report.findings:
        if not finding.sentence:
            continue
        counts["claims"] += 1
        counts[f"claims_{finding.claim.support}"] += 1
        if finding.claim.support in ("contradicted", "disputed"):
            key = finding.claim.field, finding.sentence
            if worst.get(key) != "contradicted":
                worst[key] = finding.claim.support
            where = f"{finding.claim.support}: {one.clip} ({one.source}): {finding.sentence!r}"
            says = f"{finding.claim.says} [{finding.kind}]; {finding.measured}"
            print(f"{where}: {says}", file=sys.stderr)
    counts.update(worst.values())
    return counts


def true_captions(clips: Path, reader: Path | None) -> Iterator[TrueCaption]:
    """Every true caption that there is."""
    yield from _labelled(clips)
    own: dict[str, list[Any]] = json.loads(OWN.read_text()) if OWN.exists() else {}
    for clip, texts in own.items():
        if (clips / clip).exists():
            yield TrueCaption(
                clip, "written", c.Caption(video=None, global_description=" ".join(texts))
            )
    if reader is not None:
        for path in (reader / "answers.jsonl", reader / "look" / "answers.jsonl"):
            for line in path.read_text().splitlines():
                row = json.loads(line)
                if row.get("question") not in WRONG_CLIP:
                    yield TrueCaption(f"web/{row['clip']}", path.parent.name, caption_of(row))


def _labelled(clips: Path) -> Iterator[TrueCaption]:
    for label in json.loads((clips / "labels.json").read_text()):
        name: str = label["file"]
        if name.startswith("odd/"):
            continue
        right = str(label.get("caption_check", "right")).startswith("right")
        texts = [label.get("description", ""), label.get("caption", "") if right else ""]
        if "Synthetic" in texts[0] or not any(texts):
            continue
        yield TrueCaption(name, "label", c.Caption(video=None, global_description=" ".join(texts)))


def caption_of(row: dict[str, Any]) -> c.Caption:
    """A reader's answer as a caption by somebody else."""
    answer = row["answer"]
    fields: dict[str, Any] = {
        "global_description": answer.get("global_description", ""),
        "background": answer.get("background") or answer.get("environment", ""),
        "lighting": answer.get("lighting") or answer.get("light", ""),
        "camera": c.Camera(
            description=next(
                (answer[key] for key in ("camera_description", "camera_motion", "camera")
                 if isinstance(answer.get(key), str)), "",
            )
        ),
    }  # fmt: skip
    if "segment" in answer:
        times = re.search(r"between ([\d.]+) and ([\d.]+) seconds", row["asked"])
        start, end = (float(time) for time in times.groups()) if times else (0.0, 1e6)
        fields["segments"] = [c.Segment(start=start, end=end, description=answer["segment"])]
    things = answer.get("instances") or answer.get("subjects")
    if things is None and ("action" in answer or "appearance" in answer):
        things = [answer]
    fields["instances"] = [_instance(index, one) for index, one in enumerate(things or [])]
    return c.Caption(video=None, producer=c.Producer(name="reader"), **fields)


def _instance(index: int, answer: dict[str, Any]) -> c.Instance:
    kinds = answer.get("TYPES", {})
    class_ = answer.get("class") or kinds.get("sub_type") or answer.get("type")
    position = answer.get("position", "")
    return c.Instance(
        id=index,
        name=answer.get("name", "") if "class" in answer else "",
        class_=str(class_ or answer.get("name") or "object"),
        appearance=answer.get("appearance", ""),
        action=answer.get("action", ""),
        expression=answer.get("expression", ""),
        position=c.Position(text=position if isinstance(position, str) else ""),
    )


if __name__ == "__main__":
    main()
