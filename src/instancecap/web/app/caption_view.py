"""The view Caption: a clip goes in, a caption comes out, with everything that speaks for it."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from instancecap.web.app.services import Services

EXAMPLES = 12
"""Clips that are offered at most."""


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/", response_class=HTMLResponse)
    def page(request: Request) -> HTMLResponse:
        return services.pages.render(
            request,
            "app/templates/caption.html",
            examples=list(services.examples(EXAMPLES)),
            limits=services.config.limits,
            has_folder=services.folder.root is not None,
        )

    return routes
