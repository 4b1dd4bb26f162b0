"""The view Enhance: a short prompt goes in, a structured caption and a model's prompt come out."""

from __future__ import annotations

from typing import Any, get_args

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict, Field

from instancecap.api import Mllm
from instancecap.captioners.chain.options import ChainOptions
from instancecap.enhance import EnhanceOptions
from instancecap.enhance.options import LONGEST_PROMPT, Mode
from instancecap.render.targets import find_target
from instancecap.web.app.captioning import CaptionerChoice, server_for
from instancecap.web.app.enhancing import (
    EnhanceOrder,
    edited,
    enhance_prompt,
    read_document,
    revised_facts,
)
from instancecap.web.app.prompts import target_names
from instancecap.web.app.services import Services


class Manner(BaseModel):
    """How a prompt is enhanced, as the page chooses it; ``target`` may be empty."""

    model_config = ConfigDict(extra="forbid")

    target: str = ""
    mode: Mode = "fused"
    has_picture: bool = False

    @property
    def options(self) -> EnhanceOptions:
        """Raises :class:`UsageError` for a target that is not known."""
        target = find_target(self.target) if self.target else None
        return EnhanceOptions(target=target, mode=self.mode, has_picture=self.has_picture)


class EnhanceRequest(Manner):
    """A prompt to enhance; ``picture`` is the key of the one that the clip begins with."""

    prompt: str = Field(max_length=LONGEST_PROMPT)
    picture: str = ""
    asks: bool = False
    url: str = Field(default="", max_length=2000)
    model: str = Field(default="", max_length=500)


class Revision(Manner):
    """A result, and perhaps a field of it that a person wrote."""

    caption: dict[str, Any]
    pointer: str = ""
    value: str | int | list[str] = ""


def router(services: Services) -> APIRouter:
    """The routes."""
    routes = APIRouter()

    @routes.get("/enhance", response_class=HTMLResponse)
    def page(request: Request) -> HTMLResponse:
        return services.pages.render(
            request,
            "app/templates/enhance.html",
            config=services.config,
            modes=get_args(Mode),
            targets=target_names(),
        )

    @routes.post("/enhance")
    def start(wanted: EnhanceRequest) -> dict[str, str]:
        """Begin to enhance a prompt; the job's result is what the page shows."""
        captioner = None
        if wanted.asks:
            choice = CaptionerChoice(captioner="mllm", url=wanted.url, model=wanted.model)
            server = server_for(choice, services.config)
            captioner = Mllm(**vars(server), options=ChainOptions())
        options = wanted.options
        order = EnhanceOrder(
            prompt=wanted.prompt,
            options=options if wanted.asks else EnhanceOptions(target=options.target),
            captioner=captioner,
            picture=str(services.source(wanted.picture).path) if wanted.picture else "",
            limits=services.config.limits,
        )
        return {"job": services.jobs.start(enhance_prompt, order)}

    @routes.post("/enhance/revision")
    def revise(given: Revision) -> dict[str, Any]:
        """What follows from an edited field, or from another target."""
        caption = read_document(given.caption)
        if given.pointer:
            caption = edited(caption, given.pointer, given.value)
        return revised_facts(caption, given.options)

    return routes
