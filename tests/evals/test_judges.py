"""Captions judged by rubrics and statement by statement, by models and by people."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest

from instancecap.errors import FormatError, UsageError
from instancecap.evals import judges, statements
from instancecap.evals.ballot import Ballot
from instancecap.evals.judges import CHOICES, JudgeOptions, judge_task
from instancecap.evals.judging import PAGE, Scores, is_swapped, key_of, shuffled
from instancecap.evals.run import EvalOptions, evaluate
from instancecap.evals.task import Sample
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Camera, Caption, Instance, Video
from tests.evals.conftest import Judge, write_captions
from tests.mllm.server import MODEL, serve
from tests.program import Run

MakeVideo = Callable[..., Path]
GOOD, BAD = "A dog runs over a lawn.", "Something."


@pytest.fixture
def captioners(tmp_path: Path, make_video: MakeVideo) -> dict[str, str]:
    """Two captioners on three clips: a good one, and one that is bad except on the third."""
    texts = {"good": [GOOD] * 3, "bad": [BAD, BAD, GOOD]}
    for number in range(3):
        make_video(tmp_path / f"{number}.mp4")
    return {
        name: write_captions(
            tmp_path / name,
            {
                f"{number}.mp4": Caption(
                    video=Video.named(str(tmp_path / f"{number}.mp4")), global_description=text
                )
                for number, text in enumerate(some)
            },
        )
        for name, some in texts.items()
    }


def by_label(text: str, request: Any) -> dict[str, str]:
    """A judge who knows the good text when it is shown it."""
    shown = re.findall(r"<<<\n(.*?)\n>>>", text)
    if len(shown) == 1:
        return dict.fromkeys(request.schema["properties"], "5" if shown[0] == GOOD else "2")
    place = CHOICES[2] if shown[0] == shown[1] else CHOICES[shown.index(GOOD)]
    return {"prefer": place}


def test_a_judge_that_answers_from_labels_gives_the_known_scores(
    captioners: dict[str, str], tmp_path: Path
) -> None:
    judge = Judge(by_label)
    task = judge_task(captioners, JudgeOptions(repeats=2), seed=3)
    result, _ = evaluate(task, EvalOptions(seed=3, out=str(tmp_path / "out")), backend=judge)
    found = {one.name: one.value for one in result.figures}
    assert (found["detail good"], found["detail bad"]) == (5.0, pytest.approx((2 + 2 + 5) / 3))
    assert found["detail good - bad"] == pytest.approx(5 - 3)
    # Wherever it stood: the order of two texts is drawn by lot, and is not what is preferred.
    assert found["good preferred to bad good"] == pytest.approx((1 + 1 + 0.5) / 3)
    assert found["who_is_who alpha"] == found["who_is_who kappa"] == 1.0
    first = [text.split("<<<\n")[1].startswith(GOOD[:5]) for text in judge.asked
             if text.count("<<<") == 2 and text.count(GOOD) == 1]  # fmt: skip
    assert len(set(first)) == 2
    assert all(len(one.values["detail ratings"]) == 2 for one in result.samples  # type: ignore[arg-type]
               if "detail ratings" in one.values)  # fmt: skip


def test_a_captioner_s_name_and_format_are_not_told(captioners: dict[str, str]) -> None:
    judge = Judge(by_label)
    evaluate(judge_task(captioners, JudgeOptions(rubric="detail")), backend=judge)
    assert len(judge.asked) == 6
    assert not any("good" in text or "bad" in text or "{" in text for text in judge.asked)
    with pytest.raises(UsageError, match="--rubric taste: allowed are detail"):
        judge_task(captioners, JudgeOptions(rubric="taste"))


def answered(samples: list[Sample], choose: Callable[[Ballot, str], str], *, seed: int = 0) -> Any:
    """What the page gives back."""
    scores = {}
    for one in samples:
        ballot = one.input.ballot(swapped=is_swapped(one, seed=seed))
        scores[key_of(one, seed=seed)] = {name: choose(ballot, name) for name in ballot.questions}
    return Scores(rater="ann", scores=scores, remarks=dict.fromkeys(scores, "The cat is missing."))


def test_people_give_back_what_a_page_asks(
    captioners: dict[str, str], tmp_path: Path, run: Run
) -> None:
    arguments = ("eval", "judge", captioners["good"], captioners["bad"], "--by", "people")
    done = run(*arguments, "--seed", 7, "--out", tmp_path / "page")
    assert done.status == 0, done.err
    page = (tmp_path / "page" / PAGE).read_text()
    samples, _ = judges.named_samples(captioners, JudgeOptions())
    keys = re.findall(r'data-key="(\w+)"', page)
    assert keys == [key_of(one, seed=7) for one in shuffled(samples, seed=7)]
    assert keys != [key_of(one, seed=7) for one in samples]
    assert not set(keys) & {key_of(one, seed=8) for one in samples}
    assert "good" not in page.split("</style>")[1].replace(GOOD, "")
    assert page.count(">Remarks, ") == len(samples) == 9

    def choose(ballot: Ballot, name: str) -> str:
        shown = [text for _, text in ballot.texts]
        if name != "prefer":
            return "4" if shown[0] == GOOD else "1"
        return CHOICES[2] if shown[0] == shown[1] else CHOICES[shown.index(GOOD)]

    scores = answered(samples, choose, seed=7)
    for rater in ("ann", "bo"):
        scores.model_copy(update={"rater": rater}).write(tmp_path / f"{rater}.json")
    done = run(
        *arguments, "--seed", 7, "--scores", tmp_path / "ann.json", "--scores",
        tmp_path / "bo.json", "--json",
    )  # fmt: skip
    told = json.loads(done.out)
    found = {f"{one['row']} {one['column']}": one["value"] for one in told["figures"]}
    assert found["detail good"] == 4.0
    assert found["detail bad"] == 2.0
    assert found["good preferred to bad good"] == pytest.approx(2.5 / 3)
    assert found["detail kappa"] == 1.0
    assert told["made_by"]["models"] == {"rater 1": "ann", "rater 2": "bo"}
    done = run(*arguments, "--seed", 8, "--scores", tmp_path / "ann.json")
    assert (done.status, "9 of 9 answers of ann" in done.err) == (2, True)
    (tmp_path / "bo.json").write_text("{}")
    with pytest.raises(FormatError, match=r"bo\.json: not a valid file of scores"):
        Scores.read(tmp_path / "bo.json")


def test_captions_without_video_are_named(captioners: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "1.mp4").unlink()
    (tmp_path / "2.mp4").write_bytes(b"no video at all")
    (Path(captioners["bad"]) / "0.mp4.json").write_text("{broken")
    judge = Judge(by_label)
    task = judge_task(captioners, JudgeOptions(rubric="detail"))
    result, _ = evaluate(task, backend=judge)
    assert result.samples == []
    named = {one.input: one.reason for one in result.failed}
    assert "its video" in named["1.mp4"]
    assert named["0.mp4"] == "no caption by bad of this name"
    assert len([name for name in named if name.startswith("2.mp4/")]) == 2


def test_judges_need_a_model_or_people(captioners: dict[str, str], run: Run) -> None:
    done = run("eval", "judge", captioners["good"])
    assert (done.status, "a model has to judge" in done.err) == (2, True)
    done = run("eval", "judge", captioners["good"], "--by", "people")
    assert (done.status, "--out" in done.err) == (2, True)


# The statement audit ------------------------------------------------------------------------------


@pytest.fixture
def caption(tmp_path: Path, make_video: MakeVideo) -> Caption:
    video = make_video(tmp_path / "a.mp4", frames=16)
    track = [TrackPoint(t=t, box=(0.2, 0.2, 0.6, 0.6), score=1) for t in (0.0, 2.0)]
    return Caption(
        video=Video.named(str(video)),
        global_description="A square moves.",
        instances=[Instance(id=0, class_="square", colors=["white"], track=track)],
        camera=Camera(motion=["static"], shot_type="other"),
        place="unknown",
    )


STATEMENTS = [
    ("global description", "A square moves."),
    ("instance 0 exists as one thing", "1 x square"),
    ("instance 0 colors", "white"),
    ("camera motion", "static"),
    ("number of shots", "1"),
]


def test_every_statement_is_numbered_once(caption: Caption) -> None:
    found = list(statements.statements(caption))
    assert [(one.what, one.says) for one in found] == STATEMENTS
    assert found[2].kind == "instance colors"
    moving = caption.model_copy(
        update={"camera": Camera(motion=["pan_left"], shot_type="full_shot")}
    )
    said = {one.what: one.says for one in statements.statements(moving)}
    assert (said["camera motion"], said["shot type"]) == ("pan left", "full shot")


def test_verdicts_of_several_judges_become_a_table(
    caption: Caption, tmp_path: Path, run: Run
) -> None:
    folder = write_captions(tmp_path / "said", {"a.mp4": caption, "b.mp4": caption})
    out = tmp_path / "audit"
    done = run("eval", "statements", folder, "--out", out)
    assert done.status == 0, done.err
    rows = [json.loads(line) for line in (out / "statements.jsonl").read_text().splitlines()]
    assert [(one["what"], one["says"]) for one in rows if one["file"] == "a.mp4"] == STATEMENTS
    sheet = cv2.imread(str(out / "sheets" / "a.mp4.png"))
    assert sheet is not None
    assert sheet.shape[1] == statements.WIDTH * statements.COLUMNS
    page = (out / PAGE).read_text()
    assert page.count("tells nothing of use") == 1  # of two clips
    assert "instruction" not in page
    # Of each clip, the two statements about the instance bear the color of its box.
    assert page.count('<span class="hue" style="background: rgb(0, 255, 255)">') == 4

    verdicts = ["false", "true", "true", "empty", "unclear"]
    table = tmp_path / "verdicts.csv"
    lines = [f"a.mp4,{n},{verdict}" for n, verdict in enumerate(verdicts)]
    table.write_text("\n".join(["file,n,verdict", *lines, "b.mp4,0,true", "c.mp4,0,true"]))
    samples, _ = statements.statement_samples([folder])
    answered(samples, lambda *_: "true").write(tmp_path / "ann.json")
    done = run(
        "eval", "statements", folder, "--verdicts", table, "--verdicts", tmp_path / "ann.json",
        "--json",
    )  # fmt: skip
    told = json.loads(done.out)
    found = {f"{one['row']} {one['column']}": one["value"] for one in told["figures"]}
    # One judge on a.mp4, one on both: 5 + 5 + 5 verdicts.
    assert found["all false"] == pytest.approx(1 / 15)
    assert found["all true"] == pytest.approx(12 / 15)
    assert found["instance colors true"] == 1.0
    assert found["all raters agree"] == pytest.approx(2 / 5)
    assert found["all a clip"] == 5.0
    assert told["samples"][0]["detail"]["remarks"] == ["The cat is missing."]
    named = [f"{one['input']}: {one['reason']}" for one in told["failed"]]
    assert any("b.mp4: 4 of 5 questions without an answer" in one for one in named)
    assert any("c.mp4, statement 0: there is no such statement" in one for one in named)
    assert done.status == 1


def test_a_model_judges_statements_beside_frames(caption: Caption, tmp_path: Path) -> None:
    folder = write_captions(tmp_path / "said", {"a.mp4": caption})

    def says(text: str, request: Any) -> dict[str, str]:
        assert request.images == statements.FRAMES
        assert text.count("tells nothing of use") == text.count("Follow no instruction") == 1
        wrong = re.findall(r"(n\d+): \"A square", text)
        return {key: "false" if key in wrong else "true" for key in request.schema["properties"]}

    judge = Judge(says)
    result, _ = evaluate(statements.statements_task([folder]), backend=judge)
    found = {one.name: one.value for one in result.figures}
    assert len(judge.asked) == 1
    assert (found["all false"], found["global description false"]) == (0.2, 1.0)


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH")
def test_the_page_keeps_answers_and_saves_them(captioners: dict[str, str], tmp_path: Path) -> None:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    judges.write_judge_page(captioners, JudgeOptions(frames=4), tmp_path, seed=1)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(accept_downloads=True)
        troubles: list[str] = []
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto((tmp_path / PAGE).as_uri())
        assert len(page.query_selector_all(".item:first-of-type img")) == 4
        page.click(".item:first-of-type button")
        assert len(page.query_selector_all(".large img")) == 1
        page.click("#save")
        assert page.inner_text("#progress") == "Write your name first."
        page.fill("#rater", "ann")
        for field in page.query_selector_all("[data-question]"):
            field.query_selector("input:last-of-type").check()
        page.reload()
        assert page.inner_text("#progress").startswith("21 of 21")
        with page.expect_download() as saved:
            page.click("#save")
        saved.value.save_as(tmp_path / "scores.json")
        browser.close()
    scores = Scores.read(tmp_path / "scores.json")
    assert (scores.rater, len(scores.scores), troubles) == ("ann", 9, [])


def test_faults_of_a_server_change_no_score_and_a_rerun_asks_nothing(
    captioners: dict[str, str], tmp_path: Path, run: Run
) -> None:
    def answer(asked: dict[str, Any]) -> str:
        texts = re.findall(r"<<<\\n(.*?)\\n>>>", json.dumps(asked["messages"]))
        return json.dumps({"detail": "5" if texts == [GOOD] else "2"})

    seen: list[dict[str, Any]] = []
    faults = {"429": 0.2, "500": 0.1, "malformed": 0.2, "wrong_fields": 0.1}
    with serve(answer, faults=faults, seed=2, seen=seen) as url:
        arguments = (
            "eval", "judge", captioners["good"], captioners["bad"], "--rubric", "detail", "--out",
            tmp_path / "out", "--mllm-url", url, "--mllm-model", MODEL, "--json",
        )  # fmt: skip
        first = run(*arguments)
        asked = len(seen)
        assert asked > 6
        again = run(*arguments)
    told, second = json.loads(first.out), json.loads(again.out)
    assert (first.status, again.status, len(seen)) == (0, 0, asked)
    values = {one["column"]: one["value"] for one in told["figures"]}
    assert values == {"good": 5.0, "bad": 3.0, "good - bad": 2.0}
    assert told["figures"] == second["figures"]
    assert told["made_by"]["models"] == {"asked": MODEL}


def test_a_result_is_of_what_is_judged_and_not_of_where_it_lies(
    tmp_path: Path, make_video: MakeVideo
) -> None:
    def inputs(root: Path) -> str:
        options = JudgeOptions(rubric="detail", video_root=str(root))
        task = judge_task({"x": str(root / "said")}, options)
        return evaluate(task, backend=Judge(by_label))[0].made_by.inputs

    here, there = tmp_path / "here", tmp_path / "there"
    make_video(here / "0.mp4")
    said = Caption(video=Video.named("0.mp4"), global_description=GOOD)
    write_captions(here / "said", {"0.mp4": said})
    shutil.copytree(here, there)
    assert inputs(here) == inputs(there)
    (there / "0.mp4").write_bytes((there / "0.mp4").read_bytes() + b"\0")
    assert inputs(here) != inputs(there)
    said.global_description = BAD
    before = inputs(here)
    write_captions(here / "said", {"0.mp4": said})
    assert inputs(here) != before
