"""Captions that are written anew in part, that have shots, and that a model lied in."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.asking import write_clip
from instancecap.schema import Caption
from tests.integration.users import asking, captions_in, questions, saying
from tests.mllm.server import serve
from tests.program import Run


@pytest.fixture
def clip(tmp_path: Path, without_weights: None) -> Path:
    write_clip(tmp_path / "clip.mp4", seed=0, things=2)
    return tmp_path / "clip.mp4"


def test_only_the_named_fields_are_rewritten(run: Run, clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with serve(saying()) as url:
        assert run("caption", clip, *asking(url, "--out", out)).status == 0
    (before,) = captions_in(out).values()
    seen: list[dict[str, Any]] = []
    again = "Another wall of bricks."
    with serve(saying(background=again, camera_description="It is filmed anew."), seen=seen) as url:
        ran = run("caption", clip, *asking(url, "--out", out, "--fields", "background,camera"))
    assert ran.status == 0, ran.err
    (after,) = captions_in(out).values()
    assert len(questions(seen)) == 1
    assert after.background == again and after.camera.description == "It is filmed anew."
    old, new = before.model_dump(mode="json"), after.model_dump(mode="json")
    for document in (old, new):
        del document["background"]
        for name in ("description", "shot_type", "shot_angle", "shot_position"):
            del document["camera"][name]
        for name in [
            one for one in document["provenance"] if one.startswith(("/camera/", "/back"))
        ]:
            del document["provenance"][name]
        document["claims"] = [
            one for one in document["claims"] if not one["field"].startswith(("/camera/", "/back"))
        ]
    assert json.dumps(new) == json.dumps(old)


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_a_person_wrote_stays(run: Run, clip: Path, tmp_path: Path, overwrite: bool) -> None:
    out = tmp_path / "out"
    with serve(saying()) as url:
        assert run("caption", clip, *asking(url, "--out", out)).status == 0
    (path,) = out.glob("*.json")
    caption = Caption.read(path)
    caption.background = "Mother's kitchen."
    caption.provenance["/background"].source = "human"
    caption.write(path)
    options = ("--fields", "background,lighting", *(("--overwrite-human",) if overwrite else ()))
    with serve(saying(background="A wall.", lighting="Dim light.")) as url:
        assert run("caption", clip, *asking(url, "--out", out, *options)).status == 0
    after = Caption.read(path)
    assert after.lighting == "Dim light."
    assert after.background == ("A wall." if overwrite else "Mother's kitchen.")
    source = after.provenance["/background"].source
    assert (source == "human") is not overwrite


def test_fields_of_a_clip_without_a_caption(run: Run, clip: Path, tmp_path: Path) -> None:
    with serve(saying()) as url:
        ran = run("caption", clip, *asking(url, "--out", tmp_path / "o", "--fields", "background"))
    assert ran.status == 1
    assert "no caption to rewrite; caption the clip in full first" in ran.err


def test_a_clip_of_several_shots(
    run: Run, clips_dir: Path, with_weights: Path, tmp_path: Path
) -> None:
    clip, whole, parts = clips_dir / "cuts" / "bikes.mp4", tmp_path / "whole", tmp_path / "parts"
    with serve(saying()) as url:
        options = asking(url, "--frames", "4")
        assert run("caption", clip, *options, "--out", whole).status == 0
        assert run("caption", clip, *options, "--split-shots", "--out", parts).status == 0
    (caption,) = captions_in(whole).values()
    assert caption.video is not None and len(caption.shots) > 1
    segments = caption.segments
    assert segments[0].start == 0 and segments[-1].end == caption.video.duration
    assert all(a.end == b.start for a, b in pairwise(segments))
    assert all(one.description == f"Said of part {n}." for n, one in enumerate(segments, 1))
    shots = captions_in(parts)
    assert list(shots) == [f"bikes.mp4#{index + 1}" for index in range(len(caption.shots))]
    for one, shot in zip(shots.values(), caption.shots, strict=True):
        assert one.video is not None
        assert one.video.duration == pytest.approx(shot.end - shot.start, abs=0.01)
        assert one.global_description == "Said of global description."
    classes = {thing.id: thing.class_ for thing in caption.instances}
    for one in shots.values():
        for thing in one.instances:
            assert classes.get(thing.id, thing.class_) == thing.class_


LIES = {
    "action": "It moves to the left.",
    "global_description": "Five dogs run at night.",
    "camera_description": "The camera pans to the left.",
    "time_of_day": "night",
}


DOG = {"name": "the dog", "class": "dog", "category": "animal", "pictures": [], "boxes": []}


def test_lies_are_told_as_such(
    run: Run, clips_dir: Path, with_weights: Path, tmp_path: Path
) -> None:
    """woman_dog.mp4: a woman and a dog by day; the camera is static; the dog runs right."""
    clip, out = clips_dir / "everyday" / "woman_dog.mp4", tmp_path / "out"
    with serve(saying(instances=[DOG], **LIES)) as url:
        ran = run("caption", clip, *asking(url, "--out", out))
    assert ran.status == 0, ran.err
    (caption,) = captions_in(out).values()
    (dog,) = caption.instances
    lied = {f"/instances/{dog.id}/action", "/global_description", "/camera/description"}
    wrong = {one.field for one in caption.claims if one.support in ("contradicted", "disputed")}
    assert lied <= wrong, caption.claims
    # What is measured and nearly always right wins, whatever a model says.
    assert caption.time_of_day == "day" or caption.provenance["/time_of_day"].source != "light"
    assert caption.camera.motion == ["static"]
