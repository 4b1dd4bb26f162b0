"""Reads sentences: who or what a clause is about, and which checkable things it says.

A clause ends at a comma, a conjunction, or a relative pronoun. Its subject is its first thing
outside of a phrase with a preposition, or that of the clause before. What is hedged, compared, or
not understood gives no statement: it is better to check less than to check what was not said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from instancecap.verify import syntax
from instancecap.verify.lexicon import Verb, lexicon
from instancecap.verify.statements import Kind, Mention, Statement, When
from instancecap.verify.syntax import ALONE, AXES, CAMERA, ENDS, Clause
from instancecap.verify.text import Item, items_of, words_of

_FREE_CAMERA_VERBS = ("pan", "zoom", "dolly")
_EVENTS = ("direction", "enters", "leaves")


@dataclass(slots=True)
class Reader:
    """Reads the sentences of one text in order.

    Attributes:
        main: the thing that the whole text is about, for the fields of an instance.
        camera: whether the text is about the camera unless it says otherwise.
    """

    main: Mention | None = None
    camera: bool = False
    _subject: tuple[Mention, ...] = ()
    _last: Mention | None = None
    _mentions: list[Mention] = field(default_factory=list)
    _clause: Clause = field(default_factory=Clause)
    _spot: str = ""
    _event: Statement | None = None
    _governed: bool = False
    _named: bool = False
    _vague: bool = False
    _when: When = ""

    def read(self, sentence: str) -> list[Statement]:
        """The statements of the next sentence."""
        items = syntax.participle_last(items_of(sentence))
        if not self._subject:
            self._subject = (self.main,) if self.main else (CAMERA,) if self.camera else ()
        self._clause, self._spot, self._event, self._named = Clause(), "", None, False
        self._when, self._vague = "", False
        self._look_ahead(items, 0)
        self._unknown_subject(items, 0)
        found: list[Statement] = []
        for index, item in enumerate(items):
            for statement in self._take(items, index, item):
                found += [statement, *self._order(statement)]
        found += self._leftover_spot()
        return [one for one in found if one is not None]

    def _take(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        if item.kind in ENDS:
            yield from self._leftover_spot()
            self._begin_clause(items, index, item)
        elif item.kind == "thing":
            yield from self._thing(items, index, item)
        elif item.kind == "pronoun":
            self._pronoun(item)
        elif item.kind == "camera" and not item.value:
            if not syntax.is_governed(items, index):
                self._subject, self._named = (CAMERA,), True
        elif item.kind == "verb":
            yield from self._verb(items, index, item)
        elif item.kind in ("negation", "none"):
            self._clause.negated = not self._clause.negated
        elif item.kind == "hedge":
            self._clause.hedged = True
        elif item.kind in ("wear", "color"):
            yield from self._color(items, index, item)
        elif not self._clause.hedged:
            yield from self._phrase(items, index, item)

    # Clauses

    def _begin_clause(self, items: Sequence[Item], index: int, item: Item) -> None:
        link = item.text if item.text != "and" else self._clause.link * (item.text == ",")
        keep_verb = self._clause.verb is None and not self._clause.told
        when: When = self._clause.when if keep_verb and not self._named else ""
        if item.text in (",", "and") and self._when:
            when = self._when
        if item.text == "," and self._clause.link in ("then", "before", "after") and keep_verb:
            link = self._clause.link
        if item.text in ("then", "before", "after", "until", "while", "as"):
            self._when = ""
        if item.text in ("while", "as", "whereas", "but", ";"):
            self._event = None  # what happens meanwhile has an order of its own
        self._clause = Clause(link=link, when=when)
        self._look_ahead(items, index + 1)
        self._unknown_subject(items, index + 1)
        if (
            item.kind == "relative"
            and self._last is not None
            and index
            and (items[index - 1].kind == "thing" or item.text != "that")
        ):
            self._subject = (self._last,)

    def _look_ahead(self, items: Sequence[Item], index: int) -> None:
        """The time that the clause from ``index`` on is about."""
        for item in items[index:]:
            if item.kind in ENDS:
                return
            if item.kind in ("start", "end"):
                self._clause.when = self._when = "start" if item.kind == "start" else "end"

    def _unknown_subject(self, items: Sequence[Item], index: int) -> None:
        """A clause about a thing that is not known says nothing of the thing before it."""
        name = syntax.unknown_subject(items, index)
        if name and not (self.main and syntax.may_call(name, self.main)):
            self._subject, self._named = (Mention(None, text=name),), True

    # Things

    def _thing(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        assert item.noun is not None
        if item.negated:
            if not item.other and not self._clause.hedged:
                yield Statement(
                    "presence", item.noun.class_, (syntax.mention_of(item),), negated=True
                )
            return
        governed = syntax.is_governed(items, index)
        leads = not governed and not self._clause.verb and not self._clause.told
        if leads and self._subject and syntax.has_unknown_verb(items, index):
            # "hugs a man": the man is not what the clause is about, and who is may be open.
            leads, self._clause.unclear = False, syntax.has_finite_verb(items, index)
        mention = self._refer(item, syntax.spot_after(items, index), leads=leads)
        new = mention.instance is None and mention not in self._mentions
        if new:
            mention.before = list(self._mentions)
            self._mentions.append(mention)
        if not governed and not self._clause.verb and self._spot:
            mention.spot = mention.spot or self._spot
            yield from self._say("position", self._spot, (mention,))
            self._spot = ""
        after = items[index + 1].kind if index + 1 < len(items) else ""
        if new and (after == "background" or self._vague):
            mention.vague, self._vague = True, False
        if not self._clause.hedged and not self._clause.negated:
            yield from self._of_thing(items, item, mention)
        self._last, self._governed = mention, governed
        if not leads:
            return
        joins = index > 0 and items[index - 1].text in ("and", ",") and self._named
        if joins and syntax.may_have_verb_after_thing(items, index - 1):
            self._subject = (mention,)
        elif joins and syntax.verb_before(items, index):
            if syntax.verb_ahead(items, index):
                self._subject = (mention,)
        elif joins and CAMERA not in self._subject and mention not in self._subject:
            self._subject = (*self._subject, mention)
        else:
            self._subject = (mention,)
        self._named = True

    def _of_thing(self, items: Sequence[Item], item: Item, mention: Mention) -> Iterator[Statement]:
        assert item.noun is not None
        yield Statement("presence", item.noun.class_, (mention,))
        others = any(one.kind == "thing" and one.other for one in items)
        if item.number > 1 or item.exact or (item.number == 1 and not others):
            # "one man" may be one of several; "two men" are all, unless others are named.
            yield Statement(
                "count",
                str(item.number),
                (mention,),
                complete=item.exact or (item.noun.generic and not others),
            )
        for word, _ in item.colors:
            yield Statement("color", word, (mention,))

    def _refer(self, item: Item, spot: str, *, leads: bool) -> Mention:
        """The mention that a thing is: the field's own, one from before, or a new one.

        ``spot`` is where it is said to be; ``leads``: it is what a clause is about.
        """
        assert item.noun is not None
        main = self.main
        if main is not None and leads and not item.other and syntax.may_be(item.noun, main.noun):
            return main
        if item.definite and not item.other and not item.number:
            for mention in reversed(self._mentions):
                if syntax.is_same(item, mention) and (not spot or spot == mention.spot):
                    return mention
        return syntax.mention_of(item)

    def _pronoun(self, item: Item) -> None:
        if item.text in ("him", "them"):
            return
        if item.text in ("he", "she"):
            people = [
                m for m in self._mentions if m.noun and m.noun.category in ("human", "animal")
            ]
            if self.main is not None:
                people = [self.main]
            if people and not any(one in people for one in self._subject):
                self._subject = (self._last,) if self._last in people else (people[-1],)
        elif self._last is not None and (CAMERA in self._subject or not self._subject):
            self._subject = (self._last,)
        self._named = True

    # Verbs

    def _verb(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        verb = item.verb
        assert verb is not None
        before = items[index - 1] if index else None
        is_noun = before is not None and (
            before.kind in ("determiner", "possessive", "number")
            or (before.kind in ("preposition", "shade") and not verb.participle)
        )
        if is_noun and before is not None and before.text == "to":
            is_noun = False
        free = verb.kind == "camera" and verb.lemma in _FREE_CAMERA_VERBS
        if is_noun and not free and not (verb.lemma == "tilt" and self.camera):
            return
        if verb.lemma == "appear" and index + 1 < len(items) and items[index + 1].text == "to":
            self._clause.hedged = True
            return
        if verb.kind == "be" and self._clause.verb is not None:
            return
        self._clause.verb = verb
        if verb.kind in ("begin", "end"):
            self._clause.when = "start" if verb.kind == "begin" else "end"
            if verb.lemma == "continue":
                self._clause.when = ""
        if verb.participle and before is not None and before.kind == "thing" and self._last:
            if not self._governed:
                self._subject = (self._last,)
            elif self._last not in self._subject:
                self._clause.unclear = CAMERA not in self._subject
                if CAMERA in self._subject:
                    self._subject = (self._last,)
        if self._is_camera() or free:
            yield from self._camera_verb(items, index, verb)
        elif verb.kind == "motion" and not self._clause.hedged:
            yield from self._say("motion", "moving", negated=self._clause.negated)

    def _is_camera(self) -> bool:
        return CAMERA in self._subject

    def _camera_verb(self, items: Sequence[Item], index: int, verb: Verb) -> Iterator[Statement]:
        if self._clause.hedged:
            return
        if verb.kind == "follow":
            yield from self._say("camera", "tracking", ())
        elif verb.lemma in ALONE and not syntax.direction_ahead(items, index):
            yield from self._say("camera", ALONE[verb.lemma], ())
        elif verb.kind == "motion" and self._clause.negated:
            yield Statement("camera", "static", ())
        elif index and items[index - 1].kind == "direction" and verb.lemma in _FREE_CAMERA_VERBS:
            yield from self._camera_move(words_of(items[index - 1].text)[-1:], verb)

    def _camera_move(self, ways: Sequence[str], verb: Verb) -> Iterator[Statement]:
        axes = lexicon().camera
        axis = axes.get(AXES.get(verb.lemma, verb.lemma)) or (
            axes["move"] if verb.kind in ("motion", "push") else {}
        )
        for way in ways:
            if way in axis:
                yield from self._say("camera", axis[way], ())

    # Phrases

    def _phrase(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        following = items[index + 1].text if index + 1 < len(items) else ""
        if item.kind in ("position", "path", "direction", "side") and following.startswith("of"):
            return  # "to the left of the car": a place among things, not in the frame
        if item.kind in ("direction", "side", "path"):
            yield from self._way(items, index, item)
        elif item.kind == "position":
            yield from self._position(items, index, item)
        elif item.kind in ("enters", "leaves", "stays_in", "still", "in_place"):
            yield from self._told(item)
        elif item.kind == "approach" and not self._is_camera():
            self._clause.told = item.kind
            yield from self._say("direction", "toward")
        elif item.kind == "camera":
            yield from self._say("camera", item.value, ())
            if item.text.endswith("camera") and not syntax.is_governed(items, index):
                self._subject, self._named = (CAMERA,), True
        elif item.kind == "camera_state" and self._is_camera():
            verb = self._clause.verb
            if verb is not None and verb.kind in ("be", "stay", "posture"):
                yield from self._say("camera", item.value, ())
        elif item.kind == "follow_it":
            yield from self._say("camera", "tracking", ())
        elif item.kind == "end" and self._clause.verb is None:
            self._clause.when = "end"
        elif item.kind == "background" and not self._named:
            self._vague = True
        elif item.kind in ("shot_type", "shot_angle"):
            kind: Kind = item.kind  # type: ignore[assignment]
            if not self._clause.when:  # "begins with a close-up"
                yield from self._say(kind, item.value, (), negated=syntax.is_denied(items, index))
        elif item.kind in ("time_of_day", "place"):
            kind = item.kind  # type: ignore[assignment]
            yield from self._say(kind, item.value, (), negated=syntax.is_denied(items, index))
        elif (
            item.kind == "scene"
            and syntax.is_where(items, index)
            and not following.startswith("of")
        ):
            yield from self._say("place", item.value, (), negated=False)

    def _way(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        ways = syntax.ways_of(item)
        verb = self._clause.verb
        if item.kind == "path" and not self._is_camera():
            first, second = syntax.split_path(item.text)
            yield from self._say("position", first, when="start")
            yield from self._say("position", second, when="end")
            ways = [second] if {first, second} == {"left", "right"} else []
        if verb is None or (item.kind == "side" and not syntax.is_bare(items, index)):
            return
        if verb.kind == "camera" or self._is_camera():
            yield from self._camera_move(ways, verb)
        elif verb.lemma == "go" and item.kind == "direction" and item.text.startswith("to the"):
            yield from self._say("position", " ".join(ways), when="end")
        elif verb.kind == "motion" and (item.kind != "side" or ways[0] in ("left", "right")):
            way = (
                "_".join(sorted(ways, key=("up", "down", "left", "right").index))
                if (len(ways) > 1)
                else "".join(ways)
            )
            if way:
                yield from self._say("direction", way)

    def _position(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        spot = " ".join(words_of(item.text))
        before = items[index - 1].kind if index else ""
        verb = self._clause.verb
        if before == "thing" and self._last is not None and (self._governed or verb is None):
            self._last.spot = self._last.spot or spot
            yield from self._say("position", spot, (self._last,))
        elif self._clause.told in ("enters", "leaves"):
            when: When = "start" if self._clause.told == "enters" else "end"
            yield from self._say("position", spot, when=when)
        elif verb is None and not self._clause.told and not self._named:
            self._spot = spot
        elif self._last is None or self._last in self._subject or verb is None:
            yield from self._say("position", spot)

    def _leftover_spot(self) -> Iterator[Statement]:
        """A place at the head of a sentence belongs to the next thing, or to the field's own."""
        if self._spot and self.main is not None:
            yield from self._say("position", self._spot, (self.main,))
            self._spot = ""

    def _told(self, item: Item) -> Iterator[Statement]:
        verb = self._clause.verb
        first = item.text.split()[0]
        goes = verb is not None and verb.kind == "motion"
        if item.kind == "leaves" and (first == "from" or (first in ("out", "off") and not goes)):
            return
        self._clause.told = item.kind
        if self._is_camera():
            if item.kind in ("still", "in_place"):
                yield from self._say("camera", "static", ())
            return
        if item.kind in ("enters", "leaves"):
            yield from self._say(item.kind, "yes")  # type: ignore[arg-type]
            spots = words_of(item.text.replace("left the", ""))
            if spots and any(f" {word}" in item.text for word in (" the", "the")):
                spot = syntax.split_spot(item.text)
                if spot:
                    when: When = "start" if item.kind == "enters" else "end"
                    yield from self._say("position", spot, when=when)
        elif item.kind == "stays_in":
            yield from self._say("leaves", "yes", negated=not self._clause.negated)
        else:
            yield from self._say("motion", item.kind)

    def _color(self, items: Sequence[Item], index: int, item: Item) -> Iterator[Statement]:
        """A colour that is not in front of a thing: *is red*, *in blue*, *wears a green coat*."""
        if self._clause.hedged or not item.colors:
            return
        before = items[index - 1].text if index else ""
        following = items[index + 1] if index + 1 < len(items) else None
        if item.kind == "color" and following is not None and syntax.is_plain_word(following):
            return  # a hat, shoes, a stripe: a small part of the thing
        if item.kind == "color" and syntax.is_headless(items, index):
            return
        verb = self._clause.verb
        subject: tuple[Mention, ...] = ()
        if before in ("in", "with") and self._last is not None:
            subject = (self._last,)
        elif (verb is not None and verb.kind == "wear") or (
            verb is not None and verb.kind == "be" and item.kind == "color"
        ):
            subject = self._subject
        elif before == "and" and (
            item.kind == "wear" or items[index - 2].kind in ("color", "wear")
        ):
            subject = (self._last,) if self._last is not None else ()
        if CAMERA in subject:
            return
        for word, _ in item.colors:
            yield from self._say("color", word, subject)

    # Statements

    def _say(
        self,
        kind: Kind,
        value: str,
        subject: tuple[Mention, ...] | None = None,
        *,
        negated: bool | None = None,
        when: When = "",
    ) -> Iterator[Statement]:
        about = self._subject if subject is None else subject
        scene = kind in ("camera", "shot_type", "shot_angle", "time_of_day", "place")
        if (self._clause.unclear and not scene) or CAMERA in about or not (about or scene):
            return
        if self._clause.hedged or not value:
            return
        yield Statement(
            kind,
            value,
            about,
            negated=self._clause.negated if negated is None else negated,
            when=when or (self._clause.when if kind == "position" else ""),
        )

    def _order(self, statement: Statement) -> Iterator[Statement]:
        if statement.kind not in _EVENTS or statement.negated:
            return
        before, self._event = self._event, statement
        if before is None or self._clause.link not in ("then", "before", "after"):
            return
        first, second = (before, statement)
        if self._clause.link == "after":
            first, second = second, first
        if (first.kind, first.value, first.subject) != (second.kind, second.value, second.subject):
            yield Statement("order", "first", first.subject, first=first, second=second)
