"""WHEN a batch leaves and how big it is. Pure: no clock, no I/O, no third-party import.

Two questions tell the policies apart. When does the clock start, and is a batch formed before the executor is free?

| policy | clock | formed |
|---|---|---|
| `FixedInterval` | free-running | before the executor is free |
| `SizeOrTimeout` | arrival of the oldest | before |
| `IdleOrTimeout` | arrivals of the newest and of the oldest | before |
| `PreFormed` | first request taken | before, or with `preform=False` when it is free |
| `NoBatching` | none | before |
| `TakeAll` | none | when it is free |
| `AIMD` | none | when it is free |
| `Preferred` | arrival of the oldest | when it is free |
| `GroupCommit` | first request taken | when it is free |
| `CostModel` | arrivals of the oldest and of the newest | when it is free, one at a time |
"""

from batchdemo.policies.aimd import AIMD
from batchdemo.policies.cost_model import CostModel
from batchdemo.policies.fixed_interval import FixedInterval, ticks_by
from batchdemo.policies.greedy import NoBatching, TakeAll
from batchdemo.policies.group_commit import GroupCommit
from batchdemo.policies.idle_or_timeout import IdleOrTimeout
from batchdemo.policies.interface import BUSY, Policy, QueueView, Refuse, Release, Wait, fault, named
from batchdemo.policies.preferred import Preferred
from batchdemo.policies.preformed import PreFormed
from batchdemo.policies.size_or_timeout import SizeOrTimeout

__all__ = [
    "AIMD",
    "BUSY",
    "CostModel",
    "FixedInterval",
    "GroupCommit",
    "IdleOrTimeout",
    "NoBatching",
    "Policy",
    "PreFormed",
    "Preferred",
    "QueueView",
    "Refuse",
    "Release",
    "SizeOrTimeout",
    "TakeAll",
    "Wait",
    "fault",
    "named",
    "ticks_by",
]
