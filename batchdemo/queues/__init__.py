"""WHO waits, and who goes next. Pure, but for the durable one."""

from batchdemo.queues.earliest_deadline import EarliestDeadline
from batchdemo.queues.fifo import Fifo
from batchdemo.queues.priority import Priority
from batchdemo.queues.round_robin import RoundRobin
from batchdemo.queues.weighted import Weighted

__all__ = ["EarliestDeadline", "Fifo", "Priority", "RoundRobin", "Weighted"]
