"""What is counted over a set of captions, and the files that tell of it."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from instancecap.datasets.statistics.collect import collect
from instancecap.datasets.statistics.document import (
    LENGTH_BINS,
    Statistics,
    Summary,
    length_bin,
)
from instancecap.datasets.statistics.motion import direction_of, motions_of
from instancecap.datasets.statistics.report import write_statistics
from instancecap.datasets.statistics.scenes import scene_of
from instancecap.errors import MissingDependency, UsageError
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Camera, Caption, Instance, Position, Producer, Video
from tests.program import Run
from tests.strategies import captions

EDGES = {"[0, 4]": (0, 4), "30+": (30, math.inf)} | {
    f"({low}, {high}]": (low, high)
    for low, high in [(4, 6), (6, 8), (8, 10), (10, 15), (15, 20), (20, 30)]
}
"""By the paper's figure, written down on its own."""


def made(name: str, seconds: float = 3.0, text: str = "A dog runs.", **fields: Any) -> Caption:
    video = Video.named(name)
    video.duration = video.end = seconds
    return Caption(video=video, global_description=text, **fields)


def written(folder: Path, *found: Caption) -> str:
    for one in found:
        assert one.video is not None
        one.write(folder / f"{one.video.id}.json")
    return str(folder)


def test_the_bins_are_those_of_the_figure() -> None:
    assert set(LENGTH_BINS) == set(EDGES)


@given(st.floats(0, 1e6) | st.sampled_from([0, 4, 6, 8, 10, 15, 20, 30, 4.001, 30.001]))
def test_each_length_is_in_exactly_one_bin(seconds: float) -> None:
    holding = [
        name
        for name, (low, high) in EDGES.items()
        if low < seconds <= high or (seconds == 0 == low)
    ]
    assert holding == [length_bin(seconds)]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60))
def test_a_summary_is_of_numbers_that_occur(numbers: list[int]) -> None:
    found = Summary.of("n", "N", {one: numbers.count(one) for one in numbers})
    assert (found.count, found.least, found.most) == (len(numbers), min(numbers), max(numbers))
    assert found.mean == pytest.approx(sum(numbers) / len(numbers), abs=0.006)
    assert found.median == sorted(numbers)[math.ceil(len(numbers) / 2) - 1]
    assert found.p5 <= found.median <= found.p95


def test_counts_of_a_small_set(tmp_path: Path) -> None:
    dog = Instance(id=0, class_="Dog", position=Position(start="top-left", end="top-right"))
    still = Instance(id=1, class_="dog", position=Position(start="top-left", end="top-left"))
    paths = written(
        tmp_path,
        made("a.mp4", 4.0, instances=[dog, still], camera=Camera(motion=["pan_left", "zoom_in"])),
        made("b.mp4", 4.1, place="unknown"),
        made("c.mp4", 0.0, "A Dog runs!", place="outdoor"),
    )
    (tmp_path / "d.json").write_text("{}")
    failed: list[str] = []
    found = collect([paths], on_failure=lambda source, reason: failed.append(source))
    assert (found.captions, found.seconds, len(failed)) == (3, 8.1, 1)
    assert sum(found.failed.values()) == 1
    counts = {one.name: {k: n for k, n in one.counts.items() if n} for one in found.distributions}
    assert counts["length"] == {"[0, 4]": 1, "(4, 6]": 1}
    assert found.distribution("length").known == 2
    assert counts["instances"] == {"0": 2, "2": 1}
    assert counts["class"] == {"dog": 2}
    assert counts["motion"] == {"moves": 1, "stays": 1}
    assert counts["direction"] == {"right": 1}
    assert counts["camera"] == {"pan_left": 1, "zoom_in": 1}
    assert found.distribution("camera").share("zoom_in") == 1.0
    assert counts["place"] == {"outdoor": 1}
    # The words of b and c are the same; a tells of its dogs too.
    assert (found.repeated, [(one.times, one.name) for one in found.most_repeated]) == (
        2,
        [(2, "b.mp4")],
    )


@given(st.lists(captions, min_size=1, max_size=4))
def test_any_captions_are_counted_and_come_back(found: list[Caption]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "all.jsonl")
        path.write_text("".join(one.to_json(indent=None) + "\n" for one in found))
        counted = collect([str(path)])
    assert counted.captions == len(found)
    assert Statistics.from_json(counted.to_json()) == counted
    for one in counted.distributions:
        assert one.known <= one.total
        held = sum(one.counts.values())
        assert held >= one.known if one.several else held == one.known


def track(*boxes: tuple[float, float, float, float]) -> list[TrackPoint]:
    return [TrackPoint(t=float(t), box=box, score=0.9) for t, box in enumerate(boxes)]


@pytest.mark.parametrize(
    ("last", "way"),
    [
        ((0.4, 0.4, 0.6, 0.6), ""),
        ((0.45, 0.4, 0.65, 0.6), ""),
        ((0.6, 0.45, 0.8, 0.65), "right"),
        ((0.1, 0.4, 0.3, 0.6), "left"),
        ((0.4, 0.1, 0.6, 0.3), "up"),
        ((0.4, 0.7, 0.6, 0.9), "down"),
        ((0.3, 0.3, 0.7, 0.7), "nearer"),
        ((0.45, 0.45, 0.55, 0.55), "farther"),
    ],
)
def test_ways_of_a_track(last: tuple[float, float, float, float], way: str) -> None:
    one = Instance(id=0, class_="dog", track=track((0.4, 0.4, 0.6, 0.6), last))
    assert direction_of(one) == way
    assert motions_of(one) == ["moves" if way else "stays"]


def test_an_instance_of_which_no_place_is_known() -> None:
    one = Instance(id=0, class_="dog", position=Position(text="moves to the left", leaves=True))
    assert (motions_of(one), direction_of(one)) == (["leaves"], "")


@pytest.mark.parametrize(
    ("fields", "scene"),
    [
        ({"background": "A busy city street with tall buildings."}, "city"),
        ({"background": "Waves roll onto a beach."}, "water"),
        ({"background": "A living room.", "text": "A forest."}, "home"),
        ({"text": "A man sits before a microphone in a podcast studio."}, "talk"),
        ({"background": "Blue and gray.", "place": "outdoor"}, "outdoors, no more told"),
        ({"background": "Blue and gray."}, ""),
    ],
)
def test_scenes_by_words(fields: dict[str, Any], scene: str) -> None:
    assert scene_of(made("a.mp4", **fields)) == scene


def test_who_wrote_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,caption\na.mp4,A dog runs.\n")
    ours = made("b.mp4")
    ours.producer = Producer(version="1", captioner="mllm", models={"mllm": "m"})
    ours.write(tmp_path / "b.json")
    found = collect([str(tmp_path / "t.csv"), str(tmp_path / "b.json")])
    assert found.made_by == {"": 1, "instancecap 1 mllm": 1}
    assert found.models == {"mllm: m": 1}


def test_nothing_to_count(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no caption can be read: .*no caption in this folder"):
        collect([str(tmp_path)])


def test_files_pictures_and_the_page(tmp_path: Path) -> None:
    first = collect([written(tmp_path / "one", made("<b>.mp4"), made("b.mp4", 9, "A cat."))])
    second = collect([written(tmp_path / "two", made("a.mp4", 31))])
    paths, missing = write_statistics([first, second], tmp_path / "out")
    assert missing is None
    names = {path.relative_to(tmp_path / "out").as_posix() for path in paths}
    pictures = {f"plots/{name}.{kind}" for name in ("length", "scenes_and_lengths")
                for kind in ("png", "svg")}  # fmt: skip
    assert {"stats.json", "compared.json", "index.html"} | pictures <= names
    assert (tmp_path / "out/plots/length.png").read_bytes().startswith(b"\x89PNG")
    axis = (tmp_path / "out/plots/length.svg").read_text()
    assert all(one in axis for one in ("(8, 10]", "(20, 30]", "30+")), "empty bins are shown too"
    page = (tmp_path / "out/index.html").read_text()
    assert "-50.0" in page and "+100.0" in page  # of [0, 4] and 30+
    assert "<b>" not in page
    assert Statistics.read(tmp_path / "out/stats.json") == first
    again, _ = write_statistics([first, second], tmp_path / "again")
    same = [one.read_bytes() == other.read_bytes() for one, other in zip(paths, again, strict=True)]
    assert all(same)


def test_without_matplotlib_the_rest_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    folder = written(tmp_path / "captions", made("a.mp4"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    _, missing = write_statistics([collect([folder])], tmp_path / "out")
    assert isinstance(missing, MissingDependency)
    status, _, err = run("dataset", "stats", folder, "--out", tmp_path / "again")
    assert status == 0
    assert "no plots: plots are drawn by matplotlib: pip install 'instancecap[plots]'\n" in err
    assert {path.name for path in (tmp_path / "again").iterdir()} == {"stats.json", "index.html"}


def test_the_verb(tmp_path: Path, run: Run) -> None:
    folder = written(tmp_path / "captions", made("a.mp4"))
    (tmp_path / "captions" / "bad.json").write_text("no json")
    options = ["--out", tmp_path / "out", "--for", "mochi", "--json"]
    status, out, err = run("dataset", "stats", folder, *options, "--compare", folder)
    assert status == 1
    assert "bad.json: not valid JSON" in err
    told = json.loads(out)
    assert told["stats"] == told["compared"]
    assert [one["target"] for one in told["stats"]["budgets"]] == ["mochi"]
    assert told["stats"]["budgets"][0]["limit"] == 256
    status, _, err = run("dataset", "stats", folder, "--out", tmp_path / "out", "--for", "none")
    assert status == 2
    assert "target 'none': not known" in err
