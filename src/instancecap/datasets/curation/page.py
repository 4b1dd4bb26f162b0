"""The page of a filtered set: the funnel, how the figures are spread, and clips to look at."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from instancecap.datasets.curation.manifest import beside
from instancecap.datasets.curation.rules import Rule, Rules
from instancecap.datasets.curation.select import Funnel, Judged
from instancecap.errors import InputError
from instancecap.io.addresses import is_url
from instancecap.io.atomic import write_whole
from instancecap.video.clip import Clip
from instancecap.web.pictures import sample_pictures
from instancecap.web.templates import templates_of

PAGE = "index.html"

SHOWN_KEPT, SHOWN_OF_RULE = 24, 6
"""Clips on the page that are kept, and that each rule rejects first."""

MOST_PICTURES = 120
"""Clips on a page with a picture; each is a short look into a file."""

BINS = 24
"""Of a histogram."""

BEYOND = 99.0
"""Percentile that a histogram ends at; what lies beyond it is in the last bin."""

A_MOMENT = 0.25
"""Seconds in which a frame is looked for."""


@dataclass
class Survey:
    """What a page needs of the clips that go by.

    Attributes:
        kept, rejected: the first clips, those rejected by the rule that they fail first.
    """

    rules: Rules
    kept: list[Judged] = field(default_factory=list)
    rejected: dict[str, list[Judged]] = field(default_factory=dict)
    _values: dict[str, array[float]] = field(default_factory=dict)
    _is_kept: bytearray = field(default_factory=bytearray)

    def watch(self, clips: Iterable[Judged]) -> Iterator[Judged]:
        """Remember what is shown of clips as they go by."""
        for one in clips:
            self.add(one)
            yield one

    def add(self, one: Judged) -> None:
        """The next clip."""
        shown = self.rejected.setdefault(one.reasons[0].rule, []) if one.reasons else self.kept
        if len(shown) < (SHOWN_OF_RULE if one.reasons else SHOWN_KEPT):
            shown.append(one)
        if one.candidate is None:
            return
        self._is_kept.append(not one.reasons)
        for rule in self.rules.rules:
            if rule.kind.is_number:
                value = rule.value(one.candidate.figures)
                self._values.setdefault(rule.name, array("d")).append(value)

    def histograms(self) -> list[Histogram]:
        """One for each rule that has a limit of a number."""
        kept = np.frombuffer(self._is_kept, np.uint8).astype(bool)
        by_name = {rule.name: rule for rule in self.rules.rules}
        return [
            Histogram.of(by_name[name], np.array(values), kept)
            for name, values in self._values.items()
        ]


@dataclass(frozen=True, slots=True)
class Histogram:
    """How a figure is spread.

    Attributes:
        bars: of each bin, from 0 to 100: all clips, and those of them that are kept.
        limits: where the rule's limits stand, 0 to 100.
    """

    name: str
    low: float
    high: float
    bars: list[tuple[float, float]]
    limits: list[float]

    @classmethod
    def of(cls, rule: Rule, values: np.ndarray, kept: np.ndarray) -> Histogram:
        """Of the figure of each clip."""
        marks = [limit for limit in (rule.min, rule.max) if limit is not None]
        low = min([0.0, *marks, float(values.min())])
        high = max([*marks, float(np.percentile(values, BEYOND))])
        high = high if high > low else low + 1
        inside = values.clip(low, high)
        every, _ = np.histogram(inside, BINS, (low, high))
        good, _ = np.histogram(inside[kept], BINS, (low, high))
        scale = 100 / max(1, every.max())
        bars = list(zip((every * scale).tolist(), (good * scale).tolist(), strict=True))
        return cls(
            rule.name, low, high, bars, [100 * (mark - low) / (high - low) for mark in marks]
        )


@dataclass(frozen=True, slots=True)
class Shown:
    """A clip on the page; ``picture`` is a data URL, or empty."""

    clip: Judged
    picture: str
    link: str

    @property
    def facts(self) -> str:
        """A few figures in words."""
        if self.clip.candidate is None:
            return ""
        one = self.clip.candidate.figures
        facts = (
            f"{one.duration:.1f} s",
            f"{one.width} × {one.height}",
            f"motion {one.motion:.2f}",
            ", ".join(one.classes),
        )
        return " · ".join(filter(None, facts))


def write_page(survey: Survey, funnel: Funnel, folder: Path) -> None:
    """Write the page. Looks into the files of the clips that it shows; one that cannot be read
    any more has no picture. Raises :class:`~instancecap.errors.OutputError`.
    """
    left = MOST_PICTURES

    def show(clips: list[Judged]) -> list[Shown]:
        nonlocal left
        shown = []
        for one in clips:
            picture = poster(one) if left > 0 else ""
            left -= bool(picture)
            shown.append(Shown(one, picture, beside(one.path, folder)))
        return shown

    groups = [
        (step, show(survey.rejected[step.rule]))
        for step in funnel.steps
        if step.rule in survey.rejected
    ]
    page = (
        templates_of("instancecap.datasets.curation")
        .get_template("page.html")
        .render(
            funnel=funnel,
            kept=funnel.steps[-1],
            histograms=survey.histograms(),
            shown=show(survey.kept),
            groups=groups,
        )
    )
    write_whole(folder / PAGE, page)


def poster(one: Judged) -> str:
    """A small picture from the clip's middle as a data URL; empty where there is none."""
    candidate = one.candidate
    if candidate is None or is_url(one.path):
        return ""
    middle = candidate.start + candidate.figures.duration / 2
    clip = Clip(path=one.path, start=middle, end=middle + A_MOMENT)
    try:
        try:
            pictures = sample_pictures(clip, duration=A_MOMENT, limit=1)
        except InputError:  # no frame begins in that moment
            pictures = sample_pictures(replace(clip, start=0.0, end=None), duration=0, limit=1)
    except InputError:
        return ""
    return pictures.frames[0].thumbnail()
