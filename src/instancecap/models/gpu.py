"""Which GPU is there, and which models by hub id fit it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Collection
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


def missing_for(model: HubModel, gpu: Gpu | None, cached: Collection[str]) -> list[str]:
    """What a model lacks to run here, a few words each; its memory is computed, not measured."""
    needs = ("torch", "transformers") if model.needs == EXTRA else (model.needs,)
    lacks = [f"no {name}" for name in needs if not is_installed(name)]
    if model.id not in cached:
        lacks.append("no weights" + (", and its terms to accept" if model.gated else ""))
    if gpu is not None and model.memory + RESERVED > gpu.free:
        lacks.append("too large for the GPU's free memory")
    return lacks


def needed(model: HubModel) -> str:
    """The memory that a model takes on a GPU, in words."""
    if not model.memory:
        return "memory unknown"
    part = "" if model.activations else ", weights alone"
    return f"{(model.memory + RESERVED) / 1000:.1f} GB (computed{part})"
