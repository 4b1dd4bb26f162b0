"""A set of captions as others can use it: Parquet, shards with the clips, statistics, checksums,
and a card that says what it is.

The layout is that of a dataset repository at Hugging Face (hub-docs, *Manual Configuration*):
``README.md`` begins with YAML that names the data files. One builder reads all configurations of a
repository, so the shards are none of them and are loaded by themselves.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.export import Options, export, find_trainer, render_options
from instancecap.datasets.export.layouts import Shards
from instancecap.datasets.export.rules import Sample
from instancecap.datasets.statistics.collect import collect
from instancecap.datasets.statistics.document import Statistics
from instancecap.datasets.statistics.report import write_statistics
from instancecap.errors import MissingDependency, UsageError
from instancecap.formats.table_rows import arrow_schema, flatten
from instancecap.io.atomic import part_of, require_free, writing
from instancecap.io.atomic import replace as replace_whole
from instancecap.io.table_writers import open_table
from instancecap.schema.caption import Caption
from instancecap.version import __version__
from instancecap.web.templates import templates_of

README, PAGE, SUMS = "README.md", "index.html", "SHA256SUMS"
DATA, CLIPS, STATISTICS = "data", "clips", "statistics"

NOT_GIVEN = "unknown"
"""The identifier of a license that nobody named."""

_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]*")

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
         (10_000_000, "1M<n<10M"))  # fmt: skip
"""Hugging Face's size categories, by the number that each stays under."""


@dataclass(frozen=True, kw_only=True)
class CardOptions:
    """What the user says of the set.

    Raises :class:`UsageError` for a license that is no identifier.

    Attributes:
        name: title of the set; OUT's own name by default.
        license: of the captions, an identifier as Hugging Face and SPDX have them.
        clips_license: of the clips, in words or as an identifier.
        clips: pack the clips into shards too.
        video_root: folder that the captions' video paths are relative to.
        overwrite: replace an earlier card in OUT.
    """

    name: str = ""
    license: str = ""
    clips_license: str = ""
    clips: bool = False
    video_root: str | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.license and not _LICENSE.fullmatch(self.license):
            raise UsageError(
                f"--license {self.license}: write an identifier in small letters, such as "
                "cc-by-4.0 or apache-2.0"
            )


@dataclass(slots=True)
class Card:
    """What came of it.

    Attributes:
        failed: file and row, and why.
        missing: why there are no plots, where there are none.
        clips: how many are in the shards.
    """

    statistics: Statistics
    failed: list[tuple[str, str]] = field(default_factory=list)
    missing: MissingDependency | None = None
    clips: int = 0


def write_card(
    captions: Sequence[str],
    out: str,
    options: CardOptions,
    *,
    on_failure: Callable[[str, str], None] = lambda source, reason: None,
) -> Card:
    """Write a set of captions with all that goes with it; OUT appears whole, or not at all.

    Paths of videos on this machine are not given away: a caption's path is its clip's id.

    Args:
        on_failure: told the file and row of each caption that is not in the set, and why.

    Raises:
        UsageError: there is no caption, or OUT is in use for something else.
        OutputError: it cannot be written.
    """
    final = Path(os.path.abspath(out))
    require_free(final, mark=SUMS, what="card", overwrite=options.overwrite)
    part = part_of(final)
    failed: list[tuple[str, str]] = []

    def fail(source: str, reason: str) -> None:
        failed.append((source, reason))
        on_failure(source, reason)

    statistics = collect(captions, on_failure=fail)
    card = Card(statistics.model_copy(update={"name": options.name or final.name}), failed)
    shutil.rmtree(part, ignore_errors=True)
    try:
        with writing(final):
            part.mkdir(parents=True)
        _write_table(captions, part / DATA)
        if options.clips:
            card.clips = _pack(captions, part / CLIPS, options, fail)
        _, card.missing = write_statistics([card.statistics], part / STATISTICS)
        with writing(final):
            told = _told(card, options)
            for template, name in (("card.md", README), ("card.html", PAGE)):
                text = templates_of(__package__).get_template(template).render(told)
                (part / name).write_text(text, encoding="utf-8")
            (part / SUMS).write_text("".join(_sums(part)), encoding="utf-8")
        replace_whole(part, final)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return card


def _public(caption: Caption) -> Caption:
    """The caption without the path on this machine."""
    if caption.video is None:
        return caption
    video = caption.video.model_copy(update={"path": caption.video.id})
    return caption.model_copy(update={"video": video})


def _write_table(captions: Sequence[str], folder: Path) -> None:
    part = folder.with_suffix(".parquet")  # by its suffix the writer knows what to write
    table = open_table(part, schema=arrow_schema(), prefix="train-")
    try:
        for row in read_captions(captions):
            if row.caption is not None:
                table.write(flatten(_public(row.caption)) | {"id": row.name})
        table.finish()
    except BaseException:
        table.drop()
        raise
    with writing(folder):
        part.rename(folder)


def _sample_row(sample: Sample, final: Path) -> dict[str, Any]:
    """What stands in a sample's ``.json``: its caption as text, for its keys differ."""
    caption = _public(sample.caption).to_json(indent=None)
    return {"id": sample.name, "text": sample.text, "caption_json": caption}


def _pack(
    captions: Sequence[str], folder: Path, options: CardOptions, fail: Callable[[str, str], None]
) -> int:
    """Clips and captions in WebDataset shards; returns how many."""
    usual = find_trainer("webdataset")
    trainer = replace(usual, layout=Shards(row=_sample_row))
    report = export(
        _readable(captions),
        trainer,
        str(folder),
        options=Options(
            render=render_options(usual), link="copy", video_root=options.video_root or ""
        ),
        on_failure=fail,
    )
    for path in folder.glob(".*"):
        shutil.rmtree(path)  # the export's notes, with paths on this machine
    return report.done


def _readable(captions: Sequence[str]) -> Iterator[Row]:
    """What cannot be read was told when it was counted."""
    return (row for row in read_captions(captions) if row.caption is not None)


def _sums(folder: Path) -> Iterator[str]:
    """Lines as ``sha256sum --check`` reads them."""
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        yield f"{digest}  {path.relative_to(folder).as_posix()}\n"


# What the card says -------------------------------------------------------------------------------


def _told(card: Card, options: CardOptions) -> dict[str, Any]:
    """What the templates are given."""
    found = card.statistics
    return {
        "name": found.name,
        "found": found,
        "license": options.license or NOT_GIVEN,
        "clips_license": options.clips_license,
        "clips": card.clips,
        "size": next((name for most, name in SIZES if found.captions < most), "n>10M"),
        "limits": list(_limits(found)),
        "version": __version__,
        "plots": card.missing is None,
    }


def _limits(found: Statistics) -> Iterator[str]:
    """What a user of the set has to know, each by its count."""
    captions = found.captions
    bare = found.distribution("instances").counts.get("0", 0)
    if bare:
        yield f"{bare:,} of {captions:,} captions name no instance."
    timed = found.distribution("length").known
    if timed < captions:
        yield f"The length of {captions - timed:,} clips is not known."
    if found.repeated:
        yield f"{found.repeated:,} captions have the same words as another one."
    support = found.distribution("support")
    for word, meaning in (
        ("unchecked", "nobody checked"),
        ("contradicted", "the measurement contradicts"),
    ):
        if support.counts.get(word):
            yield f"{support.share(word):.1%} of what the fields say {meaning}."
    claims = found.distribution("claims")
    if claims.total:
        wrong = claims.counts.get("contradicted", 0)
        held = f"{claims.total:,} statements were held against the pixels"
        yield f"{held}; the pixels contradict {wrong:,}."
    else:
        yield "No statement of the captions' sentences was held against the pixels."
    people = found.distribution("category").counts.get("human", 0)
    if people:
        yield f"{people:,} instances are people, who may be recognized in the clips."
    if any("measured" in writer.split() for writer in found.made_by):
        yield (
            "Captions by the captioner measured say only what detectors and measurements of the "
            "pixels give: 80 classes of things, no names, no intentions, no sound."
        )
    if len(found.made_by) > 1:
        yield "The captions are by several writers and differ in style and depth."
