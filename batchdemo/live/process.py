"""A server in a process of its own, so that it can be killed as a power cut kills: `Server(…, process=True)`."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.connection import Listener as Callback
from typing import Any

import cloudpickle

from batchdemo.errors import ServerError

START_WITHIN = 30.0  # seconds: a cold import of everything is slow
ANSWER_WITHIN = 10.0  # seconds
STOP_WITHIN = 4.0  # seconds


class OwnProcess:
    """One run of a server in a child: started, asked, stopped or killed once.

    `settings` are those of `Server`, and sent there as they are: a handler or policy of a notebook's cell, too.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        try:
            blob = cloudpickle.dumps(settings)
        except Exception as error:
            raise ServerError(
                f"this server cannot be sent to a process of its own: {error}. Its handler and policy must not hold "
                "what lives in this process alone, as an open file or a lock."
            ) from error
        self._lock = threading.Lock()
        key = secrets.token_bytes(32)
        with Callback(("127.0.0.1", 0), authkey=key) as callback:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "batchdemo.live.child"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            assert self._process.stdin is not None
            host, port = callback.address
            self._process.stdin.write(f"{host}:{port} {key.hex()}\n".encode())
            self._process.stdin.close()
            self._link = self._accept(callback)
        try:
            self._link.send((sys.path, blob))
            self.port, self.began = self._answer(START_WITHIN)
        except BaseException:  # an interrupt too: no half-started server is left behind
            self.kill()
            raise

    def _accept(self, callback: Callback) -> Connection:
        """The child's call, or the error that it died; `accept` itself knows no time limit."""
        watch = threading.Timer(START_WITHIN, self._process.kill)
        watch.daemon = True
        watch.start()
        done = threading.Event()
        waker = threading.Thread(target=self._wake_on_death, args=(callback.address, done), daemon=True)
        waker.start()
        try:
            return callback.accept()
        except Exception as error:
            self._process.kill()
            raise ServerError(
                f"the server's process did not come up (it ended with {self._process.wait()}). "
                "`batchdemo doctor` looks the environment over."
            ) from error
        finally:
            done.set()
            watch.cancel()

    def _wake_on_death(self, address: Any, done: threading.Event) -> None:
        """Where the child dies before it calls, call in its place, without the key: `accept` then fails."""
        while not done.wait(0.05):
            if not self.alive:
                with suppress(OSError), socket.create_connection(address, timeout=1.0):
                    return

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def ask(self, name: str, *arguments: Any, within: float = ANSWER_WITHIN) -> Any:
        """What the server there answers, or raises; ServerError: it does not live."""
        with self._lock:
            try:
                self._link.send((name, arguments))
                return self._answer(within)
            except (EOFError, OSError) as error:
                raise ServerError(f"the server's process is gone ({self._how()}). start() it again.") from error

    def _answer(self, within: float) -> Any:
        try:
            if not self._link.poll(within):
                raise ServerError(f"the server's process does not answer within {within:g} s. stop() or kill it.")
            good, answer = self._link.recv()
        except (EOFError, OSError) as error:
            raise ServerError(f"the server's process is gone ({self._how()}). start() it again.") from error
        if not good:
            raise answer
        return answer

    def _how(self) -> str:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "it runs, and does not listen"
        return f"killed by signal {-code}" if code < 0 else f"it ended with {code}"

    def kill(self) -> None:
        """End it at once, and wait until it is gone."""
        self._process.kill()
        self._process.wait(STOP_WITHIN)

    def stop(self) -> bool:
        """Have it close its clients and end. False: it had to be killed."""
        try:
            self.ask("stop", within=STOP_WITHIN)
            self._process.wait(STOP_WITHIN)
        except (ServerError, subprocess.TimeoutExpired):
            was_alive = self.alive
            self.kill()
            return not was_alive
        finally:
            self._link.close()
        return True
