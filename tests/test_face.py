"""The face of the package: the names it offers, and what an import does not cost."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

import batchdemo

NAMES = [
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

HEAVY = (
    "matplotlib", "pandas", "numpy", "fastapi", "uvicorn", "websockets", "apscheduler", "tqdm", "typer", "aio_pika",
    "celery",
)  # fmt: skip


def loaded_by(statement):
    """The modules that a fresh Python has loaded after the statement."""
    program = f"{statement}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return set(done.stdout.split())


def test_the_public_names_are_these_and_no_others():
    assert batchdemo.__all__ == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_resolves_and_is_found_the_same_twice(name):
    value = getattr(batchdemo, name)
    assert value.__name__.removeprefix("batchdemo.").removeprefix("prediction.") == name
    assert value.__doc__
    assert getattr(batchdemo, name) is value


def test_a_star_import_gives_exactly_the_public_names():
    space = {}
    exec("from batchdemo import *", space)
    assert set(space) - {"__builtins__"} == set(NAMES)


def test_every_public_name_is_seen_by_dir():
    assert set(NAMES) <= set(dir(batchdemo))


def test_an_unknown_name_gives_an_attribute_error_that_lists_the_names():
    with pytest.raises(AttributeError) as caught:
        _ = batchdemo.simulat
    said = str(caught.value)
    assert "'simulat'" in said
    assert all(name in said for name in NAMES)


def test_an_unknown_name_is_absent_for_hasattr():
    assert not hasattr(batchdemo, "simulat")


def test_an_import_of_the_package_loads_nothing_heavy():
    loaded = loaded_by("import batchdemo")
    assert "batchdemo" in loaded
    assert [name for name in HEAVY if name in loaded] == []


def test_an_import_of_the_package_loads_nothing_but_its_root():
    assert {name for name in loaded_by("import batchdemo") if name.startswith("batchdemo")} == {"batchdemo"}


def test_an_import_of_the_runs_loads_neither_pyplot_nor_pandas():
    loaded = loaded_by("import batchdemo.runs")
    assert "batchdemo.runs.plots" in loaded
    assert not loaded & {"matplotlib", "matplotlib.pyplot", "pandas"}


def test_a_policy_costs_no_third_party_import():
    loaded = loaded_by("import batchdemo as bd; bd.FixedInterval(5, 5.0)")
    assert [name for name in HEAVY if name in loaded] == []


def test_the_version_is_the_one_that_is_installed():
    assert batchdemo.__version__ == metadata.version("batchdemo")
