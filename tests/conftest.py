"""What all tests share: waiting for conditions, parts that may be missing, and nothing left running."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("BATCHDEMO_SPEED", None)

REQUIRED = set(filter(None, os.environ.get("BATCHDEMO_REQUIRE", "").split(",")))
ROOT = Path(__file__).parents[1]
TUTORIAL = Path(os.environ.get("BATCHDEMO_TUTORIAL", ROOT.parent / "shared" / "baselines" / "tutorial.py"))


def missing(part: str, why: str) -> None:
    """Skip the test for want of a part; fail it where BATCHDEMO_REQUIRE says that the part must be there."""
    if part in REQUIRED:
        pytest.fail(f"BATCHDEMO_REQUIRE names {part}, but {why}")
    pytest.skip(why)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a real browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        missing("browser", "no Chromium is installed (apt install chromium)")
    return str(path)


@pytest.fixture(scope="session")
def tutorial() -> Path:
    """The tutorial's own server, a script."""
    if not TUTORIAL.is_file():
        missing("tutorial", "the tutorial's server is not at BATCHDEMO_TUTORIAL")
    return TUTORIAL


@pytest.fixture
def until() -> Callable[..., None]:
    """Wait for a condition, however slow the machine; fail after half a minute."""

    def wait(condition: Callable[[], object], within: float = 30.0) -> None:
        end = time.monotonic() + within
        while not condition():
            assert time.monotonic() < end, f"still not so after {within:g} s"
            time.sleep(0.005)

    return wait


@pytest.fixture
def after_a_tick(until) -> Callable[..., None]:
    """Wait until a server has just ticked, so that its next tick does not part what is sent now."""

    def wait(server: Any) -> None:
        until(lambda: server.stats()["next_tick_in"] > 0.7 * server.policy.interval)

    return wait


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C interrupts, also where the tests run in the background of a shell, which ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def pyplot(monkeypatch):
    """pyplot with the Agg backend; every figure is closed afterwards."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    from matplotlib import pyplot

    pyplot.switch_backend("Agg")
    with pyplot.rc_context():  # what one test changes is no excuse for the next
        yield pyplot
    pyplot.close("all")


@pytest.fixture
def ax(pyplot):
    """Axes to draw on."""
    return pyplot.subplots()[1]


@pytest.fixture(autouse=True)
def nothing_left_running() -> Iterator[None]:
    """Every server is stopped after a test, and a thread that a stop should have ended is a failure."""
    yield
    from batchdemo.live.server import stop_all

    stop_all()
    for thread in threading.enumerate():
        if thread.name.startswith("batchdemo-") and thread.name != "batchdemo-handler":  # that one may block for ever
            thread.join(10.0)
            assert not thread.is_alive(), f"{thread.name} was left running"
