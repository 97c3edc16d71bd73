"""`batchdemo demo | serve | send | lab | doctor`: the bench from a shell."""

from __future__ import annotations

import re
import signal
import sys
import threading
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchdemo.arguments import real, refuse, whole
from batchdemo.errors import BatchdemoError, SendInterrupted

if TYPE_CHECKING:
    from batchdemo.runs import Run

app = typer.Typer(
    help="See, measure, predict and break the batching of requests.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

COURSE = "batchdemo-course"  # the folder in which a student works

Size = Annotated[int, typer.Option(help="Requests in a batch, at most.")]
Interval = Annotated[float, typer.Option(help="Seconds from batch to batch.")]
Clients = Annotated[int, typer.Option(help="Connections to send over; the numbers are dealt round.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the whole run as one JSON document, and nothing else.")]


def kind(command: Callable[..., None]) -> Callable[..., None]:
    """Errors of ours become one line and exit status 2; an interrupt becomes 130."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except BatchdemoError as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(2) from error
        except SendInterrupted as error:
            typer.echo(f"\n{error}\n{error.run}", err=True)
            raise typer.Exit(130) from error

    return run


@app.command()
@kind
def demo(
    count: Annotated[int, typer.Option(help="Send the numbers 1 to COUNT.")] = 18,
    max_batch_size: Size = 5,
    interval: Interval = 5.0,
    speed: Annotated[
        float, typer.Option(envvar="BATCHDEMO_SPEED", help="Divide the interval by this, to see it all sooner.")
    ] = 1.0,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture: png, svg or pdf.")] = Path("demo.png"),
    as_json: AsJson = False,
) -> None:
    """Send 1 to 18 to a server: five replies every 5 s.

    The tutorial's experiment: a server in a thread, a real WebSocket, checks, a row a batch, the staircase.

    Exit status 0 only if every check holds.
    """
    from batchdemo.live.client import send as send_numbers  # noqa: PLC0415  - half a second, after --help
    from batchdemo.live.server import Server  # noqa: PLC0415
    from batchdemo.policies import FixedInterval  # noqa: PLC0415

    count = whole("count", count, 1, 100_000)
    speed = real("speed", speed, 0.01, 1000, "times as fast")
    plot = _plot_path(plot)
    policy = FixedInterval(max_batch_size, real("interval", interval, 0.001, 86_400, "seconds") / speed)
    with Server(policy, max_queue_size=max(10_000, count)) as server:
        typer.echo(f"{server.url} answers {policy}; sending 1 to {count:,} …", err=True)
        run = send_numbers(range(1, count + 1), server)
    _show(run, as_json, plot)


@app.command()
@kind
def serve(
    port: Annotated[int, typer.Option(help="Where to listen; 0 takes a free port.")] = 8000,
    host: Annotated[str, typer.Option(help="The address to listen on; 127.0.0.1 is this machine alone.")] = "127.0.0.1",
    max_batch_size: Size = 5,
    interval: Interval = 5.0,
    max_queue_size: Annotated[int, typer.Option(help="Requests that may wait.")] = 10_000,
    max_pending_per_client: Annotated[int | None, typer.Option(help="Of these, requests of one client.")] = None,
    overflow: Annotated[str, typer.Option(help="What happens to one more: reject, wait or drop_oldest.")] = "reject",
    deadline: Annotated[float | None, typer.Option(help="Seconds in the queue until a request is given up.")] = None,
    queue: Annotated[str | None, typer.Option(help="A file that survives a crash, as sqlite:///queue.db.")] = None,
    token: Annotated[
        str | None, typer.Option(envvar="BATCHDEMO_TOKEN", help="What clients must name to be let in.")
    ] = None,
    allowed_host: Annotated[
        list[str] | None, typer.Option(help="A further name under which a hub or proxy calls it. May be repeated.")
    ] = None,
) -> None:
    """Run the server in the foreground until Ctrl-C."""
    from batchdemo.live.server import Server  # noqa: PLC0415
    from batchdemo.live.thread import freeze  # noqa: PLC0415
    from batchdemo.policies import FixedInterval  # noqa: PLC0415

    policy = FixedInterval(max_batch_size, interval)
    stop = threading.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    server = Server(
        policy,
        host=host,
        port=port,
        max_queue_size=max_queue_size,
        max_pending_per_client=max_pending_per_client,
        overflow=overflow,
        deadline=deadline,
        queue=queue,
        token=token,
        allowed_hosts=tuple(allowed_host or ()),
    )
    with server:
        freeze()
        typer.echo(f"The page is at {server.url}\nClients connect to {server.ws_url}\nPolicy: {policy}. Ctrl-C stops.")
        while server.running and not stop.wait(0.2):  # Event.wait without a time-out would keep Ctrl-C waiting
            pass
        died = not server.running
        stats = server.stats()
    if died:
        raise BatchdemoError(f"the server's thread ended by itself; its last words:\n{server.log!r}")
    typer.echo(f"Stopped, after {stats['batches']:,} batches and {stats['served']:,} replies.")


@app.command()
@kind
def send(
    numbers: Annotated[str, typer.Argument(help="The numbers to send: 1-18, or 3,1,4, or 1-5,10.")],
    to: Annotated[str, typer.Option(help="The server, as ws://127.0.0.1:8000/ws/{client_id}.")],
    clients: Clients = 1,
    rate: Annotated[float | None, typer.Option(help="Requests a second; all at once by default.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds of silence until the rest is given up.")] = None,
    max_batch_size: Annotated[int | None, typer.Option(help="Check that no batch was larger.")] = None,
    interval: Annotated[float | None, typer.Option(help="Check that batches came so many seconds apart.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Where to write the picture: png, svg or pdf.")] = None,
    as_json: AsJson = False,
) -> None:
    """Send numbers to any server, show what came back.

    The server may be in any language, as long as it speaks the tutorial's wire: text in, text out.

    Exit status 0 if no check fails; one that cannot be told from outside does not count against it.
    """
    from batchdemo.live.client import send as send_numbers  # noqa: PLC0415

    plot = _plot_path(plot)
    run = send_numbers(parse_numbers(numbers), to, clients=clients, arrivals=rate, timeout=timeout)
    checks = run.check(max_batch_size=max_batch_size, interval=interval)
    _show(run, as_json, plot, checks, lenient=True)


@app.command()
@kind
def lab(
    folder: Annotated[str, typer.Argument(help="Where the notebooks go, if they are not there yet.")] = COURSE,
    browser: Annotated[bool, typer.Option(help="Open a browser on it.")] = True,
    port: Annotated[int | None, typer.Option(help="JupyterLab's port; by default 8888 or the next free one.")] = None,
    further: Annotated[
        list[str] | None, typer.Argument(metavar="-- OPTIONS", help="Options for JupyterLab itself.")
    ] = None,
) -> None:
    """Get the course's notebooks, open JupyterLab on them.

    What is in the folder already is kept as it is, so the same command opens it again the next day.

    Ctrl-C ends it.
    """
    from batchdemo.course.handout import become, hand_out, lab_command  # noqa: PLC0415

    options = further or []
    if folder.startswith("-"):  # no folder was given, and what came after the -- was taken for one
        folder, options = COURSE, [folder, *options]
    path = Path(folder)
    command = lab_command(path, browser=browser, port=port, options=options)  # before anything is written
    done = hand_out(path)
    if done.copied:
        typer.echo(f"copied to {path}: {', '.join(done.copied)}")
    if done.kept:
        typer.echo(f"kept yours: {', '.join(done.kept)}")
    become(command)


@app.command()
def doctor(port: Annotated[int, typer.Option(help="The port that `serve` would take.")] = 8000) -> None:
    """Say what is wrong here, and how to mend it."""
    from batchdemo.course.handout import notebooks  # noqa: PLC0415
    from batchdemo.doctor import course, examine  # noqa: PLC0415

    findings = [*examine(port), course([name for name, _ in notebooks()])]
    for finding in findings:
        typer.echo(finding)
    bad = sum(finding.good is False for finding in findings)
    typer.echo(f"\n{'All is well.' if not bad else f'{bad} to mend.'}")
    raise typer.Exit(1 if bad else 0)


def parse_numbers(text: str) -> list[int]:
    """`1-18` or `3,1,4` or `1-5,10` as a list."""
    numbers: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(-?\d{1,16})(?:-(\d{1,16}))?", part)
        if not match or (match[2] and int(match[2]) < int(match[1])):
            refuse("numbers", "like 1-18, or 3,1,4, or 1-5,10", text)
        first, last = int(match[1]), int(match[2] or match[1])
        if last - first > 1_000_000:
            refuse("numbers", "1,000,000 at most", text)
        numbers.extend(range(first, last + 1))
    return numbers


def _plot_path(path: Path | None) -> Path | None:
    """Refused before the run and not after it: twenty seconds would be lost."""
    if path is None:
        return None
    if path.suffix not in (".png", ".svg", ".pdf"):
        refuse("--plot", "a file that ends in .png, .svg or .pdf", str(path))
    if not path.absolute().parent.is_dir():
        refuse("--plot", "in a folder that exists", str(path))
    return path


def _show(run: Run, as_json: bool, plot: Path | None, checks: Any = None, lenient: bool = False) -> None:
    from batchdemo.runs.show import batch_rows, save_picture  # noqa: PLC0415
    from batchdemo.runs.terminal import staircase  # noqa: PLC0415

    checks = run.check() if checks is None else checks
    if as_json:
        sys.stdout.write(run.to_json() + "\n")
    else:
        rows = "\n".join(batch_rows(run, most=40))
        typer.echo(f"{run.describe()}\n\n{checks}\n\n{rows}\n\n{staircase(run)}")
    if plot is not None:
        try:
            save_picture(run, plot)
        except OSError as error:
            raise BatchdemoError(f"--plot {plot} cannot be written: {error.strerror or error}.") from error
        typer.echo(f"\nThe picture is in {plot}", err=as_json)
    failed = any(verdict.holds is False for verdict in checks)
    raise typer.Exit(1 if failed or not (lenient or checks.ok) else 0)


def main() -> None:
    """The entry point. Text goes out as UTF-8 even where the locale would say otherwise."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    app()
