"""What transformers loads from a folder or by a hub id, for one option of the command line."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from instancecap.errors import MissingDependency
from instancecap.models import hub

LIBRARIES = "torch", "transformers"


@dataclass(frozen=True)
class Pretrained:
    """A folder or hub id that an option names. Models go to a GPU in half precision where there
    is one, else to the CPU.

    Attributes:
        option: such as ``detector``, for messages; two that differ in it alone are equal.
        name: a folder with ``config.json`` and weights, or a hub id.
        half: the type of a model's numbers on a GPU.
    """

    option: str = field(compare=False)
    name: str
    half: str = "float16"

    def libraries(self) -> tuple[Any, Any]:
        """torch and transformers. Raises :class:`MissingDependency` where one is missing, or there
        is nothing that they could load."""
        hub.is_local(self.name, option=self.option, packages=LIBRARIES)
        try:
            import torch
            import transformers
        except ImportError as error:
            raise MissingDependency(
                f"--{self.option} {self.name} needs {error.name}: pip install 'instancecap[models]'"
            ) from error
        return torch, transformers

    def load(self, kind: str, **more: Any) -> Any:
        """What ``transformers.KIND.from_pretrained`` makes of it.

        Raises:
            MissingDependency: it cannot be loaded, and why.
        """
        _, transformers = self.libraries()
        local = hub.is_local(self.name, option=self.option, packages=LIBRARIES)
        try:
            return getattr(transformers, kind).from_pretrained(
                self.name, local_files_only=local, **more
            )
        except (OSError, ValueError, ImportError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            if "gated repo" in why:
                raise MissingDependency(
                    f"--{self.option}: {hub.gated_advice(self.name)}"
                ) from error
            pull = f"run 'instancecap models pull {self.name}' where a hub is reached, or "
            raise MissingDependency(
                f"--{self.option} {self.name} cannot be loaded: {why}; "
                f"{'' if Path(self.name).is_dir() else pull}{hub.FOLDER}"
            ) from error

    def load_model(self, kind: str) -> Any:
        """As :meth:`load`, a model that is ready to be asked."""
        torch, _ = self.libraries()
        if torch.cuda.is_available():
            return self.load(kind, dtype=getattr(torch, self.half)).to("cuda").eval()
        return self.load(kind, dtype=torch.float32).eval()
