"""The application's own affairs: the worker that it starts is watched, and a stop survives a dead one."""

from __future__ import annotations

import pytest
from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.live.batcher import TextBatcher


def test_a_worker_that_dies_is_in_the_servers_log_and_does_not_keep_it_from_stopping(monkeypatch, until):
    def answer(self, requests, replies, outcome):
        raise RuntimeError("the worker has a bug")

    monkeypatch.setattr(TextBatcher, "_answer", answer)
    with bd.Server(bd.FixedInterval(5, 0.05)) as server, connect(server.ws_url.format(client_id=1), proxy=None) as ws:
        ws.send("1")
        until(lambda: "no batch is handled any more" in repr(server.log))
        assert "RuntimeError('the worker has a bug')" in repr(server.log)
    assert not server.running
    assert repr(server.log).endswith(" stopped")
    assert "Traceback" not in repr(server.log)


@pytest.mark.parametrize("count", [0, 3])
def test_a_stop_in_good_order_says_nothing_of_the_worker(count):
    with bd.Server(bd.FixedInterval(5, 0.05)) as server:
        if count:
            bd.send(range(1, count + 1), server)
    assert "worker" not in repr(server.log)
