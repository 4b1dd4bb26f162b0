"""Measured content in sentences: the phrases and grammar of a language, put together one way.

What is stated is decided in :mod:`.content_selection` and :mod:`.scene_selection`. A phrase becomes
part of a sentence. Each is empty where nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Protocol

from instancecap.captioners.measured.conduct import Area, Conduct
from instancecap.captioners.measured.content_selection import Name, Size
from instancecap.captioners.measured.scene_selection import Light, Scene
from instancecap.errors import UsageError
from instancecap.language import en, zh
from instancecap.language.tables import Named
from instancecap.models.classes import split_head
from instancecap.schema.vocabulary import Primitive


class Grammar(Protocol):
    """What a module of :mod:`instancecap.language` has for measured sentences."""

    TABLES: Mapping[str, Mapping[str, str]]
    SPACE: str
    """What stands between sentences."""

    def noun(self, class_: str, count: int) -> str: ...
    def call(self, name: Named, noun: str) -> str: ...
    def introduce(self, name: Named, noun: str) -> str: ...
    def count_word(self, number: int) -> str: ...
    def join(self, parts: Sequence[str]) -> str: ...
    def join_acts(self, acts: Sequence[str], count: int) -> str: ...
    def join_clauses(self, clauses: Sequence[str]) -> str: ...
    def join_stages(self, stages: Sequence[Sequence[str]]) -> str: ...
    def path(self, start: str, end: str) -> str: ...
    def light(self, level: str, colors: str, tint: str, contrast: str, change: str) -> str: ...
    def sentence(self, text: str) -> str: ...


class Sentences:
    """Writes measured content in one language."""

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._tables = grammar.TABLES

    def _say(self, phrase: str, **parts: str) -> str:
        return self._tables["measured"][phrase].format(**parts)

    def _noun(self, name: Name) -> str:
        """*person in blue*, *red cars*; without article and number."""
        noun = self._grammar.noun(name.class_, name.count)
        if name.phrase:
            noun = name.phrase if name.count == 1 else plural_of(name.phrase)
        colors = self._grammar.join([self._color(color) for color in name.colors])
        if not colors:
            return noun
        form = "dressed" if name.class_ == "person" else "colored"
        return self._say(form, noun=noun, colors=colors)

    def name_phrase(self, name: Name) -> str:
        """What an instance is called: *the person in blue on the left*, *the second dog*."""
        return self._grammar.call(name, self._noun(name))

    def introduce(self, name: Name) -> str:
        """An instance when it is first named: *a person in blue on the left*, *another dog*."""
        return self._grammar.introduce(name, self._noun(name))

    def appearance_sentence(self, name: Name, size: Size) -> str:
        """Colors and size; empty where neither is known."""
        looks = self.introduce(replace(name, side="", number=0))
        if size:
            looks = self._say("sized", name=looks, size=self._tables["sizes"][size])
        return self._grammar.sentence(looks) if size or name.colors else ""

    def action_phrase(self, did: Conduct, *, count: int) -> str:
        """What an instance does: *enters from the left and moves to the right*; may be empty."""
        edges, parts = self._tables.get("sides", {}), []
        if did.enters:
            side = edges.get(did.entry, did.entry)
            parts.append(self._say("enters_at" if side else "enters", side=side))
        if did.direction:
            parts.append(self._say("moves", way=self._tables["directions"][did.direction]))
        if did.depth:
            parts.append(self._say(did.depth))
        if did.faces_camera:
            parts.append(self._say("faces"))
        if did.leaves:
            side = edges.get(did.exit, did.exit)
            parts.append(self._say("leaves_at" if side else "leaves", side=side))
        return self._grammar.join_acts(parts, count)

    def action_sentence(self, did: Conduct, *, count: int) -> str:
        """What an instance does, as a sentence; empty where nothing is stated."""
        return self._grammar.sentence(self.action_phrase(did, count=count))

    def position_phrase(self, did: Conduct) -> str:
        """Where an instance is: *on the left of the frame*, *from the left of the frame to the
        top*."""
        if not did.start or did.stays:
            return self._in_area(did.start)
        if not did.end:
            return self._say("first", area=self._in_area(did.start))
        if "whole" in (did.start, did.end):
            start, end = self._in_area(did.start), self._in_area(did.end)
            return self._say("first_then", start=start, end=end)
        text = self._grammar.path(did.start, did.end)
        return self._say("then_out", text=text) if did.leaves else text

    def located(self, name: Name, did: Conduct) -> str:
        """An instance that does nothing, with the place where it stays: *a dog in the center*."""
        area = self._in_area(did.start) if did.stays and not name.side else ""
        phrase = self.introduce(name)
        return self._say("located", name=phrase, area=area) if area else phrase

    def _in_area(self, area: Area) -> str:
        return self._tables["in_area"][area] if area else ""

    # The whole picture ---------------------------------------------------------------------------

    def events_sentence(
        self, scene: Scene, acting: Sequence[tuple[str, str]], others: Sequence[str]
    ) -> str:
        """What happens: who does what, and who else is there."""
        clauses = [self._say("act", who=who, does=does) for who, does in acting]
        text, names = self._grammar.join_clauses(clauses), self._grammar.join(others)
        if names:
            text = self._say("also" if text else "shows", text=text, names=names)
        return self._grammar.sentence(self._in_setting(scene, text))

    def picture_sentence(self, introductions: Sequence[str]) -> str:
        """What a still picture shows."""
        names = self._grammar.join(introductions)
        return self._grammar.sentence(self._say("picture", names=names))

    def shots_sentence(self, count: int, introductions: Sequence[str]) -> str:
        """What a clip of several shots shows; ``count`` is 0 where it is not sure."""
        if not count and not introductions:
            return ""
        form = ("shots_show" if introductions else "shots") if count else "clip_shows"
        names, number = self._grammar.join(introductions), self._grammar.count_word(count)
        return self._grammar.sentence(self._say(form, count=number, names=names))

    def unnamed_sentence(
        self, scene: Scene, stages: Sequence[Sequence[Primitive]], *, static: bool
    ) -> str:
        """That a clip shows nothing that could be named, and how the camera moves."""
        shown = self._say("scene")
        if scene.color:
            shown = self._say("colored_scene", color=self._color(scene.color))
        if scene.texts or scene.titles:
            quoted = self._quoted([*scene.titles, *scene.texts])
            shown = self._say("with_text", scene=shown, quoted=quoted)
        text, camera = self._say("unnamed", scene=shown), self._camera(stages, speed="")
        if static or camera:
            form = "unnamed_static" if static else "unnamed_moving"
            text = self._say(form, camera=camera, text=text)
        return self._grammar.sentence(self._in_setting(scene, text))

    def _in_setting(self, scene: Scene, text: str) -> str:
        place = self._tables["place_names"].get(scene.place, "")
        time = self._tables["times_of_day"].get(scene.time_of_day, "")
        setting = self._say("setting", place=place, time=time) if place and time else place or time
        return self._say("in_setting", setting=setting, text=text) if setting else text

    def camera_sentence(
        self, stages: Sequence[Sequence[Primitive]], *, static: bool, speed: str
    ) -> str:
        """How the camera moves; empty where it is not known."""
        text = self._say("static") if static else self._camera(stages, speed=speed)
        return self._grammar.sentence(text)

    def _camera(self, stages: Sequence[Sequence[Primitive]], *, speed: str) -> str:
        if not stages:
            return ""
        verbs = self._tables["camera_verbs"]
        moves = self._grammar.join_stages([[verbs[word] for word in stage] for stage in stages])
        pace = self._tables["speeds"].get(speed, "") if stages[0] != ["static"] else ""
        return self._say("camera_paced" if pace else "camera", speed=pace, moves=moves)

    def light_sentence(self, light: Light) -> str:
        """What stands out of the light."""
        text = self._grammar.light(*astuple(light))
        return self._grammar.sentence(text)

    def background_sentence(self, scene: Scene) -> str:
        """The color of most of the surroundings, or of the picture, and what is written in it."""
        text, place = "", self._tables["places"].get(scene.place, "")
        if scene.color:
            form = "whole" if scene.is_whole else "background" if place else "surroundings"
            text = self._say(form, place=place, color=self._color(scene.color))
        written = (("reads_over", scene.titles), ("reads", scene.texts))
        reads = [self._say(form, quoted=self._quoted(lines)) for form, lines in written if lines]
        return self.paragraph([self._grammar.sentence(one) for one in (text, *reads)])

    def paragraph(self, sentences: Sequence[str]) -> str:
        """Those that are not empty, one after the other."""
        return self._grammar.SPACE.join(filter(None, sentences))

    def _color(self, color: str) -> str:
        return self._tables.get("colors", {}).get(color, color)

    def _quoted(self, texts: Sequence[str]) -> str:
        return self._grammar.join([self._say("quoted", text=text) for text in texts])


def plural_of(phrase: str) -> str:
    """Of what a phrase names, not of what follows: *men in red*."""
    head, rest = split_head(phrase)
    return f"{en.plural(head)}{rest}"


LANGUAGES = {"en": Sentences(en), "zh": Sentences(zh)}
"""By the primary subtag of a BCP-47 tag; Chinese is in simplified characters."""


def speaks(tag: str) -> bool:
    """Whether measured sentences can be written in the language of a BCP-47 tag."""
    return _primary(tag) in LANGUAGES


def language_of(tag: str) -> Sentences:
    """Who writes the language of a BCP-47 tag, whatever its script and region.

    Raises:
        UsageError: nobody does; the message names the languages there are.
    """
    if not speaks(tag):
        raise UsageError(
            f"language {tag!r}: measured sentences are written in {' or '.join(LANGUAGES)} only; "
            "choose one of these, or let a model write (--captioner mllm)"
        )
    return LANGUAGES[_primary(tag)]


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
