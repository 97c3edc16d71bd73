"""A durable server under clients that come, go, stall and send garbage, killed -9 and started again every few seconds.

    python benchmarks/soak.py [--seconds 60] [--clients 2000] [--together 200] [--every 5] [--seed 1] [--quick]

Of the clients, half send keys and half don't; each sends its numbers in a few bursts, loses its connection now and then
(cut without a goodbye), and comes back until it has all its answers, sending again what it does not know to be on the
disk. Beside them run pests: half a handshake, random bytes, random frames, broken JSON, readers that do not read.
Counted is by the clients' own notes; in the end the file is looked at too. Exit status 1 where a must is broken:
something accepted and never answered, a key served twice, replies of one client out of order.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import report
from pests import GONE, SUBPROTOCOL, Pests
from websockets.asyncio.client import connect

import batchdemo as bd

GRACE = 60.0  # seconds after the last kill in which everybody must have its answers


class Notes:
    """What one client knows: of each id whether it was accepted, and each reply that came."""

    def __init__(self, name: str, numbers: range, keys: bool) -> None:
        self.name = name
        self.numbers = numbers
        self.keys = keys
        self.accepted: dict[int, str | None] = {}  # id: key
        self.replied: dict[int, str] = {}  # id: text, in the order of the first delivery
        self.refused = 0
        self.disordered = 0
        self.again = 0
        self.safe: set[str] = set()
        self.sent: set[int] = set()

    def hear(self, said):
        """Enter a message; the id to be confirmed, if any."""
        if said["type"] == "accepted":
            self.accepted[said["id"]] = said["key"]
            self.safe.add(said["key"])
            return None
        if "id" not in said:
            self.refused += 1
            return None
        if said["id"] not in self.replied:
            if said["type"] != "reply":
                raise AssertionError(said)
            # Ids are the order of acceptance, and the queue is first come, first served.
            self.disordered += bool(self.replied) and said["id"] < next(reversed(self.replied))
            self.replied[said["id"]] = said["text"]
        return said["id"]

    def answered(self):
        """The numbers that have a reply."""
        return {int(text.rsplit(" ", 1)[1]) for text in self.replied.values()}

    def open(self):
        """Numbers to send: not answered, and not known to be on the disk."""
        done = self.answered()
        return [number for number in self.numbers if number not in done and f"k{number}" not in self.safe]

    def done(self):
        """Whether all is answered that was sent, and all that was accepted."""
        return self.answered() == set(self.numbers) and self.accepted.keys() <= self.replied.keys()


class Soak:
    """The clients of one run; `over` is set when no more are to be cut or killed."""

    def __init__(self, url, options):
        self.url = url
        self.options = options
        self.dice = random.Random(options.seed)
        self.clients = [Notes(f"c{at}", range(1, self.dice.randint(5, 30)), at % 2 == 0)
                        for at in range(options.clients)]  # fmt: skip
        self.over = threading.Event()
        self.cuts = 0
        self.pests = Pests(url, self.dice)

    async def run(self):
        """All of them, so many at a time, spread over the time."""
        room = asyncio.Semaphore(self.options.together)
        pests = [asyncio.create_task(self.pests.run()) for _ in range(max(2, self.options.together // 20))]
        began, span = time.monotonic(), 0.8 * self.options.seconds
        tasks = []
        for at, notes in enumerate(self.clients):
            await asyncio.sleep(began + at * span / len(self.clients) - time.monotonic())
            await room.acquire()
            tasks.append(asyncio.create_task(self.live(notes, room)))
        await asyncio.wait(tasks, timeout=self.options.seconds + GRACE)
        for task in [*pests, *tasks]:
            task.cancel()
        await asyncio.gather(*pests, *tasks, return_exceptions=True)

    async def live(self, notes, room):
        """One client, from its first connection until it has everything."""
        try:
            while not notes.done():
                with suppress(*GONE):
                    await self.visit(notes)
                await asyncio.sleep(self.dice.uniform(0.0, 0.3))
        finally:
            room.release()

    async def visit(self, notes):
        """One connection of it, cut when its time is up."""
        url = self.url.replace("{client_id}", notes.name)
        link = await connect(url, subprotocols=[SUBPROTOCOL], compression=None, open_timeout=5, close_timeout=1)
        late = None if self.over.is_set() else self.dice.expovariate(1 / 1.5)
        try:
            async with asyncio.timeout(late if late is not None else 10.0):
                writer = asyncio.create_task(self.write(link, notes))
                try:
                    while not notes.done():
                        one = notes.hear(json.loads(await link.recv()))
                        if one is not None and self.dice.random() < 0.9:  # some confirmations are forgotten
                            await link.send(json.dumps({"type": "received", "ids": [one]}))
                finally:
                    writer.cancel()
        except TimeoutError:
            self.cuts += 1
            link.transport.abort()
        else:
            if notes.replied:
                await link.send(json.dumps({"type": "received", "ids": list(notes.replied)}))
            await link.close()

    async def write(self, link, notes):
        """Send what is open, in bursts."""
        with suppress(*GONE):
            await asyncio.sleep(self.dice.uniform(0.0, 0.1))  # for news of what is safe
            for number in notes.open():
                notes.again += number in notes.sent
                notes.sent.add(number)
                key = f"k{number}" if notes.keys else None
                await link.send(json.dumps({"type": "request", "text": str(number), "key": key}))
                if self.dice.random() < 0.3:
                    await asyncio.sleep(self.dice.uniform(0.0, 0.3))


def kill_now_and_then(server, soak, options):
    """Until the time is up: kill -9, and start again. How often."""
    kills, end, dice = 0, time.monotonic() + options.seconds, random.Random(options.seed)
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, dice.uniform(0.5, 1.5) * options.every))
        if not server.running:
            raise SystemExit(f"the server died by itself: {server!r}")
        server.chaos.kill()
        kills += 1
        time.sleep(dice.uniform(0.0, 0.3))
        server.start()
    soak.over.set()
    return kills


def look_at(file):
    """What the file holds that was never finished, keys that it holds twice, and whether SQLite finds it sound."""
    with closing(sqlite3.connect(file)) as db:
        (left,) = db.execute("SELECT count(*) FROM requests WHERE state != 'done' AND client_id != 'pest'").fetchone()
        (twice,) = db.execute("SELECT count(*) - count(DISTINCT client_id || key) FROM requests WHERE key IS NOT NULL"
                              ).fetchone()  # fmt: skip
        return left, twice, db.execute("PRAGMA integrity_check").fetchone()[0]


def main() -> int:
    """Soak a server, then print what came of it."""
    options = report.options(__doc__, seconds=(60.0, 5.0), clients=(2_000, 40), together=(200, 20),
                             every=(5.0, 1.5), seed=1)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "queue.db"
        began = time.monotonic()
        with bd.Server(bd.FixedInterval(300, 0.3), queue=f"sqlite:///{file}", process=True) as server:
            soak = Soak(server.ws_url, options)
            clients = threading.Thread(target=lambda: asyncio.run(soak.run()), daemon=True)
            clients.start()
            kills = kill_now_and_then(server, soak, options)
            clients.join(2 * (options.seconds + GRACE))
        took = time.monotonic() - began
        left, twice_in_file, sound = look_at(file)
    return tell(soak, kills, took, left, twice_in_file, sound)


def tell(soak, kills, took, left, twice_in_file, sound):
    """Print the table; 1 where a must is broken."""
    notes = soak.clients
    lost = sum(len(one.accepted.keys() - one.replied.keys()) for one in notes)
    unanswered = sum(len(set(one.numbers) - one.answered()) for one in notes)
    extra = {keys: sum(len(one.replied) - len(one.answered()) for one in notes if one.keys == keys)
             for keys in (True, False)}  # fmt: skip
    musts = {
        "accepted and lost": lost,
        "numbers without an answer in the end": unanswered,
        "left unfinished in the file": left,
        "answered twice, with a key": extra[True] + twice_in_file,
        "replies out of order within a client": sum(one.disordered for one in notes),
    }
    facts = {
        "seconds": round(took),
        "kills -9": kills,
        "clients": len(notes),
        "their connections cut": soak.cuts,
        "visits of pests": soak.pests.visits,
        "requests accepted": sum(len(one.accepted.keys() | one.replied.keys()) for one in notes),
        "requests served": sum(len(one.replied) for one in notes),
        "requests refused": sum(one.refused for one in notes),
        "sent again": sum(one.again for one in notes),
        "answered twice, without a key": extra[False],
    }
    rows = [[name, f"{value:,}", ""] for name, value in facts.items()]
    report.show(["what", "count", "must be"], [*rows, *([name, f"{value:,}", "0"] for name, value in musts.items())])
    broken = [name for name, value in musts.items() if value]
    if sound != "ok":
        broken.append(f"the file is damaged: {sound}")
    if broken:
        print(f"\nBroken: {'; '.join(broken)}.", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)  # a client that hangs must not hold up the end
