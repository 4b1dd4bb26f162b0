"""Options that several verbs share, in the same words."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

Inputs = Annotated[
    list[str],
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="Videos, images, folders, glob patterns, or manifests: a .txt with a path a line, or "
        "a .csv, .jsonl or .parquet with a 'path' column and, if wanted, start, end, id.",
    ),
]
Workers = Annotated[
    int, typer.Option(min=0, metavar="N", help="Worker processes; 0 for one per core.")
]
Images = Annotated[bool, typer.Option("--images", help="Take still images out of folders too.")]
VideoRoot = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="Name outputs by the path relative to DIR."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log details to stderr.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Name failures only, no progress.")]

Resume = Annotated[
    bool, typer.Option("--resume/--no-resume", help="Pass over clips that are done already.")
]
RetryFailed = Annotated[
    bool, typer.Option("--retry-failed", help="Try clips again that failed in an earlier run.")
]
OverwriteHuman = Annotated[
    bool,
    typer.Option("--overwrite-human", help="Write over what a person changed or wrote."),
]
TimeLimit = Annotated[
    float,
    typer.Option(min=0, metavar="SECONDS", help="Give a clip up after this long; 0 for never."),
]
MaxFailureRate = Annotated[
    float,
    typer.Option(min=0, max=1, metavar="SHARE", help="Stop when more than this share has failed."),
]
Shard = Annotated[
    str,
    typer.Option(metavar="I/N", help="Do the I-th of N parts of the clips; I counts from 1."),
]
LogJson = Annotated[
    str | None, typer.Option(metavar="FILE", help="Add a JSON line to FILE for every clip.")
]

MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=0, max=65535, metavar="N", help="Serve counters for Prometheus at /metrics, port N."
    ),
]

Engine = Annotated[
    Literal["local", "ray"],
    typer.Option(metavar="NAME", help="Where the work is done: local, or ray for a cluster."),
]

TIME_LIMIT = 3600.0
