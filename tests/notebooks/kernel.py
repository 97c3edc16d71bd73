"""A real Jupyter kernel, to which cells can be queued all at once as Run All does."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from jupyter_client import BlockingKernelClient, KernelManager

WITHIN = 60.0  # seconds for all cells of one call


@dataclass
class Cell:
    """What became of one cell."""

    status: str = ""  # "ok", "error" or "aborted"
    text: str = ""  # what it printed
    error: str = ""  # the name and value of what it raised
    shown: list[dict[str, Any]] = field(default_factory=list)  # mime bundles


class Kernel:
    """A kernel and its client."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, *sources: str, interrupt_when: str = "") -> list[Cell]:
        """Queue all the cells without waiting between them, and gather what becomes of each.

        `interrupt_when`: once this text has been printed, the kernel is interrupted, as by its button.
        """
        cells = {self.client.execute(source): Cell() for source in sources}
        idle: set[str] = set()
        end = time.monotonic() + WITHIN
        while len(idle) < len(cells) or not all(cell.status for cell in cells.values()):
            assert time.monotonic() < end, f"the kernel hangs: {list(cells.values())}"
            self._reply(cells)
            try:
                message = self.client.get_iopub_msg(timeout=0.1)
            except Empty:
                continue
            parent = message["parent_header"].get("msg_id")
            if parent not in cells:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                idle.add(parent)
            elif kind == "stream":
                cells[parent].text += content["text"]
            elif kind in ("display_data", "execute_result"):
                cells[parent].shown.append(content["data"])
            elif kind == "error":
                cells[parent].error = f"{content['ename']}: {content['evalue']}"
            if interrupt_when and any(interrupt_when in cell.text for cell in cells.values()):
                interrupt_when = ""
                self.manager.interrupt_kernel()
        return list(cells.values())

    def _reply(self, cells: dict[str, Cell]) -> None:
        try:
            message = self.client.get_shell_msg(timeout=0)
        except Empty:
            return
        parent = message["parent_header"].get("msg_id")
        if parent in cells:
            cells[parent].status = message["content"]["status"]


@contextmanager
def kernel() -> Iterator[Kernel]:
    """Start a kernel, and end it whatever happens."""
    manager = KernelManager(kernel_name="python3")
    environ = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    manager.start_kernel(env=environ)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=WITHIN)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
