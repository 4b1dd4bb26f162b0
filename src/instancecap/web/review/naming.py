"""How the sentences of a caption name its instances: *the chef*, and *a chef* if that is clear."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from instancecap.language.en import article
from instancecap.language.sentences import split_sentences
from instancecap.schema import pointer as pointers
from instancecap.schema.caption import Caption, Instance

PROSE = re.compile(
    r"/(global_description|dense_description|background|lighting|camera/description"
    r"|instances/\d+/(appearance|action|expression|position/text)|segments/\d+/description)"
)
"""Fields that hold sentences, and so may name instances."""

_ARTICLE = re.compile(r"(?:the|an?)\s+", re.IGNORECASE)


def mentions(caption: Caption, one: Instance) -> dict[str, list[str]]:
    """The sentences of other fields that name an instance, by pointer."""
    own, found = pointers.instance_pointer(one.id), {}
    for pointer, text in _prose(caption):
        if not pointer.startswith(f"{own}/"):
            places = [match.start() for match in _named_in(text, caption, one.name)]
            named = [
                each.text
                for each in split_sentences(text)
                if any(each.start <= place < each.end for place in places)
            ]
            if named:
                found[pointer] = named
    return found


def rename(draft: Caption, before: str, after: str) -> None:
    """Let the sentences of a caption call an instance by its new name."""
    if not before.strip() or not after.strip() or before == after:
        return
    for pointer, text in _prose(draft):
        pieces, end = [], 0
        for match in _named_in(text, draft, before):
            put = _with_article(match["article"], after) if match["article"] else after
            capital = match.group()[0].isupper()
            pieces += [text[end : match.start()], put[0].upper() * capital + put[capital:]]
            end = match.end()
        if pieces:
            pointers.assign(draft, pointer, "".join([*pieces, text[end:]]))


def _prose(caption: Caption) -> Iterator[tuple[str, str]]:
    for pointer, value in caption.leaves().items():
        if PROSE.fullmatch(pointer):
            yield pointer, value


def _named_in(text: str, caption: Caption, name: str) -> list[re.Match[str]]:
    """Where a text names an instance; *the car* is not in *the car behind* of another.

    *A car* counts as *the car* where no other instance can be meant, by name or class, and the text
    brings in no second one.
    """
    name = name.strip().casefold()
    if not name:
        return []
    names = {one.name.strip().casefold() for one in caption.instances} - {""} | {name}
    nouns = [noun for noun in map(_noun, names) if noun]
    pattern = re.compile(
        rf"(?<!\w)(?:{_any_of(names)}|(?P<article>an?|another)\s(?P<noun>{_any_of(nouns)}))(?!\w)",
        re.IGNORECASE,
    )
    found = list(pattern.finditer(text))
    noun = _noun(name)
    brought_in = [one for one in found if one["noun"] and one["noun"].casefold() == noun]
    others = [one for one in caption.instances if one.name.strip().casefold() != name]
    could_be_another = nouns.count(noun) > 1 or any(
        one.class_.strip().casefold() == noun for one in others
    )
    counted = [] if could_be_another or len(brought_in) > 1 else brought_in
    return [one for one in found if one.group().casefold() == name or one in counted]


def _any_of(words: Iterable[str]) -> str:
    """A pattern of any of the words, the longest first; of nothing where there are none."""
    return "|".join(map(re.escape, sorted(words, key=len, reverse=True))) or r"(?!)"


def _noun(name: str) -> str:
    """What a name says behind its article; empty for a name without one."""
    match = _ARTICLE.match(name)
    return name[match.end() :] if match else ""


def _with_article(given: str, name: str) -> str:
    """A new name with the kind of article that the sentence had; one without any stays."""
    noun = _noun(name.strip())
    if not noun:
        return name
    return f"{given} {noun}" if given.casefold() == "another" else article(noun)
