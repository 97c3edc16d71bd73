"""Every error that batchdemo raises on purpose: the name, the rule, the value received, then the remedy.

BatchdemoError
├── ArgumentError (ValueError)        an argument breaks its rule; nothing was started or sent
├── ServerError (RuntimeError)        a server cannot start, or is asked for what its state forbids
│   └── PortInUseError                somebody else holds the port
├── SendError (ConnectionError)       the address does not answer, or does not speak WebSocket
├── RunFileError (ValueError)         a file is no saved run
├── QueueFileError (RuntimeError)     the file of a durable queue cannot be opened, read or written
├── PolicyError (RuntimeError)        a policy answered what no policy may
├── HandlerError (RuntimeError)       a handler raised, or answered what no handler may
└── RefusedError (RuntimeError)       a batcher did not serve an item, and the handler is not to blame
    ├── QueueFullError                its queue is full; `retry_after` says when to try again
    ├── ExpiredError (TimeoutError)   its policy found that the item could not be answered in time
    └── StoppedError                  it was stopped first

SendInterrupted (KeyboardInterrupt)   Ctrl-C or Interrupt Kernel; `run` holds what had come in by then
"""

from __future__ import annotations


class BatchdemoError(Exception):
    """The root: `except BatchdemoError` catches all that batchdemo raises, but for an interrupt."""


class ArgumentError(BatchdemoError, ValueError):
    """An argument breaks its rule. Raised before anything is started, sent or written."""


class ServerError(BatchdemoError, RuntimeError):
    """The server cannot do this now: it is not running, runs already, or did not come up."""


class PortInUseError(ServerError):
    """The port is held by a program that is no server of this process."""


class SendError(BatchdemoError, ConnectionError):
    """No WebSocket conversation could be had at the address."""


class RunFileError(BatchdemoError, ValueError):
    """The file is not a run that batchdemo saved, or one of a version this batchdemo cannot read."""


class QueueFileError(BatchdemoError, RuntimeError):
    """The file of a durable queue breaks a rule. What was not committed is not in it; nothing is half done.

    path     the file
    rule     what must hold, as "be used by one server at a time"
    found    what was found instead
    remedy   what to do now
    """

    def __init__(self, path: object, rule: str, found: str, remedy: str = "") -> None:
        super().__init__(path, rule, found, remedy)  # all four, or pickling and copying would fail
        self.path = str(path)
        self.rule = rule
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"the queue's file {self.path} must {self.rule}, but {self.found}.{remedy}"


class PolicyError(BatchdemoError, RuntimeError):
    """A policy released more than there was, or waits for a time that has passed."""


class RefusedError(BatchdemoError, RuntimeError):
    """A batcher did not serve an item, for a reason of its own: see its children."""


class QueueFullError(RefusedError):
    """So many wait or are being handled as may. `retry_after`: seconds until another try is worth it, or None."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ExpiredError(RefusedError, TimeoutError):
    """The policy turned the item away: it could not be answered in time. It was not handled."""


class StoppedError(RefusedError):
    """The batcher was stopped before the item was answered. It may have been handled, or may still be."""


class HandlerError(BatchdemoError, RuntimeError):
    """A handler raised, answered what no handler may, or is closed."""


class SendInterrupted(KeyboardInterrupt):
    """`send` was interrupted. Still a KeyboardInterrupt, so that Run All stops; `run` is the partial record.

    In a notebook the run is at hand afterwards as `sys.last_value.run`.
    """

    def __init__(self, message: str, run: object) -> None:
        super().__init__(message)
        self.run = run
