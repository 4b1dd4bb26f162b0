"""Pages of the app: one frame around all of them, and errors in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from instancecap.web.templates import environment

THEME_COOKIE = "instancecap_theme"


@dataclass(frozen=True, slots=True)
class View:
    """A view of the app: an entry of the navigation, and the routes behind it.

    Attributes:
        router: makes the routes, given the app's :class:`~instancecap.web.app.services.Services`.
    """

    name: str
    path: str
    router: Callable[..., APIRouter]


class Pages:
    """Renders templates within the app's frame.

    Attributes:
        token: stands in every page; requests that change something carry it.
    """

    def __init__(self, *, token: str, views: Sequence[View], opened: str) -> None:
        self.token = token
        self._views = views
        self._env = environment(styles_by_script=True)
        self._env.globals |= {"views": views, "opened": opened}

    def render(
        self, request: Request, template: str, *, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """A page; ``template`` is its path below ``instancecap/web`` and extends the frame."""
        theme = request.cookies.get(THEME_COOKIE, "")
        within = [one.path for one in self._views if request.url.path.startswith(one.path)]
        text = self._env.get_template(template).render(
            token=self.token,
            current=max(within, key=len, default=""),
            theme=theme if theme in ("light", "dark") else "",
            **context,
        )
        return HTMLResponse(text, status)

    def error(self, request: Request, line: str, *, status: int) -> HTMLResponse:
        """A page that says what went wrong."""
        return self.render(request, "app/templates/error.html", status=status, line=line)
