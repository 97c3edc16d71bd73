"""The address of a durable queue, as `sqlite:///queue.db`: how a server is told where to keep its requests."""

from __future__ import annotations

from typing import Any

from batchdemo.arguments import refuse

SCHEME = "sqlite:///"
RULE = "the address of a file, as 'sqlite:///queue.db'"


def file_of(address: Any, name: str = "queue") -> str:
    """The path in `sqlite:///relative.db` or `sqlite:////absolute.db`. ArgumentError: it is no such address.

    The path is taken as it is: no `%20`, no `~`, no options after a question mark.
    """
    if not isinstance(address, str):
        refuse(name, RULE, address)
    if not address.startswith(SCHEME):
        refuse(name, RULE, address, "After 'sqlite:' come three slashes, then the path; an absolute one makes four.")
    path = address.removeprefix(SCHEME)
    if path == ":memory:":
        refuse(name, RULE, address, "What is only in memory is lost with the server: leave the address away instead.")
    if not path or path.endswith(("/", "\\")):
        refuse(name, RULE, address, "Name the file.")
    if any(sign in path for sign in "?#\0"):
        refuse(name, RULE, address, "There are no options, and no '?', '#' or zero byte in the name.")
    return path
