"""The table of who won what, against captions whose winners are known."""

from __future__ import annotations

from pathlib import Path

from instancecap.evals.run import EvalOptions, evaluate
from instancecap.evals.teachers import field_of, teachers_task
from instancecap.schema.caption import Alternative, Caption, Teacher, Video


def lost(text: str) -> Alternative:
    return Alternative(value=text, support="unchecked", score=0.0)


def test_shares_are_of_what_teachers_differ_on(tmp_path: Path) -> None:
    caption = Caption(
        video=Video.named("a.mp4"),
        teachers=[
            Teacher(name="a", model="m", calls=2, seconds=3, won=["/place", "/background"],
                    lost={"/style": lost("graphics")}),
            Teacher(name="b", model="n", calls=4, seconds=1, won=["/style"],
                    lost={"/place": lost("indoor")}),
            Teacher(name="c", model="n", problem="not there"),
        ],
    )  # fmt: skip
    (tmp_path / "a.json").write_text(caption.to_json())
    (tmp_path / "b.json").write_text(Caption(video=Video.named("b.mp4")).to_json())
    task = teachers_task([str(tmp_path)])
    result, _ = evaluate(task, EvalOptions())
    found = {one.name: one.value for one in result.figures}
    assert found["all a"] == found["all b"] == 0.5  # nobody disputes the background
    assert (found["place a"], found["place b"], found["style b"]) == (1, 0, 1)
    assert (found["calls a clip a"], found["calls a clip b"]) == (2, 4)
    assert found["calls a clip c"] is None
    assert (found["answer missing a"], found["answer missing c"]) == (0, 1)
    (one,) = result.failed
    assert "--teachers FILE" in one.reason


def test_fields_go_by_what_they_are() -> None:
    assert field_of("/instances/7/position/text") == "instance position text"
    assert field_of("/camera/shot_type") == "camera shot_type"
