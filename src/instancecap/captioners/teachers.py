"""One caption of several models' captions: each field from the one that is supported best.

A field's score is what the evidence says of its claims, plus how much the other teachers say the
same; both count alike. Choosing the answer that is closest to all others is minimum Bayes risk
decoding (Kumar and Byrne, 2004); the evidence is one more voice in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from instancecap.captioners.chain.merge import note_at_odds, settle_camera, settle_shot
from instancecap.captioners.chain.said import mentioned, renamed
from instancecap.schema.caption import Alternative, Caption, Claim, Instance, Producer, Teacher
from instancecap.schema.evidence import Evidence, InstanceFacts
from instancecap.schema.pointer import assign, instance_of
from instancecap.schema.vocabulary import Support
from instancecap.verify.matching import match_instances
from instancecap.verify.report import MARK, REMOVED
from instancecap.verify.text import normalize

SUPPORT = {"supported": 1.0, "contradicted": -1.0, "disputed": -0.5}
"""What a checked claim is worth; one that the evidence knows nothing of is worth nothing."""

TOGETHER = re.compile(
    r"^/(texts|shots|segments)/|^/instances/\d+/(name|class|category|subcategory)$"
)
"""Fields that are not chosen one by one: texts and shots are those of the leading teacher, what an
instance is and its name come from one teacher, and so do all segments."""

IDENTITY = ("name", "class", "category", "subcategory")

SEGMENTS = "/segments"


@dataclass(frozen=True, slots=True)
class Answer:
    """A teacher's caption and cost; no caption where it gave none.

    Attributes:
        teacher: name, model, cost and problem.
        caption: checked against the evidence.
    """

    teacher: Teacher
    caption: Caption | None = None

    @property
    def own(self) -> dict[str, Any]:
        """The leaves that the model wrote, by their pointers."""
        if self.caption is None:
            return {}
        told, model = self.caption.provenance, self.caption.producer.models.get("mllm")
        leaves = self.caption.leaves()
        return {key: leaves[key] for key in leaves if key in told and told[key].source == model}


@dataclass(slots=True)
class _Voice:
    """An answer in terms of the caption that is made.

    Attributes:
        ids: of its instances, and those that they are in the caption that is made.
        fields: what it says, by the pointers there.
        claims: what was checked of that.
    """

    answer: Answer
    caption: Caption
    ids: dict[int, int] = field(default_factory=dict)
    fields: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, list[Claim]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The teacher's."""
        return self.answer.teacher.name

    @property
    def only_films(self) -> bool:
        """Whether it speaks of the camera alone: its instances are what was measured."""
        return all(pointer.startswith(("/camera/", "/shots/")) for pointer in self.answer.own)

    def there(self, pointer: str) -> str:
        """A pointer of its own in the caption that is made; empty where that has no such place."""
        id = instance_of(pointer)
        if id is None:
            return pointer
        if id not in self.ids:
            return ""
        return re.sub(r"^/instances/\d+", f"/instances/{self.ids[id]}", pointer)

    def support(self, pointer: str) -> float:
        """What the evidence says of a field, -1..1; 0 where nothing of it was checked."""
        checked = [SUPPORT[one.support] * one.confidence
                   for one in self.claims.get(pointer, ()) if one.support in SUPPORT]  # fmt: skip
        return sum(checked) / len(checked) if checked else 0.0

    def verdict(self, pointer: str) -> Support:
        """What the evidence says of a field as a whole."""
        told = {one.support for one in self.claims.get(pointer, ())}
        if "contradicted" in told:
            return "contradicted"
        return "supported" if told == {"supported"} else "unchecked"


@dataclass(slots=True)
class _Contest:
    """Who wins which field.

    Attributes:
        won: the best one by pointer.
        scores: by teacher and pointer.
    """

    voices: Sequence[_Voice]
    won: dict[str, _Voice] = field(default_factory=dict)
    scores: dict[tuple[str, str], float] = field(default_factory=dict)

    def decide(self, pointer: str) -> _Voice:
        """The teacher whose answer is supported best; the first one in a tie."""
        rivals = [voice for voice in self.voices if pointer in voice.fields]
        for voice in rivals:
            score = voice.support(pointer) + _agreement(voice, rivals, pointer)
            self.scores[voice.name, pointer] = round(score, 3)
        best = max(rivals, key=lambda voice: self.scores[voice.name, pointer])
        self.won[pointer] = best
        return best

    def account(self, answer: Answer) -> Teacher:
        """The teacher, with what it won and what it lost."""
        voice = next((one for one in self.voices if one.answer is answer), None)
        if voice is None:
            return answer.teacher
        lost = {
            pointer: Alternative(
                value=value,
                support=voice.verdict(pointer),
                score=self.scores[voice.name, pointer],
            )
            for pointer, value in sorted(voice.fields.items())
            if self.won[pointer] is not voice and value != self.won[pointer].fields[pointer]
        }
        won = sorted(pointer for pointer, best in self.won.items() if best is voice)
        return answer.teacher.model_copy(update={"won": won, "lost": lost})


def combine(answers: Sequence[Answer], evidence: Evidence, *, max_instances: int) -> Caption:
    """The caption that the evidence and the other teachers support best, field by field.

    The instances are those of the teacher whose claims the evidence supports best, and those of
    others that were tracked, or that two teachers name. The first teacher wins a tie.

    Args:
        answers: at least one has a caption; in the user's order.
        evidence: of the clip.
    """
    voices = [_Voice(one, one.caption) for one in answers if one.caption is not None]
    contest = _Contest(voices)
    lead = max(voices, key=_rank)
    caption = lead.caption.model_copy(deep=True)
    _match(caption, lead, voices, evidence, most=max(max_instances, len(caption.instances)))
    _identify(caption, contest)
    for voice in voices:
        _translate(voice, caption)
    as_told = [one.name for one in caption.instances] == [
        one.name for one in lead.caption.instances
    ]
    for pointer in dict.fromkeys(key for voice in voices for key in voice.fields):
        if pointer not in contest.won:
            best = contest.decide(pointer)
            if best is not lead or not as_told:
                _take(caption, pointer, best)
    settle_camera(caption, lead.caption.camera)
    settle_shot(caption)
    note_at_odds(caption)
    caption.teachers = [contest.account(one) for one in answers]
    models = {key: name for key, name in caption.producer.models.items() if key != "mllm"}
    models |= {f"mllm {one.teacher.name}": one.teacher.model for one in answers}
    caption.producer.models, caption.producer.mode = models, "teachers"
    return Caption.model_validate(caption.model_dump())


def _rank(voice: _Voice) -> tuple[bool, bool, float]:
    """How well the evidence supports all that a teacher says; who says nothing is last, and who
    speaks of the camera alone comes just before."""
    checked = [SUPPORT[one.support] for one in voice.caption.claims if one.support in SUPPORT]
    support = sum(checked) / len(checked) if checked else 0.0
    return not voice.only_films, bool(voice.answer.own), support


# Who is who ---------------------------------------------------------------------------------------


def _match(
    caption: Caption, lead: _Voice, voices: Sequence[_Voice], evidence: Evidence, *, most: int
) -> None:
    """Find out which instances are the same, and add those that the leading teacher lacks."""
    lead.ids = {one.id: one.id for one in caption.instances}
    things = list(caption.instances)
    spoken = Counter(lead.ids)
    found_by = {}
    for voice in voices:
        if voice is lead or voice.only_films:
            continue
        voice.ids = _same(voice.caption, things, evidence)
        for one in voice.caption.instances:
            if one.id not in voice.ids:
                new = max((thing.id for thing in things), default=-1) + 1
                told = voice.caption.provenance.get(f"/instances/{one.id}")
                found_by[new] = told.source if told else ""
                things.append(one.model_copy(update={"id": new}, deep=True))
                voice.ids[one.id] = new
            spoken[voice.ids[one.id]] += 1
    names = {one.name.casefold() for one in caption.instances}
    for one in things[len(caption.instances) :]:
        supported = found_by[one.id] == "both" or spoken[one.id] > 1
        if supported and len(caption.instances) < most and one.name.casefold() not in names:
            caption.instances.append(one)
            names.add(one.name.casefold())
    kept = {one.id for one in caption.instances}
    for voice in voices:
        voice.ids = {own: id for own, id in voice.ids.items() if id in kept}
        for claim in voice.caption.claims:
            is_part = claim.field.startswith(f"{SEGMENTS}/")
            there = SEGMENTS if is_part else voice.there(claim.field)
            voice.claims.setdefault(there, []).append(claim)
    _describe_added(caption, lead, voices)


def _same(caption: Caption, things: Sequence[Instance], evidence: Evidence) -> dict[int, int]:
    """Ids of a caption's instances, and the things that they are; by track, else by name."""
    items = [
        InstanceFacts.model_validate(
            {"id": one.id, "class": one.class_ or "object", "confidence": 0.5, "salience": 0.5,
             "count": one.count, "track": [point.model_dump() for point in one.track]}
        )
        for one in things
    ]  # fmt: skip
    # Without a producer ids are not taken at their word: each teacher has numbered its own.
    stranger = caption.model_copy(update={"producer": Producer(name="")})
    others = evidence.model_copy(update={"instances": items})
    found = {id: one.items[0].id for id, one in match_instances(stranger, others).items()}
    names = {one.name.casefold(): one.id for one in things if one.id not in found.values()}
    for one in caption.instances:
        if one.id not in found and one.name.casefold() in names:
            found[one.id] = names.pop(one.name.casefold())
    return found


def _describe_added(caption: Caption, lead: _Voice, voices: Sequence[_Voice]) -> None:
    """What is known of instances that are not the leading teacher's: from the first to name it."""
    for id in [one.id for one in caption.instances if one.id not in lead.ids.values()]:
        voice = next(one for one in voices if id in one.ids.values())
        for pointer, told in voice.caption.provenance.items():
            if instance_of(pointer) is not None and instance_of(voice.there(pointer)) == id:
                caption.provenance[voice.there(pointer)] = told
        caption.claims += [
            claim.model_copy(update={"field": voice.there(claim.field)})
            for claim in voice.caption.claims
            if instance_of(claim.field) is not None and instance_of(voice.there(claim.field)) == id
        ]


def _identify(caption: Caption, contest: _Contest) -> None:
    """What each instance is, and its name, from the teacher whose class is supported best."""
    for one in caption.instances:
        place, known = f"/instances/{one.id}", {}
        for voice in contest.voices:
            own = next((own for own, id in voice.ids.items() if id == one.id), None)
            theirs = next((thing for thing in voice.caption.instances if thing.id == own), None)
            if theirs is not None and f"/instances/{own}/class" in voice.answer.own:
                known[voice.name] = theirs
                voice.fields[f"{place}/class"] = theirs.class_
        if not known:
            continue
        best = contest.decide(f"{place}/class")
        new, others = known[best.name], [thing for thing in caption.instances if thing is not one]
        if new.class_ == one.class_ or new.name.casefold() in {o.name.casefold() for o in others}:
            continue
        one.name, one.class_ = new.name, new.class_
        one.category, one.subcategory = new.category, new.subcategory
        for leaf in IDENTITY:
            caption.provenance.pop(f"{place}/{leaf}", None)
            if told := best.caption.provenance.get(f"/instances/{new.id}/{leaf}"):
                caption.provenance[f"{place}/{leaf}"] = told


# What they say ------------------------------------------------------------------------------------


def _translate(voice: _Voice, caption: Caption) -> None:
    """A teacher's fields in the names and ids of the caption that is made.

    A sentence about an instance that is not in the caption is left out.
    """
    ours = {one.id: one.name for one in caption.instances}
    theirs = {one.id: one.name for one in voice.caption.instances}
    names = {theirs[own]: ours[id] for own, id in voice.ids.items() if theirs[own]}
    strangers = theirs.keys() - voice.ids.keys()
    for own, value in voice.answer.own.items():
        pointer = voice.there(own)
        if not pointer or TOGETHER.search(pointer):
            continue
        if isinstance(value, str) and " " in value:
            if strangers & set(mentioned(value, theirs)[0]):
                continue
            value = renamed(value, names)
        voice.fields[pointer] = value
    told = [renamed(one.description, names) for one in voice.caption.segments]
    if told and not strangers & set(mentioned(" ".join(told), theirs)[0]):
        voice.fields[SEGMENTS] = told


def _agreement(voice: _Voice, rivals: Sequence[_Voice], pointer: str) -> float:
    """How much the others who answer say the same, 0..1; 0 where nobody else does."""
    mine = _words(voice.fields[pointer])
    alike = [_f1(mine, _words(one.fields[pointer])) for one in rivals if one is not voice]
    return sum(alike) / len(alike) if alike else 0.0


def _words(value: str | Sequence[str]) -> Counter[str]:
    if isinstance(value, str):
        return Counter(normalize(value).split())
    return Counter(word for one in value for word in normalize(one).split())


def _f1(one: Counter[str], other: Counter[str]) -> float:
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


# What is kept -------------------------------------------------------------------------------------


def _take(caption: Caption, pointer: str, voice: _Voice) -> None:
    """Put a teacher's answer into the caption, with its provenance, claims and warnings."""
    source, value = voice.caption, voice.fields[pointer]
    if pointer == SEGMENTS:
        caption.segments = [
            one.model_copy(
                update={
                    "description": text,
                    "instances": [voice.ids[id] for id in one.instances if id in voice.ids],
                }
            )
            for one, text in zip(source.segments, value, strict=True)
        ]
    else:
        assign(caption, pointer, value)
    for one in [key for key in caption.provenance if _is_at(key, pointer)]:
        del caption.provenance[one]
    for key, told in source.provenance.items():
        if _is_at(voice.there(key), pointer):
            caption.provenance[voice.there(key)] = told
    gone = [pointer]
    if len(caption.shots) == 1 and pointer in ("/camera/motion", "/camera/shot_type"):
        gone.append(pointer.replace("/camera/", "/shots/0/"))  # the same value, once more
    caption.claims = [
        one for one in caption.claims if not any(_is_at(one.field, place) for place in gone)
    ]
    claims = [
        claim.model_copy(update={"field": voice.there(claim.field)})
        for claim in voice.claims.get(pointer, ())
    ]
    caption.claims += claims
    caption.claims += [
        claim.model_copy(update={"field": shot}) for shot in gone[1:] for claim in claims
    ]
    caption.warnings = [
        one for one in caption.warnings if not any(_warns_of(one, place) for place in gone)
    ]
    for own in (key for key in source.provenance if _is_at(voice.there(key), pointer)):
        caption.warnings += [
            line.replace(f"{own}: ", f"{voice.there(own)}: ", 1)
            for line in source.warnings
            if line.startswith((f"{MARK}{own}: ", f"{REMOVED}{own}: "))
        ]


def _is_at(pointer: str, place: str) -> bool:
    """Whether it is this field; of segments, in any of them."""
    return pointer == place or (place == SEGMENTS and pointer.startswith(f"{SEGMENTS}/"))


def _warns_of(line: str, pointer: str) -> bool:
    end = "/" if pointer == SEGMENTS else ": "
    return line.startswith((f"{MARK}{pointer}{end}", f"{REMOVED}{pointer}{end}"))
