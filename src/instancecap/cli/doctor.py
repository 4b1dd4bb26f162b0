"""``instancecap doctor``: what is installed, reachable and missing."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from instancecap.cli import terminal
from instancecap.cli.options import offered
from instancecap.errors import UsageError

BASE_MODULES = [
    "av",
    "cv2",
    "numpy",
    "onnxruntime",
    "pebble",
    "pyarrow",
    "pycocotools",
    "pydantic",
    "rich",
    "scenedetect",
    "scipy",
    "typer",
]
"""Modules of the base install, each found through whichever distribution provides it."""

EXTRAS = {
    "models": ("torch", "transformers", "diffusers"),
    "ray": ("ray",),
    "web": ("gradio",),
    "plots": ("matplotlib",),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the examination.

    Attributes:
        level: ``ok``; ``missing`` (something optional); ``broken`` (the base does not work).
    """

    what: str
    level: str
    detail: str


@offered("doctor")
def doctor(*, json: bool = False) -> None:
    """Look at the installation."""
    checks = [
        _check_python(),
        *_check_base(),
        _check_cores(),
        *_check_weights(),
        _check_cache(),
        *_check_extras(),
    ]
    broken = any(check.level == "broken" for check in checks)
    if json:
        terminal.print_json({"ok": not broken, "checks": [asdict(check) for check in checks]})
    else:
        for check in checks:
            print(f"{check.level:<8} {check.what:<16} {terminal.printable(check.detail)}")
    raise typer.Exit(2 if broken else 0)


def _check_python() -> Check:
    good = sys.version_info >= (3, 11)
    detail = platform.python_version() + ("" if good else "; 3.11 or later is needed")
    return Check("python", "ok" if good else "broken", detail)


def _check_base() -> list[Check]:
    from importlib.metadata import packages_distributions

    providers = packages_distributions()
    return [
        _check_module(module, sorted(set(providers.get(module, [])))) for module in BASE_MODULES
    ]


def _check_module(module: str, distributions: list[str]) -> Check:
    from importlib import import_module
    from importlib.metadata import version

    if not distributions:
        return Check(module, "broken", "not installed; run: pip install instancecap")
    detail = ", ".join(f"{name} {version(name)}" for name in distributions)
    if module == "cv2" and len(distributions) > 1:
        return Check(
            module,
            "broken",
            f"{detail}: they overwrite one another; uninstall all of them, then run: "
            "pip install --force-reinstall opencv-python-headless",
        )
    try:
        loaded = import_module(module)
    except (ImportError, OSError) as error:
        return Check(module, "broken", f"{detail} cannot be imported: {error}")
    if module == "av":
        parts = (f"{name} {'.'.join(map(str, v))}" for name, v in loaded.library_versions.items())
        detail += f" (FFmpeg's {', '.join(parts)})"
    return Check(module, "ok", detail)


def _check_cores() -> Check:
    from instancecap.engine.local import count_cores

    return Check("cores", "ok", str(count_cores()))


def _check_weights() -> list[Check]:
    from instancecap.models import weights
    from instancecap.models.known_weights import KNOWN

    found = {name: weights.locate(name) for name in KNOWN}
    return [
        Check(name, "ok", str(path))
        if path
        else Check(name, "missing", f"no weights; run: instancecap models pull {name}")
        for name, path in found.items()
    ]


def _check_cache() -> Check:
    from instancecap.io.atomic import require_writable
    from instancecap.models.weights import cache_dir

    folder: Path = cache_dir()
    try:
        require_writable(folder)
    except UsageError:
        return Check(
            "cache",
            "missing",
            f"{folder} cannot be written; set XDG_CACHE_HOME to a folder that can",
        )
    return Check("cache", "ok", str(folder))


def _check_extras() -> list[Check]:
    from importlib.util import find_spec

    checks = []
    for extra, modules in EXTRAS.items():
        absent = [module for module in modules if find_spec(module) is None]
        hint = f"no {', '.join(absent)}; run: pip install 'instancecap[{extra}]'"
        level, detail = ("missing", hint) if absent else ("ok", ", ".join(modules))
        checks.append(Check(f"extra {extra}", level, detail))
    return checks
