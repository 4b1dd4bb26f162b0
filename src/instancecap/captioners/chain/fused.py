"""The default: the model looks and describes in one question, then the two agree on who is who.

What follows costs further questions only where it pays: things that the whole view can't show well
enough (``detail``), and the parts of a long clip.
"""

from __future__ import annotations

from instancecap.captioners.chain.detail import detail_questions, take_details
from instancecap.captioners.chain.look import look
from instancecap.captioners.chain.parts import describe_parts
from instancecap.captioners.chain.questions import Chain, Scene


def fused(scene: Scene) -> Chain:
    """1 call, 1 for each instance that is looked at of its own, 1 for every few parts of a long
    clip."""
    yield from look(scene)
    if details := detail_questions(scene):
        take_details(scene, (yield details))
    yield from describe_parts(scene)
