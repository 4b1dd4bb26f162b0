"""``instancecap models``: the weights of the small default models."""

from __future__ import annotations

from typing import Annotated

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS
from instancecap.errors import MissingDependency
from instancecap.models import weights
from instancecap.models.known_weights import KNOWN

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help=TEXTS["any"]["json"]["help"])]


@app.callback(invoke_without_command=True)
def models(context: typer.Context, json: Json = False) -> None:
    """List the default models' weights: licence, size, and where they were found."""
    if context.invoked_subcommand is not None:
        return
    rows: list[dict[str, object]] = [
        {
            "name": one.name,
            "what": one.what,
            "licence": one.licence,
            "bytes": one.size,
            "files": [
                {"name": file.name, "sha256": file.sha256, "url": file.url} for file in one.files
            ],
            "path": str(path) if (path := weights.locate(one.name)) else "",
        }
        for one in KNOWN.values()
    ]
    if json:
        terminal.print_json({"models": rows})
        return
    for one, row in zip(KNOWN.values(), rows, strict=True):
        size = f"{one.size / 1e6:.1f} MB" if one.size else ""
        print(f"{one.name:<14} {one.licence:<13} {size:>7}  {one.what}")
        print(f"{'':<14} {terminal.printable(str(row['path'])) or 'not found'}")


@app.command()
def pull(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from the list, or 'all'.")],
    json: Json = False,
) -> None:
    """Download weights to the user's cache folder, once; what is there already is kept."""
    pulled: dict[str, str] = {}
    failures: list[MissingDependency] = []
    for one in KNOWN if name == "all" else [name]:
        try:
            pulled[one] = str(weights.locate(one) or weights.pull(one)[0])
        except MissingDependency as error:
            failures.append(error)
    if json:
        terminal.print_json({"pulled": pulled, "failed": [str(error) for error in failures]})
    else:
        for one, path in pulled.items():
            print(f"{one:<14} {terminal.printable(path)}")
    for failure in failures[:-1]:
        terminal.note(f"instancecap: {failure}")
    if failures:
        raise failures[-1]
