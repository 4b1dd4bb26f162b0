"""How long a long manifest takes to open and plan: ``python -m benchmarks.scale --rows 1000000``.

Writes a manifest of spans of one file, finds its clips, refuses shared names, and plans a run
into an empty folder, in a process of its own. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from instancecap.engine.config import RunConfig
from instancecap.engine.resume import plan_run
from instancecap.engine.sinks import open_store
from instancecap.io.inputs import find_jobs, refuse_shared_names

TARGET_SECONDS, TARGET_MB = 20.0, 500.0


def write_manifest(folder: Path, rows: int, kind: str, *, files: int) -> Path:
    """A manifest of ``rows`` spans, dealt out over ``files`` files that only look like videos."""
    names = [f"{number:06d}.mp4" for number in range(files)]
    for name in names:
        (folder / name).write_bytes(b"x")
    path = folder / f"clips.{kind}"
    lines = (
        (names[number % files], number / 100, number / 100 + 6, f"part{number // 10_000}/{number}")
        for number in range(rows)
    )
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        columns = [pa.array(column) for column in zip(*lines, strict=True)]
        table = pa.table(dict(zip(("path", "start", "end", "id"), columns, strict=True)))
        pq.write_table(table, path)
    else:
        with open(path, "w", encoding="utf-8") as file:
            file.write("path,start,end,id\n")
            file.writelines(f"{name},{start},{end},{own}\n" for name, start, end, own in lines)
    return path


def plan(manifest: str, out: str) -> dict[str, object]:
    """Open and plan; what it took."""
    began, worked = time.perf_counter(), time.process_time()
    jobs, rejected = find_jobs([manifest])
    refuse_shared_names(jobs)
    store = open_store(out).begin(jobs)
    planned = plan_run(jobs, store, RunConfig(), key="benchmark")
    taken, cpu = time.perf_counter() - began, time.process_time() - worked
    store.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "benchmark": "scale",
        "manifest": Path(manifest).suffix,
        "rows": len(jobs) + len(rejected),
        "planned": len(planned.todo),
        "seconds": round(taken, 2),
        "cpu_seconds": round(cpu, 2),
        "peak_mb": round(peak, 1),
        "target": {"seconds": TARGET_SECONDS, "peak_mb": TARGET_MB},
        "met": taken <= TARGET_SECONDS and peak <= TARGET_MB,
    }


def main() -> int:
    """Write the manifest here, and measure in a process whose peak is its own."""
    parser = argparse.ArgumentParser(description="Open and plan a long manifest.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=1, help="different files among the rows")
    parser.add_argument("--kind", choices=("csv", "parquet"), default="csv")
    parser.add_argument("--plan", nargs=2, metavar=("MANIFEST", "OUT"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.plan:
        print(json.dumps(plan(*chosen.plan)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        manifest = write_manifest(Path(name), chosen.rows, chosen.kind, files=chosen.files)
        command = [sys.executable, "-m", "benchmarks.scale", "--plan", str(manifest)]
        return subprocess.run([*command, os.path.join(name, "out")]).returncode


if __name__ == "__main__":
    sys.exit(main())
