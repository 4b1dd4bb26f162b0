"""What comes of a prompt: the caption, the prompt for the target, and what it must not show."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import asdict, dataclass
from typing import Any

from instancecap.enhance.faithful import in_words, missing
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.parse import parse
from instancecap.enhance.prose import lost_in
from instancecap.enhance.structure import NOT_READ
from instancecap.enhance.tokens import Parsed, Span
from instancecap.enhance.words import manner_of, parts
from instancecap.errors import FormatError
from instancecap.formats.text import paragraph
from instancecap.mllm.base import Usage
from instancecap.render.options import Prose, RenderOptions, Task
from instancecap.render.quotes import said_once
from instancecap.render.render import render_with
from instancecap.render.targets import JSON, Target, counter_for
from instancecap.schema.caption import Caption, Video

LOST = "not in the result: "
"""How a caption's warning on what is missing begins."""

SHORT_SIDE = 720
"""Pixels; a resolution tier of the targets that take a size."""


@dataclass(frozen=True, slots=True)
class Enhanced:
    """What came of a prompt.

    Attributes:
        prompt: for the target, within its budget; a plain paragraph where none was named.
        prose: ``model`` where the prompt is a model's paragraph, ``fields`` where it was
            put together of the caption's fields.
        negative_prompt: empty where the target takes none.
        missing: what of the prompt is not in the result, and why.
        usage: what asking a model took.
        id: the name of its caption in a run's output; empty elsewhere.
        problem: why a model's answer is not used; the prompt is structured only, then.
    """

    caption: Caption
    prompt: str
    prose: Prose = "fields"
    negative_prompt: str = ""
    missing: tuple[str, ...] = ()
    usage: Usage = Usage()  # noqa: RUF009 (frozen)
    problem: str = ""
    id: str = ""

    @classmethod
    def of(cls, caption: Caption, options: EnhanceOptions, **what: Any) -> Enhanced:
        """All that follows from a caption that was made from a prompt."""
        parsed = parse(caption.producer.prompt)
        lost = [line.removeprefix(LOST) for line in caption.warnings if line.startswith(LOST)]
        prompt, prose = prompt_for(caption, options)
        return cls(
            caption,
            prompt,
            prose,
            negative_prompt(caption, parsed, options),
            tuple(lost),
            **what,
        )

    @property
    def cost(self) -> dict[str, float]:
        """The usage as plain numbers."""
        return {name: float(value) for name, value in asdict(self.usage).items()}

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "caption": self.caption.model_dump(mode="json"),
            "prompt": self.prompt,
            "prose": self.prose,
            "negative_prompt": self.negative_prompt,
            "missing": list(self.missing),
            "calls": self.usage.calls,
            "tokens": self.usage.prompt_tokens + self.usage.completion_tokens,
        }


def prompt_for(caption: Caption, options: EnhanceOptions) -> tuple[str, Prose]:
    """The caption as one text for the target, within its budget, and what it is made of."""
    prose: Prose = "model" if caption.dense_description and options.asks_prose else "fields"
    if prose == "fields":
        caption = caption.model_copy(update={"dense_description": ""})
    if options.target is not None and manner_of(options.target.name).negative:
        caption = _without_denied(caption)
    foreign = caption.producer.mode == "structure" and NOT_READ in caption.warnings
    text = caption.producer.prompt if foreign else paragraph(said_once(caption))
    if options.target is None:
        return text, prose
    if foreign and options.target.takes_prose:
        return _cut(text, options.target), prose
    task: Task = "i2v" if options.has_picture else "t2v"
    sized = _sized(caption, options) if options.target.style == JSON else caption
    try:
        done = render_with(sized, RenderOptions(target=options.target, task=task))
        return done.text, done.prose
    except FormatError:  # another script, or one sentence that is too long: the words as they are
        return _cut(text, options.target), "fields"


def _denied(parsed: Parsed) -> list[Span]:
    """Fragments such as *no people in the background*, which a negative prompt has.

    One in which something else happens (*no people and the sun sets*) stays."""
    starts = [one.span[0] for one in parsed.phrases if one.negated]
    happens = [one.span[0] for one in parsed.parts if one.kind == "action"]
    return [
        (first, last)
        for first, last in parsed.fragments
        if any(first <= start <= first + len("without ") for start in starts)
        and not any(first <= start < last for start in happens)
    ]


def _without_denied(caption: Caption) -> Caption:
    parsed, text = parse(caption.producer.prompt), caption.global_description
    for span in _denied(parsed):
        text = text.replace(f", {parsed.at(span).strip(' ,.;')}", "")
    return caption.model_copy(update={"global_description": text})


def _sized(caption: Caption, options: EnhanceOptions) -> Caption:
    """The caption with length, rate and shape of the clip to be made, where they were named."""
    if not (options.duration or options.fps or options.aspect):
        return caption
    wide, high = map(int, options.aspect.split(":")) if options.aspect else (0, 0)
    scale = SHORT_SIDE / min(wide, high) if options.aspect else 0
    size = {"width": round(wide * scale), "height": round(high * scale)}
    time = {"duration": options.duration, "end": options.duration, "fps": options.fps}
    return caption.model_copy(update={"video": Video.named("").model_copy(update=size | time)})


def _cut(text: str, target: Target) -> str:
    """As many words, or letters where there are no spaces, as the target's budget takes."""
    count, link = counter_for(target).count, " " if " " in text[:200] else ""
    units = text.split(" ") if link else list(text)
    fits = bisect_right(
        range(len(units) + 1), target.budget, key=lambda n: count(link.join(units[:n]))
    )
    return link.join(units[: fits - 1])


def negative_prompt(caption: Caption, parsed: Parsed, options: EnhanceOptions) -> str:
    """What the clip must not show: the target's own list, what the prompt and
    ``negative`` exclude, and the opposite of its style and of a camera that stays still.

    Empty where the target takes none."""
    base = manner_of(options.target.name).negative if options.target is not None else ""
    if not base:
        return options.negative
    words = base.split(", ")
    if caption.camera.motion == ["static"]:
        words = [one for one in words if not one.startswith(("static", "still"))]
        words.append("camera movement")
    words += [parsed.at(one.core) for one in parsed.phrases if one.negated]
    words += {"real": ["cartoon", "3d render"], "animation": ["photo"]}.get(caption.style, [])
    return ", ".join(dict.fromkeys([*words, *filter(None, [options.negative])]))


def unsaid(caption: Caption, parsed: Parsed, options: EnhanceOptions) -> list[str]:
    """What of the prompt the target's text does not say; counts are told by instances.

    Room is the reason where the whole text says it and the part that fits does not.
    """
    target = options.target
    if target is None or target.style == JSON or options.has_picture or not parsed.english:
        return []
    apart = bool(manner_of(target.name).negative)  # what is excluded stands in a prompt of its own
    denied = _denied(parsed) if apart else []
    text, prose = prompt_for(caption, options)
    whole = caption.dense_description if prose == "model" else paragraph(said_once(caption))
    absent = missing(Caption(video=None, global_description=whole), parsed)
    never = lost_in(whole, caption, parsed, options) if prose == "model" else absent
    parts = missing(Caption(video=None, global_description=text), parsed)
    parts = [one for one in parts if one in never or one not in absent]
    parts = [
        one for one in parts if one.kind != "number" and not (apart and one.kind == "negation")
    ]
    parts = [one for one in parts if not any(a <= one.span[0] < b for a, b in denied)]
    room = f": no room within {target.budget} tokens"
    return [f"{in_words(one)}{'' if one in never else room}" for one in parts]


def unheard(parsed: Parsed, target: Target | None) -> list[str]:
    """Speech and sounds of the prompt that a target without sound cannot make."""
    if target is None or manner_of(target.name).sound:
        return []
    heard = [f'speech "{parsed.at(span)}"' for span in parsed.speech]
    heard += [
        f"sound: {one.low}"
        for one in parsed.tokens
        if one.kind != "Q" and one.low in parts()["sound"]
    ]
    return [f"{one}: {target.name} makes no sound" for one in dict.fromkeys(heard)]
