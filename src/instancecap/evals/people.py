"""People as judges: one self-contained page that collects scores, and the files it gives back."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar, Literal

from markupsafe import Markup
from pydantic import Field

from instancecap.errors import InputError
from instancecap.evals.ballot import Ballot
from instancecap.evals.report import environment
from instancecap.evals.task import Sample, digest
from instancecap.io.atomic import write_whole
from instancecap.io.finder import Rejected, reason_of
from instancecap.mllm.base import Image
from instancecap.schema.base import Document
from instancecap.web.report import asset

PAGE = "judge.html"


def key_of(sample: Sample, *, seed: int) -> str:
    """A name that tells a rater nothing, and that changes with what is shown."""
    return digest([seed, sample.digest])[:12]


@dataclass(frozen=True, slots=True)
class Item:
    """What a person is shown at a time."""

    key: str
    ballot: Ballot
    sample: Sample

    @classmethod
    def of(cls, sample: Sample, ballot: Ballot, *, seed: int) -> Item:
        """A sample with its questions."""
        return cls(key_of(sample, seed=seed), ballot, sample)


class Scores(Document):
    """What one person answered: the file that the page gives back."""

    kind: ClassVar[str] = "file of scores"

    schema_: Literal["instancecap.scores/1"] = Field(default="instancecap.scores/1", alias="schema")
    rater: str = ""
    scores: dict[str, dict[str, str]]
    remarks: dict[str, str] = {}

    def of(self, sample: Sample, question: str, *, seed: int) -> str:
        """The answer to a question about a sample; empty where there is none."""
        return self.scores.get(key_of(sample, seed=seed), {}).get(question, "")


def read_scores(paths: Sequence[str]) -> list[Scores]:
    """Files that the page gave back. Raises :class:`FormatError` naming one that is none."""
    return [Scores.read(path) for path in paths]


def write_page(
    folder: Path,
    items: Sequence[Item],
    *,
    title: str,
    pictures: Callable[[Sample], Sequence[Image]],
) -> list[Rejected]:
    """One HTML file, :data:`PAGE`, that asks nothing of any network.

    Args:
        pictures: gives the frames of a sample's video. Raises :class:`InputError`.

    Returns:
        Samples whose frames cannot be read; they are not on the page.
    """
    script = Markup(files("instancecap.evals").joinpath("people.js").read_text(encoding="utf-8"))
    videos: dict[str, list[tuple[float | None, str]]] = {}
    shown: list[Mapping[str, Any]] = []
    rejected = []
    for one in items:
        video = one.sample.video
        try:
            if video not in videos:
                videos[video] = [(frame.t, _url(frame)) for frame in pictures(one.sample)]
        except InputError as error:
            rejected.append(Rejected(one.sample.id, reason_of(error, video)))
            continue
        place = list(videos).index(video)
        shown.append({"key": one.key, "ballot": one.ballot, "video": place})
    template = environment().get_template("people.html")
    page = template.render(
        title=title,
        items=shown,
        videos=list(videos.values()),
        page=digest([one["key"] for one in shown]),
        style=asset("report.css"),
        script=script,
        script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
    )
    write_whole(folder / PAGE, page)
    return rejected


def _url(frame: Image) -> str:
    return "data:image/jpeg;base64," + b64encode(frame.jpeg).decode("ascii")
