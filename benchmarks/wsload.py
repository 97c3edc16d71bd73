"""A WebSocket load client that is meant never to be the bottleneck; alone, it measures its own ceiling.

Plain sockets and one epoll (so Linux): it writes frames that were masked beforehand and counts replies by
walking frame headers, so a wake-up costs one recv and one send however many messages they carry. It polls
without sleeping, which takes a core of its own, so that its wake-up time is no part of what it measures.
Traffic goes to 127.0.0.1 only. The ceiling is measured against a peer that answers without looking; where
that peer is busy all the time and the client is not, the client could do more:

    python benchmarks/wsload.py [--connections 1,100,1000] [--seconds 1.5] [--rounds 5] [--quick]
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from itertools import cycle
from typing import NamedTuple

KEY = b"\x37\xfa\x21\x3d"  # any key masks; one for all frames lets them be prepared
TEXT = b"0123456789abcdef"
AT_MOST = 4096  # frames in one write
DRAIN_WITHIN = 10.0  # seconds


def masked(payload: bytes, opcode: int = 1) -> bytes:
    """One whole frame as a client sends it; text unless told otherwise."""
    assert len(payload) < 126
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + KEY + bytes(b ^ KEY[i & 3] for i, b in enumerate(payload))


CLOSE = masked((1000).to_bytes(2, "big"), opcode=8)


def connect(port: int, path: str = "/ws/1") -> socket.socket:
    """Shake hands; raises OSError where the server does not answer 101."""
    sock = socket.create_connection(("127.0.0.1", port), 10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # the server has nothing to say before it is asked
        more = sock.recv(65536)
        head += more
        if not more or not head.startswith(b"HTTP/1.1 101"[: len(head)]):
            raise OSError(f"the handshake was answered with {head[:80]!r}")
    return sock


def hang_up(sock: socket.socket) -> None:
    """The closing handshake, with a second of patience."""
    sock.settimeout(1)
    try:
        sock.sendall(CLOSE)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    except OSError:
        pass  # it hung up first
    sock.close()


def probe(port: int) -> None:
    """One message must be answered as the tutorial answers, else a fast refusal would count as a fast reply."""
    sock = connect(port)
    sock.sendall(masked(TEXT))
    answer = sock.recv(65536)
    hang_up(sock)
    assert answer[2:] == b"You wrote: " + TEXT, answer


def walk(buffer: bytes) -> tuple[int, int]:
    """(text messages in the whole frames of the buffer, bytes that these frames take)."""
    at = count = 0
    end = len(buffer)
    while at + 2 <= end:
        size = buffer[at + 1]
        body = at + 2
        if size > 125:
            body = at + 4 if size == 126 else at + 10
            if body > end:
                break
            size = int.from_bytes(buffer[at + 2 : body], "big")
        if body + size > end:
            break
        count += buffer[at] & 15 == 1
        at = body + size
    return count, at


class Link:
    """One connection: its socket, the reply of which only a part has come, and bytes not yet written."""

    __slots__ = ("phase", "sock", "tail", "unsent")

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.tail = b""
        self.unsent = 0
        self.phase = 0  # how far into a frame the last write stopped: all frames are alike, so no more is needed


class Load:
    """Many connections to one server, under one epoll."""

    def __init__(self, port: int, connections: int) -> None:
        frame = masked(TEXT)
        self._size = len(frame)
        self._stream = memoryview(frame * (AT_MOST + 1))
        self._epoll = select.epoll()
        self._stalled: set[Link] = set()
        self.links = [Link(connect(port, f"/ws/{number}")) for number in range(1, connections + 1)]
        self._by_fd = {link.sock.fileno(): link for link in self.links}
        self.flying = 0  # messages sent and not yet answered
        self.polls = self.hits = 0  # a poll that finds nothing is time that the client had to spare
        for link in self.links:
            link.sock.setblocking(False)
            self._epoll.register(link.sock.fileno(), select.EPOLLIN)

    def send(self, link: Link, count: int) -> None:
        """Send so many more messages; what the socket does not take goes out at a later poll."""
        self.flying += count
        link.unsent += count * self._size
        try:
            sent = link.sock.send(self._stream[link.phase : link.phase + link.unsent])
        except BlockingIOError:
            sent = 0
        link.unsent -= sent
        link.phase = (link.phase + sent) % self._size
        (self._stalled.add if link.unsent else self._stalled.discard)(link)

    def poll(self) -> Iterator[tuple[Link, int]]:
        """Who has got replies by now, and how many."""
        events = self._epoll.poll(0)
        self.polls += 1
        self.hits += bool(events)
        for link in tuple(self._stalled):
            self.send(link, 0)
        for fd, _ in events:
            link = self._by_fd[fd]
            data = link.sock.recv(262144)
            if not data:
                raise OSError(f"the server closed a connection, after {link.tail[-80:]!r}")
            data = link.tail + data
            replies, used = walk(data)
            link.tail = data[used:]
            self.flying -= replies
            yield link, replies

    def refill(self, seconds: float) -> int:
        """For so long, send a message for each reply. Returns the replies."""
        total = 0
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            for link, replies in self.poll():
                total += replies
                self.send(link, replies)
        return total

    def pace(self, rate: float, seconds: float) -> int:
        """For so long, send evenly over all connections in turn, whatever comes back. Returns the replies."""
        sent = total = 0
        turn = cycle(self.links)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            while sent < passed * rate:
                self.send(next(turn), 1)
                sent += 1
            total += sum(replies for _, replies in self.poll())
        return total

    def drain(self) -> bool:
        """Wait for all that is still due. False: some of it never came."""
        end = time.perf_counter() + DRAIN_WITHIN
        while self.flying and time.perf_counter() < end:
            for _ in self.poll():
                pass
        return not self.flying

    def close(self) -> None:
        """Hang up every connection."""
        self._epoll.close()
        for link in self.links:
            hang_up(link.sock)


class Measured(NamedTuple):
    """What a closed loop found."""

    rate: float  # replies a second
    cpu_us: float  # microseconds of the server's CPU a reply
    client_busy: float  # share of the client's polls that found work; near 1, the client may be the bottleneck
    complete: bool  # whether every message was answered


def cpu_seconds(pid: int) -> float:
    """CPU time that a process has used, in steps of 10 ms as a rule."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def closed_loop(
    port: int, pid: int, connections: int, window: int, *, seconds: float = 1.5, warm: float = 0.4
) -> Measured:
    """Keep `window` messages in flight on each connection, and measure for `seconds` after `warm` seconds."""
    load = Load(port, connections)
    try:
        for link in load.links:
            load.send(link, window)
        load.refill(warm)
        load.polls = load.hits = 0
        began, cpu = time.perf_counter(), cpu_seconds(pid)
        replies = load.refill(seconds)
        wall, cpu = time.perf_counter() - began, cpu_seconds(pid) - cpu
        busy = load.hits / max(1, load.polls)
        return Measured(replies / wall, cpu / max(1, replies) * 1e6, busy, load.drain())
    finally:
        load.close()


def main() -> None:
    """Print how many replies a second this client can take, at least: its peer too takes time."""
    from statistics import median

    import report
    import servers

    options = report.options(__doc__, connections=([1, 100, 1000], [1, 100]), seconds=(1.5, 0.5), rounds=(5, 1))
    servers.pin(1)
    found: dict[int, list[Measured]] = {count: [] for count in options.connections}
    with servers.running(["mirror"]) as up, report.progress(options.rounds * len(found)) as bar:
        server = up["mirror"]
        for _ in range(options.rounds):
            for count, runs in found.items():
                window = servers.window(count)
                runs.append(closed_loop(server.port, server.pid, count, window, seconds=options.seconds))
                bar.update()
    rows = []
    for count, runs in found.items():
        busy = median(run.rate * run.cpu_us / 1e4 for run in runs), median(run.client_busy * 100 for run in runs)
        rows.append([f"{count:,}", f"{median(run.rate for run in runs):,.0f}", *(f"{share:.0f}" for share in busy)])
    report.show(["connections", "replies/s, at least", "peer busy, %", "client busy, %"], rows)


if __name__ == "__main__":
    main()
