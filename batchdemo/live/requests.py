"""A request on its way through the server, and whom its reply is for."""

from __future__ import annotations

import math
from typing import Any, Protocol

from batchdemo.live import parts


class Account:
    """What is known of one client, however many connections it has."""

    __slots__ = ("box", "client_id", "connections", "pending")

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.pending = 0  # requests that take a place
        self.connections = 0
        self.box: Any = None  # where a durable server keeps its replies


class Accounts:
    """The clients that are connected, or have requests under way; none else is remembered."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}

    def __len__(self) -> int:
        return len(self._accounts)

    def get(self, client_id: str) -> Account:
        """The client's, made where there is none."""
        account = self._accounts.get(client_id)
        if account is None:
            account = self._accounts[client_id] = Account(client_id)
        return account

    def release(self, account: Account) -> None:
        """Forget it, where nothing of it is left."""
        if not account.pending and not account.connections:
            self._accounts.pop(account.client_id, None)


class Recipient(Protocol):
    """Where replies go: one connection."""

    @property
    def account(self) -> Account:
        """Whose it is."""
        ...

    def deliver(self, answered: list[tuple[Request, str]]) -> bool:
        """Send all that one batch has for this client, at once. False: the client is gone."""
        ...

    def refuse(self, text: str, why: str, *, outcome: str, retry_after: float | None = None) -> bool:
        """Say that a request is not served after all. False: the client is gone."""
        ...

    def pause(self) -> None:
        """Read no more of what this client sends."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...


class Request:
    """One message on its way through the server. Its text and recipient are dropped once it is answered."""

    __slots__ = (
        "arrived",
        "batch",
        "client_id",
        "deadline",
        "ended",
        "index",
        "key",
        "outcome",
        "position",
        "recipient",
        "row",
        "taken",
        "text",
    )

    def __init__(
        self, text: str, recipient: Recipient, arrived: float, index: int = 0, deadline: float = math.inf
    ) -> None:
        self.text = text
        self.index = index  # among the messages of its connection, from 0
        self.recipient: Recipient | None = recipient
        self.client_id = recipient.account.client_id
        self.arrived = arrived
        self.deadline = deadline  # on the clock of `arrived`
        self.ended = math.nan  # when it was refused or given up, if it was
        self.batch: Batch | None = None
        self.position = 0
        self.taken = False  # whether it takes a place
        self.row = 0  # its id in the file of a durable server
        self.key: str | None = None  # by which it is known when it comes again
        self.outcome = "unknown"

    @property
    def account(self) -> Account:
        """Whose it is; only while it has a recipient."""
        assert self.recipient is not None
        return self.recipient.account


Batch = parts.Batch[Request]
