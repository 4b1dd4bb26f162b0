"""Fixtures of the evidence's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from instancecap.evidence import cluster, registry


class Points:
    """Entry points of installed packages, as :mod:`importlib.metadata` hands them out."""

    def __init__(self, name: str, load: Callable[[], object]) -> None:
        self.name, self.load, self.dist, self.value = name, load, None, "their:maker"


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, Callable[[], object]], None]]:
    """Let an installed package offer a detector."""

    def add(name: str, load: Callable[[], object]) -> None:
        point = Points(f"detector.{name}", load)

        def entry_points(*, group: str, name: str | None = None) -> list[Points]:
            return [point] if group == registry.GROUP and name in (None, point.name) else []

        monkeypatch.setattr(registry, "entry_points", entry_points)

    cluster.forget_models()
    yield add
    cluster.forget_models()
