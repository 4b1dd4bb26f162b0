"""Planted errors, corrected: ``python -m benchmarks.corrections CAPTIONS --evidence DIR``.

Each sentence of the captions gets one word or phrase swapped for another of its kind (left for
right, red for blue). Where the check contradicts the swapped sentence, the correction that a
preference pair would hold is compared with the sentence as it was. Errors and corrections are drawn
from one table, ``datasets/swaps.toml``: the figures tell whether the evidence picks the right one
of it, not how other errors fare.

Prints one JSON line: ``captions``, ``planted``, ``contradicted``, and of these ``restored``,
``removed`` and ``other``.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from instancecap.datasets.captions import read_captions
from instancecap.datasets.preferences import candidates_of, correct
from instancecap.language.sentences import split_sentences
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.verify.check import verify
from instancecap.verify.fields import texts_of

MOST = 12
"""Errors that are planted in a sentence."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("captions", nargs="+")
    parser.add_argument("--evidence", type=Path, required=True, help="of 'evidence --out'")
    options = parser.parse_args(arguments)
    counts = Counter[str]()
    for row in read_captions(options.captions):
        path = options.evidence / f"{row.name}.json"
        if row.caption is not None and path.exists():
            counts += count(row.caption, Evidence.read(path))
    print(json.dumps({"captions": counts.pop("captions", 0), **counts}))


def count(caption: Caption, evidence: Evidence) -> Counter[str]:
    """What comes of every error that can be planted in a caption."""
    counts = Counter(captions=1)
    for text in texts_of(caption):
        for one in split_sentences(text.text):
            for planted in list(candidates_of(one.text, []))[:MOST]:
                counts["planted"] += 1
                wrong = caption.model_copy(deep=True)
                pointers.assign(wrong, text.pointer, text.text.replace(one.text, planted, 1))
                report = verify(wrong, evidence)
                _, made = correct(wrong, evidence, report)
                found = [each.after for each in made if each.before == planted]
                if found:
                    outcome = "restored" if found[0] == one.text else "other"
                    counts["contradicted"] += 1
                    counts[outcome if found[0] else "removed"] += 1
    return counts


if __name__ == "__main__":
    main()
