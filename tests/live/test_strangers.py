"""Servers that nobody here wrote, over real sockets: what they do wrong is found, with its counterexample."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

import batchdemo as bd
from batchdemo.runs import Run


@contextmanager
def stranger(conversation: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A server on the plain `websockets` library; yields its address."""

    def handle(ws: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            conversation(ws)

    server: Server = serve(handle, "127.0.0.1", 0, compression=None)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}/{{client_id}}"
    finally:
        server.shutdown()
        thread.join()


def drive(conversation: Callable[[ServerConnection], None], count: int = 6, **options: object) -> Run:
    with stranger(conversation) as address:
        return bd.send(range(1, count + 1), address, timeout=1.0, **options)  # type: ignore[arg-type]


def test_an_honest_echo_holds_all_that_can_be_told():
    run = drive(lambda ws: [ws.send(text) for text in ws])
    checks = run.check(max_batch_size=6)
    assert [verdict.holds for verdict in checks] == [True, True, True, True, True, None]
    assert run.about.batches_from == "gaps between the replies"
    assert "inferred from the gaps" in run.describe()


def test_a_reply_left_out_is_missing():
    run = drive(lambda ws: [ws.send(text) for text in ws if text != "4"])
    verdict = run.check()["every reply came"]
    assert (verdict.holds, verdict.counterexample, verdict.says) == (False, (4,), "#4 had no reply")
    assert run.requests["outcome"].tolist() == ["served"] * 3 + ["unknown"] + ["served"] * 2


def test_a_reply_given_twice_is_found():
    def twice(ws: ServerConnection) -> None:
        for text in ws:
            ws.send(text)
            if text == "3":
                ws.send(text)

    verdict = drive(twice).check()["none twice"]
    assert (verdict.holds, verdict.counterexample) == (False, (3,))


def test_a_reply_twice_after_the_last_is_found_too():
    def twice(ws: ServerConnection) -> None:
        for text in ws:
            ws.send(text)
            if text == "6":
                ws.send(text)

    assert drive(twice).check()["none twice"].counterexample == (6,)


def test_a_reply_to_the_wrong_client_is_found():
    clients: list[ServerConnection] = []
    both = threading.Barrier(2)

    def crossed(ws: ServerConnection) -> None:
        clients.append(ws)
        both.wait(20)
        for text in ws:
            target = next(other for other in clients if other is not ws) if text == "3" else ws
            target.send(text)

    verdict = drive(crossed, clients=2).check()["each to its own client"]
    assert (verdict.holds, verdict.counterexample) == (False, (3,))


def test_a_reply_out_of_order_is_found():
    def reversed_pair(ws: ServerConnection) -> None:
        texts = [ws.recv() for _ in range(6)]
        for text in [*texts[:2], texts[3], texts[2], *texts[4:]]:
            ws.send(text)

    verdict = drive(reversed_pair).check()["in order within each client"]
    assert (verdict.holds, verdict.counterexample) == (False, (3, 4))
    assert verdict.says == "#4 was sent after #3 and answered before it"


def test_a_batch_above_the_size_is_found():
    def all_at_once(ws: ServerConnection) -> None:
        for text in [ws.recv() for _ in range(6)]:
            ws.send(text)

    verdict = drive(all_at_once).check(max_batch_size=5)["no batch above the size"]
    assert (verdict.holds, verdict.says) == (False, "batch 1 held 6, above 5")


def test_replies_without_a_number_are_taken_in_order_and_not_called_right():
    run = drive(lambda ws: [ws.send("done") for _ in ws])
    assert run.about.by_order == 6
    verdicts = run.check()
    assert verdicts["every reply came"].holds is True
    assert verdicts["none twice"].holds is None
    assert verdicts["in order within each client"].holds is None


def test_a_message_that_nobody_asked_for_is_found():
    def talkative(ws: ServerConnection) -> None:
        ws.send("Welcome!")
        for text in ws:
            ws.send(text)

    run = drive(talkative)
    verdict = run.check()["none twice"]
    assert verdict.holds in (False, None)  # before the first request it is unasked, after it taken for its reply
    assert run.check().ok is False


@pytest.mark.parametrize("shape", ["{n}", "You wrote: {n}", "#{n} at 12:30", '{{"reply": {n}, "ok": true}}'])
def test_the_number_is_found_in_replies_of_many_shapes(shape):
    run = drive(lambda ws: [ws.send(shape.format(n=text)) for text in ws])
    assert run.about.by_order == 0
    assert run.check()["every reply came"].holds


def test_a_silent_server_is_given_up_and_all_is_unknown():
    run = drive(lambda ws: [None for _ in ws])
    assert (run.requests["outcome"] == "unknown").all()
    assert run.describe().startswith("6 requests in no batch")
