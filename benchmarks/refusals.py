"""Captions by a server that refuses some clips: ``python -m benchmarks.refusals --clips 100``.

The server refuses every question on 30 % of the clips, in five ways in turn: in prose, in the
``refusal`` field, by its content filter (as a finish reason, and as status 400), and with Markdown
in place of the object. Then it is mended, and the same command runs again. One JSON line: how many
clips are done, partial and failed after each run, the exit statuses, how many reasons are told
apart, and how many clips were asked about a second time that had been done. Status 1 unless 70 %
are done first, the others are partial with a reason, and only those are asked again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.engine import make_clips
from tests.mllm.server import MODEL, error_body, serve

REFUSED = frozenset((1, 4, 7))
"""Last digits of the numbers of clips that are refused: three in ten."""


def refuse(asked: dict[str, Any], number: int) -> tuple[int, Any]:
    """Status and body of a refusal; which one follows from the clip's number."""

    def reply(content: str | None, finish: str = "stop", **more: str) -> tuple[int, Any]:
        message = {"role": "assistant", "content": content, **more}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return 200, {"object": "chat.completion", "model": asked["model"], "choices": [choice]}

    match number % 5:
        case 0:
            return reply("I'm sorry, but I can't assist with identifying people in images.")
        case 1:
            return reply(None, refusal="I can't help with that.")
        case 2:
            return reply("", "content_filter")
        case 3:
            return 400, error_body(
                "The response was filtered due to the prompt triggering the service's content "
                "management policy.", param="prompt",
            )  # fmt: skip
        case _:
            return reply("**Global description:** a *gray* square moves.\n\n- one\n- two")


def number_of(asked: dict[str, Any]) -> int | None:
    """The number of the clip that a question is about, by the hint that comes with it."""
    found = re.search(r"film number (\d+)", json.dumps(asked["messages"]))
    return int(found[1]) if found else None


def caption(folder: Path, url: str) -> tuple[int, dict[str, Any]]:
    """Run the program on the clips of a folder; its exit status and what it says of the run."""
    done = subprocess.run(
        [sys.executable, "-m", "instancecap", "caption", str(folder / "clips.jsonl"), "--json",
         "--out", str(folder / "captions"), "--captioner", "mllm", "--mllm-url", url,
         "--mllm-model", MODEL, "--hint-column", "title", "--frames", "2", "--attempts", "2"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)


def measure(folder: Path, *, clips: int) -> dict[str, Any]:
    """Both runs, over ``clips`` tiny clips that are made in ``folder``."""
    make_clips(folder / "clips", clips)
    rows = [{"path": f"clips/{one:05d}.mp4", "title": f"film number {one}"} for one in range(clips)]
    (folder / "clips.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    refused = {one for one in range(clips) if one % 10 in REFUSED}
    seen: list[set[int | None]] = [set(), set()]

    def first(asked: dict[str, Any], size: int) -> tuple[int, Any] | None:
        number = number_of(asked)
        seen[0].add(number)
        return refuse(asked, number) if number in refused and number is not None else None

    def mended(asked: dict[str, Any], size: int) -> tuple[int, Any] | None:
        seen[1].add(number_of(asked))
        return None

    runs = []
    for refusal in (first, mended):
        with serve(refusal=refusal) as url:
            status, run = caption(folder, url)
        runs.append({"status": status, **{name: run[name] for name in ("done", "skipped")},
                     "partial": len(run["partial"]), "failed": len(run["failed"]),
                     "reasons": len({re.sub(r".*?: ", "", one["reason"], count=1)
                                     for one in run["partial"]})})  # fmt: skip
    again = seen[1] - refused - {None}
    before, after = runs
    met = (
        (before["done"], before["partial"], before["failed"], before["status"])
        == (clips - len(refused), len(refused), 0, 1)
        and (after["done"], after["skipped"], after["status"])
        == (len(refused), clips - len(refused), 0)
        and not again
    )
    return {"benchmark": "refusals", "clips": clips, "runs": runs, "asked_again": len(again),
            "met": met}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--clips", type=int, default=100, help="clips of each run (100)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), clips=chosen.clips)
    print(json.dumps(figures))
    return int(not figures["met"])


if __name__ == "__main__":
    sys.exit(main())
