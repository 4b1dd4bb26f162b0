"""A prompt enhanced by a language model: in one question, or a story first and then one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from instancecap.enhance import answers
from instancecap.enhance.faithful import edit_out, forbidden, in_words, missing, repair
from instancecap.enhance.finish import NOTHING, finish
from instancecap.enhance.options import EnhanceOptions
from instancecap.enhance.picture import Picture
from instancecap.enhance.prose import faults_of
from instancecap.enhance.questions import Like, Questions
from instancecap.enhance.result import Enhanced
from instancecap.enhance.structure import lay_out_shots, structure
from instancecap.enhance.tokens import Parsed, Part
from instancecap.enhance.words import manner_of
from instancecap.mllm.base import Backend, Media, Message, Request, Usage
from instancecap.mllm.structured import Asked, ask
from instancecap.render.grammar import sentence
from instancecap.schema.caption import Caption
from instancecap.schema.pointer import assign

T = TypeVar("T", bound=BaseModel)

TOKENS = 2048
"""Room for an answer with everything; it grows by itself where it is too little."""

WARM = 0.7
"""Temperature of all variants but the first."""


OnAnswer = Callable[[str, BaseModel], None]
"""Is told the name of a question, such as ``staged.story``, and what was answered."""


@dataclass
class Asker:
    """Asks about one variant of a prompt, and keeps the accounts."""

    backend: Backend
    enforced: bool | None
    questions: Questions
    options: EnhanceOptions
    pictures: tuple[Media, ...] = ()
    usage: Usage = NOTHING
    problem: str = ""
    model: str = ""
    on_answer: OnAnswer = lambda name, value: None

    @property
    def whole(self) -> type[answers.Whole]:
        """What a whole answer has."""
        return answers.whole(shots=self.questions.shot_count > 1, dense=self.options.asks_prose)

    async def ask(self, name: str, answer: type[T], **values: object) -> T:
        """The answer to a question by its name; what was not answered has its default."""
        value, _ = await self.go_on((), name, answer, **values)
        return value

    async def go_on(
        self, before: tuple[Message, ...], name: str, answer: type[T], **values: object
    ) -> tuple[T, tuple[Message, ...]]:
        """The answer to one more question of a conversation, and the conversation with it."""
        text, number = self.questions.say(name, **values), self.questions.number
        if before:
            messages = (*before, Message("user", (text,)))
        else:
            system = Message("system", (self.questions.say("system"),))
            messages = (system, Message("user", (*self.pictures, text)))
        request = Request(
            messages=messages,
            max_tokens=TOKENS,
            temperature=WARM if number else 0.0,
            seed=self.options.seed + number,
        )
        asked: Asked[T] = await ask(
            self.backend, request, answer, attempts=self.options.attempts, enforced=self.enforced
        )
        self.usage += asked.usage
        self.problem = self.problem or asked.problem
        if asked.replies:
            self.model = asked.replies[-1].model or self.model
        value = asked.value if asked.value is not None else answer()
        self.on_answer(name, value)
        said = Message("assistant", (value.model_dump_json(by_alias=True),))
        return value, (*messages, said)


async def fused(asker: Asker) -> answers.Whole:
    """Everything in one question."""
    return await asker.ask("fused", asker.whole)


async def staged(asker: Asker) -> answers.Whole:
    """A story; the instances; looks, action and place of each; surroundings; camera.

    4 + 3·N questions for N instances, as InstanceEnhancer (arXiv 2412.09283) asks them; those of
    different instances and the surroundings at the same time. The last, about the camera, sees all
    that was answered, and asks for the paragraph of it.
    """
    several = asker.questions.shot_count > 1
    told = await asker.ask("staged.story", answers.ShotStory if several else answers.Story)
    story = answers.line(told.story) or told.global_description
    listed = await asker.ask("staged.list", answers.Things, story=story)
    named = [one for one in listed.instances if one.name or one.class_]
    named = named[: asker.options.max_instances]
    names = "; ".join(one.name or one.class_ for one in named) or "the scene"
    things, setting = await _together(
        _together(*(_thing(asker, one, story) for one in named)),
        asker.ask("staged.background", answers.Setting, story=story, names=names),
    )
    found = {**dict(told), **dict(setting), "instances": things}
    so_far = answers.caption_of(answers.Whole(**found), most=asker.options.max_instances)
    filming = await asker.ask(
        "staged.camera",
        answers.DenseFilming if asker.options.asks_prose else answers.Filming,
        story=story,
        caption=_shown(so_far),
    )
    return asker.whole(**found, **dict(filming))


async def _together(*work: Coroutine[Any, Any, Any]) -> list[Any]:
    """All results; raises what makes asking pointless after all have ended."""
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


async def _thing(asker: Asker, one: answers.Named, story: str) -> answers.Thing:
    """Looks, action and place of one instance, in one conversation."""
    before: tuple[Message, ...] = ()
    found = dict(one)
    for name, kind in (("appearance", answers.Looks), ("action", answers.Acts),
                       ("position", answers.Goes)):  # fmt: skip
        value, before = await asker.go_on(
            before, f"staged.{name}", kind, story=story, thing=one.name or one.class_
        )
        found |= dict(value)
    return answers.Thing(**found)


MODES: dict[str, Callable[[Asker], Coroutine[Any, Any, answers.Whole]]] = {
    "fused": fused,
    "staged": staged,
}


def structured(prompt: str, options: EnhanceOptions, *, picture: Picture | None = None) -> Enhanced:
    """A prompt without a model: structured, and nothing invented.

    Raises:
        FormatError: the prompt cannot be used.
        UsageError: what only a model can do.
    """
    options.check_unasked()
    base, parsed = structure(prompt, options)
    return finish(base, base, parsed, options, picture=picture)


async def ask_model(
    prompt: str,
    backend: Backend,
    *,
    options: EnhanceOptions,
    enforced: bool | None = None,
    picture: Picture | None = None,
    like: Like | None = None,
    on_answer: OnAnswer = lambda name, value: None,
) -> list[Enhanced]:
    """The variants of a prompt, as a model writes them; each says all that the prompt says.

    Where the model gives no usable answer, the prompt is structured only, and ``problem`` says so.
    ``on_answer`` is told each answer as it comes.

    Raises:
        FormatError: the prompt cannot be used.
        ServerError: nothing can be asked at all.
    """
    base, parsed = structure(prompt, options)

    def asker(number: int) -> Asker:
        questions = Questions(
            parsed, options, number, like=like,
            names=picture.names if picture else (), last=bool(picture and picture.last),
        )  # fmt: skip
        pictures = picture.images if picture else ()
        return Asker(
            backend, enforced, questions, options, pictures,
            model=backend.model, on_answer=on_answer,
        )  # fmt: skip

    work = (_variant(asker(number), base, parsed, picture) for number in range(options.variants))
    return await _together(*work)


async def _variant(
    asker: Asker, base: Caption, parsed: Parsed, picture: Picture | None
) -> Enhanced:
    options = asker.options
    whole = await MODES[options.mode](asker)
    if not (whole.global_description or whole.instances):
        problem = asker.problem or "the model's answer is empty"
        return finish(
            base, base, parsed, options, usage=asker.usage, problem=problem, picture=picture
        )
    caption = _settled(whole, base, asker)
    words = options.words.negative
    target = options.target
    apart = target is not None and bool(manner_of(target.name).negative)
    # What a negative prompt excludes is put in by rule: no question is worth it.
    faults = [one for one in missing(caption, parsed) if not (apart and one.kind == "negation")]
    bad = forbidden(caption, words, parsed.text)
    if faults or bad:
        again = await asker.ask("again", type(whole), **_faults(asker, caption, faults, bad))
        if again.global_description and again.instances:
            other = _settled(again, base, asker)
            left = missing(other, parsed), forbidden(other, words, parsed.text)
            if len(left[0]) + len(left[1]) <= len(faults) + len(bad):
                caption = other
    _edit(caption, forbidden(caption, words, parsed.text))
    missed = repair(caption, base, parsed)
    notes = await _settle_prose(asker, caption, parsed) if options.asks_prose else []
    return finish(
        caption, base, parsed, options, usage=asker.usage, model=asker.model, picture=picture,
        missed=[in_words(one) for one in missed], notes=notes,
    )  # fmt: skip


async def _settle_prose(asker: Asker, caption: Caption, parsed: Parsed) -> list[str]:
    """Keep the caption's paragraph where nothing is wrong with it; ask for it once more where
    something is, and do without it where something is still. Returns why it is left out."""
    faults = [*faults_of(caption.dense_description, caption, parsed, asker.options)]
    if faults:
        again = await asker.ask(
            "again.prose", answers.Dense, caption=_shown(caption),
            text=caption.dense_description or "(none)", faults="\n".join(faults),
        )  # fmt: skip
        caption.dense_description = answers.paragraph_of(again)
        _edit(caption, forbidden(caption, asker.options.words.negative, parsed.text))
        faults = [*faults_of(caption.dense_description, caption, parsed, asker.options)]
    if faults:
        caption.dense_description = ""
    return [f"{NOT_PROSE}{one}"[:400] for one in faults]


NOT_PROSE = "the model's paragraph is left out: "


def _faults(
    asker: Asker, caption: Caption, faults: Sequence[Part], bad: Sequence[str]
) -> dict[str, object]:
    """What is wrong with an answer, for the question that has it put right."""
    say, lines = asker.questions.say, []
    if faults:
        lines.append(say("again.missing", parts=", ".join(map(in_words, faults))))
    if bad:
        lines.append(say("again.forbidden", words=", ".join(bad)))
    return {"caption": _shown(caption), "faults": "\n".join(lines)}


def _shown(caption: Caption) -> str:
    """What a caption says, as JSON for a question."""
    told = caption.model_dump(mode="json", include=_SHOWN, exclude_defaults=True)
    return json.dumps(told, ensure_ascii=False)


_SHOWN = {
    "global_description",
    "instances",
    "background",
    "lighting",
    "camera",
    "segments",
    "shots",
}


def _settled(whole: answers.Whole, base: Caption, asker: Asker) -> Caption:
    """The answer as a caption; what the prompt itself says of shot, time and style holds."""
    caption = answers.caption_of(whole, most=asker.options.max_instances)
    for name in ("time_of_day", "place", "style"):
        setattr(caption, name, getattr(base, name) or getattr(caption, name))
    for name in ("motion", "stability", "shot_type", "shot_angle", "shot_position"):
        setattr(caption.camera, name, getattr(base.camera, name) or getattr(caption.camera, name))
    caption.texts = list(base.texts)
    parts: list[answers.ShotPart] = getattr(whole, "shots", [])
    parts = [one for one in parts if answers.line(one.description)][: asker.questions.shot_count]
    told = [_shot_text(one) for one in parts]
    if len(parts) < len(base.segments):
        parts, told = [], [one.description for one in base.segments]
    if len(told) > 1:
        lay_out_shots(caption, told, asker.options.seconds)
    for shot, one in zip(caption.shots, parts, strict=False):
        shot.motion = answers.moves(one.motion)
        shot.shot_type = "" if one.shot_type == "unknown" else one.shot_type
    return caption


def _shot_text(part: answers.ShotPart) -> str:
    """What a shot shows, in sentences: what happens, then what is its own of place, light and
    camera."""
    texts = map(answers.line, (part.description, part.background, part.lighting, part.camera))
    return " ".join(sentence(text) for text in texts if text)


def _edit(caption: Caption, words: Sequence[str]) -> None:
    """Take words out of every text; an instance keeps its noun."""
    for pointer, value in caption.leaves().items() if words else ():
        if isinstance(value, str) and not pointer.endswith(_VOCABULARY):
            assign(caption, pointer, edit_out(value, words))
    for one in caption.instances:
        one.colors = [color for color in one.colors if edit_out(color, words) == color]
        one.class_ = one.class_ or "object"
        one.name = one.name if one.name not in ("", "the") else f"the {one.class_}"


_VOCABULARY = ("/category", "/style", "/place", "/start", "/end", "/time_of_day", "/shot_type",
               "/shot_angle", "/shot_position", "/stability", "/transition")  # fmt: skip
