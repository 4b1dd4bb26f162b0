"""A language model polishes a prompt; what it wrote is kept only where it claims the same."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from importlib.resources import files

from instancecap.errors import ModelError
from instancecap.language.en import NUMBERS
from instancecap.mllm.base import Backend, Message, Request
from instancecap.render.grammar import (
    DIRECTION_WORDS,
    clean,
    content,
    lexicon,
    meaning,
    sentences,
    stem,
)
from instancecap.render.options import Prompt
from instancecap.render.targets import Counter
from instancecap.schema.caption import Caption

COLORS = lexicon("colors")
_NUMBERS = frozenset(NUMBERS)
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_FRAMES = frozenset(stem(word) for word in lexicon("frames"))
"""Words that only frame what is said: they may come and go."""


_INSTRUCTIONS = files("instancecap.render").joinpath("fuse.md").read_text(encoding="utf-8").strip()


def question(prompt: Prompt) -> Request:
    """The request to polish one prompt."""
    messages = (Message("system", (_INSTRUCTIONS,)), Message("user", (prompt.text,)))
    return Request(messages=messages, max_tokens=max(256, 4 * prompt.tokens))


async def fuse(
    captions: Sequence[Caption], prompts: Sequence[Prompt], backend: Backend, *, counter: Counter
) -> list[Prompt]:
    """Each prompt in a language model's words, or as it was where these claim anything else.

    ``Prompt.fused`` says ``model``, or why the model's words were not kept. Prompts in JSON and
    tags are left as they are.

    Raises:
        ServerError: nothing can be asked at all.
    """
    chosen = [
        index
        for index, one in enumerate(prompts)
        if one.length != "tags" and not one.text.startswith("{")
    ]
    replies = await backend.complete([question(prompts[index]) for index in chosen])
    result = list(prompts)
    for index, reply in zip(chosen, replies, strict=True):
        before = prompts[index]
        if isinstance(reply, ModelError):
            result[index] = replace(before, fused=f"no answer: {reply}")
            continue
        text = clean(reply.text).strip('"“” ')
        tokens = counter.count(text)
        if reply.finish == "length":
            fault = "the answer was cut off"
        elif tokens > before.limit:
            fault = f"too long: {tokens} tokens"
        else:
            fault = find_fault(before.text, text, captions[index])
        done = replace(before, text=text, tokens=tokens, fused="model")
        result[index] = replace(before, fused=fault) if fault else done
    return result


def find_fault(before: str, after: str, caption: Caption) -> str:
    """Why ``after`` does not claim exactly what ``before`` does; empty where it does.

    Every word with content must stem from the prompt or the caption, and none of the prompt's may
    be missing; a colour, a number and a direction must belong to the same word as before.
    """
    if not after or not sentences(after):
        return "empty"
    source = _caption_text(caption)
    held = set(meaning(before)) | set(meaning(source))
    if gained := [word for word in meaning(after) if word not in held | _FRAMES]:
        return f"gained: {', '.join(dict.fromkeys(gained))}"
    kept = content(after)
    if lost := sorted(content(before) - kept - _FRAMES):
        return f"lost: {', '.join(lost)}"
    nouns = content(" ".join(one.class_ for one in caption.instances)) | _heads(before)
    first, second = _ties(before, nouns), _ties(after, nouns)
    if moved := sorted(second - first - _ties(source, nouns)):
        return f"changed: {', '.join(f'{word} of {noun}' for word, noun in moved)}"
    if missing := sorted(first - second):
        return f"lost: {', '.join(f'{word} of {noun}' for word, noun in missing)}"
    return ""


def _caption_text(caption: Caption) -> str:
    leaves = caption.leaves().values()
    texts = (" ".join(map(str, one)) if isinstance(one, list) else str(one) for one in leaves)
    return ". ".join(text.replace("_", " ") for text in texts)


def _heads(text: str) -> frozenset[str]:
    """Stems of the words right before *with*, *in*, *is* …: what sentences are about."""
    found = re.findall(r"([^\W\d_]+) (?:with|in|is|are|wears|has|moves|walks)\b", text)
    return frozenset(stem(word) for word in found) - {stem(word) for word in COLORS}


def _ties(text: str, nouns: frozenset[str]) -> set[tuple[str, str]]:
    """Which colour, number and direction goes with which word.

    A colour or number goes with the next word that is neither, or with the noun before *in* that
    it follows; a direction with the last noun named.
    """
    ties: set[tuple[str, str]] = set()
    for one in sentences(text):
        words = [word.lower() for word in _WORD.findall(one)]
        noun = ""
        for index, word in enumerate(words):
            if word in COLORS or word in _NUMBERS or word.isdigit():
                following = _next_word(words, index)
                ties.add((stem(word), stem(following) if following else noun))
            elif word in DIRECTION_WORDS and noun:
                ties.add((word, noun))
            if stem(word) in nouns:
                noun = stem(word)
    return ties


def _next_word(words: Sequence[str], index: int) -> str:
    """The word that a colour belongs to: the next one that is no colour; none before a verb."""
    for word in words[index + 1 : index + 4]:
        if word in COLORS or word in ("and", "or") or word in _NUMBERS:
            continue
        return word if content(word) else ""
    return ""
