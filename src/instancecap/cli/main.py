"""The program ``instancecap``. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from instancecap.cli import (
    caption,
    convert,
    doctor,
    evidence,
    export,
    models,
    render,
    status,
    verify,
)
from instancecap.cli.terminal import INTERRUPTED, note
from instancecap.errors import InstanceCapError, MissingDependency, ServerError, UsageError

app = typer.Typer(
    name="instancecap",
    help="Structured video captions that say only what the video shows, instance by instance.",
    epilog="Exit status: 0 done; 1 some inputs failed; 2 wrong usage or a missing prerequisite.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("caption")(caption.caption)
app.command("evidence")(evidence.evidence)
app.command("convert")(convert.convert)
app.command("render")(render.render)
app.command("verify")(verify.verify)
app.command("export")(export.export)
app.add_typer(models.app, name="models")
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"instancecap {version('instancecap')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Entry point: runs a command; an error that is meant for the user becomes one line."""
    try:
        status = app(standalone_mode=False, prog_name="instancecap")
    except InstanceCapError as error:
        wrong = isinstance(error, UsageError | MissingDependency | ServerError)
        message, status = str(error), 2 if wrong else 1
    except typer.TyperException as error:
        message, status = error.format_message(), error.exit_code
        if message:  # empty where the help was shown instead
            message += f" (see: {_command_of(error)} --help)"
    except typer.Abort:
        message, status = "interrupted", INTERRUPTED
    else:
        sys.exit(status or 0)
    if message:
        note(f"instancecap: {message}")
    sys.exit(status)


def _command_of(error: typer.TyperException) -> str:
    path: str = getattr(getattr(error, "ctx", None), "command_path", "instancecap")
    return path


if __name__ == "__main__":
    main()
