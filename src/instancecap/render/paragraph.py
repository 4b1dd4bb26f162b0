"""A caption as the sentences of a paragraph, in a style's order, each with its rank.

Sentences that others wrote are taken whole and as they are; what is measured is put into words.
InstanceCap (arXiv 2412.09283, section 3) and SkyReels-V2 (arXiv 2504.13074) have a language model
fuse the fields in such orders.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from instancecap.language import en
from instancecap.render import grammar, scene, subjects
from instancecap.render.draft import Draft, Line
from instancecap.render.grammar import content, lexicon
from instancecap.render.subjects import Subject
from instancecap.schema.caption import Instance

NEWS = 0.25
"""Share of new words from which a sentence about a part of the clip is more than a repetition."""

_WAYS = lexicon("direction") | {"closer", "away"}


def lines_of(draft: Draft) -> list[Line]:
    """The paragraph's sentences in their order."""
    caption = draft.caption
    told = [one for one in caption.instances if not _is_gone(draft, one)]
    draft.subjects = subjects.subjects_of(
        told,
        [_is_bare(draft, one) and draft.wants(f"/instances/{one.id}/colors") for one in told],
    )
    for who in draft.subjects:  # all about the first of its like is told before the second comes
        if who.ref == f"the first {who.full}":
            who.ref = f"the {who.full}"
    gist = list(_gist(draft, told))
    draft.gist = " ".join(line.text for line in gist).lower()
    about = [
        line for index, one in enumerate(told) for line in _instance(draft, index, one, draft.gist)
    ]
    parts = {"subjects": [*gist, *about], "events": list(_events(draft))}
    lines: list[Line] = []
    for name in draft.order:
        if name in parts:
            lines += parts[name]
        elif draft.options.task == "t2v" or name in ("camera", "sound"):
            lines += _PARTS[name](draft)
    return lines


def _is_gone(draft: Draft, one: Instance) -> bool:
    """Whether all that was known of an instance is left out, so that no word of it is wanted."""
    base = f"/instances/{one.id}"
    held = [f"{base}/action"] if one.action else []
    if draft.options.task == "t2v" and not _is_bare(draft, one):
        held.append(f"{base}/appearance")
    return not draft.wants(base) or (bool(held) and not any(map(draft.wants, held)))


def _is_bare(draft: Draft, one: Instance) -> bool:
    """Whether its looks are its class and colors alone."""
    ours = draft.is_ours(f"/instances/{one.id}/appearance", one.appearance)
    return ours or not one.appearance


def _gist(draft: Draft, told: Sequence[Instance]) -> Iterator[Line]:
    """The global description, less what the light repeats; of ours, what says more than the other
    sentences that are told."""
    pointer, text = "/global_description", draft.caption.global_description
    say = partial(grammar.sentence, everyday=True)
    others = told or draft.caption.background or en.camera_sentence(draft.caption.camera)
    if told and draft.options.length == "short" and draft.options.task == "t2v":
        others = ()  # it is the only sentence
    light = draft.caption.lighting if draft.options.length != "short" else ""
    for line in _sentences(draft, pointer, text, say, first=0, more=1.2):
        if not (others and draft.is_ours(pointer, line.text)) and line.text not in light:
            yield line


@dataclass(slots=True)
class _Mention:
    """How far an instance was introduced.

    Attributes:
        named: whether a sentence named it.
        current: whether the sentence before is about it, so that a pronoun can follow.
        by_name: whether the sentence that introduces it was left out, so that *the dog* is new.
        in_view: the phrase that introduces it, with *who* and *be* in braces.
    """

    who: Subject
    named: bool
    current: bool
    by_name: bool = False
    in_view: str = "{who} {be} in view"

    @property
    def subject(self) -> str:
        return self.who.ref if self.named else self.who.intro

    def line(self, text: str) -> str:
        """A sentence about it, behind one that names it where it could be of anyone."""
        new = self.by_name and not self.named and text.startswith("The ")
        first, _, rest = text.partition(" ")
        if self.named and not self.current and first in ("It", "He", "She", "They"):
            text = grammar.sentence(f"{self.who.ref} {rest}")
        elif new or (not self.current and subjects.pronoun_first(text)):
            text = f"{self.introduction()} {text}"
        self.named = self.current = True
        return text

    def introduction(self) -> str:
        return grammar.sentence(self.in_view.format(who=self.subject, be=self.who.be))


def _instance(draft: Draft, index: int, one: Instance, gist: str) -> Iterator[Line]:
    """The sentences about an instance; the first introduces it where the gist does not."""
    base, who, late = f"/instances/{one.id}", draft.subjects[index], index * 0.01
    still = draft.options.task == "i2v"  # its looks are in the picture that is given
    opens = not index and subjects.opens(gist, who, one.class_)
    known = opens or who.kind.lower() in gist
    mention = _Mention(who, still or known or (not index and bool(gist)), not index and bool(gist))
    mention.in_view = draft.wording.say("in_view")
    described = not still and not _is_bare(draft, one)
    looks = draft.text(f"{base}/appearance", one.appearance) if described else ()
    acts = () if draft.by_shot else draft.text(f"{base}/action", one.action)
    lead = subjects.pronoun_of((*looks, *acts, one.expression), one.class_) if opens else ""
    mention.by_name = described and not looks
    if looks and acts and not mention.named and subjects.joins(looks, acts[0], who):
        who.intro, looks = grammar.phrase(looks[0]), ()
    for number, text in enumerate(looks):
        told = mention.named and (known or number > 0)
        there = draft.wording.say("there")
        text = subjects.looks(text, who, known=told, there=there, lead="" if number else lead)
        text = mention.line(text)
        yield Line(f"{base}/appearance", number, _rank(index, number, 2, 5, 9) + late, text)
    where = ""
    if acts and _has_cells(draft, one) and subjects.is_verb_phrase(acts[0], who):
        where = subjects.stays(one.position, who)
    for number, text in enumerate(acts):
        place = "" if number else where
        text = mention.line(subjects.action(text, who, who=mention.subject, where=place))
        yield Line(f"{base}/action", number, _rank(index, number, 1, 5, 1.4) + late, text)
    for number, text in enumerate(draft.text(f"{base}/expression", one.expression)):
        yield Line(
            f"{base}/expression", number, 12 + late, mention.line(subjects.expression(text, who))
        )
    if not where and (text := _position(draft, one, mention, " ".join(acts))):
        yield Line(f"{base}/position", 0, 16 + late, mention.line(text))
    if not mention.named and draft.fact(base, who.kind):
        yield Line(base, 0, _rank(index, 0, 2, 5, 9) + late, mention.introduction())


def _rank(index: int, number: int, main: float, other: float, more: float) -> float:
    if index:
        return 11 if number else other
    return more if number else main


def _has_cells(draft: Draft, one: Instance) -> bool:
    """Whether its place is said by the cells of its track: not where its captioner says none."""
    pointer, text = f"/instances/{one.id}/position", one.position.text
    if not draft.wants(pointer):
        return False
    if text:
        return draft.is_ours(f"{pointer}/text", text)
    return not draft.is_ours(f"{pointer}/start")


def _position(draft: Draft, one: Instance, mention: _Mention, acts: str) -> str:
    """The sentence about where an instance is; of one in a given picture, only that it moves."""
    pointer, place = f"/instances/{one.id}/position", one.position
    if _has_cells(draft, one):
        moves = place.start != place.end or (not acts and (place.enters or place.leaves))
        is_at, who = draft.wording.say("is_at"), mention.subject
        text = subjects.cells(place, mention.who, who=who, acts=bool(acts), is_at=is_at)
        goes = bool(acts) and place.start == place.end and bool(_WAYS & set(grammar.words_of(acts)))
        if goes or (acts and place.start == place.end == "center-middle"):
            return ""  # it is there no longer; or where one looks first
        if acts and content(" ".join(en.IN_CELLS[at] for at in (place.start, place.end) if at)) <= (
            content(acts)
        ):
            return ""  # its action says so already
        return draft.fact(pointer, text) if moves or draft.options.task == "t2v" else ""
    if not place.text or draft.options.task == "i2v":
        return ""
    found = [
        subjects.position(text, mention.who, who=mention.subject)
        for text in draft.text(pointer, place.text)
    ]
    return " ".join(found)


def _sentences(
    draft: Draft, pointer: str, text: str, say: Callable[[str], str], *, first: float, more: float
) -> Iterator[Line]:
    """The sentences of a field, with the ranks of the first and of the others."""
    for index, one in enumerate(draft.text(pointer, text)):
        yield Line(pointer, index, more if index else first, say(one))


def _fact(draft: Draft, pointer: str, text: str, *, rank: float) -> Iterator[Line]:
    """One sentence that is put together of structured fields."""
    if text := draft.fact(pointer, text):
        yield Line(pointer, 0, rank, text)


def _events(draft: Draft) -> Iterator[Line]:
    """What happens in the parts of the clip, in their order.

    Of parts within one shot what other fields say is left out.
    """
    caption, parts = draft.caption, draft.caption.segments
    if len(parts) < 2 and caption.global_description:
        return
    if draft.by_shot:
        for number, one in enumerate(parts, 1):
            say = grammar.sentence
            pointer = f"/segments/{number - 1}"
            for line in _sentences(
                draft, pointer, one.description, say, first=1 + number / 100, more=1.4
            ):
                yield replace(line, part=0 if line.index else number)
        return
    fields = [caption.global_description, caption.background]
    for instance in caption.instances:
        fields += [instance.appearance, instance.action, instance.expression]
    known = content(" ".join(fields)) if len(caption.shots) <= 1 else frozenset()
    told = [
        (sentence, 0 if at else number)
        for number, one in enumerate(parts, 1)
        for at, sentence in enumerate(grammar.sentences(one.description))
        if len((words := content(sentence)) - known) >= NEWS * len(words)
    ]
    text = " ".join(sentence for sentence, _ in told)
    for line in _sentences(draft, "/segments", text, grammar.sentence, first=10, more=10):
        yield replace(line, part=told[line.index][1] if line.index < len(told) else 0)


def _framing(draft: Draft) -> Iterator[Line]:
    found = scene.shot(*_shot_of(draft, said=draft.caption.camera.description))
    if _leads_camera(draft) and found:
        return
    say = draft.wording.say("framing_first" if draft.order[0] == "framing" else "framing")
    text = grammar.sentence(say.format(en.article(found))) if found else ""
    bare = found.removeprefix("shot ")
    if bare != found and draft.order[0] != "framing":  # not *the framing is a shot at eye level*
        text = grammar.sentence(f"it is filmed {bare}")
    yield from _fact(draft, "/camera/shot_type", text, rank=4)


def _leads_camera(draft: Draft) -> bool:
    """Whether the shot opens the sentence about the camera: *in a long shot, the camera pans*."""
    order = draft.order
    follows = "framing" in order and order[order.index("framing") + 1 :][:1] == ("camera",)
    told = next(iter(_camera_lines(draft)), None) if follows else None
    return told is not None and told.text.startswith(("The camera ", "The view "))


def _shot_of(draft: Draft, *, said: str = "") -> list[str]:
    """Size, angle and view of the shot, without what is not wanted, or said by the camera's own
    words already; and the style."""
    camera = draft.caption.camera
    if said:
        ours = draft.is_ours("/camera/description", said)
        said = "" if ours else said.lower().replace("-", " ")
    words = []
    for name in ("shot_type", "shot_angle", "shot_position"):
        value = getattr(camera, name)
        told = value.replace("_", " ").removesuffix(" view") in said
        words.append(value if draft.wants(f"/camera/{name}") and not told else "")
    return [*words, draft.caption.style if draft.wants("/style") else ""]


def _tags(draft: Draft) -> Iterator[Line]:
    """At most four words of cinema before the prose, as Wan's prompt extension writes them."""
    text = ", ".join(tags_of(draft)[:4])
    yield from _fact(draft, "/camera/shot_type", grammar.sentence(text), rank=4)


def tags_of(draft: Draft) -> list[str]:
    """Time of day and shot, in a word or two each."""
    time = draft.caption.time_of_day if draft.wants("/time_of_day") else ""
    return scene.shot_tags(time, *_shot_of(draft))


def _camera(draft: Draft) -> Iterator[Line]:
    """How the camera moves, behind the shot where that is told right before."""
    leads = draft.options.task == "t2v" and _leads_camera(draft)
    found = scene.shot(*_shot_of(draft, said=draft.caption.camera.description)) if leads else ""
    for line in _camera_lines(draft):
        if found and not line.index:
            text = grammar.phrase(line.text.removeprefix("The "))
            line = replace(line, text=grammar.sentence(f"in {en.article(found)}, the {text}"))
        yield line


def _camera_lines(draft: Draft) -> Iterator[Line]:
    """How the camera moves: by its primitives where they are ours, else in the caption's words."""
    camera, pointer = draft.caption.camera, "/camera/motion"
    if camera.description and not draft.is_ours("/camera/description", camera.description):
        text = camera.description
        return _sentences(draft, pointer, text, scene.camera_text, first=3, more=14)
    text = en.camera_sentence(camera, called=draft.wording.say("camera"))
    return _fact(draft, pointer, text, rank=3)


def _background(draft: Draft) -> Iterator[Line]:
    text = draft.caption.background
    setting = partial(scene.setting, say=draft.wording.say)
    yield from _sentences(draft, "/background", text, setting, first=6, more=15)
    tagged = "tags" in draft.order
    time = draft.caption.time_of_day if draft.wants("/time_of_day") and not tagged else ""
    place = draft.caption.place if draft.wants("/place") else ""
    say = draft.wording.say
    text = scene.time_and_place(draft.caption, place, time, told=draft.gist, say=say)
    yield from _fact(draft, "/time_of_day" if time else "/place", text, rank=19)


def _lighting(draft: Draft) -> Iterator[Line]:
    light = partial(scene.light, say=draft.wording.say)
    return _sentences(draft, "/lighting", draft.caption.lighting, light, first=13, more=17)


def _texts(draft: Draft) -> Iterator[Line]:
    return _fact(draft, "/texts", scene.writing(draft.caption, draft.wording.say), rank=18)


def _sound(draft: Draft) -> Iterator[Line]:
    said = scene.unquoted(draft.caption) if draft.options.in_fields else []
    if not said:
        return _fact(draft, "/audio", scene.sound(draft.caption), rank=5)
    draft.whole["/audio"] = len(said)
    kept = said[: draft.keep.get("/audio", len(said))]
    return (
        Line("/audio", index, 5, f'A voice says: "{one.text}"') for index, one in enumerate(kept)
    )


_PARTS: dict[str, Callable[[Draft], Iterator[Line]]] = {
    "tags": _tags,
    "framing": _framing,
    "camera": _camera,
    "texts": _texts,
    "background": _background,
    "lighting": _lighting,
    "sound": _sound,
}
"""The parts of a paragraph that styles.toml orders, beside subjects and events."""
