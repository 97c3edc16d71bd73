"""A request on its way through the server, and whom its reply is for."""

from __future__ import annotations

import math
from typing import Protocol

from batchdemo.live import parts


class Account:
    """What is known of one client, however many connections it has."""

    __slots__ = ("client_id", "connections", "pending")

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.pending = 0  # requests that take a place
        self.connections = 0


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
        "arrived", "batch", "client_id", "deadline", "index", "outcome", "position", "recipient", "taken", "text",
    )  # fmt: skip

    def __init__(
        self, text: str, recipient: Recipient, arrived: float, index: int = 0, deadline: float = math.inf
    ) -> None:
        self.text = text
        self.index = index  # among the messages of its connection, from 0
        self.recipient: Recipient | None = recipient
        self.client_id = recipient.account.client_id
        self.arrived = arrived
        self.deadline = deadline  # on the clock of `arrived`
        self.batch: Batch | None = None
        self.position = 0
        self.taken = False  # whether it takes a place
        self.outcome = "unknown"


Batch = parts.Batch[Request]
