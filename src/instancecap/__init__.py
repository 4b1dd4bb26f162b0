"""Instance-aware structured video captions: measured first, asked second, checked third.

    import instancecap as ic

    caption = ic.caption("clip.mp4")     # a Caption
    evidence = ic.measure("clip.mp4")    # an Evidence
    run = ic.run("clips", out="captions", workers=2)     # many clips

Names load what they need when they are first used, so that ``import instancecap`` stays quick.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from instancecap.version import __version__ as __version__

if TYPE_CHECKING:
    from instancecap.api import Captioner as Captioner
    from instancecap.api import Measured as Measured
    from instancecap.api import Mllm as Mllm
    from instancecap.api import caption as caption
    from instancecap.api import enhance as enhance
    from instancecap.api import measure as measure
    from instancecap.api import run as run
    from instancecap.captioners.chain import ChainOptions as ChainOptions
    from instancecap.engine.config import CaptionConfig as CaptionConfig
    from instancecap.engine.results import Run as Run
    from instancecap.engine.sound import SoundOptions as SoundOptions
    from instancecap.enhance import Enhanced as Enhanced
    from instancecap.enhance import EnhanceOptions as EnhanceOptions
    from instancecap.errors import DecodeError as DecodeError
    from instancecap.errors import FormatError as FormatError
    from instancecap.errors import InputError as InputError
    from instancecap.errors import InstanceCapError as InstanceCapError
    from instancecap.errors import MissingDependency as MissingDependency
    from instancecap.errors import ModelError as ModelError
    from instancecap.errors import OutputError as OutputError
    from instancecap.errors import ServerError as ServerError
    from instancecap.errors import UsageError as UsageError
    from instancecap.evidence.choice import Cluster as Cluster
    from instancecap.formats import Caption as Caption
    from instancecap.render import Prompt as Prompt
    from instancecap.render import render as render
    from instancecap.schema.evidence import Evidence as Evidence
    from instancecap.teachers import Teachers as Teachers
    from instancecap.verify.check import verify as verify
    from instancecap.video.clip import Clip as Clip

_HOMES = {
    "instancecap.api": "Captioner Measured Mllm caption enhance measure run",
    "instancecap.captioners.chain": "ChainOptions",
    "instancecap.engine.results": "Run",
    "instancecap.engine.config": "CaptionConfig",
    "instancecap.engine.sound": "SoundOptions",
    "instancecap.enhance": "EnhanceOptions Enhanced",
    "instancecap.errors": "DecodeError FormatError InputError InstanceCapError MissingDependency "
    "ModelError OutputError ServerError UsageError",
    "instancecap.evidence.choice": "Cluster",
    "instancecap.formats": "Caption",
    "instancecap.render": "Prompt render",
    "instancecap.schema.evidence": "Evidence",
    "instancecap.teachers": "Teachers",
    "instancecap.verify.check": "verify",
    "instancecap.video.clip": "Clip",
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names.split()}

__all__ = list(_HOME_OF)


class _Package(ModuleType):
    """The package itself: its function ``render`` wins over the folder of that name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME_OF and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'instancecap' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
