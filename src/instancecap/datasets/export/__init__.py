"""Datasets for trainers: written whole, and read back as the trainer will.

from instancecap.datasets.captions import read_captions
from instancecap.datasets.export import Options, check, export, find_trainer

report = export(read_captions(["captions"]), find_trainer("ltx-2"), "set", options=Options())
faults = check("set").failed
"""

from instancecap.datasets.export.base import Options, render_options
from instancecap.datasets.export.check import CheckReport, check
from instancecap.datasets.export.trainers import TRAINERS, find_trainer
from instancecap.datasets.export.write import Report, export

__all__ = ["TRAINERS", "CheckReport", "Options", "Report", "check", "export", "find_trainer",
           "render_options"]  # fmt: skip
