"""Tasks on the engine, result documents, pairing by name, two results compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from instancecap.errors import FormatError, UsageError
from instancecap.evals.asking import Asker
from instancecap.evals.compare import compare_files, read_result
from instancecap.evals.pairing import Named, pair
from instancecap.evals.report import Grid, Plot, page, table
from instancecap.evals.result import FigureResult
from instancecap.evals.run import EvalOptions, evaluate
from instancecap.evals.task import Figure, Sample, Score, Scorer, Solver, Task
from instancecap.io.finder import Rejected
from tests.evals.conftest import Judge
from tests.program import Run


class Size(BaseModel):
    size: int


def right() -> Scorer:
    def score(sample: Sample, answer: Any) -> Score:
        return Score({"right": float(answer == sample.target)}, {"answer": answer})

    return score


def doubled(sample: Sample) -> Any:
    if sample.input == "broken":
        raise FormatError(f"{sample.id}: cannot be read")
    return 2 * sample.input


async def sized(asker: Asker, sample: Sample, ready: Any) -> Any:
    return (await asker(Size, f"How large is {sample.id}?")).size


FIGURES = (Figure("right", "mean", ("right",)),)


def task(inputs: dict[str, Any], targets: dict[str, Any], **more: Any) -> Task:
    samples = [Sample(id, one, targets[id]) for id, one in inputs.items()]
    return Task(name="size", samples=samples, scorer=right(), figures=FIGURES, **more)


def test_what_is_computed_is_scored_and_what_fails_is_named(tmp_path: Path) -> None:
    inputs = {"a": 1, "b/c": 2, "d": "broken"}
    done = task(inputs, {"a": 2, "b/c": 5, "d": 0}, solver=Solver(compute=doubled))
    result, run = evaluate(done, EvalOptions(out=str(tmp_path)))
    (figure,) = result.figures
    assert (figure.value, figure.clips) == (0.5, 2)
    assert [(one.input, one.reason) for one in result.failed] == [("d", "cannot be read")]
    assert read_result(str(tmp_path)) == result
    assert "| | value ↑ | clips |" in (tmp_path / "table.md").read_text()
    assert [Path(one).name for one in run.outputs] == ["result.json", "table.md", "index.html"]


def test_questions_are_asked_once_and_what_was_not_answered_again(tmp_path: Path) -> None:
    sizes = {"a": 1, "b": 2, "c": 3}
    judge = Judge(lambda text, _: {"size": sizes[text[-2]]} if text[-2] != "b" else "no idea")
    options = EvalOptions(out=str(tmp_path), attempts=1)
    asking = task(sizes, {"a": 1, "b": 2, "c": 4}, solver=Solver(ask=sized))
    result, run = evaluate(asking, options, backend=judge)
    assert len(judge.asked) == 3
    assert [one.input for one in result.failed] == ["b"]
    assert "no usable answer" in result.failed[0].reason
    assert (result.figures[0].value, result.made_by.models) == (0.5, {"asked": "judge"})
    assert result.cost["calls"] == 4  # one finds out whether schemas are kept
    judge.says = lambda text, _: {"size": sizes[text[-2]]}
    result, run = evaluate(asking, options, backend=judge)
    assert judge.asked[3:] == ["How large is b?"]
    assert (run.skipped, result.failed, result.figures[0].clips) == (2, [], 3)
    other = task(sizes, sizes, solver=Solver(ask=sized), prompts="new words")
    evaluate(other, options, backend=judge)
    assert len(judge.asked) == 7


def test_without_a_folder_nothing_is_kept() -> None:
    judge = Judge(lambda text, _: {"size": 1})
    asking = task({"a": 1}, {"a": 1}, solver=Solver(ask=sized))
    for _ in range(2):
        assert evaluate(asking, backend=judge)[0].figures[0].value == 1.0
    assert len(judge.asked) == 2


def test_nothing_to_score_is_a_wrong_usage() -> None:
    with pytest.raises(UsageError, match=r"nothing to score \(x: no video\)"):
        evaluate(task({}, {}, rejected=[Rejected("x", "no video")]))


def test_pairs_are_made_by_name_and_never_by_order() -> None:
    first = Named({"b.mp4": 1, "a.mp4": 2, "two.mp4": 3, "two.gif": 4, "x": 5}, [])
    second = Named({"a.mp4": "A", "b": "B", "two": "T", "z": "Z"}, [Rejected("bad", "broken")])
    pairs = pair(first, second)
    assert pairs.found == {"b.mp4": (1, "B"), "a.mp4": (2, "A")}
    unclear = "which reference is meant is not clear: two, two.gif, two.mp4"
    assert [(one.source, one.reason) for one in pairs.rejected] == [
        ("bad", "broken"),
        ("two.mp4", unclear),
        ("two.gif", unclear),
        ("x", "no reference of this name"),
        ("z", "no caption of this name"),
    ]


NAMES = st.sets(st.sampled_from(["a", "b", "a.mp4", "b.mp4", "a.gif", "x/a.mp4", "a.b"]))


@given(NAMES, NAMES)
def test_every_input_is_paired_once_or_named(first: set[str], second: set[str]) -> None:
    pairs = pair(Named({one: one for one in first}, []), Named({one: one for one in second}, []))
    mine, theirs = ([*pairs.found], [other for _, other in pairs.found.values()])
    assert all(one.removesuffix(".mp4").removesuffix(".gif") == other.removesuffix(".mp4")
               .removesuffix(".gif") for one, other in pairs.found.values())  # fmt: skip
    assert len(set(theirs)) == len(theirs)
    named = " ".join(f"{one.source} {one.reason}" for one in pairs.rejected)
    assert all(one in mine or one in named for one in first)
    assert all(one in theirs or one in named for one in second)


def two_results(tmp_path: Path) -> tuple[str, str]:
    """On four clips, right on a, b, c; and on a alone; each with a clip of its own."""
    folders = []
    for name, good, extra in (("A", "abc", "x"), ("B", "a", "y")):
        inputs = {one: int(one in good) for one in [*"abcd", extra]}
        folders.append(str(tmp_path / name))
        evaluate(task(inputs, dict.fromkeys(inputs, 1)), EvalOptions(out=folders[-1]))
    return folders[0], folders[1]


def test_two_results_are_compared_over_the_clips_of_both(tmp_path: Path) -> None:
    first, second = two_results(tmp_path)
    result = compare_files(first, second)
    values = {one.column: one.value for one in result.figures}
    assert values == {"A": 0.75, "B": 0.25, "A - B": 0.5}
    assert [one.id for one in result.samples] == ["b", "c", "a", "d"]
    assert {one.input for one in result.failed} == {"x", "y"}
    assert compare_files(first, second) == result
    with pytest.raises(FormatError, match="named twice"):
        compare_files(first, first)
    saved = json.loads((Path(second) / "result.json").read_text())
    for change, told in (
        ({"task": "color"}, "only results of one metric"),
        ({"method": "as-published"}, "by two methods: .*A is correct, .*B is as-published"),
    ):
        (Path(second) / "result.json").write_text(json.dumps(saved | change))
        with pytest.raises(UsageError, match=told):
            compare_files(first, second)


def test_compare_writes_what_every_metric_writes(tmp_path: Path, run: Run) -> None:
    first, second = two_results(tmp_path)
    done = run("eval", "compare", first, second, "--out", tmp_path / "out", "--json")
    assert done.status == 0
    assert json.loads(done.out)["figures"][2]["column"] == "A - B"
    assert {one.name for one in (tmp_path / "out").iterdir()} == {
        "result.json", "table.md", "index.html",
    }  # fmt: skip
    done = run("eval", "compare", first, tmp_path / "nowhere")
    assert (done.status, "cannot be read" in done.err) == (1, True)


def figure(row: str, value: float, **more: Any) -> FigureResult:
    known = {"low": None, "high": None, "clips": 3, "statistic": "mean", "parts": []}
    return FigureResult(row=row, value=value, **known | more)


def test_a_table_says_what_is_better_and_unlike_scales_have_plots_of_their_own() -> None:
    measured = [figure("psnr", 41.2), figure("ssim", 0.9), figure("evidence", 0.1, better="less")]
    grid = Grid.of(measured)
    assert [grid.label(row) for row in grid.rows] == ["psnr ↑", "ssim ↑", "evidence ↓"]
    assert grid.head("") == "value"
    plots = Plot.of(measured, "")
    assert [[one.row for one in plot.shown] for plot in plots] == [["psnr"], ["ssim", "evidence"]]
    assert [plot.high for plot in plots] == [41.2, 1.0]

    verdicts = [
        figure(row, 0.5, column=column, better=better)
        for row in ("all", "colors")
        for column, better in (("true", "more"), ("false", "less"), ("empty", ""))
    ]
    grid = Grid.of(verdicts)
    assert [grid.head(one) for one in grid.columns] == ["true ↑", "false ↓", "empty"]
    assert grid.label("all") == "all"


def test_a_page_runs_nothing_of_what_it_shows(tmp_path: Path) -> None:
    odd = "<script>alert(1)</script>"
    told = task({odd: odd}, {odd: 0}, notes=[odd])
    result, _ = evaluate(told)
    shown = page(result, tmp_path)
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown
    assert "script-src" not in shown.split("<title>")[0].replace("default-src 'none'", "")
    assert odd in table(result)
