"""The Python interface: one call for evidence, one for a caption."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from instancecap.captioners.chain import ChainOptions, prepare, write
from instancecap.captioners.chain.options import Mode
from instancecap.captioners.measured.describe import MAX_INSTANCES, describe
from instancecap.captioners.measured.language import language_of
from instancecap.evidence.build import measure as _measure
from instancecap.mllm.base import Backend
from instancecap.mllm.openai import OpenAIBackend
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip

Source = str | os.PathLike[str] | Clip
Result = TypeVar("Result")


class Captioner(Protocol):
    """Writes a caption from a clip and what was measured about it."""

    def describe(self, clip: Clip, evidence: Evidence, *, max_instances: int | None) -> Caption:
        """The caption of ``clip``; ``max_instances`` None: as many as the captioner usually has."""


class Measured:
    """The embedded default: no language model; says what Evidence proves.

    ::

        caption = ic.caption("clip.mp4", captioner=ic.Measured(language="zh"))
    """

    def __init__(self, *, language: str = "en") -> None:
        """
        Args:
            language: BCP-47 tag of the sentences: ``en`` or ``zh``, with any script and region.

        Raises:
            UsageError: sentences cannot be written in ``language``.
        """
        language_of(language)
        self.language = language

    def describe(self, clip: Clip, evidence: Evidence, *, max_instances: int | None) -> Caption:
        """The caption of ``clip``."""
        most = MAX_INSTANCES if max_instances is None else max_instances
        return describe(evidence, max_instances=most, language=self.language)


class Mllm:
    """A multimodal language model is asked, instance by instance; what it says is checked.

    ::

        captioner = ic.Mllm(url="http://localhost:8000/v1", model="Qwen/Qwen3-VL-8B-Instruct")
        caption = ic.caption("clip.mp4", captioner=captioner)
    """

    def __init__(
        self,
        *,
        url: str | Sequence[str] = "",
        model: str = "",
        mode: Mode | None = None,
        options: ChainOptions | None = None,
        backend: Backend | None = None,
        key_env: str = "OPENAI_API_KEY",
        concurrency: int = 64,
    ) -> None:
        """
        Args:
            url: of a server that speaks the OpenAI protocol, or of several that serve ``model``.
            model: the name that the server knows it by.
            mode: ``fused`` (the default), ``paper`` or ``single``; short for ``options.mode``.
            options: everything else that can be chosen.
            backend: somebody else to ask, instead of ``url`` and ``model``.
            key_env: name of the environment variable that holds the server's key.
            concurrency: questions in flight at most.

        Raises:
            UsageError: neither a URL nor a backend, or an option that is not allowed.
        """
        chosen = options or ChainOptions()
        self.options = chosen if mode is None else replace(chosen, mode=mode)
        urls = [url] if isinstance(url, str) else list(url)
        self._backend = backend or OpenAIBackend(
            urls=[one for one in urls if one], model=model, key_env=key_env, concurrency=concurrency
        )
        self._loop = _Loop()

    def describe(self, clip: Clip, evidence: Evidence, *, max_instances: int | None) -> Caption:
        """The caption of ``clip``. Can be called from anywhere, a running event loop included.

        Raises:
            InputError: the clip cannot be opened or decoded.
            ServerError: the server is not there, refuses the key, or does not serve the model.
        """
        options = self.options
        if max_instances is not None:
            options = replace(options, max_instances=max_instances)
        prepared = prepare(clip, evidence, options=options)
        written = self._loop.run(write(prepared, self._backend, options=options))
        return written.caption


class _Loop:
    """An event loop on a thread of its own: connections last from one clip to the next."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Wait for the result of ``work``."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()  # the caller was interrupted: nobody waits for the answers any more
            raise


def measure(source: Source, *, threads: int = 0, masks: bool = False) -> Evidence:
    """Measure a video, an image, or a :class:`Clip`.

    Args:
        source: a path, or a clip (a span, or frames from memory).
        threads: cores to use, 0 for all.
        masks: add a mask per instance for every sampled frame.

    Raises:
        InputError: the source cannot be opened or decoded.
    """
    return _measure(_as_clip(source), threads=threads, masks=masks)


def caption(
    source: Source,
    *,
    captioner: Captioner | None = None,
    max_instances: int | None = None,
    threads: int = 0,
) -> Caption:
    """Caption a video, an image, or a :class:`Clip`.

    Args:
        source: a path, or a clip (a span, or frames from memory).
        captioner: who writes; :class:`Measured` unless told otherwise.
        max_instances: instances to describe, at most; by default 3 measured ones, or 8 that a
            model and the measurement agree on.
        threads: cores to use, 0 for all.

    Raises:
        InputError: the source cannot be opened or decoded.
    """
    clip = _as_clip(source)
    evidence = _measure(clip, threads=threads)
    writer = captioner if captioner is not None else Measured()
    return writer.describe(clip, evidence, max_instances=max_instances)


def _as_clip(source: Source) -> Clip:
    return source if isinstance(source, Clip) else Clip.open(source)
