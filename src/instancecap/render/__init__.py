"""Caption to prompt: one paragraph, or JSON, within a model's token budget."""

from instancecap.render.prompt import Prompt
from instancecap.render.render import render
from instancecap.render.targets import Target, find_target, read_targets, targets

__all__ = ["Prompt", "Target", "find_target", "read_targets", "render", "targets"]
