from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient

from instancecap.web.app.application import create_app
from instancecap.web.app.config import AppConfig

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
