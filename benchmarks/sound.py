"""What listening costs: ``python -m benchmarks.sound --clips ../shared/clips``.

Prints, of the clips that have sound, how many seconds of it there are, what the pass over the
pictures and the pass over the sound take on one core, and the second as a share of the first.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from instancecap.evidence.build import measure
from instancecap.evidence.experts.sound import SileroListener
from instancecap.video.clip import Clip


def main() -> None:
    """Measure the clips of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=Path, required=True, help="a folder of videos")
    parser.add_argument("--most", type=int, default=12, help="clips with sound to measure")
    options = parser.parse_args()
    seconds = pictures = sound = 0.0
    found = 0
    for path in sorted(options.clips.glob("web/*.mp4")):
        evidence = measure(Clip.open(path), threads=1, listener=SileroListener())
        if evidence.audio.sound != "audible":
            continue
        found += 1
        seconds += evidence.video.duration
        sound += evidence.timings["sound"]
        pictures += evidence.timings["total"] - evidence.timings["sound"]
        if found == options.most:
            break
    print(
        f"{found} clips, {seconds:.1f} s of sound: pictures {pictures:.1f} s, sound {sound:.1f} s"
    )
    print(f"{sound / max(pictures, 1e-9):.1%} of the pass over the pictures")


if __name__ == "__main__":
    main()
