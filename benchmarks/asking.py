"""Captions by a server that fails: ``python -m benchmarks.asking --clips 500``.

The program captions many tiny clips with one to three moving things each, by a server on which a
share of all calls fails, in every way of ``tests/mllm/server.py`` alike: first one that keeps to
schemas, then one that takes them and ignores them. One JSON line on stdout: for each server how
many clips end in a valid caption, how many are lost or broken, what was asked, how often which
fault befell, and how many captions have a field without an answer. Status 1 unless all are valid.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import jsonschema
import numpy as np

from instancecap.errors import FormatError
from instancecap.schema import Caption
from tests.mllm.server import FAULTS, MODEL, serve, smallest

SCHEMA = Path(__file__).parents[1] / "docs" / "schema" / "caption.v1.schema.json"
PROGRAM = (sys.executable, "-c", "from instancecap.cli.main import main; main()")
FILES = 12
"""Different clips; the manifest names each of them many times."""

SIZE = 96, 72
FRAMES, FPS = 8, 8
COLORS = (240, 20, 20), (20, 240, 20), (20, 20, 240)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=500, help="clips of each run (500)")
    parser.add_argument("--share", type=float, default=0.3, help="of the calls that fail (0.3)")
    parser.add_argument("--attempts", type=int, default=3, help="as of the program (3)")
    parser.add_argument("--timeout", type=float, default=2.0, help="seconds; stalls take more (2)")
    parser.add_argument("--workers", type=int, default=2, help="worker processes (2)")
    parser.add_argument("--seed", type=int, default=0, help="of the faults (0)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        names = _write_clips(Path(folder), options.clips)
        runs = {
            name: _run(Path(folder), names, options, ignores_schemas=name == "ignores_schemas")
            for name in ("keeps_schemas", "ignores_schemas")
        }
    figures = {"benchmark": "asking", "clips": options.clips, "share": options.share}
    print(json.dumps({**figures, **runs}))
    return int(any(one["valid"] < options.clips for one in runs.values()))


def _run(
    folder: Path, names: set[str], options: argparse.Namespace, *, ignores_schemas: bool
) -> dict[str, Any]:
    """One run; the second one into the same folder finds the evidence of the first there."""
    out = folder / "out"
    for path in out.glob("*.json"):
        path.unlink()
    seen: list[dict[str, Any]] = []
    failed: Counter[str] = Counter()
    began = time.perf_counter()
    with serve(
        _ignoring if ignores_schemas else _keeping,
        dict.fromkeys(FAULTS, options.share / len(FAULTS)),
        options.seed,
        enforce=not ignores_schemas,
        stall=2 * options.timeout,
        seen=seen,
        failed=failed,
    ) as url:
        done = subprocess.run(
            [
                *(*PROGRAM, "caption", str(folder / "clips.jsonl"), "--out", str(out)),
                *("--captioner", "mllm", "--mllm-url", url, "--mllm-model", MODEL),
                *("--mllm-timeout", str(options.timeout), "--attempts", str(options.attempts)),
                *("--workers", str(options.workers), "--quiet"),
            ],
            stderr=subprocess.PIPE,
            text=True,
        )
    seconds = time.perf_counter() - began
    print(done.stderr, file=sys.stderr, end="")
    return {
        **_look(out, names),
        "status": done.returncode,
        "calls": len(seen),
        "failed": dict(sorted(failed.items())),
        "failed_share": round(failed.total() / max(1, len(seen)), 3),
        "seconds": round(seconds, 1),
    }


def _look(out: Path, names: set[str]) -> dict[str, int]:
    """What there is of the captions."""
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    counts = Counter(valid=0, broken=0, unanswered=0)
    found = {path.stem for path in out.glob("*.json")}
    for name in sorted(found & names):
        text = (out / f"{name}.json").read_text()
        try:
            caption = Caption.from_json(text)
            validator.validate(json.loads(text))
        except (FormatError, jsonschema.ValidationError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            counts["broken"] += 1
            continue
        if caption.video is not None and caption.video.id == name:
            counts["valid"] += 1
        counts["unanswered"] += bool(caption.warnings)
    left = [path for path in out.rglob("*") if path.suffix in (".part", ".tmp")]
    return {**counts, "lost": len(names - found), "strange": len(found - names) + len(left)}


def _keeping(asked: dict[str, Any]) -> str:
    """The smallest answer that fits."""
    wanted = asked.get("response_format") or {}
    return json.dumps(smallest(wanted["json_schema"]["schema"]))


def _ignoring(asked: dict[str, Any]) -> str:
    """As told in words: what only the schema says goes unheard."""
    text = _keeping(asked)
    return '{"colour": "blue"}' if "colour" in json.loads(text) else f"```json\n{text}\n```"


def _write_clips(folder: Path, count: int) -> set[str]:
    """Write the clips and their manifest; gives their names."""
    for index in range(min(FILES, count)):
        write_clip(folder / f"{index}.mp4", seed=index, things=1 + index % len(COLORS))
    names = [f"clip-{index:04}" for index in range(count)]
    rows = [
        {"path": str(folder / f"{index % FILES}.mp4"), "id": name}
        for index, name in enumerate(names)
    ]
    (folder / "clips.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return set(names)


def write_clip(path: Path, *, seed: int, things: int) -> None:
    """A short clip of squares, each with a grain, that move right over a blotched ground."""
    width, height = SIZE
    random = np.random.default_rng(seed)
    blotches = random.integers(0, 255, (height // 4, width // 4, 3), np.uint8)
    ground = np.asarray(cv2.resize(blotches, SIZE, interpolation=cv2.INTER_CUBIC))
    side = height // (2 * things + 1)
    grain = random.integers(0, 2, (-(-side // 2), -(-(width // 6) // 2), 1), np.uint8) * 90
    grain = grain.repeat(2, axis=0).repeat(2, axis=1)[:side, : width // 6]
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(FRAMES):
            picture = ground.copy()
            left = index * width // (2 * FRAMES)
            for thing in range(things):
                top = (2 * thing + 1) * side
                square = np.maximum(np.array(COLORS[thing], np.uint8), grain)
                picture[top : top + side, left : left + width // 6] = square
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


if __name__ == "__main__":
    sys.exit(main())
