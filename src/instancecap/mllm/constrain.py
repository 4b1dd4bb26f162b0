"""Decoding that can only give what fits a JSON Schema, token by token (llguidance)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from instancecap.errors import ModelError

if TYPE_CHECKING:
    import torch

MAX_ITEMS = 8
"""Entries of a list whose schema does not bound them."""

SHORTEST_STRING = 16

CHARACTERS = 3
"""Of prose to a token, at least; English has four."""


class SchemaMask:
    """A logits processor for ``generate``: each row of a batch keeps to a schema of its own.

    A row is one question; None leaves it free.
    """

    def __init__(
        self,
        tokenizer: Any,
        schemas: Sequence[Mapping[str, Any] | None],
        *,
        ends: Sequence[int],
    ) -> None:
        """
        Arguments:
            tokenizer: of llguidance.
            ends: ids of the tokens that end an answer.

        Raises:
            ModelError: llguidance cannot express a schema.
        """
        from llguidance import LLMatcher

        self._matchers: list[Any] = []
        self._started = False
        self._ends = list(ends)
        for schema in schemas:
            matcher = None
            if schema is not None:
                grammar = LLMatcher.grammar_from_json_schema(
                    dict(schema), defaults={"whitespace_flexible": False}
                )
                matcher = LLMatcher(tokenizer, grammar)
                if matcher.is_error():
                    raise ModelError(f"this schema cannot be enforced: {matcher.get_error()}")
            self._matchers.append(matcher)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Token ids (rows, length) and logits (rows, vocabulary); gives the logits allowed."""
        import torch

        for row, matcher in enumerate(self._matchers):
            if matcher is None:
                continue
            if self._started and not matcher.is_stopped():
                matcher.consume_token(int(input_ids[row, -1]))
            allowed = np.zeros(scores.shape[1], bool)
            if matcher.is_stopped():
                allowed[self._ends] = True
            else:
                bits = np.frombuffer(matcher.compute_bitmask(), np.uint8)
                known = np.unpackbits(bits, bitorder="little")[: scores.shape[1]]
                allowed[: len(known)] = known
            forbidden = torch.from_numpy(~allowed).to(scores.device)
            scores[row] = scores[row].masked_fill(forbidden, float("-inf"))
        self._started = True
        return scores


def bounded(schema: Mapping[str, Any], *, max_tokens: int) -> Mapping[str, Any]:
    """The schema with bounds for lists and strings that have none.

    A model that does not know when to stop would otherwise fill ``max_tokens`` with one string,
    and the JSON would lack its end. All free strings together have ``CHARACTERS`` for each of
    ``max_tokens``, less what names and brackets take.
    """
    bound = deepcopy(dict(schema))
    strings = list(_free_strings(bound))
    structure = len(str(schema)) // 8
    count = max(1, sum(times for _, times in strings))
    each = max(SHORTEST_STRING, CHARACTERS * (max_tokens - structure) // count)
    for string, _ in strings:
        string["maxLength"] = max(each, string.get("minLength", 0))
    return bound


def _free_strings(node: dict[str, Any], times: int = 1) -> Iterator[tuple[dict[str, Any], int]]:
    """Strings without a bound, and how often each may occur; lists get a bound on the way."""
    if node.get("type") == "string" and not {"enum", "pattern", "maxLength"} & set(node):
        yield node, times
    if node.get("type") == "array":
        most = node.setdefault("maxItems", max(MAX_ITEMS, node.get("minItems", 0)))
        yield from _free_strings(node.get("items", {}), times * most)
    for one in (*node.get("properties", {}).values(), *node.get("anyOf", ())):
        yield from _free_strings(one, times)
