"""A batch service for tests: it reads a batch file, posts each body, and writes the results file.

::

    errors = run_batch_file("ask.jsonl", "results.jsonl", url=url)

As hosted services do, answers and refusals go to separate files, in no order.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def run_batch_file(batch: str | Path, results: str | Path, *, url: str) -> Path | None:
    """Answer a batch; returns the file of errors, or None where every request was answered."""
    answers, errors = [], []
    for line in reversed(list(_requests(batch))):
        status, body = _post(url + line["url"].removeprefix("/v1"), line["body"])
        response = {"status_code": status, "request_id": "r-1", "body": body}
        result = {"id": "b-1", "custom_id": line["custom_id"], "response": response, "error": None}
        (answers if status == 200 else errors).append(json.dumps(result))
    Path(results).write_text("".join(f"{one}\n" for one in answers), encoding="utf-8")
    if not errors:
        return None
    path = Path(results).with_suffix(".errors.jsonl")
    path.write_text("".join(f"{one}\n" for one in errors), encoding="utf-8")
    return path


def _requests(batch: str | Path) -> Iterator[dict[str, Any]]:
    seen = set()
    for text in Path(batch).read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        assert set(line) == {"custom_id", "method", "url", "body"}
        assert line["method"] == "POST" and len(line["custom_id"]) <= 64
        assert line["custom_id"] not in seen, "a service refuses a batch that names one twice"
        seen.add(line["custom_id"])
        yield line


def _post(url: str, body: Any) -> tuple[int, Any]:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)
