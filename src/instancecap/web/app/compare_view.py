"""The view Compare: two captioners on one clip, side by side, and a vote."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from instancecap.errors import UsageError
from instancecap.video.clip import Clip
from instancecap.web.app.comparing import (
    Comparison,
    Sitting,
    Votes,
    clip_facts,
    load_comparison,
    offered_sets,
    sample_of,
    shown_captions,
)
from instancecap.web.app.files import OpenedFolder
from instancecap.web.app.services import Services
from instancecap.web.review.player import player_of_frames, player_of_video


class Asked(BaseModel):
    """Which sets are compared, and by whom."""

    model_config = ConfigDict(extra="forbid")

    first: str = Field(default="", max_length=1000)
    second: str = Field(default="", max_length=1000)
    rater: str = Field(default="", max_length=100)
    seed: int = Field(default=0, ge=0, le=2**31)
    hidden: bool = True

    @property
    def sitting(self) -> Sitting:
        """How they vote."""
        return Sitting(rater=self.rater, seed=self.seed, hidden=self.hidden)


class AskedAt(Asked):
    """And which clip is looked at, counted from 0; None for the first without a vote."""

    at: int | None = Field(default=None, ge=0)


class Side(Asked):
    """The player of one of the two captions of the clip of ``key``, the first or the second."""

    key: str = Field(max_length=100)
    side: int = Field(ge=0, le=1)
    frames: bool = False


class Vote(AskedAt):
    """A vote about the clip of ``key``; an empty ``choice`` takes it back."""

    key: str = Field(max_length=100)
    choice: str = Field(default="", max_length=100)
    remark: str = Field(default="", max_length=2000)


class _LatestPair:
    """The sets that were asked for last, read once; the page reads them anew."""

    def __init__(self, folder: OpenedFolder) -> None:
        self._folder, self._lock = folder, Lock()
        self._found: Comparison | None = None

    def of(self, asked: Asked) -> Comparison:
        """The sets of a request. Raises as :func:`load_comparison`."""
        with self._lock:
            found = self._found
            if found is None or (found.first, found.second) != (asked.first, asked.second):
                found = self._found = load_comparison(self._folder, asked.first, asked.second)
        return found

    def forget(self) -> None:
        """Read them anew when they are asked for again."""
        self._found = None


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    latest = _LatestPair(services.folder)
    kept = Votes(services.folder.root) if services.folder.root else None

    def votes() -> Votes:
        if kept is None:
            raise UsageError("no folder is open; start with: instancecap web FOLDER")
        return kept

    @routes.get("/compare", response_class=HTMLResponse)
    def page(request: Request) -> HTMLResponse:
        latest.forget()
        return services.pages.render(
            request,
            "app/templates/compare.html",
            sets=offered_sets(services.folder),
            has_folder=services.folder.root is not None,
        )

    @routes.get("/compare/clip")
    def clip(asked: Annotated[AskedAt, Query()]) -> dict[str, Any]:
        pair = latest.of(asked)
        facts = clip_facts(pair, asked.sitting, asked.at, votes())
        left = [f"{one.source}: {one.reason}" for one in pair.rejected]
        return {**facts, "left_out": left[:20], "left_out_count": len(left)}

    @routes.get("/compare/player")
    def player(wanted: Annotated[Side, Query()]) -> HTMLResponse:
        """The player as HTML, of the video or of ``frames`` of it, with the caption's boxes."""
        pair, sitting = latest.of(wanted), wanted.sitting
        sample = sample_of(pair, wanted.key, sitting)
        caption = shown_captions(pair, sitting, sample)[wanted.side]
        key = services.folder.name_of(Path(sample.video))
        html = "" if wanted.frames else player_of_video(caption, f"/media/folder/{quote(key)}")
        if not html:
            clip = Clip.open(sample.video, id=sample.clip)
            html = services.jobs.quick(player_of_frames, caption.to_json(), clip)
        return HTMLResponse(html, headers={"cache-control": "private, max-age=600"})

    @routes.post("/compare/votes")
    def vote(given: Vote) -> dict[str, Any]:
        """Keep a vote, and go back to the same clip with it."""
        kept, pair, sitting = votes(), latest.of(given), given.sitting
        sample = sample_of(pair, given.key, sitting)
        kept.keep(pair, sitting, sample, given.choice, given.remark)
        return clip_facts(pair, sitting, given.at, kept)

    return routes
