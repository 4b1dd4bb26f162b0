"""What the app opens, where it listens, and how much it takes."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from instancecap.errors import UsageError
from instancecap.evidence.choice import DEFAULT, Cluster
from instancecap.io.tables import TABLE_SUFFIXES
from instancecap.mllm.server import Server

LOOPBACK_NAMES = frozenset(["localhost", "127.0.0.1", "::1"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much the app takes from a browser, and what a worker may use for it.

    Attributes:
        upload_bytes: of an uploaded clip.
        body_bytes: of any other request.
        seconds: length of a clip.
        pixels: width times height of a frame; 8K video has 33 million.
        memory_bytes: of one worker process.
        job_seconds: that a job may take.
        quick_seconds: that a thumbnail, or a look at an upload, may take.
        waiting: jobs that may wait or run at a time.
        keep_seconds: after which uploads and results that nobody used are removed.
        kept_bytes: of all uploads and results together, from which on no upload is taken.
    """

    upload_bytes: int = 2_000_000_000
    body_bytes: int = 8_000_000
    seconds: float = 600.0
    pixels: int = 36_000_000
    memory_bytes: int = 6 * 1024**3
    job_seconds: float = 1800.0
    quick_seconds: float = 60.0
    waiting: int = 16
    keep_seconds: float = 6 * 3600.0
    kept_bytes: int = 20_000_000_000


@dataclass(frozen=True, kw_only=True)
class AppConfig:
    """How the app is started.

    Attributes:
        source: a folder of videos and captions, or a table of captions; empty for none.
        host: address to listen at.
        port: 0 takes a free one.
        auth: ``USER:PASSWORD`` that a browser has to give; empty for none.
        no_browser: only print the address.
        server: who is asked by default; its key goes to its own addresses and nowhere else.
        cluster: who measures clips, and follows what is drawn in a review.
        limits: how much is taken.

    Raises:
        UsageError: a source that is not there, an address open to others without a password.
    """

    source: str = ""
    host: str = "127.0.0.1"
    port: int = 8765
    auth: str = ""
    no_browser: bool = False
    server: Server = field(default_factory=Server)
    cluster: Cluster = DEFAULT
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.source and not Path(self.source).exists():
            raise UsageError(f"{self.source}: not there; name a folder, or a table of captions")
        if self.source and not (Path(self.source).is_dir() or self.is_table):
            allowed = ", ".join(sorted(TABLE_SUFFIXES))
            raise UsageError(f"{self.source}: name a folder, or a table of captions ({allowed})")
        user, colon, password = self.auth.partition(":")
        if self.auth and not (user and colon and password):
            raise UsageError("--auth: write it as USER:PASSWORD, neither of them empty")
        if not self.is_local and not self.auth:
            raise UsageError(
                f"--host {self.host}: others can reach it there; add --auth USER:PASSWORD"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the app."""
        if self.host in LOOPBACK_NAMES:
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def is_table(self) -> bool:
        """Whether the source is a table: a file, or a folder of Parquet shards."""
        return Path(self.source).suffix in TABLE_SUFFIXES

    @property
    def opened(self) -> str:
        """The name of the source, as pages show it; empty for none."""
        return Path(self.source).resolve().name if self.source else ""

    @property
    def root(self) -> Path | None:
        """The opened folder: the source, or the one that the table lies in."""
        if not self.source:
            return None
        path = Path(self.source).resolve()
        return path.parent if self.is_table else path
