"""Both ways with the tutorial: our client drives its server, and a client written from it drives ours."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import websockets

import batchdemo as bd


@pytest.fixture
def tutorial_address(tutorial, until) -> Iterator[str]:
    """The tutorial's server, in a process of its own, five every 0.5 s."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, str(tutorial), str(port), "0.5", "5"])

    def answers() -> bool:
        assert process.poll() is None
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        until(answers)
        yield f"ws://127.0.0.1:{port}/ws/{{client_id}}"
    finally:
        process.kill()
        process.wait()


def test_our_client_finds_five_five_five_three_in_the_tutorials_server(tutorial_address):
    run = bd.send(range(1, 19), tutorial_address)
    assert run.batches["size"].tolist() == [5, 5, 5, 3]
    assert run.about.batches_from == "gaps between the replies"
    checks = run.check(max_batch_size=5, interval=0.5, tolerance=0.25)
    assert checks.ok, checks


def test_three_clients_of_ours_share_the_tutorials_server(tutorial_address):
    run = bd.send(range(1, 19), tutorial_address, clients=3)
    assert sum(run.batches["size"]) == 18
    assert run.check()["each to its own client"].holds


def test_a_client_written_from_the_tutorial_drives_our_server(after_a_tick):
    async def client(url: str) -> list[str | bytes]:
        async with websockets.connect(url) as socket:
            for number in range(1, 19):
                await socket.send(f"{number}")
            return [await socket.recv() for _ in range(18)]

    with bd.Server(bd.FixedInterval(5, 0.5)) as server:
        after_a_tick(server)
        replies = asyncio.run(client(f"ws://localhost:{server.port}/ws/1732448000000"))
        assert [batch.record.size for batch in server.recorder.batches] == [5, 5, 5, 3]
    assert replies == [f"You wrote: {number}" for number in range(1, 19)]
