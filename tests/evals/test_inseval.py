"""Inseval: the suite, its linter, the published files, and videos scored by a scripted model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from instancecap.errors import UsageError
from instancecap.evals.compare import compare
from instancecap.evals.inseval.chain import questions_of
from instancecap.evals.inseval.ground import disagreements, ground
from instancecap.evals.inseval.prompts import prompts_of, write_prompts
from instancecap.evals.inseval.score import inseval, passes
from instancecap.evals.inseval.suite import Prompt, Wanted, lint, our_suite, read_prompts
from instancecap.evals.result import Result
from instancecap.evals.run import EvalOptions, evaluate
from instancecap.evals.task import Sample
from instancecap.mllm.base import Request
from instancecap.mllm.server import Server
from instancecap.render.targets import find_target
from instancecap.schema.evidence import Evidence
from tests.conftest import MakeVideo, Measured
from tests.evals.conftest import Judge
from tests.mllm.server import MODEL, serve
from tests.program import Run

Say = Callable[[str], dict[str, Any]]


def test_our_suite_passes_its_linter() -> None:
    suite = our_suite()
    assert len(suite) == 320
    assert lint(suite) == []


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda s: s[1:], "single/action: 31 prompts, others have 32"),
        (lambda s: [replace(s[0], text=s[1].text), *s[1:]], "occurs 2 times"),
        (lambda s: [*s, s[5]], "id 'single/action/0005' occurs 2 times"),
        (lambda s: [replace(s[0], text="A man waves."), *s[1:]], "'woman' does not stand in"),
        (
            lambda s: [replace(s[0], instances=(Wanted("woman", "pier"),) * 2), *s[1:]],
            "2 instances in the subset single",
        ),
        (
            lambda s: [
                *s[:-1],
                replace(s[-1], instances=(s[-1].instances[0], Wanted("mug", "lantern on its"))),
            ],
            "tells 'lantern on its'",
        ),
    ],
)
def test_the_linter_names_what_is_wrong(change: Callable[[Any], Any], line: str) -> None:
    assert any(line in one for one in lint(change(our_suite())))


def test_no_question_before_the_last_tells_what_is_wanted() -> None:
    for prompt in our_suite():
        for question in questions_of(prompt):
            told = [one.value for one in prompt.instances if one.value in question.text]
            assert bool(told) == (question.kind == "match")


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    out = tmp_path / "prompts.jsonl"
    made = [(f"In rich light: {one.text}", "blurry") for one in our_suite()]
    write_prompts(str(out), our_suite(), target=find_target("wan2.2"), enhanced=made)
    assert list(read_prompts(str(out)).found.values()) == our_suite()
    row = json.loads(out.read_text().splitlines()[40])
    assert row["prompt"] == f"In rich light: {row['source']}"
    assert row["video"] == "single/color/0008.mp4"
    assert (row["negative_prompt"], row["fps"], row["frames"]) == ("blurry", 16, "4N+1")
    assert [one["kind"] for one in row["questions"]] == ["describe", "present", "open", "match"]


def test_a_prompt_that_a_target_would_cut_is_refused(tmp_path: Path) -> None:
    long = [("a word " * 400, "")] * 320
    with pytest.raises(UsageError, match=r"single/action/0000: \d+ tokens, cogvideox takes 226"):
        write_prompts(
            str(tmp_path / "p.jsonl"), our_suite(), target=find_target("cogvideox"), enhanced=long
        )


def published(folder: Path) -> Path:
    """Files in the published layout, two rows each, one of them broken."""
    rows = {
        "single/color": [
            {"name": "0001.mp4", "sentence": "A cup."},
            {
                "name": "0000.mp4",
                "sentence": "A red cup.",
                "instance": {"class": "cup", "color": "red"},
            },
        ],
        "multiple/action": [
            {
                "name": "0007.mp4",
                "sentence": "A boy runs as a kite flies.",
                "instance": {
                    "0": {"class": "boy", "action": "running"},
                    "1": {"class": "kite", "action": "flying"},
                },
            },
        ],
    }
    for cell, some in rows.items():
        path = folder / "dimensions" / f"{cell}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(one) + "\n" for one in some))
    return folder


def test_the_published_files_are_read(tmp_path: Path) -> None:
    named = read_prompts(str(published(tmp_path)))
    found = named.found["multiple/action/0007"]
    assert [(one.name, one.value, one.count) for one in found.instances] == [
        *(("boy", "running", 0), ("kite", "flying", 0))
    ]
    assert named.found["single/color/0000"].instances[0].value == "red"
    assert "color.jsonl: line 1" in named.rejected[0].source
    with pytest.raises(UsageError, match="not a row of the published files"):
        prompts_of(str(tmp_path))
    with pytest.raises(UsageError, match=r"no single/action\.jsonl"):
        read_prompts(str(tmp_path / "dimensions" / "single"))


# Scoring ------------------------------------------------------------------------------------------


PROMPTS = [
    Prompt("single/color/0000", "A red cup.", (Wanted("cup", "red"),)),
    Prompt("single/color/0001", "A blue cup.", (Wanted("cup", "blue"),)),
    Prompt("single/shape/0000", "A round cup.", (Wanted("cup", "round"),)),
    Prompt("multiple/color/0000", "A red cup, a blue hat.", (Wanted("cup", "red"),
                                                             Wanted("hat", "blue"))),
]  # fmt: skip


def says(wrong: tuple[str, ...] = (), absent: tuple[str, ...] = ()) -> Callable[..., Any]:
    """A model that says YES but to these values, and that these are not there."""

    def answer(text: str, request: Request) -> dict[str, Any]:
        if "answer" not in (request.schema or {}).get("properties", {}):
            return {}
        if "enum" not in (request.schema or {})["properties"]["answer"]:
            free = any(f"'{one}'" in text for one in (*wrong, *absent)) and "YES" in text
            return {"answer": "No, no" if free else "It is YES, I think"}
        no = any(f"“{one}”" in text for one in wrong)
        no |= any(f"Is there a {one} " in text for one in absent)
        return {"answer": "NO" if no else "YES"}

    return answer


@pytest.fixture
def videos(tmp_path: Path, make_video: MakeVideo, without_weights: None) -> Path:
    """A tiny video for each prompt."""
    for one in PROMPTS:
        make_video(tmp_path / "videos" / one.video)
    return tmp_path / "videos"


def score(videos: Path, judge: Judge, out: Path | None = None, **how: Any) -> Result:
    prompts = videos.parent / "prompts.jsonl"
    write_prompts(str(prompts), PROMPTS)
    options = EvalOptions(out=str(out) if out else "")
    result, _ = evaluate(inseval([str(videos)], str(prompts), **how), options, backend=judge)
    return result


def table(result: Result) -> dict[str, float | None]:
    return {one.name: one.value for one in result.figures if not one.name.startswith("agree")}


def test_a_video_passes_where_every_instance_is_there_and_matches(videos: Path) -> None:
    result = score(videos, Judge(says(wrong=("blue",))))
    assert table(result) == {
        "color Single": 0.5,
        "color Multiple": 0.0,
        "shape Single": 1.0,
        "average Single": 0.75,
        "average Multiple": 0.0,
    }


def test_what_is_not_there_is_asked_nothing_more(videos: Path) -> None:
    judge = Judge(says(absent=("hat",)))
    result = score(videos, judge)
    sample = next(one for one in result.samples if one.id == "multiple/color/0000")
    there, _, _, away = list(sample.detail["questions"].values())[1:]
    assert (there, away) == ("YES", "NO")
    assert sample.values["pass"] == 0
    assert not any("“blue”" in text and "hat" in text for text in judge.asked)


def test_the_frames_go_with_their_times_and_what_was_said(videos: Path) -> None:
    seen: list[Request] = []

    def answer(text: str, request: Request) -> dict[str, Any]:
        seen.append(request)
        return says()(text, request)

    score(videos, Judge(answer))
    last = next(one for one in seen if "“round”" in str(one.messages[-1].parts))
    assert [one.role for one in last.messages] == ["user", "assistant", "user", "assistant", "user"]
    times = [one.t for one in last.pictures]
    assert times == sorted(times) and times[0] == 0.0 and len(times) == 8


def test_a_missing_and_an_unreadable_video_are_named_and_count_nowhere(videos: Path) -> None:
    (videos / PROMPTS[0].video).unlink()
    (videos / PROMPTS[1].video).write_bytes(b"no video")
    shutil.copy(videos / PROMPTS[2].video, videos / "extra.mp4")
    result = score(videos, Judge(says()))
    reasons = {one.input: one.reason for one in result.failed}
    assert "not a video that can be read" in reasons.pop("single/color/0001")
    assert reasons == {
        "single/color/0000.mp4": "no video of this name",
        "extra.mp4": "no prompt of this name",
    }
    assert table(result)["color Single"] is None
    assert table(result)["average Single"] == 1.0
    assert [one.id for one in result.samples] == ["single/shape/0000", "multiple/color/0000"]


def test_as_published_shifts_and_counts_what_is_missing(videos: Path) -> None:
    (videos / PROMPTS[0].video).unlink()
    result = score(videos, Judge(says()), method="as-published")
    shown = {one.id: one.video.rpartition("videos/")[2] for one in result.samples}
    assert shown["single/color/0000"] == "single/color/0001.mp4"
    assert shown["single/color/0001"] == ""
    assert table(result)["color Single"] == 0.5
    assert table(result)["color Multiple"] == 1.0  # YES stands somewhere in a free answer


def test_as_published_gives_up_at_the_first_that_fails(videos: Path) -> None:
    judge = Judge(says(wrong=("red",)))
    result = score(videos, judge, method="as-published")
    sample = next(one for one in result.samples if one.id == "multiple/color/0000")
    assert list(sample.detail["questions"].values())[1:] == ["YES", "It is YES, I think", "NO"]


def test_a_rerun_asks_only_what_was_not_answered(videos: Path, tmp_path: Path) -> None:
    def ill(text: str, request: Request) -> dict[str, Any] | str:
        return "…" if "“round”" in str(request.messages) else says()(text, request)

    first = score(videos, Judge(ill), tmp_path / "out")
    assert [one.input.rpartition("/")[2] for one in first.failed] == ["0000"]
    judge = Judge(says())
    second = score(videos, judge, tmp_path / "out")
    assert not second.failed and len(second.samples) == 4
    assert all("cup" in text or "frames" in text for text in judge.asked) and len(judge.asked) == 4


def test_a_server_that_fails_now_and_then_is_survived(videos: Path, tmp_path: Path) -> None:
    def answer(body: dict[str, Any]) -> str:
        asked = json.dumps(body.get("response_format", {}))
        if "vermilion" in asked:
            return json.dumps({"colour": "vermilion-47"})
        return json.dumps({"answer": "YES" if "enum" in asked else "A cup."})

    prompts = tmp_path / "prompts.jsonl"
    write_prompts(str(prompts), PROMPTS)
    with serve(answer, faults={"500": 0.2, "disconnect": 0.1, "loop": 0.1}, seed=2) as url:
        server = Server(url=url, model=MODEL)
        result, _ = evaluate(inseval([str(videos)], str(prompts)), server=server)
    assert not result.failed and set(table(result).values()) == {1.0}


def test_two_generators_are_compared_in_pairs(videos: Path) -> None:
    ours, theirs = (score(videos, Judge(says(wrong=w))) for w in ((), ("blue",)))
    result = compare(ours, theirs, names=("ours", "theirs"))
    found = {one.name: one.value for one in result.figures}
    assert found["color Single A - B"] == 0.5
    assert found["shape Single A - B"] == 0.0
    assert result.samples[0].id in ("single/color/0001", "multiple/color/0000")


def facts(class_: str, **more: Any) -> Evidence:
    """Evidence of one sure instance in full view that moves to the right."""
    track = [{"t": t / 4, "box": [0.1 + t / 20, 0.3, 0.3 + t / 20, 0.7], "score": 0.9}
             for t in range(9)]  # fmt: skip
    motion = {"moving": True, "direction": "right", "speed": 0.2, "activity": 0.5}
    one = {"id": 0, "class": class_, "confidence": 0.95, "salience": 0.9, "track": track,
           "colors": [["red", 0.9]], "motion": motion} | more  # fmt: skip
    camera = {"motion": ["static"], "confidence": 0.9}
    video = {"id": "v", "path": "v.mp4", "start": 0, "end": 2.25, "duration": 2.25, "fps": 4,
             "width": 64, "height": 48, "frames": 9}  # fmt: skip
    return Evidence.model_validate({"video": video, "camera": camera, "instances": [one]})


def test_answers_are_held_against_what_was_measured() -> None:
    prompt = Prompt("single/color/0000", "A blue car.", (Wanted("car", "blue", "right"),))
    rows = {one["kind"]: one for one in ground(prompt, facts("car"))}
    assert rows["presence"]["support"] == rows["count"]["support"] == "supported"
    assert rows["direction"]["support"] == "supported"
    assert rows["color"]["support"] in ("contradicted", "disputed")
    found = disagreements(list(rows.values()), [{"present": False, "matches": True}])
    assert [(one["kind"], one["model"]) for one in found] == [("presence", "NO"), ("color", "YES")]
    assert disagreements(list(rows.values()), [{"present": True, "matches": None}]) == []


def test_a_person_shows_no_woman_and_what_is_disputed_judges_nobody() -> None:
    prompt = Prompt("single/color/0000", "A woman in blue.", (Wanted("woman", "blue"),))
    rows = ground(prompt, facts("person"))
    assert [(one["kind"], one["support"]) for one in rows] == [("color", "disputed")]
    told = {"present": True, "matches": True, "said": ""}
    answer = {"description": "", "instances": [told], "grounded": rows, "problem": ""}
    score = passes("correct")(Sample("single/color/0000", target=prompt), answer)
    assert (score.values["agreeing"], score.values["measured"]) == (0, 0)
    assert len(score.detail["disagreements"]) == 1


def test_a_real_clip_is_grounded(measured: Measured) -> None:
    wanted = (Wanted("woman", "walks"), Wanted("dog", "walks", count=3))
    prompt = Prompt("multiple/action/0000", "A woman and three dogs walk.", wanted)
    rows = ground(prompt, measured("everyday/woman_dog.mp4"))
    assert ("presence", "supported") in [(one["kind"], one["support"]) for one in rows]
    count = [one for one in rows if one["kind"] == "count" and one["instance"] == 1]
    assert all(one["support"] != "supported" for one in count)


def test_the_program_writes_prompts_and_scores(run: Run, tmp_path: Path, videos: Path) -> None:
    done = run("eval", "inseval", "prompts", "--out", str(tmp_path / "p.jsonl"), "--json")
    assert json.loads(done.out)["prompts"] == 320
    done = run("eval", "inseval", "prompts", "--enhance", "--out", tmp_path / "p.jsonl")
    assert "prompts are as before: without a model nothing is added" in done.err
    done = run("eval", "inseval", "score", str(videos), "--prompts", str(tmp_path / "p.jsonl"))
    assert done.status == 2
    assert "give --mllm-url and --mllm-model" in done.err
