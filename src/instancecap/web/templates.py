"""The templates of the report and of the app."""

from __future__ import annotations

from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from instancecap.web.fields import span_of


def templates_of(package: str) -> Environment:
    """Page templates that lie in a package; whatever is put into them is escaped.

    A page that is one file extends ``one_file.html``, which lies beside this module.
    """
    packages = dict.fromkeys((package, "instancecap.web"))
    return Environment(
        loader=ChoiceLoader([PackageLoader(one, "") for one in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def environment(*, styles_by_script: bool = False) -> Environment:
    """Templates of the report and the app.

    Args:
        styles_by_script: write ``data-style`` for ``style``. The app's content security policy
            lets nobody write styles into a page; its script puts them into force.
    """
    templates = templates_of("instancecap.web")
    templates.globals["span_of"] = span_of
    templates.globals["style"] = "data-style" if styles_by_script else "style"
    templates.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    return templates


def asset(name: str) -> Markup:
    """A file of this package, to be put into a page as it is."""
    return Markup(files("instancecap.web").joinpath(name).read_text(encoding="utf-8"))
