"""One clip with its caption and its evidence, as the pages show it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from instancecap.schema import Caption, Evidence
from instancecap.schema.base import TrackPoint
from instancecap.schema.caption import Claim
from instancecap.schema.tracks import visible_runs
from instancecap.web.fields import CaptionText, read_caption
from instancecap.web.pictures import Picture, Pictures
from instancecap.web.timeline import Timeline, timeline

HUES = 7
"""Colors for instances, ``--hue-0`` and so on in ``page.css``; the eighth is the first again."""


def cited_times(caption: Caption) -> list[float]:
    """Times of the frames that a caption refers to, in seconds."""
    known = [entry.frames for entry in caption.provenance.values()]
    known += [claim.frames for claim in caption.claims]
    return [t for frames in known for t in frames]


class ClipView:
    """One clip as the templates show it.

    Attributes:
        number: among the clips of the page, from 1.
        colors: the number of its color for each instance of the caption, by id.
        tracks: runs of sightings by instance, those outside of the caption too.
        unreadable: why there are no pictures.
        video_url: of the whole clip, for a browser that can play it; empty in a page of one file.
    """

    def __init__(
        self,
        caption: Caption,
        evidence: Evidence,
        *,
        name: str = "",
        number: int = 1,
        pictures: Pictures | None,
        unreadable: str = "",
        video_url: str = "",
    ) -> None:
        self.caption, self.evidence, self.number = caption, evidence, number
        self.pictures, self.unreadable, self.video_url = pictures, unreadable, video_url
        video = caption.video
        self.name = (video.id if video else "") or name or f"clip {number}"
        self.colors = _colors([instance.id for instance in self.caption.instances])
        self.tracks = self._collect_tracks()

    def _collect_tracks(self) -> dict[int, list[list[TrackPoint]]]:
        """Tracks of all instances: the dense ones of the evidence, else the caption's sketch."""
        tracks = {facts.id: facts.track for facts in self.evidence.instances if facts.track}
        for instance in self.caption.instances:
            if instance.track:
                tracks.setdefault(instance.id, instance.track)
        return {id: visible_runs(track) for id, track in tracks.items()}

    def doubts(self) -> list[Claim]:
        """Statements that the evidence speaks against, the surest contradiction first."""
        rank = {"contradicted": 0, "disputed": 1}
        found = [claim for claim in self.caption.claims if claim.support in rank]
        return sorted(found, key=lambda claim: (rank[claim.support], -claim.confidence))

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
        if self.pictures is None:
            return 0
        frames = self.pictures.frames
        middle = len(frames) // 2
        runs = [run for id in self.colors for run in self.tracks.get(id, [])]

        def seen(index: int) -> int:
            t = frames[index].t
            return sum(run[0].t <= t <= run[-1].t for run in runs)

        return max(range(len(frames)), key=lambda index: (seen(index), -abs(index - middle)))

    @property
    def width(self) -> int:
        """Pixels of the pictures; of the video where there are none."""
        return self.pictures.width if self.pictures else max(self.evidence.video.width, 1)

    @property
    def height(self) -> int:
        """Pixels of the pictures; of the video where there are none."""
        return self.pictures.height if self.pictures else max(self.evidence.video.height, 1)

    @property
    def is_still(self) -> bool:
        """Whether there is one picture only."""
        if self.pictures is None:
            return not self.evidence.video.fps
        return len(self.pictures.frames) == 1

    @property
    def has_other_tracks(self) -> bool:
        """Whether something was tracked that the caption leaves out."""
        return bool(set(self.tracks) - set(self.colors))

    @property
    def _frames(self) -> Sequence[Picture]:
        return self.pictures.frames if self.pictures else ()

    @property
    def _span(self) -> float:
        last = self.pictures.frames[-1].t if self.pictures else 0.04
        return max(self.evidence.video.duration, last)

    def timeline(self) -> Timeline:
        """What happens when."""
        return timeline(
            self.caption,
            self.evidence,
            self.pictures,
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
            "fps": self.evidence.video.fps,
            "offset": self.evidence.video.start,
            "video": self.video_url,
            "poster": self.poster,
            "frames": [{"t": round(p.t, 3), "url": p.url} for p in self._frames],
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


def _colors(ids: list[int]) -> dict[int, int]:
    """By id and not by rank, so that a color stays when an instance goes or captions are reordered;
    where two would have the same, the later one takes the next that is free."""
    colors: dict[int, int] = {}
    for id in sorted(ids):
        wanted = [(id + step) % HUES for step in range(HUES)]
        colors[id] = next((one for one in wanted if one not in colors.values()), wanted[0])
    return colors
