"""The view Review: what the browser asks of an opened set."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from pydantic import AfterValidator, Field, StringConstraints, TypeAdapter

from instancecap.datasets.replace import Replacement
from instancecap.errors import InputError
from instancecap.schema.base import Box, StrictModel
from instancecap.schema.caption import Caption
from instancecap.video.clip import Clip
from instancecap.web.app.services import Services
from instancecap.web.review import index
from instancecap.web.review.edits import VOCABULARIES, Edit, apply_edit, mentions, replaced_leaves
from instancecap.web.review.player import player_of_frames, player_of_video
from instancecap.web.review.replace import SetReplacement, preview
from instancecap.web.review.session import Session
from instancecap.web.review.store import Change, Conflict, Opened, ReviewSet, Verdict
from instancecap.web.review.workers import recaption, replace_in_set, track_box

Reviewer = Annotated[str, StringConstraints(strip_whitespace=True, max_length=60)]


class About(StrictModel):
    """A caption, and who asks."""

    name: str
    reviewer: Reviewer = ""


class Seen(About):
    """A caption in the version that the browser shows."""

    version: str


class Editing(Seen):
    """An edit of it."""

    edit: Edit


class Judging(About):
    """A verdict on it."""

    verdict: Verdict | Literal["open"]


class Criticizing(About):
    """What is wrong with it."""

    text: str


class Tracking(About):
    """A box to follow."""

    t: float = Field(ge=0)
    box: Box


class Recaptioning(About):
    """A field to write anew."""

    pointer: str


class Replacing(StrictModel):
    """What to put for what, in the captions of a query."""

    find: str
    replace: str
    match_case: bool = False
    fields: tuple[str, ...] = ()
    query: index.Query = index.Query()
    reviewer: Reviewer = ""

    def replacement(self) -> SetReplacement:
        """The same, for the set. Raises :class:`UsageError` for an empty ``find``."""
        rule = Replacement(**self.model_dump(exclude={"query", "reviewer"}))
        return SetReplacement(rule=rule, query=self.query)


class Taking(StrictModel):
    """A replacement to take back."""

    batch: str = Field(min_length=1)


def router(services: Services) -> APIRouter:
    """The routes."""
    session = Session(services.config.source, services.jobs)
    routes = APIRouter(prefix="/review", lifespan=session.lifespan)
    _add_queue(routes, services, session)
    _add_caption(routes, services, session)
    _add_verdicts(routes, session)
    _add_clip(routes, services, session)
    _add_set(routes, session, services)
    return routes


def _add_queue(routes: APIRouter, services: Services, session: Session) -> None:
    @routes.get("", response_class=HTMLResponse)
    def page(request: Request) -> HTMLResponse:
        problem = session.problem()
        job = "" if problem else session.refresh()
        return services.pages.render(
            request,
            "review/review.html",
            problem=problem,
            job=job,
            writer=services.config.server.model or "the measured captioner",
            vocabularies=VOCABULARIES,
        )

    @routes.get("/queue")
    def queue(
        query: Annotated[index.Query, Depends(_query)],
        after: Annotated[str, AfterValidator(_checked_place)] = "",
        back: bool = False,
        counted: bool = False,
    ) -> dict[str, Any]:
        """A page of the queue, after a place or before it; ``counted`` tells how many there are."""
        place = PLACE.validate_json(after) if after else None
        with session.review.reading() as db:
            found = index.find(db, query, after=place, back=back)
            return {
                "items": [item._asdict() for item in found],
                **({"count": index.count(db, query)} if counted else {}),
            }

    @routes.get("/choices")
    def choices() -> dict[str, list[str]]:
        with session.review.reading() as db:
            return index.choices(db)

    @routes.get("/progress")
    def progress() -> dict[str, Any]:
        return session.review.progress() | {"unwritten": session.trouble}


PLACE = TypeAdapter(index.Place)


def _checked_place(text: str) -> str:
    """A place as JSON, or empty."""
    if text:
        PLACE.validate_json(text)
    return text


def _query(
    order: index.Order = "doubt",
    state: index.State = "",
    reviewer: str = "",
    disputed: bool = False,
    below: float = 0.0,
    flag: str = "",
    class_: str = "",
    camera: str = "",
    text: str = "",
    folder: str = "",
) -> index.Query:
    return index.Query(
        order=order, state=state, reviewer=reviewer, disputed=disputed, below=below, flag=flag,
        class_=class_, camera=camera, text=text, folder=folder,
    )  # fmt: skip


def _add_caption(routes: APIRouter, services: Services, session: Session) -> None:
    def shown(opened: Opened) -> dict[str, Any]:
        return _shown(services, session.review, opened)

    @routes.get("/caption")
    def caption(name: str) -> dict[str, Any]:
        return shown(session.review.read(name))

    @routes.get("/version")
    def version(name: str) -> dict[str, str]:
        return {"version": session.review.read(name).version}

    @routes.post("/check")
    def check(body: Editing) -> dict[str, str]:
        """Whether an edit fits, without doing it."""
        try:
            apply_edit(session.review.read(body.name).caption, body.edit, at="")
        except InputError as error:
            return {"error": str(error)}
        return {"error": ""}

    @routes.post("/save")
    def save(body: Editing) -> dict[str, Any]:
        def do() -> Opened:
            return session.review.save(
                body.name, body.edit, version=body.version, reviewer=body.reviewer
            )

        return answered(do)

    @routes.post("/undo")
    def undo(body: Seen) -> dict[str, Any]:
        return answered(
            lambda: session.review.undo(body.name, version=body.version, reviewer=body.reviewer)
        )

    def answered(do: Callable[[], Opened]) -> dict[str, Any]:
        """The caption as it is then; a ``conflict`` or an ``error`` is an answer like others."""
        try:
            opened = do()
        except Conflict as conflict:
            return {
                "conflict": str(conflict),
                "now": shown(conflict.opened),
                "changes": [_told(one) for one in conflict.changes],
            }
        except InputError as error:
            return {"error": str(error)}
        session.write_soon()
        return shown(opened)


def _add_verdicts(routes: APIRouter, session: Session) -> None:
    @routes.post("/judge")
    def judge(body: Judging) -> dict[str, Any]:
        session.review.judge(body.name, body.verdict, reviewer=body.reviewer)
        return {"verdicts": session.review.verdicts(body.name)}

    @routes.post("/critique")
    def critique(body: Criticizing) -> dict[str, Any]:
        session.review.criticize(body.name, body.text, reviewer=body.reviewer)
        return {"critiques": session.review.critiques(body.name)}


def _add_clip(routes: APIRouter, services: Services, session: Session) -> None:
    def opened(name: str) -> tuple[Clip, str]:
        found = session.review.read(name)
        return _clip_of(services, found), found.caption.to_json()

    @routes.get("/player")
    def player(name: str, version: str, frames: bool = False) -> Response:
        """The player as HTML, of the video or of ``frames`` of it.

        The browser keeps it as long as the version is the same.
        """
        found = session.review.read(name)
        clip = _clip_of(services, found)
        key = services.folder.name_of(Path(clip.path))
        html = "" if frames else player_of_video(found.caption, f"/media/folder/{quote(key)}")
        if not html:
            html = services.jobs.quick(player_of_frames, found.caption.to_json(), clip)
        headers = {"cache-control": "private, max-age=600"}
        return HTMLResponse(html, headers=headers)

    @routes.post("/track")
    def track(body: Tracking) -> dict[str, str]:
        clip, document = opened(body.name)
        cluster = services.config.cluster
        return {"job": services.jobs.start(track_box, clip, document, body.t, body.box, cluster)}

    @routes.post("/recaption")
    def recaptioned(body: Recaptioning) -> dict[str, str]:
        clip, document = opened(body.name)
        given = body.pointer, services.config.server, services.config.cluster
        return {"job": services.jobs.start(recaption, clip, document, *given)}


def _add_set(routes: APIRouter, session: Session, services: Services) -> None:
    @routes.get("/pairs.jsonl")
    def pairs() -> StreamingResponse:
        """Captions that were edited or criticized, before and after, one a line."""

        def lines() -> Iterator[str]:
            for pair in session.review.pairs():
                yield json.dumps(pair, ensure_ascii=False) + "\n"

        name = "attachment; filename=pairs.jsonl"
        return StreamingResponse(
            lines(), media_type="application/x-ndjson", headers={"content-disposition": name}
        )

    @routes.post("/replace/preview")
    def previewed(body: Replacing) -> dict[str, Any]:
        return preview(session.review, body.replacement())

    @routes.post("/replace")
    def replaced(body: Replacing) -> dict[str, str]:
        given = (session.source, body.replacement(), body.reviewer)
        return {"job": services.jobs.start(replace_in_set, *given)}

    @routes.get("/replace/last")
    def last() -> dict[str, Any]:
        return {"last": session.review.last_batch()}

    @routes.post("/replace/undo")
    def taken_back(body: Taking) -> dict[str, Any]:
        count, left = session.review.undo_batch(body.batch)
        session.write_soon()
        return {"undone": count, "left": left}


def _shown(services: Services, review: ReviewSet, opened: Opened) -> dict[str, Any]:
    """A caption with all that the page shows of it."""
    name, caption = opened.name, opened.caption
    first = review.first(name)
    try:
        clip: Clip | None = _clip_of(services, opened)
        trouble = ""
    except InputError as error:
        clip, trouble = None, str(error)
    return {
        "name": name,
        "version": opened.version,
        "item": opened.item._asdict(),
        "caption": caption.model_dump(mode="json"),
        "before": replaced_leaves(first, caption) if first else {},
        "clip": clip is not None,
        "trouble": trouble,
        "verdicts": review.verdicts(name),
        "critiques": review.critiques(name),
        "changes": [_told(one) for one in review.changes(name)],
        "mentions": {one.id: mentions(caption, one.id) for one in caption.instances},
    }


def _told(change: Change) -> dict[str, Any]:
    return dataclasses.asdict(change)


def _clip_of(services: Services, opened: Opened) -> Clip:
    """The clip of a caption. Raises :class:`InputError` where it is not in the opened folder."""
    video = opened.caption.video
    if video is None or not video.path:
        raise InputError("the caption names no video")
    beside = PurePosixPath(opened.name).parent
    for path in (video.path, str(beside / video.path), video.id, opened.name):
        try:
            found = services.folder.find(path)
        except InputError:
            continue
        return Clip.open(found, start=video.start, end=_end(opened.caption), id=video.id)
    raise InputError(
        f"its clip {video.path} is not in the opened folder; open one that holds both, captions "
        "and clips"
    )


def _end(caption: Caption) -> float | None:
    """The end of a clip that is a span of its file, seconds; None for a whole file."""
    video = caption.video
    assert video is not None
    return video.end if video.start or "@" in video.id else None
