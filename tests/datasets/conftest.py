"""Every test of a verb runs the program."""

from tests.program import run as run
