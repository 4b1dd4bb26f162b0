"""Words that a caption quotes as said, against what was transcribed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from instancecap.evidence.reliability import TRANSCRIBED
from instancecap.language.quotes import spoken
from instancecap.language.sentences import split_sentences
from instancecap.schema.base import Utterance
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import AudioFacts, Evidence
from instancecap.verify.claims import Claim, Verdict, outcome
from instancecap.verify.text import Text
from instancecap.verify.thresholds import LIMITS

ENGLISH = ("en", "english")
"""What transcribers call it."""

MOST_WORDS = 60
"""Words of a quotation that are compared: repeated ones take time that grows with the square."""

_WORD = re.compile(r"[^\W_\u3040-\u9fff]+|[^\W_]")
_WITHIN_WORDS = re.compile(r"['’]")


def speech_claims(caption: Caption, texts: Sequence[Text]) -> Iterator[Claim]:
    """What is said in the clip: as the sentences quote it, and as ``audio`` has it."""
    for text in texts:
        for sentence in split_sentences(text.text):
            for quotation in spoken(sentence.text):
                yield Claim(
                    "speech", quotation["said"].strip(), pointer=text.pointer,
                    sentence=sentence.text, span=text.span,
                )  # fmt: skip
    for index, one in enumerate(caption.audio.speech):
        if one.text:
            at = f"/audio/speech/{index}/text"
            yield Claim("speech", one.text, pointer=at, span=(one.start, one.end))


def check_speech(claim: Claim, evidence: Evidence) -> Verdict:
    """Whether the words were heard in the claim's part of the clip, in this order.

    A caption in English may translate what is said, and a transcriber may pass over what it does
    not understand: only where all that was said was transcribed, as English, it speaks against
    other words.
    """
    audio, span = evidence.audio, claim.span or (0.0, evidence.video.duration)
    here = [one for one in audio.transcript if _meet(one, span)]
    if not here:
        return Verdict()
    share = heard_share(claim.value, [one.text for one in here])
    sure = share < LIMITS.words_missed and audio.language in ENGLISH and _is_complete(audio, span)
    words = " ".join(one.text for one in here)
    frames = [round(one.start, 3) for one in here[:4]]
    support = outcome(share >= LIMITS.words_heard, sure=sure)
    return Verdict(support, TRANSCRIBED, f'"{words}" is heard', frames, words, "speech")


def heard_share(quoted: str, heard: Sequence[str]) -> float:
    """Share of the quoted words that are heard in their order, within about as many words.

    Of a long quotation the first ``MOST_WORDS`` count.
    """
    words, others = _words(quoted)[:MOST_WORDS], _words(" ".join(heard))
    if not words:
        return 0.0
    here = _likeliest(words, others, length=len(words) + len(words) // 3)
    blocks = SequenceMatcher(None, here, words, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks) / len(words)


def _likeliest(words: Sequence[str], others: Sequence[str], *, length: int) -> Sequence[str]:
    """The stretch of ``others`` that has the most of the words, in whatever order."""
    wanted, held = Counter(words), Counter[str]()
    shared = most = end = 0
    for at, word in enumerate(others):
        held[word] += 1
        shared += held[word] <= wanted[word]
        if at >= length:
            gone = others[at - length]
            shared -= held[gone] <= wanted[gone]
            held[gone] -= 1
        if shared > most:
            most, end = shared, at + 1
    return others[max(0, end - length) : end]


def _words(text: str) -> list[str]:
    """Words without case and marks; of a script that sets no spaces, its letters."""
    return _WORD.findall(_WITHIN_WORDS.sub("", text.casefold()))


def _meet(one: Utterance, span: tuple[float, float]) -> bool:
    return one.start < span[1] and one.end > span[0]


def _is_complete(audio: AudioFacts, span: tuple[float, float]) -> bool:
    """Whether words were transcribed of every stretch of speech in the span."""
    stretches = [one for one in audio.speech if one.start < span[1] and one.end > span[0]]
    return all(
        any(_meet(said, (one.start, one.end)) for said in audio.transcript) for one in stretches
    )
