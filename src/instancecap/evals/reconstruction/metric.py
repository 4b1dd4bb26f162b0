"""Metrics of one video against another, or of a video against a text: names, and how to get them.

A metric looks at each video once and then compares what it saw, so that an original is looked at
once however many videos it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal, Protocol

from instancecap.errors import UsageError
from instancecap.evals.asking import Asker
from instancecap.evals.task import Method
from instancecap.video.clip import Clip

FEW = 8
"""Frames of a video, from its first to its last, that most metrics look at."""


class Metric(Protocol):
    """How near a video comes to another one, or to a text."""

    def look(self, clip: Clip, text: str) -> Any:
        """What is kept of a video. Raises :class:`InputError` where it cannot be read."""

    def compare(self, original: Any, generated: Any) -> dict[str, float]:
        """The value under the metric's own name, and its parts under ``NAME PART``."""


class AskingMetric(Protocol):
    """One whose value is asked of a model, beside the workers."""

    def look(self, clip: Clip, text: str) -> Any:
        """What is kept of a video."""

    async def ask(self, asker: Asker, seen: Any) -> float:
        """The value. Raises :class:`ModelError`."""


@dataclass(frozen=True, slots=True)
class MetricOptions:
    """How metrics are computed.

    Attributes:
        method: as described, or as the published code does it.
        seed: of what is drawn by lot.
        vae: folder or name of the CogVideoX VAE.
        clip: folder or name of the CLIP model.
    """

    method: Method = "correct"
    seed: int = 0
    vae: str = "THUDM/CogVideoX-5b"
    clip: str = "openai/clip-vit-base-patch32"


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A metric's place and nature.

    Attributes:
        home: its module below this package, and the class there.
        better: whether a larger value is a better one.
        measures: it measures clips, for which weights are fetched first.
        asks: it is an :class:`AskingMetric`.
        by_text: it holds the generated video against a text.
        models: by job, the options of the models that it loads.
        parts: what else it tells.
        frames: evenly spread ones that it looks at, unless as published; 0 for all.
    """

    home: str
    better: Literal["more", "less"]
    measures: bool = False
    asks: bool = False
    by_text: bool = False
    models: Mapping[str, str] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    frames: int = FEW


METRICS = {
    "ssim": MetricInfo("pixels.Ssim", "more"),
    "psnr": MetricInfo("pixels.Psnr", "more"),
    "evidence": MetricInfo(
        "evidence.EvidenceDistance", "less", measures=True, frames=0,
        parts=("instances", "paths", "colors", "camera", "shots"),
    ),
    "3dvae": MetricInfo("neural.VaeDistance", "less", models={"vae": "vae"}),
    "senbysen": MetricInfo("neural.SenBySen", "more", by_text=True, models={"clip": "clip"}),
    "vqascore": MetricInfo("vqascore.VqaScore", "more", asks=True, by_text=True),
}  # fmt: skip

WITHOUT_WEIGHTS = ("ssim", "psnr", "evidence")
"""Those that need neither a model nor a server."""


def check_metrics(names: tuple[str, ...]) -> None:
    """Raises :class:`UsageError` for a name that is not known."""
    for name in names:
        if name not in METRICS:
            raise UsageError(f"--metric {name}: not known; choose among {', '.join(METRICS)}")


def open_metric(name: str, options: MetricOptions) -> Any:
    """The :class:`Metric` or :class:`AskingMetric` of a name; models are loaded when it looks."""
    module, kind = METRICS[name].home.split(".")
    make: Callable[[MetricOptions], Any] = getattr(
        import_module(f"instancecap.evals.reconstruction.{module}"), kind
    )
    return make(options)
