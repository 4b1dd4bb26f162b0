"""``instancecap dataset``: training sets curated, balanced, counted and released."""

from __future__ import annotations

import typer

from instancecap.cli.options import TEXTS

app = typer.Typer(no_args_is_help=True, help=TEXTS["verbs"]["dataset"])
