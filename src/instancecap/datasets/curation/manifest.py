"""The tables of a filtered set: what is kept, as ``caption`` takes it, and what is not, and why."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from instancecap.datasets.curation.figures import Figures
from instancecap.datasets.curation.select import Judged
from instancecap.io.addresses import is_url
from instancecap.io.atomic import remove
from instancecap.io.table_writers import open_table

REJECTED = "rejected.jsonl"


def row_of(judged: Judged, folder: Path) -> dict[str, Any]:
    """A line of a table that stands in ``folder``."""
    row: dict[str, Any] = {"path": beside(judged.path, folder), "id": judged.stem}
    one = judged.candidate
    if one is not None and (one.start or one.end is not None):
        row |= {"start": one.start, "end": one.end}
    if judged.reasons:
        row["reasons"] = [reason.as_dict() for reason in judged.reasons]
    if one is not None:
        if one.figures.bars:
            row["crop"] = one.figures.content
        figures = one.figures.model_dump(mode="json", by_alias=True)
        row |= {"hash": one.hash, "figures": figures}
    return row


def beside(path: str, folder: Path) -> str:
    """The path of a file as it is written in a file of ``folder``."""
    return path if is_url(path) else Path(os.path.relpath(path, folder)).as_posix()


def flat(row: dict[str, Any]) -> dict[str, Any]:
    """A row with a column for each figure, those of plug-ins too, without its instances."""
    figures = dict(row["figures"])
    extra = figures.pop("extra")
    return {**row, **figures, **extra}


def columns(plugins: Iterable[str]) -> Any:
    """Arrow schema of :func:`flat` rows; what is no column of it is left out."""
    import pyarrow as pa

    kinds: dict[Any, Any] = {int: pa.int64(), float: pa.float64(), str: pa.string()}
    fields = {name: pa.string() for name in ("path", "id", "hash")}
    fields |= {name: pa.float64() for name in ("start", "end", *plugins)}
    for name, one in Figures.model_fields.items():
        fields[name] = kinds.get(one.annotation, pa.list_(pa.string()))
    fields |= {name: pa.list_(pa.float64()) for name in ("crop", "content")}
    return pa.schema(
        [(name, kind) for name, kind in fields.items() if name not in ("extra", "found")]
    )


def write_tables(
    clips: Iterable[Judged], folder: Path, manifest: str, *, plugins: Iterable[str] = ()
) -> list[str]:
    """Write the manifest and what is rejected, each whole or not at all; returns their paths.

    A manifest without clips is not written, and one that an earlier run left is removed then; the
    table of what is rejected is there always.

    Args:
        manifest: name of the file: a ``.jsonl``, or a ``.parquet`` with a column for each figure.
        plugins: names of figures beside our own.
    """
    is_flat = manifest.endswith(".parquet")
    kept = open_table(folder / manifest, schema=columns(plugins) if is_flat else None)
    rejected = open_table(folder / REJECTED)
    outputs = []
    try:
        for judged in clips:
            row = row_of(judged, folder)
            if judged.reasons:
                rejected.write(row)
            else:
                kept.write(flat(row) if is_flat else row)
        for name, table in ((manifest, kept), (REJECTED, rejected)):
            paths = table.finish()
            outputs += paths
            if not paths:
                remove(folder / name)
        (folder / REJECTED).touch()
    except BaseException:
        kept.drop()
        rejected.drop()
        raise
    return outputs
