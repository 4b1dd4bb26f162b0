"""The report: one page to look at captions beside the clips that they describe.

The page is one file that asks nothing of any network: pictures, styles and the script stand in
it. A content security policy in its head holds it to that, and lets only this script run.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from instancecap.engine.results import Run
from instancecap.errors import InputError, OutputError
from instancecap.formats import Caption
from instancecap.io.atomic import write_whole
from instancecap.io.finder import Rejected, reason_of
from instancecap.io.inputs import Job
from instancecap.schema import Evidence
from instancecap.video import Clip
from instancecap.web.clip_view import ClipView, cited_times
from instancecap.web.pictures import sample_pictures
from instancecap.web.templates import asset, environment

FRAMES_PER_CLIP = 60
FRAMES_PER_PAGE = 1800
"""Pages of many clips carry fewer frames of each, so that a browser can still open them."""
FEWEST_FRAMES = 12


@dataclass(frozen=True)
class ReportEntry:
    """One clip, what was measured of it, and what was written about it."""

    clip: Clip
    caption: Caption
    evidence: Evidence


def write_report(
    path: str | os.PathLike[str],
    entries: Sequence[ReportEntry],
    *,
    title: str = "instancecap report",
) -> None:
    """Write one HTML file that shows every entry. Reads each clip once more, for its pictures.

    A clip that cannot be read any more is reported in its place; its caption is still shown.
    Raises :class:`~instancecap.errors.OutputError` when the file cannot be written.
    """
    limit = FRAMES_PER_PAGE // max(len(entries), 1)
    limit = max(FEWEST_FRAMES, min(FRAMES_PER_CLIP, limit))
    script = asset("player.js")
    page = (
        environment()
        .get_template("report.html")
        .render(
            title=title,
            script=script,
            script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
            clips=[_view(entry, number, limit) for number, entry in enumerate(entries, 1)],
        )
    )
    write_whole(path, page)


def write_run_report(path: str, jobs: Sequence[Job], run: Run) -> None:
    """The page of a run's results; one that cannot be written is a failure like any other."""
    entries = [
        ReportEntry(
            clip=jobs[index].clip,
            caption=Caption.from_json(documents.captions[""]),
            evidence=Evidence.from_json(documents.evidence),
        )
        for index, documents in sorted(run.results.items())
    ]
    if not entries:
        return
    try:
        write_report(path, entries)
        run.outputs.append(path)
    except OutputError as error:
        run.failed.append(Rejected(path, reason_of(error, path)))


def _view(entry: ReportEntry, number: int, limit: int) -> ClipView:
    """A clip with its pictures, or with the reason why there are none."""
    pictures, unreadable = None, ""
    try:
        pictures = sample_pictures(
            entry.clip,
            duration=entry.evidence.video.duration,
            wanted=cited_times(entry.caption),
            limit=limit,
        )
    except InputError as error:
        unreadable = str(error)
    return ClipView(
        entry.caption,
        entry.evidence,
        name=entry.clip.id,
        number=number,
        pictures=pictures,
        unreadable=unreadable,
    )
