"""Reads the claims out of a sentence, and leaves alone what it does not understand.

A claim is made only where the whole of a clause fits a form of ``lexicon/forms.toml``, subject
first. So a verb of motion with an object, a color of something worn, a subject that is not known, a
likeness or a possibility makes no claim: it is better to check less than what was not claimed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from instancecap.verify.claims import Claim, Mention, When
from instancecap.verify.clauses import (
    CAMERA,
    RELATIVES,
    Clause,
    Context,
    Named,
    clauses_of,
    code_of,
)
from instancecap.verify.lexicon import forms, lexicon
from instancecap.verify.text import Item, items_of, split_path, split_spot, ways_of, words_of

NO_CONTEXT = Context()
_ENDS_OF_CLIP: Mapping[str, When] = {
    "start": "start", "begin": "start", "end": "end", "finish": "end",
}  # fmt: skip
_NOT_ALL = ("other", "another", "one", "ones", "each", "several", "more")
_WHOLE = ("clothes", "clothing", "outfit", "attire")
_AMONG = ("in", "on", "at", "through", "along", "across", "inside")
_DIRECTIONS = ("up", "down", "left", "right", "toward", "away")


def extract(sentence: str, context: Context = NO_CONTEXT) -> list[Claim]:
    """The claims of one sentence of English, by itself: what others name is not carried over."""
    found = items_of(sentence, context.names, context.nouns)
    items = [item for item in found if item.text not in ".!?"]
    clauses, named = clauses_of(items, context)
    claims: list[Claim] = []
    spot = ""
    for clause in clauses:
        if clause.codes == "P":  # "On the left, …"
            spot = " ".join(words_of(clause.items[0].text))
            continue
        if "?" not in clause.codes:
            claims += [*_claims_of(clause, named), *_place_first(clause, spot)]
        spot = ""
    return _without_partial_rest([*claims, *_claims_of_nouns(items, named)])


def _claims_of(clause: Clause, named: Named) -> Iterator[Claim]:
    yield from _of_scene(clause)
    if clause.subject == (CAMERA,):
        yield from _of_camera(clause)
    elif clause.subject:
        yield from _of_subject(clause)
    elif clause.link not in RELATIVES and (match := forms().parts["free_pan"].match(clause.codes)):
        yield from _camera_moves(clause, match.start("verb"), match.start("way"))
    for index in range(max(clause.rest, 1), len(clause.codes) - 1):
        # "the camera follows a car moving left", "there is a dog standing on the left"
        verb = clause.items[index + 1].verb
        leads = clause.codes[index] == "T" and clause.codes[index - 1] in "iFBA"
        if leads and verb is not None and verb.participle:
            about = (named[id(clause.items[index])],)
            yield from _of_subject(replace(clause, subject=about, rest=index + 1))


def _rest(clause: Clause) -> tuple[int, bool]:
    """Where the verb of a clause begins, and whether it is negated."""
    negation = forms().parts["negation"].match(clause.codes, clause.rest)
    return (negation.end(), True) if negation else (clause.rest, False)


def _of_subject(clause: Clause) -> Iterator[Claim]:
    start, negated = _rest(clause)
    if "!" in clause.codes[start:]:
        return
    for name, form in forms().instance.items():
        match = form.match(clause.codes[start:])
        if match is None:
            continue
        at = {group: start + match.start(group) for group in match.groupdict()}
        for claim in _of_form(name, clause, at):
            if not negated:
                yield claim
            elif claim.kind in ("enters", "leaves", "motion") and name != "stays_in":
                yield replace(claim, negated=True)


def _of_form(name: str, clause: Clause, at: Mapping[str, int]) -> Iterator[Claim]:
    """The claims of a clause that fits a form; ``at``: where its named parts stand."""
    about = clause.subject
    parts = {part: clause.items[place] for part, place in at.items()}
    lemma = parts["verb"].verb.lemma if "verb" in parts and parts["verb"].verb else ""
    if name == "motion":
        yield Claim("motion", "moving", about)
    elif name == "direction":
        if lemma == "go" and parts["way"].text.startswith("to the"):  # "goes to the top left"
            yield Claim("position", " ".join(words_of(parts["way"].text)), about, when="end")
        elif way := _way(parts["way"]):
            yield Claim("direction", way, about)
    elif name in ("posture", "gait"):
        verb = parts["pose"].verb
        human = all(one.noun is not None and one.noun.category == "human" for one in about)
        if human and verb is not None and verb.lemma in forms().poses:
            yield Claim("pose", forms().poses[verb.lemma], about)
    elif name == "approach":
        yield Claim("direction", "toward", about)
    elif name == "path":
        first, last = split_path(parts["path"].text)
        yield Claim("position", first, about, when="start")
        yield Claim("position", last, about, when="end")
        if {first, last} == {"left", "right"}:
            yield Claim("direction", last, about)
    elif name in ("position", "begins"):
        when = _ENDS_OF_CLIP.get(lemma, clause.when)
        if when or name == "position":
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
            yield from (Claim("color", word, about) for word in item.colors)


def _way(item: Item) -> str:
    """One of the eight directions, or ``toward`` or ``away``; empty for *in* and *forward*."""
    ways = ways_of(item)
    if not set(ways) <= set(_DIRECTIONS) or item.text in ("up", "down"):
        return ""
    return "_".join(sorted(dict.fromkeys(ways), key=_DIRECTIONS.index))


def _of_camera(clause: Clause) -> Iterator[Claim]:
    start, negated = _rest(clause)
    codes = clause.codes[start:]
    if negated:
        if re.fullmatch(r"[VM]A*", codes):
            yield Claim("camera", "static")
        return
    for name, form in forms().filming.items():
        match = form.match(codes)
        if match is None:
            continue
        item = clause.items[start + match.start("verb" if name in ("move", "alone") else "event")]
        if name == "move":
            yield from _camera_moves(
                clause, start + match.start("verb"), start + match.start("way")
            )
        elif name == "alone" and item.verb is not None and item.verb.lemma in forms().alone:
            yield Claim("camera", forms().alone[item.verb.lemma])
        elif name == "follow":
            yield Claim("camera", "tracking")
        elif name in ("state", "rest") and not clause.when:
            yield Claim("camera", item.value if name == "state" else "static")
        return


def _camera_moves(clause: Clause, at: int, way: int) -> Iterator[Claim]:
    """The movements of a camera verb, one for each way that follows it."""
    verb = clause.items[at].verb
    if verb is None:
        return
    axes = lexicon().camera
    axis = axes.get(forms().axes.get(verb.lemma, verb.lemma))
    if axis is None:
        axis = axes["move"] if verb.kind in ("motion", "push") else {}
    for item, code in zip(clause.items[way:], clause.codes[way:], strict=True):
        if code not in "DL&A":
            return
        for word in ways_of(item) if code in "DL" else ():
            if word in axis:
                yield Claim("camera", axis[word])


def _of_scene(clause: Clause) -> Iterator[Claim]:
    if "!" in clause.codes:
        return
    for index, (item, code) in enumerate(zip(clause.items, clause.codes, strict=True)):
        if code in "kta" and not clause.when:
            yield Claim("camera" if code == "k" else item.kind, item.value)  # type: ignore[arg-type]
        elif code in "yl":
            yield Claim(item.kind, item.value)  # type: ignore[arg-type]
        elif code == "z":  # "in a park", not "a park"
            lead = re.search(r"rd?[GCWA]*$", clause.codes[:index])
            among = lead is not None and clause.items[lead.start()].text in _AMONG
            following = clause.items[index + 1 : index + 2]
            if among and not (following and following[0].text == "of"):
                yield Claim("place", item.value)


def _place_first(clause: Clause, spot: str) -> list[Claim]:
    """*On the left, a man stands.*"""
    known = spot and clause.subject and clause.subject != (CAMERA,)
    first = clause.codes[clause.rest : clause.rest + 1]
    if known and clause.codes.startswith(("T", "BT", "ABT")) and (not first or first in "BRSVQ"):
        return [Claim("position", spot, clause.subject, when=clause.when)]
    return []


def _claims_of_nouns(items: Sequence[Item], named: Named) -> Iterator[Claim]:
    """Claims of every noun phrase of a sentence; none where it is hedged."""
    if any(item.kind == "hedge" for item in items):
        return
    codes = "".join(code_of(items, index) for index in range(len(items)))
    partial = any(item.text in _NOT_ALL or item.other for item in items)
    for index, item in enumerate(items):
        if item.kind == "wear" and item.colors and not item.text.endswith(_WHOLE):
            # What somebody wears is not measured.
            owners = [named[id(one)] for one in items[:index] if id(one) in named]
            yield Claim("attribute", item.text, tuple(owners[-1:]))
        if item.kind != "thing" or item.noun is None:
            continue
        mention = named[id(item)]
        if item.negated:
            if not item.other and re.match(r"$|[WAB]", codes[index + 1 :]):
                yield Claim("presence", item.noun.class_, (mention,), negated=True)
            continue
        yield Claim("presence", item.noun.class_, (mention,))
        if not partial and _is_count(item, codes[:index], mention):
            complete = item.exact or item.noun.generic
            yield Claim("count", str(item.number), (mention,), complete=complete)
        if item.noun.category != "human":
            yield from (Claim("color", word, (mention,)) for word in item.colors)
        yield from _dressed(items, codes, index, mention)


def _is_count(item: Item, before: str, mention: Mention) -> bool:
    """Whether a number leads the sentence, or follows *there are* or *shows*."""
    if mention.spot or mention.vague or item.number < 1:
        return False
    leads = re.fullmatch(r"A*|r[dWKA]*", before) and (item.number > 1 or item.exact)
    return bool(leads or re.fullmatch(r"A*BA*|.*iA*", before))


def _dressed(items: Sequence[Item], codes: str, index: int, mention: Mention) -> Iterator[Claim]:
    """*A person in red*, *a man dressed in black clothes*."""
    match = re.match(r"[BAw]*(r)G?([Cc])(?=$|[,PbABVRSEX])", codes[index + 1 :])
    if match is None or items[index + 1 + match.start(1)].text != "in":
        return
    garment = items[index + 1 + match.start(2)]
    is_whole = garment.kind == "color" or garment.text.endswith(_WHOLE)
    if is_whole and len(garment.colors) == 1:
        yield Claim("color", garment.colors[0], (mention,))


def _without_partial_rest(claims: Sequence[Claim]) -> list[Claim]:
    """*The camera holds still, then pans left*: it is not still over the whole clip."""
    resting = ("static", "tracking", "stable", "handheld", "shaky")
    moves = any(one.kind == "camera" and one.value not in resting for one in claims)
    return [one for one in claims if not moves or (one.kind, one.value) != ("camera", "static")]


def is_fully_read(sentence: str) -> bool:
    """Whether every word of a sentence is of a kind that claims are made of."""
    unread = ("word", "wear", "nothing", "hedge", "possessive")
    return not any(
        (item.kind in unread and item.text[:1].isalpha())
        or (item.verb is not None and item.verb.kind in ("other", "wear"))
        for item in items_of(sentence)
    )
