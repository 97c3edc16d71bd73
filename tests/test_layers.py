"""The layers: imports run downhill only, and the pure rooms stay pure. Read from the source, nothing is run."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import batchdemo

# Lowest first; a new room is entered here. Rooms of one layer do not know each other, but for FRIENDS.
LAYERS = (
    {"errors", "records", "arguments"},
    {"handlers", "policies", "queues"},
    {"runs"},
    {"live", "prediction"},
    {"brokers"},
    {"judging", "view"},
    {"doctor", "course", "cli", "__main__"},
)
FRIENDS = {("arguments", "errors"), ("cli", "doctor"), ("cli", "course"), ("__main__", "cli")}
PURE = {"policies", "queues", "errors", "records", "arguments"}
DURABLE = {f"batchdemo.queues.{name}" for name in ("committer", "opening", "store", "trouble")}  # a file is I/O
PURE_MAY_IMPORT = {"__future__", "batchdemo", "collections", "copy", "dataclasses", "heapq", "itertools", "math",
                   "numbers", "operator", "typing"}  # fmt: skip
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


class Import(NamedTuple):
    """One import: of `target`, from within `module`."""

    module: str
    target: str
    at_once: bool  # runs when the module is imported, and not only when a function is called


def read_package():
    root = Path(batchdemo.__file__).parent
    sources = {}
    for path in sorted(root.rglob("*.py")):
        parts = ("batchdemo", *path.relative_to(root).with_suffix("").parts)
        sources[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return sources


def imports(sources):
    """Every import that can happen at run time; those under `if TYPE_CHECKING:` cannot."""
    found = []
    for module, source in sources.items():
        todo = [(node, True) for node in ast.parse(source).body]
        while todo:
            node, at_once = todo.pop()
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                todo += [(child, at_once) for child in node.orelse]
            elif isinstance(node, ast.Import):
                found += [Import(module, alias.name, at_once) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{module} imports relatively; the house imports by full names"
                inner = [f"{node.module}.{alias.name}" for alias in node.names]
                targets = {name if name in sources and node.module != "batchdemo" else node.module for name in inner}
                found += [Import(module, target, at_once) for target in targets]
            else:
                lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                todo += [(child, at_once and not lazy) for child in ast.iter_child_nodes(node)]
    return found


def room(module):
    return module.split(".")[1] if "." in module else ""


def faults(sources):
    """Every rule that the sources break, as one line each."""
    said = []
    edges = imports(sources)
    for module, target, _ in edges:
        line = f"{module} imports {target}"
        mine, theirs = room(module), room(target) if target.startswith("batchdemo.") else None
        if target == "batchdemo" or target.startswith("batchdemo.__init__"):
            said.append(f"{line}: nobody imports the root")
        elif theirs is not None and mine != theirs and (mine, theirs) not in FRIENDS:
            if not {mine, theirs} <= set(LEVEL):
                said.append(f"{line}: a room that LAYERS does not know")
            elif LEVEL[theirs] >= LEVEL[mine]:
                said.append(f"{line}: uphill")
        if mine in PURE and module not in DURABLE and target.split(".")[0] not in PURE_MAY_IMPORT:
            said.append(f"{line}: {mine} is pure")
        if target.split(".")[0] == "apscheduler" and module != "batchdemo.live.scheduler":
            said.append(f"{line}: only live.scheduler may")
    for module, source in sources.items():
        if any(
            isinstance(node, ast.Call) and ast.unparse(node.func) == "print" for node in ast.walk(ast.parse(source))
        ):
            said.append(f"{module} prints")
    graph = {module: {e.target for e in edges if e.at_once and e.module == module} for module in sources}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        said.append(f"a circle: {' → '.join(error.args[1])}")
    return said


def test_the_package_keeps_every_rule():
    assert faults(read_package()) == []


def test_every_module_lives_in_a_room_that_the_layers_know():
    assert {room(module) for module in read_package()} - {""} <= set(LEVEL)


def test_the_whole_package_was_read():
    found = {(module, target) for module, target, _ in imports(read_package())}
    assert ("batchdemo.live.scheduler", "apscheduler.schedulers.asyncio") in found
    assert ("batchdemo.runs.run", "batchdemo.runs.plots") in found
    assert ("batchdemo.cli", "batchdemo.live.client") in found  # from within a function
    assert not any(module == "batchdemo" and target.startswith("batchdemo") for module, target in found)


BAD = {
    "uphill": {"batchdemo.runs.x": "from batchdemo.live.server import Server"},
    "uphill even in a function": {"batchdemo.policies.x": "def f():\n    from batchdemo.runs import Run"},
    "sideways": {"batchdemo.live.x": "import batchdemo.prediction.simulate"},
    "policies know queues": {"batchdemo.policies.x": "from batchdemo.queues import Fifo"},
    "the root": {"batchdemo.live.x": "import batchdemo as bd"},
    "a name from the root": {"batchdemo.cli": "from batchdemo import send"},
    "a module from the root": {"batchdemo.runs": "from batchdemo import errors", "batchdemo.errors": ""},
    "an unknown room": {"batchdemo.attic.x": "from batchdemo.errors import BatchdemoError"},
    "a clock in a policy": {"batchdemo.policies.x": "from time import monotonic"},
    "numpy in a queue": {"batchdemo.queues.x": "class A:\n    import numpy as np"},
    "apscheduler elsewhere": {"batchdemo.live.x": "try:\n    from apscheduler.triggers import interval\nfinally: pass"},
    "print": {"batchdemo.runs.x": "def f():\n    print('hello')"},
    "a circle": {"batchdemo.runs.a": "import batchdemo.runs.b", "batchdemo.runs.b": "from batchdemo.runs.a import x"},
    "a circle through a submodule": {
        "batchdemo.runs": "from batchdemo.runs.a import x",
        "batchdemo.runs.a": "from batchdemo.runs import b",
        "batchdemo.runs.b": "from batchdemo.runs import x",
    },
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_source_is_found_out(name):
    assert len(faults(BAD[name])) == 1


GOOD = {
    "downhill": {"batchdemo.live.x": "import batchdemo.runs.run\nfrom batchdemo.policies import Policy"},
    "for types only": {"batchdemo.runs.x": "if TYPE_CHECKING:\n    from batchdemo.live.server import Server"},
    "a circle that a function breaks": {
        "batchdemo.runs.a": "import batchdemo.runs.b",
        "batchdemo.runs.b": "def f():\n    from batchdemo.runs.a import x",
    },
    "a word that is no call": {"batchdemo.runs.x": "printer = blueprint()\ntext = 'print()'"},
}


@pytest.mark.parametrize("name", GOOD)
def test_a_good_source_is_not_accused(name):
    assert faults(GOOD[name]) == []
