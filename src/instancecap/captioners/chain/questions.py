"""A question, its answer, and the words of both that all modes share.

A mode is a generator: it yields the questions that can be asked at the same time, or work that
takes its time, is sent what came of them, and goes on. It asks nobody itself, so the same code
runs against a server, predicts what a run will cost, and is tested without either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import BaseModel

from instancecap.captioners.chain.agree import Agreed, Named
from instancecap.captioners.chain.answers import UNKNOWN, Answer, Keys, choices_of, clean, stem_of
from instancecap.captioners.chain.options import CLIP_POINTERS, ChainOptions
from instancecap.captioners.chain.pictures import Prepared
from instancecap.captioners.chain.prompting import Prompts, load_prompts
from instancecap.captioners.chain.said import MAY_BE_BLANK, Said, fit_value, unique_names
from instancecap.mllm.base import Image, Media, Message, Part, Request, Video
from instancecap.mllm.probes import Convention
from instancecap.schema.caption import Caption, ExpressionSpan
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.pointer import instance_of
from instancecap.verify.naming import noun_of
from instancecap.video.sampling import pick_evenly

MAX_TOKENS = 1024
"""Of an answer on one thing or a part of a clip."""

LOOK_TOKENS = 6144
"""Of an answer on the whole clip; eight instances have about 3,200."""

MOST_HEARD = 24
"""Utterances that a question tells of, at most: about 600 tokens."""

_UNQUOTED = re.compile('["“”„«»]')

THOUSANDTHS = Convention("xyxy", 1000.0)
"""What is asked for where nobody can be asked first how boxes are written down."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked at once.

    Attributes:
        about: what it is on, for warnings: ``the clip``, ``the white car``, ``8-16 s``.
        images: shown first, each after its number, or a clip by its URL; none in a later turn,
            whose first turn has them.
        text: the question.
        answer: the model of its answer.
        pointers: leaves of the caption that go unwritten if there is no answer.
        read: takes an answer to values of leaves.
        before: earlier turns, the first with its images.
        max_tokens: bound of the answer's length.
        plain: for a model that was trained on one question: no system prompt, numbers, times.
        prose: leaf that takes an answer as it is where it does not fit the model; empty for none.
    """

    about: str
    images: tuple[Media, ...]
    text: str
    answer: type[BaseModel]
    pointers: tuple[str, ...] = ()
    read: Callable[[Any], Values] = lambda _: {}
    before: tuple[Message, ...] = ()
    max_tokens: int = MAX_TOKENS
    plain: bool = False
    prose: str = ""

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation up to the question."""
        shown: list[Part] = []
        for number, image in enumerate(self.images, 1):
            if self.plain:
                shown.append(Image(image.jpeg) if isinstance(image, Image) else image)
            else:
                shown += [f"Picture {number}", image] if isinstance(image, Image) else [image]
        return (*self.before, Message("user", (*shown, self.text)))

    @property
    def times(self) -> list[float]:
        """Seconds from the clip's start of the pictures that the answer rests on."""
        parts = [part for message in self.turns for part in message.parts]
        return [part.t for part in parts if isinstance(part, Image) and part.t is not None]

    def request(self, prompts: Prompts, *, seed: int) -> Request:
        """The question as a backend takes it, but for the schema."""
        system = () if self.plain else (Message("system", (prompts.say("system"),)),)
        return Request((*system, *self.turns), max_tokens=self.max_tokens, seed=seed)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question: a value, or the problem in words."""

    question: Question
    value: Any = None
    problem: str = ""
    model: str = ""
    text: str = ""

    def get(self, key: str) -> str:
        """A text of the answer, cleaned; empty where there is no answer."""
        return clean(str(getattr(self.value, key, "") or ""))

    @property
    def values(self) -> Values | None:
        """Values of the caption's leaves; None where there is no answer."""
        if self.value is not None:
            return self.question.read(self.value)
        if self.question.prose and clean(self.text):
            return {self.question.prose: self.text}
        return None


@dataclass(frozen=True, slots=True)
class Work:
    """Something that computes for a while; done beside the questions of other clips."""

    run: Callable[[], Any]


Chain = Generator["list[Question] | Work", Any, None]
"""Sent a list of :class:`Answered`, or what the work returned."""


@dataclass(slots=True)
class Scene:
    """One clip's questions in words, and what has been found out about it so far.

    Attributes:
        evidence: with the agreed instances, as soon as there are any.
        names: of the instances of the caption, by id, in its order.
        agreed: how each came to be one.
        listed: whether the model said which instances there are, if only that there are none.
        jumps: seconds at which the model sees another view begin and no cut was measured.
        convention: how the model writes boxes down; false where it cannot.
        said: what was answered, by leaf; a part's sentence under ``/segments/`` and its number.
        unknown: leaves of the clip of which the model says that no word of the list holds.
        missing: what was asked on what, why it got nothing, and the leaves.
        models: names that servers gave in their replies.
        left_alone: corrections of the model's to its own answer that could not be used.
    """

    prepared: Prepared
    options: ChainOptions
    evidence: Evidence = field(init=False)
    names: dict[int, str] = field(init=False)
    agreed: dict[int, Agreed] = field(default_factory=dict)
    listed: bool = False
    jumps: list[float] = field(default_factory=list)
    convention: Convention = THOUSANDTHS
    said: dict[str, Said] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    missing: list[tuple[str, str, tuple[str, ...]]] = field(default_factory=list)
    models: set[str] = field(default_factory=set)
    left_alone: int = 0
    prompts: Prompts = field(init=False)

    def __post_init__(self) -> None:
        self.evidence = self.prepared.evidence
        known = self.prepared.previous
        self.names = {} if known is None else _names(known)
        self.prompts = load_prompts(self.options.prompts_dir, self.options.hints_file)

    def take(
        self,
        answered: Answered,
        values: Values | None = None,
        *,
        about: str = "",
        times: Sequence[float] = (),
    ) -> None:
        """Keep what an answer says of the leaves that may be written, and note what it lacks.

        Args:
            values: by leaf; by default, as the question reads its answer.
            about: what they are on, for warnings.
            times: seconds, of the pictures that they rest on.
        """
        question, allows = answered.question, self.prepared.wanted.allows
        self.models |= {answered.model} - {""}
        expected = question.pointers if values is None else ()
        found = (answered.values if values is None else values) or {}
        blank = [one for one in expected if one not in found and one not in self.said]
        for pointer, value in found.items():
            if not allows(pointer):
                continue
            fit = fit_value(pointer, value)
            if fit is not None:
                self.said[pointer] = Said(fit, answered.model, tuple(times or question.times))
            elif not pointer.endswith(MAY_BE_BLANK):
                blank.append(pointer)
            elif value == UNKNOWN and instance_of(pointer) is None:
                self.unknown.add(pointer)
        if blank:
            reason = answered.problem or "nothing was said"
            self.missing.append((about or question.about, reason, tuple(blank)))

    def take_expression(self, answered: Answered, id: int, spans: Sequence[ExpressionSpan]) -> None:
        """Keep when a face shows what; the sentence on it rests on the same close-ups."""
        pointer = f"/instances/{id}/expression"
        if not self.prepared.wanted.allows(pointer):
            return
        self.take(answered, {f"{pointer}_spans": list(spans)}, about=self.names[id])
        times = tuple(dict.fromkeys(t for one in spans for t in (one.start, one.end)))
        if times and pointer in self.said:
            self.said[pointer] = replace(self.said[pointer], times=times)

    @property
    def checkable(self) -> Evidence:
        """What may be held against the model's words: not what was followed from its own boxes."""
        found = [item for item in self.evidence.instances if self._is_measured(item.id)]
        return self.evidence.model_copy(update={"instances": found})

    def _is_measured(self, id: int) -> bool:
        return id not in self.agreed or bool(self.agreed[id].pieces)

    @property
    def model(self) -> str:
        """Who answered, by the names that servers gave."""
        return ", ".join(sorted(self.models)) or "model"

    def item(self, id: int) -> InstanceFacts | None:
        """What is measured of an agreed instance."""
        return next((item for item in self.evidence.instances if item.id == id), None)

    def shows(self, id: int, t: float) -> bool:
        """Whether an instance is to be seen in the clip's picture at ``t``, as far as was said."""
        seen = self.agreed[id].named.seen if id in self.agreed else ()
        return not seen or t in seen

    def rename(self, id: int, name: str) -> None:
        """Give an instance a new name, in every sentence; one that another has is not taken."""
        if name.casefold() in {known.casefold() for known in self.names.values()}:
            return
        old, new, self.names[id] = self.names[id], name, name
        pattern = re.compile(rf"\b{re.escape(old)}\b", re.IGNORECASE)

        def renamed(value: Any) -> Any:
            if isinstance(value, tuple):
                return tuple(map(renamed, value))
            if not isinstance(value, str):
                return value
            return pattern.sub(
                lambda found: new[:1].upper() + new[1:] if found[0][0].isupper() else new, value
            )

        for pointer, said in self.said.items():
            self.said[pointer] = replace(said, value=renamed(said.value))

    # Words ---------------------------------------------------------------------------------------

    def compose(self, *parts: str) -> str:
        """The parts as paragraphs, empty ones left out."""
        return "\n\n".join(part for part in parts if part)

    def times(self, images: Sequence[Media], span: tuple[float, float] | None = None) -> str:
        """The paper's temporal metadata: how long the clip is, and when its frames were taken.

        ``span``: seconds, of the part of the clip that is shown; None for all of it.
        """
        video = self.prepared.evidence.video
        if video.frames == 1:
            return self.prompts.say("times", "still")
        count = len(images)
        if any(isinstance(one, Video) for one in images):
            return self.prompts.say("times", "video", duration=f"{video.duration:.1f}")
        if span is None:
            return self.prompts.say("times", "clip", duration=f"{video.duration:.1f}", count=count)
        start, end = (f"{edge:.1f}" for edge in span)
        return self.prompts.say("times", "part", start=start, end=end, count=count)

    def keys(self, keys: Keys) -> str:
        """What the answer has to look like: every key, what it holds, and its words if closed."""
        lines: list[str] = []
        told: set[str] = set()
        for key in keys:
            name, below = (key, ()) if isinstance(key, str) else key
            lines += [self._key(name, again=stem_of(name) in told)]
            lines += [f"  {self._key(inner)}" for inner in below]
            told.add(stem_of(name))
        form = self.prompts.say("json", fields="\n".join(lines))
        if self.options.english:
            return form
        return self.compose(form, self.prompts.say("language", tag=self.options.language))

    def _key(self, key: str, *, again: bool = False) -> str:
        words, number = choices_of(key), key.rpartition("_")[2]
        listed = f"; of: {', '.join(words)}" if words else ""
        form = self.convention.instruction
        meaning = self.prompts.say(
            "fields", "again" if again else stem_of(key), form=form, number=number
        )
        return f'- "{key}": {meaning}{listed}'

    def hint(self) -> str:
        """What somebody said about the clip, with a warning."""
        said = clean(self.prepared.hint)
        return self.prompts.say("hint", hint=said) if said else ""

    def heard(self, span: tuple[float, float] | None = None) -> str:
        """What was transcribed of the clip, or of a span of it in seconds, as data in quotes."""
        start, end = span or (0.0, float("inf"))
        audio = self.prepared.evidence.audio
        said = [one for one in audio.transcript if one.start < end and one.end > start]
        if not said or not self.options.hints:
            return ""
        shown = (said[index] for index in pick_evenly(len(said), MOST_HEARD))
        lines = [
            f'- {one.start:.1f} to {one.end:.1f}: "{text}"'
            for one in shown
            if (text := clean(_UNQUOTED.sub("'", one.text), limit=200))
        ]
        return self.prompts.say("heard", lines="\n".join(lines)) if lines else ""

    def look_at(self, item: InstanceFacts) -> str:
        """What to look at in a thing of its class."""
        if not self.options.hints:
            return ""
        noun, agreed = noun_of(item.class_), self.agreed.get(item.id)
        category = noun.category or (agreed.named.category if agreed else "")
        hint = self.prompts.hint(noun.class_, category)
        return self.prompts.say("measured", "look", noun=item.class_, hint=hint)

    def known_names(self, ids: Iterable[int] | None = None) -> str:
        """The agreed names, with what each is and what tells it from the others."""
        lines = []
        for id in self.names if ids is None else ids:
            named = self.agreed[id].named if id in self.agreed else Named(self.names[id])
            count = f"{named.count} x " if named.count > 1 else ""
            kind = f" ({count}{named.class_})" if named.class_ else ""
            lines.append(f"- {self.names[id]}{kind}" + (f": {named.looks}" if named.looks else ""))
        return self.prompts.say("names", names="\n".join(lines)) if lines else ""


def _names(caption: Caption) -> dict[int, str]:
    """The names of a caption's instances; those without one are called by their class."""
    named = [one.name or f"the {one.class_}" for one in caption.instances]
    return dict(zip((one.id for one in caption.instances), unique_names(named), strict=True))


def clip_values(value: Answer, keys: Sequence[str]) -> Values:
    """Values of the leaves that an answer about the whole clip has."""
    return {
        CLIP_POINTERS[key]: getattr(value, key) for key in keys if key in value.model_fields_set
    }


def clip_pointers(keys: Sequence[str]) -> tuple[str, ...]:
    """The leaves that keys about the whole clip go to."""
    return tuple(CLIP_POINTERS[key] for key in keys)
