"""``dataset filter`` from files to manifest: on the engine, with what is broken, and again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from instancecap.datasets.curation import measure
from instancecap.datasets.curation.filter import FilterConfig, explain_clip, filter_clips
from instancecap.engine.events import Events
from instancecap.errors import UsageError
from instancecap.io.finder import Rejected
from instancecap.io.inputs import find_jobs
from instancecap.io.tables import read_rows
from tests.conftest import MakeVideo

RULES = """
size = false
motion = false
instances = false
largest = false
blur = false
[duration]
min = 0.9
max = 3
"""
"""For videos as small as those of tests."""

OUTPUTS = ("figures.jsonl", "manifest.jsonl", "rejected.jsonl", "funnel.json")


@pytest.fixture
def folder(tmp_path: Path, make_video: MakeVideo, without_weights: None) -> Path:
    """A good clip, its copy, one that is too long, one that is none, and rules."""
    clips = tmp_path / "clips"
    make_video(clips / "a.mp4", frames=24, fps=12)
    shutil.copy(clips / "a.mp4", clips / "b.mp4")
    make_video(clips / "long.mp4", frames=48, fps=12)
    (clips / "none.mp4").write_text("no video")
    (clips / "void.mp4").touch()
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path


class Refused(Events):
    """Notes the names of inputs that a run says it cannot use."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def rejected(self, one: Rejected) -> None:
        self.names.append(Path(one.source).name)


def run(
    folder: Path, *inputs: str, out: str = "out", events: Events | None = None, **options: Any
) -> Any:
    """Filter the clips of the folder."""
    config = FilterConfig(out=str(folder / out), **{"rules": str(folder / "rules.toml"), **options})
    clips = [str(folder / one) for one in inputs or ("clips",)]
    return filter_clips(clips, config, events=events)


def rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a table."""
    return [row.value for row in read_rows(str(path))]


def reasons(folder: Path, out: str = "out") -> dict[str, dict[str, str]]:
    """By the clip's id, rules that reject it and their words."""
    found = rows(folder / out / "rejected.jsonl")
    return {row["id"]: {one["rule"]: one["words"] for one in row["reasons"]} for row in found}


def test_clips_are_kept_or_rejected_with_reasons(folder: Path) -> None:
    done = run(folder)
    (kept,) = rows(folder / "out" / "manifest.jsonl")
    assert (kept["id"], kept["path"]) == ("a.mp4", "../clips/a.mp4")
    assert kept["figures"]["duration"] == pytest.approx(2.0)
    assert kept["figures"]["width"] == 64
    found = reasons(folder)
    assert list(found) == ["b.mp4", "long.mp4", "none.mp4", "void.mp4"]
    assert found["b.mp4"] == {
        "duplicates": "looks like a.mp4, which is kept: 0.000 of the bits differ; more than 0.15"
    }
    assert found["long.mp4"] == {"duration": "lasts 4 s; at least 0.9, at most 3"}
    assert "not a video that can be read" in found["none.mp4"]["readable"]
    funnel = json.loads((folder / "out" / "funnel.json").read_text())
    assert (funnel["clips"], funnel["kept"], funnel["kept_seconds"]) == (5, 1, 2.0)
    assert sum(step["rejected"] for step in funnel["steps"]) == 4
    assert done.run.complete, "a file that cannot be read is an answer, not a failure"
    assert "b.mp4" in (folder / "out" / "index.html").read_text()


def test_where_nothing_is_rejected_the_table_says_so(folder: Path) -> None:
    run(folder)
    run(folder, "clips/a.mp4")
    assert [row["id"] for row in rows(folder / "out" / "manifest.jsonl")] == ["a.mp4"]
    assert (folder / "out" / "rejected.jsonl").read_bytes() == b""


def test_the_manifest_is_what_caption_takes(folder: Path) -> None:
    for kind in ("jsonl", "parquet"):  # what was measured for one is not measured for the other
        run(folder, manifest=kind)
        jobs, rejected = find_jobs([str(folder / "out" / f"manifest.{kind}")])
        assert [job.name for job in jobs] == ["a.mp4"]
        assert Path(jobs[0].clip.path).resolve() == (folder / "clips" / "a.mp4").resolve()
        assert not rejected
    (kept,) = rows(folder / "out" / "manifest.parquet")
    assert (kept["id"], kept["duration"], kept["classes"]) == ("a.mp4", 2.0, [])


def test_other_rules_measure_nothing_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(folder)
    monkeypatch.setattr(measure, "measure", lambda *_, **__: pytest.fail("measured again"))
    (folder / "rules.toml").write_text("duplicates = false\n" + RULES.replace("max = 3", "max = 5"))
    run(folder)
    assert [row["id"] for row in rows(folder / "out" / "manifest.jsonl")] == [
        "a.mp4", "b.mp4", "long.mp4",
    ]  # fmt: skip
    assert list(reasons(folder)) == ["none.mp4", "void.mp4"]
    (folder / "rules.toml").write_text("size = { min = 1000 }\n")
    run(folder)
    assert not (folder / "out" / "manifest.jsonl").exists()
    assert "Nothing was kept" in (folder / "out" / "index.html").read_text()


def test_a_run_that_was_broken_off_ends_in_the_same_bytes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(folder, out="whole")
    real = measure.measure

    def breaks(clip: Any, **options: Any) -> Any:
        if clip.path.endswith("long.mp4"):
            raise KeyboardInterrupt
        return real(clip, **options)

    monkeypatch.setattr(measure, "measure", breaks)
    done = run(folder)
    assert done.run.interrupted
    assert done.funnel is None
    assert not (folder / "out" / "manifest.jsonl").exists()
    monkeypatch.setattr(measure, "measure", real)
    assert run(folder).run.skipped == 2
    for name in OUTPUTS:
        left, right = ((folder / out / name).read_bytes() for out in ("whole", "out"))
        assert left == right, name


def test_the_last_part_to_end_writes_the_manifest(folder: Path) -> None:
    run(folder, out="whole")
    assert run(folder, shard="2/2").funnel is None
    assert run(folder, shard="1/2").funnel is not None
    for name in ("manifest.jsonl", "rejected.jsonl", "funnel.json"):
        left, right = ((folder / out / name).read_bytes() for out in ("whole", "out"))
        assert left == right, name


def test_an_input_that_is_not_there_is_named_and_counts_as_failed(folder: Path) -> None:
    told = Refused()
    done = run(folder, "clips/a.mp4", "clips/gone.mp4", "clips/void.mp4", events=told)
    assert not done.run.complete
    assert [Path(one.source).name for one in done.run.failed] == told.names == ["gone.mp4"]
    assert list(reasons(folder)) == ["gone.mp4", "void.mp4"], "an empty file is a clip rejected"
    assert [row["id"] for row in rows(folder / "out" / "manifest.jsonl")] == ["a.mp4"]


def test_a_plug_in_adds_a_figure(folder: Path) -> None:
    call = "tests.datasets.curation.scores:brightest"
    (folder / "rules.toml").write_text(f'{RULES}[plugins.glow]\ncall = "{call}"\nmin = 300\n')
    run(folder)
    assert reasons(folder)["a.mp4"] == {"glow": "glow is 250; at least 300"}
    for wrong, why in ((f"{call}x", "no attribute"), ("nothing", "no package offers it")):
        (folder / "rules.toml").write_text(f'{RULES}[plugins.glow]\ncall = "{wrong}"\n')
        with pytest.raises(UsageError, match=rf"plugins\.glow.*{why}.*module:function"):
            run(folder)


def test_a_plug_in_that_fails_costs_its_clip_only(folder: Path) -> None:
    call = "tests.datasets.curation.scores:fails"
    (folder / "rules.toml").write_text(f'{RULES}[plugins.glow]\ncall = "{call}"\n')
    done = run(folder)
    assert len(done.run.failed) == 3, "those that can be read"
    assert "the plug-in glow failed: ZeroDivisionError" in reasons(folder)["a.mp4"]["readable"]


def test_a_clip_is_explained_rule_by_rule(folder: Path) -> None:
    config = FilterConfig(out=str(folder / "out"), rules=str(folder / "rules.toml"))
    clip = str(folder / "clips" / "b.mp4")
    (alone,) = explain_clip(clip, config)
    assert not alone.compared
    assert not alone.judged.reasons
    run(folder)
    (one,) = explain_clip("b.mp4", config)
    assert one.compared
    assert [verdict.rule for verdict in one.verdicts if not verdict.passes] == ["duplicates"]
    assert {"duration", "fps", "bars"} <= {verdict.rule for verdict in one.verdicts}
    with pytest.raises(UsageError, match="name one clip"):
        explain_clip(str(folder / "clips"), config)


def test_a_clip_is_explained_by_the_rules_of_its_folder(folder: Path) -> None:
    run(folder)
    (as_made,) = explain_clip("a.mp4", FilterConfig(out=str(folder / "out")))
    assert as_made.as_dict()["kept"], "the shipped rules would not keep it"
    assert as_made.rules == f"the rules that {folder / 'out'} was made with"
    (folder / "strict.toml").write_text("[duration]\nmin = 9\n")
    strict = str(folder / "strict.toml")
    (given,) = explain_clip("a.mp4", FilterConfig(out=str(folder / "out"), rules=strict))
    assert (given.rules, given.as_dict()["kept"]) == (strict, False)
    (shipped,) = explain_clip(str(folder / "clips" / "a.mp4"), FilterConfig())
    assert (shipped.rules, shipped.as_dict()["kept"]) == ("the shipped rules", False)


def test_out_is_a_folder() -> None:
    with pytest.raises(UsageError, match="go to a folder"):
        FilterConfig(out="manifest.jsonl")
    with pytest.raises(UsageError, match="a local disk"):
        FilterConfig(out="s3://bucket/filtered")
