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
from importlib.resources import files
from string import Template

from instancecap.errors import InputError
from instancecap.io.atomic import write_whole
from instancecap.schema import Caption, Evidence
from instancecap.schema.base import TrackPoint
from instancecap.video import Clip
from instancecap.web.fields import FieldWriter, confidence, show_button, support
from instancecap.web.markup import Html, embed_json, join, markup
from instancecap.web.pictures import Pictures, sample_pictures
from instancecap.web.timeline import chip, timeline, visible_runs

FRAMES_PER_CLIP = 160
FRAMES_PER_PAGE = 2400
"""Pages of many clips carry fewer frames of each, so that a browser can still open them."""
FEWEST_FRAMES = 12
HUES = 7
"""Colours for instances, ``--hue-0`` and so on in ``report.css``; the eighth is the first again."""


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
    sections = [
        _Section(entry, number, len(entries), limit) for number, entry in enumerate(entries, 1)
    ]
    script = _asset("report.js")
    page = Template(_asset("report.html")).substitute(
        title=markup("{t}", t=title),
        count="1 clip" if len(entries) == 1 else f"{len(entries)} clips",
        style=_asset("report.css"),
        script=script,
        script_hash="sha256-" + b64encode(sha256(script.encode()).digest()).decode(),
        index=_index(sections) if len(entries) > 1 else "",
        clips=join(section.html() for section in sections),
    )
    write_whole(path, page)


def _asset(name: str) -> str:
    return files("instancecap.web").joinpath(name).read_text(encoding="utf-8")


def _index(sections: Sequence[_Section]) -> Html:
    return markup(
        '<nav class="index" aria-labelledby="index-name"><h2 id="index-name">Clips</h2>'
        "<ol>{items}</ol></nav>",
        items=join(section.index_item() for section in sections),
    )


class _Section:
    """One entry on the page."""

    def __init__(self, entry: ReportEntry, number: int, total: int, limit: int) -> None:
        self.caption, self.evidence = entry.caption, entry.evidence
        self.number, self.total = number, total
        video = self.caption.video
        self.name = (video.id if video else "") or entry.clip.id or f"clip {number}"
        # By id and not by rank, so that an instance keeps its colour when captions are reordered.
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

    def index_item(self) -> Html:
        """The entry in the list at the top of the page."""
        image = Html("")
        if self.pictures:
            poster = self.pictures.frames[self._poster(self.pictures)]
            image = markup('<img src="{url}" alt="">', url=poster.thumbnail())
        return markup(
            '<li><a href="#clip-{number}"><span class="thumb">{image}</span>'
            '<strong dir="auto">{name}</strong><span class="teaser" dir="auto">{text}</span></a>'
            '<span class="who">{who}</span></li>',
            number=self.number,
            image=image,
            name=self.name,
            text=self.caption.global_description or self.unreadable or "No description",
            who=join(
                markup(
                    '<span>{chip}<span dir="auto">{name}</span></span>',
                    chip=chip(self.colors[instance.id]),
                    name=instance.class_,
                )
                for instance in self.caption.instances
            ),
        )

    def html(self) -> Html:
        """The whole entry."""
        eyebrow = markup('<p class="eyebrow">Clip {n} of {t}</p>', n=self.number, t=self.total)
        return markup(
            '<article class="clip" id="clip-{number}" aria-labelledby="clip-{number}-name">'
            "<header>{eyebrow}"
            '<h2 id="clip-{number}-name" dir="auto">{name}</h2>'
            '<p class="facts">{facts}</p></header>{warnings}'
            '<div class="columns"><section class="instrument" aria-label="Player of {name}">'
            '<h3 class="sr">Player</h3>{player}</section><div class="reading">{text}</div></div>'
            "{claims}{raw}{colophon}</article>",
            number=self.number,
            eyebrow=eyebrow if self.total > 1 else "",
            name=self.name,
            facts=self._facts(),
            warnings=self._warnings(),
            player=self._player(),
            text=self._text(),
            claims=self._claims(),
            raw=self._raw(),
            colophon=self._colophon(),
        )

    def _facts(self) -> Html:
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
        return join(markup("<span>{f}</span>", f=fact) for fact in facts)

    def _warnings(self) -> Html:
        warnings = list(dict.fromkeys([*self.caption.warnings, *self.evidence.warnings]))
        if self.unreadable:
            warnings.append(f"No pictures: {self.unreadable}")
        if not warnings:
            return Html("")
        return markup(
            '<section class="warnings" aria-label="Warnings"><h3>Warnings</h3><ul>{items}</ul>'
            "</section>",
            items=join(markup('<li dir="auto">{w}</li>', w=warning) for warning in warnings),
        )

    def _poster(self, pictures: Pictures) -> int:
        """The frame that shows the most of the captioned instances; the middle one of several."""
        middle = len(pictures.frames) // 2
        runs = [run for id in self.colors for run in self.tracks.get(id, [])]

        def seen(index: int) -> int:
            t = pictures.frames[index].t
            return sum(run[0].t <= t <= run[-1].t for run in runs)

        return max(
            range(len(pictures.frames)), key=lambda index: (seen(index), -abs(index - middle))
        )

    def _player(self) -> Html:
        if self.pictures is None:
            return Html('<p class="empty">The pictures could not be read.</p>')
        pictures = self.pictures
        last = pictures.frames[-1].t
        span = max(self.evidence.video.duration, last)
        poster = self._poster(pictures)
        is_still = len(pictures.frames) == 1
        return markup(
            _asset("player.html"),
            number=self.number,
            name=self.name,
            kind="still" if is_still else "moving",
            poster=pictures.frames[poster].url,
            width=pictures.width,
            height=pictures.height,
            last=len(pictures.frames) - 1,
            others=Html("" if set(self.tracks) - set(self.colors) else "hidden"),
            data=embed_json(self._player_data(pictures, span, poster)),
            timeline=""
            if is_still
            else timeline(
                self.caption,
                self.evidence,
                pictures,
                span=span,
                tracks=self.tracks,
                colors=self.colors,
            ),
        )

    def _player_data(self, pictures: Pictures, span: float, poster: int) -> dict[str, object]:
        names = {facts.id: facts.class_ for facts in self.evidence.instances}
        names |= {instance.id: instance.class_ for instance in self.caption.instances}
        return {
            "span": round(span, 3),
            "poster": poster,
            "frames": [{"t": round(p.t, 3), "url": p.url} for p in pictures.frames],
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

    def _text(self) -> Html:
        fields = FieldWriter(self.caption, colors=self.colors)
        parts = [markup('<section><h3 class="sr">Description</h3>{l}</section>', l=fields.lede())]
        # In order: what comes last takes whatever a later version of the schema may add.
        for heading, body in [
            ("Instances", fields.instances()),
            ("What happens when", fields.segments()),
            ("Camera", fields.section("/camera/")),
            ("Shots", fields.shots()),
            ("Writing in the picture", fields.texts()),
            ("Scene", fields.section("/")),
        ]:
            if body:
                template = "<section><h3>{h}</h3>{body}</section>"
                parts.append(markup(template, h=heading, body=body))
        return join(parts)

    def _claims(self) -> Html:
        if not self.caption.claims:
            return Html("")
        row = (
            '<tr><td dir="auto">{says}</td><td><code>{field}</code></td><td>{support}</td>'
            "<td>{confidence}</td><td>{button}</td></tr>"
        )
        rows = join(
            markup(
                row,
                says=claim.says,
                field=claim.field,
                support=support(claim.support),
                confidence=confidence(claim.confidence),
                button=show_button(claim.frames, claim.says),
            )
            for claim in self.caption.claims
        )
        return markup(
            '<section class="claims"><h3 id="claims-{n}">What was checked</h3>'
            '<div class="scroll" tabindex="0" role="region" aria-labelledby="claims-{n}"><table>'
            '<thead><tr><th scope="col">The caption says</th><th scope="col">Field</th>'
            '<th scope="col">Evidence</th><th scope="col">Confidence</th>'
            '<th scope="col">Frames</th></tr></thead><tbody>{rows}</tbody></table></div></section>',
            n=self.number,
            rows=rows,
        )

    def _raw(self) -> Html:
        return markup(
            '<details class="raw"><summary>The caption as JSON</summary>'
            '<button type="button" data-part="copy">Copy</button>'
            '<span role="status" data-part="copied"></span>'
            '<pre tabindex="0" role="region" aria-label="JSON"><code>{json}</code></pre></details>',
            json=self.caption.to_json(),
        )

    def _colophon(self) -> Html:
        producer = self.caption.producer
        words = [f"{producer.name} {producer.version}".strip()]
        if producer.captioner:
            words.append(" ".join(filter(None, ["captioner", producer.captioner, producer.mode])))
        models = {**self.evidence.models, **producer.models}
        words += [f"{job}: {model}" for job, model in models.items()]
        if total := self.evidence.timings.get("total"):
            words.append(f"measured in {total:.1f} s")
        return markup('<p class="colophon">Written by {words}.</p>', words="; ".join(words))
