"""Models by hub id: what is known of them, what is in the hub's cache here, and how to get one."""

from __future__ import annotations

import sys
import threading
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from instancecap.errors import MissingDependency
from instancecap.models import weights

PATIENCE = 2.0
"""Seconds that a hub has to answer, asked once in a process: its own client tries for 20."""

HALF, SINGLE = 2, 4
"""Bytes of a number in half and in single precision."""

WEIGHTS = (".safetensors", ".bin", ".pth", ".onnx")
"""Ends of the names of files with weights."""

WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.pth")
"""Files of a model that are of use here."""

FOLDER = "give a folder with a model's config.json, model.safetensors and what else it comes with"
"""What to do where a folder or hub id cannot be loaded, for messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HubModel:
    """What a model's card says. Nothing, or 0, where that is not known.

    Attributes:
        kind: of expert.
        commercial: whether the license allows commercial use.
        gated: whether its owner wants terms accepted first.
        parameters: in millions.
        disk: MB of the weights.
        activations: MB that a batch takes beside the weights, computed.
        needs: what must be installed.
        single: whether it works in single precision, also on a GPU.
    """

    id: str
    kind: str
    needs: str
    licence: str = ""
    commercial: bool | None = None
    gated: bool = False
    parameters: float = 0.0
    disk: float = 0.0
    activations: float = 0.0
    single: bool = False

    @property
    def runs_here(self) -> bool:
        """Whether it runs in this process, and is not asked through a server."""
        return "server" not in self.needs

    @property
    def number(self) -> int:
        """Bytes of one of its numbers on a GPU."""
        return SINGLE if self.single else HALF


def _read() -> dict[str, HubModel]:
    text = (files(__package__) / "hub.toml").read_text(encoding="utf-8")
    return {id: HubModel(id=id, **entry) for id, entry in tomllib.loads(text).items()}


KNOWN = _read()
"""Those that are listed; any other id can be named as well."""


def is_installed(package: str) -> bool:
    """Whether a package can be imported, found out without importing it."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return find_spec(package) is not None


def cached() -> dict[str, Path]:
    """The models in the hub's cache on this machine, each with its newest snapshot."""
    found = {}
    for folder in (
        sorted(_cache_dir().glob("models--*--*")) if is_installed("huggingface_hub") else ()
    ):
        snapshots = sorted(folder.glob("snapshots/*"), key=lambda one: one.stat().st_mtime)
        if snapshots and any(_weights_in(snapshots[-1])):
            found["/".join(folder.name.split("--", 2)[1:])] = snapshots[-1]
    return found


def size_of(snapshot: Path) -> int:
    """Bytes of the weights in a snapshot."""
    return sum(path.stat().st_size for path in _weights_in(snapshot))


def _weights_in(snapshot: Path) -> Iterator[Path]:
    for path in snapshot.rglob("*"):
        if path.suffix in WEIGHTS and path.is_file():
            yield path


def why_closed() -> str:
    """Why nothing can be had from the hub; empty where it answers. Takes :data:`PATIENCE` at most.

    Raises:
        MissingDependency: its client is not installed.
    """
    if weights.is_offline():
        return "INSTANCECAP_OFFLINE is set"
    return "HF_HUB_OFFLINE is set" if _client().constants.HF_HUB_OFFLINE else _ask()


@cache
def _ask() -> str:
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    address, outcome = _client().constants.ENDPOINT, [f"no answer within {PATIENCE:g} s"]

    def ask() -> None:
        try:
            urlopen(Request(address, method="HEAD"), timeout=PATIENCE).close()
            outcome[0] = ""
        except HTTPError:
            outcome[0] = ""  # it answers, if only to refuse
        except (OSError, ValueError, HTTPException) as error:
            outcome[0] = str(getattr(error, "reason", error))

    # A resolver takes as long as it likes, whatever the time limit of the connection.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    return f"{address} cannot be reached ({outcome[0]})" if outcome[0] else ""


def is_local(name: str, *, option: str, packages: Sequence[str]) -> bool:
    """Whether ``name`` is a folder or in the cache of a hub that does not answer, so that nobody is
    to be asked. Known before a heavy library is imported.

    Args:
        option: that names it, for the message.
        packages: that load it. Where one is missing no hub is asked: that is to be said first.

    Raises:
        MissingDependency: it is in neither, and no hub answers; or the folder holds no model.
    """
    if Path(name).is_dir() and not Path(name, "config.json").is_file():
        raise MissingDependency(f"--{option} {name}: the folder has no config.json; {FOLDER}")
    if Path(name).is_dir() or not all(map(is_installed, packages)):
        return True
    reason = why_closed()
    if reason and name not in cached():
        raise MissingDependency(
            f"--{option} {name} cannot be loaded: {reason}, and it is not in "
            f"{_cache_dir()}; run 'instancecap models pull {name}' where a hub is reached, or "
            f"{FOLDER}"
        )
    return bool(reason)


def pull(id: str) -> Path:
    """The folder of a model, downloaded into the hub's cache unless it is there.

    Raises:
        MissingDependency: it cannot be had; the message says what to do.
    """
    client = _client()
    if snapshot := cached().get(id):
        return snapshot
    if reason := why_closed():
        raise MissingDependency(_advice(id, reason))
    try:
        return Path(client.snapshot_download(id, allow_patterns=list(WANTED)))
    except client.errors.GatedRepoError as error:
        raise MissingDependency(gated_advice(id)) from error
    except (OSError, ValueError) as error:
        raise MissingDependency(_advice(id, " ".join(str(error).split())[:200])) from error


def gated_advice(id: str) -> str:
    """What to do about a model whose owner wants terms accepted."""
    return (
        f"{id} is gated: accept its terms at {_client().constants.ENDPOINT}/{id}, then run "
        "'hf auth login' with a token of that account"
    )


def _advice(id: str, why: str) -> str:
    return (
        f"model {id}: {why}; run 'instancecap models pull {id}' where a hub is reached and copy "
        f"{_cache_dir()}, or name a local folder"
    )


def _client() -> Any:
    """The hub's own client. Raises :class:`MissingDependency` without it."""
    try:
        import huggingface_hub
        import huggingface_hub.constants
        import huggingface_hub.errors
    except ImportError as error:
        raise MissingDependency(
            "models by hub id need huggingface_hub: pip install 'instancecap[models]'"
        ) from error
    return huggingface_hub


def _cache_dir() -> Path:
    return Path(_client().constants.HF_HUB_CACHE)
