"""WHO waits, and who goes next. Bounded and pure."""

from batchdemo.queues.fifo import Fifo

__all__ = ["Fifo"]
