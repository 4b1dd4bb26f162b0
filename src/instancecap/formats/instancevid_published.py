"""InstanceVid with its positions as the published files have them: sentences made of cells.

It is read as any InstanceVid file is; for training beside the data set, or after it.
"""

from __future__ import annotations

from typing import Any

from instancecap.formats import instancevid
from instancecap.formats.instancevid import read as read
from instancecap.schema.caption import Caption


def write(caption: Caption) -> dict[str, Any]:
    """A position's text is written only where its cells are not known."""
    return instancevid.write(caption, cells=True)
