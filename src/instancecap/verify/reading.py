"""Claims of a caption's sentences as a language model reads them: one question a caption."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple, get_args

from pydantic import BaseModel

from instancecap.mllm.base import Backend, Message, Request, Usage
from instancecap.mllm.structured import ask
from instancecap.schema import vocabulary as words
from instancecap.schema.caption import Caption
from instancecap.verify.checks_scene import SCENE_CHECKS
from instancecap.verify.claims import Claim, Kind, Mention, When
from instancecap.verify.fields import Text, mentions_of, texts_of
from instancecap.verify.lexicon import lexicon
from instancecap.verify.naming import noun_of
from instancecap.verify.text import bare_name, head_of, sentences

VALUES: Mapping[str, Sequence[str]] = {
    **tomllib.loads((files(__package__) / "lexicon" / "values.toml").read_text("utf-8")),
    "camera": (*get_args(words.Primitive), *get_args(words.Stability)),
    "time_of_day": get_args(words.TimeOfDay),
    "shot_type": get_args(words.ShotType),
    "shot_angle": get_args(words.ShotAngle),
    "color": tuple(lexicon().colors),
    "count": tuple(str(number) for number in range(1, 21)),
}
"""What a value of each kind may be."""

QUESTION = (files(__package__) / "lexicon" / "question.md").read_text("utf-8").strip()


class ReadClaim(BaseModel, extra="forbid"):
    """One claim in a model's answer."""

    sentence: int
    subject: str
    kind: Kind
    value: str
    when: When = ""
    denied: bool = False


class Answer(BaseModel, extra="forbid"):
    """The whole answer."""

    claims: list[ReadClaim]


class Reading(NamedTuple):
    """What a model read: no claims where it gave no usable answer, and the ``problem``."""

    claims: list[Claim] | None
    problem: str
    usage: Usage


async def read_claims(
    caption: Caption, backend: Backend, *, enforced: bool | None = None
) -> Reading:
    """The claims of the sentences of ``caption``, for :func:`instancecap.verify.check.verify`.

    Raises:
        ServerError: nothing can be asked at all.
    """
    numbered = [
        (text, sentence.text) for text in texts_of(caption) for sentence in sentences(text.text)
    ]
    if not numbered:
        return Reading([], "", Usage())
    request = Request(
        messages=(Message("user", (_question(caption, [text for _, text in numbered]),)),),
        max_tokens=256 + 64 * len(numbered),
    )
    asked = await ask(backend, request, Answer, enforced=enforced)
    if asked.value is None:
        return Reading(None, asked.problem, asked.usage)
    mentions = mentions_of(caption)
    names = {bare_name(one.text): one for one in mentions.values()}
    found = [_claim(one, numbered, names) for one in asked.value.claims]
    return Reading([one for one in found if one is not None], "", asked.usage)


def _question(caption: Caption, texts: Sequence[str]) -> str:
    names = [one.text for one in mentions_of(caption).values()]
    return QUESTION.format(
        names="; ".join(names) or "none are listed",
        sentences="\n".join(f"{number}. {text}" for number, text in enumerate(texts, 1)),
        values="; ".join(f"{kind}: {', '.join(known)}" for kind, known in VALUES.items()),
    )


def _claim(
    one: ReadClaim, numbered: Sequence[tuple[Text, str]], names: Mapping[str, Mention]
) -> Claim | None:
    """The claim, or None where it is of nothing that is known, or has a value of no meaning."""
    value, subject = one.value.strip().lower(), names.get(bare_name(one.subject))
    noun = noun_of(one.subject)
    if not names and noun.category:
        subject = Mention(noun, text=one.subject, head=head_of(one.subject))
    about = () if subject is None or one.kind in SCENE_CHECKS else (subject,)
    is_known = value in VALUES.get(one.kind, ()) and 1 <= one.sentence <= len(numbered)
    if not is_known or not (about or one.kind in SCENE_CHECKS):
        return None
    text, sentence = numbered[one.sentence - 1]
    return Claim(
        one.kind, value, about, one.denied, one.when, text.pointer, sentence, text.span,
        complete=False,
    )  # fmt: skip
