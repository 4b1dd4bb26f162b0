"""``instancecap models``: the weights of the small default models, and models by hub id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from instancecap.cli import terminal
from instancecap.cli.options import TEXTS
from instancecap.errors import MissingDependency
from instancecap.evidence.registry import offered
from instancecap.models import hub, weights
from instancecap.models.gpu import packages_of
from instancecap.models.known_weights import KNOWN

app = typer.Typer()

Json = Annotated[bool, typer.Option("--json", help=TEXTS["any"]["json"]["help"])]


@app.callback(invoke_without_command=True)
def models(context: typer.Context, json: Json = False) -> None:
    """List the default models' weights and models by hub id: license, size, where they are."""
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
    others, theirs = _hub_rows(), offered()
    if json:
        terminal.print_json({"models": rows, "hub": others, "packages": theirs})
        return
    for one, row in zip(KNOWN.values(), rows, strict=True):
        size = f"{one.size / 1e6:.1f} MB" if one.size else ""
        print(f"{one.name:<14} {one.licence:<13} {size:>7}  {one.what}")
        print(f"{'':<14} {terminal.printable(str(row['path'])) or 'not found'}")
    print("\nBy hub id, or from a folder (see docs/experts.md):")
    for other in others:
        for line in _told(other):
            print(terminal.printable(line))
    if theirs:
        print("\nOf installed packages:")
    for name, package in theirs.items():
        print(terminal.printable(f"--{name.replace('.', ' ', 1)}  {package}"))


def _hub_rows() -> list[dict[str, object]]:
    """The listed models by hub id, then what else lies in the hub's cache."""
    cached = hub.cached()
    rest = [hub.HubModel(id=id, kind="", needs="") for id in cached if id not in hub.KNOWN]
    return [
        {
            **asdict(one),
            "path": str(cached.get(one.id, "")),
            "bytes": hub.size_of(cached[one.id]) if one.id in cached else 0,
        }
        for one in (*hub.KNOWN.values(), *rest)
    ]


def _told(row: dict[str, object]) -> Iterator[str]:
    """A model by hub id in two lines."""
    yield f"{row['id']}  {row['kind'] or 'not one of those listed'}"
    uses = {True: "commercial use", False: "no commercial use", None: "commercial use unknown"}
    if row["kind"]:
        parts = [str(row["licence"] or "license unknown"), uses[row["commercial"]]]  # type: ignore[index]
        parts += ["gated"] if row["gated"] else []
        parts.append(f"{row['parameters']:g} M parameters" if row["parameters"] else "")
        parts.append(f"{row['disk']:g} MB" if row["disk"] else "size unknown")
        if not all(map(hub.is_installed, packages_of(hub.KNOWN[str(row["id"])]))):
            parts.append(f"needs {row['needs']}")
        yield "    " + ", ".join(part for part in parts if part)
    size = int(str(row["bytes"]))
    yield f"    {row['path']} ({size / 1e6:.1f} MB)" if size else "    not in the cache"


@app.command()
def pull(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name or hub id from the list, or 'all'.")
    ],
    json: Json = False,
) -> None:
    """Download weights to the user's cache folder, once; what is there already is kept.

    A hub id goes to the hub's own cache; 'all' are the small default models.
    """
    pulled: dict[str, str] = {}
    failures: list[MissingDependency] = []
    for one in KNOWN if name == "all" else [name]:
        try:
            if "/" in one:
                pulled[one] = str(hub.pull(one))
            else:
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
