"""Decoding that can only give what fits a JSON Schema, token by token (llguidance)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    strings = max(1, sum(_strings(schema)))
    structure = len(str(schema)) // 8
    each = max(SHORTEST_STRING, CHARACTERS * (max_tokens - structure) // strings)
    bound = _bound(schema, each)
    assert isinstance(bound, dict)
    return bound


def _strings(node: Any, times: int = 1) -> Iterator[int]:
    """How often each free string without a bound may occur."""
    if not isinstance(node, Mapping):
        return
    if _is_free(node):
        yield times
    for one in node.get("properties", {}).values():
        yield from _strings(one, times)
    for one in node.get("anyOf", ()):
        yield from _strings(one, times)
    if "items" in node:
        yield from _strings(node["items"], times * node.get("maxItems", MAX_ITEMS))


def _is_free(node: Mapping[str, Any]) -> bool:
    return node.get("type") == "string" and not {"enum", "pattern", "maxLength"} & set(node)


def _bound(node: Any, each: int) -> Any:
    if not isinstance(node, Mapping):
        return node
    bound = dict(node)
    if _is_free(node):
        bound["maxLength"] = max(each, node.get("minLength", 0))
    if node.get("type") == "array":
        bound["maxItems"] = node.get("maxItems", max(MAX_ITEMS, node.get("minItems", 0)))
        bound["items"] = _bound(node.get("items"), each)
    if "properties" in node:
        bound["properties"] = {name: _bound(one, each) for name, one in node["properties"].items()}
    if "anyOf" in node:
        bound["anyOf"] = [_bound(one, each) for one in node["anyOf"]]
    return bound
