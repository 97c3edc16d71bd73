"""A WebSocket load client meant never to be the bottleneck.

Plain sockets and epoll: it writes ready-masked frames and counts replies by walking frame
headers, so one wake-up costs one recv and one send however many messages they carry.
Traffic goes to 127.0.0.1 only. Used by the other scripts; run alone it prints its own ceiling.
"""
import os, select, socket, sys, time, zlib

KEY = b"\x37\xfa\x21\x3d"


def frame(payload: bytes, deflate: bool = False) -> bytes:
    """One masked text frame; with deflate, a self-contained compressed block (full flush)."""
    first = 0x81
    if deflate:
        c = zlib.compressobj(wbits=-12)
        payload = (c.compress(payload) + c.flush(zlib.Z_FULL_FLUSH))[:-4]
        first = 0xC1
    assert len(payload) < 126
    return bytes([first, 0x80 | len(payload)]) + KEY + bytes(b ^ KEY[i & 3] for i, b in enumerate(payload))


def connect(port: int, path: str = "/ws/1", deflate: bool = False) -> tuple[socket.socket, bytes]:
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    ext = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" if deflate else ""
    s.sendall((f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               f"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{ext}\r\n").encode())
    buf = b""
    while b"\r\n\r\n" not in buf:
        d = s.recv(65536)
        if not d:
            raise OSError(f"handshake refused: {buf[:80]!r}")
        buf += d
    head, _, rest = buf.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n")[0] or (deflate and b"permessage-deflate" not in head.lower()):
        raise OSError(f"handshake: {head!r}")
    return s, rest


def walk(buf: bytes, sep: bytes | None) -> tuple[int, int]:
    """(replies in the whole frames of buf, bytes they take). With sep, a frame holds count(sep)+1 replies."""
    i = k = 0
    n = len(buf)
    while i + 2 <= n:
        size = buf[i + 1]
        j = i + 2
        if size > 125:
            if i + 10 > n:
                break
            j = i + 4 if size == 126 else i + 10
            size = int.from_bytes(buf[i + 2:j], "big")
        if j + size > n:
            break
        if buf[i] & 15 == 1:
            k += 1 if sep is None else buf.count(sep, j, j + size) + 1
        i = j + size
    return k, i


def cpu(pid: int) -> float:
    f = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(f[11]) + int(f[12])) / os.sysconf("SC_CLK_TCK")


CLOSE = bytes([0x88, 0x82]) + KEY + bytes(b ^ k for b, k in zip(b"\x03\xe8", KEY))


def closed_loop(port, conns=1, window=64, seconds=1.5, warm=0.4, payload=b"0123456789abcdef", path="/ws/{}",
                deflate=False, sep=None, server_pid=None, spin=True):
    """Keep `window` messages in flight on each connection. Returns rate, CPU shares and server CPU per message.

    spin polls without sleeping, so the client's own wake-up time is no part of the answer; `client` is then the
    share of polls that found work. At the end it drains what is in flight and closes with the handshake.
    """
    socks = [connect(port, path.format(i), deflate)[0] for i in range(conns)]
    one = frame(payload, deflate)
    size, stream = len(one), memoryview(one * (window + 1))
    ep, by_fd, stalled = select.epoll(), {}, set()

    def push(fd, st, k):                       # k more frames; all frames are alike, so only the phase matters
        st[3] += k * size
        try:
            n = st[0].send(stream[st[4]:st[4] + st[3]])
        except BlockingIOError:
            n = 0
        st[3] -= n
        st[4] = (st[4] + n) % size
        (stalled.add if st[3] else stalled.discard)(fd)

    for s in socks:
        s.setblocking(False)
        by_fd[s.fileno()] = [s, b"", window, 0, 0]      # socket, tail, in flight, bytes unsent, phase
        ep.register(s.fileno(), select.EPOLLIN)
        push(s.fileno(), by_fd[s.fileno()], window)
    clock = time.perf_counter
    now = clock()
    t_on, t_off, t_end = now + warm, now + warm + seconds, now + warm + seconds + 10
    total = polls = hits = 0
    mark = end = None
    live = conns

    def snap():
        return clock(), total, time.process_time(), cpu(server_pid) if server_pid else 0.0, polls, hits

    while live and now < t_end:
        events = ep.poll(0 if (spin and end is None) or stalled else 0.5)
        polls += 1
        hits += bool(events)
        for fd in tuple(stalled):
            push(fd, by_fd[fd], 0)
        for fd, _ in events:
            st = by_fd[fd]
            d = st[0].recv(262144)
            if not d:
                raise OSError('server closed the connection: %r' % st[1][-80:])
            buf = st[1] + d if st[1] else d
            k, used = walk(buf, sep)
            st[1] = buf[used:]
            if k:
                total += k
                if end is None:
                    push(fd, st, k)
                else:
                    st[2] -= k
                    if st[2] <= 0:
                        ep.unregister(fd)
                        st[0].send(CLOSE)
                        live -= 1
        now = clock()
        if mark is None and now >= t_on:
            mark = snap()
        elif end is None and now >= t_off:
            end = snap()
    ep.close()
    for s in socks:
        s.settimeout(1)
        try:
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except OSError:
            pass
        s.close()
    wall, n, c, sv, p, h = (b - a for a, b in zip(mark, end))
    return dict(rate=n / wall, n=n, client=h / max(p, 1) if spin else c / wall, server=sv / wall, us=sv / max(n, 1) * 1e6,
                drained=live == 0)


def pin(core: int, pid: int = 0) -> None:
    os.sched_setaffinity(pid, {core % (os.cpu_count() or 1)})


def wait_port(port: int, timeout: float = 30.0) -> None:
    end = time.monotonic() + timeout
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


if __name__ == "__main__":
    import statistics, threading
    # The client's own ceiling: a C-speed peer that has already answered (socketpair, replies prepared).
    reply = b"\x81\x10" + b"0123456789abcdef"
    chunk = reply * 64
    t = time.perf_counter(); n = 0
    while time.perf_counter() - t < 1:
        n += walk(chunk, None)[0]
    print(f"walk: {n / (time.perf_counter() - t):,.0f} replies/s counted from memory")
