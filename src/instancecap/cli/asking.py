"""Options of ``caption --captioner mllm``."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from typer.models import OptionInfo

PANEL = "Asking a model"


def _option(
    *names: str, help: str, metavar: str | None = None, min: float | None = None
) -> OptionInfo:
    option: OptionInfo = typer.Option(
        *names, help=help, metavar=metavar, min=min, rich_help_panel=PANEL
    )
    return option


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
MaxTokens = Annotated[
    int,
    _option(min=0, metavar="N", help="Room for an answer, thinking included: at least N tokens. "
            "It grows by itself where thinking takes all of it."),
]  # fmt: skip
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
    Literal["images", "video"],
    _option(metavar="WHAT", help="Show the whole clip as images, or as video: by its URL, for "
            "servers that sample it themselves."),
]  # fmt: skip
HintColumn = Annotated[
    str,
    _option(metavar="NAME", help="A column of the manifest with titles, tags or captions, told as "
            "a hint that may be wrong."),
]  # fmt: skip
Mode = Annotated[
    Literal["fused", "paper", "single"],
    _option(metavar="MODE", help="fused (1 call, 1 a window), paper (4 N + 5) or single (1)."),
]
Detail = Annotated[
    Literal["auto", "each", "never"],
    _option(metavar="WHEN", help="Ask about an instance of its own: auto (where the whole view "
            "can't show enough), each or never."),
]  # fmt: skip
Agree = Annotated[
    Literal["on", "off"],
    _option(metavar="ON|OFF", help="off: in mode paper take the detector's tracks as they are, as "
            "published."),
]  # fmt: skip
SingleFormat = Annotated[
    Literal["skycaptioner", "instancecap-captioner"],
    _option(metavar="FORMAT", help="Of mode single: skycaptioner or instancecap-captioner."),
]
VisualPrompt = Annotated[
    Literal["blur", "color", "outline", "crop", "dim", "none"],
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
OnContradiction = Annotated[
    Literal["mark", "remove", "keep"],
    _option(metavar="WHAT", help="mark, remove or keep what the evidence still contradicts."),
]
Window = Annotated[float, _option(metavar="SECONDS", help="Describe longer clips piece by piece.")]
Attempts = Annotated[int, _option(min=1, metavar="N", help="Times that a question is asked.")]
Seed = Annotated[int, _option(metavar="N", help="Of the model's sampling.")]
DryRun = Annotated[bool, _option("--dry-run", help="Say what it would cost, and ask nobody.")]


def names(text: str) -> frozenset[str] | None:
    """``a,b`` as a set; None for no names."""
    return frozenset(name.strip() for name in text.split(",") if name.strip()) or None
