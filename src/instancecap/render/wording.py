"""Other wordings of the same facts: for several captions of one clip.

A paraphrase differs in the order of its parts, in the phrases that put structured fields into
sentences (``wording.toml``), and in pronouns or names. Sentences that others wrote stay as they
are, so that nothing is invented and no fact is lost.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import permutations

from instancecap.render.dropout import dice_of
from instancecap.schema.caption import Caption

_SUBJECTS = ("subjects", "events", "sound")
_OTHERS = (("framing", "camera"), ("background",), ("lighting",), ("texts",))
"""Parts that stay together, in this order; the blocks change places."""


@cache
def phrases() -> dict[str, list[str]]:
    """The ways to say a thing, by its name, the usual one first."""
    text = files("instancecap.render").joinpath("wording.toml").read_text(encoding="utf-8")
    found: dict[str, list[str]] = tomllib.loads(text)
    return found


@dataclass(frozen=True, slots=True)
class Wording:
    """How one caption of a clip is worded.

    Attributes:
        order: the parts of the paragraph, first to last.
        turn: which of the phrases is taken, counted on from the usual one.
        merged: whether short sentences about one instance become one, *it is red and turns left*;
            else each says whom it is about, by name. None for the usual way: pronouns, not merged.
    """

    order: tuple[str, ...]
    turn: int = 0
    merged: bool | None = None

    def say(self, name: str) -> str:
        """A phrase of ``wording.toml``."""
        ways = phrases()[name]
        return ways[self.turn % len(ways)]


def wording_of(caption: Caption, usual: tuple[str, ...], *, variant: int, seed: int) -> Wording:
    """The wording of a variant; 0 is the usual one, in the target's own order.

    Of the others no two of a clip have the same order until all orders are taken.
    """
    if not variant:
        return Wording(usual)
    silent = {name for name in ("background", "lighting", "texts") if not getattr(caption, name)}
    told = [name for name in usual if name not in silent]
    orders = []
    left_out = silent | ({"sound"} - set(usual))
    for blocks in permutations((_SUBJECTS, *_OTHERS)):
        shown = [name for block in blocks for name in block if name not in left_out]
        # What is seen first is the subject, or one thing before it.
        if _SUBJECTS in blocks[:2] and shown != told and shown not in orders:
            orders.append(shown)
    dice_of(caption, seed=seed, purpose="wording").shuffle(orders)
    order = (*orders[(variant - 1) % len(orders)], *sorted(silent))
    return Wording(order, variant, merged=variant % 2 == 0)
