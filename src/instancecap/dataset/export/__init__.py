"""Datasets for trainers: written whole, and read back as the trainer will.

from instancecap.dataset.captions import read_captions
from instancecap.dataset.export import Options, check, export, find_trainer

report = export(read_captions(["captions"]), find_trainer("ltx-2"), "set", options=Options())
faults = check("set").failed
"""

from instancecap.dataset.export.check import CheckReport, check
from instancecap.dataset.export.trainers import TRAINERS, find_trainer
from instancecap.dataset.export.write import Options, Report, export

__all__ = ["TRAINERS", "CheckReport", "Options", "Report", "check", "export", "find_trainer"]
