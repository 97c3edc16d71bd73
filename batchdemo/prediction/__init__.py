"""WHAT SHOULD HAPPEN: what batches cost, what a policy would do on virtual time, and what theory says."""

from __future__ import annotations

from batchdemo.prediction import arrivals, theory
from batchdemo.prediction.advising import advise
from batchdemo.prediction.comparing import compare
from batchdemo.prediction.costs import Costs
from batchdemo.prediction.measuring import measure_costs
from batchdemo.prediction.simulating import replay, simulate

__all__ = ["Costs", "advise", "arrivals", "compare", "measure_costs", "replay", "simulate", "theory"]
