"""The address of a durable queue, read or refused."""

from __future__ import annotations

import pytest

from batchdemo.errors import ArgumentError
from batchdemo.queues.address import file_of


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("sqlite:///queue.db", "queue.db"),
        ("sqlite:///some/folder/queue.db", "some/folder/queue.db"),
        ("sqlite:////var/lib/queue.db", "/var/lib/queue.db"),
        ("sqlite:///C:/class/queue.db", "C:/class/queue.db"),
        ("sqlite:///a%20b c.db", "a%20b c.db"),
    ],
)
def test_an_address_names_a_file(address, path):
    assert file_of(address) == path


@pytest.mark.parametrize(
    "address",
    ["", "queue.db", "sqlite:", "sqlite://", "sqlite:///", "sqlite://queue.db", "sqlite:///folder/", "SQLITE:///q.db",
     "sqlite:///:memory:", "sqlite:///q.db?mode=ro", "sqlite:///q.db#1", "sqlite:///q\0.db", "redis://localhost/0",
     "postgresql:///queue", None, 5, True, b"sqlite:///queue.db"],
)  # fmt: skip
def test_any_other_address_is_refused(address):
    with pytest.raises(ArgumentError, match=r"^queue must be the address of a file, as 'sqlite:///queue.db', got "):
        file_of(address)


def test_the_refusal_says_what_to_do():
    with pytest.raises(ArgumentError, match="an absolute one makes four"):
        file_of("sqlite://queue.db")
    with pytest.raises(ArgumentError, match="lost with the server"):
        file_of("sqlite:///:memory:")
