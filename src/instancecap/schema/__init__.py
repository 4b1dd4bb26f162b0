"""The two documents that everything else reads and writes: :class:`Caption` and :class:`Evidence`."""

from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence

__all__ = ["Caption", "Evidence"]
