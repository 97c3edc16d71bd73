"""batchdemo: see, measure, predict and break the batching of requests, from a notebook cell on.

import batchdemo as bd

with bd.Server() as server:              # 5 every 5 s, on 127.0.0.1
    run = bd.send(range(1, 19), server)
run.plot()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchdemo.errors import BatchdemoError
    from batchdemo.handlers import echo
    from batchdemo.live.background import background
    from batchdemo.live.client import send
    from batchdemo.live.ports import stop_all
    from batchdemo.live.server import Server
    from batchdemo.policies import FixedInterval
    from batchdemo.prediction import measure_costs
    from batchdemo.runs import Run, load

__version__ = "0.1.0"

__all__ = [
    "BatchdemoError",
    "FixedInterval",
    "Run",
    "Server",
    "background",
    "echo",
    "load",
    "measure_costs",
    "send",
    "stop_all",
]

# Where each name lives. Looked up at its first use, so that `import batchdemo` costs nothing.
_HOMES = {
    "BatchdemoError": "batchdemo.errors",
    "FixedInterval": "batchdemo.policies",
    "Run": "batchdemo.runs",
    "Server": "batchdemo.live.server",
    "background": "batchdemo.live.background",
    "echo": "batchdemo.handlers",
    "load": "batchdemo.runs",
    "measure_costs": "batchdemo.prediction",
    "send": "batchdemo.live.client",
    "stop_all": "batchdemo.live.ports",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"batchdemo has no {name!r}; it has {', '.join(__all__)}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
