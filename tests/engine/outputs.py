"""Outputs of runs as a person meets them: read, and changed with an editor or with pandas."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from instancecap.engine.batch import run_batch
from instancecap.engine.config import RunConfig
from instancecap.engine.results import Run
from instancecap.engine.sinks import open_store
from instancecap.engine.work import Work
from instancecap.io.inputs import find_jobs
from tests.engine.works import SEEN, Quick

OUTS = ["out", "out.jsonl", "out.parquet"]


def do(inputs: str | Path, out: str | Path, work: Work | None = None, **options: Any) -> Run:
    """Run a work, :class:`Quick` by default, on the clips of a folder."""
    SEEN.clear()
    jobs, rejected = find_jobs([str(inputs)])
    assert not rejected
    store = open_store(str(out), format=options.get("format", "instancecap"))
    return run_batch(jobs, work or Quick(), store=store, config=RunConfig(out=str(out), **options))


def read(out: str | Path) -> dict[str, dict[str, Any]]:
    """The captions of an output by the names of their clips, in its order."""
    path = Path(out)
    if path.suffix == ".jsonl":
        texts = path.read_text().splitlines()
    elif path.suffix == ".parquet":
        texts = [row["caption_json"] for row in pq.read_table(path).to_pylist()]
    else:
        texts = [one.read_text() for one in sorted(path.rglob("*.json"))]
    return {one["video"]["id"]: one for one in map(json.loads, texts)}


def edit(out: str | Path, change: Callable[[dict[str, Any]], None], name: str = "a.mp4") -> None:
    """Change one caption of an output, and leave the others."""
    path = Path(out)
    if path.suffix == ".jsonl":
        documents = [json.loads(line) for line in path.read_text().splitlines()]
        change(next(one for one in documents if one["video"]["id"] == name))
        path.write_text("".join(f"{json.dumps(one)}\n" for one in documents))
    elif path.suffix == ".parquet":
        (shard,) = path.glob("*.parquet")
        table = pq.read_table(shard)
        rows = table.to_pylist()
        (row,) = (row for row in rows if row["id"] == name)
        document = json.loads(row["caption_json"])
        change(document)
        columns = ("global_description", "background")
        row |= {"caption_json": json.dumps(document), **{one: document[one] for one in columns}}
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), shard)
    else:
        document = json.loads((path / f"{name}.json").read_text())
        change(document)
        (path / f"{name}.json").write_text(json.dumps(document, indent=4))
