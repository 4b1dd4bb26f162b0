"""Words, streams and exit statuses of the program."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import EntryPoint, packages_distributions
from pathlib import Path

import pytest

from instancecap.cli.terminal import print_captions, printable
from instancecap.engine.work import CaptionWork, Documents, EvidenceWork
from instancecap.io.inputs import Job
from instancecap.models import weights
from instancecap.models.gpu import Gpu
from instancecap.schema import Caption, Evidence
from instancecap.schema.base import Utterance
from instancecap.schema.caption import Audio, Camera, Instance, Position, Video
from instancecap.schema.evidence import Video as MeasuredVideo
from instancecap.video import probe
from tests.program import Run

MakeVideo = Callable[..., Path]


def quick_caption(work: CaptionWork, job: Job) -> Documents:
    """Opens the clip and says something; what the captions are worth is tested elsewhere."""
    if "interrupt" in job.name:
        raise KeyboardInterrupt
    if "bug" in job.name:
        raise ZeroDivisionError("by zero")
    info = probe(job.clip)
    times = {"start": 0.0, "end": 1.0, "duration": 1.0, "fps": 8.0, "frames": 8}
    size = {"width": info.width, "height": info.height}
    video = Video(id=job.name, path=job.clip.path, **times, **size)  # type: ignore[arg-type]
    car = Instance(
        id=0, class_="car", count=2, colors=["red"], position=Position(text="on the left")
    )
    caption = Caption(
        video=video,
        global_description="Two cars.",
        instances=[car][: work.max_instances],
        camera=Camera(motion=["pan_left"], shot_type="long_shot"),
        warnings=["blurred"],
    )
    evidence = Evidence(video=MeasuredVideo(**video.model_dump()))
    return Documents({"": caption.to_json()}, evidence.to_json() if work.keep_evidence else "")


def quick_evidence(work: EvidenceWork, job: Job) -> Documents:
    done = quick_caption(CaptionWork(keep_evidence=True), job)
    return Documents(evidence=done.evidence)


@pytest.fixture(autouse=True)
def quick(without_weights: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_missing", {})
    monkeypatch.setattr(CaptionWork, "__call__", quick_caption)
    monkeypatch.setattr(EvidenceWork, "__call__", quick_evidence)


@pytest.fixture
def clips(tmp_path: Path, make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_video(tmp_path / "clips" / "a.mp4")
    make_video(tmp_path / "clips" / "sub" / "b.mp4")
    (tmp_path / "bad.mp4").write_text("no video")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "clips"


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    code = """
import sys
from instancecap.cli.main import main
sys.argv = ["instancecap", "--help"]
try:
    main()
except SystemExit as ended:
    assert ended.code == 0
heavy = "cv2 av numpy pydantic onnxruntime pyarrow openai pebble torch".split()
print(sorted(set(heavy) & set(sys.modules)), file=sys.stderr)
"""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(verb in done.stdout for verb in ("caption", "evidence", "models", "doctor"))
    assert time.monotonic() - started < 3  # 0.3 s when the machine has nothing else to do


def test_captions_go_to_a_folder(clips: Path, run: Run) -> None:
    status, out, err = run("caption", "clips", "--out", "out")
    assert (status, out) == (0, "")
    assert "2 done, in" in err
    video = Caption.read("out/sub/b.mp4.json").video
    assert video is not None
    assert (video.id, video.path) == ("sub/b.mp4", "clips/sub/b.mp4")
    assert Path("out/a.mp4.json").is_file()


def test_some_failures_are_named_and_the_others_written(clips: Path, run: Run) -> None:
    status, out, err = run("caption", "bad.mp4", "clips", "nope.mp4", "--out", "out.jsonl", "-q")
    assert (status, out) == (1, "")
    assert "failed: bad.mp4: not a video that can be read" in err
    assert "failed: nope.mp4: cannot be opened: No such file or directory\n" in err
    lines = Path("out.jsonl").read_text().splitlines()
    assert [json.loads(line)["video"]["id"] for line in lines] == ["a.mp4", "sub/b.mp4"]


def test_json_is_one_object_and_nothing_else(clips: Path, run: Run) -> None:
    status, out, _ = run("caption", "clips", "bad.mp4", "nope.mp4", "--json", "--max-instances=0")
    result = json.loads(out)
    assert status == 1
    assert [one["video"]["id"] for one in result.pop("captions")] == ["a.mp4", "sub/b.mp4"]
    assert result.pop("seconds") >= 0
    bad = {
        "input": "bad.mp4",
        "reason": "not a video that can be read (Invalid data found when processing input)",
    }
    nope = {"input": "nope.mp4", "reason": "cannot be opened: No such file or directory"}
    assert result.pop("stages").keys() == {"writing"}
    quality = result.pop("quality")
    assert (quality["captions"], quality["empty"]) == (2, 2)
    assert [result.pop(name) for name in ("waiting", "partial", "kept", "stale")] == [0, [], [], []]
    assert result.pop("empty") == ["a.mp4", "sub/b.mp4"]
    assert result == {"done": 2, "skipped": 0, "failed": [nope, bad], "outputs": [], "cost": {}}


def test_summary_can_be_read(clips: Path, run: Run) -> None:
    status, out, _ = run("caption", "clips/a.mp4")
    assert status == 0
    assert out.splitlines() == [
        "a.mp4  64x48, 1.00 s, 8 frames",
        "Two cars.",
        "  2 x car  red; on the left",
        "  camera   pan left, long shot",
        "  warning  blurred",
    ]


def test_what_is_wrong_with_written_captions_is_told(clips: Path, run: Run) -> None:
    _, _, err = run("caption", "clips", "--out", "out", "--max-instances=0")
    assert "warning: a.mp4, sub/b.mp4: blurred\n" in err
    assert "empty: a.mp4, sub/b.mp4\n" in err
    assert "empty: a.mp4, sub/b.mp4\n" in run("status", "out")[1]
    _, _, err = run("caption", "clips", "--out", "out", "--no-resume", "--quiet")
    assert "blurred" not in err


def test_a_caption_with_a_fault_is_named_among_those_changed_by_hand(clips: Path, run: Run) -> None:
    run("caption", "clips", "--out", "out")
    for name, text in (("a", "{"), ("sub/b", "[")):
        Path(f"out/{name}.mp4.json").write_text(text)
    _, _, err = run("caption", "clips", "--out", "out", "--quiet")
    for name in ("a", "sub/b"):
        assert f"changed: out/{name}.mp4.json: changed by hand; not valid JSON" in err


def test_part_of_the_clips_is_shown_as_itself(clips: Path, run: Run) -> None:
    status, _, _ = run("caption", "clips", "--shard", "2/2", "--report", "r.html", "--out", "out")
    assert status == 0
    assert [path.name for path in Path("out").rglob("*.json")] == ["b.mp4.json"]
    page = Path("r.html").read_text("utf-8")
    assert "b.mp4" in page and "a.mp4" not in page


def test_report_shows_what_was_done(clips: Path, run: Run) -> None:
    status, out, _ = run("caption", "clips", "--report", "new/r.html", "--out", "out", "--json")
    assert status == 0
    assert json.loads(out)["outputs"][-1] == "new/r.html"
    assert "Two cars." in Path("new/r.html").read_text("utf-8")


def test_evidence_goes_to_a_folder(clips: Path, run: Run) -> None:
    status, out, _ = run("evidence", "clips/a.mp4", "bad.mp4", "--out", "ev", "--masks", "--json")
    assert status == 1
    assert json.loads(out)["outputs"] == ["ev/a.mp4.json"]
    assert Evidence.read("ev/a.mp4.json").video.id == "a.mp4"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("caption", "Missing argument 'INPUT'. (see: instancecap caption --help)"),
        ("caption clips --nope", "No such option: --nope"),
        ("caption clips --workers=-1", "Invalid value for '--workers'"),
        ("caption clips --captioner magic", "--captioner magic: choose measured or mllm"),
        ("caption clips --out bad.mp4", "--out bad.mp4: OUT is a folder, a .jsonl"),
        ("caption clips --out o.json", "--out o.json: OUT is a folder, a .jsonl"),
        ("caption clips --format miradata", "--format miradata needs --out OUT"),
        ("caption clips --format x --out o", "--format x: choose one of instancecap, instancevid"),
        ("caption clips --format text --out o.parquet", "a .parquet has our own columns"),
        ("caption clips --out o --metrics-port 70000", "Invalid value for '--metrics-port'"),
        ("caption clips --out o --log-json clips", "--log-json clips: cannot be written: Is a"),
        ("caption clips --report clips", "--report clips: name a file"),
        ("caption clips --report bad.mp4/r.html", "--report bad.mp4: cannot be written"),
        ("caption clips clips/sub --out o --video-root x", "--video-root x: not a folder"),
        ("caption clips/a.mp4 twin/a.mp4 --out o", "clips/a.mp4 and twin/a.mp4 would share"),
        ("evidence clips", "Missing option '--out'"),
        ("evidence clips --out o.jsonl", "--out o.jsonl: evidence goes to a folder"),
        ("models pull nope", "no weights are named 'nope'; known names: nanodet-plus-m, "),
        ("models pull yunet", "INSTANCECAP_OFFLINE is set"),
        ("nope", "No such command 'nope'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(
    clips: Path, run: Run, arguments: str, reason: str
) -> None:
    (clips.parent / "twin").mkdir()
    (clips / "a.mp4").rename(clips / "x.mp4")
    for name in ("clips", "twin"):
        os.link(clips / "x.mp4", clips.parent / name / "a.mp4")
    status, out, err = run(*arguments.split())
    assert (status, out) == (2, "")
    assert reason in err
    assert err.startswith("instancecap: ") and err.count("\n") == 1
    assert not list(clips.parent.glob("o/*"))


def test_same_names_are_no_fault_where_nothing_is_written(clips: Path, run: Run) -> None:
    (clips.parent / "twin").mkdir()
    os.link(clips / "a.mp4", clips.parent / "twin" / "a.mp4")
    status, out, _ = run("caption", "clips/a.mp4", "twin/a.mp4")
    assert status == 0
    assert out.count("Two cars.") == 2


def test_internal_error_is_one_line_and_its_traceback_is_for_the_log(
    clips: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("instancecap")
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logging.WARNING)
    os.link(clips / "a.mp4", clips / "bug.mp4")
    status, _, err = run("caption", "clips", "--out", "out", "-q")
    assert status == 1
    assert "failed: clips/bug.mp4: internal error: ZeroDivisionError: by zero\n" in err
    assert "Traceback" not in err
    status, _, err = run("caption", "clips", "--out", "out", "-q", "-v")
    assert status == 1
    assert "failed before: clips/bug.mp4: internal error" in err
    status, _, err = run("caption", "clips", "--out", "out", "-q", "-v", "--retry-failed")
    assert "Traceback" in err


def test_interrupted_run_keeps_what_is_done(clips: Path, run: Run) -> None:
    os.link(clips / "a.mp4", clips / "b-interrupt.mp4")
    status, out, err = run("caption", "clips", "--out", "out", "--json")
    assert status == 130
    assert "interrupted: 1 of 3 clips are done and kept; run it again to go on" in err
    assert json.loads(out)["outputs"] == ["out/a.mp4.json"]


def test_missing_weights_are_said_once(clips: Path, run: Run) -> None:
    _, _, err = run("caption", "clips", "--out", "out")
    assert err.count("going on without an object detector") == 1


def test_file_names_cannot_break_the_lines(clips: Path, run: Run) -> None:
    (clips / "x\ny\x1b[31m.mp4").write_text("no video")
    _, _, err = run("caption", "clips", "--out", "out", "-q")
    assert r"failed: clips/x\ny\x1b[31m.mp4: not a video" in err
    assert printable("Hündin ☃\udcff") == r"Hündin ☃\udcff"


def test_models_lists_licence_and_place(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "yolox_nano.onnx").write_bytes(b"x")
    monkeypatch.setenv("INSTANCECAP_MODELS", str(tmp_path))
    status, out, _ = run("models")
    assert status == 0
    assert "Apache-2.0" in out and str(tmp_path / "yolox_nano.onnx") in out and "not found" in out
    _, out, _ = run("models", "--json")
    listed = json.loads(out)
    assert {"yolox-nano", "yunet"} <= {one["name"] for one in listed["models"]}
    assert {"facebook/sam3", "google/owlv2-base-patch16-ensemble"} <= {
        one["id"] for one in listed["hub"]
    }
    status, out, err = run("models", "pull", "all", "--json")
    assert status == 2
    assert json.loads(out)["pulled"] == {"yolox-nano": str(tmp_path / "yolox_nano.onnx")}
    assert err.count("INSTANCECAP_OFFLINE is set") == len(json.loads(out)["failed"]) > 0


def test_doctor_finds_the_base_in_order(run: Run) -> None:
    status, out, _ = run("doctor", "--json")
    checks = {check["what"]: check for check in json.loads(out)["checks"]}
    assert status == 0
    assert "opencv-python-headless" in checks["cv2"]["detail"]
    assert checks["yunet"]["level"] == "missing"
    assert "libavcodec" in checks["av"]["detail"]
    assert run("doctor")[1].startswith("ok       python ")


def test_models_lists_what_packages_offer_and_what_is_not_installed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = EntryPoint("detector.mine", "my_package:MyDetector", "instancecap.experts")
    monkeypatch.setattr("instancecap.evidence.registry.entry_points", lambda **_: [point])
    monkeypatch.setattr("instancecap.models.hub.is_installed", lambda name: name == "torch")
    _, out, _ = run("models")
    assert "Of installed packages:\n--detector mine  my_package:MyDetector\n" in out
    assert "needs instancecap[models]" in out, "transformers is missing"
    monkeypatch.setattr(
        "instancecap.models.hub.is_installed", lambda name: name in ("torch", "transformers")
    )
    assert "needs instancecap[models]" not in run("models")[1]
    assert json.loads(run("models", "--json")[1])["packages"] == {
        "detector.mine": "my_package:MyDetector"
    }


def test_doctor_without_a_gpu_is_short_about_models_by_hub_id(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instancecap.cli.doctor.find_gpu", lambda: None)
    _, out, _ = run("doctor")
    assert "facebook/sam3" not in out and "--cluster best" in out
    assert "other models by hub id; see instancecap doctor --json" in out
    assert "facebook/sam3" in run("doctor", "--json")[1]
    monkeypatch.setattr("instancecap.cli.doctor.find_gpu", lambda: Gpu("Small", 2000, 1500))
    assert "facebook/sam3" in run("doctor")[1]


def test_doctor_tells_of_the_gpu_and_of_what_fits_it(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instancecap.cli.doctor.find_gpu", lambda: Gpu("Small", 2000, 1500))
    _, out, _ = run("doctor", "--json")
    checks = {check["what"]: check["detail"] for check in json.loads(out)["checks"]}
    assert checks["gpu"].startswith("Small, 1.5 of 2.0 GB free")
    assert checks["hub"] == "INSTANCECAP_OFFLINE is set"
    assert "too large for the GPU's free memory" in checks["facebook/sam3"]
    assert "too large" not in checks["PekingU/rtdetr_v2_r18vd"]


def test_doctor_tells_of_two_cv2(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    providers = {**packages_distributions(), "cv2": ["numpy", "rich"], "av": []}
    monkeypatch.setattr("instancecap.cli.doctor.packages_distributions", lambda: providers)
    status, out, _ = run("doctor")
    assert status == 2
    assert "broken   cv2" in out and "they overwrite one another" in out
    assert "broken   av               not installed; run: pip install instancecap" in out


def test_real_run_in_worker_processes(clips: Path) -> None:
    command = [sys.executable, "-m", "instancecap.cli.main", "caption", "clips", "bad.mp4"]
    done = subprocess.run(
        [*command, "--workers=2", "--out=out", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 1, done.stderr
    result = json.loads(done.stdout)
    assert result["done"] == 2 and result["failed"][0]["input"] == "bad.mp4"
    assert Caption.read("out/a.mp4.json").producer.name == "instancecap"


def test_what_is_heard_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    spoken = [Utterance(start=0.6, end=2.9), Utterance(start=3, end=4, text="Come here.")]
    print_captions([Caption(video=None, audio=Audio(sound="audible", speech=spoken))])
    shown = capsys.readouterr().out
    assert "sound   audible" in shown
    assert 'speech  0.6-2.9 s, 3.0-4.0 s "Come here."' in shown
