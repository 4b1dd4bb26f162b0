"""A question, its answer, and the words of both that all modes share.

A mode is a generator: it yields the questions that can be asked at the same time, is sent their
answers, and goes on. It asks nobody itself, so the same code runs against a server, predicts what
a run will cost, and is tested without either.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from instancecap.captioners.chain.answers import Answer, answer_type, choices_of, clean
from instancecap.captioners.chain.options import CLIP_POINTERS, ChainOptions
from instancecap.captioners.chain.pictures import Part as ClipPart
from instancecap.captioners.chain.pictures import Prepared, Subject
from instancecap.captioners.chain.plan import instance_pointer
from instancecap.captioners.chain.prompting import Prompts, load_prompts
from instancecap.captioners.measured.content_selection import is_any, name_instances
from instancecap.captioners.measured.english import introduce
from instancecap.evidence.geometry import cell_of
from instancecap.language import en
from instancecap.mllm.base import Image, Media, Message, Part, Request, Video
from instancecap.models.coco import CATEGORIES
from instancecap.schema.caption import Instance
from instancecap.schema.evidence import InstanceFacts
from instancecap.video.sampling import pick_evenly

MAX_TOKENS = 1024
"""Of one answer; the longest, of a clip with its notes, has about 300."""

EVENTS_TOLD = 40
"""Parts of a clip, evenly chosen, whose events are told along with a later question."""

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked at once.

    Attributes:
        about: what it is on, for warnings: ``the clip``, ``instance 2``, ``8-16 s``.
        images: shown first, or a clip by its URL; none in a later turn, whose first turn has them.
        text: the question.
        answer: the model of its answer.
        pointers: leaves of the caption that go unwritten if there is no answer.
        read: takes an answer to values of leaves.
        opening: what the pictures are, for whoever is shown them once more.
        before: earlier turns, the first with its images.
        max_tokens: bound of the answer's length.
        plain: for a model that was trained on one question: no system prompt, no times.
        prose: leaf that takes an answer as it is where it does not fit the model; empty for none.
    """

    about: str
    images: tuple[Media, ...]
    text: str
    answer: type[Answer]
    pointers: tuple[str, ...] = ()
    read: Callable[[Any], Values] = lambda _: {}
    before: tuple[Message, ...] = ()
    opening: str = ""
    max_tokens: int = MAX_TOKENS
    plain: bool = False
    prose: str = ""

    @property
    def turns(self) -> tuple[Message, ...]:
        """The conversation up to the question."""
        return (*self.before, Message("user", (*self.images, self.text)))

    @property
    def times(self) -> list[float]:
        """Seconds from the clip's start of the pictures that the answer rests on."""
        parts = [part for message in self.turns for part in message.parts]
        return [part.t for part in parts if isinstance(part, Image) and part.t is not None]

    def request(self, prompts: Prompts, *, seed: int) -> Request:
        """The question as a backend takes it, but for the schema."""
        if self.plain:
            messages = tuple(Message(one.role, _timeless(one.parts)) for one in self.turns)
        else:
            messages = (Message("system", (prompts.say("system"),)), *self.turns)
        return Request(messages, max_tokens=self.max_tokens, seed=seed)


def _timeless(parts: Sequence[Part]) -> tuple[Part, ...]:
    return tuple(Image(part.jpeg) if isinstance(part, Image) else part for part in parts)


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


Chain = Generator[list[Question], list[Answered], None]


class Scene:
    """One clip's questions, in words."""

    def __init__(self, prepared: Prepared, options: ChainOptions) -> None:
        self.prepared, self.options = prepared, options
        self.prompts = load_prompts(options.prompts_dir, options.hints_file)
        self._things = {thing.id: thing for thing in prepared.base.instances}

    # Building blocks -----------------------------------------------------------------------------

    def compose(self, *parts: str) -> str:
        """The parts as paragraphs, empty ones left out."""
        return "\n\n".join(part for part in parts if part)

    def times(self, images: Sequence[Media], part: ClipPart | None = None) -> str:
        """The paper's temporal metadata: how long the clip is, and when its frames were taken."""
        video = self.prepared.evidence.video
        if video.frames == 1:
            return self.prompts.say("times", "still")
        count = len(images)
        if any(isinstance(one, Video) for one in images):
            return self.prompts.say("times", "video", duration=f"{video.duration:.1f}")
        if part is None:
            return self.prompts.say("times", "clip", duration=f"{video.duration:.1f}", count=count)
        start, end = f"{part.window.start:.1f}", f"{part.window.end:.1f}"
        return self.prompts.say("times", "part", start=start, end=end, count=count)

    def keys(
        self, keys: Sequence[str], *, nested: Mapping[str, Sequence[str]] | None = None
    ) -> str:
        """What the answer has to look like: every key, what it holds, and its words if closed."""
        lines = []
        alike: dict[tuple[str, ...], list[str]] = {}
        for name, below in (nested or {}).items():
            alike.setdefault(tuple(below), []).append(f'"{name}"')
        for below, names in alike.items():
            each = "each an object" if len(names) > 1 else "an object"
            lines.append(f"- {', '.join(names)}: {each} with exactly these keys, in this order:")
            lines += [f"  {self._key(key)}" for key in below]
        lines += [self._key(key) for key in keys]
        form = self.prompts.say("json", fields="\n".join(lines))
        if self.options.english:
            return form
        return self.compose(form, self.prompts.say("language", tag=self.options.language))

    def _key(self, key: str) -> str:
        words = choices_of(key)
        listed = f"; one of: {', '.join(words)}" if words else ""
        return f'- "{key}": {self.prompts.say("fields", key)}{listed}'

    def hint(self) -> str:
        """What somebody said about the clip, with a warning."""
        said = clean(self.prepared.hint)
        return self.prompts.say("hint", hint=said) if said else ""

    def told(self, events: Sequence[tuple[ClipPart, str]]) -> str:
        """What happens in the parts of a long clip."""
        chosen = [events[index] for index in pick_evenly(len(events), EVENTS_TOLD)]
        lines = [f"- {p.window.start:.1f}-{p.window.end:.1f} s: {text}" for p, text in chosen]
        return self.prompts.say("events", events="\n".join(lines)) if lines else ""

    def noun(self, item: InstanceFacts) -> str:
        """What to call a thing in a question."""
        class_ = "thing" if item.class_ == "object" else item.class_
        return f"group of {en.plural(class_)}" if item.count > 1 else class_

    def place(self, item: InstanceFacts) -> str:
        """Where a thing is first seen, to tell it from others like it."""
        x0, y0, x1, y1 = item.track[0].box
        return f"{en.IN_CELLS[cell_of((x0 + x1) / 2, (y0 + y1) / 2)]} of the frame"

    def thing(self, id: int) -> Instance:
        """An instance of the caption that is written."""
        return self._things[id]

    def look(self, item: InstanceFacts) -> str:
        """What to look at in a thing of its class."""
        if not self.options.hints:
            return ""
        category = CATEGORIES.get(item.class_) or self.thing(item.id).category
        hint = self.prompts.hint(item.class_, category)
        return self.prompts.say("measured", "look", noun=self.noun(item), hint=hint)

    def motion(self, item: InstanceFacts) -> str:
        """What was measured of a thing's motion and place."""
        facts = next((one for one in self.prepared.measured.instances if one.id == item.id), None)
        if not self.options.hints or facts is None:
            return ""
        action = facts.action and en.sentence(f"it {_lower(facts.action)}".rstrip("."))
        text = " ".join(filter(None, [action, en.sentence(facts.position.text)]))
        return self.prompts.say("measured", "instance", motion=text) if text else ""

    def view(self, item: InstanceFacts) -> str:
        """What was done to the pictures of a thing."""
        values = {"noun": self.noun(item), "place": self.place(item)}
        return self.prompts.say("views", self.options.visual_prompt, **values)

    def camera(self) -> str:
        """The measured camera sentence; empty where none could be told."""
        return self.prepared.measured.camera.description

    def list_things(self, subjects: Sequence[Subject]) -> str:
        """How many of what were found: *a white car and two people*."""
        names = name_instances([subject.item for subject in subjects], is_any)
        return en.join([introduce(name) for name in names])

    # Questions that several modes ask ------------------------------------------------------------

    def part_question(self, part: ClipPart, index: int) -> Question:
        """What happens in one window."""
        opening = self.times(part.images, part)
        text = self.compose(opening, self.prompts.say("window"), self.keys(["segment"]))
        pointer = f"/segments/{index}"
        return Question(
            about=f"{part.window.start:g}-{part.window.end:g} s",
            images=part.images,
            text=text,
            answer=answer_type(("segment",)),
            pointers=(pointer,),
            read=lambda value: {pointer: value.segment},
            opening=opening,
        )

    def part_questions(self) -> list[Question]:
        """One for every window that has a frame."""
        parts = enumerate(self.prepared.parts)
        return [self.part_question(part, index) for index, part in parts if part.images]

    def events(self, answers: Sequence[Answered]) -> list[tuple[ClipPart, str]]:
        """The windows that were described, and what happens in each."""
        parts = [part for part in self.prepared.parts if part.images]
        told = zip(parts, (answered.get("segment") for answered in answers), strict=True)
        return [(part, text) for part, text in told if text]


def clip_values(value: Answer, keys: Sequence[str]) -> Values:
    """Values of the leaves that an answer about the whole clip has."""
    return {
        CLIP_POINTERS[key]: getattr(value, key) for key in keys if key in value.model_fields_set
    }


def thing_values(value: Answer, id: int, keys: Sequence[str]) -> Values:
    """Values of the leaves that an answer about an instance has."""
    told = [key for key in keys if key in value.model_fields_set]
    return {instance_pointer(id, key): getattr(value, key) for key in told}


def clip_pointers(keys: Sequence[str]) -> tuple[str, ...]:
    """The leaves that keys about the whole clip go to."""
    return tuple(CLIP_POINTERS[key] for key in keys)


def thing_pointers(id: int, keys: Sequence[str]) -> tuple[str, ...]:
    """The leaves that keys about an instance go to."""
    return tuple(instance_pointer(id, key) for key in keys)


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
