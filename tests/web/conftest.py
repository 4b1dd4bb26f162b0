from __future__ import annotations

import os
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient

from instancecap.web.app import jobs
from instancecap.web.app.application import create_app
from instancecap.web.app.config import AppConfig, Limits

OpenApp = Callable[..., Any]


class Browser(TestClient):
    """A client that sends what a browser sends from the app's own pages."""

    def __init__(self, config: AppConfig) -> None:
        app = create_app(config)
        self.services = app.state.services
        super().__init__(app, base_url="http://127.0.0.1:8765")
        auth = tuple(config.auth.split(":", 1)) if config.auth else None
        self.auth = auth  # type: ignore[assignment]
        found = re.search(r'name="token" content="([^"]+)"', self.get("/").text)
        assert found is not None
        self.headers["x-instancecap-token"] = found[1]


@pytest.fixture(scope="session", autouse=True)
def shared_workers() -> Iterator[None]:
    """A worker takes seconds to start: apps with the same limits use the same ones in turn.

    That an app ends its own is seen by ``test_serve.py``, where it is a program.
    """
    make, pools, environment = jobs._pool, {}, ("INSTANCECAP_MODELS", "INSTANCECAP_OFFLINE")

    def shared(workers: int, seconds: float, limits: Limits) -> Any:
        key = (workers, seconds, limits, *map(os.environ.get, environment))
        if key not in pools:
            pools[key] = make(workers, seconds, limits)
        return SimpleNamespace(
            submit=pools[key].submit, result=pools[key].result, stop=lambda: None
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "_pool", shared)
        yield
    for pool in pools.values():
        pool.stop()


@pytest.fixture
def open_app() -> Iterator[OpenApp]:
    """Opens an app with the fields of its config; it is closed at the end of the test."""
    with contextmanager(_opened)() as open_one:
        yield open_one


@pytest.fixture(scope="module")
def module_app() -> Iterator[OpenApp]:
    """As ``open_app``, closed at the end of the module: workers take a second to start."""
    with contextmanager(_opened)() as open_one:
        yield open_one


def _opened() -> Iterator[OpenApp]:
    browsers: list[Browser] = []

    def open_one(**fields: Any) -> Browser:
        browsers.append(Browser(AppConfig(**fields)).__enter__())
        return browsers[-1]

    yield open_one
    for browser in browsers:
        browser.__exit__(None, None, None)


# A real browser -----------------------------------------------------------------------------------

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REBOUND = "rebound.example"
"""A name that leads to this machine, as that of a hostile site may after a while."""

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1",
]  # fmt: skip


class LiveApp:
    """An app that listens, in a thread of this process.

    Attributes:
        url: without a slash at its end.
        services: what the app works with.
    """

    def __init__(self, config: AppConfig) -> None:
        app = create_app(config)
        self.services = app.state.services
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def close(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()


@pytest.fixture(scope="module")
def live_app() -> Iterator[Callable[..., LiveApp]]:
    """Starts apps with the fields of their config."""
    apps: list[LiveApp] = []

    def start(**fields: Any) -> LiveApp:
        apps.append(LiveApp(AppConfig(**fields)))
        return apps[-1]

    yield start
    for app in apps:
        app.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium; a skip with the reason where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page of a browser, and what must not happen on it.

    Attributes:
        page: Playwright's page.
        troubles: console errors, dialogs, exceptions, requests to another host.
    """

    def __init__(self, chromium: Any, url: str, **options: Any) -> None:
        self.context = chromium.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.troubles: list[str] = []
        page = self.page
        page.on("console", lambda one: self._console(one))
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: self._request(request.url, url))
        page.set_default_timeout(30_000)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console: {message.text}")

    def _request(self, asked: str, own: str) -> None:
        if not asked.startswith((own, "data:", "blob:")):
            self.troubles.append(f"request: {asked}")


@pytest.fixture
def watch(chromium: Any) -> Iterator[Callable[..., Watched]]:
    """Opens pages of an app that are watched; none may have had troubles at the end."""
    pages: list[Watched] = []

    def open_page(app: LiveApp, **options: Any) -> Watched:
        pages.append(Watched(chromium, app.url, **options))
        return pages[-1]

    yield open_page
    for one in pages:
        one.context.close()
    assert [trouble for one in pages for trouble in one.troubles] == []


def serious_findings(page: Any) -> list[str]:
    """What axe-core finds on a page that keeps people out: rule and place."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {node['target']} {node['html'][:120]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
    ]
