"""Work for the engine's tests that worker processes can import: what a clip's name says happens."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from instancecap.engine.work import Documents, Work, fingerprint, stamp_of
from instancecap.errors import DecodeError, MissingDependency
from instancecap.io.identity import Identity
from instancecap.io.inputs import Job
from instancecap.schema import Caption
from instancecap.schema.caption import Video

SEEN: list[str] = []
"""Names of the clips that :class:`Quick` was given since it was cleared."""


@dataclass(frozen=True, kw_only=True)
class Quick(Work):
    """A caption without decoding, in this process; fails for files that begin with ``bad``."""

    label: str = "one"
    parts: tuple[str, ...] = ("",)

    def __call__(self, job: Job) -> Documents:
        SEEN.append(job.name)
        if Path(job.clip.local or job.clip.path).read_bytes().startswith(b"bad"):
            raise DecodeError(f"{job.clip.path}: no frame")
        captions = {}
        for part in self.parts:
            video = Video.named(job.clip.path)
            video.id, video.width, video.height = job.name + part, 2, 2
            captions[part] = Caption(video=video, background=job.hint or self.label).to_json()
        return Documents(captions, identity=Identity.of(job.clip.path, content=True))

    def config(self) -> str:
        return fingerprint(label=self.label, parts=self.parts)


@dataclass(frozen=True, kw_only=True)
class Poisoned(Work):
    """A caption that names the clip, unless the clip's name has one of the poisons in it.

    Attributes:
        words: of its background.
    """

    words: int = 2

    def __call__(self, job: Job) -> Documents:
        identity = Identity.of(job.clip.path, content=True)
        if "segfault" in job.name:
            os.kill(os.getpid(), signal.SIGSEGV)
        if "exit" in job.name:
            os._exit(7)
        if "hang" in job.name:
            time.sleep(600)
        if "memory" in job.name:
            _fill_memory()
        if "grows" in job.name:
            _grow(job)
        if "bug" in job.name:
            raise ZeroDivisionError("by zero")
        if "bad" in job.name:
            raise DecodeError(f"{job.clip.path}: no frame can be decoded")
        background = " ".join(map(str, range(self.words)))
        return Documents({"": caption_of(job, background=background)}, identity=identity)

    def config(self) -> str:
        return "poisoned"


def caption_of(job: Job, **fields: str) -> str:
    """A caption that differs from clip to clip."""
    numbers = dict.fromkeys(("start", "end", "duration", "fps", "frames"), 0)
    video = Video(id=job.name, path=job.clip.path, width=2, height=2, **numbers)
    said = {"global_description": f"This is {job.name}.", "background": "A wall."} | fields
    return Caption(video=video, **said).to_json()  # type: ignore[arg-type]


def _fill_memory() -> None:
    """Ask for more memory than a limit allows; the rest of the machine does not notice."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, before[1]))
    try:
        bytearray(8 << 30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def _grow(job: Job) -> None:
    """Add to the file, as a download would, and read it as evidence is read."""
    stamp = stamp_of(job)
    with Path(job.clip.path).open("ab") as file:
        file.write(b"more")
    if stamp_of(job) != stamp:
        raise DecodeError(f"{job.clip.path}: the file changed while it was read; run again")


def deed(job: Job) -> str:
    """The name in capitals, unless the name is that of what goes wrong."""
    if job.name == "bad":
        raise DecodeError(f"{job.clip.path}: no frame can be decoded")
    if job.name == "bug":
        raise ZeroDivisionError("by zero")
    if job.name == "need":
        raise MissingDependency("masks need pycocotools")
    if job.name == "hang":
        time.sleep(60)
    return job.name.upper()


def look(job: Job) -> tuple[int, int, dict[str, str]]:
    """Which process this is, its threads, and what it knows to be missing."""
    import cv2

    from instancecap.models import weights

    return os.getpid(), cv2.getNumThreads(), weights.known_missing()
