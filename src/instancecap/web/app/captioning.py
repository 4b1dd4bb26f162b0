"""The job behind the view Caption: a clip is looked at, measured and described."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from instancecap.api import Captioner, Measured, Mllm
from instancecap.captioners.chain.options import ChainOptions, Mode
from instancecap.errors import ModelError, UsageError
from instancecap.evidence.build import measure
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.evidence.expert import Scene
from instancecap.evidence.sample import SAMPLE_RATE, Sample
from instancecap.mllm.base import Backend, Reply, Request
from instancecap.mllm.server import Server
from instancecap.schema import Caption, Evidence
from instancecap.video.clip import Clip
from instancecap.web.app.config import AppConfig, Limits
from instancecap.web.app.frames import write_frames
from instancecap.web.app.inspection import inspect_clip
from instancecap.web.app.jobs import Progress
from instancecap.web.clip_view import cited_times

NO_KEY = "INSTANCECAP_NO_KEY"
"""An environment variable that nobody sets: whom a browser names gets no key."""

STEP = 0.02
"""Share of a clip between two lines of progress."""


class CaptionerChoice(BaseModel):
    """The captioner as a page chooses it.

    Attributes:
        url: of the model server; empty for those that the app was started with.
        model: empty for the one that the app was started with.
        max_instances: None for the captioner's own number.
    """

    model_config = ConfigDict(extra="forbid")

    captioner: Literal["measured", "mllm"] = "measured"
    mode: Mode = "fused"
    url: str = Field(default="", max_length=2000)
    model: str = Field(default="", max_length=500)
    max_instances: int | None = Field(default=None, ge=0, le=50)


def server_for(choice: CaptionerChoice, config: AppConfig) -> Server:
    """Who is asked. The key goes to servers that the app was started with, and to no other.

    Raises:
        UsageError: there is no server or model, or others can reach the app and name a server that
            it was not started with.
    """
    known, given = config.server.urls, choice.url.strip()
    model = choice.model.strip() or config.server.model
    if not (given or known):
        raise UsageError("name a model server, or start the app with --mllm-url URL")
    if not model:
        raise UsageError("name a model, or start the app with --mllm-model NAME")
    if not given or given in known:
        return replace(config.server, url=given or known, model=model)
    if not config.is_local:
        raise UsageError(f"{given}: ask servers that the app was started with: {', '.join(known)}")
    return replace(config.server, url=given, model=model, key_env=NO_KEY)


def captioner_for(choice: CaptionerChoice, config: AppConfig) -> Captioner:
    """The captioner of a choice. Raises :class:`UsageError` as :func:`server_for`."""
    if choice.captioner == "measured":
        return Measured()
    server = server_for(choice, config)
    return Mllm(**vars(server), options=ChainOptions(mode=choice.mode))


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a worker needs to caption a clip.

    Attributes:
        clip: its file.
        name: as a person knows it; it is the caption's ``video.id``.
        shown: what the caption has as ``video.path``.
        folder: what came of it goes there.
    """

    clip: str
    name: str
    shown: str
    folder: str
    captioner: Captioner
    max_instances: int | None
    limits: Limits
    cluster: Cluster = DEFAULT


class _Told(Backend):
    """Someone who is asked, and the questions counted as they are answered."""

    def __init__(self, inner: Backend, progress: Progress) -> None:
        self.inner, self.model, self._progress = inner, inner.model, progress
        self._asked = self._answered = 0

    async def complete(self, requests: Sequence[Request]) -> list[Reply | ModelError]:
        self._asked += len(requests)
        self._tell()
        replies = await self.inner.complete(requests)
        self._answered += len(requests)
        self._tell()
        return replies

    def _tell(self) -> None:
        self._progress(f"asking {self.model}: {self._answered} of {self._asked} answered")

    async def close(self) -> None:
        await self.inner.close()


class _Onlooker:
    """Tells how far the pass over the clip is; it measures nothing."""

    name = "onlooker"
    rate = SAMPLE_RATE
    needs: tuple[str, ...] = ()

    def __init__(self, progress: Progress, seconds: float) -> None:
        self._progress, self._seconds, self._told = progress, seconds, -STEP

    def add(self, sample: Sample, scene: Scene) -> None:
        share = min(sample.t / self._seconds, 1.0) if self._seconds else 1.0
        if share >= self._told + STEP:
            self._told = share
            self._progress("measuring", share)

    def facts(self, evidence: Evidence, scene: Scene) -> None:
        self._progress("measuring", 1.0)


def caption_clip(progress: Progress, order: Order) -> None:
    """Write ``caption.json``, ``evidence.json`` and the frames of a clip into the order's folder.

    Raises:
        InputError, UsageError, ServerError: as the captioner does.
    """
    progress("looking at the clip", 0.0)
    facts = inspect_clip(order.clip, order.name, order.limits)
    clip = Clip.open(order.clip, id=order.name)
    onlooker = _Onlooker(progress, float(str(facts["seconds"])))
    evidence = measure(clip, also=[onlooker], cluster=order.cluster)
    captioner = order.captioner
    if isinstance(captioner, Mllm):
        captioner = replace(captioner, backend=_Told(captioner.open(), progress))
    progress("writing the caption")
    most, by = order.max_instances, order.cluster
    caption = captioner.describe(clip, evidence, max_instances=most, by=by)
    if caption.video is not None:
        caption.video.path = order.shown
    evidence.video.path = order.shown
    progress("taking pictures")
    write_frames(clip, order.folder, duration=evidence.video.duration, wanted=cited_times(caption))
    evidence.write(Path(order.folder, "evidence.json"))
    caption.write(Path(order.folder, "caption.json"))


def read_result(folder: Path) -> tuple[Caption, Evidence]:
    """What :func:`caption_clip` wrote."""
    return Caption.read(folder / "caption.json"), Evidence.read(folder / "evidence.json")
