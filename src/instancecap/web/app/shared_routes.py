"""Routes that every view uses: uploads, clips and their pictures, jobs, scripts and styles."""

from __future__ import annotations

import hashlib
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, Response
from starlette.concurrency import run_in_threadpool

from instancecap.errors import InputError
from instancecap.io.atomic import writing
from instancecap.web.app.files import MEDIA_TYPES, is_media
from instancecap.web.app.inspection import inspect_clip, make_thumbnail
from instancecap.web.app.security import UPLOAD_PATH
from instancecap.web.app.services import UPLOAD_NOTE, Services

STATIC_TYPES = {".js": "text/javascript", ".css": "text/css"}
LOOK_EVERY = 64_000_000
"""Bytes of an upload after which it is looked at again whether there is room; others upload too."""

LONGEST_NAME = 200
"""Characters of an uploaded file's name that are kept."""


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()
    static = _static_files()

    @routes.get("/static/{name}")
    def static_file(name: str) -> Response:
        if name not in static:
            raise HTTPException(404)
        path = static[name]
        return FileResponse(
            path,
            media_type=STATIC_TYPES[path.suffix],
            headers={"cache-control": "private, max-age=0, must-revalidate"},
        )

    @routes.get("/media/{key:path}")
    def media(key: str) -> Response:
        """The clip itself, in ranges as a browser asks for them."""
        path = services.source(key).path
        if not is_media(path.name):
            raise InputError(f"{key}: not a video")
        kind = MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream")
        return FileResponse(path, media_type=kind)

    @routes.get("/thumbnails/{key:path}")
    def thumbnail(key: str) -> Response:
        source = services.source(key)
        name = hashlib.sha256(f"{source.path}{source.path.stat().st_mtime_ns}".encode())
        folder = services.workspace.path / "thumbnails"
        folder.mkdir(exist_ok=True)
        target = folder / f"{name.hexdigest()[:32]}.webp"
        if not target.exists():
            services.jobs.quick(make_thumbnail, str(source.path), str(target))
        return FileResponse(
            target, media_type="image/webp", headers={"cache-control": "private, max-age=600"}
        )

    @routes.post(UPLOAD_PATH)
    async def upload(request: Request, name: str) -> dict[str, Any]:
        """Take the body as a clip; it is looked at in a worker before it is good for anything."""
        return await _take(services, request, name)

    @routes.get("/jobs/{id}")
    def job(id: str, since: int = 0) -> dict[str, Any]:
        return services.jobs.status(id, since=since)

    @routes.post("/jobs/{id}/cancel")
    def cancel(id: str) -> dict[str, Any]:
        services.jobs.cancel(id)
        return services.jobs.status(id)

    return routes


async def _take(services: Services, request: Request, name: str) -> dict[str, Any]:
    shown = "".join(one for one in name if one.isprintable())[-LONGEST_NAME:] or "clip"
    if not is_media(shown):
        raise InputError(f"{shown}: not a video by its name; videos and pictures are taken")
    id, folder = services.workspace.new()
    path = folder / f"clip{Path(shown).suffix.lower()}"
    kept = False
    try:
        limits = services.config.limits
        with writing(shown), path.open("wb") as file:
            looked_at = -LOOK_EVERY
            async for chunk in request.stream():
                if file.tell() - looked_at >= LOOK_EVERY:
                    await run_in_threadpool(_check_room, services)
                    looked_at = file.tell()
                await run_in_threadpool(file.write, chunk)
        facts = await run_in_threadpool(services.jobs.quick, inspect_clip, str(path), shown, limits)
        note = {"file": path.name, "name": shown}
        (folder / UPLOAD_NOTE).write_text(json.dumps(note), encoding="utf-8")
        kept = True
    finally:
        if not kept:
            services.workspace.remove(id)
    return {"key": f"upload/{id}", "name": shown, **facts}


def _check_room(services: Services) -> None:
    limits = services.config.limits
    if services.workspace.size() > limits.kept_bytes:
        raise InputError(
            f"the app holds {limits.kept_bytes / 1e9:g} GB of uploads and results; they go "
            f"{limits.keep_seconds / 3600:g} hours after their last use, and when the app ends"
        )


def _static_files() -> dict[str, Path]:
    """Scripts and styles below ``instancecap/web``, by name."""
    root = Path(str(files("instancecap.web")))
    found = [path for path in sorted(root.rglob("*")) if path.suffix in STATIC_TYPES]
    assert len({path.name for path in found}) == len(found), "names of static files are unique"
    return {path.name: path for path in found}
