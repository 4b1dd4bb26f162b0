"""Many clips from Python, as the command line does them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_type_hints

import pytest

import instancecap as ic
from benchmarks.engine import make_clips
from instancecap.engine.config import RunOptions
from instancecap.engine.events import Ended, Events
from tests.mllm.server import MODEL, serve

# pycocotools' compiled decoder says this of itself under NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_clips(tmp_path / "clips", 3)
    return tmp_path / "clips"


class Seen(Events):
    def __init__(self) -> None:
        super().__init__()
        self.states: list[tuple[str, str]] = []

    def ended(self, one: Ended) -> None:
        self.states.append((one.job.name, one.state))


def test_without_an_output_the_captions_are_in_memory(clips: Path) -> None:
    seen = Seen()
    run = ic.run("clips", events=seen)
    assert (run.done, run.failed, run.outputs, run.complete) == (3, [], [], True)
    assert [one.video.id for one in run.captions() if one.video] == [
        "00000.mp4", "00001.mp4", "00002.mp4"
    ]  # fmt: skip
    assert sorted(seen.states) == [(f"0000{number}.mp4", "done") for number in range(3)]


def test_a_second_run_goes_on_and_bad_inputs_are_named(clips: Path) -> None:
    config = ic.CaptionConfig(out="captions.jsonl", log_json="log.jsonl")
    first = ic.run(["clips", "nowhere.mp4"], config=config)
    assert (first.done, first.outputs, first.complete) == (3, ["captions.jsonl"], False)
    assert [(one.source, one.reason[:16]) for one in first.failed] == [
        ("nowhere.mp4", "cannot be opened")
    ]
    second = ic.run("clips", config=config, workers=2)
    assert (second.done, second.skipped, second.complete) == (0, 3, True)
    assert len(Path("log.jsonl").read_text().splitlines()) == 3
    again = ic.run("clips", config=config, max_instances=0)  # what it depends on has changed
    assert (again.done, again.skipped) == (3, 0)


def test_a_page_to_look_at_is_written_beside_the_captions(clips: Path) -> None:
    run = ic.run("clips/00000.mp4", out="captions", report="report.html")
    assert run.outputs == ["captions/00000.mp4.json", "report.html"]
    assert "00000.mp4" in Path("report.html").read_text()


def test_a_model_is_asked_and_its_cost_is_counted(clips: Path) -> None:
    options = ic.ChainOptions(frames=1, image_side=32)
    with serve() as url:
        asked = ic.Mllm(url=url, model=MODEL, mode="single", options=options)
        run = ic.run("clips/00000.mp4", out="captions", captioner=asked)
        assert ic.run("clips/00000.mp4", out="captions", captioner=asked).skipped == 1
    assert run.done == 1
    assert run.cost["calls"] >= 1
    written = json.loads(Path("captions/00000.mp4.json").read_text())
    assert written["producer"]["captioner"] == "mllm"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"worker": 2}, "no option 'worker'; choose among out, format, workers"),
        ({"engine": "slurm"}, "--engine slurm: input should be 'local' or 'ray'"),
        ({"workers": -1}, "--workers -1"),
        ({"format": "text"}, "--format text needs --out"),
        ({"shard": "0/2", "out": "o"}, "write it as I/N"),
        ({"report": "r.html", "split_shots": True}, "leave out --split-shots"),
        ({"captioner": ic.Mllm(model="m", options=ic.ChainOptions(fields=frozenset({"style"})))},
         "--fields rewrites captions in a folder"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("clips")
def test_what_cannot_be_is_one_line(options: dict[str, object], says: str) -> None:
    with pytest.raises(ic.UsageError, match=says):
        ic.run("clips", **options)  # type: ignore[arg-type]


def test_the_keywords_of_a_run_are_the_fields_of_its_config() -> None:
    fields = get_type_hints(ic.CaptionConfig)
    assert get_type_hints(RunOptions) == {
        name: fields[name] for name in ic.CaptionConfig.model_fields
    }
