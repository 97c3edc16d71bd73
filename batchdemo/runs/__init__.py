"""WHAT HAPPENED: the one record of every world, with its checks, its plots and the sentence that describes it."""

from batchdemo.runs.checks import Checks, Verdict
from batchdemo.runs.fate import describe_fates, fates, plot_fates
from batchdemo.runs.reading import load
from batchdemo.runs.run import Run

__all__ = ["Checks", "Run", "Verdict", "describe_fates", "fates", "load", "plot_fates"]
