"""The bench in a real Jupyter kernel: cells alone, all at once, twice, interrupted, and with asyncio patched."""

from __future__ import annotations

import pytest
from kernel import Cell, Kernel, kernel

START = "import batchdemo as bd\nserver = bd.Server(bd.FixedInterval(5, 0.2)).start()"
SEND = "run = bd.send(range(1, 19), server)\nprint(run.batches['size'].tolist())"
AWAIT = """
import websockets
async with websockets.connect(server.ws_url.format(client_id=1)) as socket:
    for number in range(1, 4):
        await socket.send(str(number))
    print([await socket.recv() for _ in range(3)])
"""
STOP = "bd.stop_all()"


@pytest.fixture
def jupyter():
    with kernel() as running:
        yield running


def all_ok(cells: list[Cell]) -> None:
    assert [(cell.status, cell.error) for cell in cells] == [("ok", "")] * len(cells), cells


def test_all_cells_queued_at_once_and_every_one_run_twice(jupyter: Kernel):
    cells = jupyter.run(START, SEND, AWAIT, "run", "run.plot();", STOP)
    all_ok(cells)
    assert cells[1].text.endswith("[5, 5, 5, 3]\n")
    assert cells[2].text == "['You wrote: 1', 'You wrote: 2', 'You wrote: 3']\n"
    assert cells[3].shown[0]["text/plain"].startswith("18 requests in 4 batches of 5, 5, 5 and 3")
    assert 'alt="18 requests in 4 batches' in cells[3].shown[0]["text/html"]
    assert "image/png" in cells[4].shown[0]
    assert not any("Error" in cell.text for cell in cells)
    again = jupyter.run(START, START, SEND, SEND, AWAIT, STOP)
    all_ok(again)
    assert again[3].text.endswith("[5, 5, 5, 3]\n")


def test_running_a_cell_again_takes_over_its_own_port(jupyter: Kernel):
    cells = jupyter.run(START, "port = server.port", "server = bd.Server(port=port).start()\nserver")
    all_ok(cells)
    assert "replaced an earlier server" in cells[2].shown[0]["text/plain"]
    assert "<a href=" in cells[2].shown[0]["text/html"]


def test_an_interrupt_stops_the_cell_and_the_server_goes_on(jupyter: Kernel):
    slow = "bd.send\nprint('sending')\nbd.send(range(1000), server)"
    cells = jupyter.run(START, slow, "print('must not run')", interrupt_when="sending")
    assert [cell.status for cell in cells] == ["ok", "error", "aborted"]
    assert cells[1].error.startswith("SendInterrupted: interrupted after ")
    after = jupyter.run(
        "import sys\nprint(len(sys.last_value.run), server.running)",
        "bd.Server(bd.FixedInterval(5, 0.1), port=server.port).start().url",
        STOP,
    )
    all_ok(after)
    assert after[0].text == "1000 True\n"


@pytest.mark.parametrize(
    "patch",
    [
        "import nest_asyncio; nest_asyncio.apply()",
        "import uvicorn, nest_asyncio; nest_asyncio.apply()",
        "import batchdemo as bd; bd.Server; bd.send; import nest_asyncio; nest_asyncio.apply()",
    ],
    ids=["before uvicorn is imported", "after uvicorn is imported", "after the whole bench is imported"],
)
def test_it_works_where_somebody_patched_asyncio(jupyter: Kernel, patch):
    # One cell at a time: a patched kernel hangs under Run All, with us or without.
    for source in (patch, START, SEND, SEND, STOP):
        (cell,) = jupyter.run(source)
        all_ok([cell])
        assert source is not SEND or cell.text.endswith("[5, 5, 5, 3]\n")


def test_nothing_is_printed_into_a_cell_by_the_server(jupyter: Kernel):
    failing = "server = bd.Server(bd.FixedInterval(5, 0.1), handler=lambda batch: 1 / 0).start()"
    cells = jupyter.run(
        "import batchdemo as bd", failing, "run = bd.send([1, 2], server)", "import time; time.sleep(0.3)"
    )
    all_ok(cells)
    assert [cell.text for cell in cells] == ["", "", "", ""]
