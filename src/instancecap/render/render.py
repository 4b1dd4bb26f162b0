"""Caption to prompt, within a model's token budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from instancecap.errors import FormatError
from instancecap.language import en
from instancecap.render import cosmos, minimax
from instancecap.render.draft import Draft, Line
from instancecap.render.dropout import blank, choose_omitted
from instancecap.render.grammar import clean
from instancecap.render.joining import joined
from instancecap.render.options import (
    NAMES_NOTHING,
    Length,
    Prompt,
    Prose,
    RenderOptions,
    Task,
    fill_suffix,
)
from instancecap.render.paragraph import lines_of, tags_of
from instancecap.render.quotes import said_once
from instancecap.render.targets import JSON, Counter, Target, counter_for, find_target, styles
from instancecap.render.wording import wording_of
from instancecap.schema.caption import HUMAN, Caption

Build = Callable[[dict[str, int]], list[Line]]
"""The sentences, where so many of some fields are kept at most."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What fits.

    Attributes:
        keep: how many sentences are kept of the fields that lost any.
        tokens: of ``text``; more than the budget where not one sentence fits.
    """

    text: str
    tokens: int
    keep: dict[str, int]


def fit(
    build: Build, *, counter: Counter, budget: int, around: tuple[str, str] = ("", "")
) -> Fitted | None:
    """The paragraph within a budget; None where there is no sentence at all.

    Args:
        around: prefix and suffix, which count and stay.
    """

    def attempt(keep: dict[str, int]) -> tuple[list[Line], Fitted]:
        lines = build(keep)
        text = " ".join(filter(None, (around[0], *(line.text for line in lines), around[1])))
        return lines, Fitted(text, counter.count(text), keep)

    lines, best = attempt({})
    if not lines or best.tokens <= budget:
        return best if lines else None
    empty = counter.count("")
    gone: list[tuple[Line, int]] = []
    while best.tokens > budget and lines:
        excess, keep = best.tokens - budget, dict(best.keep)
        for line in sorted(lines, key=lambda line: (-line.rank, -line.index)):
            keep[line.field] = line.index
            gone.append((line, cost := counter.count(line.text) - empty))
            excess -= cost
            if excess <= 0:
                break
        if keep == best.keep:
            break  # nothing of it can go, as of tags
        shortest = best.tokens
        lines, best = attempt(keep)
        if not lines:
            best = Fitted("", shortest, keep)
            break
    return _fill(attempt, best, gone, budget)


def _fill(
    attempt: Callable[[dict[str, int]], tuple[list[Line], Fitted]],
    best: Fitted,
    gone: Sequence[tuple[Line, int]],
    budget: int,
) -> Fitted:
    """Put back what fits after all, the most important first."""
    for line, cost in sorted(gone, key=lambda one: (one[0].rank, one[0].index)):
        used = best.tokens if best.text else 0
        if best.keep.get(line.field) != line.index or used + cost > budget:
            continue
        _, trial = attempt({**best.keep, line.field: line.index + 1})
        if trial.text and used < trial.tokens <= budget:
            best = trial
    return best


def render(
    caption: Caption,
    *,
    target: str | Target,
    task: Task = "t2v",
    length: Length = "dense",
    prefix: str = "",
    suffix: str = "",
    drop_fields: float = 0.0,
    prose: Prose = "model",
    seed: int = 0,
    variant: int = 0,
    counter: Counter | None = None,
) -> Prompt:
    """The prompt of a caption for one model, deterministic, within the model's token budget.

    Args:
        target: a name such as ``wan2.2``, or a :class:`Target`.
        task, length, prefix, suffix, drop_fields, prose, seed, variant: see :class:`RenderOptions`.
        counter: counts tokens; an estimate that is rather too high unless told otherwise.

    Raises:
        FormatError: the caption says nothing for this task, not one of its sentences is short
            enough, or they are not in Latin script: prompts are put together in English.
        UsageError: an unknown target, length or field of the suffix.
    """
    goal = find_target(target) if isinstance(target, str) else target
    options = RenderOptions(
        target=goal,
        task=task,
        length=length,
        prefix=prefix,
        suffix=suffix,
        drop_fields=drop_fields,
        prose=prose,
        seed=seed,
        variant=variant,
    )
    return render_with(caption, options, counter=counter)


def render_with(
    caption: Caption, options: RenderOptions, *, counter: Counter | None = None
) -> Prompt:
    """As :func:`render`, with all options in one object."""
    _refuse_other_scripts(caption)
    counter = counter or counter_for(options.target)
    omitted = choose_omitted(
        caption, share=options.drop_fields, seed=options.seed, variant=options.variant
    )
    if caption.time_of_day == "dawn_or_dusk":  # undecided; the light's own words tell it
        caption = caption.model_copy(update={"time_of_day": ""})
    if options.is_json:
        return _render_json(caption, options, counter, omitted)
    if (prompt := _own_paragraph(caption, options, counter)) and not omitted:
        return prompt
    caption = said_once(caption) if options.length != "tags" else caption
    prompt = _render_text(caption, options, counter, omitted)
    if prompt is None and omitted:  # dropout must leave something to say
        prompt = _render_text(caption, options, counter, ())
    if prompt is None:
        wanted = "that moves, and no camera" if options.task == "i2v" else "for a prompt"
        raise FormatError(f"the caption holds nothing {wanted}")
    return prompt


def _refuse_other_scripts(caption: Caption) -> None:
    """Sentences of another language do not go into English ones; the script tells the most."""
    sentences = [caption.global_description, caption.background, caption.camera.description]
    sentences += [text for one in caption.instances for text in (one.appearance, one.action)]
    text = "".join(sentences)
    if text.isascii():
        return
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter > "\u024f" for letter in letters) > len(letters) / 2:
        raise FormatError(
            "its sentences are not English, and prompts are: write it anew with --language en"
        )


def _own_paragraph(caption: Caption, options: RenderOptions, counter: Counter) -> Prompt | None:
    """The caption's own paragraph; None where it has none, it does not fit, or a person changed a
    field that it may tell otherwise."""
    text, goal = clean(caption.dense_description), options.target
    wanted = options.prose == "model" and options.length == "dense" and options.task == "t2v"
    wanted = wanted and not options.variant
    human = {name for name, one in caption.provenance.items() if one.source == HUMAN}
    if not (text and wanted and goal.takes_prose) or (human and "/dense_description" not in human):
        return None
    suffix = fill_suffix(options.suffix, caption)
    text = clean(f"{options.prefix} {text} {suffix or ''}")
    tokens = counter.count(text)
    if suffix is None or tokens > goal.budget:
        return None
    return Prompt(
        text, goal.name, options.length, tokens, counter.name, goal.budget, prose="model"
    )  # fmt: skip


def _render_text(
    caption: Caption, options: RenderOptions, counter: Counter, omitted: tuple[str, ...]
) -> Prompt | None:
    order = styles()["skyreels" if options.target.style == JSON else options.target.style]
    wording = wording_of(caption, order, variant=options.variant, seed=options.seed)
    whole: dict[str, int] = {}

    def build(keep: Mapping[str, int]) -> list[Line]:
        out = dict.fromkeys(omitted, 0)
        draft = Draft(caption, options, wording, {**keep, **out})
        if options.length == "short" and not (
            caption.global_description and draft.wants("/global_description")
        ):
            draft.caption = _of_main_instance(caption)
        lines = lines_of(draft)
        whole.update(draft.whole)
        if options.length == "tags":
            return _tags(draft)
        if options.length == "short":
            lines = sorted(lines, key=lambda line: (not _tells(line), line.rank))[:1]
        first = options.task == "t2v"
        lines = joined(lines, caption, first_mentions=first, merged=wording.merged)
        if options.in_fields:
            return minimax.marked(lines, caption)
        return [_labeled(line) for line in lines] if draft.by_shot else lines

    before, behind = minimax.around(caption) if options.in_fields else ("", "")
    suffix = fill_suffix(options.suffix, caption)
    fitted = fit(
        build,
        counter=counter,
        budget=options.target.budget,
        around=(clean(f"{before} {options.prefix}"), clean(f"{suffix or ''} {behind}")),
    )
    if fitted is None:
        return None
    if fitted.tokens > options.target.budget:
        raise _refuse(options.target, fitted.tokens, counter)
    prompt = _prompt(fitted, options, counter, whole)
    if not any(map(_tells, build(fitted.keep))):
        prompt = replace(prompt, warnings=(*prompt.warnings, NAMES_NOTHING))
    if suffix is None:
        note = "the suffix is left out: the caption lacks a figure that it names"
        dropped = ("/suffix", *prompt.dropped)
        prompt = replace(prompt, dropped=dropped, warnings=(*prompt.warnings, note))
    return replace(prompt, omitted=omitted)


def _tells(line: Line) -> bool:
    """Whether it is about a subject or an event, not about camera, surroundings or light alone."""
    return line.field.startswith(("/global_description", "/instances", "/segments"))


def _of_main_instance(caption: Caption) -> Caption:
    """The caption with the first of its instances that does something, else the first, alone."""
    acting = [one for one in caption.instances if one.action]
    return caption.model_copy(update={"instances": (acting or caption.instances)[:1]})


def _labeled(line: Line) -> Line:
    return replace(line, text=f"Shot {line.part}: {line.text}") if line.part else line


def _tags(draft: Draft) -> list[Line]:
    """Words between commas: instances, surroundings, light, shot, camera."""
    caption, tags = draft.caption, [one.full for one in draft.subjects]
    more = dict[str, list[str]]()
    if draft.options.task == "t2v":
        more["background"] = [en.PLACE_NAMES.get(caption.place, "")]
        more["framing"] = tags_of(draft)
    if draft.wants("/camera/motion"):
        more["camera"] = [en.CAMERA_NAMES[word] for word in caption.camera.motion]
    order = draft.order if draft.options.variant else more
    tags += [tag for name in order for tag in more.get(name, ())]
    text = ", ".join(dict.fromkeys(tag.replace(",", "") for tag in tags if tag))
    return [Line("/instances" if draft.subjects else "/camera", 0, 0, text)] if text else []


def _refuse(target: Target, tokens: int, counter: Counter) -> FormatError:
    return FormatError(
        f"no sentence is short enough ({tokens} tokens by {counter.name}), as {target.name} takes "
        f"{target.budget}; shorten the caption's first sentences"
    )


def _prompt(
    fitted: Fitted, options: RenderOptions, counter: Counter, whole: Mapping[str, int]
) -> Prompt:
    budget = options.target.budget
    cut = {name: count for name, count in fitted.keep.items() if count < whole.get(name, 0)}
    dropped = dict[str, str]()  # each with what of it is left out
    for name, count in cut.items():
        base = "/".join(name.split("/")[:3])
        of_it = [one for one, size in whole.items() if one.startswith(f"{base}/") and size]
        if base.startswith("/instances/") and all(cut.get(one) == 0 for one in of_it):
            dropped[base] = base
        elif count:
            dropped[f"{name}+"] = f"{name} ({whole[name] - count} of {whole[name]} sentences)"
        else:
            dropped[name] = name
    note = f"left out to keep within {budget} tokens: {', '.join(dropped.values())}"
    return Prompt(
        fitted.text,
        options.target.name,
        options.length,
        fitted.tokens,
        counter.name,
        budget,
        dropped=tuple(dropped),
        warnings=(note,) if dropped else (),
    )


def _render_json(
    caption: Caption, options: RenderOptions, counter: Counter, omitted: Iterable[str]
) -> Prompt:
    omitted, budget = tuple(omitted), options.target.budget
    text, dropped = cosmos.fit(
        cosmos.prompt_of(blank(caption, omitted), options.task),
        lambda one: counter.count(one) <= budget,
    )
    tokens = counter.count(text)
    if text == "{}":
        raise FormatError("the caption holds nothing for a prompt")
    if tokens > budget:
        raise _refuse(options.target, tokens, counter)
    fitted = Fitted(text, tokens, dict.fromkeys(dropped, 0))
    whole = dict.fromkeys(dropped, 1)
    return replace(_prompt(fitted, options, counter, whole), omitted=omitted)
