"""A whole caption from the recorded answers of a careful reader, on the clip of the documents."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import instancecap as ic
from examples.demo import find_clips
from instancecap.evidence.geometry import ious
from instancecap.mllm.scripted import ReplayBackend

RECORDING = Path(__file__).resolve().parents[3] / "examples" / "recordings" / "clip.jsonl"


@pytest.mark.usefixtures("without_weights")
def test_the_recorded_answers_make_the_caption_of_the_documents(tmp_path: Path) -> None:
    (clip,) = (path for path in find_clips() if "carphone" in path.name)
    shutil.copy(clip, tmp_path / "clip.mp4")
    captioner = ic.Mllm(backend=ReplayBackend(RECORDING, model="reader"))
    caption = ic.caption(tmp_path / "clip.mp4", captioner=captioner)
    (man,) = caption.instances
    assert (man.name, man.class_, man.is_main) == ("the man in the suit", "person", True)
    assert man.name in man.action.lower() and "bow tie" in caption.global_description
    assert "leans his head" in man.action and "tilts his head" not in man.action  # the second look
    boxes = [point.box for point in man.track]
    assert len(boxes) >= 8 and not man.position.leaves
    assert ious(np.array(boxes[:1]), np.array([(0.18, 0.07, 0.99, 1.0)]))[0, 0] > 0.5
    assert caption.camera.motion == ["static"] and caption.time_of_day == "day"
    assert not [claim for claim in caption.claims if claim.support == "contradicted"]
    unsourced = set(caption.leaves()) - set(caption.provenance)
    assert not unsourced
