"""What a prompt asks for, and what a model says of it, held against what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from instancecap.evals.inseval.suite import Prompt, Wanted
from instancecap.schema.evidence import Evidence
from instancecap.verify.check import ClaimChecker
from instancecap.verify.claims import Claim, Kind, Mention
from instancecap.verify.naming import noun_of

MOTION_KINDS: Mapping[str, Kind] = {
    "left": "direction", "right": "direction", "moving": "motion", "still": "motion",
}  # fmt: skip


def ground(prompt: Prompt, evidence: Evidence) -> list[dict[str, Any]]:
    """What the evidence has on the presence, number, color and motion of each instance.

    A row each: ``instance``, its place; ``kind``; ``claim`` in words; ``support`` (``supported``,
    ``contradicted``, ``disputed`` or ``unchecked``), what was ``measured``, and ``frames``, the
    times that show it. What is unchecked is left out.
    """
    found = []
    for place, one in enumerate(prompt.instances):
        mention = Mention(noun_of(one.name), number=one.count, text=f"the {one.name}")
        claims = [Claim(kind, value, (mention,)) for kind, value in _claims(one, prompt)]
        checker = ClaimChecker(evidence, {}, claims)
        for claim in claims:
            verdict = checker.check(claim)
            if verdict.support != "unchecked":
                found.append(
                    {
                        "instance": place,
                        "kind": claim.kind,
                        "claim": claim.in_words(),
                        "support": verdict.support,
                        "measured": verdict.measured,
                        "frames": verdict.frames,
                    }
                )
    return found


def _claims(one: Wanted, prompt: Prompt) -> Iterator[tuple[Kind, str]]:
    if noun_of(one.name).generic:  # a person is measured, not whether it is a woman
        yield "presence", ""
        if one.count:
            yield "count", str(one.count)
    if prompt.dimension == "color":
        yield "color", one.value
    if one.motion:
        yield MOTION_KINDS[one.motion], one.motion


def disagreements(
    grounded: Sequence[Mapping[str, Any]], instances: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Rows of :func:`ground` that say another thing than the model did, with ``model``.

    On presence the model is held to its answer whether the instance is there; on color and motion
    to whether it matches. Nobody asked it about numbers: a wrong one is a row of its own.
    """
    found = []
    for row in grounded:
        answer = instances[row["instance"]]
        said = answer["present"] if row["kind"] == "presence" else answer["matches"]
        measured = row["support"] == "supported"
        if row["kind"] == "count":
            said = None if measured else True
        if said is not None and bool(said) != measured:
            model = "not asked" if row["kind"] == "count" else "YES" if said else "NO"
            found.append({**row, "model": model})
    return found
