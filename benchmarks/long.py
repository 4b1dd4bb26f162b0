"""Rate and peak memory of one long file: ``python -m benchmarks.long FILE [SECONDS]``.

Prints one JSON line. A fresh process measures one file, so that the peak is the file's own.
"""

from __future__ import annotations

import json
import resource
import sys
import time

import instancecap as ic


def main(path: str, seconds: float | None = None) -> None:
    """Measure the first ``seconds`` of a file, or all of it."""
    began = time.perf_counter()
    evidence = ic.measure(ic.Clip.open(path, end=seconds))
    taken = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    figures = {
        "benchmark": "long",
        "frames": evidence.video.frames,
        "frames_per_second": round(evidence.video.frames / taken, 1),
        "times_real_time": round(evidence.video.duration / taken, 2),
        "peak_mb": round(peak, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else None)
