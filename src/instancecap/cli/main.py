"""The program ``instancecap``. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated

import typer

from instancecap.cli.options import TEXTS
from instancecap.cli.terminal import INTERRUPTED, note
from instancecap.errors import InstanceCapError, MissingDependency, ServerError, UsageError


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"instancecap {version('instancecap')}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


def build(verb: str = "") -> typer.Typer:
    """The program with one verb as it is; the others are there for the help, not yet imported."""
    app = typer.Typer(
        name="instancecap",
        help="Structured video captions that say only what the video shows, instance by instance.",
        epilog="Exit status: 0 done; 1 some inputs failed; 2 wrong usage, or something is missing.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name, text in TEXTS["verbs"].items():
        if name != verb:
            app.command(name, help=text)(lambda: None)
            continue
        module = import_module(f"instancecap.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name, help=text)
        else:
            app.command(name, help=text)(getattr(module, name))
    return app


def main() -> None:
    """Entry point: runs a command; an error that is meant for the user becomes one line."""
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    try:
        status = build(verb)(standalone_mode=False, prog_name="instancecap")
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
