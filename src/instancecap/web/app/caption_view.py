"""The view Caption: a clip goes in, a caption comes out, with everything that speaks for it."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any, get_args
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from instancecap.captioners.chain.options import Mode
from instancecap.errors import InputError
from instancecap.render.options import Length, Task
from instancecap.schema import Caption, Evidence
from instancecap.video.clip import Clip
from instancecap.web.app.captioning import (
    CaptionerChoice,
    Order,
    caption_clip,
    captioner_for,
    read_result,
)
from instancecap.web.app.frames import read_frames
from instancecap.web.app.prompts import prompt_facts, target_names
from instancecap.web.app.services import SEARCH_SECONDS, Services, Source
from instancecap.web.clip_view import ClipView
from instancecap.web.report import ReportEntry, write_report
from instancecap.web.review.edits import (
    VOCABULARIES,
    SetField,
    apply_edit,
    replaced_leaves,
    time_now,
)

EXAMPLES = 12
"""Clips that are offered at most."""

LISTED = 1000
"""Clips of the opened folder that the path's field proposes at most."""

RECENT = 8
"""Captions made before that are named."""

NOTE = "result.json"
"""What is remembered of a result beside the caption: the clip's key and name."""

FIRST = "first.json"
"""The caption of a result before anybody edited it."""

DOWNLOADS = {
    "json": ("JSON", ".json"),
    "instancevid": ("InstanceVid", ".instancevid.json"),
    "skycaptioner": ("SkyCaptioner", ".skycaptioner.json"),
    "labelstudio": ("Label Studio", ".labelstudio.json"),
    "fiftyone": ("FiftyOne", ".fiftyone.json"),
    "text": ("Text", ".txt"),
    "report": ("Report", ".html"),
}
"""What can be saved: its name on the page, and the end of the file's."""


class CaptionRequest(CaptionerChoice):
    """What a page asks to be captioned: a clip by its ``key``, or by its ``path`` in the folder."""

    key: str = ""
    path: str = ""


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    _add_start(routes, services)
    _add_result(routes, services)
    _add_edits(routes, services)
    _add_downloads(routes, services)
    return routes


def _add_start(routes: APIRouter, services: Services) -> None:
    """The page that takes a clip, and the job that it begins."""

    @routes.get("/", response_class=HTMLResponse)
    def page(request: Request) -> HTMLResponse:
        clips = list(islice(services.folder.videos(seconds=SEARCH_SECONDS), LISTED))
        return services.pages.render(
            request,
            "app/templates/caption.html",
            examples=list(services.examples(EXAMPLES)),
            clips=clips,
            recent=_recent(services),
            config=services.config,
            modes=get_args(Mode),
            has_folder=services.folder.root is not None,
        )

    @routes.post("/captions")
    def start(wanted: CaptionRequest) -> dict[str, str]:
        """Begin to caption a clip; the page of the result is there once the job is done."""
        source = services.source_at(wanted.path) if wanted.path else services.source(wanted.key)
        captioner = captioner_for(wanted, services.config)
        id, folder = services.workspace.new()
        (folder / NOTE).write_text(
            json.dumps({"key": source.key, "name": source.name}), encoding="utf-8"
        )
        order = Order(
            clip=str(source.path),
            name=source.name,
            shown=str(source.path) if source.key.startswith("folder/") else source.name,
            folder=str(folder),
            captioner=captioner,
            max_instances=wanted.max_instances,
            limits=services.config.limits,
            cluster=services.config.cluster,
        )
        return {"job": services.jobs.start(caption_clip, order), "page": f"/captions/{id}"}


def _add_result(routes: APIRouter, services: Services) -> None:
    """The page of a caption, its pictures, its prompts."""

    @routes.get("/captions/{id}", response_class=HTMLResponse)
    def result(request: Request, id: str) -> HTMLResponse:
        folder, caption, evidence = _result(services, id)
        source = _source(services, folder)
        clip = ClipView(
            caption,
            evidence,
            pictures=read_frames(folder, url=f"/captions/{id}/frames"),
            video_url=f"/media/{quote(source.key)}" if source and evidence.video.fps else "",
        )
        return services.pages.render(
            request,
            "app/templates/result.html",
            clip=clip,
            id=id,
            downloads=DOWNLOADS,
            targets=target_names(),
            tasks=get_args(Task),
            lengths=get_args(Length),
            vocabularies=VOCABULARIES,
        )

    @routes.get("/captions/{id}/frames/{name}")
    def frame(id: str, name: str) -> Response:
        number = name.removesuffix(".webp")
        path = services.workspace.get(id) / f"{number}.webp"
        if not (number.isascii() and number.isdecimal() and path.is_file()):
            raise HTTPException(404)
        kept = {"cache-control": "private, max-age=3600"}
        return FileResponse(path, media_type="image/webp", headers=kept)

    @routes.get("/captions/{id}/prompt")
    def prompt(id: str, target: str, task: Task = "t2v", length: Length = "dense") -> Any:
        _, caption, _ = _result(services, id)
        return prompt_facts(caption, target=target, task=task, length=length)


def _add_edits(routes: APIRouter, services: Services) -> None:
    """The fields of a caption, for a person to correct."""
    lock = Lock()

    def shown(folder: Path, caption: Caption) -> dict[str, Any]:
        first = folder / FIRST
        before = replaced_leaves(Caption.read(first), caption) if first.exists() else {}
        return {"caption": caption.model_dump(mode="json"), "before": before}

    @routes.get("/captions/{id}/fields")
    def fields(id: str) -> dict[str, Any]:
        folder, caption, _ = _result(services, id)
        return shown(folder, caption)

    @routes.post("/captions/{id}/fields")
    def edit(id: str, edit: SetField, only_check: bool = False) -> dict[str, Any]:
        """The fields as they are then; an ``error`` is an answer like others."""
        with lock:
            folder, caption, _ = _result(services, id)
            try:
                edited = apply_edit(caption, edit, at=time_now())
            except InputError as error:
                return {"error": str(error)}
            if only_check:
                return {"error": ""}
            if not (folder / FIRST).exists():
                caption.write(folder / FIRST)
            edited.write(folder / "caption.json")
        return shown(folder, edited)


def _add_downloads(routes: APIRouter, services: Services) -> None:
    """The files that a caption can be saved as."""

    @routes.get("/captions/{id}/download/{format}")
    def download(id: str, format: str) -> Response:
        if format not in DOWNLOADS:
            raise HTTPException(404)
        folder, caption, _ = _result(services, id)
        name = (caption.video.id if caption.video else "") or "caption"
        file = Path(name.replace("\\", "/")).name + DOWNLOADS[format][1]
        headers = {"content-disposition": f"attachment; filename*=UTF-8''{quote(file, safe='')}"}
        if format == "report":
            source = _source(services, folder)
            if source is None:
                raise InputError(f"{name}: the clip is gone; caption it again")
            services.jobs.quick(_write_report, str(source.path), name, str(folder))
            return FileResponse(folder / "report.html", media_type="text/html", headers=headers)
        if format == "json":
            text = caption.to_json() + "\n"
        else:
            given = caption.to(format)
            text = f"{given}\n" if isinstance(given, str) else _json(given)
        kind = "text/plain" if format == "text" else "application/json"
        return Response(text, media_type=kind, headers=headers)


def _result(services: Services, id: str) -> tuple[Path, Caption, Evidence]:
    folder = services.workspace.get(id)
    if not (folder / "caption.json").exists():
        raise InputError("there is no caption: it is not done yet, or it failed")
    return (folder, *read_result(folder))


def _recent(services: Services) -> list[tuple[str, str]]:
    """Pages of the captions made last, and the names of their clips."""
    folders = services.workspace.holding("caption.json")[:RECENT]
    notes = [json.loads((folder / NOTE).read_text(encoding="utf-8")) for folder in folders]
    return [
        (f"/captions/{folder.name}", note["name"])
        for folder, note in zip(folders, notes, strict=True)
    ]


def _source(services: Services, folder: Path) -> Source | None:
    """The clip of a result; None where it is gone."""
    key = json.loads((folder / NOTE).read_text(encoding="utf-8"))["key"]
    try:
        return services.source(key)
    except InputError:
        return None


def _write_report(path: str, name: str, folder: str) -> None:
    """Write ``report.html`` of a result, in a worker: the clip is read again."""
    caption, evidence = read_result(Path(folder))
    write_report(
        Path(folder, "report.html"),
        [ReportEntry(Clip.open(path, id=name), caption, evidence)],
        title=name,
    )


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
