"""From a conversation to the record: what is no reply to a request is in no batch."""

from __future__ import annotations

from datetime import UTC, datetime

from batchdemo.live.collect import collect
from batchdemo.live.conversation import Conversation
from batchdemo.live.matching import Ledger, understand


def talk(*replies):
    """The run of a stranger that answered so: (text, seconds), to request 1, 2, 3, …"""
    ledger = Ledger(list(range(1, len(replies) + 1)), [1] * len(replies))
    ledger.sent = [0.0] * len(replies)
    for text, at in replies:
        ledger.take(1, understand(text, as_json=False), at)
    conversation = Conversation("ws://127.0.0.1/{client_id}", [1], ledger, None, 1.0, offer_json=False)
    return collect(conversation, None, [1], datetime.now(UTC))


def test_a_strangers_refusals_are_in_no_batch():
    served = [(f"You wrote: {number}", 5.0 + number * 1e-5) for number in range(1, 6)]
    refused = [(f"Rejected: the queue is full: {number}", 0.001) for number in range(6, 9)]
    run = talk(*refused, *served)
    assert [(row.batch, row.size) for row in run.batches.itertuples()] == [(1, 5)]
    assert run.columns["batch"].tolist() == [1] * 5 + [0] * 3
    assert run.columns["position"].tolist() == [1, 2, 3, 4, 5, 0, 0, 0]
    assert run.requests["outcome"].tolist() == ["served"] * 5 + ["rejected"] * 3


def test_a_strangers_failures_are_replies_and_in_a_batch():
    run = talk(("Failed: no model: 1", 5.0), ("You wrote: 2", 10.0))
    assert run.columns["batch"].tolist() == [1, 2]


def test_a_stranger_that_refuses_all_has_no_batch():
    run = talk(("Rejected: 1", 0.001), ("Rejected: 2", 0.001))
    assert len(run.batches) == 0
    assert "2 requests in no batch" in run.describe()
