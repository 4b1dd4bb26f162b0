"""Options of ``caption --captioner mllm``, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instancecap.errors import UsageError

if TYPE_CHECKING:
    from instancecap.captioning.chain import ChainOptions
    from instancecap.engine.asking import AskWork, Server

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
Record = Annotated[str, _option(metavar="FILE", help="Add every exchange to FILE.")]
Replay = Annotated[str, _option(metavar="FILE", help="Take answers from FILE; ask nobody.")]
Mode = Annotated[
    str, _option(metavar="MODE", help="fused (N + 1 calls), paper (4 N + 4) or single (1).")
]
SingleFormat = Annotated[
    str,
    _option(metavar="FORMAT", help="Of mode single: ours, skycaptioner or instancecap-captioner."),
]
VisualPrompt = Annotated[
    str,
    _option(metavar="KIND", help="What is done around an instance: blur, color, outline, crop "
            "or none."),
]  # fmt: skip
Frames = Annotated[int, _option(min=1, metavar="N", help="Pictures a question.")]
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
    )


def chain_options(*, fields: str, **chosen: Any) -> ChainOptions:
    """The options of the question chain. Raises :class:`UsageError`."""
    from instancecap.captioning.chain import ChainOptions

    names = frozenset(name.strip() for name in fields.split(",") if name.strip())
    return ChainOptions(fields=names or None, **chosen)


@dataclass(frozen=True, slots=True)
class AskingOptions:
    """All that was chosen for asking a model."""

    server: Server
    chain: ChainOptions
    out: str
    split_shots: bool
    keep_evidence: bool

    def work(self) -> AskWork:
        """The first stage."""
        from instancecap.engine.asking import AskWork

        if self.chain.fields and (not self.out or self.out.endswith((".jsonl", ".parquet"))):
            raise UsageError("--fields rewrites captions in a folder: name it with --out")
        return AskWork(
            options=self.chain,
            model=self.server.model,
            split_shots=self.split_shots,
            previous=self.out if self.chain.fields else "",
            keep_evidence=self.keep_evidence,
        )

    def stages(self) -> tuple[AskWork, Callable[..., Coroutine[Any, Any, Any]]]:
        """Both stages."""
        from instancecap.engine.asking import Asker

        return self.work(), Asker(self.server.open(), self.chain).finish


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
    from instancecap.engine.inputs import find_jobs
    from instancecap.engine.local import count_cores

    jobs, rejected = find_jobs(inputs, images=images, video_root=video_root)
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
        amounts = ", ".join(f"{round(value):,} {name.replace('_', ' ')}"
                            for name, value in cost.items() if name != "seconds")  # fmt: skip
        print(f"{batch.done} clips: {amounts}")
    raise typer.Exit(terminal.exit_status(batch))
