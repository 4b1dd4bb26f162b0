"""The Python interface: one call for evidence, one for a caption, one for many."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Protocol, Unpack, cast

from instancecap.captioners.chain import ChainOptions, Written, prepare, write
from instancecap.captioners.chain.options import Mode
from instancecap.captioners.measured.describe import MAX_INSTANCES, describe
from instancecap.captioners.measured.sentences import language_of
from instancecap.engine.asking import AskWork, PredictWork
from instancecap.engine.config import CaptionConfig, RunConfig, RunOptions
from instancecap.engine.pools import AskingPool
from instancecap.engine.prompts import EnhanceWork, options_like
from instancecap.engine.run import run_work
from instancecap.engine.sound import SoundOptions
from instancecap.engine.work import CaptionWork, Work
from instancecap.enhance import (
    Enhanced,
    EnhanceOptions,
    Like,
    OnAnswer,
    Picture,
    ask_model,
    structured,
)
from instancecap.enhance.options import NEEDS_MODEL
from instancecap.errors import UsageError
from instancecap.evidence.build import measure as _measure
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.formats import Caption
from instancecap.io.inputs import Job
from instancecap.mllm.base import Backend, Media
from instancecap.mllm.server import Server
from instancecap.schema.evidence import Evidence
from instancecap.video.clip import Clip

if TYPE_CHECKING:
    from instancecap.engine.events import Events
    from instancecap.engine.results import Run

Source = str | os.PathLike[str] | Clip


class Captioner(Protocol):
    """Writes captions: of one clip, or as a work that is sent to worker processes."""

    def describe(
        self, clip: Clip, evidence: Evidence, *, max_instances: int | None, by: Cluster = DEFAULT
    ) -> Caption:
        """The caption of ``clip``, from what ``by`` measured of it; None: the usual number."""

    def work(self, config: CaptionConfig) -> Work:
        """What is done to each of many clips. Raises :class:`UsageError`."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The embedded default: no language model; says what Evidence proves.

    ::

        caption = ic.caption("clip.mp4", captioner=ic.Measured(language="zh"))

    Attributes:
        language: BCP-47 tag of the sentences: ``en`` or ``zh``, with any script and region; one
            that cannot be written raises :class:`UsageError`.
    """

    language: str = "en"

    def __post_init__(self) -> None:
        language_of(self.language)

    def describe(
        self, clip: Clip, evidence: Evidence, *, max_instances: int | None, by: Cluster = DEFAULT
    ) -> Caption:
        """The caption of ``clip``."""
        most = MAX_INSTANCES if max_instances is None else max_instances
        return describe(evidence, max_instances=most, language=self.language)

    def work(self, config: CaptionConfig) -> CaptionWork:
        """What is done to each of many clips."""
        if config.hint_column:
            raise UsageError("--hint-column is for --captioner mllm: measuring needs no hint")
        return CaptionWork(
            max_instances=MAX_INSTANCES if config.max_instances is None else config.max_instances,
            language=self.language,
            split_shots=config.split_shots,
            keep_evidence=bool(config.report),
            sound=config.sound,
        )


@dataclass(frozen=True, kw_only=True)
class Mllm(Server):
    """A multimodal language model is asked, instance by instance; what it says is checked.

    ::

        captioner = ic.Mllm(url="http://localhost:8000/v1", model="Qwen/Qwen3-VL-8B-Instruct")
        caption = ic.caption("clip.mp4", captioner=captioner)

    Beside the attributes of :class:`~instancecap.mllm.server.Server`:

    Attributes:
        mode: ``fused`` (the default), ``paper`` or ``single``; short for ``options.mode``.
        options: everything else that can be chosen.
        backend: somebody else to ask, instead of ``url`` and ``model``.
    """

    mode: Mode | None = None
    options: ChainOptions = field(default_factory=ChainOptions)
    backend: Backend | None = None
    _open: list[tuple[Backend, AskingPool]] = field(
        default_factory=list, init=False, repr=False, compare=False
    )
    """Whom :meth:`describe` asks, and where: connections last from one clip to the next."""

    def __post_init__(self) -> None:
        if self.mode is not None:
            object.__setattr__(self, "options", replace(self.options, mode=self.mode))

    @property
    def server(self) -> Server:
        """Who is asked."""
        return Server(**{one.name: getattr(self, one.name) for one in fields(Server)})

    def describe(
        self, clip: Clip, evidence: Evidence, *, max_instances: int | None, by: Cluster = DEFAULT
    ) -> Caption:
        """The caption of ``clip``. Can be called from anywhere, a running event loop included.

        Raises:
            InputError: the clip cannot be opened or decoded.
            UsageError: there is nobody to ask.
            ServerError: the server is not there, refuses the key, or does not serve the model.
        """
        options = self.with_instances(max_instances)
        prepared = prepare(clip, evidence, options=options, cluster=by)
        written: Written = self.ask(lambda backend: write(prepared, backend, options=options))
        return written.caption

    def ask(self, work: Callable[[Backend], Coroutine[Any, Any, Any]]) -> Any:
        """What comes of asking; connections last from one call to the next."""
        if not self._open:
            self._open.append((self.backend or self.open(), AskingPool()))
        backend, pool = self._open[0]
        future = pool.submit(work(backend))
        try:
            return future.result()
        except BaseException:
            future.cancel()  # the caller was interrupted: nobody waits for the answers any more
            raise

    def work(self, config: CaptionConfig) -> AskWork | PredictWork:
        """What is done to each of many clips; in a dry run, what asking would cost."""
        options, server = self.with_instances(config.max_instances), self.server
        if config.hint_column and options.mode == "single":
            raise UsageError(f"--hint-column: {options.single_format} takes no hints")
        if config.dry_run:
            return PredictWork(options=(options,), split_shots=config.split_shots)
        in_folder = config.out and not config.out.endswith((".jsonl", ".parquet"))
        if options.fields and not in_folder:
            raise UsageError("--fields rewrites captions in a folder: name it with --out")
        if options.input == "video" and not (server.urls or server.asks_nobody or self.backend):
            raise UsageError("--mllm-input video needs a server: give --mllm-url")
        if config.engine == "ray" and (self.backend or not server.urls or server.record):
            raise UsageError("--engine ray asks servers: give --mllm-url, and leave out --record")
        return AskWork(
            options=options,
            server=server,
            backend=self.backend or (server.open() if config.engine == "local" else None),
            split_shots=config.split_shots,
            previous=config.out if options.fields else "",
            keep_evidence=bool(config.report),
            sound=config.sound,
        )

    def with_instances(self, max_instances: int | None) -> ChainOptions:
        """The options, with another number of instances where one is given."""
        if max_instances is None:
            return self.options
        return replace(self.options, max_instances=max_instances)


def measure(
    source: Source,
    *,
    threads: int = 0,
    masks: bool = False,
    sound: SoundOptions | None = None,
    cluster: Cluster = DEFAULT,
) -> Evidence:
    """Measure a video, an image, or a :class:`Clip`.

    Args:
        source: a path, or a clip (a span, or frames from memory).
        threads: cores to use, 0 for all.
        masks: add a mask per instance for every sampled frame.
        sound: whether it is listened to, and who transcribes speech; not, by default.
        cluster: who measures, such as ``ic.Cluster(detector="detector.onnx")``.

    Raises:
        InputError: the source cannot be opened or decoded.
        MissingDependency, UsageError: who was chosen to measure cannot be had.
        ServerError: the server that transcribes cannot be used.
    """
    heard = sound or SoundOptions()
    return _measure(
        _as_clip(source),
        threads=threads,
        masks=masks,
        listener=heard.listener(),
        transcribe=heard.transcriber(),
        cluster=cluster,
    )


def caption(
    source: Source,
    *,
    captioner: Captioner | None = None,
    max_instances: int | None = None,
    threads: int = 0,
    sound: SoundOptions | None = None,
    cluster: Cluster = DEFAULT,
) -> Caption:
    """Caption a video, an image, or a :class:`Clip`.

    Args:
        source: a path, or a clip (a span, or frames from memory).
        captioner: who writes; :class:`Measured` by default.
        max_instances: instances to describe, at most; by default 3 measured ones, or 8 that a
            model and the measurement agree on.
        threads: cores to use, 0 for all.
        sound, cluster: as of :func:`measure`.

    Raises:
        InputError: the source cannot be opened or decoded.
        MissingDependency, UsageError: who was chosen to measure cannot be had.
    """
    clip = _as_clip(source)
    writer = captioner or Measured()
    evidence = measure(clip, threads=threads, sound=sound, cluster=cluster)
    return writer.describe(clip, evidence, max_instances=max_instances, by=cluster)


def _as_clip(source: Source) -> Clip:
    return source if isinstance(source, Clip) else Clip.open(source)


def run(
    inputs: str | Sequence[str],
    *,
    captioner: Captioner | None = None,
    config: CaptionConfig | None = None,
    cluster: Cluster = DEFAULT,
    events: Events | None = None,
    **options: Unpack[RunOptions],
) -> Run:
    """Caption many clips, as ``instancecap caption`` does; a second run goes on where one ended.

    ::

        run = ic.run("clips", out="captions", workers=2)
        run = ic.run(["a.mp4", "clips.csv"], out="captions.parquet", captioner=ic.Mllm(url=…, …))

    Args:
        inputs: files, folders, glob patterns, manifests, tars, and addresses of such.
        captioner: who writes; :class:`Measured` by default.
        config: how it is done.
        cluster: who measures.
        events: told how the run goes.
        options: fields of :class:`CaptionConfig` that differ from ``config``, such as ``out`` and
            ``workers``.

    Returns:
        What came of it: counts, failures with their reasons, paths of the outputs; without
        ``out``, the captions in :attr:`Run.results`; what models were, or would be, asked in
        :attr:`Run.cost`.

    Raises:
        UsageError: an option, or two inputs that would share an output; nothing was done.
        MissingDependency, ServerError: what would be the same for every clip.
    """
    chosen = CaptionConfig(**(dict(config or CaptionConfig()) | options))
    work = replace((captioner or Measured()).work(chosen), cluster=cluster)
    if isinstance(work, PredictWork):
        chosen = chosen.model_copy(update={"out": "", "report": ""})
    elif chosen.report:
        chosen = chosen.model_copy(update={"keep": True})
    listed = [inputs] if isinstance(inputs, str) else inputs
    jobs, done = run_work(listed, work, chosen, events=events)
    if chosen.report:
        from instancecap.web.report import write_run_report

        write_run_report(chosen.report, jobs, done)
    return done


def enhance(
    prompt: str,
    *,
    captioner: Mllm | None = None,
    options: EnhanceOptions | None = None,
    image: Source | None = None,
    last: Source | None = None,
    like: Like | None = None,
    on_answer: OnAnswer = lambda name, value: None,
) -> list[Enhanced]:
    """A short prompt as a structured caption, and as the prompt of one model; one a variant.

    ::

        (result,) = ic.enhance("Three kids chase a paper kite along a windy beach")
        result.caption, result.prompt, result.negative_prompt

    Args:
        captioner: who is asked; without one the prompt is structured, and nothing is invented.
        options: the target, and everything else that can be chosen.
        image, last: pictures that the clip begins and ends with.
        like: how captions of a training set read; see :mod:`instancecap.enhance.compare`.
        on_answer: is told the name of each question and what the model answered, as it comes.

    Raises:
        FormatError: the prompt says nothing, or too much.
        UsageError, ServerError: as :meth:`Mllm.describe`.
    """
    work = _enhancing(captioner, options, image, last, like)
    if captioner is None:
        return [structured(prompt, work.options, picture=work.picture)]
    done = captioner.ask(
        lambda backend: ask_model(
            prompt,
            backend,
            options=work.options,
            picture=work.picture,
            like=like,
            on_answer=on_answer,
        )
    )
    return cast(list[Enhanced], done)


def enhance_files(
    inputs: str | Sequence[str],
    *,
    captioner: Mllm | None = None,
    options: EnhanceOptions | None = None,
    config: RunConfig | None = None,
    events: Events | None = None,
    image: Source | None = None,
    last: Source | None = None,
    like: Like | None = None,
) -> tuple[list[Job], Run]:
    """Enhance many prompts and tables of prompts; a second run goes on where one ended.

    As :func:`run` does clips: a caption each, in ``config.out`` or in :attr:`Run.results`.
    """
    work = _enhancing(captioner, options, image, last, like)
    given = [inputs] if isinstance(inputs, str) else inputs
    return run_work(given, work, config or RunConfig(), events=events)


def _enhancing(
    captioner: Mllm | None,
    options: EnhanceOptions | None,
    image: Source | None,
    last: Source | None,
    like: Like | None,
) -> EnhanceWork:
    """What is done to a prompt; pictures are captioned first."""
    if last is not None and image is None:
        raise UsageError("--last goes with --image: the picture that the clip begins with")
    if captioner is None:
        (options or EnhanceOptions()).check_unasked()
        if like is not None:
            raise UsageError(f"--like {NEEDS_MODEL}")
    picture = None
    if image is not None:
        given = [_as_clip(one) for one in (image, last) if one is not None]
        seen = [caption(one, captioner=captioner, max_instances=8) for one in given]
        shown: list[Media] = []
        for one in given if captioner else ():
            shown += prepare(one, _measure(one), options=captioner.options).images[:1]  # type: ignore[union-attr]
        picture = Picture(seen[0], seen[1] if last is not None else None, tuple(shown))
    return EnhanceWork(
        options=replace(
            options_like(options or EnhanceOptions(), like), has_picture=picture is not None
        ),
        server=captioner.server if captioner else None,
        backend=captioner.backend if captioner else None,
        picture=picture,
        like=like,
    )
