"""The two documents that everything else reads and writes."""

from instancecap.schema.caption import Caption
from instancecap.schema.evidence import Evidence

__all__ = ["Caption", "Evidence"]
