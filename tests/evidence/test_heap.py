"""Memory that large arrays used is given back, also with small things kept between them."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
import numpy as np
from instancecap.evidence.heap import give_pictures_back

give_pictures_back()

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096

np.zeros(30 << 20, np.uint8)[:] = 1  # without the setting glibc keeps such blocks from here on
before, kept = resident(), []
for _ in range(40):
    picture = np.ones(4 << 20, np.uint8)
    other = np.ones(2 << 20, np.uint8)
    kept.append(bytes(70_000))
    del picture, other
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of glibc; run on Linux")
def test_pictures_leave_no_holes() -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 6 << 20
