"""Captions whose camera, shot and positions are those that the experts measured, to train on.

    python -m recipes.distill --captions captions --out distilled --least 0.8
    python -m recipes.captioner --model MODEL --captions distilled --out captioner

A captioner learns from it what a model that describes seldom gets right and the experts measure. A
measured field replaces what the caption says, or fills what it leaves open, where its confidence is
at least ``--least``; everything else stays. What a person wrote stays too.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import instancecap as ic
from instancecap.datasets.captions import read_captions
from instancecap.errors import DecodeError, InputError
from instancecap.evals.fields import match
from instancecap.language import en
from instancecap.schema.caption import Caption, Provenance
from instancecap.schema.pointer import assign, instance_pointer, resolve
from instancecap.video import Clip

CLIP = ("/camera/motion", "/camera/shot_type", "/camera/shot_angle", "/camera/shot_position")
"""Leaves of the clip that experts measure."""


def distill(caption: Caption, measured: Caption, *, least: float) -> list[str]:
    """Put the measured leaves into ``caption``; gives those that changed."""
    pairs = [(one, one) for one in CLIP]
    partners = match(measured.instances, caption.instances)
    for at, other in partners.items():
        ours, theirs = measured.instances[at], caption.instances[other]
        ours.position.text = en.position(ours.position)
        places = [instance_pointer(one.id, "position/text") for one in (ours, theirs)]
        pairs.append((places[0], places[1]))
    changed = []
    for source, target in pairs:
        told, known = measured.provenance.get(source), caption.provenance.get(target)
        value = resolve(measured, source)
        if (
            told is None
            or told.confidence < least
            or not value
            or (known and known.source == "human")
        ):
            continue
        if resolve(caption, target) != value:
            changed.append(target)
        assign(caption, target, value)
        caption.provenance[target] = Provenance(
            source=told.source, confidence=told.confidence, support="measured", frames=told.frames
        )
    if "/camera/motion" in changed:
        caption.camera.description = en.camera_sentence(caption.camera)
    return changed


def main(words: Sequence[str] | None = None) -> None:
    """Measure every clip and write the captions anew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captions", nargs="+", required=True, help="files, folders or tables")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new captions")
    parser.add_argument("--least", type=float, default=0.8, help="confidence of a measured field")
    options = parser.parse_args(words)
    options.out.mkdir(parents=True, exist_ok=True)
    for row in read_captions(options.captions):
        try:
            if row.caption is None or row.caption.video is None:
                raise InputError(row.error or "the caption names no video")
            video = row.caption.video
            clip = Clip.open(video.path, start=video.start, end=video.end or None)
            changed = distill(row.caption, ic.caption(clip), least=options.least)
        except (InputError, DecodeError) as error:
            print(f"left out: {row.source}: {error}")
            continue
        path = options.out / f"{row.name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row.caption.to_json(), encoding="utf-8")
        print(f"{row.name}: {', '.join(changed) or 'nothing new'}")


if __name__ == "__main__":
    main()
