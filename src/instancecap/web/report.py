"""The report: one page to look at captions beside the clips that they describe.

The page is one file that asks nothing of any network: pictures, styles and the script stand in
it. A content security policy in its head holds it to that, and lets only this script run.
"""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from instancecap.errors import InputError
from instancecap.io.atomic import write_whole
from instancecap.schema import Caption, Evidence
from instancecap.schema.base import TrackPoint
from instancecap.schema.tracks import visible_runs
from instancecap.video import Clip
from instancecap.web.fields import CaptionText, read_caption
from instancecap.web.pictures import Pictures, sample_pictures
from instancecap.web.templates import asset, environment
from instancecap.web.timeline import Timeline, timeline

FRAMES_PER_CLIP = 60
FRAMES_PER_PAGE = 1800
"""Pages of many clips carry fewer frames of each, so that a browser can still open them."""
FEWEST_FRAMES = 12
HUES = 7
"""Colours for instances, ``--hue-0`` and so on in ``page.css``; the eighth is the first again."""


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
            style=asset("page.css"),
            script=script,
            script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
            clips=[ClipView(entry, number, limit) for number, entry in enumerate(entries, 1)],
        )
    )
    write_whole(path, page)


class ClipView:
    """One clip as the templates show it.

    Attributes:
        number: among the clips of the page, from 1.
        colors: the number of its color for each instance of the caption, by id.
        tracks: runs of sightings by instance, those outside of the caption too.
        unreadable: why there are no pictures.
    """

    def __init__(self, entry: ReportEntry, number: int, limit: int) -> None:
        self.caption, self.evidence = entry.caption, entry.evidence
        self.number = number
        video = self.caption.video
        self.name = (video.id if video else "") or entry.clip.id or f"clip {number}"
        # By id and not by rank, so that an instance keeps its color when captions are reordered.
        ids = sorted(instance.id for instance in self.caption.instances)
        self.colors = {id: rank % HUES for rank, id in enumerate(ids)}
        self.tracks = self._collect_tracks()
        self.pictures: Pictures | None = None
        self.unreadable = ""
        known = [entry.frames for entry in self.caption.provenance.values()]
        known += [claim.frames for claim in self.caption.claims]
        try:
            self.pictures = sample_pictures(
                entry.clip,
                duration=self.evidence.video.duration,
                wanted=[t for frames in known for t in frames],
                limit=limit,
            )
        except InputError as error:
            self.unreadable = str(error)

    def _collect_tracks(self) -> dict[int, list[list[TrackPoint]]]:
        """Tracks of all instances: the dense ones of the evidence, else the caption's sketch."""
        tracks = {facts.id: facts.track for facts in self.evidence.instances if facts.track}
        for instance in self.caption.instances:
            if instance.track:
                tracks.setdefault(instance.id, instance.track)
        return {id: visible_runs(track) for id, track in tracks.items()}

    def text(self) -> CaptionText:
        """What the caption says."""
        return read_caption(self.caption)

    def facts(self) -> list[str]:
        """What was measured of the video as such."""
        video = self.evidence.video
        facts = [f"{video.width} \N{MULTIPLICATION SIGN} {video.height} pixels"]
        if video.fps:
            facts += [f"{video.duration:.2f} s", f"{video.fps:.4g} frames a second"]
            facts.append("1 frame" if video.frames == 1 else f"{video.frames} frames")
        else:
            facts.append("still image")
        if video.start:
            facts.append(f"from {video.start:.2f} s to {video.end:.2f} s of the source")
        if video.codec:
            facts.append(video.codec)
        return facts

    def warnings(self) -> list[str]:
        """Of the caption and of the evidence."""
        warnings = list(dict.fromkeys([*self.caption.warnings, *self.evidence.warnings]))
        return [*warnings, *([f"No pictures: {self.unreadable}"] if self.unreadable else [])]

    @cached_property
    def poster(self) -> int:
        """The frame that shows the most of the captioned instances; the middle one of several."""
        frames = self._pictures.frames
        middle = len(frames) // 2
        runs = [run for id in self.colors for run in self.tracks.get(id, [])]

        def seen(index: int) -> int:
            t = frames[index].t
            return sum(run[0].t <= t <= run[-1].t for run in runs)

        return max(range(len(frames)), key=lambda index: (seen(index), -abs(index - middle)))

    @property
    def _pictures(self) -> Pictures:
        assert self.pictures is not None, "the clip could be read"
        return self.pictures

    @property
    def is_still(self) -> bool:
        """Whether there is one picture only."""
        return len(self._pictures.frames) == 1

    @property
    def has_other_tracks(self) -> bool:
        """Whether something was tracked that the caption leaves out."""
        return bool(set(self.tracks) - set(self.colors))

    @property
    def _span(self) -> float:
        return max(self.evidence.video.duration, self._pictures.frames[-1].t)

    def timeline(self) -> Timeline:
        """What happens when."""
        return timeline(
            self.caption,
            self.evidence,
            self._pictures,
            span=self._span,
            tracks=self.tracks,
            colors=self.colors,
        )

    def player_data(self) -> dict[str, object]:
        """Frames and tracks, for the script."""
        names = {facts.id: facts.class_ for facts in self.evidence.instances}
        names |= {instance.id: instance.class_ for instance in self.caption.instances}
        return {
            "span": round(self._span, 3),
            "poster": self.poster,
            "frames": [{"t": round(p.t, 3), "url": p.url} for p in self._pictures.frames],
            "tracks": [
                {
                    "id": id,
                    "name": f"#{id} {names[id]}",
                    "hue": self.colors.get(id),
                    "runs": [
                        [[round(point.t, 3), *(round(v, 4) for v in point.box)] for point in run]
                        for run in runs
                    ],
                }
                for id, runs in self.tracks.items()
            ],
        }

    def colophon(self) -> list[str]:
        """Who wrote the caption, with what."""
        producer = self.caption.producer
        words = [f"{producer.name} {producer.version}".strip()]
        if producer.captioner:
            words.append(" ".join(filter(None, ["captioner", producer.captioner, producer.mode])))
        models = {**self.evidence.models, **producer.models}
        words += [f"{job}: {model}" for job, model in models.items()]
        if total := self.evidence.timings.get("total"):
            words.append(f"measured in {total:.1f} s")
        return words
