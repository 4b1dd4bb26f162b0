"""The app put together: routers, the guard before them, errors, the end of temporary files."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from instancecap.errors import InputError, InstanceCapError
from instancecap.web.app import caption_view, compare_view, enhance_view, shared_routes
from instancecap.web.app.config import AppConfig
from instancecap.web.app.files import OpenedFolder, Workspace
from instancecap.web.app.jobs import Jobs
from instancecap.web.app.pages import Pages, View
from instancecap.web.app.security import HEADERS, Guard
from instancecap.web.app.services import Services
from instancecap.web.review import routes

VIEWS = (
    View("Caption", "/", caption_view.router),
    View("Review", "/review", routes.router),
    View("Enhance", "/enhance", enhance_view.router),
    View("Compare", "/compare", compare_view.router),
)
"""In the order of the navigation; each has a router of its own."""

SWEEP_SECONDS = 60.0


def create_app(config: AppConfig) -> FastAPI:
    """The app; its temporary files and workers end with it (ASGI's lifespan).

    ``app.state.services`` are its :class:`Services`.
    """
    token = secrets.token_urlsafe(32)
    workspace = Workspace()
    services = Services(
        config=config,
        folder=OpenedFolder(config.root),
        workspace=workspace,
        jobs=Jobs(workspace, config.limits),
        pages=Pages(token=token, views=VIEWS, opened=config.opened),
    )

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(services))
        try:
            yield
        finally:
            sweeping.cancel()
            services.close()

    # The framework's own pages of documentation load scripts from another host.
    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.services = services
    app.include_router(shared_routes.router(services))
    for view in VIEWS:
        app.include_router(view.router(services))
    _answer_errors(app, services)
    app.add_middleware(Guard, config=config, token=token)
    return app


async def _sweep(services: Services) -> None:
    while True:
        await asyncio.sleep(SWEEP_SECONDS)
        services.workspace.sweep(services.config.limits.keep_seconds)


def _answer_errors(app: FastAPI, services: Services) -> None:
    """Every error is one line: on a page where a person opened it, else as JSON."""

    def answer(request: Request, line: str, status: int) -> Response:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            return services.pages.error(request, line, status=status)
        return JSONResponse({"error": line}, status)

    @app.exception_handler(InstanceCapError)
    def known(request: Request, error: InstanceCapError) -> Response:
        return answer(request, str(error), 422 if isinstance(error, InputError) else 400)

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> Response:
        line = "there is no such page" if error.status_code == 404 else str(error.detail)
        return answer(request, line, error.status_code)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        return answer(request, f"{place}: {first['msg']}", 422)

    @app.exception_handler(Exception)
    def unforeseen(request: Request, error: Exception) -> Response:
        """The server's log has the traceback; a browser gets no more than the kind of error."""
        given = answer(request, f"something unforeseen happened ({type(error).__name__})", 500)
        given.headers.update(HEADERS)  # this answer does not pass the guard
        return given
