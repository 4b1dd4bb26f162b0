"""``instancecap doctor``: what is installed, reachable and missing."""

from __future__ import annotations

import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec

import typer

from instancecap.cli import terminal
from instancecap.cli.options import offered
from instancecap.engine.local import count_cores
from instancecap.errors import MissingDependency, UsageError
from instancecap.evidence.presets import preset_models
from instancecap.io.atomic import require_writable
from instancecap.models import hub, weights
from instancecap.models.gpu import Gpu, find_gpu, missing_for, needed
from instancecap.models.known_weights import KNOWN
from instancecap.models.weights import cache_dir

BASE_MODULES = (
    *("av", "cv2", "jinja2", "numpy", "onnxruntime", "pebble", "pyarrow", "pycocotools"),
)
"""Modules of the base install, each found through whichever distribution provides it."""

EXTRAS = {
    "models": ("torch", "transformers", "diffusers"),
    "ray": ("ray",),
    "web": ("fastapi", "uvicorn"),
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
    providers, gpu = packages_distributions(), find_gpu()
    checks = [
        _check_python(),
        *(_check_module(name, sorted(set(providers.get(name, [])))) for name in BASE_MODULES),
        Check("cores", "ok", str(count_cores())),
        *map(_check_weights, KNOWN),
        _check_cache(),
        *(_check_extra(name, modules) for name, modules in EXTRAS.items()),
        *_check_experts(gpu),
    ]
    broken = any(check.level == "broken" for check in checks)
    if json:
        terminal.print_json({"ok": not broken, "checks": [asdict(check) for check in checks]})
    else:
        # Few of the many models by hub id are of use without a GPU.
        hidden = [one for one in checks if one.level == "missing" and one.what in hub.KNOWN]
        hidden = hidden if gpu is None else []
        for check in checks:
            if check not in hidden:
                print(f"{check.level:<8} {check.what:<16} {terminal.printable(check.detail)}")
        if hidden:
            print(f"missing  {len(hidden)} other models by hub id; see instancecap doctor --json")
    raise typer.Exit(2 if broken else 0)


def _check_python() -> Check:
    good = sys.version_info >= (3, 11)
    detail = platform.python_version() + ("" if good else "; 3.11 or later is needed")
    return Check("python", "ok" if good else "broken", detail)


def _check_module(module: str, distributions: list[str]) -> Check:
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


def _check_weights(name: str) -> Check:
    if path := weights.locate(name):
        return Check(name, "ok", str(path))
    return Check(name, "missing", f"no weights; run: instancecap models pull {name}")


def _check_cache() -> Check:
    folder = cache_dir()
    try:
        require_writable(folder)
    except UsageError:
        return Check(
            "cache",
            "missing",
            f"{folder} cannot be written; set XDG_CACHE_HOME to a folder that can",
        )
    return Check("cache", "ok", str(folder))


def _check_extra(extra: str, modules: Sequence[str]) -> Check:
    absent = [module for module in modules if find_spec(module) is None]
    if absent:
        hint = f"no {', '.join(absent)}; run: pip install 'instancecap[{extra}]'"
        return Check(f"extra {extra}", "missing", hint)
    return Check(f"extra {extra}", "ok", ", ".join(modules))


def _check_experts(gpu: Gpu | None) -> list[Check]:
    """The GPU, the hub, and each model by hub id: whether it can run here, or what is missing."""
    try:
        closed, cached = hub.why_closed(), hub.cached()
    except MissingDependency as error:
        closed, cached = str(error), {}
    if gpu is None:
        first = Check("gpu", "missing", "no NVIDIA GPU; experts run on the CPU")
    else:
        free = f"{gpu.free / 1000:.1f} of {gpu.total / 1000:.1f} GB free"
        first = Check("gpu", "ok", f"{gpu.name}, {free}")
        if find_spec("torch") is not None and version("torch").endswith("+cpu"):
            first = Check("gpu", "missing", f"{gpu.name}, {free}, but torch was built without CUDA")
    checks = [first, Check("hub", "missing" if closed else "ok", closed or "reachable")]
    judged = [(f"--cluster {name}", models) for name, models in preset_models().items()]
    judged += [(model.id, [model]) for model in hub.KNOWN.values() if model.runs_here]
    for what, models in judged:
        lacks = missing_for(models, gpu, cached)
        kind = f"{models[0].kind}, " if models[0].id == what else ""
        detail = "; ".join([f"{kind}{needed(models)}", *lacks])
        checks.append(Check(what, "missing" if lacks else "ok", detail))
    return checks
