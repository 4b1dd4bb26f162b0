"""A set of captions as others can use it: Parquet, shards with the clips, statistics, checksums,
and a card that says what it is.

The layout is that of a dataset repository at Hugging Face (hub-docs, *Manual Configuration*):
``README.md`` begins with YAML that names the data files. One builder reads all configurations of a
repository, so the shards are none of them and are loaded by themselves.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from instancecap.datasets.captions import Row, read_captions
from instancecap.datasets.curation.balance import BALANCE
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
from instancecap.io.table_writers import TableWriter, open_table
from instancecap.schema.caption import Caption
from instancecap.version import __version__
from instancecap.web.templates import templates_of

README, PAGE, SUMS = "README.md", "index.html", "SHA256SUMS"
DATA, CLIPS, STATISTICS = "data", "clips", "statistics"

NOT_GIVEN = "unknown"
"""The identifier of a license that nobody named."""

OWN, _OWN_NAME = "other:", re.compile(r"[a-z0-9][a-z0-9.+-]*")
"""How a license is named that has no identifier, as the card's ``license_name``."""

TRAIN = "train"
"""The split of captions that are in none."""

SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
         (10_000_000, "1M<n<10M"))  # fmt: skip
"""Hugging Face's size categories, by the number that each stays under."""


@dataclass(frozen=True, kw_only=True)
class CardOptions:
    """What the user says of the set.

    Raises :class:`UsageError` for a license that nobody knows by that name.

    Attributes:
        name: title of the set; OUT's own name by default.
        license: of the captions, an identifier of :func:`known_licenses`, or ``other:NAME``.
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
        known, name = known_licenses(), self.license
        if name in {"", *known} - {"other"}:
            return
        if not (name.startswith(OWN) and _OWN_NAME.fullmatch(name.removeprefix(OWN))):
            near = get_close_matches(name.casefold().replace(" ", "-"), known)
            raise UsageError(
                f"--license {name}: write an identifier that Hugging Face lists, such as "
                f"{' or '.join(near) or 'cc-by-4.0'}, or {OWN}NAME for one of your own, in small "
                "letters"
            )


def known_licenses() -> list[str]:
    """Identifiers of licenses that a card may name (hub-docs, *Licenses*)."""
    return files(__package__).joinpath("licenses.txt").read_text(encoding="utf-8").split()


@dataclass(slots=True)
class Card:
    """What came of it.

    Attributes:
        failed: file and row, and why.
        missing: why there are no plots, where there are none.
        clips: how many are in the shards.
        splits: those of a balanced set whose tables the captions are, else one.
    """

    statistics: Statistics
    failed: list[tuple[str, str]] = field(default_factory=list)
    missing: MissingDependency | None = None
    clips: int = 0
    splits: list[str] = field(default_factory=list)


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
        card.splits = _write_tables(captions, part / DATA)
        for split in card.splits if options.clips else ():
            folder = part / CLIPS / split if len(card.splits) > 1 else part / CLIPS
            rows = (row for row in _readable(captions) if _split_of(row) == split)
            card.clips += _pack(rows, folder, options, fail)
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


def _write_tables(captions: Sequence[str], folder: Path) -> list[str]:
    """A table of Parquet shards for each split; returns the splits."""
    part = folder.with_suffix(".parquet")  # by its suffix the writer knows what to write
    tables: dict[str, TableWriter] = {}
    try:
        for row in _readable(captions):
            split = _split_of(row)
            if split not in tables:
                scratch = folder.with_name(f".{split}")
                prefix = f"{split}-"
                tables[split] = open_table(
                    part, schema=arrow_schema(), prefix=prefix, scratch=scratch
                )
            assert row.caption is not None
            tables[split].write(flatten(_public(row.caption)) | {"id": row.name})
        for table in tables.values():
            table.finish()
    except BaseException:
        for table in tables.values():
            table.drop()
        raise
    with writing(folder):
        part.rename(folder)
    return sorted(tables, key=lambda split: (split != TRAIN, split))


def _split_of(row: Row) -> str:
    """The split whose table ``balance`` wrote the caption into, as Hugging Face spells it."""
    table = Path(row.source.rpartition(": ")[0])
    return table.stem.replace("-", "_") if table.stem in _splits_in(table.parent) else TRAIN


def _splits_in(folder: Path) -> Collection[str]:
    """The splits of a balanced set; none where the folder holds no such set."""
    path = folder / BALANCE
    if not path.is_file():
        return ()
    try:
        chosen = json.loads(path.read_text(encoding="utf-8"))["chosen"]
    except (OSError, ValueError, TypeError, KeyError):
        return ()
    return chosen if isinstance(chosen, dict) else ()


def _sample_row(sample: Sample, final: Path) -> dict[str, Any]:
    """What stands in a sample's ``.json``: its caption as text, for its keys differ."""
    caption = _public(sample.caption).to_json(indent=None)
    return {"id": sample.name, "text": sample.text, "caption_json": caption}


def _pack(
    rows: Iterator[Row], folder: Path, options: CardOptions, fail: Callable[[str, str], None]
) -> int:
    """Clips and captions in WebDataset shards; returns how many."""
    usual = find_trainer("webdataset")
    trainer = replace(usual, layout=Shards(row=_sample_row))
    report = export(
        rows,
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
        "license": options.license.removeprefix(OWN) or NOT_GIVEN,
        "own_license": options.license.startswith(OWN),
        "splits": card.splits,
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
