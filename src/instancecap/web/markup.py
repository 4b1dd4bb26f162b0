"""HTML that is escaped unless it says that it is markup."""

from __future__ import annotations

import json
from collections.abc import Iterable
from html import escape
from string import Formatter
from typing import Any


class Html(str):
    """Markup that is ready as it stands; every other string is text and gets escaped."""


class _EscapingFormatter(Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        return value if isinstance(value, Html) else escape(format(value, format_spec))


def markup(template: str, **values: object) -> Html:
    """Fill ``{name}`` places of ``template``; values that are not :class:`Html` are escaped."""
    return Html(_EscapingFormatter().vformat(template, (), values))


def join(parts: Iterable[Html]) -> Html:
    """Markup after markup."""
    return Html("".join(parts))


def embed_json(data: object) -> Html:
    """JSON for a ``<script type="application/json">``.

    A data block ends at the first ``</script``, whatever stands around it, so no ``<`` may be left.
    """
    text = json.dumps(data, separators=(",", ":"))
    for letter in "<>&":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Html(text)
