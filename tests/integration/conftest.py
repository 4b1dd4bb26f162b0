"""Every test of several parts together runs the program."""

from tests.program import run as run
