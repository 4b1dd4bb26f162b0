"""Caption to prompt: one paragraph, or JSON, within a model's token budget."""

from instancecap.render.options import Prompt, RenderOptions
from instancecap.render.render import render, render_with
from instancecap.render.targets import Target, find_target, read_targets, targets

__all__ = [
    "Prompt",
    "RenderOptions",
    "Target",
    "find_target",
    "read_targets",
    "render",
    "render_with",
    "targets",
]
