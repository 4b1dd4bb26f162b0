"""Options of the command line, made of typed functions and configs.

Name, type, default and range of an option are those of the verb's function, or of a field of a
config that the verb fills; what the help says of it stands in ``options.toml``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import typer

Config = TypeVar("Config")
Verb = TypeVar("Verb", bound=Callable[..., None])

TEXTS: dict[str, dict[str, Any]] = tomllib.loads(
    files("instancecap.cli").joinpath("options.toml").read_text(encoding="utf-8")
)


@dataclass(frozen=True)
class Filled(Generic[Config]):
    """A config, a dataclass or a pydantic model, whose fields are options.

    Attributes:
        names: the option of a field that has another name; empty for a field without one.
    """

    config: type[Config]
    names: Mapping[str, str] = field(default_factory=dict)

    def _fields(self) -> Iterator[tuple[str, Parameter]]:
        """Options by their names, and the field that each fills."""
        for name, one in signature(self.config).parameters.items():
            if option := self.names.get(name, name):
                yield option, one

    def parameters(self) -> dict[str, Parameter]:
        """A parameter for each option."""
        types = get_type_hints(self.config, include_extras=True)
        return {
            option: one.replace(
                name=option, kind=Parameter.KEYWORD_ONLY, annotation=types[one.name]
            )
            for option, one in self._fields()
        }

    def chosen(self, options: Mapping[str, object]) -> dict[str, object]:
        """What was chosen, by field."""
        return {one.name: options[option] for option, one in self._fields()}

    def fill(self, options: Mapping[str, object], **others: object) -> Config:
        """The config, with what was chosen; ``others`` are fields that are no options."""
        return self.config(**self.chosen(options), **others)


def offered(verb: str, *configs: Filled[Any]) -> Callable[[Verb], Verb]:
    """Describe a function's parameters for the command line: the positional one, and options.

    Those of ``configs`` stand in for its ``**options``; one without a default is required.
    """

    def describe(function: Verb) -> Verb:
        types = get_type_hints(function)
        own = {
            name: one.replace(annotation=types[name])
            for name, one in signature(function).parameters.items()
            if one.kind is not Parameter.VAR_KEYWORD
        }
        filled = {name: one for some in configs for name, one in some.parameters().items()}
        first = {name: one for name, one in own.items() if one.kind is not Parameter.KEYWORD_ONLY}
        parameters = [_describe(verb, one) for one in (first | filled | own).values()]
        function.__dict__["__signature__"] = Signature(parameters)
        function.__annotations__ = {one.name: one.annotation for one in parameters}
        return function

    return describe


def command(app: typer.Typer, verb: str, *configs: Filled[Any]) -> Callable[[Verb], Verb]:
    """Make a function the last word of a verb of several words, such as ``eval fields``.

    Its help and options stand in ``options.toml`` under the whole verb.
    """

    def add(function: Verb) -> Verb:
        described = offered(verb, *configs)(function)
        app.command(verb.rpartition(" ")[2], help=TEXTS[verb]["help"])(described)
        return function

    return add


def _describe(verb: str, parameter: Parameter) -> Parameter:
    """The parameter with its flags, range and help."""
    name = parameter.name
    own = TEXTS.get(verb, {}).get(name) or TEXTS.get(verb.split()[0], {}).get(name)
    text = own or TEXTS["asking"].get(name) or TEXTS["any"][name]
    kind, *metadata = _parts(parameter.annotation)
    if parameter.kind is not Parameter.KEYWORD_ONLY:
        info = typer.Argument(metavar=text["metavar"], help=text["help"], show_default=False)
    else:
        # A flag that is off has no --no-NAME.
        usual = [f"--{name.replace('_', '-')}"] if parameter.default is False else []
        info = typer.Option(
            ...,
            *text.get("flags", usual),
            metavar=text.get("metavar"),
            help=text["help"],
            min=_bound("ge", metadata, text.get("min")),
            max=_bound("le", metadata, text.get("max")),
            rich_help_panel="Asking a model" if own is None and name in TEXTS["asking"] else None,
        )
    return parameter.replace(annotation=Annotated[kind, info])


def _parts(annotation: Any) -> tuple[Any, ...]:
    """The type of an annotation, and what it is annotated with."""
    return get_args(annotation) if get_origin(annotation) is Annotated else (annotation,)


def _bound(name: str, metadata: Sequence[Any], usual: float | None) -> float | None:
    """The least or the largest value of a number: as the config has it, or the table."""
    bounds = [bound for one in metadata for bound in getattr(one, "metadata", ())]
    return next((getattr(one, name) for one in bounds if hasattr(one, name)), usual)
