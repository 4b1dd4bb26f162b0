"""Caption to prompt, within a model's token budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from instancecap.errors import FormatError, UsageError
from instancecap.render import cosmos
from instancecap.render.budget import Counter, counter_for, drop_order, tellable
from instancecap.render.dropout import choose_omitted
from instancecap.render.english import clean
from instancecap.render.prompt import Prompt
from instancecap.render.styles import JSON, styles
from instancecap.render.suffix import check_suffix, fill_suffix
from instancecap.render.targets import Target, find_target
from instancecap.render.text import LENGTHS, TASKS, Length, Task, write
from instancecap.schema.caption import Caption


def render(
    caption: Caption,
    *,
    target: str | Target,
    task: Task = "t2v",
    length: Length = "dense",
    prefix: str = "",
    suffix: str = "",
    drop_fields: float = 0.0,
    seed: int = 0,
    counter: Counter | None = None,
) -> Prompt:
    """The prompt of a caption for one model, deterministic, within the model's token budget.

    Args:
        target: a name such as ``wan2.2``, or a :class:`Target`.
        task: ``i2v`` tells only what moves, and the camera.
        length: ``dense`` tells all, ``medium`` the first sentence of each field, ``short`` one
            sentence, ``tags`` words between commas.
        prefix: trigger words, put in front as they are.
        suffix: put behind; may name figures of the caption, as in ``motion score: {motion}.``
        drop_fields: probability 0..1 with which each field is left out, for caption dropout.
        seed: of the dropout; the same seed and clip give the same choice.
        counter: counts tokens; an estimate that is never under unless told otherwise.

    Raises:
        FormatError: the caption says nothing for this task, its shortest form is too long, or its
            sentences are not in Latin script: prompts are put together in English.
        UsageError: an unknown target, length or field of the suffix.
    """
    goal = find_target(target) if isinstance(target, str) else target
    check_options(
        goal, task=task, length=length, prefix=prefix, suffix=suffix, drop_fields=drop_fields
    )
    _refuse_other_scripts(caption)
    limits = _Limits(goal, counter or counter_for(goal), length)
    omitted = choose_omitted(caption, share=drop_fields, seed=seed)
    around = _around(caption, prefix, suffix)
    if is_json(goal, length):
        return _render_json(caption, limits, task, omitted)
    prompt = _render_text(caption, limits, task, omitted, around)
    if prompt is None and omitted:
        # Dropout must leave something to say.
        omitted = tuple(
            one for one in omitted if not one.endswith(("appearance", "action", "motion"))
        )
        prompt = _render_text(caption, limits, task, omitted, around)
        if prompt is None:
            prompt = _render_text(caption, limits, task, (), around)
    if prompt is None:
        wanted = "that moves, and no camera" if task == "i2v" else "to be told"
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


class _Limits:
    """A target, who counts for it, and the length that is wanted."""

    def __init__(self, target: Target, counter: Counter, length: Length) -> None:
        self.target, self.counter, self.length = target, counter, length

    def prompt(self, text: str, tokens: int) -> Prompt:
        return Prompt(
            text, self.target.name, self.length, tokens, self.counter.name, self.target.budget
        )

    def refuse(self, tokens: int) -> FormatError:
        return FormatError(
            f"the shortest prompt has {tokens} tokens ({self.counter.name}), and "
            f"{self.target.name} takes {self.target.budget}; shorten the caption's first sentences"
        )


def check_options(
    target: Target, *, task: str, length: str, prefix: str, suffix: str, drop_fields: float
) -> None:
    """Refuse what no caption can be rendered with.

    Raises:
        UsageError: one of the options; the message says what is allowed.
    """
    for name, value, allowed in (("task", task, TASKS), ("length", length, LENGTHS)):
        if value not in allowed:
            raise UsageError(f"{name} {value!r}: allowed are {', '.join(allowed)}")
    if not 0 <= drop_fields <= 1:
        raise UsageError(f"drop_fields {drop_fields}: a probability within 0 and 1 is wanted")
    check_suffix(suffix)
    if is_json(target, length) and (prefix or suffix):
        raise UsageError(f"target {target.name}: its prompt is JSON, without prefix or suffix")


def is_json(target: Target, length: str) -> bool:
    """Whether prompts of that length are JSON; the short ones and tags are text everywhere."""
    return target.style == JSON and length in ("dense", "medium")


def _around(caption: Caption, prefix: str, suffix: str) -> tuple[str, str, bool]:
    """Prefix and suffix, filled in, and whether the suffix had to be left out."""
    filled = fill_suffix(suffix, caption)
    return clean(prefix), clean(filled or ""), bool(suffix) and filled is None


def _render_text(
    caption: Caption,
    limits: _Limits,
    task: Task,
    omitted: tuple[str, ...],
    around: tuple[str, str, bool],
) -> Prompt | None:
    prefix, suffix, lost = around
    style = styles()["skyreels" if limits.target.style == JSON else limits.target.style]
    without = frozenset(omitted)

    def attempt(dropped: Sequence[str]) -> tuple[str, int]:
        text = write(
            caption, style, task=task, length=limits.length, without=without.union(dropped)
        )
        whole = " ".join(part for part in (prefix, text, suffix) if part)
        # Without a word of the caption, prefix and suffix alone are no prompt.
        return whole, limits.counter.count(whole) if text else 0

    whole, tokens = attempt(())
    dropped: Sequence[str] = ()
    if not tokens:
        return None
    if tokens > limits.target.budget:
        steps = _steps(caption, task, limits.length, without)
        whole, tokens, dropped = _fit(attempt, steps, limits, tokens)
    prompt = limits.prompt(whole, tokens)
    return replace(prompt, dropped=(*(["/suffix"] if lost else []), *dropped), omitted=omitted)


def _steps(caption: Caption, task: Task, length: Length, without: frozenset[str]) -> list[str]:
    """What can be left out of this caption and has not been, first to go first."""
    told = tellable(caption, length)
    steps = [one for one in drop_order(caption) if one in told and one not in without]
    if task == "i2v":
        moves = ("/action", "/action+", "/expression", "/position", "/segments")
        camera = ("/camera/motion", "/camera/description+")
        steps = [one for one in steps if one.endswith(moves) or one in camera or _is_instance(one)]
    return steps


def _is_instance(pointer: str) -> bool:
    return pointer.startswith("/instances/") and pointer.count("/") == 2


def _fit(
    attempt: Callable[[Sequence[str]], tuple[str, int]],
    steps: Sequence[str],
    limits: _Limits,
    shortest: int,
) -> tuple[str, int, Sequence[str]]:
    """The prompt with as few steps taken as needed.

    Steps are of like length: the search begins where the share that is too much says, goes away
    from there in growing strides, and halves what is left once it has been passed.
    """
    budget = limits.target.budget
    low, high, best = 1, len(steps), None
    middle, stride = max(1, min(high, round(high * (1 - budget / shortest)))), 1
    while low <= high:
        whole, tokens = attempt(steps[:middle])
        shortest = min(shortest, tokens or shortest)
        if tokens > budget:
            low = middle + 1
            middle = (low + high) // 2 if best else min(high, middle + stride)
        else:  # short enough; if nothing is left at all, too much went
            high = middle - 1
            best = (whole, tokens, steps[:middle]) if tokens else best
            middle = (low + high) // 2 if low > 1 else max(low, middle - stride)
        stride *= 2
    if best is None:
        raise limits.refuse(shortest)
    if best[1] < budget / 2:
        # A step now and then makes a prompt longer, so that halving may have gone astray.
        for count in range(1, len(best[2])):
            whole, tokens = attempt(steps[:count])
            if best[1] < tokens <= budget:
                return whole, tokens, steps[:count]
    return best


def _render_json(caption: Caption, limits: _Limits, task: Task, omitted: tuple[str, ...]) -> Prompt:
    written = blank(caption, omitted).to("cosmos3")
    assert isinstance(written, dict)
    value = cosmos.for_task(written, task)
    count, budget = limits.counter.count, limits.target.budget
    text, dropped = cosmos.fit(value, lambda one: count(one) <= budget)
    tokens = count(text)
    if text == "{}":
        raise FormatError("the caption holds nothing to be told")
    if tokens > budget:
        raise limits.refuse(tokens)
    prompt = limits.prompt(text, tokens)
    return replace(prompt, dropped=tuple(dropped), omitted=omitted)


def blank(caption: Caption, omitted: tuple[str, ...]) -> Caption:
    """The caption with the fields at those pointers empty."""
    if not omitted:
        return caption
    result = caption.model_copy(deep=True)
    by_id = {str(one.id): one for one in result.instances}
    empty = Caption(video=None)
    for pointer in omitted:
        first, *rest = pointer.split("/")[1:]
        if first == "instances":
            one = by_id[rest[0]]
            plain = type(one)(id=0, **{"class": "x"})
            setattr(one, rest[1], getattr(plain, rest[1]))
        elif rest:
            setattr(result.camera, rest[0], getattr(empty.camera, rest[0]))
            if rest[0] == "motion":
                result.camera.description = result.camera.speed = result.camera.stability = ""
        else:
            setattr(result, first, getattr(empty, first))
    return result
