"""What says nothing of a clip: no captioner learns it, and a prompt of it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from instancecap.datasets.captions import Row
from instancecap.datasets.export.write import names_nothing, require_answer
from instancecap.errors import InputError
from instancecap.formats import to_format
from instancecap.schema.caption import Camera, Caption, Instance, Provenance, Segment
from tests.datasets.export.made import caption_of, export_rows, row_of

SCENE = "Over a lawn by day, the camera pans right over a scene in which nothing could be named."
MEASURED = {
    name: Provenance(source="camera", confidence=0.9, support="measured")
    for name in ("/global_description", "/background")
}
DOG = Instance(id=0, class_="dog", appearance="A brown dog.", action="Runs off.")


def made(*, measured: bool, **fields: object) -> Caption:
    return Caption.model_validate(
        {
            "video": None,
            "global_description": SCENE,
            "background": "The surroundings are mostly green.",
            "camera": Camera(motion=["pan_right"], description="The camera pans right."),
            "provenance": MEASURED if measured else {},
            **fields,
        }
    )


@pytest.mark.parametrize(
    ("measured", "fields", "good"),
    [
        (True, {}, False),
        (True, {"instances": [DOG]}, True),
        (True, {"segments": [Segment(start=0, end=1, description="A bud opens.")]}, True),
        (False, {}, True),
        (False, {"global_description": "A bud."}, True),
        (True, {"provenance": {"/background": MEASURED["/background"]}}, True),
    ],
)
def test_a_caption_of_nothing_is_no_answer(
    measured: bool, fields: dict[str, object], good: bool
) -> None:
    caption = made(measured=measured, **fields)
    answer = to_format(caption, "instancevid")
    assert isinstance(answer, dict)
    if good:
        require_answer(caption, answer)
    else:
        with pytest.raises(InputError, match="no instance, and no event"):
            require_answer(caption, answer)


@pytest.mark.parametrize(
    ("measured", "fields", "prompt", "nothing"),
    [
        (True, {}, "A picture with vivid colors. The camera pans right.", True),
        (True, {"instances": [DOG]}, "The camera pans right. The picture is steady.", True),
        (True, {"instances": [DOG]}, "A dog runs off.", False),
        (True, {"instances": [DOG]}, "Two dogs, side by side.", False),
        (False, {"global_description": "The camera pans over a port."}, "It pans right.", True),
        (False, {"global_description": "The camera pans over a port."}, "Pans over a port.", False),
        (
            True,
            {"segments": [Segment(start=0, end=1, description="A bud opens.")]},
            "Opens.",
            False,
        ),
    ],
)
def test_a_prompt_without_subject_and_event_is_known(
    measured: bool, fields: dict[str, object], prompt: str, nothing: bool
) -> None:
    assert names_nothing(made(measured=measured, **fields), prompt) is nothing


def test_both_are_told_by_name(tmp_path: Path, make_video: Callable[..., Path]) -> None:
    clips = [make_video(tmp_path / f"{name}.mp4", frames=9) for name in "ab"]
    empty = made(measured=True)
    empty.video = caption_of(clips[0]).video
    rows = [Row("a.mp4", empty, "a.json"), row_of(clips[1])]
    report = export_rows(rows, "llama-factory", tmp_path / "one")
    assert [source for source, _ in report.failed] == ["a.json"] and report.done == 1
    report = export_rows(rows, "ltx-2", tmp_path / "two")
    told = "its prompt names no subject and no event"
    assert [name for name, text in report.warnings if text == told] == ["a.mp4"]
