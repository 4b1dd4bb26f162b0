"""Reads the claims out of a sentence, and leaves alone what it does not understand.

A claim is made only where the whole of a clause fits one of the forms below, subject first. So a
verb of motion with an object, a color of something worn, a subject that is not known, a likeness
or a possibility makes no claim: it is better to check less than to check what was not claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from instancecap.verify.claims import Claim, Mention, When
from instancecap.verify.clauses import CAMERA, Clause, Context, clauses_of
from instancecap.verify.lexicon import lexicon
from instancecap.verify.nouns import claims_of_nouns
from instancecap.verify.text import Item, items_of, split_path, split_spot, ways_of, words_of

_END = r"(?=$|[A01bPr])"
_START_TO = r"(?:HA*r?)?"
_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(form))
    for name, form in (
        ("motion", rf"A*{_START_TO}A*V(?=$|[A01bPrpDL])"),
        ("direction", rf"A*{_START_TO}A*(?P<verb>V)A*(?:r[dGCn]*[TWzc]A*)?(?P<way>[DL])A*{_END}"),
        ("path", rf"A*{_START_TO}A*VA*(?P<path>p)A*{_END}"),
        ("position", r"A*(?:[BRSV]|BR|HB)?[A1]*(?P<spot>P)A*(?=$|[01b])"),
        ("begins", r"A*(?P<verb>[Hh])A*(?P<spot>P)A*$"),
        ("enters", rf"A*[xB]?A*(?P<event>E)(?:A|P)*{_END}"),
        ("leaves", rf"A*[xB]?A*(?P<event>X)(?:A|P)*{_END}"),
        ("stays_in", rf"A*(?P<event>I){_END}"),
        ("still", r"A*x?A*(?P<event>[QZ])(?=$|[AbPr])"),
        ("approach", rf"A*[xB]?A*(?P<event>N){_END}"),
        ("color", r"A*BA*G*(?P<color>C(?:[&,]?C)*)$"),
    )
)
_CAMERA_FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(form))
    for name, form in (
        ("move", rf"A*{_START_TO}A*(?P<verb>[VMU])A*(?P<way>[DL])"),
        ("alone", rf"A*{_START_TO}A*(?P<verb>M)A*{_END}"),
        ("follow", r"A*(?P<event>[Ff])"),
        ("state", r"A*[BSROW]?A*(?P<state>s)(?=$|[A01rb])"),
        ("rest", r"A*(?P<event>[QZ])"),
    )
)
_FREE_PAN = re.compile(r"^[dAGW]*(?P<verb>M)A*(?P<way>D(?=$|[AirW])|L(?=$|[AiW]))")

_AXES = {
    "dolly": "move", "truck": "move", "track": "move", "pedestal": "move", "crane": "move",
    "push": "move", "pull": "move", "rotate": "roll", "arc": "orbit",
}  # fmt: skip
"""Camera verbs that move along the axes of another."""
_ALONE = {"rise": "move_up", "descend": "move_down", "shake": "shaky", "track": "tracking"}
"""Camera verbs that tell a movement without a direction."""
_ENDS_OF_CLIP: dict[str, When] = {
    "start": "start", "begin": "start", "end": "end", "finish": "end",
}  # fmt: skip
_AMONG = ("in", "on", "at", "through", "along", "across", "inside")


def extract(sentence: str, context: Context | None = None) -> tuple[list[Claim], Context]:
    """The claims of a sentence, and the context for the next one; nothing else is changed.

    Args:
        sentence: one sentence of English.
        context: what is known before it: whom the text is about, and who was named.
    """
    context = context or Context()
    items = [item for item in items_of(sentence, context.names) if item.text not in ".!?"]
    clauses, named = clauses_of(items, context)
    claims: list[Claim] = []
    events: list[tuple[str, Claim]] = []
    spot = ""
    for clause in clauses:
        if clause.codes == "P":  # "On the left, …"
            spot = " ".join(words_of(clause.items[0].text))
            continue
        if "?" not in clause.codes:
            found = [*_claims_of(clause, named), *_place_first(clause, spot)]
            claims += found
            events += [(clause.link, one) for one in found if _is_event(one)]
        spot = ""
    claims += [*claims_of_nouns(items, named), *_orders(events)]
    new = [one for one in named.values() if one is not context.about]
    mentions = tuple(dict.fromkeys((*context.mentions, *new)))
    return _without_partial_rest(claims), replace(context, mentions=mentions)


def _claims_of(clause: Clause, named: Mapping[int, Mention]) -> Iterator[Claim]:
    yield from _of_scene(clause)
    if clause.subject == (CAMERA,):
        yield from _of_camera(clause)
    elif clause.subject:
        yield from _of_subject(clause)
    else:
        yield from _of_free_camera(clause)
    for index in range(max(clause.rest, 1), len(clause.codes)):
        # "the camera follows a car moving left", "there is a dog on the left"
        if clause.codes[index] == "T" and clause.codes[index - 1] in "iFBA":
            verb = clause.items[index + 1].verb if index + 1 < len(clause.items) else None
            if verb is not None and verb.participle:
                mention = (named[id(clause.items[index])],)
                yield from _of_subject(replace(clause, subject=mention, rest=index + 1))


def _of_subject(clause: Clause) -> Iterator[Claim]:
    rest = clause.codes[clause.rest :]
    negation = re.match(r"A*[Bx]?A*!A*", rest)
    offset = clause.rest + (negation.end() if negation else 0)
    rest = clause.codes[offset:]
    if "!" in rest:
        return
    for name, form in _FORMS:
        match = form.match(rest)
        if match is None:
            continue
        at = {name: offset + match.start(name) for name in match.groupdict()}
        for claim in _of_form(name, clause, at):
            if negation is None:
                yield claim
            elif claim.kind in ("enters", "leaves", "motion") and name != "stays_in":
                yield replace(claim, negated=True)


def _of_form(name: str, clause: Clause, at: Mapping[str, int]) -> Iterator[Claim]:
    """The claims of a clause that fits a form; ``at``: where its named parts stand."""
    about = clause.subject
    parts = {part: clause.items[place] for part, place in at.items()}
    if name == "motion":
        yield Claim("motion", "moving", about)
    elif name == "direction":
        verb = parts["verb"].verb
        if verb is not None and verb.lemma == "go" and parts["way"].text.startswith("to the"):
            spot = " ".join(words_of(parts["way"].text))
            yield Claim("position", spot, about, when="end")  # "goes to the top left"
        elif way := _way(parts["way"]):
            yield Claim("direction", way, about)
    elif name == "approach":
        yield Claim("direction", "toward", about)
    elif name == "path":
        first, last = split_path(parts["path"].text)
        yield Claim("position", first, about, when="start")
        yield Claim("position", last, about, when="end")
        if {first, last} == {"left", "right"}:
            yield Claim("direction", last, about)
    elif name in ("position", "begins"):
        verb = parts["verb"].verb if name == "begins" else None
        when = _ENDS_OF_CLIP.get(verb.lemma, "") if verb is not None else clause.when
        if verb is None or when:
            yield Claim("position", " ".join(words_of(parts["spot"].text)), about, when=when)
    elif name in ("enters", "leaves"):
        yield Claim(name, "yes", about)  # type: ignore[arg-type]
        if spot := split_spot(parts["event"].text):
            yield Claim("position", spot, about, when="start" if name == "enters" else "end")
    elif name == "stays_in":
        yield Claim("leaves", "yes", about, negated=True)
    elif name == "still" and not clause.when:
        yield Claim("motion", parts["event"].kind, about)
    elif name == "color":
        for item in clause.items[at["color"] :]:
            for word in item.colors if item.kind == "color" else ():
                yield Claim("color", word, about)


def _way(item: Item) -> str:
    """One of the eight directions, or ``toward`` or ``away``; empty for *in* and *forward*."""
    known = ("up", "down", "left", "right", "toward", "away")
    ways = ways_of(item)
    if not ways or not set(ways) <= set(known) or item.text in ("up", "down"):
        return ""
    return "_".join(sorted(dict.fromkeys(ways), key=known.index))


def _of_camera(clause: Clause) -> Iterator[Claim]:
    rest = clause.codes[clause.rest :]
    negation = re.match(r"A*[Bx]?A*!A*", rest)
    if negation:
        if re.fullmatch(r"[VM]A*", rest[negation.end() :]):
            yield Claim("camera", "static")
        return
    for name, form in _CAMERA_FORMS:
        match = form.match(rest)
        if match is None:
            continue
        group = {"move": "verb", "alone": "verb", "state": "state"}.get(name, "event")
        item = clause.items[clause.rest + match.start(group)]
        if name == "move":
            way = clause.rest + match.start("way")
            yield from _camera_moves(item, clause.items[way:], clause.codes[way:])
        elif name == "alone" and item.verb is not None and item.verb.lemma in _ALONE:
            yield Claim("camera", _ALONE[item.verb.lemma])
        elif name == "follow":
            yield Claim("camera", "tracking")
        elif name == "state" and not clause.when:
            yield Claim("camera", item.value)
        elif name == "rest" and not clause.when:
            yield Claim("camera", "static")
        return


def _of_free_camera(clause: Clause) -> Iterator[Claim]:
    """*A slow pan to the left reveals the street.*"""
    match = _FREE_PAN.match(clause.codes)
    verb = clause.items[match.start("verb")].verb if match else None
    if match and verb is not None and verb.lemma in ("pan", "zoom", "dolly", "tilt"):
        way = match.start("way")
        if clause.codes[way : way + 2] == "LW" and verb.lemma != "zoom":
            return  # "a pan left unwatched"
        yield from _camera_moves(
            clause.items[match.start("verb")], clause.items[way:], clause.codes[way:]
        )


def _camera_moves(verb: Item, items: Sequence[Item], codes: str) -> Iterator[Claim]:
    assert verb.verb is not None
    axes, lemma = lexicon().camera, verb.verb.lemma
    axis = axes.get(_AXES.get(lemma, lemma))
    if axis is None:
        axis = axes["move"] if verb.verb.kind in ("motion", "push") else {}
    for item, code in zip(items, codes, strict=True):
        if code not in "DL&A":
            return
        for way in ways_of(item) if code in "DL" else ():
            if way in axis:
                yield Claim("camera", axis[way])


def _of_scene(clause: Clause) -> Iterator[Claim]:
    for index, (item, code) in enumerate(zip(clause.items, clause.codes, strict=True)):
        before = clause.codes[:index].rstrip("dGCWA")
        denied = "!" in clause.codes
        if denied or (clause.when and code in "kta"):
            continue
        if code == "k":
            yield Claim("camera", item.value)
        elif code in "ta" or code in "yl":
            yield Claim(item.kind, item.value)  # type: ignore[arg-type]
        elif code == "z" and before.endswith("r"):
            following = clause.items[index + 1].text if index + 1 < len(clause.items) else ""
            if clause.items[len(before) - 1].text in _AMONG and following != "of":
                yield Claim("place", item.value)


def _place_first(clause: Clause, spot: str) -> list[Claim]:
    """*On the left, a man stands.*"""
    known = spot and clause.subject and clause.subject != (CAMERA,)
    first = clause.codes[clause.rest : clause.rest + 1]
    if known and clause.codes.startswith(("T", "BT", "ABT")) and (not first or first in "BRSVQ"):
        return [Claim("position", spot, clause.subject, when=clause.when)]
    return []


def _is_event(claim: Claim) -> bool:
    return claim.kind in ("direction", "enters", "leaves") and not claim.negated


def _orders(events: Sequence[tuple[str, Claim]]) -> Iterator[Claim]:
    """What comes first, by *then*, *before* and *after* between two clauses."""
    for (_, first), (link, second) in pairwise(events):
        if link not in ("then", "before", "after"):
            continue
        if link == "after":
            first, second = second, first
        if (first.kind, first.value, first.subject) != (second.kind, second.value, second.subject):
            yield Claim("order", "first", first.subject, first=first, second=second)


def _without_partial_rest(claims: Sequence[Claim]) -> list[Claim]:
    """*The camera holds still, then pans left*: it is not still over the whole clip."""
    moves = any(
        one.kind == "camera"
        and one.value not in ("static", "tracking", "stable", "handheld", "shaky")
        for one in claims
    )
    if not moves:
        return list(claims)
    return [one for one in claims if (one.kind, one.value) != ("camera", "static")]


def is_fully_read(sentence: str) -> bool:
    """Whether every word of a sentence is of a kind that claims are made of."""
    unread = ("word", "wear", "nothing", "hedge", "possessive")
    return not any(
        (item.kind in unread and item.text[:1].isalpha())
        or (item.verb is not None and item.verb.kind in ("other", "wear"))
        for item in items_of(sentence)
    )
