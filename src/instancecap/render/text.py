"""Caption to paragraph: the paper's alignment step and SkyCaptioner's fusion, with no model.

InstanceCap (arXiv 2412.09283, section 3) has a language model turn the structure into one
paragraph; SkyReels-V2 (arXiv 2504.13074) fuses shot, subjects, surroundings and camera in this
order, and for image-to-video only what moves, and the camera. Here it is grammar: a fact that two
fields hold is told once, and nothing is added.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from instancecap.render import english, shots
from instancecap.render.place import NOWHERE, Place
from instancecap.render.styles import Style
from instancecap.render.subjects import Subject, subject_of, tell, tell_apart
from instancecap.render.words import content, covered, is_covered
from instancecap.schema.caption import Caption, Instance

Task = Literal["t2v", "i2v"]
Length = Literal["dense", "medium", "short", "tags"]
TASKS: tuple[str, ...] = get_args(Task)
LENGTHS: tuple[str, ...] = get_args(Length)

RETOLD = 0.8
"""Share of the global description's content that the details hold, from which it is left out."""

_COUNT_OF_SHOTS = re.compile(r"(The clip has \w+ shots?)\b.*")
_ORDER = ("First", "Then", "Finally")
_HUNYUAN_ORDER = ("Initially", "Then", "Finally")
_LINKED = re.compile(
    r"(?:then|next|finally|after|afterwards|initially|first|at first|later|meanwhile|in the|at the|"
    r"as|while|when)\b",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Draft:
    """A paragraph in the making.

    Attributes:
        told: the content of what was told so far.
    """

    caption: Caption
    style: Style
    length: Length
    without: frozenset[str]
    subjects: list[Subject] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    gist: list[str] = field(default_factory=list)
    background: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def has(self, pointer: str) -> bool:
        """Whether a field of the caption may be told."""
        return pointer not in self.without

    def field(self, pointer: str, text: str) -> str:
        """A field's text; empty where it is left out, cut to its first sentence by ``+``."""
        if not text or pointer in self.without:
            return ""
        if f"{pointer}+" in self.without or self.length == "medium":
            return next(iter(english.sentences(text)), "")
        return text


def write(
    caption: Caption,
    style: Style,
    *,
    task: Task = "t2v",
    length: Length = "dense",
    without: frozenset[str] = frozenset(),
) -> str:
    """The paragraph; empty where the caption says nothing that the task wants.

    Args:
        without: fields to leave out, as in :func:`instancecap.render.budget.drop_order`.
    """
    draft = Draft(caption, style, length, without)
    _read(draft)
    if length == "tags":
        return _tags(draft, task)
    if task == "i2v":
        return " ".join(_only_motion(draft))
    if length == "short":
        return _short(draft)
    parts: list[str] = []
    for name in style.order:
        for text in _WRITERS[name](draft):
            if text not in parts:
                parts.append(text)
                draft.told |= content(text)
    return " ".join(parts)


def _read(draft: Draft) -> None:
    """Take the caption apart: what each subject, the gist, the events and the background say."""
    caption = draft.caption
    draft.subjects = [
        _subject(draft, one) for one in caption.instances if draft.has(f"/instances/{one.id}")
    ]
    tell_apart(draft.subjects)
    if len(caption.segments) > 1 and draft.has("/segments"):
        said = (" ".join(_plain(one.description)) for one in caption.segments)
        draft.events = [text for text in said if text]
    draft.background = [*english.sentences(draft.field("/background", caption.background))]
    gist = _plain(draft.field("/global_description", caption.global_description))
    if gist and (found := _COUNT_OF_SHOTS.fullmatch(gist[0].rstrip("."))):
        gist = [f"{found[1]}."]
    draft.gist = _gist(draft, [english.leaves_it(text) for text in gist])


def _subject(draft: Draft, one: Instance) -> Subject:
    """An instance, of which what is left out is not seen."""
    base, where = f"/instances/{one.id}", one.position
    expression = "" if draft.length == "medium" else one.expression
    return subject_of(
        one,
        appearance=draft.field(f"{base}/appearance", one.appearance),
        action=draft.field(f"{base}/action", one.action),
        expression=draft.field(f"{base}/expression", expression),
        colors=one.colors if draft.has(f"{base}/colors") else (),
        place=Place.of(where.text, where.start, where.end)
        if draft.has(f"{base}/position")
        else NOWHERE,
    )


def _plain(text: str) -> list[str]:
    return [english.sentence(english.strip_shows(one)) for one in english.sentences(text)]


def _gist(draft: Draft, gist: list[str]) -> list[str]:
    """The global description, where it says more than the details together do."""
    if not gist or draft.length == "short":
        return gist
    camera = draft.caption.camera.description
    texts = [*draft.background, camera, *draft.events]
    for one in draft.subjects:
        texts += [one.looks, *one.said, *one.actions, one.expression, one.place.said]
        texts += one.words
    details = _contents(texts)
    return [text for text in gist if covered(text, details) < RETOLD]


def _contents(texts: Sequence[str]) -> frozenset[str]:
    return frozenset[str]().union(*map(content, texts))


def _scene(draft: Draft) -> list[str]:
    """Subject and scene in the first sentence: *A dog and a woman are in a snowy park.*"""
    if draft.gist or draft.events or not draft.subjects or not draft.background:
        return []
    setting = english.phrase(draft.background[0])
    if not english.is_noun_phrase(setting):
        return []
    names = [f"{one.determiner} {one.looks}".strip(", ") for one in draft.subjects]
    several = len(names) > 1 or draft.subjects[0].plural
    for one in draft.subjects:
        one.named = True
    draft.background = draft.background[1:]
    time = _time(draft, " ".join([setting, draft.caption.lighting]))
    place = shots.setting(f"{setting[:1].lower()}{setting[1:]}", time)
    text = f"{english.join(names)} {'are' if several else 'is'} in {place}"
    draft.without |= {"/time_of_day"}
    return [english.sentence(text)]


def _subjects(draft: Draft) -> list[str]:
    parts = list(draft.gist)
    opening = _opening(draft)
    gist = _contents(draft.gist)
    known = gist | _contents(draft.events)
    near = ""
    if parts and opening:
        parts[0] = f"{opening}, {english.lower_first(parts[0])}"
        opening = ""
    if draft.events:
        if opening:
            draft.events[0] = english.lower_first(draft.events[0])
            parts.append(f"{opening}.")
        opening = ""
    for one in draft.subjects:
        if known and is_covered(one.looks, known):
            one.named = True
            if is_covered(" ".join(one.actions), known) and (draft.events or not one.place.said):
                one.actions, one.place = [], NOWHERE
        elif (
            gist
            and one.words & gist
            and len(draft.subjects) == len({s.noun for s in draft.subjects})
        ):
            one.determiner = "the"
        if one.named and not one.actions and not one.said and not one.place.said:
            continue
        told = tell(one, known=known, opening=opening, near=near)
        if told:
            opening = ""
            near = one.place.cell
        parts += told
    if opening and not draft.subjects:
        parts.insert(0, _shot_sentence(draft))
    return [part for part in parts if part]


def _opening(draft: Draft) -> str:
    if draft.style.shot != "front":
        return ""
    shot = _shot(draft)
    return f"In {english.article(shot)}" if shot else ""


def _shot(draft: Draft) -> str:
    """The shot's size, angle and view, as far as the camera's own words do not hold them."""
    camera = draft.caption.camera
    said = camera.description.lower().replace("-", " ")
    words = []
    for name in ("shot_type", "shot_angle", "shot_position"):
        value = getattr(camera, name) if draft.has(f"/camera/{name}") else ""
        words.append("" if value.replace("_", " ").removesuffix(" view") in said else value)
    style = {"animation": "animated", "graphics": "graphics"}.get(draft.caption.style, "")
    shot = shots.shot_phrase(*words)
    if shot and style and draft.has("/style"):
        return f"{style} {shot}"
    return shot


def _shot_sentence(draft: Draft) -> str:
    shot = _shot(draft)
    return english.sentence(f"the framing is {english.article(shot)}") if shot else ""


def _framing(draft: Draft) -> list[str]:
    return [text for text in (_shot_sentence(draft),) if text]


def _events(draft: Draft) -> list[str]:
    """What happens in each part of the clip, in its order."""
    order = _HUNYUAN_ORDER if "scene" in draft.style.order else _ORDER
    last = len(draft.events) - 1
    parts = []
    for index, text in enumerate(draft.events):
        link = order[0] if index == 0 else order[2] if index == last and last > 1 else order[1]
        known = _LINKED.match(text) is not None
        parts.append(text if known else f"{link}, {english.lower_first(text)}")
    return parts


def _texts(draft: Draft) -> list[str]:
    if not draft.has("/texts"):
        return []
    found = [english.clean(one.text).replace('"', "'") for one in draft.caption.texts]
    words = list(dict.fromkeys(text for text in found if text))
    if not words:
        return []
    quoted = english.join([f'"{text}"' for text in words])
    kind, be = ("texts", "are") if len(words) > 1 else ("text", "is")
    return [f"The {kind} {quoted} {be} visible."]


def _background(draft: Draft) -> list[str]:
    parts: list[str] = []
    known = draft.told
    for plain in map(english.strip_shows, draft.background):
        if known and is_covered(plain, known):
            continue
        bare = english.phrase(plain)
        if english.is_noun_phrase(bare):
            lead = "The setting also has" if parts else "The setting is"
            parts.append(f"{lead} {english.lower_first(bare)}")
        else:
            parts.append(plain)
    if parts:
        parts[0] = shots.setting(parts[0])
    place = draft.caption.place if draft.has("/place") else ""
    if not draft.caption.background and place in ("indoor", "outdoor") and place not in draft.told:
        parts.append(f"The setting is {place}s")
    time = _time(draft, " ".join([*draft.background, draft.caption.lighting]))
    if time:
        if parts and parts[0].startswith(("The setting is outdoors", "The setting is indoors")):
            parts[0] += f" {time}"
        elif parts and shots.is_scene(parts[0]):
            parts[0] = shots.setting(parts[0], time)
        else:
            parts.append({"by day": "It is daytime"}.get(time, f"It is {time.removeprefix('at ')}"))
    return [english.sentence(part) for part in parts]


def _time(draft: Draft, said: str) -> str:
    """*by day*; empty where it is not known or told by ``said``."""
    time = draft.caption.time_of_day if draft.has("/time_of_day") else ""
    low = said.lower()
    told = {"day": ("day", "sun", "noon", "morning"), "night": ("night", "dark")}
    if not time or any(word in low for word in told.get(time, ("dawn", "dusk", "sunset"))):
        return ""
    if draft.style.shot == "tag" and draft.length != "short":
        return ""
    return shots.TIMES[time]


def _lighting(draft: Draft) -> list[str]:
    text = draft.field("/lighting", draft.caption.lighting)
    return [one for one in shots.lighting_sentences(text) if not is_covered(one, draft.told)]


def _camera(draft: Draft) -> list[str]:
    camera = draft.caption.camera
    said = shots.camera_sentences(camera, draft.has("/camera/motion"))
    return said[:1] if draft.length == "medium" or not draft.has("/camera/description+") else said


def _cinematic_tags(draft: Draft) -> list[str]:
    """At most four words of cinema before the prose, as Wan's prompt extension writes them."""
    if draft.length == "short":
        return []
    tags = _shot_tags(draft)[:4]
    if not tags:
        return []
    return [english.sentence(", ".join(tags))]


def _shot_tags(draft: Draft) -> list[str]:
    caption, camera = draft.caption, draft.caption.camera
    time = caption.time_of_day if draft.has("/time_of_day") else ""
    tags = [shots.TIME_TAGS.get(time, "")]
    if draft.has("/style") and caption.style == "animation":
        tags.append("animation")
    for name, names in (
        ("shot_type", shots.TYPES),
        ("shot_angle", shots.ANGLE_TAGS),
        ("shot_position", shots.VIEW_TAGS),
    ):
        if draft.has(f"/camera/{name}"):
            tags.append(names.get(getattr(camera, name), ""))
    return list(dict.fromkeys(tag for tag in tags if tag))


def _only_motion(draft: Draft) -> list[str]:
    """What moves, and the camera: all else is in the picture that is given."""
    moving = [one for one in draft.subjects if one.moves]
    parts: list[str] = []
    if draft.events:
        parts = [english.sentence(text) for text in _events(draft)]
    known, near = _contents(draft.events), ""
    if known:
        moving = [one for one in moving if not is_covered(" ".join(one.actions), known)]
    for one in moving:
        one.named, one.said = True, []
        parts += tell(one, known=frozenset(), near=near)
        near = one.place.cell
    return [*parts, *_camera(draft)]


def _short(draft: Draft) -> str:
    """One sentence: the gist, else the main subject and what it does."""
    if draft.gist:
        return draft.gist[0]
    for one in draft.subjects:
        one.place = NOWHERE
        one.expression = ""
        return tell(one, known=frozenset())[0]
    return next(iter([*draft.events, *_background(draft), *_lighting(draft), *_camera(draft)]), "")


def _tags(draft: Draft, task: Task) -> str:
    """Words between commas: things, surroundings, light, shot, camera."""
    caption, camera = draft.caption, draft.caption.camera
    tags: list[str] = []
    if task == "t2v":
        tags += [(one.noun if one.lead else one.looks).replace(",", "") for one in draft.subjects]
        tags.append({"indoor": "indoors", "outdoor": "outdoors"}.get(caption.place, ""))
        tags += _shot_tags(draft)
    else:
        tags += [english.phrase(one.actions[0]) for one in draft.subjects if one.moves]
    if draft.has("/camera/motion"):
        tags += [shots.MOVE_TAGS.get(word, "") for word in camera.motion]
    return ", ".join(dict.fromkeys(tag for tag in tags if tag))


_WRITERS: dict[str, Callable[[Draft], Sequence[str]]] = {
    "tags": _cinematic_tags,
    "scene": _scene,
    "subjects": _subjects,
    "events": _events,
    "texts": _texts,
    "background": _background,
    "lighting": _lighting,
    "framing": _framing,
    "camera": _camera,
}
"""The parts of a paragraph that styles.toml orders."""
