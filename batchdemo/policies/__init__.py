"""WHEN a batch leaves and how big it is. Pure: no clock, no I/O, no third-party import."""

from batchdemo.policies.fixed_interval import FixedInterval, ticks_by
from batchdemo.policies.interface import Policy, QueueView, Release, Wait, fault

__all__ = ["FixedInterval", "Policy", "QueueView", "Release", "Wait", "fault", "ticks_by"]
