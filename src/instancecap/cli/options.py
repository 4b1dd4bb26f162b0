"""Options that several verbs share, in the same words."""

from __future__ import annotations

from typing import Annotated

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
