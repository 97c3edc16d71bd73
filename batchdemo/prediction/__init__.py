"""WHAT SHOULD HAPPEN: what a handler's batches cost on this machine, and whether batching pays."""

from __future__ import annotations

from batchdemo.prediction.costs import Costs
from batchdemo.prediction.measuring import measure_costs

__all__ = ["Costs", "measure_costs"]
