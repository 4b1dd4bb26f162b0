"""Options of ``caption --captioner mllm``, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.captioners.chain import ChainOptions
    from instancecap.engine.asking import Asker, AskWork, Server
    from instancecap.engine.batch import Batch
    from instancecap.engine.ray import OpenAsker

PANEL = "Asking a model (--captioner mllm)"


def _option(*names: str, help: str, metavar: str | None = None, **more: Any) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=PANEL, **more)


Url = Annotated[
    list[str] | None,
    _option(metavar="URL", help="A server that speaks the OpenAI protocol, such as "
            "http://127.0.0.1:8000/v1; several may be given. Without one, the model runs in "
            "this process."),
]  # fmt: skip
Model = Annotated[str, _option(metavar="NAME", help="The model, as the server calls it.")]
KeyEnv = Annotated[
    str, _option(metavar="NAME", help="Environment variable that holds the server's key.")
]
Concurrency = Annotated[int, _option(min=1, metavar="N", help="Questions in flight at most.")]
Timeout = Annotated[float, _option(min=1, metavar="SECONDS", help="Wait this long for an answer.")]
Wait = Annotated[
    float,
    _option(min=0, metavar="SECONDS", help="Wait this long for a server that answered and is gone "
            "to come back."),
]  # fmt: skip
Record = Annotated[str, _option(metavar="FILE", help="Add every exchange to FILE.")]
Replay = Annotated[str, _option(metavar="FILE", help="Take answers from FILE; ask nobody.")]
BatchFile = Annotated[
    str,
    _option(metavar="FILE.jsonl", help="Write the questions to FILE for a batch service; ask "
            "nobody."),
]  # fmt: skip
BatchResults = Annotated[
    list[str] | None,
    _option(metavar="FILE", help="Take answers from a batch service's results; one for each "
            "file of every round."),
]  # fmt: skip
Input = Annotated[
    str,
    _option(metavar="WHAT", help="Show the whole clip as images, or as video: by its URL, for "
            "servers that sample it themselves."),
]  # fmt: skip
HintColumn = Annotated[
    str,
    _option(metavar="NAME", help="A column of the manifest with titles, tags or captions, told as "
            "a hint that may be wrong."),
]  # fmt: skip
Mode = Annotated[
    str, _option(metavar="MODE", help="fused (1 call, 1 a window), paper (4 N + 5) or single (1).")
]
Detail = Annotated[
    str,
    _option(metavar="WHEN", help="Ask about an instance of its own: auto (where the whole view "
            "can't show enough), each or never."),
]  # fmt: skip
Agree = Annotated[
    str,
    _option(metavar="ON|OFF", help="off: in mode paper take the detector's tracks as they are, as "
            "published."),
]  # fmt: skip
SingleFormat = Annotated[
    str,
    _option(metavar="FORMAT", help="Of mode single: skycaptioner or instancecap-captioner."),
]
VisualPrompt = Annotated[
    str,
    _option(metavar="KIND", help="What is done around an instance in mode paper: blur, color, "
            "outline, crop, dim or none."),
]  # fmt: skip
Frames = Annotated[
    int, _option(min=0, metavar="N", help="Pictures a question; 0: 16, in mode paper 8.")
]
Hints = Annotated[bool, _option("--hints/--no-hints", help="Tell the model what was measured.")]
HintsFile = Annotated[str, _option(metavar="FILE", help="A .csv of name,hint for more classes.")]
PromptsDir = Annotated[str, _option(metavar="DIR", help="NAME.md files to use instead of ours.")]
Fields = Annotated[
    str,
    _option(metavar="A,B", help="Rewrite only these fields of the captions in OUT, such as "
            "background,camera."),
]  # fmt: skip
OverwriteHuman = Annotated[
    bool, _option("--overwrite-human", help="Also rewrite fields that a person wrote.")
]
OnContradiction = Annotated[
    str,
    _option(metavar="WHAT", help="mark, remove or keep what the evidence still contradicts."),
]
Window = Annotated[float, _option(metavar="SECONDS", help="Describe longer clips piece by piece.")]
Attempts = Annotated[int, _option(min=1, metavar="N", help="Times that a question is asked.")]
Seed = Annotated[int, _option(metavar="N", help="Of the model's sampling.")]
DryRun = Annotated[bool, _option("--dry-run", help="Say what it would cost, and ask nobody.")]


def server(
    urls: list[str] | None,
    model: str,
    key_env: str,
    concurrency: int,
    timeout: float,
    record: str,
    replay: str,
    *,
    batch_file: str = "",
    batch_results: list[str] | None = None,
) -> Server:
    """Who is asked."""
    from instancecap.engine.asking import Server

    return Server(
        urls=tuple(urls or ()),
        model=model,
        key_env=key_env,
        concurrency=concurrency,
        timeout=timeout,
        record=record,
        replay=replay,
        batch_file=batch_file,
        batch_results=tuple(batch_results or ()),
    )


def chain_options(*, fields: str, **chosen: Any) -> ChainOptions:
    """The options of the question chain. Raises :class:`UsageError`."""
    from instancecap.captioners.chain import ChainOptions

    names = frozenset(name.strip() for name in fields.split(",") if name.strip())
    if chosen.get("max_instances") is None:
        chosen.pop("max_instances", None)
    return ChainOptions(fields=names or None, **chosen)


@dataclass(frozen=True, slots=True)
class AskingOptions:
    """All that was chosen for asking a model."""

    server: Server
    chain: ChainOptions
    out: str
    patience: float
    split_shots: bool
    keep_evidence: bool
    hint_column: str = ""

    def work(self) -> AskWork:
        """The first stage."""
        from instancecap.engine.asking import AskWork

        if self.chain.fields and (not self.out or self.out.endswith((".jsonl", ".parquet"))):
            raise UsageError("--fields rewrites captions in a folder: name it with --out")
        if self.hint_column and self.chain.mode == "single":
            raise UsageError(f"--hint-column: {self.chain.single_format} takes no hints")
        if self.chain.input == "video" and not (self.server.urls or self.server.asks_nobody):
            raise UsageError("--mllm-input video needs a server: give --mllm-url")
        return AskWork(
            options=self.chain,
            model=self.server.model,
            split_shots=self.split_shots,
            previous=self.out if self.chain.fields else "",
            keep_evidence=self.keep_evidence,
        )

    def stages(self) -> tuple[AskWork, Callable[..., Coroutine[Any, Any, Any]], Asker]:
        """Both stages, and who asks in the second."""
        from instancecap.engine.asking import Asker
        from instancecap.engine.patience import Patient

        asker = Asker(self.server.open(), self.chain)
        return self.work(), Patient(asker.finish, patience=self.patience), asker


def opener(asked: AskingOptions) -> OpenAsker:
    """Makes the second stage where it runs: on a cluster. Raises :class:`UsageError`."""
    from instancecap.engine.ray import OpenAsker

    if not asked.server.urls or asked.server.record:
        raise UsageError("--engine ray asks servers: give --mllm-url, and leave out --record")
    return OpenAsker(asked.server, asked.chain, asked.patience)


def stages(asked: AskingOptions, *, engine: str) -> tuple[Any, Any, Any, Any]:
    """The first stage; the second and who asks in it, or what opens it on a cluster."""
    if engine == "ray":
        return asked.work(), None, None, opener(asked)
    return *asked.stages(), None


def conclude(asker: Asker, batch: Batch) -> None:
    """Put the next batch file in its place, and say what it is for."""
    from instancecap.cli import terminal

    files = asker.close()
    batch.outputs += files
    if files:
        named = files[0] if len(files) == 1 else f"{files[0]} … {Path(files[-1]).name}"
        terminal.note(
            f"{batch.waiting} clips wait for answers to {asker.open_questions} questions: have "
            f"{named} answered, then run this again with --batch-results FILE for each file of "
            "results of every round"
        )


def predict_cost(
    inputs: list[str],
    asked: AskingOptions,
    *,
    images: bool,
    video_root: str | None,
    json: bool,
    workers: int,
) -> None:
    """Measure, and say what the questions would cost."""
    from instancecap.cli import terminal
    from instancecap.engine.asking import PredictWork
    from instancecap.engine.batch import RunOptions
    from instancecap.engine.local import count_cores
    from instancecap.io.inputs import find_jobs

    jobs, rejected = find_jobs(
        inputs, images=images, video_root=video_root, hint_column=asked.hint_column
    )
    batch = terminal.run_visibly(
        jobs,
        rejected,
        PredictWork(options=asked.chain, split_shots=asked.split_shots),
        sink=None,
        options=RunOptions(workers=workers or count_cores()),
        quiet=json,
    )
    if json:
        terminal.print_json(terminal.account(batch))
    else:
        cost = batch.cost or {"calls": 0}
        asked_for = {name: round(value) for name, value in cost.items() if name != "seconds"}
        print(f"{batch.done} clips: {terminal.amounts(asked_for) or 'nothing to ask'}")
    raise typer.Exit(terminal.exit_status(batch))
