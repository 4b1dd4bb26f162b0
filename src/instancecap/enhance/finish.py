"""A caption that was made from a prompt, with its sources, and the prompt that it makes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from instancecap.enhance.faithful import in_words, missing
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.parse import parse
from instancecap.enhance.picture import Picture
from instancecap.enhance.questions import version
from instancecap.enhance.result import LOST, Enhanced, unheard, unsaid
from instancecap.enhance.tokens import Parsed
from instancecap.language import en
from instancecap.mllm.base import Usage
from instancecap.schema.caption import Caption, Producer, Provenance
from instancecap.schema.pointer import instance_of
from instancecap.version import __version__

NOTHING = Usage()


def tell_apart(caption: Caption) -> None:
    """Give instances of one name another one: *the second dog*."""
    seen: Counter[str] = Counter()
    for one in caption.instances:
        seen[name := one.name.casefold()] += 1
        if seen[name] > 1:
            one.name = f"the {en.ordinal(seen[name])} {one.name.removeprefix('the ')}"


def finish(
    caption: Caption,
    base: Caption,
    parsed: Parsed,
    options: EnhanceOptions,
    *,
    usage: Usage = NOTHING,
    model: str = "",
    missed: Sequence[str] = (),
    notes: Sequence[str] = (),
    problem: str = "",
    picture: Picture | None = None,
) -> Enhanced:
    """The caption with its sources, and the prompt that it makes.

    Args:
        base: the caption that quotes the prompt; the same one where no model was asked.
    """
    is_asked = caption is not base
    caption = caption.model_copy(deep=True)
    if is_asked:
        done = len(caption.segments) >= options.shots  # what the rules could not split, it did
        caption.warnings = [*([] if done else base.warnings), *notes]
        caption.producer = Producer(
            version=__version__, captioner="enhance", mode=options.mode, models={"enhancer": model},
            prompts=version(), seed=options.seed, prompt=parsed.text,
        )  # fmt: skip
        _note_sources(caption, base, f"enhancer:{model}")
    if problem:
        caption.warnings.append(f"structured only, no model's words: {problem}"[:400])
    if picture is not None:
        caption = picture.put_into(caption)
    tell_apart(caption)
    caption = Caption.model_validate(caption.model_dump())
    if is_asked and unsaid(caption, parsed, options):  # what is said first is left out last
        _say_as_given(caption, base)
    _note_lost(caption, parsed, options, missed)
    return Enhanced.of(caption, options, usage=usage, problem=problem)


def revised(caption: Caption, options: EnhanceOptions) -> Enhanced:
    """What follows from an enhanced caption that a person has edited."""
    parsed = parse(caption.producer.prompt)
    caption = caption.model_copy(
        update={"warnings": [one for one in caption.warnings if not one.startswith(LOST)]}
    )
    _note_lost(caption, parsed, options, [in_words(one) for one in missing(caption, parsed)])
    return Enhanced.of(caption, options)


def _note_lost(
    caption: Caption, parsed: Parsed, options: EnhanceOptions, missed: Sequence[str]
) -> None:
    """Warn of all that the prompt says and the caption, or the target's text, does not."""
    lost = [*missed, *unheard(parsed, options.target)]
    lost += [one for one in unsaid(caption, parsed, options) if not one.startswith(tuple(missed))]
    caption.warnings += [f"{LOST}{one}" for one in dict.fromkeys(lost)]


def _say_as_given(caption: Caption, base: Caption) -> None:
    """Tell what happens in the prompt's own words."""
    pairs = zip(caption.segments, base.segments, strict=False)
    for index, (mine, theirs) in enumerate(pairs):
        mine.description, pointer = theirs.description, f"/segments/{index}/description"
        caption.provenance[pointer] = base.provenance[pointer]
    if base.global_description:
        caption.global_description = base.global_description
        caption.provenance["/global_description"] = base.provenance["/global_description"]


def _note_sources(caption: Caption, base: Caption, source: str) -> None:
    """``prompt`` where a field quotes it, the model everywhere else."""
    ids = {one.name.casefold(): one.id for one in base.instances}
    mine = {one.id: ids.get(one.name.casefold(), -1) for one in caption.instances}
    quoted = base.leaves()
    written = Provenance(source=source, confidence=0.5, support="unchecked")
    counts = {name: one.count for one in caption.instances
              if (name := f"/instances/{one.id}/count") in caption.provenance}  # fmt: skip
    caption.provenance = {}
    for pointer, value in {**caption.leaves(), **counts}.items():
        same, number = pointer, instance_of(pointer)
        if number is not None:
            same = pointer.replace(f"/instances/{number}", f"/instances/{mine[number]}", 1)
        known = base.provenance.get(same)
        if known is not None and quoted.get(same) == value:
            caption.provenance[pointer] = known
        else:
            caption.provenance[pointer] = written.model_copy()
