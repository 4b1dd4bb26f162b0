"""Which GPU is there, and which models by hub id fit it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from instancecap.models.hub import HubModel, is_installed

EXTRA = "instancecap[models]"

RESERVED = 600.0
"""MB that CUDA takes for itself beside weights and activations, about."""


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU; memory in MB."""

    name: str
    total: float
    free: float


def find_gpu() -> Gpu | None:
    """The first NVIDIA GPU, as its driver tells; None where there is none."""
    if (program := shutil.which("nvidia-smi")) is None:
        return None
    query = "--query-gpu=name,memory.total,memory.free"
    try:
        answer = subprocess.run(
            [program, query, "--format=csv,noheader,nounits"],
            capture_output=True, text=True, timeout=10, check=True,
        )  # fmt: skip
        name, total, free = answer.stdout.splitlines()[0].rsplit(",", 2)
        return Gpu(name.strip(), float(total), float(free))
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


def packages_of(model: HubModel) -> tuple[str, ...]:
    """The packages that a model needs to run here, as they are imported."""
    return ("torch", "transformers") if model.needs == EXTRA else (model.needs,)


def missing_for(models: Sequence[HubModel], gpu: Gpu | None, cached: Collection[str]) -> list[str]:
    """What models that work together lack to run here, a few words each; their memory is computed,
    not measured."""
    lacks = []
    for model in models:
        lacks += [f"no {name}" for name in packages_of(model) if not is_installed(name)]
        if model.id not in cached:
            of = f" of {model.id}" if len(models) > 1 else ""
            lacks.append(f"no weights{of}{', and terms to accept' if model.gated else ''}")
    if gpu is not None and _memory(models) > gpu.free:
        lacks.append("too large for the GPU's free memory")
    return list(dict.fromkeys(lacks))


def needed(models: Sequence[HubModel]) -> str:
    """The memory that models take on a GPU, in words."""
    unknown = [model.id for model in models if not model.parameters]
    if len(unknown) == len(models):
        return "memory unknown"
    part = "" if all(model.activations for model in models) else ", of some the weights alone"
    without = f", without {', '.join(unknown)}" if unknown else ""
    return f"{_memory(models) / 1000:.1f} GB (computed{part}{without})"


def _memory(models: Sequence[HubModel]) -> float:
    """MB: all are loaded, and work one after the other."""
    busiest = max(model.activations for model in models)
    return RESERVED + sum(model.parameters * model.number for model in models) + busiest
