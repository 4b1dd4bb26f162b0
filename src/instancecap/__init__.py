"""Instance-aware structured video captions: measured first, asked second, checked third.

    import instancecap as ic

    caption = ic.caption("clip.mp4")     # a Caption
    evidence = ic.measure("clip.mp4")    # an Evidence

Names load what they need when they are first used, so that ``import instancecap`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from instancecap.api import Captioner, Measured, caption, measure
    from instancecap.errors import (
        DecodeError,
        FormatError,
        InputError,
        InstanceCapError,
        MissingDependency,
        ModelError,
        OutputError,
        ServerError,
        UsageError,
    )
    from instancecap.schema.caption import Caption
    from instancecap.schema.evidence import Evidence
    from instancecap.video.clip import Clip

__version__ = "0.1.0"

_HOMES = {
    "instancecap.api": ("Captioner", "Measured", "caption", "measure"),
    "instancecap.errors": (
        "DecodeError",
        "FormatError",
        "InputError",
        "InstanceCapError",
        "MissingDependency",
        "ModelError",
        "OutputError",
        "ServerError",
        "UsageError",
    ),
    "instancecap.schema.caption": ("Caption",),
    "instancecap.schema.evidence": ("Evidence",),
    "instancecap.video.clip": ("Clip",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - grouped by what they are
    "caption",
    "measure",
    "Captioner",
    "Measured",
    "Caption",
    "Clip",
    "Evidence",
    "DecodeError",
    "FormatError",
    "InputError",
    "InstanceCapError",
    "MissingDependency",
    "ModelError",
    "OutputError",
    "ServerError",
    "UsageError",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'instancecap' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
