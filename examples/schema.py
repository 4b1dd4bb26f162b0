"""Write the JSON Schema files: ``python -m examples.schema docs/schema``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from instancecap.io.atomic import write_whole
from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence


def published_files() -> dict[str, str]:
    """File name and text of every published schema."""
    return {
        f"{document.kind}.v1.schema.json": json.dumps(document.published_schema(), indent=2) + "\n"
        for document in (Caption, Evidence)
    }


def main(folder: str) -> None:
    """Write all files to ``folder``."""
    for name, text in published_files().items():
        write_whole(Path(folder) / name, text)


if __name__ == "__main__":
    main(sys.argv[1])
