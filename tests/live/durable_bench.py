"""What the tests of a durable server share: clients that confirm nothing by themselves, a look at the file."""

from __future__ import annotations

import json
import queue
import sqlite3
from contextlib import closing

from websockets.sync.client import connect

import batchdemo as bd
from batchdemo.live.connection import SUBPROTOCOL

QUICK = bd.FixedInterval(5, 0.05)
SLOW = bd.FixedInterval(5, 60.0)


def address(file):
    """As `Server` takes it."""
    return f"sqlite:///{file}"


class Wire:
    """A client of the JSON wire that confirms nothing by itself."""

    def __init__(self, server, name="ann"):
        self.ws = connect(server.ws_url.format(client_id=name), subprotocols=[SUBPROTOCOL], proxy=None)

    def send(self, text, key=None, **more):
        self.ws.send(json.dumps({"type": "request", "text": str(text), "key": key, **more}))

    def get(self, kind=None):
        """The next message; with a kind, the next of that kind."""
        while True:
            said = json.loads(self.ws.recv(timeout=20))
            if kind in (None, said["type"]):
                return said

    def confirm(self, *ids):
        self.ws.send(json.dumps({"type": "received", "ids": list(ids)}))

    def silent(self, within=0.3):
        """Nothing comes, or only news of acceptance."""
        try:
            while json.loads(self.ws.recv(timeout=within))["type"] == "accepted":
                pass
        except TimeoutError:
            return True
        return False

    def __enter__(self):
        self.ws.__enter__()
        return self

    def __exit__(self, *error):
        self.ws.__exit__(*error)


def plain(server, name="ann"):
    return connect(server.ws_url.format(client_id=name), proxy=None)


def rows(file):
    """What stands in the file of a server that does not run."""
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT id, text, state, outcome, delivered FROM requests ORDER BY id").fetchall()


def at_the_disk(server, operation):
    """What the store of a server that runs answers."""
    heard = queue.Queue()
    server._file.committer.submit(operation, lambda result, error: heard.put(result))
    return heard.get(timeout=20)


class Noting:
    """Appends what it handles to a file, for it may be executed twice."""

    def __init__(self, path):
        self.path = path

    def __call__(self, batch):
        with self.path.open("a") as log:
            log.write("".join(f"{text}\n" for text in batch))
        return [f"You wrote: {text}" for text in batch]
