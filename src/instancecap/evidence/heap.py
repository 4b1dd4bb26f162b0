"""Keeps a long pass from growing: pictures come and go among small things that stay.

By default glibc raises the size from which a block gets pages of its own as larger blocks are
freed (``mallopt(3)``, M_MMAP_THRESHOLD). Pictures then lie in the heap, and the finds that are
kept between them pin the holes: over half an hour of film the process grows to several times what
it uses (``python -m benchmarks.long FILE`` tells the peak).
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from functools import lru_cache

M_MMAP_THRESHOLD = -3
"""glibc's number for the option."""

PAGES_FROM = 1 << 20
"""Bytes from which a block is given back to the system as soon as it is free; smaller ones are
cheaper to keep, and lower values cost time."""


@lru_cache(maxsize=1)
def give_pictures_back() -> None:
    """Fix the threshold for this process, once. Does nothing where there is no glibc."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, PAGES_FROM)
