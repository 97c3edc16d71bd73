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
    from batchdemo.live.lasting import Client
    from batchdemo.live.ports import stop_all
    from batchdemo.live.server import Server
    from batchdemo.live.submitting import Batcher
    from batchdemo.policies import (
        AIMD,
        CostModel,
        FixedInterval,
        GroupCommit,
        IdleOrTimeout,
        NoBatching,
        Preferred,
        PreFormed,
        Refuse,
        Release,
        SizeOrTimeout,
        TakeAll,
        Wait,
    )
    from batchdemo.prediction import advise, arrivals, compare, measure_costs, replay, simulate, theory
    from batchdemo.runs import Run, load

__version__ = "0.1.0"

# Where each name lives; `arrivals` and `theory` are modules. Looked up at the first use, so that
# `import batchdemo` costs nothing.
_HOMES = {
    "AIMD": "batchdemo.policies",
    "BatchdemoError": "batchdemo.errors",
    "Batcher": "batchdemo.live.submitting",
    "Client": "batchdemo.live.lasting",
    "CostModel": "batchdemo.policies",
    "FixedInterval": "batchdemo.policies",
    "GroupCommit": "batchdemo.policies",
    "IdleOrTimeout": "batchdemo.policies",
    "NoBatching": "batchdemo.policies",
    "PreFormed": "batchdemo.policies",
    "Preferred": "batchdemo.policies",
    "Refuse": "batchdemo.policies",
    "Release": "batchdemo.policies",
    "Retry": "batchdemo.live.retrying",
    "Run": "batchdemo.runs",
    "Server": "batchdemo.live.server",
    "SizeOrTimeout": "batchdemo.policies",
    "TakeAll": "batchdemo.policies",
    "Wait": "batchdemo.policies",
    "advise": "batchdemo.prediction",
    "arrivals": "batchdemo.prediction",
    "background": "batchdemo.live.background",
    "compare": "batchdemo.prediction",
    "echo": "batchdemo.handlers",
    "load": "batchdemo.runs",
    "measure_costs": "batchdemo.prediction",
    "queues": "batchdemo.queues",
    "replay": "batchdemo.prediction",
    "send": "batchdemo.live.client",
    "simulate": "batchdemo.prediction",
    "stop_all": "batchdemo.live.ports",
    "theory": "batchdemo.prediction",
}

__all__ = [  # in the order of _HOMES; written out for those who read without running
    "AIMD",
    "BatchdemoError",
    "Batcher",
    "Client",
    "CostModel",
    "FixedInterval",
    "GroupCommit",
    "IdleOrTimeout",
    "NoBatching",
    "PreFormed",
    "Preferred",
    "Refuse",
    "Release",
    "Retry",
    "Run",
    "Server",
    "SizeOrTimeout",
    "TakeAll",
    "Wait",
    "advise",
    "arrivals",
    "background",
    "compare",
    "echo",
    "load",
    "measure_costs",
    "queues",
    "replay",
    "send",
    "simulate",
    "stop_all",
    "theory",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"batchdemo has no {name!r}; it has {', '.join(__all__)}")
    module = import_module(_HOMES[name])
    value = globals()[name] = module if module.__name__ == f"{__name__}.{name}" else getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
